/** Explain and Explain Analyze: jobs that run EXPLAIN, and a page for each plan. Loaded on demand. */
import * as vscode from 'vscode';
import type { Fault } from '../../core/base/fault';
import type { Job, NewJob } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import { parsePlan } from '../../core/plans/planJson';
import { planText } from '../../core/plans/planText';
import type { SpoolFiles } from '../../core/results/spool/spoolStore';
import { classify } from '../../core/sql/classify/classify';
import { explainedStatement, explainText, type Explained, type ExplainMode } from '../../core/sql/explain/explainText';
import { excerptOf, truncateLabel } from '../../core/sql/labels';
import { splitStatements } from '../../core/sql/split/statements';
import { commandId } from '../base/commandIds';
import { Disposables } from '../base/disposables';
import { omit } from '../base/omit';
import { pageHtml, pageRoot } from '../base/pageHtml';
import { newPagePanel, PanelsByKey, type FilledPanel } from '../base/panelsByKey';
import * as ui from '../base/ui';
import type { ChangedLaunch, EditorCommands } from '../editor/editorCommands';
import type { EditorSnapshot } from '../editor/editorSnapshot';
import { EXPLAIN_MESSAGES } from '../messages/explainMessages';
import { messageFor } from '../messages/messages';
import { sqlText } from '../messages/sqlMessages';
import { parseFromPlanPage, type PlanInit } from '../../shared/planProtocol';
import { planInit } from './planPage';

const PLAN_VIEW_TYPE = 'pgBackground.plan';

export interface ExplainParts {
  readonly jobs: JobService;
  readonly files: SpoolFiles;
  readonly extensionUri: vscode.Uri;
  readonly editor: () => Promise<EditorCommands>;
}

export class Explain implements vscode.Disposable {
  readonly #panels = new PanelsByKey<string, PlanPanel>();
  /** What becomes of the changes of each job's statement. */
  readonly #notes = new Map<string, string>();

  readonly #parts: ExplainParts;

  constructor(parts: ExplainParts) {
    this.#parts = parts;
  }

  /**
   * Explains the statement at the cursor.
   * @param analyze also run it, if the user agrees
   * @param here the active editor when the user called the command
   * @returns the job's id; undefined if the user gives up
   * @throws with a message for the user if it cannot be explained
   */
  async run(analyze: boolean, here: EditorSnapshot | undefined): Promise<string | undefined> {
    const commands = await this.#parts.editor();
    let note = '';
    const id = await commands.runChanged(here, async (request, text) => {
      if (splitStatements(text).statements.length > 1) {
        throw refusal({ code: 'explain.severalStatements', params: { count: 2 } });
      }
      const found = explainedStatement(request.sql);
      if ('code' in found) throw refusal(found);
      const mode = analyze ? await askToAnalyze(request.sql, found) : 'plan';
      if (!mode) return undefined;
      note = noteOf(mode, found.writes);
      return changed(request, found, mode);
    });
    if (id !== undefined) this.#notes.set(id, note);
    return id;
  }

  /** Shows the plan of a job when the job has ended, or why there is none. */
  async showWhenEnded(id: string): Promise<void> {
    const job = await this.#parts.jobs.waitFor(id);
    if (job.state === 'succeeded') await this.#show(job);
    else if (job.state !== 'canceled') await vscode.commands.executeCommand(commandId('previewResults'), id);
  }

  dispose(): void {
    this.#panels.dispose();
  }

  async #show(job: Job): Promise<void> {
    const open = this.#panels.get(job.id);
    if (open) {
      open.panel.reveal();
      return;
    }
    const json = await this.#read(job);
    const plan = parsePlan(json);
    if ('code' in plan) throw refusal(plan);
    const { label } = job.record;
    const { extensionUri } = this.#parts;
    const panel = newPagePanel(extensionUri, PLAN_VIEW_TYPE, label, { viewColumn: vscode.ViewColumn.Beside });
    const init = planInit(plan, { title: label, note: this.#notes.get(job.id) ?? '' });
    const text = (): string => planText(plan, Infinity).text;
    this.#panels.add(job.id, new PlanPanel(panel, extensionUri, init, { id: job.id, json, text }));
  }

  async #read({ id, record }: Job): Promise<string> {
    const reader = await this.#parts.files.open(id, record.columns);
    try {
      const { rows } = await reader.status();
      return rows === 0 ? '' : ((await reader.cell(0, 0)) ?? '');
    } finally {
      await reader.close();
    }
  }
}

/** The page of one plan. */
class PlanPanel implements FilledPanel {
  readonly #disposables = new Disposables();

  constructor(
    readonly panel: vscode.WebviewPanel,
    extensionUri: vscode.Uri,
    init: PlanInit,
    plan: { readonly id: string; readonly json: string; readonly text: () => string },
  ) {
    const root = pageRoot(extensionUri);
    this.#disposables.add(
      panel.webview.onDidReceiveMessage(async (raw: unknown) => {
        switch (parseFromPlanPage(raw)?.type) {
          // The page also loads again when it was hidden.
          case 'ready':
            void panel.webview.postMessage(init);
            break;
          case 'copyText':
            await vscode.env.clipboard.writeText(plan.text());
            ui.setStatusBarMessage(vscode.l10n.t('The plan was copied.'), 3000);
            break;
          case 'openJson':
            await vscode.window.showTextDocument(
              await vscode.workspace.openTextDocument({ language: 'json', content: plan.json }),
            );
            break;
          case 'showJob':
            await vscode.commands.executeCommand(commandId('showResults'), plan.id);
            break;
          case undefined:
            break;
        }
      }),
    );
    panel.webview.html = pageHtml(panel.webview, root, 'plan', { ownMenu: false });
  }

  dispose(): void {
    this.#disposables.dispose();
  }
}

function refusal(fault: Fault): Error {
  return new Error(messageFor(EXPLAIN_MESSAGES, fault));
}

function changed(request: NewJob, found: Explained, mode: ExplainMode): ChangedLaunch {
  const { sql, sourceOffset } = explainText(request.sql, found, mode);
  return {
    // Its rows are the plan, and this window shows it.
    request: {
      ...omit(request, 'into', 'notify'),
      sql,
      label: truncateLabel(`Explain: ${request.label}`),
      durable: false,
    },
    sourceOffset,
    // The status above the statement would look as if it had been run for good.
    tracked: mode !== 'rollBack',
  };
}

/** Asks before the statement is run. @returns undefined if the user gives up */
async function askToAnalyze(sql: string, found: Explained): Promise<ExplainMode | undefined> {
  const { start, end, writes } = found;
  const { unboundedWrite } = classify(sql, found);
  const run = vscode.l10n.t('Run');
  const rollBack = vscode.l10n.t('Run and Roll Back');
  const keep = vscode.l10n.t('Run and Keep Changes');
  const detail = [
    excerptOf(sql.slice(start, end)),
    unboundedWrite && sqlText({ code: 'sql.unboundedWrite', params: { command: unboundedWrite } }),
    writes
      ? vscode.l10n.t(
          'With “{0}”, its changes are undone, except those outside of the transaction, such as the values of sequences. It holds its locks until then. With “{1}”, its changes are kept.',
          rollBack,
          keep,
        )
      : vscode.l10n.t('Functions that it calls take effect.'),
  ];
  const choice = await ui.showWarningMessage(
    vscode.l10n.t('Explain Analyze really runs the statement, to measure it. Run it?'),
    { modal: true, detail: detail.filter((part) => part !== undefined).join('\n\n') },
    ...(writes ? [rollBack, keep] : [run]),
  );
  if (choice === undefined) return undefined;
  return choice === rollBack ? 'rollBack' : 'keep';
}

function noteOf(mode: ExplainMode, writes: boolean): string {
  switch (mode) {
    case 'plan':
      return vscode.l10n.t('Estimates of the planner. The statement was not run.');
    case 'rollBack':
      return vscode.l10n.t('Measured. The statement was run, and its changes were rolled back.');
    case 'keep':
      return writes
        ? vscode.l10n.t('Measured. The statement was run, and its changes were kept.')
        : vscode.l10n.t('Measured. The statement was run.');
  }
}

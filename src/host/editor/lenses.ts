import * as vscode from 'vscode';
import { systemClock } from '../../core/base/clock';
import type { JobInfo } from '../../api';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import { Disposables } from '../base/disposables';
import { commandId } from '../base/commandIds';
import { affectsSetting, readSetting } from '../base/settings';
import { jobInfo } from '../messages/jobInfo';
import { isSql } from './languages';
import { headAt, type LensTarget } from './lensTarget';
import { lensesOf, MAX_STATEMENTS, type Lens } from './lensModel';
import { LensRefresh } from './lensRefresh';
import type { JobRanges } from './jobRanges';
import type { StatementCache } from './statementCache';
import { lensTexts } from '../messages/editorTexts';

/** The delay of updates while the user scrolls. Milliseconds. */
const SCROLL_MS = 150;

/** The lenses above statements. They are updated when a job's state changes, and each second while a visible job runs. */
export class StatementLenses implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changed.event;
  readonly #disposables = new Disposables();
  readonly #texts = lensTexts();
  readonly #states = new Map<string, string>();
  readonly #refresh: LensRefresh;

  readonly #cache: StatementCache;
  readonly #jobRanges: JobRanges;
  readonly #jobs: JobService;

  constructor(cache: StatementCache, jobRanges: JobRanges, jobs: JobService) {
    this.#cache = cache;
    this.#jobRanges = jobRanges;
    this.#jobs = jobs;

    this.#refresh = new LensRefresh({
      clock: systemClock,
      notify: () => this.#changed.fire(),
      visible: () => this.#visible().length > 0,
      ticking: () => this.#visible().some((document) => this.#hasRunningJob(document)),
    });
    this.#disposables.add(this.#changed);
    this.#disposables.add(this.#refresh);
    this.#disposables.add(
      jobs.onDidChange((job) => {
        // Progress is frequent; the ticks show it.
        if (this.#states.get(job.id) === job.state || !jobRanges.get(job.id)) return;
        this.#states.set(job.id, job.state);
        this.refresh();
      }),
    );
    this.#disposables.add(
      jobs.onDidRemove((ids) => {
        for (const id of ids) this.#states.delete(id);
        this.refresh();
      }),
    );
    this.#disposables.add(
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (affectsSetting(event, 'codeLens')) this.refresh();
      }),
    );
    this.#disposables.add(
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor: { document } }) => {
        // With few statements, all have lenses already.
        if (!isSql(document) || !readSetting('codeLens', document)) return;
        if (cache.get(document).split.statements.length > MAX_STATEMENTS) this.refresh(SCROLL_MS);
      }),
    );
    this.#disposables.add(
      vscode.window.onDidChangeVisibleTextEditors(() => {
        // VS Code does not request lenses for hidden editors, so earlier changes must be reported again.
        if (this.#visible().length > 0) this.refresh();
      }),
    );
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    if (!readSetting('codeLens', document)) return [];
    const { text, split } = this.#cache.get(document);
    const visible = vscode.window.visibleTextEditors
      .filter((editor) => editor.document === document)
      .flatMap((editor) => editor.visibleRanges)
      .map(({ start, end }) => ({ start: document.offsetAt(start), end: document.offsetAt(end) }));
    const lenses = lensesOf({
      text,
      split,
      visible,
      jobRanges: this.#jobRanges.of(document.uri.toString()),
      job: (id) => infoOf(this.#jobs.get(id)),
      now: Date.now(),
      texts: this.#texts,
    });
    this.#refresh.requested();
    return lenses.map((lens) => {
      const at = document.positionAt(lens.offset);
      return new vscode.CodeLens(new vscode.Range(at, at), commandOf(lens, document, text));
    });
  }

  /** Updates the lenses. @param delay milliseconds */
  refresh(delay?: number): void {
    this.#refresh.schedule(delay);
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  /** The visible documents with lenses. */
  #visible(): readonly vscode.TextDocument[] {
    return vscode.window.visibleTextEditors
      .map(({ document }) => document)
      .filter((document) => isSql(document) && readSetting('codeLens', document));
  }

  #hasRunningJob(document: vscode.TextDocument): boolean {
    return this.#jobRanges.of(document.uri.toString()).some(({ jobId }) => this.#jobs.get(jobId)?.final === false);
  }
}

/** The state of a job, with the text of its error. */
function infoOf(job: Job | undefined): JobInfo | undefined {
  return job && jobInfo(job);
}

function commandOf(
  { action, title, jobId, jobIds, offset }: Lens,
  document: vscode.TextDocument,
  text: string,
): vscode.Command {
  switch (action) {
    case 'run': {
      const target: LensTarget = {
        uri: document.uri.toString(),
        offset,
        head: headAt(text, offset),
        version: document.version,
      };
      return { title, command: commandId('runStatementInBackground'), arguments: [target] };
    }
    case 'jobs':
      return { title, command: commandId('pickJobOfStatement'), arguments: [jobIds] };
    case 'cancel':
      return { title, command: commandId('cancelJob'), arguments: [jobId] };
    case 'results':
      return { title, command: commandId('showResults'), arguments: [jobId] };
    case 'details':
      return { title, command: commandId('showJobDetails'), arguments: [jobId] };
  }
}

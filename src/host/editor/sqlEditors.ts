import * as vscode from 'vscode';
import * as ui from '../base/ui';
import type { Job } from '../../core/jobs/job';
import { ownRequest } from '../../core/jobs/batches/batchSession';
import type { JobService } from '../../core/jobs/jobService';
import { statementAt } from '../../core/sql/split/statements';
import type { Launcher } from '../launch/launcher';
import type { Connections } from '../connections/connections';
import { Disposables } from '../base/disposables';
import { once } from '../base/once';
import { DirectiveProvider } from './directiveProvider';
import { failureLocation, showFailure, type FailureLocation } from './failures';
import { FileConnection } from './fileConnection';
import type { FileDefaultsStore } from './fileDefaults';
import { SQL_SELECTOR } from './languages';
import { StatementLenses } from './lenses';
import { JobRanges } from './jobRanges';
import { EditorDiagnostics } from './editorDiagnostics';
import { QuickFixes } from './quickFixes';
import type { EditorCommands } from './editorCommands';
import type { EditorSnapshot } from './editorSnapshot';
import { editsOf, StatementCache } from './statementCache';
import { EditorTargets } from './editorTargets';

/** A job that was run again, and the new job. */
export interface Rerun {
  readonly from: string;
  readonly to: string;
}

export interface EditorParts {
  readonly jobs: JobService;
  readonly connections: Connections;
  readonly launcher: Launcher;
  readonly memory: vscode.Memento;
  readonly defaults: FileDefaultsStore;
}

/** Creates and connects all features for SQL editors. Loaded when they are first needed; see editorFeatures.ts. */
export class SqlEditors implements vscode.Disposable {
  /** The commands that launch SQL, loaded with the first one. */
  readonly commands: () => Promise<EditorCommands>;
  readonly fileConnection: FileConnection;
  readonly #jobs: JobService;
  readonly #jobRanges = new JobRanges();
  readonly #cache: StatementCache;
  readonly #diagnostics: EditorDiagnostics;
  readonly #lenses: StatementLenses;
  /** Failed jobs from before a reload, by document, until their documents are opened. */
  readonly #failures = new Map<string, Job[]>();
  readonly #disposables = new Disposables();

  constructor({ jobs, connections, launcher, memory, defaults }: EditorParts) {
    this.#jobs = jobs;
    const own = this.#disposables;
    const cache = (this.#cache = own.add(new StatementCache()));
    this.#diagnostics = own.add(new EditorDiagnostics(cache));
    this.fileConnection = own.add(new FileConnection(connections, launcher, defaults, cache));
    this.#lenses = own.add(new StatementLenses(cache, this.#jobRanges, jobs));
    this.commands = once(async () => {
      const [{ EditorCommands: Commands }, { LaunchPreparer }] = await Promise.all([
        import('./editorCommands'),
        import('./prepareLaunch'),
      ]);
      return own.add(
        new Commands({
          jobs,
          launcher,
          memory,
          defaults,
          jobRanges: this.#jobRanges,
          targets: new EditorTargets(cache),
          preparer: new LaunchPreparer(connections, launcher, defaults, this.fileConnection, this.#diagnostics),
          launched: (job) => this.#showWhenFailed(job),
        }),
      );
    });
    const directives = new DirectiveProvider(cache, connections);
    own.add(ui.registerCodeLensProvider(SQL_SELECTOR, this.#lenses));
    own.add(vscode.languages.registerCompletionItemProvider(SQL_SELECTOR, directives, ':'));
    own.add(vscode.languages.registerHoverProvider(SQL_SELECTOR, directives));
    own.add(
      vscode.languages.registerCodeActionsProvider(SQL_SELECTOR, new QuickFixes(this.#diagnostics), {
        providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
      }),
    );
    own.add(
      jobs.onDidRemove((ids) => {
        this.#jobRanges.forget(ids);
        this.#diagnostics.forget(ids);
      }),
    );
    this.#trackDocuments();
  }

  /** Shows jobs from before a reload at their texts. */
  restore(jobs: readonly Job[]): void {
    for (const job of jobs) {
      const { source } = job.record;
      if (source === undefined || this.#jobRanges.get(job.id)) continue;
      const { uri: document, kind, start, text = ownRequest(job.record).sql } = source;
      this.#jobRanges.restore({ jobId: job.id, document, kind, text, start, verbatim: source.text === undefined });
      if (job.state === 'failed') this.#failures.set(document, [...(this.#failures.get(document) ?? []), job]);
      if (!job.final) this.#showWhenFailed(job);
    }
    for (const document of vscode.workspace.textDocuments) this.#reopen(document);
    this.#lenses.refresh();
  }

  /** A job was run again: the new job belongs to the text of the first one. */
  repeat({ from, to }: Rerun): void {
    const before = this.#jobs.get(from);
    const job = this.#jobs.get(to);
    this.#jobRanges.repeat(from, to, before && job ? prefixLength(before, job) : 0);
    const jobRange = this.#jobRanges.get(to);
    if (!jobRange || !job) return;
    this.#diagnostics.clear(vscode.Uri.parse(jobRange.document), jobRange.span);
    this.#showWhenFailed(job);
  }

  /** The location of a failed job's error in its file. @returns undefined if the text has changed */
  failureLocation(job: Job): Promise<FailureLocation | undefined> {
    return failureLocation(job, this.#jobRanges);
  }

  /** The ids of the jobs of the statement at the cursor, newest first. */
  jobsAtCursor({ document, selections: [selection] }: EditorSnapshot): string[] {
    const own = this.#jobRanges.of(document.uri.toString());
    if (own.length === 0 || !selection) return [];
    const at = document.offsetAt(selection.active);
    const { text, split } = this.#cache.get(document);
    const statement = statementAt(split, at, text);
    // The comments above a statement belong to it.
    const { leadStart: start, end } = statement ?? { leadStart: at, end: at };
    return own
      .filter(({ span }) => span.start <= end && span.end >= start)
      .map(({ jobId }) => jobId)
      .toReversed();
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #reopen(document: vscode.TextDocument): void {
    const uri = document.uri.toString();
    this.#jobRanges.reopen(uri, () => document.getText());
    this.#diagnostics.reopen(document);
    const failures = this.#failures.get(uri);
    this.#failures.delete(uri);
    for (const job of failures ?? []) {
      // If the text was run again, its earlier error is obsolete.
      if (this.#jobRanges.isNewest(job.id)) void showFailure(job, this.#jobRanges, this.#diagnostics);
    }
  }

  /** Updates the lenses, and shows the error if the job fails. */
  #showWhenFailed(job: Job): void {
    this.#lenses.refresh();
    void job.ended.then(async () => {
      await showFailure(job, this.#jobRanges, this.#diagnostics);
      this.#jobRanges.settle(job.id);
      this.#lenses.refresh();
    });
  }

  /** Moves ranges and diagnostics when their documents change. */
  #trackDocuments(): void {
    const { workspace } = vscode;
    this.#disposables.add(
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length === 0) return;
        const edits = editsOf(contentChanges);
        this.#jobRanges.edit(document.uri.toString(), edits, ({ start, end }) =>
          document.getText(new vscode.Range(document.positionAt(start), document.positionAt(end))),
        );
        this.#diagnostics.edit(document, edits);
      }),
    );
    this.#disposables.add(
      workspace.onDidOpenTextDocument((document) => {
        this.#reopen(document);
      }),
    );
    this.#disposables.add(
      workspace.onDidCloseTextDocument((document) => {
        // An untitled document cannot be opened again.
        if (!document.isUntitled) return;
        this.#jobRanges.drop(document.uri.toString());
        this.#diagnostics.drop(document.uri);
      }),
    );
  }
}

/** The length of what a statement of a batch had taken over, if it is run again alone: then its SQL includes it. */
function prefixLength(before: Job, again: Job): number {
  return again.record.batch ? 0 : again.record.request.sql.length - ownRequest(before.record).sql.length;
}

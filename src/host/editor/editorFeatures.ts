import * as vscode from 'vscode';
import * as ui from '../base/ui';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import { statementAt } from '../../core/sql/split/statements';
import type { Launcher } from '../launch/launcher';
import type { Connections } from '../connections/connections';
import { Disposables } from '../base/disposables';
import { DirectiveProvider } from './directives';
import { failurePlace, showFailure, type FailurePlace } from './failures';
import { FileConnection } from './fileConnection';
import { FileDefaultsStore } from './fileDefaults';
import { SQL_SELECTOR } from './languages';
import { StatementLenses } from './lenses';
import type { Notifications } from '../jobs/notifications';
import { Origins } from './jobRanges';
import { Preparation } from '../launch/prepareLaunch';
import { Problems } from './diagnostics';
import { QuickFixes } from './quickFixes';
import { EditorRunner } from './editorCommands';
import { editsOf, StatementCache } from './statementCache';
import { Targets } from './editorTargets';

/** Everything that the extension does in SQL editors, wired together. */
export class EditorFeatures implements vscode.Disposable {
  readonly runner: EditorRunner;
  readonly fileConnection: FileConnection;
  readonly #origins = new Origins();
  readonly #cache: StatementCache;
  readonly #problems: Problems;
  readonly #lenses: StatementLenses;
  /** Failed jobs of before a reload whose documents have not been open since. */
  readonly #failures = new Map<string, Job[]>();
  readonly #disposables = new Disposables();

  constructor(
    jobs: JobService,
    connections: Connections,
    launcher: Launcher,
    notifications: Notifications,
    memory: vscode.Memento,
  ) {
    const own = this.#disposables;
    const cache = (this.#cache = own.add(new StatementCache()));
    const defaults = own.add(new FileDefaultsStore(memory));
    this.#problems = own.add(new Problems(cache));
    this.fileConnection = own.add(new FileConnection(connections, launcher, defaults, cache));
    this.#lenses = own.add(new StatementLenses(cache, this.#origins, jobs));
    this.runner = own.add(
      new EditorRunner({
        jobs,
        launcher,
        defaults,
        origins: this.#origins,
        targets: new Targets(cache),
        preparation: new Preparation(connections, launcher, defaults, this.fileConnection, this.#problems),
        notify: notifications,
        launched: (job) => this.#watch(job),
      }),
    );
    const directives = new DirectiveProvider(cache, connections);
    own.add(ui.registerCodeLensProvider(SQL_SELECTOR, this.#lenses));
    own.add(vscode.languages.registerCompletionItemProvider(SQL_SELECTOR, directives, ':'));
    own.add(vscode.languages.registerHoverProvider(SQL_SELECTOR, directives));
    own.add(
      vscode.languages.registerCodeActionsProvider(SQL_SELECTOR, new QuickFixes(this.#problems), {
        providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
      }),
    );
    own.add(
      launcher.onDidRerun(({ from, to }) => {
        this.#origins.repeat(from, to);
        const origin = this.#origins.get(to);
        const job = jobs.get(to);
        if (!origin || !job) return;
        this.#problems.clear(vscode.Uri.parse(origin.document), origin.span);
        this.#watch(job);
      }),
    );
    own.add(
      jobs.onDidRemove((ids) => {
        this.#origins.forget(ids);
        this.#problems.forget(ids);
      }),
    );
    this.#follow();
  }

  /** Shows the jobs of before a reload at their texts again. */
  restore(jobs: readonly Job[]): void {
    for (const job of jobs) {
      const { source, request } = job.record;
      if (source === undefined || this.#origins.get(job.id)) continue;
      const { uri: document, kind, start, text = request.sql } = source;
      this.#origins.restore({ jobId: job.id, document, kind, text, start, verbatim: source.text === undefined });
      if (job.state === 'failed') this.#failures.set(document, [...(this.#failures.get(document) ?? []), job]);
      if (!job.final) this.#watch(job);
    }
    for (const document of vscode.workspace.textDocuments) this.#reopen(document);
    this.#lenses.refresh();
  }

  /** Where the error of a failed job is in its file; undefined if that text is another one by now. */
  failurePlace(job: Job): Promise<FailurePlace | undefined> {
    return failurePlace(job, this.#origins);
  }

  /** The jobs of the text at the cursor of the active editor, the newest first. */
  jobsAtCursor(): string[] {
    const editor = vscode.window.activeTextEditor;
    if (!editor) return [];
    const { document, selection } = editor;
    const own = this.#origins.of(document.uri.toString());
    if (own.length === 0) return [];
    const at = document.offsetAt(selection.active);
    const { text, split } = this.#cache.get(document);
    const statement = statementAt(split, at, text);
    // The comments above a statement are of it.
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
    this.#origins.reopen(uri, () => document.getText());
    this.#problems.reopen(document);
    const failures = this.#failures.get(uri);
    this.#failures.delete(uri);
    for (const job of failures ?? []) {
      // An error of a text that was run again since is history.
      if (this.#origins.isNewest(job.id)) void showFailure(job, this.#origins, this.#problems);
    }
  }

  /** Shows a job at its place, and its error when it fails. */
  #watch(job: Job): void {
    this.#lenses.refresh();
    void job.ended.then(async () => {
      await showFailure(job, this.#origins, this.#problems);
      this.#origins.settle(job.id);
      this.#lenses.refresh();
    });
  }

  /** Keeps places and entries where their text is. */
  #follow(): void {
    const { workspace } = vscode;
    this.#disposables.add(
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length === 0) return;
        const edits = editsOf(contentChanges);
        this.#origins.edit(document.uri.toString(), edits, ({ start, end }) =>
          document.getText(new vscode.Range(document.positionAt(start), document.positionAt(end))),
        );
        this.#problems.edit(document, edits);
      }),
    );
    this.#disposables.add(
      workspace.onDidOpenTextDocument((document) => {
        this.#reopen(document);
      }),
    );
    this.#disposables.add(
      workspace.onDidCloseTextDocument((document) => {
        // Nothing untitled can be opened again.
        if (!document.isUntitled) return;
        this.#origins.drop(document.uri.toString());
        // VS Code gives its name to the next one.
        void this.fileConnection.forget(document.uri);
        this.#problems.drop(document.uri);
      }),
    );
  }
}

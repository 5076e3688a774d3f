import * as vscode from 'vscode';
import type { RunOptions } from '../launch/request';
import type { JobService } from '../../core/jobs/jobService';
import type { Job, JobSource } from '../../core/jobs/job';
import { askOptions } from '../launch/options';
import type { Launcher } from '../launch/launcher';
import { without } from '../base/omit';
import type { FileDefaultsStore } from './fileDefaults';
import { Flash } from './flashRange';
import { isSql } from './languages';
import type { LensTarget } from './lenses';
import type { Notifications } from '../jobs/notifications';
import type { Origin, Origins, Place } from './jobRanges';
import type { Preparation, Prepared } from '../launch/prepareLaunch';
import { rangeOf } from './diagnostics';
import { RepeatedRequests } from '../base/repeatedRequests';
import { scriptConcerns } from '../../core/sql/psql/scriptConcerns';
import type { LeftOut } from '../../core/sql/psql/scriptSteps';
import { askScript, concernText, leftOutText, type ScriptAnswer } from '../launch/scriptQuestions';
import { bySource, runInOrder } from './runEach';
import type { Target, Targets } from './editorTargets';
import * as ui from '../base/ui';

export interface RunnerParts {
  readonly jobs: JobService;
  readonly launcher: Launcher;
  readonly targets: Targets;
  readonly preparation: Preparation;
  readonly defaults: FileDefaultsStore;
  readonly origins: Origins;
  readonly notify: Notifications;
  /** Called when a job has its place in a text. */
  readonly launched: (job: Job) => void;
}

/** The commands that run what is in an editor or a file. Each returns the ids of the jobs that it launched. */
export class EditorRunner implements vscode.Disposable {
  readonly #flash = new Flash();
  readonly #repeats = new RepeatedRequests(() => performance.now());
  /** Where the targets are that are about to be launched. */
  readonly #places = new Map<Target, Place>();

  readonly #parts: RunnerParts;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Each selection, else the statement under each cursor. */
  async run(): Promise<string[]> {
    const targets = this.#inActiveEditor();
    return targets ? this.#launch(targets) : [];
  }

  /** The same, with everything that a launch can be given asked for in one flow. */
  async runWithOptions(): Promise<string[]> {
    const targets = this.#inActiveEditor();
    const [first] = targets ?? [];
    if (!targets || !first) return [];
    const { launcher, preparation, defaults } = this.#parts;
    const options = preparation.optionsOf(first);
    const connections = launcher.connectionItems(first.uri);
    if (connections.length === 0) {
      await launcher.addFirstConnection();
      return [];
    }
    return this.#following(targets, async () => {
      const answer = await askOptions({
        title: vscode.l10n.t('Run in Background with Options'),
        jobs: targets.length,
        options: targets.length === 1 ? options : without(options, 'label'),
        connections,
        canSave: true,
      });
      if (!answer) return [];
      if (answer.saveAsDefaults) await defaults.set(first.uri, without(answer.options, 'label'));
      return this.#launch(targets, answer.options);
    });
  }

  /** The statement that a lens stands over. */
  async runLens(lens: LensTarget): Promise<string[]> {
    const target = this.#parts.targets.ofLens(lens);
    if (!target) throw new Error(vscode.l10n.t('The text has changed in the meantime. Try again.'));
    const editor = vscode.window.visibleTextEditors.find(({ document }) => document === target.document);
    if (editor) this.#show(editor, [target]);
    return this.#launch([target]);
  }

  /** Whole files, each as one job and so in one transaction; the active editor's where none is given. */
  async runFiles(uris: readonly vscode.Uri[]): Promise<string[]> {
    const files = uris.length > 0 ? uris : [this.#activeSql().document.uri];
    return this.#launch(await Promise.all(files.map((uri) => this.#parts.targets.file(uri))));
  }

  /** Every statement of the selection, the editor or the files, one after the other. Resolves when all is over. */
  async runEach(uris: readonly vscode.Uri[]): Promise<string[]> {
    const { targets: find, preparation } = this.#parts;
    const documents = await Promise.all(uris.map((uri) => vscode.workspace.openTextDocument(uri)));
    const editor = documents.length === 0 ? this.#activeSql() : undefined;
    const scripts = editor ? [find.eachInEditor(editor)] : documents.map((document) => find.each(document));
    const targets = scripts.flatMap((script) => script.targets);
    const leftOut = scripts.flatMap((script) => script.leftOut.map((one) => ({ ...one, document: script.document })));
    if (targets.length === 0 && leftOut.length === 0) {
      void ui.showInformationMessage(vscode.l10n.t('Nothing here to run: there is no statement.'));
      return [];
    }
    let skipped = 0;
    for (const document of editor ? [editor.document] : documents) {
      const commands = find.psqlCommands(document, editor?.selections);
      if (!preparation.acceptsCommands(document, commands.refused)) return [];
      skipped += commands.skipped;
    }
    return this.#following(targets, async () => {
      const prepared = await preparation.prepare(targets);
      if (!prepared) return [];
      const answer = await this.#askScript(prepared, leftOut);
      if (answer === undefined) return [];
      if (answer === 'oneJob') return editor ? this.#launch(find.together(editor)) : this.runFiles(uris);
      return runInOrder(prepared, {
        skipped,
        copies: scripts.reduce((sum, { copies }) => sum + copies, 0),
        start: (one) => this.#start(one),
        cancel: (job) => this.#parts.jobs.cancel(job.id),
      });
    });
  }

  /** Says before anything runs what would not be as in psql, if anything. */
  #askScript(
    prepared: readonly Prepared[],
    leftOut: readonly (LeftOut & { readonly document: vscode.TextDocument })[],
  ): Promise<ScriptAnswer> {
    const lines = leftOut.map(({ code, start, document }) => ({
      line: document.positionAt(start).line + 1,
      text: leftOutText(code),
    }));
    // Each file has a session of its own.
    for (const { own } of bySource(prepared)) {
      for (const { code, step, start, subject } of scriptConcerns(own.map(({ request }) => request.sql))) {
        const one = own[step];
        const { document, piece } = one?.target ?? {};
        const offset = (piece?.start ?? 0) + (one?.sourceOffset(start) ?? 0);
        lines.push({ line: (document?.positionAt(offset).line ?? 0) + 1, text: concernText(code, subject) });
      }
    }
    if (lines.length === 0) return Promise.resolve('run');
    return askScript(lines, leftOut.length === 0);
  }

  dispose(): void {
    this.#flash.dispose();
  }

  /** @param chosen all options, in place of those of comments and the file's defaults */
  async #launch(targets: readonly Target[], chosen?: RunOptions): Promise<string[]> {
    const key = targets.map(({ uri, piece }) => `${uri.toString()}#${piece.start}-${piece.end}`).join(' ');
    if (this.#repeats.isRepeat(key)) {
      ui.setStatusBarMessage(vscode.l10n.t('Ignored a second launch of the same SQL within a second.'), 3000);
      return [];
    }
    return this.#following(targets, async () => {
      const prepared = await this.#parts.preparation.prepare(targets, chosen);
      if (!prepared) this.#repeats.forget(key);
      return (prepared ?? []).map((one) => this.#start(one).id);
    });
  }

  /** Follows the targets in their documents until they are launched: while questions are asked, the text may be edited. */
  async #following<T>(targets: readonly Target[], work: () => Promise<T>): Promise<T> {
    const { origins } = this.#parts;
    const own = targets.filter(({ document }) => document !== undefined).filter((target) => !this.#places.has(target));
    for (const target of own) this.#places.set(target, origins.follow(target.uri.toString(), target.piece));
    try {
      return await work();
    } finally {
      for (const target of own) {
        const place = this.#places.get(target);
        if (place) origins.release(place);
        this.#places.delete(target);
      }
    }
  }

  #start({ target, request, sourceOffset, notify }: Prepared): Job {
    const { jobs, origins, launched } = this.#parts;
    const place = this.#places.get(target);
    const source = place && sourceOf(origins.pending(place), request.sql);
    const job = jobs.run(source === undefined ? request : { ...request, source });
    if (place) origins.add({ jobId: job.id, place, sourceOffset });
    this.#places.delete(target);
    if (notify) this.#parts.notify.add(job.id);
    launched(job);
    return job;
  }

  /** What is to be run in the active editor, highlighted; says so where there is nothing. */
  #inActiveEditor(): Target[] | undefined {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      void ui.showInformationMessage(
        vscode.l10n.t('Open a SQL file first, and put the cursor in the statement to run.'),
      );
      return undefined;
    }
    const targets = this.#parts.targets.inEditor(editor);
    if (targets.length > 0) {
      this.#show(editor, targets);
      return targets;
    }
    void ui.showInformationMessage(
      isSql(editor.document)
        ? vscode.l10n.t('Nothing here to run: put the cursor in a statement, or select what to run.')
        : vscode.l10n.t('Nothing here to run: this is no SQL file. Select the SQL to run in it.'),
    );
    return undefined;
  }

  #show(editor: vscode.TextEditor, targets: readonly Target[]): void {
    this.#flash.show(
      editor,
      targets.map(({ piece }) => rangeOf(editor.document, piece)),
    );
  }

  #activeSql(): vscode.TextEditor {
    const editor = vscode.window.activeTextEditor;
    if (!editor) throw new Error(vscode.l10n.t('Open a SQL file first, and put the cursor in the statement to run.'));
    return editor;
  }
}

/** A text that differs from the SQL that is sent is kept with the job up to this length, in UTF-16 code units. */
const MAX_SOURCE = 100_000;

/** What is kept with a job, so that its status can be shown at its text after a reload. */
function sourceOf(origin: Origin | undefined, sql: string): JobSource | undefined {
  if (!origin || (origin.text !== sql && origin.text.length > MAX_SOURCE)) return undefined;
  const { document: uri, kind, text, span } = origin;
  return { uri, kind, start: span.start, ...(text === sql ? {} : { text }) };
}

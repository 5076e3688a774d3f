import * as vscode from 'vscode';
import type { BatchOptions } from '../../core/jobs/batches/batchPart';
import type { Job, JobSource, NewJob } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import { labelFromSql } from '../../core/sql/labels';
import { SessionSettings } from '../../core/sql/settings/sessionSettings';
import { omit } from '../base/omit';
import { RepeatedRequests } from '../base/repeatedRequests';
import * as ui from '../base/ui';
import { askAfter, askBatch, askConnections, askWhatAfter } from '../launch/batchQuestions';
import type { BatchLauncher } from '../launch/batchLauncher';
import type { Launcher } from '../launch/launcher';
import { askOptions } from '../launch/options';
import type { RunOptions } from '../launch/request';
import { copiesText, skippedText } from '../messages/editorTexts';
import { rangeOf } from './editorDiagnostics';
import { assertUnchanged, textChanged, type EditorSnapshot } from './editorSnapshot';
import type { EditorTargets, SqlTarget } from './editorTargets';
import type { FileDefaultsStore } from './fileDefaults';
import { RangeFlash } from './flashRange';
import type { JobRange, JobRanges } from './jobRanges';
import { isSql } from './languages';
import type { LensTarget } from './lensTarget';
import type { PreparedLaunch } from './preparedLaunch';
import type { LaunchPreparer } from './prepareLaunch';
import { askAboutScript, batchLabel, sessionsOf, withModes } from './runEach';
import { withSession } from './scriptSession';
import type { TaskLaunch } from './taskLaunch';

export interface EditorCommandsParts {
  readonly jobs: JobService;
  readonly launcher: Launcher;
  readonly targets: EditorTargets;
  readonly preparer: LaunchPreparer;
  readonly defaults: FileDefaultsStore;
  readonly jobRanges: JobRanges;
  readonly memory: vscode.Memento;
  /** Called after a job was launched and its range is known. */
  readonly launched: (job: Job) => void;
}

/** A request with other SQL. */
export interface ChangedLaunch {
  readonly request: NewJob;
  /** Maps an offset in it to one in the SQL of the original request. */
  readonly sourceOffset: (offset: number) => number;
  /** Whether the status is shown at the statement. */
  readonly tracked: boolean;
}

/**
 * The commands that run SQL of an editor or a file. Each returns the ids of the launched jobs. `here` is the active editor when the user
 * called the command.
 */
export class EditorCommands implements vscode.Disposable {
  readonly #flash = new RangeFlash();
  readonly #repeats = new RepeatedRequests(() => performance.now());

  readonly #parts: EditorCommandsParts;

  constructor(parts: EditorCommandsParts) {
    this.#parts = parts;
  }

  /** Runs each selection or, if nothing is selected, the statement at each cursor. */
  async run(here: EditorSnapshot | undefined): Promise<string[]> {
    const targets = this.#inEditor(here);
    return targets ? this.#launch(targets) : [];
  }

  /** Like {@link run}, but first asks for all options of the launch. */
  async runWithOptions(here: EditorSnapshot | undefined): Promise<string[]> {
    const targets = this.#inEditor(here);
    const [first] = targets ?? [];
    if (!targets || !first) return [];
    const { launcher, preparer, defaults } = this.#parts;
    const options = preparer.optionsOf(first);
    const connections = launcher.connectionItems(first.uri);
    if (connections.length === 0) {
      await launcher.addFirstConnection();
      return [];
    }
    return this.#whileTracked(targets, async (tracked) => {
      const answer = await askOptions({
        title: vscode.l10n.t('Run in Background with Options'),
        jobs: tracked.length,
        options: tracked.length === 1 ? options : omit(options, 'label'),
        connections,
        canSave: true,
      });
      if (!answer) return [];
      if (answer.saveAsDefaults) await defaults.set(first.uri, omit(answer.options, 'label', 'into'));
      return this.#launch(tracked, answer.options);
    });
  }

  /** The SQL that {@link run} would launch as one job, after its checks and questions. Undefined if there is none, or the user gives up. */
  async prepareOne(here: EditorSnapshot | undefined): Promise<NewJob | undefined> {
    const target = this.#oneInEditor(here);
    if (!target) return undefined;
    const [prepared] = (await this.#parts.preparer.prepare([target])) ?? [];
    return prepared?.request;
  }

  /**
   * Runs the statement at the cursor in another form. There are no questions about statements that change every row.
   * @param change receives the request and the text in the editor. Nothing runs if it returns undefined
   */
  async runChanged(
    here: EditorSnapshot | undefined,
    change: (request: NewJob, text: string) => Promise<ChangedLaunch | undefined>,
  ): Promise<string | undefined> {
    const target = this.#oneInEditor(here);
    if (!target) return undefined;
    return this.#whileTracked([target], async (tracked) => {
      const [prepared] = (await this.#parts.preparer.prepare(tracked, undefined, { asksAboutWrites: false })) ?? [];
      const changed = prepared && (await change(prepared.request, prepared.target.range.text));
      if (!changed) return undefined;
      const { request, sourceOffset } = changed;
      const target = changed.tracked ? prepared.target : omit(prepared.target, 'pending');
      const launch = { ...prepared, target, request };
      const [id] = await this.#start([{ ...launch, sourceOffset: (at) => prepared.sourceOffset(sourceOffset(at)) }]);
      return id;
    });
  }

  /** Runs the statement at the cursor, or the selection, on several connections that the user chooses: one job for each, as one batch. */
  async runOnConnections(here: EditorSnapshot | undefined): Promise<string[]> {
    const target = this.#oneInEditor(here);
    if (!target) return [];
    const { launcher, preparer } = this.#parts;
    const connections = await askConnections(launcher.connectionItems(target.uri));
    if (!connections || connections.length === 0) return [];
    return this.#whileTracked(
      connections.map(() => target),
      async (tracked) => {
        const prepared = await preparer.prepare(tracked, undefined, { connections });
        if (!prepared) return [];
        // A durable batch belongs to one server.
        const launches = prepared.map((launch) => ({ ...launch, request: { ...launch.request, durable: false } }));
        const label = launches[0]?.request.label ?? '';
        return this.#startTogether(launches, (batches, requests) =>
          batches.launchBatch(
            requests.map((request) => ({ request })),
            { label, parallel: requests.length, onFailure: 'continue' },
          ),
        );
      },
    );
  }

  /** Runs the statement of a lens. */
  async runLens(lens: LensTarget): Promise<string[]> {
    const target = this.#parts.targets.ofLens(lens);
    if (!target) throw textChanged();
    const editor = vscode.window.visibleTextEditors.find(({ document }) => document === target.document);
    if (editor) this.#show(editor, [target]);
    return this.#launch([target]);
  }

  /** Runs whole files, each as one job and so in one transaction. Without files, runs that of the active editor. */
  async runFiles(uris: readonly vscode.Uri[], here: EditorSnapshot | undefined): Promise<string[]> {
    const files = uris.length > 0 ? uris : [required(here).document.uri];
    return this.#launch(await Promise.all(files.map((uri) => this.#parts.targets.file(uri))));
  }

  /** Runs a file for a task. @returns no ids if nothing was launched: the user gave up, or what is wrong was reported to the task */
  async runTask(task: TaskLaunch): Promise<string[]> {
    if (task.batch) return this.runEach([task.uri], undefined, task);
    return this.#whileTracked([await this.#parts.targets.file(task.uri)], async (tracked) => {
      const prepared = await this.#parts.preparer.prepare(tracked, undefined, { task });
      return prepared && task.isWanted() ? this.#start(prepared) : [];
    });
  }

  /** Runs every statement of the selection, the editor, or the files as one batch. */
  async runEach(uris: readonly vscode.Uri[], here: EditorSnapshot | undefined, task?: TaskLaunch): Promise<string[]> {
    const note = (text: string): void => {
      if (task) task.report('info', text);
      else void ui.showInformationMessage(text);
    };
    const { targets: find, preparer, memory } = this.#parts;
    const documents = await Promise.all(uris.map((uri) => vscode.workspace.openTextDocument(uri)));
    const editor = documents.length === 0 ? required(here) : undefined;
    if (editor) assertUnchanged(editor);
    const scripts = editor ? [find.eachInEditor(editor)] : documents.map((document) => find.each(document));
    const targets = scripts.flatMap((script) => script.targets);
    const skippedTransactions = scripts.flatMap(({ skipped, document }) =>
      skipped.map((transaction) => ({ transaction, document })),
    );
    if (targets.length === 0 && skippedTransactions.length === 0) {
      note(vscode.l10n.t('Nothing to run: there is no statement here.'));
      return [];
    }
    let skipped = 0;
    for (const document of editor ? [editor.document] : documents) {
      const commands = find.psqlCommands(document, editor?.selections);
      if (!preparer.acceptsCommands(document, commands.refused, task)) return [];
      skipped += commands.skipped;
    }
    return this.#whileTracked(targets, async (tracked) => {
      const prepared = await preparer.prepare(tracked, undefined, { task });
      if (!prepared) return [];
      const answer = await askAboutScript(prepared, skippedTransactions);
      if (answer === undefined || task?.isWanted() === false) return [];
      if (answer === 'oneJob') {
        if (task) return this.runTask(omit(task, 'batch'));
        if (!editor) return this.runFiles(uris, here);
        assertUnchanged(editor);
        return this.#launch(find.together(editor));
      }
      const copies = scripts.reduce((sum, script) => sum + script.copies, 0);
      const notes = [skipped > 0 && skippedText(skipped), copies > 0 && copiesText(copies)].filter(
        (text) => text !== false,
      );
      const options = prepared.length === 1 ? undefined : (task?.batch ?? (await askBatch(prepared.length, memory)));
      if (prepared.length > 1 && !options) return [];
      if (notes.length > 0) note(notes.join(' '));
      return this.#launchEach(prepared, options, task?.options.label);
    });
  }

  /** Runs SQL of the active editor, or a file that the user chooses, after a job. */
  async runAfter(first: Job, here: EditorSnapshot | undefined): Promise<string[]> {
    if (here) assertUnchanged(here);
    const offered = here ? this.#parts.targets.inEditor(here) : [];
    const labels = offered.map(({ range }) => labelFromSql(range.text)).join(', ');
    const what = await askWhatAfter(offered.length === 0 ? undefined : labels);
    if (!what) return [];
    const targets = what === 'editor' ? offered : [await this.#parts.targets.file(what)];
    return this.#whileTracked(targets, async (tracked) => {
      const prepared = await this.#parts.preparer.prepare(tracked);
      const onFailure = prepared && (await askAfter(first.record.label));
      if (!onFailure) return [];
      return this.#startTogether(prepared, (batches, requests) => batches.runAfter(first, requests, onFailure));
    });
  }

  /** @param options undefined for a single statement, which is no batch */
  async #launchEach(
    prepared: readonly PreparedLaunch[],
    options: Pick<BatchOptions, 'parallel' | 'onFailure'> | undefined,
    label = batchLabel(prepared),
  ): Promise<string[]> {
    if (!options) {
      const alone = prepared.map((launch) => withSession(launch, launch.session ?? new SessionSettings()));
      return this.#start(alone);
    }
    const sessions = sessionsOf(prepared);
    return this.#startTogether(prepared.map(withModes), (batches, requests) =>
      batches.launchBatch(
        requests.map((request, index) => ({ request, session: sessions[index] })),
        { label, ...options },
      ),
    );
  }

  dispose(): void {
    this.#flash.dispose();
  }

  /** @param chosen all options, which replace those of comments and the file's defaults */
  async #launch(targets: readonly SqlTarget[], chosen?: RunOptions): Promise<string[]> {
    const key = targets.map(({ uri, range }) => `${uri.toString()}#${range.start}-${range.end}`).join(' ');
    if (this.#repeats.isRepeat(key)) {
      ui.setStatusBarMessage(vscode.l10n.t('Ignored a second launch of the same SQL within a second.'), 3000);
      return [];
    }
    return this.#whileTracked(targets, async (tracked) => {
      const prepared = await this.#parts.preparer.prepare(tracked, chosen);
      if (!prepared) this.#repeats.forget(key);
      return this.#start(prepared ?? []);
    });
  }

  /** Tracks the ranges of targets until they are launched: the text may be edited while the user is asked. */
  async #whileTracked<T>(
    targets: readonly SqlTarget[],
    work: (tracked: readonly SqlTarget[]) => Promise<T>,
  ): Promise<T> {
    const { jobRanges } = this.#parts;
    const tracked = targets.map((target) => {
      if (target.document === undefined || target.pending) return target;
      return { ...target, pending: jobRanges.follow(target.uri.toString(), target.range) };
    });
    try {
      return await work(tracked);
    } finally {
      for (const { pending } of tracked) if (pending) jobRanges.release(pending);
    }
  }

  /** Launches independent jobs. @returns their ids */
  async #start(launches: readonly PreparedLaunch[]): Promise<string[]> {
    const ids: string[] = [];
    for (const launch of launches) {
      const job = await this.#parts.launcher.launch(this.#withSource(launch));
      this.#note(launch, job);
      ids.push(job.id);
    }
    return ids;
  }

  /** Launches jobs together. @returns their ids */
  async #startTogether(
    launches: readonly PreparedLaunch[],
    run: (batches: BatchLauncher, requests: readonly NewJob[]) => Promise<readonly Job[]>,
  ): Promise<string[]> {
    const batches = await this.#parts.launcher.batches();
    const requests = launches.map((launch) => this.#withSource(launch));
    const started = await run(batches, requests);
    return started.map((job, index) => {
      const launch = launches[index];
      if (launch) this.#note(launch, job);
      return job.id;
    });
  }

  #withSource({ target: { pending }, request }: PreparedLaunch): NewJob {
    const source = pending && sourceOf(this.#parts.jobRanges.pending(pending), request.sql);
    return source === undefined ? request : { ...request, source };
  }

  #note({ target: { pending }, sourceOffset }: PreparedLaunch, job: Job): void {
    const { jobRanges, launched } = this.#parts;
    if (pending) jobRanges.add({ jobId: job.id, pending, sourceOffset });
    launched(job);
  }

  /** The targets in an editor, which are highlighted. Shows a message if there are none. */
  #inEditor(here: EditorSnapshot | undefined): SqlTarget[] | undefined {
    if (!here) {
      void ui.showInformationMessage(
        vscode.l10n.t('Open a SQL file first, and put the cursor in the statement to run.'),
      );
      return undefined;
    }
    assertUnchanged(here);
    const targets = this.#parts.targets.inEditor(here);
    if (targets.length > 0) {
      this.#show(here.editor, targets);
      return targets;
    }
    void ui.showInformationMessage(
      isSql(here.document)
        ? vscode.l10n.t('Nothing to run: put the cursor in a statement, or select the SQL to run.')
        : vscode.l10n.t('Nothing to run: this is not a SQL file. Select the SQL to run in it.'),
    );
    return undefined;
  }

  /** Like {@link #inEditor}. @throws if there are several targets */
  #oneInEditor(here: EditorSnapshot | undefined): SqlTarget | undefined {
    const targets = this.#inEditor(here) ?? [];
    if (targets.length > 1) throw new Error(vscode.l10n.t('Select one statement, or put one cursor in it.'));
    return targets[0];
  }

  #show(editor: vscode.TextEditor, targets: readonly SqlTarget[]): void {
    this.#flash.show(
      editor,
      targets.map(({ range }) => rangeOf(editor.document, range)),
    );
  }
}

/** @throws if no editor was active */
function required(here: EditorSnapshot | undefined): EditorSnapshot {
  if (!here) throw new Error(vscode.l10n.t('Open a SQL file first, and put the cursor in the statement to run.'));
  return here;
}

/** The maximum length of a text that is stored with a job in addition to its SQL, in UTF-16 code units. */
const MAX_SOURCE = 100_000;

/** The source to store with a job, so that its status can be shown at its text after a reload. */
function sourceOf(range: JobRange | undefined, sql: string): JobSource | undefined {
  if (!range || (range.text !== sql && range.text.length > MAX_SOURCE)) return undefined;
  const { document: uri, kind, text, span } = range;
  return { uri, kind, start: span.start, ...(text === sql ? {} : { text }) };
}

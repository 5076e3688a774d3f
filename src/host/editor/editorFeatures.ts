import * as vscode from 'vscode';
import { stackOf } from '../../core/base/errors';
import type { Logger } from '../../core/base/logger';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import { Disposables } from '../base/disposables';
import { once } from '../base/once';
import type { EditorCommands } from './editorCommands';
import type { EditorSnapshot } from './editorSnapshot';
import type { FailureLocation } from './failures';
import { FileDefaultsStore } from './fileDefaults';
import { isSql } from './languages';
import type { EditorParts, SqlEditors } from './sqlEditors';

/** Loads and creates the features. */
const loadEditors = async (parts: EditorParts): Promise<SqlEditors> =>
  new (await import('./sqlEditors')).SqlEditors(parts);

/**
 * The features for SQL editors. Their code is loaded with the first SQL document, with the first other document from which a job of an
 * earlier session was launched, or with the first command that needs it.
 */
export class EditorFeatures implements vscode.Disposable {
  /** The commands that launch SQL. */
  readonly commands: () => Promise<EditorCommands>;
  readonly #jobs: JobService;
  readonly #log: Logger;
  readonly #load: () => Promise<SqlEditors>;
  #loaded: SqlEditors | undefined;
  /** The ids of the jobs of earlier sessions that were launched from documents, and the URIs of these. */
  #restored: readonly string[] = [];
  #documents: ReadonlySet<string> = new Set();
  readonly #disposables = new Disposables();
  #disposed = false;

  constructor(parts: Omit<EditorParts, 'defaults'>, log: Logger, load = loadEditors) {
    const { jobs, connections, launcher, memory } = parts;
    this.#jobs = jobs;
    this.#log = log;
    const own = this.#disposables;
    const defaults = own.add(new FileDefaultsStore(memory));
    this.#load = once(async () => {
      // If the window has closed in the meantime, they are disposed at once.
      const editors = own.add(await load({ ...parts, defaults }));
      this.#loaded = editors;
      if (!this.#disposed) this.#restoreIn(editors);
      return editors;
    });
    this.commands = async () => (await this.#load()).commands();
    own.add(connections.onDidRename(({ from, to }) => void defaults.renameConnection(from, to)));
    own.add(
      launcher.onDidRerun((rerun) => {
        if (this.#loaded) this.#loaded.repeat(rerun);
        else if (this.#restored.includes(rerun.from)) this.#need((editors) => editors.repeat(rerun));
      }),
    );
    own.add(
      vscode.workspace.onDidCloseTextDocument((document) => {
        // An untitled document cannot be opened again, and VS Code reuses its name for the next one.
        if (document.isUntitled) void defaults.forget(document.uri);
      }),
    );
    own.add(vscode.workspace.onDidOpenTextDocument((document) => this.#opened([document])));
    this.#opened(vscode.workspace.textDocuments);
  }

  /** Shows jobs from before a reload at their texts. */
  restore(jobs: readonly Job[]): void {
    const launched = jobs.filter(({ record }) => record.source !== undefined);
    this.#restored = launched.map(({ id }) => id);
    this.#documents = new Set(launched.flatMap(({ record }) => record.source?.uri ?? []));
    if (this.#loaded) this.#restoreIn(this.#loaded);
    // If a job fails that is still running, its file shows that.
    else if (launched.some(({ final }) => !final)) this.#need();
    else this.#opened(vscode.workspace.textDocuments);
  }

  /** The location of a failed job's error in its file. @returns undefined if the text has changed */
  async failureLocation(job: Job): Promise<FailureLocation | undefined> {
    return this.#mayHaveRanges ? (await this.#load()).failureLocation(job) : undefined;
  }

  /** The ids of the jobs of the statement at the cursor, newest first. None if no editor was active. */
  async jobsAtCursor(here: EditorSnapshot | undefined): Promise<readonly string[]> {
    return this.#mayHaveRanges && here ? (await this.#load()).jobsAtCursor(here) : [];
  }

  /** Sets the connection of the active editor’s file. @param argument from code: the name of the connection */
  async setFileConnection(argument: unknown, here: EditorSnapshot | undefined): Promise<void> {
    await (await this.#load()).fileConnection.set(argument, here?.document);
  }

  dispose(): void {
    this.#disposed = true;
    this.#disposables.dispose();
  }

  /** Whether jobs may have been launched from documents. */
  get #mayHaveRanges(): boolean {
    return this.#loaded !== undefined || this.#restored.length > 0;
  }

  #opened(documents: readonly vscode.TextDocument[]): void {
    if (this.#loaded) return;
    if (documents.some((document) => isSql(document) || this.#documents.has(document.uri.toString()))) this.#need();
  }

  /** Those that were removed in the meantime are not restored. */
  #restoreIn(editors: SqlEditors): void {
    editors.restore(this.#restored.flatMap((id) => this.#jobs.get(id) ?? []));
  }

  /** Loads the features although no command waits for them. */
  #need(use?: (editors: SqlEditors) => void): void {
    this.#load()
      .then(use)
      .catch((error: unknown) => this.#log.error(`The features for SQL editors failed: ${stackOf(error)}`));
  }
}

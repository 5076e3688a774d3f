import * as vscode from 'vscode';
import { Disposables } from '../base/disposables';
import { systemClock } from '../../core/base/clock';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { Logger } from '../../core/base/logger';
import { commandId } from '../base/commandIds';
import type { EditorFeatures } from '../editor/editorFeatures';
import { isSql } from '../editor/languages';
import type { Canceling } from '../jobs/canceling';
import { currentDocument, TaskSql } from './taskSql';
import { readTaskDefinition, TASK_TYPE } from './taskDefinition';
import { placeText, TaskTerminal, type PreparedTask } from './taskTerminal';
import { findResultsLink, shortId } from './taskTexts';

/** At most this many open files are offered as tasks. */
const MAX_OFFERED = 20;
/** At most this many links of terminals open results: those of the newest jobs. */
const MAX_LINKED = 1000;

export interface TaskParts {
  readonly jobs: JobService;
  readonly editor: EditorFeatures;
  readonly canceling: Canceling;
  readonly log: Logger;
}

class ResultsTerminalLink extends vscode.TerminalLink {
  constructor(
    start: number,
    length: number,
    readonly id: string,
  ) {
    super(start, length);
  }
}

/** Offers and runs tasks of type `pgbg`. Loaded when VS Code first asks for tasks of this type. */
export class TaskProvider implements vscode.Disposable, vscode.TerminalLinkProvider<ResultsTerminalLink> {
  readonly #disposables = new Disposables();
  readonly #sql: TaskSql;
  /** The ids of jobs, by what links in terminals call them. */
  readonly #linked = new Map<string, string>();
  readonly #parts: TaskParts;

  constructor(parts: TaskParts) {
    this.#parts = parts;
    this.#sql = this.#disposables.add(new TaskSql());
    this.#disposables.add(vscode.window.registerTerminalLinkProvider(this));
  }

  /** The SQL files that are open in a workspace folder: other tasks are in tasks.json. */
  provide(): vscode.Task[] {
    const uris = vscode.window.tabGroups.all
      .flatMap(({ tabs }) => tabs.map(({ input }) => (input instanceof vscode.TabInputText ? input.uri : undefined)))
      .filter((uri) => uri !== undefined);
    const open = vscode.workspace.textDocuments.filter((document) => isSql(document));
    const files = new Map(
      uris
        .filter((uri) => open.some((document) => document.uri.toString() === uri.toString()))
        .map((uri) => [uri.toString(), uri] as const),
    );
    return [...files.values()].slice(0, MAX_OFFERED).flatMap((uri) => {
      const folder = vscode.workspace.getWorkspaceFolder(uri);
      if (!folder) return [];
      const file = vscode.workspace.asRelativePath(uri, false);
      return this.#task({ type: TASK_TYPE, file }, folder, file);
    });
  }

  /** The same task, with what runs it. VS Code requires that the definition is the same object. */
  resolve({ definition, scope, name }: vscode.Task): vscode.Task {
    return this.#task(definition, scope ?? vscode.TaskScope.Workspace, name);
  }

  provideTerminalLinks({ line }: vscode.TerminalLinkContext): ResultsTerminalLink[] {
    const found = findResultsLink(line);
    const id = found && this.#linked.get(found.id);
    return found && id !== undefined ? [new ResultsTerminalLink(found.start, found.length, id)] : [];
  }

  async handleTerminalLink({ id }: ResultsTerminalLink): Promise<void> {
    await vscode.commands.executeCommand(commandId('showResults'), id);
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #task(
    definition: vscode.TaskDefinition,
    scope: vscode.WorkspaceFolder | vscode.TaskScope,
    name: string,
  ): vscode.Task {
    // In this definition, VS Code has replaced variables such as ${file}.
    const execution = new vscode.CustomExecution((resolved) =>
      Promise.resolve(this.#terminal(resolved, folderOf(scope), name)),
    );
    // No problem matchers: the extension itself shows errors in Problems.
    return new vscode.Task(definition, scope, name, 'pg_background', execution, []);
  }

  #terminal(definition: vscode.TaskDefinition, folder: vscode.Uri | undefined, name: string): TaskTerminal {
    const { jobs, canceling, log, editor } = this.#parts;
    return new TaskTerminal(
      {
        jobs,
        canceling,
        log,
        clock: systemClock,
        launch: async (task) => (await editor.commands()).runTask(task),
        placeOf: (job) => this.#placeOf(job),
        linked: (id) => this.#link(id),
      },
      name,
      () => this.#prepare(definition, folder, name),
    );
  }

  async #prepare(
    definition: vscode.TaskDefinition,
    folder: vscode.Uri | undefined,
    name: string,
  ): Promise<PreparedTask> {
    const { what, options, ...rest } = readTaskDefinition(definition);
    if ('file' in what) {
      const uri = fileUri(what.file, folder);
      await currentDocument(uri);
      return { ...rest, options, uri };
    }
    return { ...rest, ...(await this.#sql.prepare(what.sql, options, folder, name)) };
  }

  async #placeOf(job: Job): Promise<string | undefined> {
    const found = await this.#parts.editor.failureLocation(job);
    return found && !this.#sql.has(found.uri) ? placeText(found.uri, found.start) : undefined;
  }

  #link(id: string): void {
    this.#linked.set(shortId(id), id);
    const [oldest] = this.#linked.keys();
    if (this.#linked.size > MAX_LINKED && oldest !== undefined) this.#linked.delete(oldest);
  }
}

/** The folder to which the paths of a task are relative. */
function folderOf(scope: vscode.WorkspaceFolder | vscode.TaskScope): vscode.Uri | undefined {
  return typeof scope === 'object' ? scope.uri : vscode.workspace.workspaceFolders?.[0]?.uri;
}

/** @throws if the path is relative and no folder is open */
function fileUri(file: string, folder: vscode.Uri | undefined): vscode.Uri {
  const isAbsolute = /^([/\\]|[a-z]:[/\\])/i.test(file);
  if (isAbsolute) {
    const { path } = vscode.Uri.file(file);
    return folder ? folder.with({ path }) : vscode.Uri.file(file);
  }
  if (!folder) {
    throw new Error(vscode.l10n.t('“{0}” is relative to the workspace folder, but no folder is open.', file));
  }
  return vscode.Uri.joinPath(folder, file);
}

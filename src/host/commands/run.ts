import * as vscode from 'vscode';
import type { RunRequest } from '../../api';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import { labelFor, truncateLabel } from '../../core/sql/label';
import { checkBeforeLaunch } from '../../core/sql/prelaunch';
import type { Connections } from '../connections';
import { commandId, readSetting } from '../ids';
import { parseBytes, parseDuration } from '../units';

/** Launches from the editor, from code and from a job that ran before. */
export class Launcher {
  constructor(
    private readonly jobs: JobService,
    private readonly connections: Connections,
    private readonly memory: vscode.Memento,
  ) {}

  /** `runInBackground`: what is selected, or the whole text; or a request from code. Returns the job's id. */
  async runInBackground(argument: unknown): Promise<string | undefined> {
    const request = asRequest(argument) ?? this.#fromEditor();
    if (!request) return undefined;
    const connection = request.connection ?? (await this.chooseConnection());
    return connection === undefined ? undefined : this.run({ ...request, connection }).id;
  }

  /** Asks for the label, the connection and the limits, in one flow. Escape at any step launches nothing. */
  async runWithOptions(): Promise<string | undefined> {
    const request = this.#fromEditor();
    if (!request) return undefined;
    const title = vscode.l10n.t('Run in Background');
    const label = await vscode.window.showInputBox({
      title,
      prompt: vscode.l10n.t('Label, shown in the Workers view and to everyone in pg_stat_activity'),
      value: labelFor(request.sql),
    });
    if (label === undefined) return undefined;
    const connection = await this.chooseConnection(true);
    if (connection === undefined) return undefined;
    const statementTimeoutMs = await askDuration(title, vscode.l10n.t('statement_timeout of the worker'));
    if (statementTimeoutMs === undefined) return undefined;
    const workerTimeoutMs = await askDuration(
      title,
      vscode.l10n.t('pg_background.worker_timeout, which wins over statement_timeout'),
    );
    if (workerTimeoutMs === undefined) return undefined;
    const queueSize = await vscode.window.showInputBox({
      title,
      prompt: vscode.l10n.t('Size of the result queue, for example 256kB. Empty: the server’s default.'),
      validateInput: (text) =>
        text.trim() === '' || parseBytes(text) !== undefined
          ? undefined
          : vscode.l10n.t('Write a size such as 64kB or 1MB.'),
    });
    if (queueSize === undefined) return undefined;
    const queueSizeBytes = parseBytes(queueSize);
    return this.run({
      sql: request.sql,
      connection,
      ...(label.trim() === '' ? {} : { label }),
      ...(statementTimeoutMs === null ? {} : { statementTimeoutMs }),
      ...(workerTimeoutMs === null ? {} : { workerTimeoutMs }),
      ...(queueSizeBytes === undefined ? {} : { queueSizeBytes }),
    }).id;
  }

  /** Runs the same SQL once more, with a statement_timeout asked for where `withTimeout`. */
  async rerun(job: Job, withTimeout: boolean): Promise<string | undefined> {
    const { request, connection, label } = job.record;
    if (!withTimeout) return this.run({ ...request, connection, label }).id;
    const statementTimeoutMs = await askDuration(
      vscode.l10n.t('Run “{0}” Again', label),
      vscode.l10n.t('statement_timeout of the worker'),
      '5min',
    );
    if (statementTimeoutMs === undefined) return undefined;
    return this.run({ ...request, connection, label, ...(statementTimeoutMs === null ? {} : { statementTimeoutMs }) })
      .id;
  }

  /**
   * Lists the job, and shows the view.
   * @throws with one sentence that says what to do, where the SQL or the request cannot run
   */
  run(request: RunRequest): Job {
    const [fault] = checkBeforeLaunch(request.sql).filter((finding) => finding.severity === 'error');
    if (fault) throw new Error(fault.message);
    const connection = request.connection ?? this.#default();
    if (connection === undefined) {
      throw new Error(
        this.connections.profiles.length === 0
          ? vscode.l10n.t('There is no connection yet. Run "pg_background: Add Connection…" first.')
          : vscode.l10n.t('There are several connections: name one, or set pgBackground.defaultConnection.'),
      );
    }
    const label =
      request.label === undefined || request.label.trim() === '' ? labelFor(request.sql) : truncateLabel(request.label);
    return this.jobs.run({ ...request, connection, label });
  }

  /** The default connection, the only one, or the one that the user picks. */
  async chooseConnection(always = false): Promise<string | undefined> {
    const { profiles } = this.connections;
    const preset = this.#default();
    if (preset !== undefined && (!always || profiles.length === 1)) return preset;
    if (profiles.length === 0) {
      const add = vscode.l10n.t('Add Connection…');
      const choice = await vscode.window.showWarningMessage(
        vscode.l10n.t('There is no connection to run this on yet.'),
        add,
      );
      return choice === add
        ? vscode.commands.executeCommand<string | undefined>(commandId('addConnection'))
        : undefined;
    }
    const last = this.memory.get<string>('lastConnection');
    const picked = await vscode.window.showQuickPick(
      profiles
        .map((profile) => ({
          label: profile.name,
          description: `${profile.host ?? 'localhost'}/${profile.database ?? ''}`,
        }))
        .sort((a, b) => Number(b.label === last) - Number(a.label === last)),
      { placeHolder: vscode.l10n.t('Connection to run on') },
    );
    if (picked) await this.memory.update('lastConnection', picked.label);
    return picked?.label;
  }

  #default(): string | undefined {
    const { profiles } = this.connections;
    const named = readSetting('defaultConnection');
    if (named !== '' && this.connections.find(named)) return named;
    return profiles.length === 1 ? profiles[0]?.name : undefined;
  }

  #fromEditor(): { sql: string; connection?: undefined } | undefined {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      void vscode.window.showInformationMessage(
        vscode.l10n.t('Open a SQL file first: what is selected in it is run, or the whole text.'),
      );
      return undefined;
    }
    const selected = editor.selections
      .filter((selection) => !selection.isEmpty)
      .map((selection) => editor.document.getText(selection));
    return { sql: selected.length > 0 ? selected.join('\n') : editor.document.getText() };
  }
}

/** A duration in milliseconds; null where the user left it empty; undefined where they gave up. */
async function askDuration(title: string, prompt: string, value = ''): Promise<number | null | undefined> {
  const text = await vscode.window.showInputBox({
    title,
    value,
    prompt: vscode.l10n.t('{0}, for example 30s or 5min. Empty: the server’s own setting. 0: no limit.', prompt),
    validateInput: (input) =>
      input.trim() === '' || parseDuration(input) !== undefined
        ? undefined
        : vscode.l10n.t('Write a duration such as 500ms, 30s, 5min or 2h.'),
  });
  if (text === undefined) return undefined;
  return text.trim() === '' ? null : (parseDuration(text) ?? null);
}

/**
 * A request from code (a keybinding, another extension): checked, since anything may come.
 * @throws where a field has the wrong type
 */
function asRequest(argument: unknown): RunRequest | undefined {
  if (typeof argument !== 'object' || argument === null || !('sql' in argument)) return undefined;
  const request = argument as Record<string, unknown>;
  for (const [key, type] of Object.entries(REQUEST_TYPES)) {
    const value = request[key];
    if (value !== undefined && typeof value !== type) {
      throw new Error(vscode.l10n.t('runInBackground: "{0}" must be a {1}.', key, type));
    }
  }
  return Object.fromEntries(
    Object.keys(REQUEST_TYPES)
      .filter((key) => request[key] !== undefined)
      .map((key) => [key, request[key]]),
  ) as unknown as RunRequest;
}

const REQUEST_TYPES = {
  sql: 'string',
  label: 'string',
  connection: 'string',
  statementTimeoutMs: 'number',
  workerTimeoutMs: 'number',
  queueSizeBytes: 'number',
};

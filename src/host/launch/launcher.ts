import * as vscode from 'vscode';
import type { RunRequest } from '../../api';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import { faultySetting } from '../../core/jobs/settingNames';
import { labelFor, truncateLabel } from '../../core/sql/directives';
import { checkBeforeLaunch } from '../../core/sql/classify/prelaunch';
import { launchText } from '../../core/sql/settings/launchSettings';
import { parseDuration } from '../../core/sql/settings/gucUnits';
import type { Connections } from '../connections/connections';
import { raisableLimit } from '../editor/errorPlace';
import { findingText, writeFound } from '../editor/editorMessages';
import { commandId } from '../base/commandIds';
import { LaunchGuard } from './launchConfirmation';
import { durationProblem, durationText } from './options';
import { asRequest, settingsProblem } from './request';
import { without } from '../base/omit';
import * as ui from '../base/ui';

/** Offered where a job is to run again with a timeout and had none. */
const USUAL_TIMEOUT = '5min';

/** Launches from code and from a job that ran before, and knows on what to launch. The editor's launches are in host/editor. */
export class Launcher implements vscode.Disposable {
  readonly guard: LaunchGuard;
  readonly #rerun = new vscode.EventEmitter<{ readonly from: string; readonly to: string }>();
  /** Fires when a job was launched that repeats another one. */
  readonly onDidRerun = this.#rerun.event;

  readonly #jobs: JobService;
  readonly #connections: Connections;
  readonly #memory: vscode.Memento;

  constructor(jobs: JobService, connections: Connections, memory: vscode.Memento) {
    this.#jobs = jobs;
    this.#connections = connections;
    this.#memory = memory;

    this.guard = new LaunchGuard(connections);
  }

  /**
   * A request from code, without any question: undefined where the argument is none.
   * @throws as {@link run}
   */
  runFromCode(argument: unknown): string | undefined {
    const request = asRequest(argument);
    return request && this.run(request).id;
  }

  /** Runs the same SQL once more, with a statement_timeout asked for where `withTimeout`. */
  async rerun(job: Job, withTimeout: boolean): Promise<string | undefined> {
    const { request, connection, label } = job.record;
    let changed: RunRequest = request;
    if (withTimeout) {
      // The worker's own limit takes precedence, so where that ended the job a longer statement_timeout would not help.
      const field = raisableLimit(job.record) ?? 'statementTimeoutMs';
      const name = field === 'statementTimeoutMs' ? 'statement_timeout' : 'pg_background.worker_timeout';
      const own = launchText(request.sql).settings[name];
      const before = request[field] ?? 0;
      const text = await ui.showInputBox({
        title: vscode.l10n.t('Run “{0}” Again', label),
        value: before > 0 ? durationText(before * 2) : USUAL_TIMEOUT,
        prompt:
          own === undefined
            ? vscode.l10n.t(
                '{0} of the worker, for example 30s or 5min. Empty: the server’s own setting. 0: no limit.',
                name,
              )
            : vscode.l10n.t(
                'The SQL sets {0} to {1} itself, and the stricter limit applies: for a longer one, change it there.',
                name,
                own,
              ),
        validateInput: durationProblem,
      });
      if (text === undefined) return undefined;
      const others = without(request, field);
      const limit = parseDuration(text);
      changed = limit === undefined ? others : { ...others, [field]: limit };
    }
    const writes = checkBeforeLaunch(request.sql).filter(({ severity }) => severity === 'confirm');
    const found = writes.map((finding) => writeFound(finding, request.sql));
    if (!(await this.guard.allows(found, [connection]))) return undefined;
    this.#connections.mayAsk(connection);
    const again = this.run({ ...changed, connection, label });
    this.#rerun.fire({ from: job.id, to: again.id });
    return again.id;
  }

  /**
   * Lists the job.
   * @throws with one sentence that says what to do, where the SQL or the request cannot run
   */
  run(request: RunRequest): Job {
    const [fault] = checkBeforeLaunch(request.sql).filter((finding) => finding.severity === 'error');
    if (fault) throw new Error(findingText(fault));
    const faulty = request.settings === undefined ? undefined : faultySetting(request.settings);
    if (faulty !== undefined) throw new Error(settingsProblem(faulty));
    const connection = this.#nameOf(request.connection) ?? this.#connections.defaultForCode;
    if (connection === undefined) {
      throw new Error(
        this.#connections.profiles.length === 0
          ? vscode.l10n.t('There is no connection yet. Run "pg_background: Add Connection…" first.')
          : vscode.l10n.t('There are several connections: name one, or set pgBackground.defaultConnection.'),
      );
    }
    const label =
      request.label === undefined || request.label.trim() === '' ? labelFor(request.sql) : truncateLabel(request.label);
    // Code may call this: only a person can approve what a workspace's connection wants.
    this.#connections.mayAskPassword(connection);
    return this.#jobs.run({ ...request, connection, label });
  }

  /** The name under which a connection is known, for the name that a caller has for it. */
  #nameOf(given: string | undefined): string | undefined {
    return given === undefined ? undefined : (this.#connections.find(given)?.name ?? given);
  }

  /** Offers to add the first connection. @returns its name */
  async addFirstConnection(): Promise<string | undefined> {
    const add = vscode.l10n.t('Add Connection…');
    const choice = await ui.showWarningMessage(vscode.l10n.t('There is no connection to run this on yet.'), add);
    return choice === add ? vscode.commands.executeCommand<string | undefined>(commandId('addConnection')) : undefined;
  }

  /** Puts a connection first in the lists to pick from. */
  async notePicked(name: string): Promise<void> {
    await this.#memory.update('lastConnection', name);
  }

  /** The connections to pick from for a file, the one picked last first. */
  connectionItems(uri?: vscode.Uri): vscode.QuickPickItem[] {
    const last = this.#memory.get<string>('lastConnection');
    return this.#connections
      .profilesFor(uri)
      .map((profile) => ({
        label: profile.name,
        description: `${profile.host ?? 'localhost'}/${profile.database ?? ''}`,
        ...(profile.production === true ? { detail: vscode.l10n.t('production: asks before each launch') } : {}),
      }))
      .sort((a, b) => Number(b.label === last) - Number(a.label === last));
  }

  dispose(): void {
    this.#rerun.dispose();
  }
}

import * as vscode from 'vscode';
import type { RunRequest } from '../../api';
import type { Fault } from '../../core/base/fault';
import type { Job, NewJob } from '../../core/jobs/job';
import { standaloneRequest } from '../../core/jobs/batches/batchSession';
import type { JobService } from '../../core/jobs/jobService';
import { suggestedLimitMs } from '../../core/jobs/history/usualDuration';
import { faultySetting } from '../../core/jobs/settingNames';
import { labelFor, MAX_RETRY_ATTEMPTS } from '../../core/sql/directives';
import { truncateLabel } from '../../core/sql/labels';
import { checkBeforeLaunch } from '../../core/sql/classify/prelaunch';
import { launchText } from '../../core/sql/settings/launchSettings';
import { parseDuration } from '../../core/sql/settings/gucUnits';
import { addressText } from '../connections/connectionAddress';
import type { Connections } from '../connections/connections';
import { faultText } from '../messages/faultText';
import { sqlText } from '../messages/sqlMessages';
import { commandId } from '../base/commandIds';
import { plain, plainLabel } from '../base/plainText';
import { LaunchConfirmation, limitLocks, unboundedWrites } from './launchConfirmation';
import { durationProblem, durationText } from './durations';
import { raisableLimit } from './raisableLimit';
import { asRequest, settingsProblem } from './request';
import { omit } from '../base/omit';
import { once } from '../base/once';
import * as ui from '../base/ui';

/** The suggested timeout for running a job again if it had none, and earlier runs do not suggest one. */
const DEFAULT_TIMEOUT = '5min';

/** Launches SQL from code, runs jobs again, and lists connections to launch on. src/host/editor launches SQL from editors. */
export class Launcher implements vscode.Disposable {
  readonly confirmation: LaunchConfirmation;
  readonly #rerun = new vscode.EventEmitter<{ readonly from: string; readonly to: string }>();
  /** Fires after a job was run again. */
  readonly onDidRerun = this.#rerun.event;

  /** Launches batches. Loaded when it is first used. */
  readonly batches = once(async () => {
    const { BatchLauncher } = await import('./batchLauncher');
    return new BatchLauncher(this, this.#jobs, this.#connections, (from, to) => this.#rerun.fire({ from, to }));
  });

  readonly #jobs: JobService;
  readonly #connections: Connections;
  readonly #memory: vscode.Memento;

  constructor(jobs: JobService, connections: Connections, memory: vscode.Memento) {
    this.#jobs = jobs;
    this.#connections = connections;
    this.#memory = memory;

    this.confirmation = new LaunchConfirmation(connections);
  }

  /**
   * Launches a request from code without asking the user.
   *
   * @returns the job's id, or undefined if the argument is not a request
   * @throws like {@link run}
   */
  async runFromCode(argument: unknown): Promise<string | undefined> {
    const request = asRequest(argument);
    return request && (await this.run(request)).id;
  }

  /**
   * Runs a job's SQL again.
   *
   * @param withTimeout ask the user for a timeout first
   * @returns the new job's id, or undefined if the user cancels
   */
  async rerun(job: Job, withTimeout: boolean): Promise<string | undefined> {
    // The SQL of a durable job may be cut in the list.
    await this.#jobs.durable.whole(job.id);
    const { connection, label } = job.record;
    // A statement of a batch takes over the settings of the statements before it.
    const request = standaloneRequest(job, this.#jobs.batchOf(job));
    let changed: RunRequest = request;
    if (withTimeout) {
      // worker_timeout takes precedence: if it ended the job, a longer statement_timeout would not help.
      const field = raisableLimit(job.record) ?? 'statementTimeoutMs';
      const name = field === 'statementTimeoutMs' ? 'statement_timeout' : 'pg_background.worker_timeout';
      const own = launchText(request.sql).settings[name];
      const before = request[field] ?? 0;
      const usual = this.#jobs.usualDuration(job);
      const text = await ui.showInputBox({
        title: vscode.l10n.t('Run “{0}” Again', label),
        value: before > 0 ? durationText(before * 2) : usual ? durationText(suggestedLimitMs(usual)) : DEFAULT_TIMEOUT,
        prompt:
          own === undefined
            ? vscode.l10n.t(
                '{0} of the worker, for example 30s or 5min. 0 = no limit. Leave empty for the server default.',
                name,
              )
            : vscode.l10n.t(
                'The SQL sets {0} to {1}, and the stricter limit applies. To raise the limit, change it in the SQL.',
                name,
                own,
              ),
        validateInput: durationProblem,
      });
      if (text === undefined) return undefined;
      const others = omit(request, field);
      const limit = parseDuration(text);
      changed = limit === undefined ? others : { ...others, [field]: limit };
    }
    const launch = { ...changed, connection, label };
    const question = this.confirmation.questionOf(launch);
    const confirmed = await this.confirmation.confirm(unboundedWrites(request.sql), [question]);
    if (!confirmed) return undefined;
    this.#connections.allowPrompts(connection);
    const again = await this.run(limitLocks(launch, question, confirmed));
    this.#rerun.fire({ from: job.id, to: again.id });
    return again.id;
  }

  /**
   * Launches a request without asking the user.
   * @throws with a message for the user if the SQL or the request cannot run
   */
  async run(request: RunRequest): Promise<Job> {
    return this.launch(this.checked(request));
  }

  /** Completes a request from code. @throws with a message for the user if it cannot run */
  checked(request: RunRequest): NewJob {
    const fault = checkBeforeLaunch(request.sql).find(({ severity }) => severity === 'error');
    if (fault) throw new Error(sqlText(fault));
    const faulty = request.settings === undefined ? undefined : faultySetting(request.settings);
    if (faulty !== undefined) throw new Error(settingsProblem(faulty));
    const attempts = request.retryOnLockTimeout ?? 1;
    if (!Number.isInteger(attempts) || attempts < 1 || attempts > MAX_RETRY_ATTEMPTS) {
      throw new Error(vscode.l10n.t('“retryOnLockTimeout” must be a whole number from 1 to {0}.', MAX_RETRY_ATTEMPTS));
    }
    const connection = this.#nameOf(request.connection) ?? this.#connections.defaultForCode;
    if (connection === undefined) {
      throw new Error(
        this.#connections.profiles.length === 0
          ? vscode.l10n.t('There is no connection yet. Run “pg_background: Add Connection…” first.')
          : vscode.l10n.t('There are several connections. Name one, or set pgBackground.defaultConnection.'),
      );
    }
    const label =
      request.label === undefined || request.label.trim() === '' ? labelFor(request.sql) : truncateLabel(request.label);
    // The caller may be code, but only the user can approve what a workspace's connection asks for.
    this.#connections.allowPasswordPrompt(connection);
    return { ...request, connection, label };
  }

  /**
   * Launches a request that was checked, as a durable job if it or its connection says so.
   * @throws with a message for the user if it cannot be launched
   */
  async launch(request: NewJob): Promise<Job> {
    const durable = this.isDurable(request);
    if (!durable) return this.#jobs.run(request);
    return this.withNotices(request.label, await this.#jobs.launch({ ...request, durable })).job;
  }

  isDurable({ durable, connection }: NewJob): boolean {
    return durable ?? this.#connections.find(connection)?.durable ?? false;
  }

  /** Shows what cannot be kept or proved. */
  withNotices<T extends { readonly notices: readonly Fault[] }>(label: string, launched: T): T {
    for (const notice of launched.notices) {
      const text = vscode.l10n.t('“{0}” was launched. {1}', plainLabel(label), faultText(notice));
      void ui.showInformationMessage(plain(text));
    }
    return launched;
  }

  /** The full name of a connection for the name that a caller uses. */
  #nameOf(given: string | undefined): string | undefined {
    return given === undefined ? undefined : (this.#connections.find(given)?.name ?? given);
  }

  /** Offers to add the first connection. @returns its name, or undefined if the user cancels */
  async addFirstConnection(): Promise<string | undefined> {
    const add = vscode.l10n.t('Add Connection…');
    const choice = await ui.showWarningMessage(vscode.l10n.t('There is no connection to run this on yet.'), add);
    return choice === add ? vscode.commands.executeCommand<string | undefined>(commandId('addConnection')) : undefined;
  }

  /** Remembers a connection as the first one in {@link connectionItems}. */
  async notePicked(name: string): Promise<void> {
    await this.#memory.update('lastConnection', name);
  }

  /** The connections to choose from for a file. The last chosen one is first. */
  connectionItems(uri?: vscode.Uri): vscode.QuickPickItem[] {
    const last = this.#memory.get<string>('lastConnection');
    return this.#connections
      .profilesFor(uri)
      .map((profile) => ({
        label: profile.name,
        description: addressText(profile),
        ...(profile.production === true ? { detail: vscode.l10n.t('production: asks before each launch') } : {}),
      }))
      .sort((a, b) => Number(b.label === last) - Number(a.label === last));
  }

  dispose(): void {
    this.#rerun.dispose();
  }
}

import * as vscode from 'vscode';
import type { BatchRequest, RunRequest } from '../../api';
import { FaultError, type Fault } from '../../core/base/fault';
import type { OnFailure } from '../../core/jobs/batches/batchPart';
import { statementAgain } from '../../core/jobs/batches/batchSession';
import type { BatchOptions } from '../../core/jobs/batches/batchPart';
import type { BatchStatement } from '../../core/jobs/batches/newBatch';
import type { DurableJobFault } from '../../core/jobs/durable/faults';
import type { Job, NewJob } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import { omit } from '../base/omit';
import * as ui from '../base/ui';
import type { Connections } from '../connections/connections';
import { partOf } from '../jobs/batchText';
import { checkedBatch } from './batchRequest';
import { limitLocks, unboundedWrites, type LaunchConfirmation } from './launchConfirmation';

/** What launching a batch has in common with launching a job. */
interface JobLauncher {
  readonly confirmation: LaunchConfirmation;
  rerun(job: Job, withTimeout: boolean): Promise<string | undefined>;
  checked(request: RunRequest): NewJob;
  isDurable(request: NewJob): boolean;
  withNotices<T extends { readonly notices: readonly Fault[] }>(label: string, launched: T): T;
}

/** Launches batches: by this window, or on the server. */
export class BatchLauncher {
  readonly #launcher: JobLauncher;
  readonly #jobs: JobService;
  readonly #connections: Connections;
  readonly #reran: (from: string, to: string) => void;

  /** @param reran called after a job was run again */
  constructor(
    launcher: JobLauncher,
    jobs: JobService,
    connections: Connections,
    reran: (from: string, to: string) => void,
  ) {
    this.#launcher = launcher;
    this.#jobs = jobs;
    this.#connections = connections;
    this.#reran = reran;
  }

  /**
   * Runs the statements of a batch that did not succeed again, as a new batch.
   *
   * @param batch the jobs of the batch, which have ended
   * @returns the ids of the new jobs; none if the user cancels
   */
  async rerunFailed(batch: readonly Job[]): Promise<readonly string[]> {
    const part = partOf(batch);
    // The SQL of durable jobs may be cut in the list.
    for (const { id } of batch) await this.#jobs.durable.whole(id);
    const again = batch.filter(({ state }) => state !== 'succeeded');
    const [only] = again;
    if (!part || !only) return [];
    const unknown = again.filter(({ state }) => state === 'lost' || state === 'finished').length;
    if (unknown > 0 && !(await confirmUnknown(unknown))) return [];
    if (again.length === 1) {
      const id = await this.#launcher.rerun(only, false);
      return id === undefined ? [] : [id];
    }
    const statements = again.map((job) => {
      const { request, session } = statementAgain(job, batch);
      const { connection, label, source } = job.record;
      return { request: { ...request, connection, label, ...(source && { source }) }, session };
    });
    const requests = statements.map(({ request }) => request);
    const writes = requests.flatMap(({ sql }) => unboundedWrites(sql));
    const questions = requests.map((request) => this.#launcher.confirmation.questionOf(request));
    const confirmed = await this.#launcher.confirmation.confirm(writes, questions);
    if (!confirmed) return [];
    for (const { connection } of requests) this.#connections.allowPrompts(connection);
    const limited = statements.flatMap(({ request, session }, index) => {
      const question = questions[index];
      return question ? { request: limitLocks(request, question, confirmed), session } : [];
    });
    const jobs = await this.launchBatch(limited, part);
    for (const [index, { id }] of jobs.entries()) this.#reran(again[index]?.id ?? '', id);
    return jobs.map(({ id }) => id);
  }

  /**
   * Launches a batch without asking the user.
   * @throws with a message for the user, before anything runs, if the request or one of its statements cannot run
   */
  async runBatch(request: BatchRequest): Promise<readonly Job[]> {
    const { statements, label, parallel, onFailure, durable } = checkedBatch(request);
    const { connection } = request;
    const given = {
      ...(connection === undefined ? {} : { connection }),
      ...(durable === undefined ? {} : { durable }),
    };
    const requests = statements.map((sql) => this.#launcher.checked({ sql, ...given }));
    return this.launchBatch(
      requests.map((checked) => ({ request: checked })),
      { label: label ?? requests[0]?.label ?? '', parallel, onFailure },
    );
  }

  /**
   * Launches a batch that was checked, on the server if its statements or their connection say so.
   * @throws with a message for the user if it cannot be launched; then nothing runs
   */
  async launchBatch(statements: readonly BatchStatement[], options: BatchOptions): Promise<readonly Job[]> {
    const marks = new Set(statements.map(({ request }) => this.#launcher.isDurable(request)));
    if (marks.size > 1) throw new FaultError<DurableJobFault>({ code: 'durableJobs.batchMixed' });
    const durable = marks.has(true);
    const all = statements.map(({ request, ...rest }) => ({
      ...rest,
      request: durable ? { ...request, durable } : omit(request, 'durable'),
    }));
    if (!durable) return this.#jobs.runBatch(all, options);
    return this.#launcher.withNotices(options.label, await this.#jobs.durable.launchBatch(all, options)).jobs;
  }

  /**
   * Launches jobs that run one after the other after a job. After a durable one, the server launches them.
   * @throws with a message for the user if they cannot be launched
   */
  async runAfter(first: Job, requests: readonly NewJob[], onFailure: OnFailure): Promise<readonly Job[]> {
    if (!first.record.durable) {
      // Each runs when this window says so: the server cannot wait for a job of a window.
      const all = requests.map((request) => omit(request, 'durable'));
      return this.#jobs.runAfter(first.id, all, onFailure);
    }
    const statements = requests.map((request) => ({ request: { ...request, durable: true } }));
    const options = { label: first.record.label, parallel: 1, onFailure };
    const launched = await this.#jobs.durable.launchBatch(statements, options, first);
    return this.#launcher.withNotices(options.label, launched).jobs;
  }
}

/** Asks before statements run again that may have been committed. */
async function confirmUnknown(count: number): Promise<boolean> {
  const run = vscode.l10n.t('Run Again');
  const choice = await ui.showWarningMessage(
    count === 1
      ? vscode.l10n.t('The outcome of 1 statement is unknown: it may have been committed. Run it again?')
      : vscode.l10n.t('The outcome of {0} statements is unknown: they may have been committed. Run them again?', count),
    { modal: true },
    run,
  );
  return choice === run;
}

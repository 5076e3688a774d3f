import type { Fault } from '../base/fault';
import {
  isConnectionException,
  isOperatorIntervention,
  isTransactionTimeout,
  SQLSTATE,
  type Sqlstate,
} from '../base/sqlstate';
import { errorOfFault, type RecordedError } from './errors';
import type { JobFault } from './faults';
import type { WorkerLimits } from './ports';
import type { WorkerReport } from './workerReport';

/** A time limit that ended a worker. */
export interface TimeLimit {
  readonly name: 'statement_timeout' | 'pg_background.worker_timeout' | 'transaction_timeout';
  /** Milliseconds; undefined if only the server knows. */
  readonly ms?: number;
}

/** Why a worker was stopped that did not stop by itself. */
export type StopCause = { readonly by: 'limit'; readonly limit: TimeLimit } | { readonly by: 'outside' };

/** Facts about a run that distinguish a timeout from a cancel: the server gives both the same SQLSTATE. */
export interface RunFacts {
  readonly limits?: WorkerLimits;
  /** The maximum time that the worker can have run, by our clock; used if the server does not report its run time. Milliseconds. */
  readonly ranMs?: number;
  /** When we last sent SIGTERM, counted from the worker's start. Milliseconds. */
  readonly signaledMs?: number;
}

export type Outcome = { readonly serverMs?: number } & (
  | { readonly event: 'succeed'; readonly commandTag: string; readonly rowCount: number; readonly reason?: Fault }
  | { readonly event: 'fail'; readonly error: RecordedError; readonly reason?: JobFault; readonly stop?: StopCause }
  | { readonly event: 'cancelSettled'; readonly reason?: JobFault }
  | { readonly event: 'lose'; readonly reason: JobFault }
  | { readonly event: 'finish'; readonly reason: JobFault }
);

/**
 * Decides how a job ended, without guessing (docs/internals/pg-background.md, section 4): `completed` alone does not mean success,
 * because a worker that was canceled before it began and one that died early also report it, with an empty command tag.
 *
 * A worker that ended well although it was asked to stop is a success: its work is committed.
 */
export function decideOutcome(report: WorkerReport, cancelRequested: boolean, facts: RunFacts = {}): Outcome {
  const { serverMs } = report;
  return { ...decide(report, cancelRequested, facts), ...(serverMs === undefined ? {} : { serverMs }) };
}

function decide(report: WorkerReport, cancelRequested: boolean, facts: RunFacts): Outcome {
  if (report.hasError) {
    const error = report.error ?? errorOfFault({ code: 'jobs.failedWithoutMessage' } satisfies JobFault);
    const limit = limitReached(error, report, facts);
    if (limit) return { event: 'fail', error, reason: limitReason(limit), stop: { by: 'limit', limit } };
    if (cancelRequested && STOP_STATES.has(error.sqlstate)) return { event: 'cancelSettled' };
    if (error.sqlstate === WORKER_GONE) {
      return { event: 'lose', reason: { code: 'jobs.workerDied', params: { message: error.message } } };
    }
    const stopped = error.sqlstate === SQLSTATE.queryCanceled || error.sqlstate === SQLSTATE.adminShutdown;
    if (!stopped || report.interrupted === false) return { event: 'fail', error };
    return { event: 'fail', error, reason: { code: 'jobs.stoppedFromOutside' }, stop: { by: 'outside' } };
  }
  if (report.completed && report.commandTag !== '') {
    return { event: 'succeed', commandTag: report.commandTag, rowCount: report.rowCount };
  }
  if (cancelRequested) return { event: 'cancelSettled', reason: { code: 'jobs.canceledBeforeStart' } };
  return { event: 'lose', reason: { code: 'jobs.noOutcome' } };
}

/** A worker was terminated or died while its rows were read, so it reported no error itself. */
export const WORKER_GONE: Sqlstate = SQLSTATE.connectionFailure;

/** SQLSTATEs of workers that were asked to stop. */
const STOP_STATES: ReadonlySet<Sqlstate> = new Set([SQLSTATE.queryCanceled, SQLSTATE.adminShutdown, WORKER_GONE]);

/** The server and we do not start measuring at exactly the same moment. Milliseconds. */
const TOLERANCE_MS = 2;

/**
 * Returns the time limit that ended a worker, if one did. A statement timeout has the SQLSTATE of a cancel, and the message is in the
 * server's language, so the times decide: the limit ended the worker if it had run that long, unless SIGTERM was sent after the limit
 * had passed, which shows that the SQL had caught the timeout.
 */
function limitReached(error: RecordedError, report: WorkerReport, facts: RunFacts): TimeLimit | undefined {
  if (error.sqlstate === SQLSTATE.transactionTimeout) return { name: 'transaction_timeout' };
  const { limits, signaledMs } = facts;
  const ran = report.serverMs ?? facts.ranMs;
  if (error.sqlstate !== SQLSTATE.queryCanceled || report.interrupted === false || !limits || ran === undefined)
    return undefined;
  // The worker's own limit takes precedence over the statement's.
  const limit: TimeLimit & { readonly ms: number } =
    limits.workerTimeoutMs > 0
      ? { name: 'pg_background.worker_timeout', ms: limits.workerTimeoutMs }
      : { name: 'statement_timeout', ms: limits.statementTimeoutMs };
  if (limit.ms === 0 || ran + TOLERANCE_MS < limit.ms) return undefined;
  const canceledLater = signaledMs !== undefined && signaledMs > limit.ms && signaledMs <= ran + TOLERANCE_MS;
  return canceledLater ? undefined : limit;
}

function limitReason({ name, ms }: TimeLimit): JobFault {
  return { code: 'jobs.limitReached', params: { name, ...(ms === undefined ? {} : { ms }) } };
}

/** Whether the server ends the whole process with this SQLSTATE: a worker that raised it did not finish its work. */
export function endsWorker(sqlstate: string): boolean {
  return isOperatorIntervention(sqlstate) || isConnectionException(sqlstate) || isTransactionTimeout(sqlstate);
}

/** The command tag without its counts, as `pg_background_result_info` reports it: `INSERT` for `INSERT 0 5`. */
export function bareTag(tag: string): string {
  return tag.replace(/(?: \d+)+$/, '');
}

/** The count at the end of `INSERT 0 5` or `UPDATE 5`. */
export function rowsOfTag(tag: string): number {
  return Number(/ (\d+)$/.exec(tag)?.[1] ?? 0);
}

/** A report completed with the error that reading the result raised. */
export function withError(
  report: WorkerReport,
  { error, interrupted }: { readonly error: RecordedError; readonly interrupted?: boolean },
): WorkerReport {
  return { ...report, hasError: true, error, ...(interrupted === undefined ? {} : { interrupted }) };
}

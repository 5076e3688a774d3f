import type { JobError } from '../../api';
import type { WorkerLimits } from './ports';
import type { WorkerReport } from './workerReport';

/** SQLSTATE query_canceled: a cancel or a timeout (PostgreSQL, appendix A). */
export const QUERY_CANCELED = '57014';
/** SQLSTATE admin_shutdown: the worker was terminated or the server is stopping. */
export const ADMIN_SHUTDOWN = '57P01';

/** SQLSTATE connection_failure: a worker that was terminated or died while its rows were read; it cannot say so itself. */
export const WORKER_GONE = '08006';

/** Why a job is lost whose server ended all of its processes because one of them had crashed or was killed. */
export const SERVER_CRASHED =
  'A process of the server crashed or was killed, and the server ended all of its processes over it: the work was rolled back unless it had already committed.';

/** A time limit that ended a worker. */
export interface TimeLimit {
  readonly name: 'statement_timeout' | 'pg_background.worker_timeout' | 'transaction_timeout';
  /** Milliseconds; undefined if only the server knows. */
  readonly ms?: number;
}

/** Why a worker was stopped that did not stop by itself. */
export type StopCause = { readonly by: 'limit'; readonly limit: TimeLimit } | { readonly by: 'outside' };

/** What is known about a run, to tell a timeout from a cancel: the server gives both the same SQLSTATE. */
export interface RunFacts {
  readonly limits?: WorkerLimits;
  /** How long the worker ran at most, by our clock; used if the server does not say how long. Milliseconds. */
  readonly ranMs?: number;
  /** How long after its start SIGTERM was last sent to it from here. Milliseconds. */
  readonly signaledMs?: number;
}

export type Outcome = { readonly serverMs?: number } & (
  | { readonly event: 'succeed'; readonly commandTag: string; readonly rowCount: number; readonly reason?: string }
  | { readonly event: 'fail'; readonly error: JobError; readonly reason?: string; readonly stop?: StopCause }
  | { readonly event: 'cancelSettled'; readonly reason?: string }
  | { readonly event: 'lose'; readonly reason: string }
  | { readonly event: 'finish'; readonly reason: string }
);

/**
 * Decides how a job ended, without guessing (PG_BACKGROUND.md, point 4): `completed` alone is not success, since a worker
 * that was cancelled before it began and one that died early both report it with an empty command tag.
 *
 * A worker that was asked to stop and still ended well is a success: its work is committed.
 */
export function decideOutcome(report: WorkerReport, cancelRequested: boolean, facts: RunFacts = {}): Outcome {
  const { serverMs } = report;
  return { ...decide(report, cancelRequested, facts), ...(serverMs === undefined ? {} : { serverMs }) };
}

function decide(report: WorkerReport, cancelRequested: boolean, facts: RunFacts): Outcome {
  if (report.hasError) {
    const error = report.error ?? { sqlstate: '', message: 'The worker failed, and the server kept no message.' };
    const limit = limitReached(error, report, facts);
    if (limit) return { event: 'fail', error, reason: limitReason(limit), stop: { by: 'limit', limit } };
    if (cancelRequested && STOPS.has(error.sqlstate)) return { event: 'cancelSettled' };
    if (error.sqlstate === WORKER_GONE) {
      const reason = `The worker was terminated or died while its rows were read (${error.message}). The server log says more; nothing is known to be committed.`;
      return { event: 'lose', reason };
    }
    const stopped = error.sqlstate === QUERY_CANCELED || error.sqlstate === ADMIN_SHUTDOWN;
    if (!stopped || report.interrupted === false) return { event: 'fail', error };
    return { event: 'fail', error, reason: OUTSIDE, stop: { by: 'outside' } };
  }
  if (report.completed && report.commandTag !== '') {
    return { event: 'succeed', commandTag: report.commandTag, rowCount: report.rowCount };
  }
  if (cancelRequested) {
    return { event: 'cancelSettled', reason: 'The worker stopped before it began to run the SQL.' };
  }
  return {
    event: 'lose',
    reason:
      'The worker stopped without saying how: it ended before it ran the SQL, or died. The server log says more; nothing is known to be committed.',
  };
}

/** With these a worker ends that was asked to stop. */
const STOPS = new Set([QUERY_CANCELED, ADMIN_SHUTDOWN, WORKER_GONE]);

/** SQLSTATE transaction_timeout. */
const TRANSACTION_TIMEOUT = '25P04';

/** The server and we do not measure from exactly the same moment. Milliseconds. */
const TOLERANCE_MS = 2;

const OUTSIDE =
  'It was terminated or canceled from outside, for example with pg_terminate_backend or pg_cancel_backend by another session: no cancel was requested here, and no time limit was reached.';

/**
 * The time limit that ended a worker, if one did. The SQLSTATE of a statement's timeout is that of a cancel, and the message comes in
 * the server's language, so the times decide: the limit ended it if it had run that long, unless SIGTERM was sent after the limit
 * had passed, which shows that the SQL had caught the timeout.
 */
function limitReached(error: JobError, report: WorkerReport, facts: RunFacts): TimeLimit | undefined {
  if (error.sqlstate === TRANSACTION_TIMEOUT) return { name: 'transaction_timeout' };
  const { limits, signaledMs } = facts;
  const ran = report.serverMs ?? facts.ranMs;
  if (error.sqlstate !== QUERY_CANCELED || report.interrupted === false || !limits || ran === undefined)
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

function limitReason({ name, ms }: TimeLimit): string {
  return ms === undefined ? `It reached its ${name}.` : `It reached its ${name} of ${ms} ms.`;
}

/** SQLSTATEs with which the server ends a whole process: a worker that raised one did not finish its work. */
export function endsWorker(sqlstate: string): boolean {
  return /^(57P0|08|25P0)/.test(sqlstate);
}

/** The bare command tag, as `pg_background_result_info` gives it: `INSERT` of `INSERT 0 5`. */
export function bareTag(tag: string): string {
  return tag.replace(/(?: \d+)+$/, '');
}

/** The count at the end of `INSERT 0 5` or `UPDATE 5`. */
export function rowsOfTag(tag: string): number {
  return Number(/ (\d+)$/.exec(tag)?.[1] ?? 0);
}

import type { JobError } from '../../api';

/** SQLSTATE query_canceled: a cancel or a timeout (PostgreSQL, appendix A). */
export const QUERY_CANCELED = '57014';
/** SQLSTATE admin_shutdown: the worker was terminated or the server is stopping. */
export const ADMIN_SHUTDOWN = '57P01';

/** SQLSTATE connection_failure: a worker that was terminated or died while its rows were read; it cannot say so itself. */
export const WORKER_GONE = '08006';

/** Why a job is lost whose server ended all of its processes because one of them had crashed or was killed. */
export const SERVER_CRASHED =
  'A process of the server crashed or was killed, and the server ended all of its processes over it: the work was rolled back unless it had already committed.';

/** What the server told about a worker that has stopped (`pg_background_result_info` and `_error_info`). */
export interface WorkerReport {
  readonly completed: boolean;
  readonly hasError: boolean;
  readonly commandTag: string;
  readonly rowCount: number;
  readonly error?: JobError;
}

export type Outcome =
  | { readonly event: 'succeed'; readonly commandTag: string; readonly rowCount: number; readonly reason?: string }
  | { readonly event: 'fail'; readonly error: JobError }
  | { readonly event: 'cancelSettled'; readonly reason?: string }
  | { readonly event: 'lose'; readonly reason: string }
  | { readonly event: 'finish'; readonly reason: string };

/**
 * Decides how a job ended, without guessing (PG_BACKGROUND.md, point 4): `completed` alone is not success, since a worker
 * that was cancelled before it began and one that died early both report it with an empty command tag.
 *
 * A worker that was asked to stop and still ended well is a success: its work is committed.
 */
export function decideOutcome(report: WorkerReport, cancelRequested: boolean): Outcome {
  if (report.hasError) {
    const error = report.error ?? { sqlstate: '', message: 'The worker failed, and the server kept no message.' };
    if (cancelRequested && isStop(error)) return { event: 'cancelSettled' };
    if (error.sqlstate !== WORKER_GONE) return { event: 'fail', error };
    const reason = `The worker was terminated or died while its rows were read (${error.message}). The server log says more; nothing is known to be committed.`;
    return { event: 'lose', reason };
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

/** A timeout has the SQLSTATE of a cancel: a worker that swallowed the cancel and was ended by its timeout has failed. */
function isStop({ sqlstate, message }: JobError): boolean {
  if (sqlstate === ADMIN_SHUTDOWN || sqlstate === WORKER_GONE) return true;
  return sqlstate === QUERY_CANCELED && !/\btimeout\b/.test(message);
}

/** The bare command tag, as `pg_background_result_info` gives it: `INSERT` of `INSERT 0 5`. */
export function bareTag(tag: string): string {
  return tag.replace(/(?: \d+)+$/, '');
}

/** The count at the end of `INSERT 0 5` or `UPDATE 5`. */
export function rowsOfTag(tag: string): number {
  return Number(/ (\d+)$/.exec(tag)?.[1] ?? 0);
}

import type { JobRecord } from '../../core/jobs/job';
import { launchText } from '../../core/sql/settings/launchSettings';

/**
 * The time limit that ended a job, if another launch can raise it. A limit that the text itself sets must be changed in the text. The
 * core identifies the limit from times, because the server's message may be in any language.
 */
export function raisableLimit({
  request,
  stop,
}: Pick<JobRecord, 'request' | 'stop'>): 'statementTimeoutMs' | 'workerTimeoutMs' | undefined {
  if (stop?.by !== 'limit' || stop.limit.name === 'transaction_timeout') return undefined;
  if (launchText(request.sql).settings[stop.limit.name] !== undefined) return undefined;
  return stop.limit.name === 'statement_timeout' ? 'statementTimeoutMs' : 'workerTimeoutMs';
}

/** Launches a job again whose worker failed because it did not get a lock in time. Loaded when a job that may be retried fails. */
import { SQLSTATE } from '../../base/sqlstate';
import { MAX_RETRY_ATTEMPTS } from '../../sql/directives';
import { commitsItself } from '../../sql/classify/commitsItself';
import type { JobFault } from '../faults';
import type { Job, JobFacts } from '../job';
import type { Outcome } from '../outcome';
import { retryPauseMs } from './attempts';

/** What comes after a failure: another attempt, or nothing, perhaps with a warning that says why not. */
export type AfterFailure = { readonly retry: JobFacts } | { readonly warning?: JobFault };

/**
 * A job is launched again only if the server has reported that its worker failed, so that its only transaction is rolled back: a job never
 * runs twice.
 * @param reported the server reported the outcome by itself, before anything was read from the worker
 */
export function afterFailure(job: Job, outcome: Outcome, reported: boolean): AfterFailure {
  const { request, attempt = 1, cancel } = job.record;
  const attempts = Math.min(request.retryOnLockTimeout ?? 1, MAX_RETRY_ATTEMPTS);
  if (!(attempts > 1) || outcome.event !== 'fail' || outcome.error.sqlstate !== SQLSTATE.lockNotAvailable) return {};
  if (cancel || attempt >= attempts || (job.state !== 'running' && job.state !== 'reading')) return {};
  if (!reported) return { warning: { code: 'jobs.notRetried', params: {} } };
  const command = commitsItself(request.sql);
  if (command !== undefined) return { warning: { code: 'jobs.notRetried', params: { command } } };
  const next = attempt + 1;
  const params = { attempt, attempts, seconds: retryPauseMs(next) / 1000, message: outcome.error.message };
  return { retry: { ...NOT_LAUNCHED, attempt: next, reason: { code: 'jobs.lockTimeout', params } satisfies JobFault } };
}

/** Facts about the worker of the attempt before. */
const NOT_LAUNCHED: JobFacts = {
  pid: undefined,
  backendStart: undefined,
  serverStart: undefined,
  server: undefined,
  launchSentAt: undefined,
  launchedAt: undefined,
  limits: undefined,
  progress: undefined,
};

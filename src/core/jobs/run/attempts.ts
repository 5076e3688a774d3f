import type { JobFault } from '../faults';
import type { Job } from '../job';

const MAX_PAUSE_MS = 60_000;

/** How long to wait before an attempt: 1, 2, 4, … s, at most 60 s. @param attempt from 2 */
export function retryPauseMs(attempt: number): number {
  return Math.min(MAX_PAUSE_MS, 1000 * 2 ** (attempt - 2));
}

/** Why a job was canceled whose launch was not sent. */
export function neverLaunched({ record: { attempt } }: Job): JobFault {
  return attempt === undefined
    ? { code: 'jobs.canceledBeforeLaunch' }
    : { code: 'jobs.canceledBeforeRetry', params: { attempt } };
}

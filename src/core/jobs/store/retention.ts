import type { Job } from '../job';

const DAY_MS = 86_400_000;

/**
 * The finished jobs that exceed the number or the age to keep (0 = no limit), oldest first. Pinned jobs are kept and do not count.
 *
 * @param now milliseconds since 1970
 */
export function expiredJobs(
  jobs: readonly Job[],
  { keepFinishedJobs, keepFinishedDays }: { readonly keepFinishedJobs: number; readonly keepFinishedDays: number },
  now: number,
): readonly Job[] {
  const finished = jobs.filter((job) => job.final && !job.pinned);
  const oldest = keepFinishedDays > 0 ? now - keepFinishedDays * DAY_MS : -Infinity;
  const excess = keepFinishedJobs > 0 ? Math.max(0, finished.length - keepFinishedJobs) : 0;
  return finished.filter((job, index) => index < excess || (job.record.finishedAt ?? job.record.queuedAt) < oldest);
}

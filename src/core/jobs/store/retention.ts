import type { Job } from '../job';

const DAY_MS = 86_400_000;

/** Finished jobs are kept up to a number and an age, 0 = no limit. Returns those that go, the oldest first. */
export function tooMany(
  jobs: readonly Job[],
  { keepFinishedJobs, keepFinishedDays }: { readonly keepFinishedJobs: number; readonly keepFinishedDays: number },
  now: number,
): readonly Job[] {
  const finished = jobs.filter((job) => job.final);
  const oldest = keepFinishedDays > 0 ? now - keepFinishedDays * DAY_MS : -Infinity;
  const excess = keepFinishedJobs > 0 ? Math.max(0, finished.length - keepFinishedJobs) : 0;
  return finished.filter((job, index) => index < excess || (job.record.finishedAt ?? job.record.queuedAt) < oldest);
}

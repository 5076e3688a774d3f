import type { Job } from '../job';

const DAY_MS = 86_400_000;

/**
 * The finished jobs that exceed the number or the age to keep (0 = no limit), oldest first. Pinned jobs are kept and do not count. The jobs of
 * a batch count as one: they are removed together, once all of them have ended.
 *
 * @param now milliseconds since 1970
 * @param batchOf the batch of a job
 */
export function expiredJobs(
  jobs: readonly Job[],
  { keepFinishedJobs, keepFinishedDays }: { readonly keepFinishedJobs: number; readonly keepFinishedDays: number },
  now: number,
  batchOf: (job: Job) => string | undefined = () => undefined,
): readonly Job[] {
  const groups = new Map<string, Job[]>();
  for (const job of jobs) {
    const key = batchOf(job) ?? job.id;
    const group = groups.get(key);
    if (group) group.push(job);
    else groups.set(key, [job]);
  }
  const finished = [...groups.values()]
    .filter((group) => group.every((job) => job.final))
    .map((group) => group.filter((job) => !job.pinned))
    .filter((group) => group.length > 0);
  const oldest = keepFinishedDays > 0 ? now - keepFinishedDays * DAY_MS : -Infinity;
  const excess = keepFinishedJobs > 0 ? Math.max(0, finished.length - keepFinishedJobs) : 0;
  return finished.filter((group, index) => index < excess || endOf(group) < oldest).flat();
}

/** When the last job of a group has ended. */
function endOf(group: readonly Job[]): number {
  return group.reduce((end, { record }) => Math.max(end, record.finishedAt ?? record.queuedAt), -Infinity);
}

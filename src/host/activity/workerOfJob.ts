import { findWorker } from '../../core/jobs/findWorker';
import type { InspectRequest } from '../../core/jobs/activity/inspection';
import type { ServerLink } from '../../core/jobs/ports';
import { serverOf } from '../../core/jobs/serverIdentity';
import { mayHaveWorker } from '../../core/jobs/states';
import type { LinkedJob } from '../results/rowSource';

/** The worker of a job; undefined if there is none, or the server has not shown it yet. */
export function workerOfJob(
  linked: LinkedJob | undefined,
): (InspectRequest & { readonly link: ServerLink }) | undefined {
  if (!linked || !mayHaveWorker(linked.job.state)) return undefined;
  const { job, link } = linked;
  const { pid } = job.record;
  const backendStart = job.record.backendStart ?? findWorker(link.snapshot, job.record)?.backendStart;
  if (pid === undefined || backendStart === undefined) return undefined;
  const server = serverOf(job.record);
  return { link, pid, backendStart, ...(server && { server }) };
}

import { findWorker } from '../../core/jobs/findWorker';
import type { ActiveWorker } from '../../core/jobs/ports';
import { mayHaveWorker } from '../../core/jobs/states';
import type { Connections } from '../connections/connections';
import type { ActiveFilter } from './activeFilter';
import { OtherJobNode } from './nodes/otherJobNode';
import { WorkspaceNode } from './nodes/workspaceNode';
import type { OtherJobs, ShownOtherJob } from './otherJobs';

/** The rows of other workspaces whose jobs match the filter. */
export function otherRows(others: OtherJobs, filter: ActiveFilter, connections: Connections): WorkspaceNode[] {
  return others.list().flatMap(({ workspace, jobs }) => {
    const node = new WorkspaceNode(workspace);
    node.jobs = jobs
      .filter(({ job }) => filter.matches(job))
      .map((shown) => new OtherJobNode(shown, seenWorker(shown, connections)));
    return node.jobs.length > 0 ? [node] : [];
  });
}

/** The worker of the job in the newest snapshot of a connection of this window. */
function seenWorker(
  { job }: ShownOtherJob,
  connections: Connections,
): { readonly connection: string; readonly worker: ActiveWorker } | undefined {
  const { record } = job;
  if (!mayHaveWorker(record.state) || record.backendStart === undefined) return undefined;
  if (record.server === undefined && record.serverStart === undefined) return undefined;
  for (const { name } of connections.profiles) {
    const worker = findWorker(connections.existing(name)?.snapshot, record);
    if (worker) return { connection: name, worker };
  }
  return undefined;
}

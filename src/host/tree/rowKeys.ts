import type { JobNode } from './nodes/jobNode';
import type { WorkerNode } from './nodes/workerNode';

/** Identifies a row among those of its group. */
export function rowKey(row: Pick<JobNode, 'job'> | Pick<WorkerNode, 'connection' | 'worker'>): string {
  if ('job' in row) return row.job.id;
  return `${row.connection}:${row.worker.pid}:${row.worker.backendStart}`;
}

import type { BatchNode } from './nodes/batchNode';
import type { JobNode } from './nodes/jobNode';
import type { WorkerNode } from './nodes/workerNode';

/** Identifies a row among those of its group. */
export function rowKey(
  row: Pick<JobNode, 'job'> | Pick<BatchNode, 'id' | 'batchId'> | Pick<WorkerNode, 'connection' | 'worker'>,
): string {
  if ('batchId' in row) return row.id;
  if ('job' in row) return row.job.id;
  return `${row.connection}:${row.worker.pid}:${row.worker.backendStart}`;
}

import type { ActiveWorker } from '../../core/jobs/ports';
import { JobNode } from './nodes/jobNode';
import type { WorkerNode } from './nodes/workerNode';

/** Identifies a row among those of its group. */
export function rowKey(node: JobNode | WorkerNode): string {
  if (node instanceof JobNode) return node.job.id;
  return `${node.connection}:${node.worker.pid}:${node.worker.backendStart}`;
}

export function pidsOf(workers: readonly ActiveWorker[]): string {
  return workers.map(({ pid }) => pid).join();
}

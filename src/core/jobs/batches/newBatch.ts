import type { Job, NewJob } from '../job';
import type { BatchOptions, BatchPart, OnFailure, SharedSession } from './batchPart';

/** A statement of a new batch. */
export interface BatchStatement {
  readonly request: NewJob;
  readonly session?: SharedSession | undefined;
}

/** The requests for the jobs of a new batch. */
export function batchRequests(id: string, statements: readonly BatchStatement[], options: BatchOptions): NewJob[] {
  const { label, parallel, onFailure } = options;
  const count = statements.length;
  return statements.map(({ request, session }, index) => {
    const batch: BatchPart = { id, index, count, label, parallel, onFailure, ...(session && { session }) };
    return { ...request, batch };
  });
}

/**
 * The requests for jobs that run one after the other after a job that has not ended. Together they are a batch with the id of this job.
 *
 * @param jobs the batch, if other jobs run after this one already: the new ones run after those
 */
export function requestsAfter(
  { id, record }: Job,
  jobs: readonly Job[],
  requests: readonly NewJob[],
  onFailure: OnFailure,
): NewJob[] {
  const start = Math.max(1, ...jobs.map((job) => (job.record.batch?.index ?? 0) + 1));
  const common = { id, count: start + requests.length, label: record.label, parallel: 1, onFailure };
  return requests.map((request, position) => ({ ...request, batch: { ...common, index: start + position } }));
}

import type { JobFault } from '../faults';
import type { Job } from '../job';
import { BatchRules, type BatchMember, type BatchTurn } from './batchRules';

/** Finds the jobs of each batch. */
export class BatchIndex {
  readonly #batches = new Map<string, Map<string, Job>>();
  /** The jobs of each batch in its order, until one is added or removed. */
  readonly #inOrder = new Map<string, readonly Job[]>();
  /** Finds a listed job. */
  readonly #get: (id: string) => Job | undefined;
  /** Whether all jobs on disk are listed. Until then, a missing one may still be queued or running. */
  #complete = false;

  constructor(get: (id: string) => Job | undefined) {
    this.#get = get;
  }

  add(job: Job): void {
    const { batch } = job.record;
    if (!batch) return;
    const jobs = this.#batches.get(batch.id) ?? new Map<string, Job>();
    this.#batches.set(batch.id, jobs.set(job.id, job));
    this.#inOrder.delete(batch.id);
  }

  remove({ id, record: { batch } }: Job): void {
    if (!batch) return;
    const jobs = this.#batches.get(batch.id);
    jobs?.delete(id);
    this.#inOrder.delete(batch.id);
    if (jobs?.size === 0) this.#batches.delete(batch.id);
  }

  /** The batch of a job: that of its record, or its own id if other jobs run after it. */
  idOf({ id, record }: Job): string | undefined {
    return record.batch?.id ?? (this.#batches.has(id) ? id : undefined);
  }

  /** The jobs of a batch that are listed, in its order. */
  jobs(batchId: string): readonly Job[] {
    let jobs = this.#inOrder.get(batchId);
    if (!jobs) {
      jobs = [...(this.#batches.get(batchId)?.values() ?? [])].sort((a, b) => indexOf(a) - indexOf(b));
      if (jobs.length > 0) this.#inOrder.set(batchId, jobs);
    }
    const first = jobs.length > 0 ? this.#get(batchId) : undefined;
    return first && first.record.batch === undefined ? [first, ...jobs] : jobs;
  }

  /** Call it when all jobs on disk are listed. */
  restored(): void {
    this.#complete = true;
  }

  /** Returns a function that decides about waiting jobs, valid until a job changes. */
  turns(): (job: Job) => BatchTurn {
    const known = new Map<string, BatchRules>();
    return ({ record: { batch } }) => {
      if (!batch) return 'start';
      let rules = known.get(batch.id);
      if (!rules) {
        const jobs = this.jobs(batch.id);
        known.set(batch.id, (rules = new BatchRules(jobs.map(memberOf), this.#complete || jobs.length >= batch.count)));
      }
      return rules.turnOf(batch);
    };
  }

  /** Whether a job of the same batch has not ended. */
  isUnfinished(job: Job): boolean {
    const id = this.idOf(job);
    return id !== undefined && this.jobs(id).some(({ final }) => !final);
  }
}

function indexOf({ record }: Job): number {
  return record.batch?.index ?? 0;
}

function memberOf(job: Job): BatchMember {
  const { label, state, reason } = job.record;
  const stopped = reason?.code === ('jobs.batchStopped' satisfies JobFault['code']);
  return { index: indexOf(job), label, state, stopped };
}

/** Explains why a worker does not respond to a cancel, for as long as it does not. Loaded on demand. */
import type { Disposable } from '../../base/disposable';
import type { Fault } from '../../base/fault';
import { findWorker } from '../findWorker';
import type { Job } from '../job';
import type { JobFault } from '../faults';
import type { ActiveWorker, ActivitySnapshot, ServerLink } from '../ports';
import { sampleOf, StuckSamples } from './stuckReason';

/** Snapshots that follow a sample within this time are no samples. A little less than a second, because snapshots are that far apart. */
const SAMPLE_MS = 900;

export interface StuckContext {
  readonly link: ServerLink;
  /** Resolves when this window closes. */
  readonly closing: Promise<void>;
}

/** The watches of jobs: a job that is canceled again has a new one. */
const watches = new WeakMap<Job, StuckWatch>();

/**
 * Begins to explain why the worker of an unresponsive job is still running: records the reason as far as it is known, and updates it
 * from the snapshots that are taken anyway while the worker runs, until the job has ended.
 *
 * @param worker undefined if the server does not show it; null if the server could not be asked
 * @param since samples from then on count: before, the worker may not have handled the signal. Monotonic milliseconds
 * @returns the reason as far as it is known
 */
export function explainStuck(
  job: Job,
  worker: ActiveWorker | undefined | null,
  since: number,
  context: StuckContext,
): JobFault {
  watches.get(job)?.dispose();
  const watch = new StuckWatch(job, since, context);
  watches.set(job, watch);
  if (worker === null) return { code: 'jobs.stuckUnknown' };
  if (!worker) return { code: 'jobs.stuckEnding' };
  return watch.look(worker, context.link.snapshot?.at ?? since);
}

class StuckWatch implements Disposable {
  readonly #samples = new StuckSamples();
  #sampledAt: number;
  /** The reason that the sample before showed. */
  #before: JobFault | undefined;
  #disposables: readonly Disposable[];

  readonly #job: Job;
  readonly #link: ServerLink;

  constructor(job: Job, since: number, { link, closing }: StuckContext) {
    this.#job = job;
    this.#link = link;
    this.#sampledAt = since;
    this.#disposables = [link.watch('steady'), link.onSnapshot((snapshot) => this.#snapshot(snapshot))];
    void Promise.race([job.ended, closing]).then(() => this.dispose());
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
    this.#disposables = [];
  }

  /** Adds the samples that are new. @param at when the snapshot that shows the worker was requested, in monotonic milliseconds */
  look(worker: ActiveWorker, at: number): JobFault {
    const kept = this.#link.samples?.(worker) ?? [];
    for (const sample of kept) if (sample.at >= this.#sampledAt && sample.at < at) this.#samples.add(sample);
    this.#samples.add(sampleOf(worker));
    this.#sampledAt = at;
    return this.#samples.reason(worker);
  }

  #snapshot(snapshot: ActivitySnapshot): void {
    const job = this.#job;
    if (job.mirrored) this.dispose();
    // While it is canceled again, its state says what is known.
    if (job.state !== 'unresponsive' || snapshot.at - this.#sampledAt < SAMPLE_MS) return;
    const worker = findWorker(snapshot, job.record);
    if (!worker) return;
    const reason = this.look(worker, snapshot.at);
    const shown = job.record.reason;
    // Another reason, such as a lost session, says more about how the job will end.
    if (shown?.code.startsWith('jobs.stuck') === false) return;
    // The text must not alternate with the samples, nor count them aloud: two must agree, and a count is worth a new text once it has doubled.
    const settled = this.#before !== undefined && isSame(this.#before, reason);
    this.#before = reason;
    if (!settled || (isSame(shown, reason) && !(countOf(reason) >= 2 * countOf(shown)))) return;
    job.update({ reason }, { durable: true });
  }
}

/** Whether two reasons differ in no more than the number of their samples. */
function isSame(a: Fault | undefined, b: Fault): boolean {
  const textOf = ({ code, params }: Fault): string => JSON.stringify([code, { ...params, samples: 0 }]);
  return a !== undefined && textOf(a) === textOf(b);
}

/** NaN if the reason has no number of samples. */
function countOf(reason: Fault | undefined): number {
  return Number(reason?.params?.['samples']);
}

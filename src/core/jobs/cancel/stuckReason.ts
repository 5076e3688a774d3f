import type { ActivitySample } from '../activity/workKind';
import { QUEUE_FULL } from '../queueFull';
import type { JobFault } from '../faults';
import { blockerText } from '../blockerText';
import type { ActiveWorker } from '../ports';

/** Waits that a cancel does not interrupt: they prove nothing about the SQL. */
const UNINTERRUPTED: ReadonlySet<string> = new Set(['IO', 'LWLock']);

/** What a worker does in this many samples is what it does all the time. */
const MIN_SAMPLES = 3;

/** What one sample shows. */
type Sample = Pick<ActivitySample, 'waitEventType' | 'waitEvent' | 'blockers'>;

/** What all samples have waited for, and the processes that held it in all of them. */
interface SameLock {
  readonly wait: string;
  readonly blockers: readonly number[];
}

/** Whether the worker waits for something that a cancel would have interrupted. */
function isCaught({ waitEventType = '', waitEvent }: Sample): boolean {
  return waitEvent !== undefined && waitEvent !== QUEUE_FULL && !UNINTERRUPTED.has(waitEventType);
}

function waitOf({ waitEventType = '', waitEvent = '' }: Sample): string {
  return `${waitEventType}/${waitEvent}`;
}

/** The samples of a worker since it was asked to stop, added up: after hours, the first ones still count. */
export class StuckSamples {
  #count = 0;
  #computing = 0;
  #onQueue = 0;
  #caught: string | undefined;
  #lock: SameLock | undefined;

  add(sample: Sample): void {
    this.#lock = this.#sameLock(sample);
    this.#count++;
    if (sample.waitEvent === undefined) this.#computing++;
    if (sample.waitEvent === QUEUE_FULL) this.#onQueue++;
    if (isCaught(sample)) this.#caught = waitOf(sample);
  }

  /**
   * Why the worker is still running, derived from `pg_stat_activity` (PostgreSQL, "The Cumulative Statistics System", wait events).
   *
   * @param worker as the newest sample shows it, which has been added
   */
  reason(worker: ActiveWorker): JobFault {
    const { waitEventType, waitEvent, state } = worker;
    const samples = this.#count;
    // A cancel interrupts waits for locks, too: the SQL caught it, continued, and now waits.
    if (waitEventType === 'Lock') return this.#onLock(worker);
    if (waitEvent === QUEUE_FULL) {
      // A cancel interrupts this wait as well. A queue that is being read is only full in some samples.
      const stays = samples >= MIN_SAMPLES && this.#onQueue === samples;
      return stays ? { code: 'jobs.stuckOnUnreadQueue', params: { samples } } : { code: 'jobs.stuckOnQueue' };
    }
    const wait = waitOf({ ...worker, blockers: [] });
    // A cancel interrupts these waits, so the SQL caught it and continued.
    if (waitEvent !== undefined && wait === this.#caught) return { code: 'jobs.stuckCatchesCancel', params: { wait } };
    if (this.#caught !== undefined) return { code: 'jobs.stuckCaughtCancel', params: { wait: this.#caught } };
    if (waitEvent !== undefined) return { code: 'jobs.stuckInWait', params: { wait } };
    if (state !== 'active') return { code: 'jobs.stuckUnknown' };
    return samples >= MIN_SAMPLES && this.#computing === samples
      ? { code: 'jobs.stuckComputing', params: { samples } }
      : { code: 'jobs.stuckOnCpu' };
  }

  #sameLock(sample: Sample): SameLock | undefined {
    const wait = waitOf(sample);
    if (sample.waitEventType !== 'Lock') return undefined;
    if (this.#count === 0) return { wait, blockers: sample.blockers };
    if (this.#lock?.wait !== wait) return undefined;
    const blockers = this.#lock.blockers.filter((pid) => sample.blockers.includes(pid));
    // A prepared transaction that blocks has no process.
    const none = this.#lock.blockers.length === 0 && sample.blockers.length === 0;
    return blockers.length > 0 || none ? { wait, blockers } : undefined;
  }

  #onLock({ blockers }: ActiveWorker): JobFault {
    const same = this.#lock;
    const [blocker] = same ? blockers.filter(({ pid }) => same.blockers.includes(pid)) : blockers;
    const by = blocker ? { blocker: blockerText(blocker) } : {};
    return same && this.#count >= MIN_SAMPLES
      ? { code: 'jobs.stuckOnSameLock', params: { wait: same.wait, samples: this.#count, ...by } }
      : { code: 'jobs.stuckOnLock', params: by };
  }
}

/**
 * Why a worker that was asked to stop is still running.
 *
 * @param worker undefined if the server no longer shows it; null if the server could not be asked
 * @param earlier samples since the cancel: one that is computing now may have caught the cancel before
 */
export function stuckReasonOf(worker: ActiveWorker | undefined | null, earlier: readonly Sample[] = []): JobFault {
  const known = new StuckSamples();
  if (worker === null) return { code: 'jobs.stuckUnknown' };
  if (!worker) return { code: 'jobs.stuckEnding' };
  for (const sample of [...earlier, sampleOf(worker)]) known.add(sample);
  return known.reason(worker);
}

/** What a snapshot shows about a worker, as a sample. */
export function sampleOf(worker: ActiveWorker): Sample {
  return { ...worker, blockers: worker.blockers.map(({ pid }) => pid) };
}

import { QUEUE_FULL } from '../queueFull';
import { blockerText } from '../blockerText';
import type { ActiveWorker } from '../ports';

/** What a job waited for during most of its time. */
export interface Waited {
  /** The wait event as `type/name`, for example `Lock/relation`. */
  readonly on: string;
  /** How long it waited for that, as far as it was sampled, and how long it was sampled. Milliseconds. */
  readonly ms: number;
  readonly ofMs: number;
  /** The process that held the lock last, for example `pid 5, bob, psql`. */
  readonly blocker?: string;
}

/** Shorter jobs are not worth a remark. Milliseconds. */
const MIN_MS = 5000;
/** A longer time between two samples is not attributed to the first. Milliseconds. */
const MAX_GAP_MS = 5000;

/** Adds up what a worker waits for, from the samples of the activity query. */
export class WaitTimes {
  readonly #ms = new Map<string, number>();
  #totalMs = 0;
  #last: { readonly at: number; readonly on: string } | undefined;
  #blocker: string | undefined;

  /** @param at when the sample was taken, by the monotonic clock in milliseconds */
  sample(at: number, { waitEventType = '', waitEvent, blockers }: ActiveWorker): void {
    if (this.#last) {
      const ms = Math.min(MAX_GAP_MS, Math.max(0, at - this.#last.at));
      this.#totalMs += ms;
      this.#ms.set(this.#last.on, (this.#ms.get(this.#last.on) ?? 0) + ms);
    }
    // Our own reading is not what the job is waiting for.
    const waits = waitEvent !== undefined && waitEvent !== QUEUE_FULL;
    this.#last = { at, on: waits ? `${waitEventType}/${waitEvent}` : '' };
    const [blocker] = blockers;
    if (waitEventType === 'Lock' && blocker) this.#blocker = blockerText(blocker);
  }

  /** @returns undefined if it was short, or waited for no single event during more than half of the time */
  mainWait(): Waited | undefined {
    if (this.#totalMs < MIN_MS) return undefined;
    for (const [on, ms] of this.#ms) {
      if (on === '' || ms * 2 <= this.#totalMs) continue;
      const blocker = on.startsWith('Lock/') && this.#blocker !== undefined ? { blocker: this.#blocker } : {};
      return { on, ms, ofMs: this.#totalMs, ...blocker };
    }
    return undefined;
  }
}

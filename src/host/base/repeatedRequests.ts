/** A repeated request within this time is a double click or a repeating key. Milliseconds. */
const REPEAT_MS = 1000;

/** Detects double clicks: running a statement twice by accident can do real harm. */
export class RepeatedRequests {
  readonly #last = new Map<string, number>();

  readonly #now: () => number;

  /** @param now milliseconds of a monotonic clock */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * @param key identifies what is requested
   * @returns true if the same was requested within the last second. Repeats count as requests, so a third click is a repeat too.
   */
  isRepeat(key: string): boolean {
    const now = this.#now();
    for (const [known, at] of this.#last) if (now - at >= REPEAT_MS) this.#last.delete(known);
    const repeated = this.#last.has(key);
    this.#last.set(key, now);
    return repeated;
  }

  /** Forgets a request that had no effect, so that the next one is not a repeat. */
  forget(key: string): void {
    this.#last.delete(key);
  }
}

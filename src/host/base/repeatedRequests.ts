/** A second request for the same thing this soon is a double click, or a key that repeats. Milliseconds. */
const REPEAT_MS = 1000;

/** Recognizes double clicks: a statement that runs twice by accident can do real harm. */
export class RepeatedRequests {
  readonly #last = new Map<string, number>();

  readonly #now: () => number;

  /** @param now milliseconds of a monotonic clock */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * @param key identifies what is requested
   * @returns true if the same was requested within the last second; it also counts, so that a third click is one too
   */
  isRepeat(key: string): boolean {
    const now = this.#now();
    for (const [known, at] of this.#last) if (now - at >= REPEAT_MS) this.#last.delete(known);
    const repeated = this.#last.has(key);
    this.#last.set(key, now);
    return repeated;
  }

  /** Nothing came of it, so that the next request is not a repeat. */
  forget(key: string): void {
    this.#last.delete(key);
  }
}

/** A second launch of the same text this soon is a double click or a key that repeats. Milliseconds. */
const REPEAT_MS = 1000;

/** Recognizes launches that were requested twice by accident: running a statement twice can do real harm. */
export class RepeatedLaunches {
  readonly #last = new Map<string, number>();

  /** @param now milliseconds of a monotonic clock */
  constructor(private readonly now: () => number) {}

  /**
   * @param key identifies what is to be launched
   * @returns true if the same was requested within the last second; such a request also counts, so that a third click does not launch
   */
  isRepeat(key: string): boolean {
    const now = this.now();
    for (const [known, at] of this.#last) if (now - at >= REPEAT_MS) this.#last.delete(known);
    const repeated = this.#last.has(key);
    this.#last.set(key, now);
    return repeated;
  }

  /** Nothing was launched after all, so that the next request is not a repeat. */
  forget(key: string): void {
    this.#last.delete(key);
  }
}

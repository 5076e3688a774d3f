import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';

/** The delays before failed writes are tried again; the last one repeats. Milliseconds. */
const DELAYS_MS = [1000, 2000, 5000, 15_000, 60_000];

export interface WriteRetryOptions {
  readonly clock: Clock;
  /** Tries again what failed for a key. It reports the result with {@link WriteRetry.failed} or {@link WriteRetry.succeeded}. */
  retry(key: string): Promise<void>;
  /** Called with the first failure of an episode. */
  started(error: unknown): void;
  /** Called when everything that failed has been written. */
  ended(): void;
}

/** Repeats failed writes with growing delays. An episode lasts from the first failure until everything is written. */
export class WriteRetry {
  readonly #failing = new Set<string>();
  #timer: Disposable | undefined;
  #attempt = 0;
  #disposed = false;

  readonly #options: WriteRetryOptions;

  constructor(options: WriteRetryOptions) {
    this.#options = options;
  }

  /** Whether writes fail at present. */
  get active(): boolean {
    return this.#failing.size > 0;
  }

  failed(key: string, error: unknown): void {
    const first = this.#failing.size === 0;
    this.#failing.add(key);
    if (first) {
      this.#attempt = 0;
      this.#options.started(error);
    }
    this.#later();
  }

  /** What failed for a key is written, or no longer needed. */
  succeeded(key: string): void {
    if (!this.#failing.delete(key)) return;
    if (this.#failing.size > 0) return;
    this.#timer?.dispose();
    this.#timer = undefined;
    this.#options.ended();
  }

  /** Tries again now, e.g. after files were removed. */
  async now(): Promise<void> {
    this.#timer?.dispose();
    this.#timer = undefined;
    await Promise.allSettled([...this.#failing].map((key) => this.#options.retry(key)));
    if (this.active) this.#later();
  }

  dispose(): void {
    this.#disposed = true;
    this.#timer?.dispose();
  }

  #later(): void {
    if (this.#disposed || this.#timer) return;
    const delay = DELAYS_MS[Math.min(this.#attempt, DELAYS_MS.length - 1)] ?? 0;
    this.#timer = this.#options.clock.after(delay, () => {
      this.#attempt++;
      void this.now();
    });
  }
}

import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { Emitter } from '../../base/emitter';
import type { Logger } from '../../base/logger';
import type { ActivitySnapshot } from '../../jobs/ports';

/** Pause between two queries: while a worker has just been launched, and otherwise. Milliseconds. */
const PAUSE_MS = { fast: 40, steady: 1000 } as const;
/** First pause after a failure; each further failure doubles it up to the maximum. Milliseconds. */
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;

/** Polls the server's activity while there are watchers: one query at a time, with growing pauses while the server is unreachable. */
export class ActivityPoller {
  readonly #watchers: Record<keyof typeof PAUSE_MS, number> = { fast: 0, steady: 0 };
  readonly #listeners: Emitter<ActivitySnapshot>;
  #running: Promise<ActivitySnapshot> | undefined;
  #nextRefresh: Promise<ActivitySnapshot> | undefined;
  #timer: Disposable | undefined;
  #failures = 0;
  #disposed = false;
  snapshot: ActivitySnapshot | undefined;

  readonly #query: () => Promise<ActivitySnapshot>;
  readonly #clock: Clock;
  readonly #onFailure: (error: unknown, pauseMs: number) => void;

  constructor(
    query: () => Promise<ActivitySnapshot>,
    clock: Clock,
    onFailure: (error: unknown, pauseMs: number) => void,
    log: Pick<Logger, 'error'>,
  ) {
    this.#query = query;
    this.#clock = clock;
    this.#onFailure = onFailure;

    this.#listeners = new Emitter(log);
  }

  onSnapshot(listener: (snapshot: ActivitySnapshot) => void): Disposable {
    return this.#listeners.add(listener);
  }

  watch(pace: 'fast' | 'steady'): Disposable {
    this.#watchers[pace]++;
    let done = false;
    // A new watcher does not wait for the pause of a slower pace. It does wait for the retry of an unreachable server.
    if (this.#failures === 0 || !this.#timer) this.#schedule(0);
    return {
      dispose: () => {
        if (done) return;
        done = true;
        this.#watchers[pace]--;
        if (!this.#watched) this.#stop();
      },
    };
  }

  /**
   * Queries now. The server may have answered a pending query before the change that the caller is interested in, so another query
   * follows. Concurrent callers share it.
   */
  refresh(): Promise<ActivitySnapshot> {
    if (!this.#running) return this.#join();
    this.#nextRefresh ??= this.#running
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        this.#nextRefresh = undefined;
        return this.#join();
      });
    return this.#nextRefresh;
  }

  #join(): Promise<ActivitySnapshot> {
    if (this.#running) return this.#running;
    this.#stop();
    const running = this.#pollOnce();
    this.#running = running;
    return running;
  }

  dispose(): void {
    this.#disposed = true;
    this.#stop();
    this.#listeners.clear();
  }

  get #watched(): boolean {
    return this.#watchers.fast + this.#watchers.steady > 0;
  }

  async #pollOnce(): Promise<ActivitySnapshot> {
    try {
      const snapshot = await this.#query();
      this.#failures = 0;
      this.snapshot = snapshot;
      // Before the listeners are called, so that they can refresh.
      this.#running = undefined;
      this.#listeners.emit(snapshot);
      this.#schedule();
      return snapshot;
    } catch (error) {
      this.#running = undefined;
      this.#failures++;
      const pause = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1));
      if (!this.#disposed) {
        this.#onFailure(error, pause);
        this.#schedule(pause);
      }
      throw error;
    }
  }

  #schedule(pause: number | undefined = this.#watchers.fast > 0 ? PAUSE_MS.fast : PAUSE_MS.steady): void {
    if (this.#disposed || !this.#watched || this.#running) return;
    this.#stop();
    this.#timer = this.#clock.after(pause, () => {
      // onFailure has reported the failure.
      this.#join().catch(() => undefined);
    });
  }

  #stop(): void {
    this.#timer?.dispose();
    this.#timer = undefined;
  }
}

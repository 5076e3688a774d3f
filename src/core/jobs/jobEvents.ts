import type { Job } from './job';
import { Emitter } from '../base/emitter';
import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import type { Logger } from '../base/logger';

/** Messages and progress can arrive very fast: listeners are notified of them at most this often per job. Milliseconds. */
const THROTTLE_MS = 50;

/** Notifies listeners of changed jobs: of a new state immediately, of other changes throttled. */
export class JobEvents {
  readonly #listeners: Emitter<Job>;
  /** Timers of the jobs that changed since the last notification. */
  readonly #pending = new Map<string, Disposable>();
  #disposed = false;

  readonly #clock: Clock;

  constructor(clock: Clock, log: Pick<Logger, 'error'>) {
    this.#clock = clock;

    this.#listeners = new Emitter(log);
  }

  onDidChange(listener: (job: Job) => void): Disposable {
    return this.#listeners.add(listener);
  }

  /** Notifies the listeners at once. */
  emitNow(job: Job): void {
    if (this.#disposed) return;
    this.discard(job.id);
    this.#listeners.emit(job);
  }

  /** Notifies the listeners soon, once for all changes until then. */
  emitSoon(job: Job): void {
    if (this.#disposed || this.#pending.has(job.id)) return;
    this.#pending.set(
      job.id,
      this.#clock.after(THROTTLE_MS, () => this.emitNow(job)),
    );
  }

  /** Discards the pending notification of a job. */
  discard(id: string): void {
    this.#pending.get(id)?.dispose();
    this.#pending.delete(id);
  }

  dispose(): void {
    this.#disposed = true;
    for (const timer of this.#pending.values()) timer.dispose();
    this.#pending.clear();
    this.#listeners.clear();
  }
}

import type { Job } from './job';
import { Emitter } from '../base/emitter';
import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import type { Logger } from '../base/logger';

/** Messages and progress come in floods: they are told at most this often for each job. Milliseconds. */
const TELL_MS = 50;

/** Tells who wants to know what became of jobs: a change of state at once, anything else within a moment. */
export class Changes {
  readonly #listeners: Emitter<Job>;
  /** Jobs with news that were not told yet. */
  readonly #untold = new Map<string, Disposable>();
  #disposed = false;

  readonly #clock: Clock;

  constructor(clock: Clock, log: Pick<Logger, 'error'>) {
    this.#clock = clock;

    this.#listeners = new Emitter(log);
  }

  onDidChange(listener: (job: Job) => void): Disposable {
    return this.#listeners.add(listener);
  }

  tell(job: Job, now: boolean): void {
    if (this.#disposed) return;
    if (now) {
      this.forget(job.id);
      this.#listeners.emit(job);
    } else if (!this.#untold.has(job.id)) {
      this.#untold.set(
        job.id,
        this.#clock.after(TELL_MS, () => this.tell(job, true)),
      );
    }
  }

  /** What is not told yet of this job is not told any more. */
  forget(id: string): void {
    this.#untold.get(id)?.dispose();
    this.#untold.delete(id);
  }

  dispose(): void {
    this.#disposed = true;
    for (const timer of this.#untold.values()) timer.dispose();
    this.#untold.clear();
    this.#listeners.clear();
  }
}

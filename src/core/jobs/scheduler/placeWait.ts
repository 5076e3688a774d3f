import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import type { Job } from '../job';
import type { NoPlace, Place, Places } from './places';

/** Other windows may end without an event. Milliseconds. */
const CHECK_MS = 300;
/** How long a job lets an older one of another window go first: that window may be suspended. Milliseconds. */
const YIELD_MS = 300;

export interface PlaceWaitOptions {
  readonly connection: string;
  readonly places: Places;
  readonly clock: Clock;
  /** The job that would run next if it had a place; undefined if none may run now. */
  next(): Job | undefined;
  limit(): number;
  /** There is a place for the next job: {@link PlaceWait.use} returns it. */
  gained(): void;
  noPlace(job: Job, why: NoPlace): void;
  /** No job needs a place any more. */
  over(): void;
  /** Called after an unexpected error; the next check tries again. */
  failed(error: unknown): void;
}

/** The jobs of one connection wait because jobs of other windows have all places. Takes each place that becomes free for the next job. */
export class PlaceWait {
  #gained: { readonly jobId: string; readonly place: Place } | undefined;
  #checking: Promise<void> | undefined;
  #again = false;
  #yieldsSince: number | undefined;
  #announced: string | undefined;
  #timer: Disposable;
  readonly #watch: Disposable;
  #disposed = false;

  readonly #options: PlaceWaitOptions;

  constructor(options: PlaceWaitOptions) {
    this.#options = options;
    this.#watch = options.places.watch(options.connection, () => this.check());
    this.#timer = this.#checkLater();
  }

  /** Whether a place was taken that no job uses yet. */
  get ready(): boolean {
    return this.#gained !== undefined;
  }

  /** The place that was taken for the job. */
  use(jobId: string): Place | undefined {
    if (this.#gained?.jobId !== jobId) return undefined;
    const { place } = this.#gained;
    this.#gained = undefined;
    return place;
  }

  /** Looks for a free place now. */
  check(): void {
    this.#again = true;
    this.#checking ??= this.#check()
      .catch((error: unknown) => this.#options.failed(error))
      .finally(() => (this.#checking = undefined));
  }

  /** Resolves when nothing is taken or announced any more. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#timer.dispose();
    this.#watch.dispose();
    await this.#checking;
    await this.#options.places.withdraw(this.#options.connection);
  }

  #checkLater(): Disposable {
    return this.#options.clock.after(CHECK_MS, () => {
      this.#timer = this.#checkLater();
      this.check();
    });
  }

  async #check(): Promise<void> {
    while (this.#again && !this.#disposed) {
      this.#again = false;
      await this.#tryOnce();
    }
  }

  async #tryOnce(): Promise<void> {
    const options = this.#options;
    const { places, clock } = options;
    const job = options.next();
    const max = options.limit();
    if (!job || max === 0) {
      options.over();
      return;
    }
    if (this.#announced !== job.id) {
      this.#announced = job.id;
      await places.announce(job);
    }
    const now = clock.monotonic();
    const patient = this.#yieldsSince !== undefined && now - this.#yieldsSince >= YIELD_MS;
    const taken = await places.take(job, max, patient);
    if ('elsewhere' in taken) {
      this.#yieldsSince = taken.yields ? (this.#yieldsSince ?? now) : undefined;
      if (!this.#disposed) options.noPlace(job, taken);
      return;
    }
    this.#yieldsSince = undefined;
    if (!this.#disposed) {
      this.#gained = { jobId: job.id, place: taken };
      options.gained();
      // There may be another one.
      this.#again = true;
      if (!this.ready) return;
      // The job does not wait any more.
      this.#gained = undefined;
    }
    await taken.release();
  }
}

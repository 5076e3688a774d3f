/** The queue of one connection: which jobs wait, in which order, and which may run. Without clocks or side effects. */

export interface QueueEntry {
  readonly id: string;
  /** Its position: the lowest is next. A refused job keeps it. */
  readonly order: number;
  /** It was refused, and is not tried again before its pause is over ({@link JobQueue.pauseOver}). */
  readonly paused: boolean;
  /** How often it was refused because there was no slot or no server. */
  readonly refusals: number;
}

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

export class JobQueue {
  /** In the order in which they will run. */
  #waiting: QueueEntry[] = [];
  readonly #running = new Map<string, QueueEntry>();
  /** A refused job that is being tried again: until it is launched or refused, no other job is tried. */
  #probe: string | undefined;
  #firstOrder = 0;
  #lastOrder = 0;

  add(id: string): void {
    this.#insert({ id, order: ++this.#lastOrder, paused: false, refusals: 0 });
  }

  /**
   * Returns a refused job to its position, to be tried again after a growing pause. The caller must call {@link pauseOver} after the pause:
   * the queue compares no times, because timers fire early and clocks are set back.
   *
   * @returns the pause in milliseconds, and the number of refusals, which identifies the pause
   */
  refuse(id: string): { readonly pauseMs: number; readonly refusals: number } {
    const entry = this.#endRun(id);
    const refusals = entry?.refusals ?? 0;
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** refusals);
    const order = entry?.order ?? ++this.#lastOrder;
    this.#insert({ id, order, paused: true, refusals: refusals + 1 });
    return { pauseMs, refusals: refusals + 1 };
  }

  /** Ends the pause of a job, unless the job was refused again since. */
  pauseOver(id: string, refusals: number): void {
    this.#waiting = this.#waiting.map((entry) =>
      entry.id === id && entry.refusals === refusals ? { ...entry, paused: false } : entry,
    );
  }

  /**
   * Takes the next job that may run now.
   *
   * @param limit how many may run at once, 0 = no limit
   * @param isBlocked whether a job may not start now, so that those after it may
   */
  take(limit: number, isBlocked: (id: string) => boolean = () => false): QueueEntry | undefined {
    const next = this.next(limit, isBlocked);
    if (!next) return undefined;
    this.#waiting = this.#waiting.filter((entry) => entry !== next);
    this.#running.set(next.id, next);
    if (next.refusals > 0) this.#probe = next.id;
    return next;
  }

  /** The job that {@link take} would return. */
  next(limit: number, isBlocked: (id: string) => boolean): QueueEntry | undefined {
    if (limit > 0 && this.#running.size >= limit) return undefined;
    if (this.#probe !== undefined) return undefined;
    // A refused job keeps its position: those after it would be refused as well.
    const next = this.#waiting.find((entry) => !isBlocked(entry.id));
    return next?.paused === true ? undefined : next;
  }

  /** Returns a job to its position, without a pause: the caller knows when it may run. */
  putBack(id: string): void {
    const entry = this.#endRun(id);
    if (entry) this.#insert({ ...entry, paused: false });
  }

  /** The job got its slot, so there may be room for more. */
  launched(id: string): void {
    if (this.#probe === id) this.#probe = undefined;
  }

  /** A running job has ended, so a slot is free: a refused job is tried at once. */
  done(id: string): void {
    if (this.#endRun(id)) this.retryNow();
  }

  /** Ends every pause. */
  retryNow(): void {
    this.#waiting = this.#waiting.map((entry) => ({ ...entry, paused: false }));
  }

  remove(id: string): boolean {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((entry) => entry.id !== id);
    return this.#waiting.length < before;
  }

  /** Makes a waiting job the next one. @returns false if the job does not wait */
  runNext(id: string): boolean {
    const entry = this.#waiting.find((waiting) => waiting.id === id);
    if (!entry || !this.remove(id)) return false;
    this.#insert({ ...entry, order: --this.#firstOrder, paused: false });
    return true;
  }

  /**
   * Moves waiting jobs to the place of another one, as in a list: that one and those between make room. The moved jobs keep their order.
   * @returns false if nothing moves
   */
  move(ids: ReadonlySet<string>, to: string): boolean {
    const before = this.#waiting;
    const target = before.findIndex(({ id }) => id === to);
    const first = before.findIndex(({ id }) => ids.has(id));
    if (target < 0 || first < 0 || ids.has(to)) return false;
    const moved = before.filter(({ id }) => ids.has(id));
    const others = before.filter(({ id }) => !ids.has(id));
    const place = others.findIndex(({ id }) => id === to) + (first < target ? 1 : 0);
    const after = [...others.slice(0, place), ...moved, ...others.slice(place)];
    // The positions stay; a refused job that is being tried keeps its own.
    this.#waiting = after.map((entry, index) => ({ ...entry, order: before[index]?.order ?? entry.order }));
    return after.some((entry, index) => entry !== before[index]);
  }

  /** Ids in the order in which they will run. */
  get waiting(): readonly string[] {
    return this.#waiting.map((entry) => entry.id);
  }

  get running(): number {
    return this.#running.size;
  }

  #endRun(id: string): QueueEntry | undefined {
    const entry = this.#running.get(id);
    this.#running.delete(id);
    this.launched(id);
    return entry;
  }

  #insert(entry: QueueEntry): void {
    const index = this.#waiting.findIndex((other) => other.order > entry.order);
    this.#waiting.splice(index < 0 ? this.#waiting.length : index, 0, entry);
  }
}

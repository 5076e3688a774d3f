/** Who waits, and who may run: pure, one for each connection. */

export interface Waiting {
  readonly id: string;
  /** Its place: the least is next. It keeps it when it is refused. */
  readonly order: number;
  /** It was refused and is not tried before its pause is over ({@link JobQueue.due}). */
  readonly paused: boolean;
  /** How often it was refused for want of a slot, or of a server. */
  readonly refusals: number;
  /** Waits for the user's word after a reload. */
  readonly held: boolean;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export class JobQueue {
  /** In the order in which they will run. */
  #waiting: Waiting[] = [];
  readonly #running = new Map<string, Waiting>();
  /** A refused job that is being tried again: as long as it is not known whether there is room, nobody else is tried. */
  #probe: string | undefined;
  #first = 0;
  #last = 0;

  add(id: string, held = false): void {
    this.#insert({ id, order: ++this.#last, paused: false, refusals: 0, held });
  }

  /**
   * Puts a job that was refused back to its place, to be tried after a pause that grows. The caller must call {@link due} after the
   * pause: the queue itself compares no times, because timers fire early and clocks are set back.
   * @returns the pause in milliseconds, and the number of refusals, which tells one pause from the next
   */
  refuse(id: string): { readonly pauseMs: number; readonly refusals: number } {
    const one = this.#leave(id);
    const refusals = one?.refusals ?? 0;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** refusals);
    const order = one?.order ?? ++this.#last;
    this.#insert({ id, order, paused: true, refusals: refusals + 1, held: false });
    return { pauseMs, refusals: refusals + 1 };
  }

  /** The pause of a job is over. That of an earlier refusal does not end a later one. */
  due(id: string, refusals: number): void {
    this.#waiting = this.#waiting.map((one) =>
      one.id === id && one.refusals === refusals ? { ...one, paused: false } : one,
    );
  }

  /** Takes the next job that may run now, or undefined. @param limit how many may run at once, 0 = no limit */
  take(limit: number): Waiting | undefined {
    if (limit > 0 && this.#running.size >= limit) return undefined;
    if (this.#probe !== undefined) return undefined;
    // A refused job keeps its place: those behind it would be refused too.
    const next = this.#waiting.find((one) => !one.held);
    if (!next || next.paused) return undefined;
    this.#waiting = this.#waiting.filter((one) => one !== next);
    this.#running.set(next.id, next);
    if (next.refusals > 0) this.#probe = next.id;
    return next;
  }

  /** It got its slot, so there may be room for more. */
  launched(id: string): void {
    if (this.#probe === id) this.#probe = undefined;
  }

  /** A running job has ended, so a slot is free: a refused one is tried at once. */
  done(id: string): void {
    if (this.#leave(id)) this.hurry();
  }

  /** Forgets every pause. */
  hurry(): void {
    this.#waiting = this.#waiting.map((one) => ({ ...one, paused: false }));
  }

  remove(id: string): boolean {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((one) => one.id !== id);
    return this.#waiting.length < before;
  }

  /** Makes a waiting job the next one. */
  runNext(id: string): boolean {
    const one = this.#waiting.find((waiting) => waiting.id === id);
    if (!one || !this.remove(id)) return false;
    this.#insert({ ...one, order: --this.#first, held: false, paused: false });
    return true;
  }

  /** Makes a waiting job wait for the user's word. */
  hold(id: string): void {
    this.#waiting = this.#waiting.map((one) => (one.id === id ? { ...one, held: true } : one));
  }

  release(id: string): void {
    this.#waiting = this.#waiting.map((one) => (one.id === id ? { ...one, held: false } : one));
  }

  /** Ids in the order in which they will run. */
  get waiting(): readonly string[] {
    return this.#waiting.map((one) => one.id);
  }

  get running(): number {
    return this.#running.size;
  }

  #leave(id: string): Waiting | undefined {
    const one = this.#running.get(id);
    this.#running.delete(id);
    this.launched(id);
    return one;
  }

  #insert(one: Waiting): void {
    const index = this.#waiting.findIndex((other) => other.order > one.order);
    this.#waiting.splice(index < 0 ? this.#waiting.length : index, 0, one);
  }
}

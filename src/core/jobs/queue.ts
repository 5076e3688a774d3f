/** Who waits, and who may run: pure, one for each connection. */

export interface Waiting {
  readonly id: string;
  /** Milliseconds since 1970 before which it is not tried. */
  notBefore: number;
  /** How often it was refused for want of a slot. */
  refusals: number;
  /** Waits for the user's word after a reload. */
  held: boolean;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export class JobQueue {
  readonly #waiting: Waiting[] = [];
  readonly #running = new Set<string>();

  add(id: string, held = false): void {
    this.#waiting.push({ id, notBefore: 0, refusals: 0, held });
  }

  /** Puts a job that was refused back to its place at the front, to be tried after a pause that grows. Returns the pause. */
  refuse(id: string, now: number, refusals: number): number {
    this.#running.delete(id);
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** refusals);
    this.#waiting.unshift({ id, notBefore: now + pause, refusals: refusals + 1, held: false });
    return pause;
  }

  /** Takes the next job that may run now, or undefined. @param limit how many may run at once, 0 = no limit */
  take(now: number, limit: number): Waiting | undefined {
    if (limit > 0 && this.#running.size >= limit) return undefined;
    // A refused job keeps its place: those behind it would be refused too.
    const index = this.#waiting.findIndex((one) => !one.held);
    const next = this.#waiting[index];
    if (!next || next.notBefore > now) return undefined;
    this.#waiting.splice(index, 1);
    this.#running.add(next.id);
    return next;
  }

  /** A running job has ended, so a slot is free: a refused one is tried at once. */
  done(id: string): void {
    if (this.#running.delete(id)) this.hurry();
  }

  /** Forgets every pause. */
  hurry(): void {
    for (const one of this.#waiting) one.notBefore = 0;
  }

  remove(id: string): boolean {
    const index = this.#waiting.findIndex((one) => one.id === id);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    return true;
  }

  /** Makes a waiting job the next one. */
  runNext(id: string): boolean {
    const index = this.#waiting.findIndex((one) => one.id === id);
    const [one] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (!one) return false;
    this.#waiting.unshift({ ...one, held: false, notBefore: 0 });
    return true;
  }

  release(id: string): void {
    for (const one of this.#waiting) if (one.id === id) one.held = false;
  }

  /** Ids in the order in which they will run. */
  get waiting(): readonly string[] {
    return this.#waiting.map((one) => one.id);
  }

  get running(): number {
    return this.#running.size;
  }
}

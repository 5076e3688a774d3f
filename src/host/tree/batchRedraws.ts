import type { Disposable } from '../../core/base/disposable';

/** Redrawing a batch redraws the rows below it, so one with many rows is redrawn at most this often while it runs. Milliseconds. */
const REDRAW_MS = 1000;
const MANY_ROWS = 50;

/** A batch, as far as it matters when it is redrawn. */
export interface RedrawnBatch {
  /** Whether it looks different than when it was drawn last. */
  readonly outdated: boolean;
  readonly final: boolean;
  readonly jobs: { readonly length: number };
}

/** Decides when the rows of batches are redrawn. */
export class BatchRedraws<T extends RedrawnBatch> implements Disposable {
  readonly #redrawnAt = new WeakMap<T, number>();
  readonly #later = new Set<T>();
  #timer: NodeJS.Timeout | undefined;

  readonly #redraw: (batch: T) => void;
  readonly #now: () => number;

  constructor(redraw: (batch: T) => void, now: () => number) {
    this.#redraw = redraw;
    this.#now = now;
  }

  /**
   * Call it when jobs have changed.
   * @returns the batches that are redrawn now, with the rows below them
   */
  changed(batches: Iterable<T>): ReadonlySet<T> {
    const redrawn = new Set([...new Set(batches)].filter((batch) => batch.outdated && this.#isDue(batch)));
    for (const batch of redrawn) this.#draw(batch);
    return redrawn;
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }

  #isDue(batch: T): boolean {
    const waitMs = (this.#redrawnAt.get(batch) ?? -Infinity) + REDRAW_MS - this.#now();
    if (batch.final || batch.jobs.length < MANY_ROWS || waitMs <= 0) return true;
    this.#later.add(batch);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const due = [...this.#later];
      this.#later.clear();
      for (const late of due) if (late.outdated) this.#draw(late);
    }, waitMs);
    return false;
  }

  #draw(batch: T): void {
    this.#later.delete(batch);
    this.#redrawnAt.set(batch, this.#now());
    this.#redraw(batch);
  }
}

/**
 * The order of a connection's jobs in the tree.
 *
 * A row must not move while the user is about to click it. So a job that ends keeps its position until the list changes anyway; then it
 * moves to the finished jobs below.
 */

export interface OrderedJob {
  readonly id: string;
  readonly final: boolean;
}

export class RowOrder<T extends OrderedJob> {
  /** Finished jobs that are listed in the lower part. */
  readonly #settled = new Set<string>();
  readonly #known = new Set<string>();

  /**
   * @param jobs in the order in which they were requested, oldest first
   * @returns both parts, newest first. `upper`: jobs that are queued or running, or that ended while they were listed there
   */
  arrange(jobs: readonly T[]): { readonly upper: readonly T[]; readonly finished: readonly T[] } {
    // A new row moves the others anyway, so finished jobs can move now too.
    if (jobs.some(({ id }) => !this.#known.has(id))) {
      this.settle(jobs);
      for (const { id } of jobs) this.#known.add(id);
    }
    const newestFirst = jobs.toReversed();
    return {
      upper: newestFirst.filter(({ id }) => !this.#settled.has(id)),
      finished: newestFirst.filter(({ id }) => this.#settled.has(id)),
    };
  }

  /** Moves jobs that have ended to the lower part. Call it only when the user cannot be about to click, or when the user refreshes. */
  settle(jobs: readonly T[]): void {
    for (const { id, final } of jobs) if (final) this.#settled.add(id);
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.#settled.delete(id);
      this.#known.delete(id);
    }
  }
}

/** Records when rows moved, to detect a click that was meant for another row. */
export class RowMoves {
  readonly #rows = new Map<string, readonly string[]>();
  readonly #positions = new Map<string, number>();
  readonly #movedAt = new Map<string, number>();

  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Records the rows that are drawn below a group. Rows of later groups move with them.
   * @param groups all groups from top to bottom
   */
  draw(group: string, rows: readonly string[], groups: readonly string[]): void {
    this.#rows.set(group, rows);
    let position = 0;
    const drawn = new Set<string>();
    for (const name of groups) {
      position++;
      for (const row of this.#rows.get(name) ?? []) {
        const before = this.#positions.get(row);
        if (before !== undefined && before !== position) this.#movedAt.set(row, this.#now());
        this.#positions.set(row, position++);
        drawn.add(row);
      }
    }
    for (const row of this.#positions.keys()) {
      if (drawn.has(row)) continue;
      this.#positions.delete(row);
      this.#movedAt.delete(row);
    }
  }

  /** Whether the row moved within the last `ms` milliseconds. */
  movedWithin(row: string, ms: number): boolean {
    const at = this.#movedAt.get(row);
    return at !== undefined && this.#now() - at <= ms;
  }
}

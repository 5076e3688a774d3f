/** A top-level row of the tree, as it would be drawn now. */
export interface RootRow<T> {
  readonly node: T;
  /** VS Code's id of the row. */
  readonly id: string;
  /** Everything that the row shows, and what the rows below it depend on. */
  readonly content: string;
}

/**
 * Remembers how the top-level rows were drawn, so that only those that have changed are redrawn. Between a redraw of all rows and its end,
 * VS Code calls the commands of buttons and menus without their row (measured with VS Code 1.139), so that should be rare.
 */
export class DrawnRoots<T> {
  #ids: string | undefined;
  readonly #contents = new Map<string, string>();

  /** Call it when all top-level rows are drawn. */
  drawAll(rows: readonly RootRow<T>[]): void {
    this.#ids = idsOf(rows);
    this.#contents.clear();
    for (const { id, content } of rows) this.#contents.set(id, content);
  }

  /** Call it when one top-level row is drawn. */
  draw({ id, content }: RootRow<T>): void {
    this.#contents.set(id, content);
  }

  /** The rows to redraw; undefined if rows have appeared, disappeared, or moved, so that all must be redrawn. */
  changed(rows: readonly RootRow<T>[]): readonly T[] | undefined {
    if (idsOf(rows) !== this.#ids) return undefined;
    return rows.filter(({ id, content }) => this.#contents.get(id) !== content).map(({ node }) => node);
  }
}

function idsOf(rows: readonly RootRow<unknown>[]): string {
  return JSON.stringify(rows.map(({ id }) => id));
}

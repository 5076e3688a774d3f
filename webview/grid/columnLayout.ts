export const MIN_COLUMN_WIDTH = 40;
export const MAX_COLUMN_WIDTH = 1200;
/** Pinned columns may take at most this share of the width; otherwise, they scroll. */
const PINNED_SHARE = 0.7;

/**
 * Visibility, order, width, and position of the columns. An **ordinal** is the index of a column among the shown ones: pinned columns
 * first, then the others in the order of the result. Positions are in pixels from the left edge of the scrolled box, and include the
 * gutter of row numbers.
 */
export class ColumnLayout {
  #shown: number[] = [];
  #starts: number[] = [0];
  #ordinals = new Map<number, number>();
  #pinned: number[] = [];
  readonly #hiddenSet = new Set<number>();
  readonly #widths: number[];
  #gutterWidth = 0;
  #viewWidth = 0;

  constructor(
    readonly count: number,
    defaultWidth: number,
  ) {
    this.#widths = new Array<number>(count).fill(defaultWidth);
    this.#refresh();
  }

  /** Number of shown columns. */
  get length(): number {
    return this.#shown.length;
  }

  get gutter(): number {
    return this.#gutterWidth;
  }

  /** Width of all shown columns and the gutter. */
  get totalWidth(): number {
    return this.#ownTotal + this.#spare;
  }

  /** Number of columns, from the first, that do not scroll. */
  get stuck(): number {
    const end = this.#gutterWidth + (this.#starts[this.#pinned.length] ?? 0);
    return this.#viewWidth > 0 && end > this.#viewWidth * PINNED_SHARE ? 0 : this.#pinned.length;
  }

  /** Width of the gutter and the columns that do not scroll. */
  get stuckWidth(): number {
    return this.#gutterWidth + (this.#starts[this.stuck] ?? 0);
  }

  get hidden(): readonly number[] {
    return [...this.#hiddenSet].sort((a, b) => a - b);
  }

  get pins(): readonly number[] {
    return this.#pinned;
  }

  setGutter(width: number): void {
    this.#gutterWidth = width;
  }

  setViewWidth(width: number): void {
    this.#viewWidth = width;
  }

  column(ordinal: number): number {
    return this.#shown[ordinal] ?? 0;
  }

  /** The shown columns, in order. */
  columns(from = 0, to = this.#shown.length - 1): readonly number[] {
    return this.#shown.slice(from, to + 1);
  }

  /** The ordinal of a column; -1 if it is hidden. */
  ordinal(column: number): number {
    return this.#ordinals.get(column) ?? -1;
  }

  /** Left edge of a shown column in the scrolled box. */
  left(ordinal: number): number {
    return this.#gutterWidth + (this.#starts[ordinal] ?? 0);
  }

  /** Width as shown. The last column fills the view. */
  width(column: number): number {
    return this.ownWidth(column) + (column === this.#shown.at(-1) ? this.#spare : 0);
  }

  /** Width as set, without the spare width of the view. */
  ownWidth(column: number): number {
    return this.#widths[column] ?? MIN_COLUMN_WIDTH;
  }

  setWidth(column: number, width: number): void {
    if (column >= this.count) return;
    this.#widths[column] = Math.round(Math.min(Math.max(width, MIN_COLUMN_WIDTH), MAX_COLUMN_WIDTH));
    this.#refresh();
  }

  setWidths(widths: Iterable<readonly [column: number, width: number]>): void {
    for (const [column, width] of widths) {
      if (column < this.count) {
        this.#widths[column] = Math.round(Math.min(Math.max(width, MIN_COLUMN_WIDTH), MAX_COLUMN_WIDTH));
      }
    }
    this.#refresh();
  }

  isPinned(column: number): boolean {
    return this.#pinned.includes(column);
  }

  setPinned(columns: readonly number[]): void {
    this.#pinned = [...new Set(columns)].filter((column) => column < this.count);
    this.#refresh();
  }

  /** Hides these columns and shows all others. One column always stays visible, because an empty grid has no menu to restore columns. */
  setHidden(columns: readonly number[]): void {
    this.#hiddenSet.clear();
    for (const column of columns) if (column < this.count) this.#hiddenSet.add(column);
    if (this.#hiddenSet.size === this.count) this.#hiddenSet.delete(0);
    this.#refresh();
  }

  /** Ordinals of the scrolling columns that are at least partly visible; `last` is inclusive. */
  window(scrollLeft: number, overscan: number): { first: number; last: number } {
    const from = scrollLeft + this.stuckWidth - this.#gutterWidth;
    const to = scrollLeft + this.#viewWidth - this.#gutterWidth;
    const first = Math.max(this.stuck, this.#at(from) - overscan);
    const last = Math.min(this.#shown.length - 1, this.#at(to) + overscan);
    return { first, last };
  }

  /** The nearest scroll position at which the column is visible, at least its left part. */
  reveal(ordinal: number, scrollLeft: number): number {
    if (ordinal < this.stuck) return scrollLeft;
    const left = this.left(ordinal);
    const right = left + this.width(this.column(ordinal));
    if (left < scrollLeft + this.stuckWidth) return left - this.stuckWidth;
    if (right > scrollLeft + this.#viewWidth) return Math.min(right - this.#viewWidth, left - this.stuckWidth);
    return scrollLeft;
  }

  get #ownTotal(): number {
    return this.#gutterWidth + (this.#starts[this.#shown.length] ?? 0);
  }

  /** Width of the view that is not covered by columns. */
  get #spare(): number {
    return this.#shown.length === 0 ? 0 : Math.max(0, this.#viewWidth - this.#ownTotal);
  }

  /** The ordinal at a position in the scrolled box, without the gutter; the nearest one if the position is outside. */
  #at(position: number): number {
    let low = 0;
    let high = this.#shown.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #refresh(): void {
    const pinned = this.#pinned.filter((column) => !this.#hiddenSet.has(column));
    const isPinned = new Set(pinned);
    this.#shown = [...pinned];
    for (let column = 0; column < this.count; column++) {
      if (!this.#hiddenSet.has(column) && !isPinned.has(column)) this.#shown.push(column);
    }
    this.#pinned = pinned;
    this.#ordinals = new Map(this.#shown.map((column, ordinal) => [column, ordinal]));
    this.#starts = [0];
    let start = 0;
    for (const column of this.#shown) this.#starts.push((start += this.ownWidth(column)));
  }
}

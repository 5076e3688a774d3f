/**
 * Chromium cuts every box at 2^25 device pixels (33,554,432): at a device-pixel ratio of 2, with 22 px rows, that is row
 * 762,600, and everything after it would be out of reach. The scrolled box therefore stays below this many CSS pixels
 * (enough up to a ratio of 5), and beyond it scroll positions stand for rows in proportion.
 */
export const MAX_SCROLL_HEIGHT = 6_000_000;

/**
 * Maps scroll positions to **tops**: a top is the distance, in pixels of real row heights, from the first row to the
 * upper edge of what is seen. While all rows fit into the box both are the same.
 */
export class ScrollMap {
  constructor(
    readonly rows: number,
    readonly rowHeight: number,
    /** Height of the part in which rows are seen. */
    readonly viewport: number,
  ) {}

  get contentHeight(): number {
    return this.rows * this.rowHeight;
  }

  /** Height of the scrolled box. */
  get boxHeight(): number {
    return Math.min(this.contentHeight, MAX_SCROLL_HEIGHT);
  }

  /** True where positions stand for rows in proportion. */
  get scaled(): boolean {
    return this.contentHeight > MAX_SCROLL_HEIGHT;
  }

  get maxTop(): number {
    return Math.max(0, this.contentHeight - this.viewport);
  }

  get maxScroll(): number {
    return Math.max(0, this.boxHeight - this.viewport);
  }

  clampTop(top: number): number {
    return Math.min(Math.max(0, top), this.maxTop);
  }

  toTop(scroll: number): number {
    if (!this.scaled) return this.clampTop(scroll);
    // With a fractional device-pixel ratio the greatest scroll position may be a pixel short of the sum.
    if (scroll >= this.maxScroll - 1) return this.maxTop;
    return this.clampTop((scroll / this.maxScroll) * this.maxTop);
  }

  toScroll(top: number): number {
    if (!this.scaled) return this.clampTop(top);
    return (this.clampTop(top) / this.maxTop) * this.maxScroll;
  }

  /** Rows that are at least partly seen, with some more on both sides; `last` is included, and -1 without rows. */
  window(top: number, overscan: number): { first: number; last: number } {
    const first = Math.max(0, Math.floor(top / this.rowHeight) - overscan);
    const last = Math.min(this.rows, Math.ceil((top + this.viewport) / this.rowHeight) + overscan) - 1;
    return { first, last };
  }

  /** The nearest top at which the row is wholly seen. */
  reveal(row: number, top: number): number {
    const start = row * this.rowHeight;
    if (start < top) return this.clampTop(start);
    const end = start + this.rowHeight;
    return end > top + this.viewport ? this.clampTop(end - this.viewport) : this.clampTop(top);
  }

  /** The top at which the row stands in the middle; for jumps, where its neighbours help to find the way. */
  center(row: number): number {
    return this.clampTop((row + 0.5) * this.rowHeight - this.viewport / 2);
  }

  /** Whole rows that are seen at once; at least one. */
  get pageRows(): number {
    return Math.max(1, Math.floor(this.viewport / this.rowHeight));
  }
}

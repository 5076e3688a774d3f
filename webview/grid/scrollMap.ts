/**
 * Maximum height of the scrolled box in CSS pixels. Chromium limits boxes to 2^25 device pixels (33,554,432): with 22 px rows and a
 * device-pixel ratio of 2, rows after 762,600 would be unreachable. This limit works up to a ratio of 5. In taller tables, scroll
 * positions map to rows proportionally.
 */
export const MAX_SCROLL_HEIGHT = 6_000_000;

/**
 * Maps scroll positions to **tops**. A top is the distance from the first row to the top of the viewport in pixels of real row heights.
 * Both are equal as long as all rows fit into the box.
 */
export class ScrollMap {
  constructor(
    readonly rows: number,
    readonly rowHeight: number,
    /** Height of the area that shows rows, in pixels. */
    readonly viewport: number,
  ) {}

  get contentHeight(): number {
    return this.rows * this.rowHeight;
  }

  /** Height of the scrolled box. */
  get boxHeight(): number {
    return Math.min(this.contentHeight, MAX_SCROLL_HEIGHT);
  }

  /** Whether scroll positions map to rows proportionally. */
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
    // With a fractional device-pixel ratio, the maximum scroll position may be up to a pixel smaller.
    if (scroll >= this.maxScroll - 1) return this.maxTop;
    return this.clampTop((scroll / this.maxScroll) * this.maxTop);
  }

  toScroll(top: number): number {
    if (!this.scaled) return this.clampTop(top);
    return (this.clampTop(top) / this.maxTop) * this.maxScroll;
  }

  /** Rows that are at least partly visible, plus `overscan` on both sides. `last` is inclusive, and -1 if there are no rows. */
  window(top: number, overscan: number): { first: number; last: number } {
    const first = Math.max(0, Math.floor(top / this.rowHeight) - overscan);
    const last = Math.min(this.rows, Math.ceil((top + this.viewport) / this.rowHeight) + overscan) - 1;
    return { first, last };
  }

  /** The nearest top at which the whole row is visible. */
  reveal(row: number, top: number): number {
    const start = row * this.rowHeight;
    if (start < top) return this.clampTop(start);
    const end = start + this.rowHeight;
    return end > top + this.viewport ? this.clampTop(end - this.viewport) : this.clampTop(top);
  }

  /** The top at which the row is in the middle; for jumps, so that the rows around it give context. */
  center(row: number): number {
    return this.clampTop((row + 0.5) * this.rowHeight - this.viewport / 2);
  }

  /** Number of whole rows that are visible at once; at least one. */
  get pageRows(): number {
    return Math.max(1, Math.floor(this.viewport / this.rowHeight));
  }
}

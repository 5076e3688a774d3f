/** A rectangle of cells, ends included. `Infinity` stands for "to the last one, whatever comes". */
export interface CellRange {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** A place by view row and by ordinal (the place of a column among those shown). Row -1 is the header. */
export interface Place {
  readonly row: number;
  readonly ordinal: number;
}

/**
 * What is selected and where the keyboard stands. The last range grows from the anchor while Shift is held; Ctrl adds
 * another. There is always an active cell, and a selection of just that cell is an empty list of ranges.
 */
export class Selection {
  active: Place = { row: 0, ordinal: 0 };
  #anchor: Place = { row: 0, ordinal: 0 };
  #list: CellRange[] = [];

  get ranges(): readonly CellRange[] {
    return this.#list;
  }

  /** Moves the keyboard's place; `extend` stretches the last range to it. */
  moveTo(place: Place, extend: boolean): void {
    this.active = place;
    if (!extend || place.row < 0) {
      this.#anchor = place;
      this.#list = [];
      return;
    }
    this.#replaceLast(between(this.#anchor, place));
  }

  /** Starts another range, keeping the ones there are. */
  addAt(place: Place): void {
    if (this.#list.length === 0 && this.active.row >= 0) this.#list.push(between(this.active, this.active));
    this.active = place;
    this.#anchor = place;
    this.#list.push(between(place, place));
  }

  /** Whole rows from the anchor's row (or from `place` itself) to `place`. */
  selectRows(place: Place, extend: boolean, add: boolean): void {
    if (!extend) this.#anchor = place;
    this.active = place;
    const [top, bottom] = sorted(this.#anchor.row, place.row);
    this.#put({ top, bottom, left: 0, right: Infinity }, extend, add);
  }

  /** Whole columns from the anchor's (or from `place` itself) to `place`. */
  selectColumns(place: Place, extend: boolean, add: boolean): void {
    if (!extend) this.#anchor = place;
    this.active = { row: Math.max(0, place.row), ordinal: place.ordinal };
    const [left, right] = sorted(this.#anchor.ordinal, place.ordinal);
    this.#put({ left, right, top: 0, bottom: Infinity }, extend, add);
  }

  selectAll(): void {
    this.#list = [{ top: 0, left: 0, bottom: Infinity, right: Infinity }];
  }

  /** Forgets ranges, keeps the active cell. */
  collapse(): void {
    this.#list = [];
    this.#anchor = this.active;
  }

  /** Keeps the active cell within the table, after rows or columns went away. */
  clamp(rows: number, ordinals: number): void {
    const row = Math.min(this.active.row, Math.max(0, rows - 1));
    const ordinal = Math.min(this.active.ordinal, Math.max(0, ordinals - 1));
    if (row !== this.active.row || ordinal !== this.active.ordinal) {
      this.active = { row, ordinal };
      this.collapse();
    }
  }

  contains(row: number, ordinal: number): boolean {
    return this.#list.some((r) => row >= r.top && row <= r.bottom && ordinal >= r.left && ordinal <= r.right);
  }

  touchesRow(row: number): boolean {
    return this.#list.some((r) => row >= r.top && row <= r.bottom);
  }

  touchesColumn(ordinal: number): boolean {
    return this.#list.some((r) => ordinal >= r.left && ordinal <= r.right);
  }

  /** The ranges within a table of that size; the active cell where there are none. Empty in an empty table. */
  resolved(rows: number, ordinals: number): CellRange[] {
    if (rows === 0 || ordinals === 0) return [];
    const all = this.#list.length > 0 ? this.#list : [between(this.active, this.active)];
    return all
      .map((r) => ({
        top: Math.max(0, r.top),
        left: Math.max(0, r.left),
        bottom: Math.min(r.bottom, rows - 1),
        right: Math.min(r.right, ordinals - 1),
      }))
      .filter((r) => r.top <= r.bottom && r.left <= r.right);
  }

  #put(range: CellRange, extend: boolean, add: boolean): void {
    if (add && !extend) this.#list.push(range);
    else if (extend) this.#replaceLast(range);
    else this.#list = [range];
  }

  #replaceLast(range: CellRange): void {
    this.#list = [...this.#list.slice(0, -1), range];
  }
}

/**
 * What is copied of some ranges: their rows once each, top to bottom, and all of their columns, so that the text is one
 * table also where the ranges are of different columns. Ranges are those of {@link Selection.resolved}.
 */
export function copiedRanges(
  ranges: readonly CellRange[],
  column: (ordinal: number) => number,
): { first: number; last: number; columns: number[] }[] {
  const ordinals = new Set<number>();
  for (const { left, right } of ranges) for (let ordinal = left; ordinal <= right; ordinal++) ordinals.add(ordinal);
  const columns = [...ordinals].sort((a, b) => a - b).map(column);
  const merged: { first: number; last: number; columns: number[] }[] = [];
  for (const { top, bottom } of [...ranges].sort((a, b) => a.top - b.top)) {
    const last = merged.at(-1);
    if (last !== undefined && top <= last.last + 1) last.last = Math.max(last.last, bottom);
    else merged.push({ first: top, last: bottom, columns });
  }
  return merged;
}

function sorted(a: number, b: number): [number, number] {
  return a <= b ? [a, b] : [b, a];
}

function between(a: Place, b: Place): CellRange {
  const [top, bottom] = sorted(a.row, b.row);
  const [left, right] = sorted(a.ordinal, b.ordinal);
  return { top: Math.max(0, top), left, bottom: Math.max(0, bottom), right };
}

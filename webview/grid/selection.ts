/** A rectangle of cells, inclusive. `Infinity` means up to the last row or column, also of rows added later. */
export interface CellRange {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** A cell by view row and ordinal (see ColumnLayout). Row -1 is the header. */
export interface CellPosition {
  readonly row: number;
  readonly ordinal: number;
}

/**
 * The selection and the active cell. Shift extends the last range from the anchor; Ctrl adds a range. There is always an active cell. If
 * only that cell is selected, the list of ranges is empty.
 */
export class Selection {
  active: CellPosition = { row: 0, ordinal: 0 };
  #anchor: CellPosition = { row: 0, ordinal: 0 };
  #list: CellRange[] = [];

  get ranges(): readonly CellRange[] {
    return this.#list;
  }

  /** Moves the active cell. `extend` extends the last range to it. */
  moveTo(cell: CellPosition, extend: boolean): void {
    this.active = cell;
    if (!extend || cell.row < 0) {
      this.#anchor = cell;
      this.#list = [];
      return;
    }
    this.#replaceLast(between(this.#anchor, cell));
  }

  /** Adds a range. */
  addAt(cell: CellPosition): void {
    if (this.#list.length === 0 && this.active.row >= 0) this.#list.push(between(this.active, this.active));
    this.active = cell;
    this.#anchor = cell;
    this.#list.push(between(cell, cell));
  }

  /** Selects whole rows from the anchor (or from `cell` itself) to `cell`. */
  selectRows(cell: CellPosition, extend: boolean, add: boolean): void {
    if (!extend) this.#anchor = cell;
    this.active = cell;
    const [top, bottom] = sorted(this.#anchor.row, cell.row);
    this.#put({ top, bottom, left: 0, right: Infinity }, extend, add);
  }

  /** Selects whole columns from the anchor (or from `cell` itself) to `cell`. */
  selectColumns(cell: CellPosition, extend: boolean, add: boolean): void {
    if (!extend) this.#anchor = cell;
    this.active = { row: Math.max(0, cell.row), ordinal: cell.ordinal };
    const [left, right] = sorted(this.#anchor.ordinal, cell.ordinal);
    this.#put({ left, right, top: 0, bottom: Infinity }, extend, add);
  }

  selectAll(): void {
    this.#list = [{ top: 0, left: 0, bottom: Infinity, right: Infinity }];
  }

  /** Removes all ranges and keeps the active cell. */
  collapse(): void {
    this.#list = [];
    this.#anchor = this.active;
  }

  /** Moves the active cell into the table, after rows or columns were removed. */
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

  /** The ranges limited to a table of that size, or the active cell if there are none. Empty in an empty table. */
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
 * The rows and columns to copy for some ranges: each row once, from top to bottom, with all columns of the ranges, so that the copied text
 * is one table. The ranges are those of {@link Selection.resolved}.
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

function between(a: CellPosition, b: CellPosition): CellRange {
  const [top, bottom] = sorted(a.row, b.row);
  const [left, right] = sorted(a.ordinal, b.ordinal);
  return { top: Math.max(0, top), left, bottom: Math.max(0, bottom), right };
}

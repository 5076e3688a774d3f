import { TILE_COLUMNS, TILE_ROWS } from '../../src/shared/resultsLimits';
import type { CellView, ColumnView, Tile } from '../../src/shared/resultsProtocol';
import type { TileRange } from '../../src/shared/resultsRequests';

/** Tiles kept; at 128 rows of 64 short values a tile is about a megabyte, mostly far less. */
const TILES_KEPT = 48;
/** A request that has not been answered for so long (ms) no longer holds back the next. */
const PATIENCE = 150;

interface Held {
  readonly cells: readonly (readonly CellView[])[];
  /** Rows known when it came: a short tile is asked for again only after there are more. */
  readonly known: number;
}

/** What the store asks the host for. */
export type AskTiles = (request: number, view: number, ranges: readonly TileRange[]) => void;

/**
 * The cells that the page holds, by tile, and the asking for more. At most one request is under way: while a scrollbar is
 * dragged the newest need waits for the answer, which keeps rows on screen all along instead of canceling every request.
 */
export class TileStore {
  readonly #tiles = new Map<number, Held>();
  #request = 0;
  #pendingSince: number | undefined;
  #need: TileRange[] = [];
  #view = 0;
  #rows = 0;
  #columns = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly #ask: AskTiles;
  readonly #now: () => number;

  constructor(ask: AskTiles, now: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#now = now;
  }

  /** Forgets all tiles: other rows are shown from now on. */
  reset(view: number, columns: readonly ColumnView[]): void {
    this.#tiles.clear();
    this.#view = view;
    this.#columns = columns.length;
    this.#pendingSince = undefined;
    this.#need = [];
  }

  setRows(rows: number): void {
    this.#rows = rows;
  }

  /** The cell, or undefined while it is not here. */
  get(row: number, column: number): CellView | undefined {
    const tile = this.#tiles.get(this.#key(Math.floor(row / TILE_ROWS), Math.floor(column / TILE_COLUMNS)));
    return tile?.cells[row % TILE_ROWS]?.[column % TILE_COLUMNS];
  }

  put(tile: Tile): void {
    const key = this.#key(Math.floor(tile.row / TILE_ROWS), Math.floor(tile.column / TILE_COLUMNS));
    this.#tiles.delete(key);
    this.#tiles.set(key, { cells: tile.cells, known: this.#rows });
    for (const oldest of this.#tiles.keys()) {
      if (this.#tiles.size <= TILES_KEPT) break;
      this.#tiles.delete(oldest);
    }
  }

  /** Notes an answer; false where it is to an older request or another view. */
  answered(request: number, view: number): boolean {
    if (request !== this.#request) return false;
    this.#pendingSince = undefined;
    return view === this.#view;
  }

  /** Asks for what is missing of these rows (`last` included) and columns. */
  want(first: number, last: number, columns: readonly number[]): void {
    const blocks = [...new Set(columns.map((column) => Math.floor(column / TILE_COLUMNS)))];
    const need: TileRange[] = [];
    for (let block = Math.floor(first / TILE_ROWS); block <= Math.floor(last / TILE_ROWS) && last >= 0; block++) {
      const row = block * TILE_ROWS;
      const rows = Math.min(TILE_ROWS, this.#rows - row);
      if (rows <= 0) continue;
      for (const columnBlock of blocks) {
        const key = this.#key(block, columnBlock);
        const tile = this.#tiles.get(key);
        if (tile !== undefined && (tile.cells.length >= Math.min(rows, last - row + 1) || tile.known >= this.#rows)) {
          // Seen again: the oldest tile is the one that was not looked at for longest.
          this.#tiles.delete(key);
          this.#tiles.set(key, tile);
          continue;
        }
        const column = columnBlock * TILE_COLUMNS;
        need.push({ row, rows, column, columns: Math.min(TILE_COLUMNS, this.#columns - column) });
      }
    }
    this.#need = need;
    this.send();
  }

  /** Sends what is needed, unless a request is under way. */
  send(): void {
    clearTimeout(this.#timer);
    if (this.#need.length === 0) return;
    const now = this.#now();
    if (this.#pendingSince !== undefined && now - this.#pendingSince < PATIENCE) {
      this.#timer = setTimeout(() => this.send(), PATIENCE);
      return;
    }
    this.#pendingSince = now;
    const need = this.#need;
    this.#need = [];
    this.#ask(++this.#request, this.#view, need);
  }

  #key(rowBlock: number, columnBlock: number): number {
    // A table has at most 1,664 columns, so 26 blocks of them.
    return rowBlock * 32 + columnBlock;
  }
}

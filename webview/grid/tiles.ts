import { TILE_COLUMNS, TILE_ROWS } from '../../src/shared/resultsLimits';
import type { CellView, ColumnView, Tile } from '../../src/shared/resultsProtocol';
import type { TileRange } from '../../src/shared/resultsRequests';

/** Maximum number of cached tiles. A tile of 128 rows and 64 short values takes about 1 MB; most take far less. */
const TILES_KEPT = 48;
/** How long an unanswered request delays the next one. Milliseconds. */
const ANSWER_MS = 150;

interface Held {
  readonly cells: readonly (readonly CellView[])[];
  /** Number of rows when it was received: a short tile is requested again only after there are more. */
  readonly known: number;
}

/** Requests tiles from the host. */
export type RequestTiles = (request: number, view: number, ranges: readonly TileRange[]) => void;

/**
 * Caches cells by tile and requests missing tiles. At most one request is pending. While a scrollbar is dragged, the newest need waits for
 * the answer, so that rows keep appearing; canceling each request would leave the screen empty.
 */
export class TileStore {
  readonly #tiles = new Map<number, Held>();
  #request = 0;
  #pendingSince: number | undefined;
  #need: TileRange[] = [];
  #view = 0;
  #rows = 0;
  /** The first row that was wanted last. */
  #first = 0;
  #columns = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly #ask: RequestTiles;
  readonly #now: () => number;

  constructor(ask: RequestTiles, now: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#now = now;
  }

  /** Removes all tiles, because other rows will be shown. */
  reset(view: number, columns: readonly ColumnView[]): void {
    this.#tiles.clear();
    this.#view = view;
    this.#columns = columns.length;
    this.#pendingSince = undefined;
    this.#need = [];
    this.#first = 0;
  }

  setRows(rows: number): void {
    this.#rows = rows;
  }

  /** The cell; undefined if it is not loaded. */
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

  /** Records an answer. Returns false if it belongs to an older request or another view. */
  answered(request: number, view: number): boolean {
    if (request !== this.#request) return false;
    this.#pendingSince = undefined;
    return view === this.#view;
  }

  /**
   * Requests the missing tiles of these rows (`last` is inclusive) and columns. If there are none and the rows move by pages at most,
   * requests those of the next two pages in the same direction, so that they need not be drawn twice.
   */
  want(first: number, last: number, columns: readonly number[]): void {
    const blocks = [...new Set(columns.map((column) => Math.floor(column / TILE_COLUMNS)))];
    const moved = first - this.#first;
    const ahead = 2 * (last - first + 1);
    this.#first = first;
    this.#need = this.#missing(first, last, blocks);
    if (this.#need.length === 0 && moved !== 0 && Math.abs(moved) <= ahead) {
      this.#need =
        moved > 0
          ? this.#missing(last + 1, Math.min(last + ahead, this.#rows - 1), blocks)
          : this.#missing(Math.max(0, first - ahead), first - 1, blocks);
    }
    this.send();
  }

  #missing(first: number, last: number, columnBlocks: readonly number[]): TileRange[] {
    const need: TileRange[] = [];
    for (let block = Math.floor(first / TILE_ROWS); block <= Math.floor(last / TILE_ROWS) && last >= 0; block++) {
      const row = block * TILE_ROWS;
      const rows = Math.min(TILE_ROWS, this.#rows - row);
      if (rows <= 0) continue;
      for (const columnBlock of columnBlocks) {
        const key = this.#key(block, columnBlock);
        const tile = this.#tiles.get(key);
        if (tile !== undefined && (tile.cells.length >= Math.min(rows, last - row + 1) || tile.known >= this.#rows)) {
          // Used again: move it to the end, because the least recently used tile is removed first.
          this.#tiles.delete(key);
          this.#tiles.set(key, tile);
          continue;
        }
        const column = columnBlock * TILE_COLUMNS;
        need.push({ row, rows, column, columns: Math.min(TILE_COLUMNS, this.#columns - column) });
      }
    }
    return need;
  }

  /** Sends the request for missing tiles, unless another one is pending. */
  send(): void {
    clearTimeout(this.#timer);
    if (this.#need.length === 0) return;
    const now = this.#now();
    if (this.#pendingSince !== undefined && now - this.#pendingSince < ANSWER_MS) {
      this.#timer = setTimeout(() => this.send(), ANSWER_MS);
      return;
    }
    this.#pendingSince = now;
    const need = this.#need;
    this.#need = [];
    this.#ask(++this.#request, this.#view, need);
  }

  #key(rowBlock: number, columnBlock: number): number {
    // A table has at most 1,664 columns, that is, 26 column blocks.
    return rowBlock * 32 + columnBlock;
  }
}

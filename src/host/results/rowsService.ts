import { shortName } from '../../core/jobs/textBudget';
import type { Disposable } from '../../core/base/disposable';
import { columnKind, isNumeric } from '../../core/results/query/columnKinds';
import { sortsAsText } from '../../core/results/query/sortText';
import {
  CELL_CHARACTERS,
  type CellAt,
  type CellView,
  type ColumnView,
  type RowsView,
  type Tile,
  TILE_COLUMNS,
  TILE_ROWS,
  type TileRange,
} from '../../shared/resultsProtocol';
import type { ResultsSource, RowsReader } from './rowSource';

const NO_ROWS: RowsView = { rows: 0, bytes: 0, complete: false, dropped: 0 };

/**
 * The rows of one job for one panel: opens them when they are there, and reads tiles of them. A **view** other than 0 is
 * a list of row numbers, made by sorting or filtering.
 */
export class RowsService implements Disposable {
  #opening: Promise<void> | undefined;
  #reader: RowsReader | undefined;
  #disposed = false;
  /** The one view besides all rows; another order replaces it. */
  #view: { readonly number: number; readonly order: Uint32Array } | undefined;

  readonly #source: ResultsSource;

  constructor(
    source: ResultsSource,
    readonly id: string,
  ) {
    this.#source = source;
  }

  /** The open rows; undefined while there are none. Looks again at each call until there are. */
  async reader(): Promise<RowsReader | undefined> {
    if (this.#reader !== undefined || this.#disposed) return this.#reader;
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    await this.#opening;
    return this.#reader;
  }

  async columns(): Promise<readonly ColumnView[]> {
    const reader = await this.reader();
    return (reader?.columns ?? []).map((column) => ({
      name: shortName(column.name),
      type: shortName(column.type),
      numeric: isNumeric(column),
      ...(columnKind(column) === 'text' || columnKind(column) === 'json'
        ? sortsAsText(column) && { sortsAsText: true as const }
        : {}),
    }));
  }

  /** How the rows stand; a job that is over gets no more of them, whatever its file says. */
  async status(): Promise<RowsView> {
    const final = this.#source.job(this.id)?.final ?? true;
    const reader = await this.reader();
    if (reader === undefined) return { ...NO_ROWS, complete: final };
    const { rows, bytes, complete, dropped, stopped, message } = await reader.status();
    const view = { rows, bytes, complete: complete || final, dropped };
    if (stopped === 'maxRows') return { ...view, limit: 'maxRows' };
    if (stopped === 'maxBytes') return { ...view, limit: 'maxMegabytes' };
    return message === undefined ? view : { ...view, message };
  }

  /** The row numbers of a view; undefined for the view of all rows. @throws where the view is no longer there */
  order(view: number): Uint32Array | undefined {
    if (view === 0) return undefined;
    if (this.#view?.number !== view) throw new StaleViewError();
    return this.#view.order;
  }

  setView(number: number, order: Uint32Array): void {
    this.#view = { number, order };
  }

  dropView(): void {
    this.#view = undefined;
  }

  /** The row number behind a view's row. */
  row(view: number, row: number): number {
    return this.order(view)?.[row] ?? row;
  }

  /** @throws the signal's reason where it is aborted between two tiles */
  async tiles(view: number, ranges: readonly TileRange[], signal: AbortSignal): Promise<Tile[]> {
    const reader = await this.reader();
    if (reader === undefined) return [];
    const order = this.order(view);
    const tiles: Tile[] = [];
    for (const range of ranges) {
      signal.throwIfAborted();
      tiles.push(await readTile(reader, range, order));
    }
    return tiles;
  }

  /** The first tile, to go out with the page's first message. */
  async firstTile(): Promise<Tile | undefined> {
    const range = { row: 0, rows: TILE_ROWS, column: 0, columns: TILE_COLUMNS };
    return (await this.tiles(0, [range], new AbortController().signal))[0];
  }

  /** A whole value. */
  async cell(view: number, at: CellAt): Promise<string | null> {
    const reader = await this.reader();
    if (reader === undefined) throw new RangeError('There are no rows.');
    return reader.cell(this.row(view, at.row), at.column);
  }

  dispose(): void {
    this.#disposed = true;
    this.#close();
  }

  async #open(): Promise<void> {
    const reader = await this.#source.rows(this.id);
    this.#reader = reader;
    if (this.#disposed) this.#close();
  }

  #close(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    // A file that cannot be closed is not open any more either: nothing can be done or lost.
    reader?.close().catch(() => undefined);
  }
}

/** The page asks for an order of rows that has been replaced since; it has asked for the new one already. */
export class StaleViewError extends Error {
  override readonly name = 'StaleViewError';
}

async function readTile(reader: RowsReader, range: TileRange, order: Uint32Array | undefined): Promise<Tile> {
  const { row, column } = range;
  const { rows, cut } = await reader.preview(row, Math.min(range.rows, TILE_ROWS), {
    maxLength: CELL_CHARACTERS,
    columns: { from: column, count: Math.min(range.columns, TILE_COLUMNS) },
    ...(order === undefined ? {} : { order }),
  });
  const cells: CellView[][] = rows;
  for (const { row: line, column: place, length } of cut) {
    const written = cells[line];
    const value = written?.[place];
    if (written !== undefined && typeof value === 'string') written[place] = { cut: value, length };
  }
  return { row, column, cells };
}

import { shortName } from '../../core/jobs/textBudget';
import type { Disposable } from '../../core/base/disposable';
import type { Fault } from '../../core/base/fault';
import { columnKind, isNumeric } from '../../core/results/query/columnKinds';
import { sortsAsText } from '../../core/results/query/sortText';
import { CELL_CHARACTERS, TILE_COLUMNS, TILE_ROWS } from '../../shared/resultsLimits';
import type { CellView, ColumnView, RowsView, Tile } from '../../shared/resultsProtocol';
import type { CellAt, TileRange } from '../../shared/resultsRequests';
import type { ResultsSource, RowsReader } from './rowSource';

const NO_ROWS: RowsView = { rows: 0, bytes: 0, complete: false, dropped: 0 };

/**
 * Reads tiles of the rows of one job for one panel, and opens the rows once they exist. Every **view** except 0 is a list of row numbers,
 * the result of sorting or filtering.
 */
export class RowsService implements Disposable {
  #opening: Promise<void> | undefined;
  #reader: RowsReader | undefined;
  #disposed = false;
  /** The current view other than 0; a new order replaces it. */
  #view: { readonly number: number; readonly order: Uint32Array } | undefined;

  readonly #source: ResultsSource;
  readonly #faultText: (fault: Fault) => string;

  constructor(
    source: ResultsSource,
    readonly id: string,
    faultText: (fault: Fault) => string,
  ) {
    this.#source = source;
    this.#faultText = faultText;
  }

  /** The open rows; undefined while there are none. Each call tries again. */
  async reader(): Promise<RowsReader | undefined> {
    if (this.#reader !== undefined || this.#disposed) return this.#reader;
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    await this.#opening;
    return this.#reader;
  }

  async columns(): Promise<readonly ColumnView[]> {
    const reader = await this.reader();
    const tones = this.#source.job(this.id)?.comparison?.tones;
    return (reader?.columns ?? []).map((column, place) => ({
      name: shortName(column.name),
      type: shortName(column.type),
      numeric: isNumeric(column),
      ...(columnKind(column) === 'text' || columnKind(column) === 'json'
        ? sortsAsText(column) && { sortsAsText: true as const }
        : {}),
      ...(tones && place === 0 ? { tones } : {}),
    }));
  }

  /** The status of the rows. Those of a final job are complete, even if their file does not say so. */
  async status(): Promise<RowsView> {
    const reader = await this.reader();
    const job = this.#source.job(this.id);
    const final = job === undefined || (job.final && job.copying !== true);
    if (reader === undefined) return { ...NO_ROWS, complete: final };
    const { rows, bytes, complete, dropped, stopped, fault } = await reader.status();
    const view = { rows, bytes, complete: complete || final, dropped };
    if (stopped === 'maxRows') return { ...view, limit: 'maxRows' };
    if (stopped === 'maxBytes') return { ...view, limit: 'maxMegabytes' };
    return fault === undefined ? view : { ...view, message: this.#faultText(fault) };
  }

  /** The row numbers of a view; undefined for view 0. @throws StaleViewError if the view has been replaced */
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

  /** Converts a view row to a row number. */
  row(view: number, row: number): number {
    return this.order(view)?.[row] ?? row;
  }

  /** @throws the signal's reason if it is aborted between two tiles */
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

  /** The first tile, for the first message to the page. */
  async firstTile(): Promise<Tile | undefined> {
    const range = { row: 0, rows: TILE_ROWS, column: 0, columns: TILE_COLUMNS };
    return (await this.tiles(0, [range], new AbortController().signal))[0];
  }

  /** Reads a whole value. */
  async cell(view: number, at: CellAt): Promise<string | null> {
    const reader = await this.reader();
    if (reader === undefined) throw new RangeError('No rows');
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
    // An error on close has no consequences.
    reader?.close().catch(() => undefined);
  }
}

/** The page requested rows of a view that has been replaced; it has already requested those of the new one. */
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

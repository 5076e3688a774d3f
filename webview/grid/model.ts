import type { CellView, ColumnView, RowsView } from '../../src/shared/resultsProtocol';
import type { OrderView } from '../../src/shared/resultsRequests';
import { ColumnLayout } from './columnLayout';
import { ScrollMap } from './scrollMap';
import { type CellPosition, Selection } from './selection';
import type { TileStore } from './tiles';

export const NO_ORDER: OrderView = { sort: [], filters: [] };
const DEFAULT_WIDTH = 120;

/** The state of the grid, independent of the DOM. `onChange` requests drawing. */
export class GridModel {
  columns: readonly ColumnView[] = [];
  layout = new ColumnLayout(0, DEFAULT_WIDTH);
  /** All rows of the job, regardless of the view. */
  stored: RowsView = { rows: 0, bytes: 0, complete: false, dropped: 0 };
  /** The number of the view. View 0 grows with the job. */
  view = 0;
  order: OrderView = NO_ORDER;
  map: ScrollMap;
  selection = new Selection();
  /** Distance from the first row to the top of the viewport in pixels (see {@link ScrollMap}). */
  top = 0;
  left = 0;
  #viewRows = 0;

  readonly #onChange: () => void;

  constructor(
    readonly tiles: TileStore,
    onChange: () => void,
    rowHeight: number,
  ) {
    this.#onChange = onChange;

    this.map = new ScrollMap(0, rowHeight, 0);
  }

  /** Number of rows in the view. */
  get rows(): number {
    return this.view === 0 ? this.stored.rows : this.#viewRows;
  }

  changed(): void {
    this.#onChange();
  }

  setColumns(columns: readonly ColumnView[]): void {
    this.columns = columns;
    const { gutter } = this.layout;
    this.layout = new ColumnLayout(columns.length, DEFAULT_WIDTH);
    this.layout.setGutter(gutter);
    this.selection = new Selection();
    this.tiles.reset(this.view, columns);
    this.changed();
  }

  setStored(rows: RowsView): void {
    this.stored = rows;
    if (this.view === 0) this.#remap();
    this.changed();
  }

  /** Shows another view from its first row. Drawing requests its tiles. */
  setView(view: number, rows: number, order: OrderView): void {
    this.view = view;
    this.#viewRows = rows;
    this.order = order;
    this.tiles.reset(view, this.columns);
    this.top = 0;
    this.#remap();
    this.selection.collapse();
    this.selection.clamp(this.rows, this.layout.length);
    this.changed();
  }

  setViewport(width: number, height: number): void {
    this.layout.setViewWidth(width);
    this.map = new ScrollMap(this.rows, this.map.rowHeight, Math.max(0, height));
    this.tiles.setRows(this.rows);
    this.top = this.map.clampTop(this.top);
  }

  cell(row: number, ordinal: number): CellView | undefined {
    return this.tiles.get(row, this.layout.column(ordinal));
  }

  /** Moves the active cell, optionally extends the selection to it, and scrolls to it. */
  goTo(place: CellPosition, extend: boolean, center = false): void {
    const row = Math.min(Math.max(place.row, -1), this.rows - 1);
    const ordinal = Math.min(Math.max(place.ordinal, 0), this.layout.length - 1);
    this.selection.moveTo({ row, ordinal }, extend);
    this.reveal(row, ordinal, center);
  }

  /** Scrolls to a cell. If `center` is set and the cell is far away, centers it. */
  reveal(row: number, ordinal: number, center = false): void {
    if (row >= 0) {
      const near = this.map.reveal(row, this.top);
      const far = Math.abs(near - this.top) > this.map.viewport;
      this.top = center && far ? this.map.center(row) : near;
    }
    if (ordinal >= 0) this.left = Math.max(0, this.layout.reveal(ordinal, this.left));
    this.changed();
  }

  #remap(): void {
    this.map = new ScrollMap(this.rows, this.map.rowHeight, this.map.viewport);
    this.tiles.setRows(this.rows);
    this.top = this.map.clampTop(this.top);
  }
}

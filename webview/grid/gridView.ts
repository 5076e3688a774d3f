import { make, setAttribute } from '../base/dom';
import { formatNumber, text } from '../page/strings';
import { type CellBox, newCell, placeCell, showValue } from './cells';
import { hideCell, newRow, type RowBox } from './gridRow';
import { GridHeader } from './gridHeader';
import type { GridModel } from './model';

/** Rows and columns drawn beyond the visible ones, so that small movements need no drawing first. */
const OVERSCAN_ROWS = 2;
const OVERSCAN_COLUMNS = 1;
/** Rows are positioned relative to a nearby anchor row, because offsets of billions of pixels would be rounded. */
const ANCHOR_ROWS = 2_000;

/**
 * Draws the visible rows and columns, and a few more, in a fixed pool of elements.
 *
 * The scroller contains a box as large as the table, up to a limit ({@link ScrollMap}). In it, the body sticks to the viewport, and rows
 * are positioned relative to the body, so that Chromium's limit on sizes does not affect them. Nothing else is sticky: a sticky cell in
 * each row would become a separate layer, which costs more than the rest of a frame. In each row, the gutter and the pinned cells keep
 * their position, and a strip with the other cells moves horizontally.
 */
export class GridView {
  readonly element = make('div', 'grid');
  readonly header: GridHeader;
  readonly rowHeight: number;
  readonly #box = make('div', 'grid-box');
  readonly #body = make('div', 'grid-body');
  readonly #rowsHost = make('div', 'grid-rows');
  #pool: RowBox[] = [];
  #anchor = 0;
  /** Row r is drawn in box (r + shift) % length of the pool. */
  #shift = 0;
  #lastFirst = 0;
  /** Size of the element at the last {@link resize}; reading it again while drawing would force a layout. */
  #width = 0;
  #height = 0;
  #scheduled = false;
  #placedScroll = 0;
  #placedLeft = 0;
  #activeElement: Element | undefined;
  #lastWidth = -1;
  #lastHeight = -1;
  #lastView = -1;
  #lastViewport = -1;
  /** The searched pattern, so that matches are visible in their cells. Not global, because a global pattern is stateful. */
  found: RegExp | undefined;
  /** Called before and after each drawing. */
  beforeDraw: () => void = () => undefined;
  onDrawn: () => void = () => undefined;

  constructor(readonly model: GridModel) {
    this.rowHeight = model.map.rowHeight;
    this.header = new GridHeader(model);
    this.element.setAttribute('role', 'grid');
    this.element.tabIndex = 0;
    this.element.setAttribute('aria-label', text('gridName'));
    this.element.setAttribute('aria-multiselectable', 'true');
    this.element.style.setProperty('--row-height', `${this.rowHeight}px`);
    this.#box.setAttribute('role', 'presentation');
    this.#body.setAttribute('role', 'rowgroup');
    this.#rowsHost.setAttribute('role', 'presentation');
    this.#body.append(this.#rowsHost);
    this.#box.append(this.header.element, this.#body);
    this.element.append(this.#box);
    this.element.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.element.addEventListener('wheel', (event) => this.#wheeled(event), { passive: false });
    new ResizeObserver(() => this.#resized()).observe(this.element);
  }

  /** Draws in the next frame. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.draw();
    });
  }

  /** Adopts the size of the element and draws everything anew. */
  resize(): void {
    const { clientWidth, clientHeight } = this.element;
    this.#width = clientWidth;
    this.#height = clientHeight;
    // Hidden: draw again once it is shown.
    if (clientWidth === 0) return;
    this.model.setViewport(clientWidth, clientHeight - this.header.height);
    this.drop();
    this.schedule();
  }

  #resized(): void {
    const { clientWidth, clientHeight } = this.element;
    if (clientWidth !== this.#width || clientHeight !== this.#height) this.resize();
  }

  /** Makes the next drawing update everything: columns, widths, or positions have changed. */
  drop(): void {
    for (const row of this.#pool) row.row = -1;
    this.header.drop();
  }

  draw(): void {
    const { model } = this;
    if (this.#width === 0) return;
    this.beforeDraw();
    this.#measureGutter();
    this.#size();
    this.#scroll();
    const { first, last } = model.map.window(model.top, OVERSCAN_ROWS);
    const columns = model.layout.window(model.left, OVERSCAN_COLUMNS);
    this.#fit(columns.last - columns.first + 1);
    this.#placeRows(first);
    this.#rowsHost.style.setProperty('transform', `translateY(${this.#anchor * this.rowHeight - model.top}px)`);
    this.#activeElement?.removeAttribute('id');
    this.#activeElement = undefined;
    this.header.draw(columns.first, columns.last);
    const used = new Set<RowBox>();
    for (let row = first; row <= last; row++) {
      const box = this.#pool[(row + this.#shift) % this.#pool.length];
      if (box === undefined) continue;
      used.add(box);
      this.#drawRow(box, row, columns.first, columns.last);
    }
    for (const box of this.#pool) if (!used.has(box)) this.#hide(box);
    this.#markActive();
    if (last >= 0 && model.layout.length > 0) {
      const wanted = [
        ...model.layout.columns(0, model.layout.stuck - 1),
        ...model.layout.columns(columns.first, columns.last),
      ];
      model.tiles.want(first, last, wanted);
    }
    this.onDrawn();
  }

  /** The cell at a point of the window. Row -1 is the header, ordinal -1 the gutter. */
  placeAt(x: number, y: number): { row: number; ordinal: number } {
    const { model } = this;
    const bounds = this.element.getBoundingClientRect();
    const inside = y - bounds.top - this.header.height;
    const row = inside < 0 ? -1 : Math.min(model.rows - 1, Math.floor((inside + model.top) / this.rowHeight));
    const { layout } = model;
    const offset = x - bounds.left;
    if (offset < layout.gutter) return { row, ordinal: -1 };
    const position = offset < layout.stuckWidth ? offset : offset + model.left;
    let ordinal = offset < layout.stuckWidth ? 0 : layout.stuck;
    while (ordinal < layout.length - 1 && layout.left(ordinal) + layout.width(layout.column(ordinal)) <= position) {
      ordinal++;
    }
    return { row, ordinal };
  }

  /** Distance of a column from the left edge of the viewport, in pixels. */
  leftOf(ordinal: number): number {
    const { layout, left } = this.model;
    return layout.left(ordinal) - (ordinal < layout.stuck ? 0 : left);
  }

  /** The text nodes of the drawn cells. */
  *texts(): Generator<Text> {
    for (const row of this.#pool) {
      if (row.hidden) continue;
      for (const cell of [...row.stuck, ...row.cells]) if (cell.ordinal >= 0) yield cell.node;
    }
  }

  /** The text node of a cell, if it is drawn. */
  textAt(row: number, ordinal: number): Text | undefined {
    const box = this.#pool.find((candidate) => !candidate.hidden && candidate.row === row);
    return box && [...box.stuck, ...box.cells].find((cell) => cell.ordinal === ordinal)?.node;
  }

  /** Decides which box shows which row, and where, so that a movement changes as little as possible. */
  #placeRows(first: number): void {
    const boxes = this.#pool.length;
    const moved = first - this.#lastFirst;
    this.#lastFirst = first;
    if (Math.abs(moved) > boxes / 2) {
      // Most rows are new: keep every box in its position, so that only texts change.
      this.#anchor += moved;
      this.#shift = (((this.#shift - moved) % boxes) + boxes) % boxes;
    } else if (Math.abs(first - this.#anchor) > ANCHOR_ROWS) {
      this.#anchor = first;
      for (const row of this.#pool) row.y = NaN;
    }
  }

  #drawRow(box: RowBox, row: number, first: number, last: number): void {
    const { model } = this;
    const { layout, selection } = model;
    const y = (row - this.#anchor) * this.rowHeight;
    if (box.hidden) {
      box.hidden = false;
      box.element.classList.remove('unused');
    }
    if (box.y !== y) {
      box.y = y;
      box.element.style.setProperty('top', `${y}px`);
    }
    if (box.x !== model.left) {
      box.x = model.left;
      box.strip.style.setProperty('transform', model.left === 0 ? 'none' : `translateX(${-model.left}px)`);
    }
    if (box.row !== row) {
      box.row = row;
      box.element.setAttribute('aria-rowindex', (row + 2).toString());
      const number = formatNumber(row + 1);
      box.gutter.shown = number;
      box.gutter.node.data = number;
    }
    const touched = selection.touchesRow(row) || row === selection.active.row;
    const gutterClass = touched ? 'gutter touched' : 'gutter';
    if (box.gutter.className !== gutterClass) {
      box.gutter.className = gutterClass;
      box.gutter.element.className = gutterClass;
    }
    placeCell(box.gutter, 0, layout.gutter);
    box.stuck.forEach((cell, ordinal) => this.#drawCell(cell, row, ordinal, true));
    for (let ordinal = first; ordinal <= last; ordinal++) {
      const cell = box.cells[ordinal % box.cells.length];
      if (cell !== undefined) this.#drawCell(cell, row, ordinal, false);
    }
    for (const cell of box.cells) {
      if (cell.ordinal >= 0 && (cell.ordinal < first || cell.ordinal > last)) hideCell(cell);
    }
  }

  #drawCell(cell: CellBox, row: number, ordinal: number, stuck: boolean): void {
    const { layout, selection, columns } = this.model;
    const column = layout.column(ordinal);
    if (cell.ordinal !== ordinal) {
      cell.ordinal = ordinal;
      cell.element.setAttribute('aria-colindex', (column + 2).toString());
    }
    const width = layout.width(column);
    placeCell(cell, layout.left(ordinal), width);
    const selected = selection.contains(row, ordinal);
    const active = selection.active.row === row && selection.active.ordinal === ordinal;
    const marks = (stuck ? ' stuck' : '') + (selected ? ' selected' : '') + (active ? ' active' : '');
    const room = Math.ceil(width / this.header.narrowest) + 2;
    const value = this.model.cell(row, ordinal);
    const tone = typeof value === 'string' ? columns[column]?.tones?.[value] : undefined;
    const look = tone === undefined ? marks : `${marks} change-${tone}`;
    showValue(cell, value, columns[column]?.numeric ?? false, look, room, this.found);
    if (cell.selected !== (selected || active)) {
      cell.selected = selected || active;
      setAttribute(cell.element, 'aria-selected', cell.selected ? 'true' : undefined);
    }
    if (active) this.#activeElement = cell.element;
  }

  /** The grid keeps the focus and refers to the active cell by id (ARIA practices, "aria-activedescendant"). */
  #markActive(): void {
    const { row, ordinal } = this.model.selection.active;
    const element = row < 0 ? this.header.cellAt(ordinal) : this.#activeElement;
    this.#activeElement = element;
    const id = element === undefined ? undefined : `at-${row}-${ordinal}`;
    if (element !== undefined && id !== undefined) element.id = id;
    setAttribute(this.element, 'aria-activedescendant', id);
  }

  #hide(box: RowBox): void {
    if (box.hidden) return;
    box.hidden = true;
    box.row = -1;
    box.element.classList.add('unused');
  }

  /** Creates as many boxes as the viewport needs. */
  #fit(columns: number): void {
    const rows = Math.ceil(this.model.map.viewport / this.rowHeight) + 2 * OVERSCAN_ROWS + 1;
    const { stuck } = this.model.layout;
    while (this.#pool.length > rows) {
      this.#pool.pop()?.element.remove();
      this.#shift = 0;
    }
    if (this.#pool.length < rows) {
      // With another number of boxes, every row gets another box.
      for (const box of this.#pool) box.row = -1;
      this.#shift = 0;
    }
    while (this.#pool.length < rows) {
      const box = newRow();
      this.#rowsHost.append(box.element);
      this.#pool.push(box);
    }
    for (const box of this.#pool) {
      while (box.stuck.length > stuck) box.stuck.pop()?.element.remove();
      while (box.stuck.length < stuck) {
        const cell = newCell('gridcell');
        (box.stuck.at(-1) ?? box.gutter).element.after(cell.element);
        box.stuck.push(cell);
      }
      while (box.cells.length > columns + 2) box.cells.pop()?.element.remove();
      while (box.cells.length < columns) {
        const cell = newCell('gridcell');
        box.strip.append(cell.element);
        box.cells.push(cell);
      }
    }
  }

  /** Sets the size of the box and the row and column counts of the grid. */
  #size(): void {
    const { model } = this;
    const width = Math.max(model.layout.totalWidth, this.#width);
    const height = model.map.boxHeight + this.header.height;
    if (width !== this.#lastWidth) {
      this.#lastWidth = width;
      this.#box.style.setProperty('width', `${width}px`);
    }
    if (height !== this.#lastHeight) {
      this.#lastHeight = height;
      this.#box.style.setProperty('height', `${Math.max(height, this.#height)}px`);
    }
    const clientWidth = this.#width;
    if (clientWidth !== this.#lastView || model.map.viewport !== this.#lastViewport) {
      this.#lastView = clientWidth;
      this.#lastViewport = model.map.viewport;
      this.#body.style.setProperty('width', `${clientWidth}px`);
      this.#body.style.setProperty('height', `${model.map.viewport}px`);
      this.header.element.style.setProperty('width', `${clientWidth}px`);
    }
    setAttribute(this.element, 'aria-rowcount', (model.rows + 1).toString());
    setAttribute(this.element, 'aria-colcount', (model.columns.length + 1).toString());
  }

  /** Moves the scrollbars to the model's position. */
  #scroll(): void {
    const scroll = this.model.map.toScroll(this.model.top);
    if (Math.abs(scroll - this.#placedScroll) >= 0.5) {
      this.element.scrollTop = scroll;
      // The browser rounds to device pixels and clamps at the end.
      this.#placedScroll = this.element.scrollTop;
    }
    if (Math.abs(this.#placedLeft - this.model.left) >= 0.5) {
      this.element.scrollLeft = this.model.left;
      this.#placedLeft = this.element.scrollLeft;
      this.model.left = this.#placedLeft;
    }
  }

  #scrolled(): void {
    const { scrollTop, scrollLeft } = this.element;
    if (Math.abs(scrollTop - this.#placedScroll) >= 0.5) {
      this.#placedScroll = scrollTop;
      this.model.top = this.model.map.toTop(scrollTop);
    }
    this.#placedLeft = scrollLeft;
    this.model.left = scrollLeft;
    this.schedule();
  }

  /** Scrolls by real pixels with the wheel, also if one pixel of the scrollbar corresponds to many rows. */
  #wheeled(event: WheelEvent): void {
    const { map } = this.model;
    if (!map.scaled || event.deltaY === 0 || event.ctrlKey || event.shiftKey) return;
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? this.rowHeight : 1;
    const delta = event.deltaMode === WheelEvent.DOM_DELTA_PAGE ? event.deltaY * map.viewport : event.deltaY * unit;
    const top = map.clampTop(this.model.top + delta);
    if (top === this.model.top) return;
    event.preventDefault();
    this.model.top = top;
    if (event.deltaX !== 0) this.model.left = Math.max(0, this.model.left + event.deltaX * unit);
    this.schedule();
  }

  #measureGutter(): void {
    const digits = formatNumber(Math.max(this.model.rows, 999)).length;
    const width = Math.round(digits * this.header.digitWidth + 18);
    if (width !== this.model.layout.gutter) {
      this.model.layout.setGutter(width);
      this.drop();
    }
  }
}

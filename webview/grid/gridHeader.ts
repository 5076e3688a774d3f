import type { ColumnView } from '../../src/shared/resultsProtocol';
import { visible } from '../../src/shared/displayText';
import { icon, make, setAttribute } from '../base/dom';
import { text } from '../page/strings';
import { cellText } from './cells';
import type { GridModel } from './model';

/** A header cell of the pool. */
interface HeaderBox {
  readonly element: HTMLElement;
  readonly name: HTMLElement;
  readonly type: HTMLElement;
  readonly marks: HTMLElement;
  ordinal: number;
  column: number;
  left: number;
  width: number;
  /** Sort, filter, and pin as drawn. */
  state: string;
}

/** The row of column headers, virtualized like the rows below it. */
export class GridHeader {
  readonly element = make('div', 'grid-header');
  /** Pixels. */
  readonly height = 40;
  /** Width of a digit in the font of the cells, in pixels. */
  digitWidth = 8;
  /** Width of the narrowest letters in pixels; limits how many characters of a value can be visible. */
  narrowest = 4;
  readonly #row = make('div', 'header-row');
  readonly #corner = make('div', 'corner');
  readonly #strip = make('div', 'strip');
  #x = 0;
  readonly #stuck: HeaderBox[] = [];
  readonly #cells: HeaderBox[] = [];

  readonly #model: GridModel;

  constructor(model: GridModel) {
    this.#model = model;

    this.element.setAttribute('role', 'rowgroup');
    this.#row.setAttribute('role', 'row');
    this.#row.setAttribute('aria-rowindex', '1');
    this.#corner.setAttribute('role', 'columnheader');
    this.#corner.setAttribute('aria-colindex', '1');
    // As text, because some screen readers ignore a label alone.
    this.#corner.append(make('span', 'only-read', text('rowNumbers')));
    this.#corner.title = text('rowNumbers');
    this.element.style.setProperty('height', `${this.height}px`);
    this.#strip.setAttribute('role', 'presentation');
    this.#row.append(this.#corner, this.#strip);
    this.element.append(this.#row);
  }

  drop(): void {
    for (const box of [...this.#stuck, ...this.#cells]) box.column = -1;
  }

  draw(first: number, last: number): void {
    const { layout, left } = this.#model;
    if (this.#x !== left) {
      this.#x = left;
      this.#strip.style.setProperty('transform', `translateX(${-left}px)`);
    }
    this.#corner.style.setProperty('width', `${layout.gutter}px`);
    while (this.#stuck.length > layout.stuck) this.#stuck.pop()?.element.remove();
    while (this.#stuck.length < layout.stuck) {
      const box = newHeader();
      (this.#stuck.at(-1)?.element ?? this.#corner).after(box.element);
      this.#stuck.push(box);
    }
    const wanted = last - first + 1;
    while (this.#cells.length > wanted + 2) this.#cells.pop()?.element.remove();
    while (this.#cells.length < wanted) {
      const box = newHeader();
      this.#strip.append(box.element);
      this.#cells.push(box);
    }
    this.#stuck.forEach((box, ordinal) => this.#drawBox(box, ordinal, true));
    for (let ordinal = first; ordinal <= last; ordinal++) {
      const box = this.#cells[ordinal % this.#cells.length];
      if (box !== undefined) this.#drawBox(box, ordinal, false);
    }
    for (const box of this.#cells) {
      const unused = box.ordinal < first || box.ordinal > last;
      box.element.classList.toggle('unused', unused);
      if (unused) box.ordinal = -1;
    }
  }

  /** The header of a column by ordinal, if it is drawn. */
  cellAt(ordinal: number): HTMLElement | undefined {
    return [...this.#stuck, ...this.#cells].find((box) => box.ordinal === ordinal)?.element;
  }

  #drawBox(box: HeaderBox, ordinal: number, stuck: boolean): void {
    const { layout, columns, selection, order } = this.#model;
    const column = layout.column(ordinal);
    const view = columns[column];
    if (view === undefined) return;
    box.ordinal = ordinal;
    if (box.column !== column) {
      box.column = column;
      box.name.textContent = view.name === '' ? '""' : cellText(view.name);
      box.type.textContent = cellText(view.type);
      box.element.title = visible(`${view.name}\n${view.type}`);
      box.element.setAttribute('aria-colindex', (column + 2).toString());
      box.element.dataset['column'] = column.toString();
    }
    const left = layout.left(ordinal);
    const width = layout.width(column);
    if (box.left !== left) box.element.style.setProperty('left', `${(box.left = left)}px`);
    if (box.width !== width) box.element.style.setProperty('width', `${(box.width = width)}px`);
    const sortIndex = order.sort.findIndex((entry) => entry.column === column);
    const sort = order.sort[sortIndex];
    const filtered = order.filters.some((filter) => filter.column === column);
    const className =
      'column' +
      (stuck ? ' stuck' : '') +
      (view.numeric ? ' numeric' : '') +
      (selection.touchesColumn(ordinal) || selection.active.ordinal === ordinal ? ' touched' : '') +
      (selection.active.row < 0 && selection.active.ordinal === ordinal ? ' active' : '');
    if (box.element.className !== className) box.element.className = className;
    const state = `${sort?.direction ?? ''}${sortIndex}${filtered}${layout.isPinned(column)}${order.sort.length}`;
    if (box.state === state) return;
    box.state = state;
    setAttribute(box.element, 'aria-sort', sort?.direction);
    box.marks.replaceChildren();
    if (layout.isPinned(column)) box.marks.append(icon('pin'));
    if (filtered) box.marks.append(icon('filter'));
    if (sort !== undefined) {
      box.marks.append(icon(sort.direction));
      if (order.sort.length > 1) box.marks.append((sortIndex + 1).toString());
    }
  }
}

function newHeader(): HeaderBox {
  const element = make('div', 'column');
  element.setAttribute('role', 'columnheader');
  element.setAttribute('aria-haspopup', 'menu');
  const name = make('div', 'column-name');
  const type = make('div', 'column-type');
  const marks = make('div', 'column-marks');
  const menu = make('div', 'column-menu');
  menu.append(icon('chevron'));
  const handle = make('div', 'column-handle');
  element.append(name, type, marks, menu, handle);
  return { element, name, type, marks, ordinal: -1, column: -1, left: -1, width: -1, state: '' };
}

/** Width that fits the whole header of a column, in pixels. */
export function headerWidth(column: ColumnView, measure: (text: string) => number): number {
  return Math.max(measure(column.name), measure(column.type) * 0.86) + 34;
}

import { make } from '../base/dom';
import { type CellBox, newCell } from './cells';

/** A row of the pool with its current content. */
export interface RowBox {
  readonly element: HTMLElement;
  readonly gutter: CellBox;
  readonly strip: HTMLElement;
  /** Cells of pinned columns, and a pool of scrolling cells by `ordinal % length`. */
  readonly stuck: CellBox[];
  readonly cells: CellBox[];
  row: number;
  x: number;
  y: number;
  hidden: boolean;
}

export function newRow(): RowBox {
  const element = make('div', 'row');
  element.setAttribute('role', 'row');
  const gutter = newCell('rowheader');
  gutter.element.setAttribute('aria-colindex', '1');
  const strip = make('div', 'strip');
  strip.setAttribute('role', 'presentation');
  element.append(gutter.element, strip);
  return { element, gutter, strip, stuck: [], cells: [], row: -1, x: 0, y: NaN, hidden: false };
}

export function hideCell(cell: CellBox): void {
  cell.ordinal = -1;
  if (cell.className !== 'cell unused') {
    cell.className = 'cell unused';
    cell.element.className = cell.className;
  }
}

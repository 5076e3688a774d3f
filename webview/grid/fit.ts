import { cellText } from './cells';
import { type GridHeader, headerWidth } from './gridHeader';
import { fontOf, TextMeasure } from './measure';
import type { GridModel } from './model';

/** Maximum width of a column at first, and after a double click, in pixels. */
const MAX_FIRST = 320;
const MAX_FIT = 800;
/** Characters of a cell to measure; more would not fit anyway. */
const MEASURED = 160;
/** Rows to measure. */
const ROWS = 128;
/** Padding and border of a cell in pixels. */
const PADDING = 18;
/** Font weight of column names; must match the style sheet. */
const HEADER_WEIGHT = '600';

interface Measures {
  readonly fonts: string;
  readonly cell: TextMeasure;
  readonly header: TextMeasure;
  readonly digit: number;
  readonly narrowest: number;
}

let measured: Measures | undefined;

/** Measures texts in the fonts of the grid's cells (the editor's font) and its header. */
function measures(grid: Element): Measures {
  const style = getComputedStyle(grid);
  const cellFont = `${style.getPropertyValue('--cell-font-size').trim() || '13px'} ${style.getPropertyValue('--cell-font-family').trim() || 'monospace'}`;
  const headerFont = fontOf(grid, HEADER_WEIGHT);
  const fonts = `${cellFont}\n${headerFont}`;
  if (measured?.fonts === fonts) return measured;
  const cell = new TextMeasure(cellFont);
  measured = {
    fonts,
    cell,
    header: new TextMeasure(headerFont),
    digit: cell.width('0'),
    narrowest: cell.width('iiiillll') / 8,
  };
  return measured;
}

/** Measures the widths that the header needs. The grid must be in the document. */
export function measureFonts(header: GridHeader, grid: Element): void {
  const { digit, narrowest } = measures(grid);
  header.digitWidth = digit;
  header.narrowest = narrowest;
}

/** Fits columns to their headers and to the loaded values near the visible rows. */
export function fitColumns(model: GridModel, columns: readonly number[], grid: Element, first: boolean): void {
  const { cell, header } = measures(grid);
  const from = first ? 0 : Math.max(0, Math.floor(model.top / Math.max(1, model.map.rowHeight)) - ROWS / 2);
  const maxWidth = first ? MAX_FIRST : MAX_FIT;
  const widths: [number, number][] = [];
  for (const column of columns) {
    const view = model.columns[column];
    if (view === undefined) continue;
    let width = Math.min(
      headerWidth(view, (text) => header.width(text.slice(0, MEASURED))),
      first ? 240 : MAX_FIT,
    );
    for (let row = from; row < from + ROWS; row++) {
      const value = model.tiles.get(row, column);
      if (value === undefined || value === null) continue;
      const text = cellText((typeof value === 'string' ? value : value.cut).slice(0, MEASURED));
      width = Math.max(width, cell.width(text) + PADDING);
      if (width >= maxWidth) break;
    }
    widths.push([column, Math.min(Math.ceil(width), maxWidth)]);
  }
  model.layout.setWidths(widths);
}

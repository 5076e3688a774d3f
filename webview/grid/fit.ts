import { cellText } from './cells';
import { headerWidth } from './gridHeader';
import { fontOf, TextMeasure } from './measure';
import type { GridModel } from './model';

/** Widest that a column becomes by itself; a double click makes it as wide as {@link MAX_FIT}. */
const MAX_FIRST = 320;
const MAX_FIT = 800;
/** Characters of a cell that are measured: more would not fit anyway. */
const MEASURED = 160;
/** Rows that are looked at. */
const ROWS = 128;
/** Left and right padding of a cell, and its line. */
const PADDING = 18;
/** Names of columns; the style sheet has the same. */
const HEADER_WEIGHT = '600';

/** Measures in the fonts of the grid: its cells (the editor's font) and its header. */
export function measures(grid: Element): { cell: TextMeasure; header: TextMeasure; digit: number; narrowest: number } {
  const style = getComputedStyle(grid);
  const cell = new TextMeasure(
    `${style.getPropertyValue('--cell-font-size').trim() || '13px'} ${style.getPropertyValue('--cell-font-family').trim() || 'monospace'}`,
  );
  return {
    cell,
    header: new TextMeasure(fontOf(grid, HEADER_WEIGHT)),
    digit: cell.width('0'),
    narrowest: cell.width('iiiillll') / 8,
  };
}

/** Makes columns as wide as their header and the values that are here now, near the place that is seen. */
export function fitColumns(model: GridModel, columns: readonly number[], grid: Element, first: boolean): void {
  const { cell, header } = measures(grid);
  const from = first ? 0 : Math.max(0, Math.floor(model.top / Math.max(1, model.map.rowHeight)) - ROWS / 2);
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
    }
    widths.push([column, Math.min(Math.ceil(width), first ? MAX_FIRST : MAX_FIT)]);
  }
  model.layout.setWidths(widths);
}

import type { SavedView } from '../../src/shared/resultsProtocol';
import type { DetailPane } from './detailPane';
import type { GridModel } from '../grid/model';
import { text } from './strings';

/** The state of the Rows tab to save across reloads. `fitted`: the columns have been fitted to their content. */
export function keepRows(model: GridModel, detail: DetailPane, fitted: boolean): Partial<SavedView> {
  const { layout, selection } = model;
  const widths: Record<string, number> = {};
  for (let column = 0; column < layout.count; column++) widths[column] = layout.ownWidth(column);
  return {
    top: model.top / model.map.rowHeight,
    left: Math.round(model.left),
    active: { row: Math.max(0, selection.active.row), column: layout.column(selection.active.ordinal) },
    ...(fitted ? { widths } : {}),
    hidden: layout.hidden,
    pinned: layout.pins,
    order: model.order,
    pane: { open: detail.isOpen, share: detail.share },
  };
}

export function restoreColumns(model: GridModel, saved: SavedView | undefined): void {
  if (saved === undefined) return;
  const { layout } = model;
  if (saved.widths !== undefined) {
    layout.setWidths(Object.entries(saved.widths).map(([column, width]) => [Number(column), width]));
  }
  layout.setHidden(saved.hidden ?? []);
  layout.setPinned(saved.pinned ?? []);
}

/** Restores the active cell and the scroll position. `top` counts rows, so that it does not depend on the font. */
export function restorePlace(model: GridModel, saved: SavedView): void {
  const row = Math.min(saved.active?.row ?? 0, Math.max(0, model.rows - 1));
  const ordinal = Math.max(0, model.layout.ordinal(saved.active?.column ?? 0));
  model.selection.moveTo({ row, ordinal }, false);
  model.top = (saved.top ?? 0) * model.map.rowHeight;
  model.left = saved.left ?? 0;
}

/** The text in place of the rows; empty if there are rows. */
export function emptyText({ rows, view, stored, columns }: GridModel): string {
  if (rows > 0) return '';
  if (view !== 0) return text('noRows');
  if (!stored.complete) return text('noRowsYet');
  return text(columns.length === 0 ? 'noRowsTag' : 'noRows');
}

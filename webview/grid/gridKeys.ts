import { handled, isCommandKey } from '../base/dom';
import type { GridModel } from './model';

/** Actions of keys that involve the rest of the page. */
export interface GridActions {
  copy(headers: boolean): void;
  /** Shows the active value in the detail pane, optionally with focus. */
  showDetail(focus: boolean): void;
  /** Handles Escape if there is no selection to clear. Returns false if there was nothing to close. */
  close(): boolean;
  columnMenu(ordinal: number): void;
  cellMenu(): void;
  resizeColumn(ordinal: number, by: number): void;
}

/**
 * Handles the grid's keys, as in the ARIA practices for grids and in common spreadsheets. Handled keys do not propagate, because VS Code
 * would handle them too.
 */
export function gridKey(event: KeyboardEvent, model: GridModel, actions: GridActions): void {
  if (command(event, model, actions) || movement(event, model)) handled(event);
}

function command(event: KeyboardEvent, model: GridModel, actions: GridActions): boolean {
  const { active } = model.selection;
  const ctrl = isCommandKey(event);
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (ctrl && !event.altKey) {
    if (key === 'a' && !event.shiftKey) {
      model.selection.selectAll();
      model.changed();
    } else if (key === 'c') actions.copy(event.shiftKey);
    else if (key === ' ') {
      model.selection.selectColumns(active, false, false);
      model.changed();
    } else return false;
    return true;
  }
  if (key === 'ContextMenu' || (key === 'F10' && event.shiftKey)) {
    if (active.row < 0) actions.columnMenu(active.ordinal);
    else actions.cellMenu();
    return true;
  }
  if (key === 'Escape') {
    if (model.selection.ranges.length === 0) return actions.close();
    model.selection.collapse();
    model.changed();
    return true;
  }
  if (active.row < 0) return headerKey(event, key, model, actions);
  if (key === 'Enter' || key === 'F2') {
    actions.showDetail(key === 'Enter' && !event.shiftKey);
    return true;
  }
  if (key === ' ') {
    if (event.shiftKey) model.selection.selectRows(active, false, false);
    else actions.showDetail(false);
    model.changed();
    return true;
  }
  return false;
}

function headerKey(event: KeyboardEvent, key: string, model: GridModel, actions: GridActions): boolean {
  const { ordinal } = model.selection.active;
  if (key === 'Enter' || key === ' ' || (event.altKey && key === 'ArrowDown')) {
    actions.columnMenu(ordinal);
    return true;
  }
  if (event.altKey && (key === 'ArrowLeft' || key === 'ArrowRight')) {
    actions.resizeColumn(ordinal, key === 'ArrowLeft' ? -10 : 10);
    return true;
  }
  return false;
}

function movement(event: KeyboardEvent, model: GridModel): boolean {
  if (event.altKey) return false;
  const { row, ordinal } = model.selection.active;
  const ctrl = isCommandKey(event);
  const lastRow = model.rows - 1;
  const lastOrdinal = model.layout.length - 1;
  const page = Math.max(1, model.map.pageRows - 1);
  // Only ArrowUp and clicks reach the header (row -1); other movements stop at the first row.
  let to: { row: number; ordinal: number };
  switch (event.key) {
    case 'ArrowUp':
      to = { row: ctrl ? 0 : Math.max(event.shiftKey ? 0 : -1, row - 1), ordinal };
      break;
    case 'ArrowDown':
      to = { row: ctrl ? lastRow : row + 1, ordinal };
      break;
    case 'ArrowLeft':
      to = { row, ordinal: ctrl ? 0 : ordinal - 1 };
      break;
    case 'ArrowRight':
      to = { row, ordinal: ctrl ? lastOrdinal : ordinal + 1 };
      break;
    case 'PageUp':
      to = { row: Math.max(0, row - page), ordinal };
      break;
    case 'PageDown':
      to = { row: Math.max(0, row) + page, ordinal };
      break;
    case 'Home':
      to = { row: ctrl ? 0 : row, ordinal: 0 };
      break;
    case 'End':
      to = { row: ctrl ? lastRow : row, ordinal: lastOrdinal };
      break;
    default:
      return false;
  }
  model.goTo(to, event.shiftKey);
  return true;
}

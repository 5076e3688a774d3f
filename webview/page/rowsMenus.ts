import type { SortDirection } from '../../src/shared/resultsLimits';
import type { FromPage, OrderView } from '../../src/shared/resultsRequests';
import {
  COPY_FORMATS,
  type CopyFormat,
  EXPORT_FORMATS,
  type ExportFormat,
  FORMAT_NAMES,
} from '../../src/shared/rowFormats';
import { isMac } from '../base/dom';
import { filterByActive, filteredBy } from './filters';
import type { GridModel } from '../grid/model';
import { openMenu, type MenuEntry, type MenuItem } from '../base/menu';
import { counted, text } from './strings';

/** The actions of the Rows tab's menus. */
export interface RowsMenuActions {
  readonly model: GridModel;
  readonly element: HTMLElement;
  /** Gets the focus back after a menu closes. */
  readonly gridElement: HTMLElement;
  post(message: FromPage): void;
  copy(format: CopyFormat, headers: boolean): void;
  /** Copies the raw value of the active cell, regardless of the selection. */
  copyValue(): void;
  copyColumnName(column: number): void;
  setOrder(order: OrderView): void;
  askFilter(column: number): void;
  orderUnavailable(): string | undefined;
  autoFit(columns: readonly number[]): void;
  layoutChanged(): void;
  showDetail(focus: boolean): void;
}

/** The modifier key of commands, as a prefix of a letter. */
export const COMMAND_KEY = isMac ? '⌘' : 'Ctrl+';

export function copyMenu(tab: RowsMenuActions): MenuEntry[] {
  const others = COPY_FORMATS.filter((format) => format !== 'tsv');
  return [
    { label: text('copy'), icon: 'copy', hint: `${COMMAND_KEY}C`, run: () => tab.copy('tsv', false) },
    { label: text('copyWithHeaders'), hint: isMac ? '⇧⌘C' : 'Ctrl+Shift+C', run: () => tab.copy('tsv', true) },
    ...others.map((format) => ({
      label: text('copyAs', text(FORMAT_NAMES[format])),
      run: () => tab.copy(format, true),
    })),
  ];
}

/** The label of an export, which reminds the user that rows are filtered or sorted. */
function exportLabel({ model }: RowsMenuActions, format: string): string {
  const { rows, order, stored } = model;
  if (order.filters.length > 0) return counted('exportFiltered', rows, format);
  if (order.sort.length > 0) return counted('exportSorted', rows, format);
  return stored.complete ? counted('exportRows', rows, format) : text('exportTo', format);
}

/** Exports the rows of the view in its order, and the shown columns in theirs. */
export function exportMenu(tab: RowsMenuActions): MenuEntry[] {
  const columns = tab.model.layout.columns();
  const items: MenuEntry[] = EXPORT_FORMATS.map((format) => ({
    label: exportLabel(tab, text(FORMAT_NAMES[format])),
    icon: 'export',
    enabled: tab.model.columns.length > 0,
    run: () => tab.post({ type: 'export', view: tab.model.view, format, columns }),
  }));
  const open = (format: ExportFormat): MenuItem => ({
    label: text('openAsDocumentIn', text(FORMAT_NAMES[format])),
    icon: 'open',
    enabled: tab.model.columns.length > 0,
    run: () => tab.post({ type: 'openDocument', view: tab.model.view, format, columns }),
  });
  return [...items, 'separator', open('csv'), open('json'), open('markdown'), open('insert')];
}

export function cellMenu(tab: RowsMenuActions): MenuEntry[] {
  const { active } = tab.model.selection;
  const column = tab.model.layout.column(active.ordinal);
  const unavailable = tab.orderUnavailable();
  const filter = filterByActive(tab.model);
  return [
    { label: text('detailShow'), icon: 'pane', hint: 'Enter', run: () => tab.showDetail(true) },
    'separator',
    ...copyMenu(tab),
    'separator',
    { label: text('copyCell'), run: () => tab.copyValue() },
    { label: text('copyColumnName'), run: () => tab.copyColumnName(column) },
    'separator',
    {
      label: text('filterByValue'),
      icon: 'filter',
      enabled: unavailable === undefined && filter !== undefined,
      run: () => {
        if (filter !== undefined) tab.setOrder(filteredBy(tab.model, filter.column, filter));
      },
    },
    {
      label: text('filterBy', tab.model.columns[column]?.name ?? ''),
      enabled: unavailable === undefined,
      run: () => tab.askFilter(column),
    },
  ];
}

export function columnMenu(tab: RowsMenuActions, ordinal: number): MenuEntry[] {
  const { model } = tab;
  const { layout, order } = model;
  const column = layout.column(ordinal);
  const name = model.columns[column]?.name ?? '';
  const unavailable = tab.orderUnavailable();
  const enabled = unavailable === undefined;
  const others = order.sort.filter((entry) => entry.column !== column);
  const sort = (direction: SortDirection, also: boolean): MenuItem['run'] => {
    const sorted = [...(also ? others : []), { column, direction }];
    return () => tab.setOrder({ sort: sorted, filters: order.filters });
  };
  const layoutItem = (label: string, change: () => void, icon?: MenuItem['icon']): MenuItem => ({
    label,
    ...(icon === undefined ? {} : { icon }),
    run: () => {
      change();
      tab.layoutChanged();
    },
  });
  const entries: MenuEntry[] = [
    { label: text('sortAscending'), icon: 'ascending', enabled, run: sort('ascending', false) },
    { label: text('sortDescending'), icon: 'descending', enabled, run: sort('descending', false) },
  ];
  if (others.length > 0) {
    entries.push(
      { label: text('sortThenAscending'), enabled, run: sort('ascending', true) },
      { label: text('sortThenDescending'), enabled, run: sort('descending', true) },
    );
  }
  if (others.length < order.sort.length) {
    entries.push({
      label: text('sortClear'),
      run: () => tab.setOrder({ sort: others, filters: order.filters }),
    });
  }
  entries.push({ label: text('filterBy', name), icon: 'filter', enabled, run: () => tab.askFilter(column) });
  if (unavailable !== undefined) entries.push({ label: unavailable, enabled: false, run: () => undefined });
  else if (model.columns[column]?.sortsAsText === true) {
    entries.push({ label: text('sortsAsText'), enabled: false, run: () => undefined });
  }
  entries.push(
    'separator',
    { label: text('copyColumnName'), icon: 'copy', run: () => tab.copyColumnName(column) },
    'separator',
    layout.isPinned(column)
      ? layoutItem(text('columnUnpin'), () => layout.setPinned(layout.pins.filter((pin) => pin !== column)), 'pin')
      : layoutItem(text('columnPin'), () => layout.setPinned([...layout.pins, column]), 'pin'),
    layoutItem(text('columnHide'), () => layout.setHidden([...layout.hidden, column])),
  );
  if (layout.hidden.length > 0) entries.push(...showEntries(tab, layoutItem));
  entries.push(
    'separator',
    { label: text('columnAutoFit'), run: () => tab.autoFit([column]) },
    { label: text('columnAutoFitAll'), run: () => tab.autoFit(layout.columns()) },
    'separator',
    {
      label: text('columnSelect'),
      hint: `${COMMAND_KEY}Space`,
      run: () => {
        model.selection.selectColumns({ row: 0, ordinal }, false, false);
        model.changed();
      },
    },
  );
  return entries;
}

/** Menu items that show hidden columns: one per column up to a limit, and one for all. */
function showEntries(tab: RowsMenuActions, item: (label: string, change: () => void) => MenuItem): MenuEntry[] {
  const { layout, columns } = tab.model;
  const show = (column: number): void => layout.setHidden(layout.hidden.filter((hidden) => hidden !== column));
  const all = item(text('columnShowAll', layout.hidden.length), () => layout.setHidden([]));
  if (layout.hidden.length === 1) return [all];
  const choose: MenuItem = {
    label: text('columnShow'),
    run: () => {
      const named = layout.hidden.slice(0, 40).map((column) => item(columns[column]?.name ?? '', () => show(column)));
      const bounds = tab.element.getBoundingClientRect();
      openMenu(named, bounds.left + 60, bounds.top + 44, tab.gridElement);
    },
  };
  return [choose, all];
}

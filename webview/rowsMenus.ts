import {
  COPY_FORMATS,
  type CopyFormat,
  EXPORT_FORMATS,
  type ExportFormat,
  type FromPage,
  type OrderView,
  type SortDirection,
} from '../src/shared/resultsProtocol';
import type { ResultsStringKey } from '../src/shared/resultsStrings';
import { isMac } from './dom';
import type { GridModel } from './grid/model';
import { openMenu, type MenuEntry, type MenuItem } from './menu';
import { text } from './strings';

/** What the menus of the Rows tab act on. */
export interface RowsMenuActions {
  readonly model: GridModel;
  readonly element: HTMLElement;
  /** Gets the keyboard back after a menu. */
  readonly gridElement: HTMLElement;
  post(message: FromPage): void;
  copy(format: CopyFormat, headers: boolean): void;
  /** The value at the active cell, as it is, whatever else is selected. */
  copyValue(): void;
  setOrder(order: OrderView): void;
  askFilter(column: number): void;
  orderHindrance(): string | undefined;
  autoFit(columns: readonly number[]): void;
  layoutChanged(): void;
  showDetail(focus: boolean): void;
}

const FORMAT_NAMES: Readonly<Record<ExportFormat, ResultsStringKey>> = {
  csv: 'formatCsv',
  tsv: 'formatTsv',
  json: 'formatJson',
  ndjson: 'formatNdjson',
  markdown: 'formatMarkdown',
  insert: 'formatInsert',
};

/** The modifier of commands, before a letter. */
export const COMMAND_KEY = isMac ? '⌘' : 'Ctrl+';

export function copyMenu(tab: RowsMenuActions): MenuEntry[] {
  const items: MenuEntry[] = COPY_FORMATS.map((format) => ({
    label: text('copyAs', text(FORMAT_NAMES[format])),
    run: () => tab.copy(format, format !== 'tsv'),
    ...(format === 'tsv' ? { hint: `${COMMAND_KEY}C` } : {}),
  }));
  items.splice(1, 0, {
    label: text('copyWithHeaders', text('formatTsv')),
    hint: isMac ? '⇧⌘C' : 'Ctrl+Shift+C',
    run: () => tab.copy('tsv', true),
  });
  return items;
}

/** Exports what the view shows: its rows in its order, the shown columns in theirs. */
export function exportMenu(tab: RowsMenuActions): MenuEntry[] {
  const columns = tab.model.layout.columns();
  const items: MenuEntry[] = EXPORT_FORMATS.map((format) => ({
    label: text('exportTo', text(FORMAT_NAMES[format])),
    icon: 'save',
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
  const hindrance = tab.orderHindrance();
  return [
    { label: text('detailShow'), icon: 'pane', hint: 'Enter', run: () => tab.showDetail(true) },
    'separator',
    { label: text('copyCell'), icon: 'copy', run: () => tab.copyValue() },
    ...copyMenu(tab),
    'separator',
    {
      label: text('filterBy', tab.model.columns[column]?.name ?? ''),
      icon: 'filter',
      enabled: hindrance === undefined,
      run: () => tab.askFilter(column),
    },
  ];
}

export function columnMenu(tab: RowsMenuActions, ordinal: number): MenuEntry[] {
  const { model } = tab;
  const { layout, order } = model;
  const column = layout.column(ordinal);
  const name = model.columns[column]?.name ?? '';
  const hindrance = tab.orderHindrance();
  const enabled = hindrance === undefined;
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
  if (hindrance !== undefined) entries.push({ label: hindrance, enabled: false, run: () => undefined });
  else if (model.columns[column]?.sortsAsText === true) {
    entries.push({ label: text('sortsAsText'), enabled: false, run: () => undefined });
  }
  entries.push(
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

/** Hidden columns by name, up to some; the rest come back together. */
function showEntries(tab: RowsMenuActions, item: (label: string, change: () => void) => MenuItem): MenuEntry[] {
  const { layout, columns } = tab.model;
  const show = (column: number): void => layout.setHidden(layout.hidden.filter((hidden) => hidden !== column));
  const all = item(text('columnShowAll', layout.hidden.length), () => layout.setHidden([]));
  if (layout.hidden.length === 1) return [all];
  const one: MenuItem = {
    label: text('columnShow'),
    run: () => {
      const named = layout.hidden.slice(0, 40).map((column) => item(columns[column]?.name ?? '', () => show(column)));
      const bounds = tab.element.getBoundingClientRect();
      openMenu(named, bounds.left + 60, bounds.top + 44, tab.gridElement);
    },
  };
  return [one, all];
}

import type { FilterView, OrderView } from '../../src/shared/resultsRequests';
import type { GridModel } from '../grid/model';

/** The view's order with the filter of one column replaced or removed. */
export function filteredBy({ order }: GridModel, column: number, filter: FilterView | undefined): OrderView {
  const others = order.filters.filter((other) => other.column !== column);
  return { sort: order.sort, filters: filter === undefined ? others : [...others, filter] };
}

/** A filter for the value of the active cell; undefined if only the beginning of the value is loaded. */
export function filterByActive(model: GridModel): FilterView | undefined {
  const { row, ordinal } = model.selection.active;
  const value = row < 0 ? undefined : model.cell(row, ordinal);
  const column = model.layout.column(ordinal);
  if (value === null) return { column, operator: 'isNull', value: '' };
  return typeof value === 'string' ? { column, operator: 'equals', value } : undefined;
}

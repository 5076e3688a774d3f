/** Sizes and closed sets of values that both sides of the results protocol use. */

/** Rows and columns of a full tile. A table of up to 64 columns needs one tile per 128 rows. */
export const TILE_ROWS = 128;
export const TILE_COLUMNS = 64;

/** UTF-16 units of a value in a tile. The `cell` request returns the whole value. */
export const CELL_CHARACTERS = 300;

/** UTF-16 units of a value in the detail pane. "Open Value as Document" shows the whole value. */
export const VALUE_CHARACTERS = 1_000_000;

/** UTF-16 units of the SQL on the page. "Open in Editor" shows the whole text. */
export const SQL_CHARACTERS = 100_000;

/** UTF-16 units of all job messages on the page and in one posted message; the newest are kept. */
export const NOTICES_CHARACTERS = 2_000_000;

/** The settings that limit how much of a result is kept. */
export const ROWS_LIMITS = ['maxRows', 'maxMegabytes'] as const;
export type RowsLimit = (typeof ROWS_LIMITS)[number];

/** Filter conditions on one column. The last two take no value. */
export const FILTER_OPERATORS = [
  'contains',
  'notContains',
  'equals',
  'notEquals',
  'greater',
  'less',
  'isNull',
  'isNotNull',
] as const;
export type FilterOperator = (typeof FILTER_OPERATORS)[number];

export const SORT_DIRECTIONS = ['ascending', 'descending'] as const;
export type SortDirection = (typeof SORT_DIRECTIONS)[number];

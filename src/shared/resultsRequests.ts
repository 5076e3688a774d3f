/**
 * Messages from the results page to the host: one valibot schema for each, from which the types are inferred.
 *
 * The page shows text from a database, so the host trusts none of its messages: it parses each with {@link fromPageSchema}.
 * The webview imports only types from this file (a lint rule checks it), so valibot is not part of its bundle.
 *
 * Terms and the answers of the host: resultsProtocol.ts.
 */
import * as v from 'valibot';
import { BLOCKER_SIGNALS } from './activityProtocol';
import { FILTER_OPERATORS, ROWS_LIMITS, SORT_DIRECTIONS, TILE_COLUMNS, TILE_ROWS } from './resultsLimits';
import { COPY_FORMATS, EXPORT_FORMATS } from './rowFormats';

/** Larger numbers are mistakes or attacks: a view has at most this many rows, a table of PostgreSQL this many columns. */
const MAX_ROW = 2 ** 40;
const MAX_COLUMN = 1_664;
const MAX_TILES = 64;
const MAX_RANGES = 1_000;
/** UTF-16 units of a search text or a filter value. */
const MAX_TEXT = 10_000;
/** Columns to sort by, and filters. */
const MAX_ORDER = 64;

/** UTF-16 units of the start time of a process. */
const MAX_START = 100;

const indexTo = (max: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(max));
const count = indexTo(Number.MAX_SAFE_INTEGER);
const row = indexTo(MAX_ROW);
const column = indexTo(MAX_COLUMN);
const shortText = v.pipe(v.string(), v.maxLength(MAX_TEXT));

/** Checks the length first, so that a huge array is rejected before its items are read. */
function listOf<const TItem extends v.GenericSchema>(item: TItem, max: number) {
  return v.pipe(v.array(v.unknown()), v.maxLength(max), v.array(item));
}

const columns = listOf(column, MAX_COLUMN);

/** A cell by view row and column. */
const cellAt = v.object({ row, column });

const tileRange = v.object({ row, rows: indexTo(TILE_ROWS), column, columns: indexTo(TILE_COLUMNS) });

/** Selected cells: view rows from `first` to `last` (inclusive), and their columns in the order shown. */
const copyRange = v.object({ first: row, last: row, columns });

const sortView = v.object({ column, direction: v.picklist(SORT_DIRECTIONS) });

const filterView = v.object({ column, operator: v.picklist(FILTER_OPERATORS), value: shortText });

/** Sorts by the first entry, then the next. Rows must pass every filter. With both empty, the view is all rows in stored order. */
const orderView = v.object({ sort: listOf(sortView, MAX_ORDER), filters: listOf(filterView, MAX_ORDER) });

function bare<const TType extends string>(type: TType) {
  return v.object({ type: v.literal(type) });
}

function forCell<const TType extends string>(type: TType) {
  return v.object({ type: v.literal(type), view: count, at: cellAt });
}

function forRows<const TType extends string>(type: TType) {
  return v.object({ type: v.literal(type), view: count, format: v.picklist(EXPORT_FORMATS), columns });
}

export const fromPageSchema = v.variant('type', [
  /** The page is loaded; the host answers with `init`. */
  bare('ready'),
  v.object({ type: v.literal('tiles'), request: count, view: count, ranges: listOf(tileRange, MAX_TILES) }),
  v.object({ type: v.literal('cell'), request: count, view: count, at: cellAt }),
  v.object({ type: v.literal('order'), view: count, order: orderView }),
  bare('orderCancel'),
  v.object({
    type: v.literal('find'),
    find: count,
    view: count,
    text: shortText,
    matchCase: v.boolean(),
    regex: v.boolean(),
    /** The shown columns: a match in a hidden one cannot be displayed. */
    columns,
  }),
  v.object({
    type: v.literal('findStep'),
    find: count,
    request: count,
    from: cellAt,
    /** Also accept a match at `from` (going forward). */
    here: v.boolean(),
    back: v.boolean(),
  }),
  bare('findCancel'),
  v.object({
    type: v.literal('copy'),
    view: count,
    format: v.picklist(COPY_FORMATS),
    headers: v.boolean(),
    ranges: listOf(copyRange, MAX_RANGES),
  }),
  /** Copies the whole value of one cell, unformatted. */
  forCell('copyValue'),
  forCell('openValue'),
  forRows('export'),
  forRows('openDocument'),
  v.object({ type: v.literal('copyText'), what: v.picklist(['sql', 'error', 'messages']) }),
  /** Opens the whole text of the error, of all messages, or of one message in an editor. */
  v.variant('what', [
    v.object({ type: v.literal('showText'), what: v.picklist(['error', 'messages']) }),
    v.object({ type: v.literal('showText'), what: v.literal('message'), number: count }),
  ]),
  bare('openSql'),
  /** Opens the file that the job was launched from, at the error. */
  bare('openError'),
  v.object({ type: v.literal('copyColumnName'), column }),
  v.object({ type: v.literal('changeLimit'), limit: v.picklist(ROWS_LIMITS) }),
  bare('rerun'),
  bare('cancel'),
  /** The Activity view became visible, or hidden. */
  v.object({ type: v.literal('activity'), shown: v.boolean() }),
  /** Cancels or terminates a process of the blocking chain that was shown last; the user confirms it first. */
  v.object({
    type: v.literal('signalBlocker'),
    pid: count,
    backendStart: v.pipe(v.string(), v.maxLength(MAX_START)),
    signal: v.picklist(BLOCKER_SIGNALS),
  }),
]);

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;
type TypeOf<TSchema extends v.GenericSchema> = DeepReadonly<v.InferOutput<TSchema>>;

export type FromPage = TypeOf<typeof fromPageSchema>;
export type CellAt = TypeOf<typeof cellAt>;
export type TileRange = TypeOf<typeof tileRange>;
export type CopyRange = TypeOf<typeof copyRange>;
export type SortView = TypeOf<typeof sortView>;
export type FilterView = TypeOf<typeof filterView>;
export type OrderView = TypeOf<typeof orderView>;

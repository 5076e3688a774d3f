/** Sorting and filtering the rows of a spool: gives row numbers, the rows stay where they are. */
import { decodeField } from '../../../shared/rowCodec';
import { columnKind } from './columnKinds';
import { createMatcher, linesOf } from './find';
import { isoTime, SortKeys } from './sortKeys';
import { sortEncoder } from './sortText';
import type { SpoolColumn } from '../spool/spoolFormat';
import { sortPositions, type Compare } from './mergeSort';
import type { SpoolReader } from '../spool/spoolReader';

/** Rows up to which a spool is sorted and filtered, if nothing else is said. */
export const DEFAULT_MAX_ROWS = 1_000_000;

/** Memory for the text of all sort keys; see {@link OrderResult.textBytes}. */
const KEY_BYTES = 256 * 1024 * 1024;

/** Sorts by a column. */
export interface SortKey {
  readonly column: number;
  readonly direction: 'ascending' | 'descending';
  /** As in PostgreSQL, NULL is larger than every value if not said: last when ascending, first when descending. */
  readonly nulls?: 'first' | 'last';
}

/**
 * Keeps the rows whose value in a column…
 *
 * - `contains` the text, upper and lower case being the same, or not (`notContains`)
 * - `equals` it, or not (`notEquals`): what sorts by its value (sortKeys.ts) by value, everything else character by character
 * - is `greater` or `less` than it, in the order of sorting
 * - is or is not NULL
 *
 * NULL passes the negative ones, as with `IS DISTINCT FROM`, and none of the others.
 */
export interface Filter {
  readonly column: number;
  readonly operator: 'contains' | 'notContains' | 'equals' | 'notEquals' | 'greater' | 'less' | 'isNull' | 'isNotNull';
  /** Not needed for the last two. */
  readonly value?: string;
}

export interface OrderOptions {
  /** More rows than this are refused. 0 = no limit. */
  readonly maxRows?: number;
  readonly signal?: AbortSignal;
  /** Told now and then how many rows have been read, of how many. */
  readonly progress?: (rows: number, total: number) => void;
}

/** Rows in order. */
export interface OrderResult {
  /** Row numbers of the spool, for `rowsAt` and `preview`. */
  readonly order: Uint32Array;
  /** Bytes of a text that were compared: enough for all but large values, unless there are very many rows. */
  readonly textBytes: number;
}

/** There are more rows than may be sorted or filtered. */
export class TooManyRowsError extends Error {
  override readonly name = 'TooManyRowsError';
  constructor(
    readonly rows: number,
    readonly maxRows: number,
  ) {
    const limit = maxRows.toLocaleString('en-US');
    super(`Sorting and filtering are for up to ${limit} rows; these are ${rows.toLocaleString('en-US')}.`);
  }
}

/** The value of a filter cannot be compared with its column; the message says why, for people. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
}

/**
 * Sorts and filters the rows there are when it is called. What sorts the same keeps its order. How values compare: {@link SortKeys}.
 *
 * @param sort By the first, then the next; the order of the rows when empty.
 * @param filters Rows must pass all of them.
 * @throws TooManyRowsError, FilterError, or the signal's reason.
 */
export async function orderRows(
  reader: SpoolReader,
  sort: readonly SortKey[],
  filters: readonly Filter[],
  options: OrderOptions = {},
): Promise<OrderResult> {
  const { maxRows = DEFAULT_MAX_ROWS, signal, progress } = options;
  const { rows: total } = await reader.status();
  if (maxRows > 0 && total > maxRows) throw new TooManyRowsError(total, maxRows);
  const textBytes = Math.min(64 * 1024, Math.max(64, Math.floor(KEY_BYTES / Math.max(1, total * sort.length))));
  const keys = sort.map(({ column }) => new SortKeys(columnAt(reader, column), textBytes));
  const tests = filters.map((filter) => ({
    column: filter.column,
    passes: createTest(columnAt(reader, filter.column), filter),
  }));

  const kept = new Uint32Array(total);
  let count = 0;
  let row = 0;
  for await (const { bytes } of reader.blocks(signal)) {
    for (const line of linesOf(bytes.toString())) {
      // The spool may have grown since its rows were counted.
      if (row === total) break;
      if (tests.every(({ column, passes }) => passes(fieldOf(line, column)))) {
        for (let i = 0; i < keys.length; i++) keys[i]?.add(fieldOf(line, sort[i]?.column ?? 0));
        kept[count++] = row;
      }
      row++;
    }
    progress?.(row, total);
  }
  const rows = kept.subarray(0, count);
  if (keys.length === 0) return { order: rows.slice(), textBytes };
  const [firstSort] = sort;
  const [firstKeys] = keys;
  const numbers = firstSort && firstKeys ? firstNumbers(firstSort, firstKeys) : new Float64Array(count);
  for (const key of keys.slice(1)) key.toNumbers(0);
  const positions = await sortPositions(numbers, comparison(sort, keys), signal);
  return { order: positions.map((position) => rows[position] ?? 0), textBytes };
}

/** In the result of {@link invertOrder}: the row is not in the order. */
export const NOT_IN_ORDER = 0xffff_ffff;

/**
 * Where each row of a spool is in an order of them.
 *
 * @param rows Rows of the spool.
 */
export function invertOrder(order: Uint32Array, rows: number): Uint32Array {
  const places = new Uint32Array(rows).fill(NOT_IN_ORDER);
  for (let i = 0; i < order.length; i++) places[order[i] ?? 0] = i;
  return places;
}

/** One value of a COPY line. */
function fieldOf(line: string, column: number): string | null {
  let start = 0;
  for (let i = 0; i < column; i++) start = line.indexOf('\t', start) + 1;
  const tab = line.indexOf('\t', start);
  return decodeField(tab === -1 ? line.slice(start) : line.slice(start, tab));
}

function columnAt(reader: SpoolReader, column: number): SpoolColumn {
  const found = reader.columns[column];
  if (!found) throw new RangeError(`There is no column ${column}.`);
  return found;
}

/** Compares two rows by all keys. */
function comparison(sort: readonly SortKey[], keys: readonly SortKeys[]): Compare {
  const parts = sort.map(({ direction, nulls }, i) => {
    const key = keys[i];
    const sign = direction === 'descending' ? -1 : 1;
    // In an ascending order NULL is last by itself.
    const turnNulls = nulls !== undefined && nulls !== (sign < 0 ? 'first' : 'last');
    return (a: number, b: number): number => {
      if (!key) return 0;
      if (turnNulls && key.isNull(a) !== key.isNull(b)) return -sign * key.compare(a, b);
      return sign * key.compare(a, b);
    };
  });
  const [only] = parts;
  if (only && parts.length === 1) return only;
  return (a, b) => {
    for (const compare of parts) {
      const result = compare(a, b);
      if (result !== 0) return result;
    }
    return 0;
  };
}

/** The first key as numbers in the order asked for: most pairs are told apart by them, and comparing them costs next to nothing. */
function firstNumbers({ direction, nulls }: SortKey, keys: SortKeys): Float64Array {
  const last = (nulls ?? (direction === 'ascending' ? 'last' : 'first')) === 'last';
  if (direction === 'ascending') return keys.toNumbers(last ? Infinity : -Infinity);
  const numbers = keys.toNumbers(last ? -Infinity : Infinity);
  for (let i = 0; i < numbers.length; i++) numbers[i] = -(numbers[i] ?? 0);
  return numbers;
}

function createTest(column: SpoolColumn, filter: Filter): (value: string | null) => boolean {
  const { operator, value = '' } = filter;
  switch (operator) {
    case 'isNull':
      return (other) => other === null;
    case 'isNotNull':
      return (other) => other !== null;
    case 'contains':
    case 'notContains': {
      const contains = createMatcher({ text: value });
      return operator === 'contains'
        ? (other) => other !== null && contains(other)
        : (other) => other === null || !contains(other);
    }
    case 'equals':
    case 'notEquals':
    case 'greater':
    case 'less': {
      const compare = createComparison(column, toComparable(column, value));
      if (operator === 'equals') return (other) => other !== null && compare(other) === 0;
      if (operator === 'notEquals') return (other) => other === null || compare(other) !== 0;
      return (other) => other !== null && (operator === 'greater' ? compare(other) > 0 : compare(other) < 0);
    }
  }
}

/** Compares values of a column with one text, as sorting does. */
function createComparison(column: SpoolColumn, wanted: string): (value: string) => number {
  const keys = new SortKeys(column, Infinity);
  keys.add(wanted);
  // A time written without its offset is meant as it is shown.
  const asShown = columnKind(column) === 'timestamp' && !OFFSET.test(wanted);
  return (value) => {
    keys.truncate(1);
    keys.add(asShown ? value.replace(OFFSET, '$1') : value);
    return keys.compare(1, 0);
  };
}

const OFFSET = /(:\d\d(?:\.\d+)?)[+-]\d\d(?::\d\d){0,2}/;
const TRUE = new Set(['t', 'true', 'yes', 'on', '1']);
const FALSE = new Set(['f', 'false', 'no', 'off', '0']);

/** What a person typed, as PostgreSQL would write it. */
function toComparable(column: SpoolColumn, typed: string): string {
  const text = typed.trim();
  switch (columnKind(column)) {
    case 'integer':
    case 'xid':
    case 'numeric':
    case 'float':
      if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?$/i.test(text)) return text;
      if (/^[+-]?(?:infinity|nan)$/i.test(text)) return text.toLowerCase().replace('inf', 'Inf').replace('nan', 'NaN');
      throw new FilterError(`"${column.name}" holds numbers, and "${typed}" is not one.`);
    case 'boolean':
      if (TRUE.has(text.toLowerCase())) return 't';
      if (FALSE.has(text.toLowerCase())) return 'f';
      throw new FilterError(`"${column.name}" holds true and false, and "${typed}" is neither.`);
    case 'date':
    case 'timestamp': {
      const iso = text
        .replace(/^(\d{4,}-\d\d-\d\d)T/, '$1 ')
        .replace(/Z$/, '+00')
        .replace(/( \d\d:\d\d)(?=[+-]|$)/, '$1:00');
      if (isoTime(iso) !== undefined) return iso;
      throw new FilterError(`"${column.name}" holds times; write "${typed}" like 2026-01-31 or 2026-01-31 23:59:59.`);
    }
    case 'json':
      return typed;
    case 'text': {
      const encode = sortEncoder(column);
      if (!encode || encode(typed) !== undefined) return typed;
      if (encode(text) !== undefined) return text;
      throw new FilterError(`"${column.name}" holds values of type ${column.type}, and "${typed}" is not one.`);
    }
  }
}

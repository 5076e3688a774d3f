/** Sorts and filters the rows of a spool. The result is a list of row numbers; the stored rows are not changed. */
import { decodeField } from '../../../shared/rowCodec';
import { RowsError } from '../faults';
import { columnKind } from './columnKinds';
import { createMatcher, linesOf } from './find';
import { isoTime, SortKeys } from './sortKeys';
import { sortEncoder } from './sortText';
import type { SpoolColumn } from '../spool/spoolFormat';
import { sortPositions, type Compare } from './mergeSort';
import type { SpoolReader } from '../spool/spoolReader';

/** Default limit of rows that can be sorted and filtered. */
export const DEFAULT_MAX_ROWS = 1_000_000;

/** Memory for the text of all sort keys in bytes; see {@link OrderResult.textBytes}. */
const KEY_BYTES = 256 * 1024 * 1024;

/** Sorts by a column. */
export interface SortKey {
  readonly column: number;
  readonly direction: 'ascending' | 'descending';
  /** Default as in PostgreSQL, where NULL is larger than every value: last if ascending, first if descending. */
  readonly nulls?: 'first' | 'last';
}

/**
 * Selects rows by one column:
 *
 * - `contains`, `notContains`: the text, ignoring case
 * - `equals`, `notEquals`: by value for types that sort by value (sortKeys.ts), otherwise by text
 * - `greater`, `less`: in sort order
 * - `isNull`, `isNotNull`
 *
 * NULL passes the negative operators, as with `IS DISTINCT FROM`, and fails the others.
 */
export interface Filter {
  readonly column: number;
  readonly operator: 'contains' | 'notContains' | 'equals' | 'notEquals' | 'greater' | 'less' | 'isNull' | 'isNotNull';
  /** Not used by the last two operators. */
  readonly value?: string;
}

export interface OrderOptions {
  /** Fails if there are more rows than this. 0 = no limit. */
  readonly maxRows?: number;
  readonly signal?: AbortSignal;
  /** Called regularly with the number of rows read, and of all rows. */
  readonly progress?: (rows: number, total: number) => void;
}

/** Sorted and filtered rows. */
export interface OrderResult {
  /** Row numbers in the spool, for `rowsAt` and `preview`. */
  readonly order: Uint32Array;
  /** Bytes of each text that were compared: enough except for large values, or very many rows. */
  readonly textBytes: number;
}

/**
 * Sorts and filters the rows that exist at the time of the call. The sort is stable. See {@link SortKeys} for how values compare.
 *
 * @param sort Sort by the first key, then the next. Empty: stored order.
 * @param filters Rows must pass all filters.
 * @throws RowsError if there are too many rows, or a filter's value does not have its column's type; the signal's reason.
 */
export async function orderRows(
  reader: SpoolReader,
  sort: readonly SortKey[],
  filters: readonly Filter[],
  options: OrderOptions = {},
): Promise<OrderResult> {
  const { maxRows = DEFAULT_MAX_ROWS, signal, progress } = options;
  const { rows: total } = await reader.status();
  if (maxRows > 0 && total > maxRows) {
    throw new RowsError({ code: 'rows.tooManyToOrder', params: { rows: total, limit: maxRows } });
  }
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
      // The spool may have grown since the rows were counted.
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

/** Marks a row that is not part of the order, in the result of {@link invertOrder}. */
export const NOT_IN_ORDER = 0xffff_ffff;

/**
 * Maps each row of a spool to its position in an order.
 *
 * @param rows Number of rows in the spool.
 */
export function invertOrder(order: Uint32Array, rows: number): Uint32Array {
  const positions = new Uint32Array(rows).fill(NOT_IN_ORDER);
  for (let i = 0; i < order.length; i++) positions[order[i] ?? 0] = i;
  return positions;
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
  if (!found) throw new RangeError(`No such column: ${column}`);
  return found;
}

/** Compares two rows by all keys. */
function comparison(sort: readonly SortKey[], keys: readonly SortKeys[]): Compare {
  const parts = sort.map(({ direction, nulls }, i) => {
    const key = keys[i];
    const sign = direction === 'descending' ? -1 : 1;
    // In ascending order, NULL is last by default.
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

/** The first sort key as numbers in the requested order. They decide most comparisons at almost no cost. */
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

/** Returns a function that compares values of a column with one text, in sort order. */
function createComparison(column: SpoolColumn, wanted: string): (value: string) => number {
  const keys = new SortKeys(column, Infinity);
  keys.add(wanted);
  // A time without a zone offset is compared with the time as displayed.
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

/**
 * Converts a typed filter value to the text that PostgreSQL would write.
 *
 * @throws RowsError if it does not have the column's type.
 */
function toComparable(column: SpoolColumn, typed: string): string {
  const text = typed.trim();
  const params = { column: column.name, value: typed };
  switch (columnKind(column)) {
    case 'integer':
    case 'xid':
    case 'numeric':
    case 'float':
      if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?$/i.test(text)) return text;
      if (/^[+-]?(?:infinity|nan)$/i.test(text)) return text.toLowerCase().replace('inf', 'Inf').replace('nan', 'NaN');
      throw new RowsError({ code: 'rows.filterNotNumber', params });
    case 'boolean':
      if (TRUE.has(text.toLowerCase())) return 't';
      if (FALSE.has(text.toLowerCase())) return 'f';
      throw new RowsError({ code: 'rows.filterNotBoolean', params });
    case 'date':
    case 'timestamp': {
      const iso = text
        .replace(/^(\d{4,}-\d\d-\d\d)T/, '$1 ')
        .replace(/Z$/, '+00')
        .replace(/( \d\d:\d\d)(?=[+-]|$)/, '$1:00');
      if (isoTime(iso) !== undefined) return iso;
      throw new RowsError({ code: 'rows.filterNotTime', params });
    }
    case 'json':
      return typed;
    case 'text': {
      const encode = sortEncoder(column);
      if (!encode || encode(typed) !== undefined) return typed;
      if (encode(text) !== undefined) return text;
      throw new RowsError({ code: 'rows.filterNotOfType', params: { ...params, type: column.type } });
    }
  }
}

/** Sorting and filtering the rows of a spool: gives row numbers, the rows stay where they are. */
import { setImmediate } from 'node:timers/promises';
import { decodeField } from '../../shared/rowCodec';
import { columnKind } from './columnKinds';
import { createMatcher } from './find';
import { isoTime, SortKeys } from './sortKeys';
import type { SpoolColumn } from './spoolFiles';
import type { SpoolReader } from './spoolReader';

/** Rows up to which a spool is sorted and filtered, if nothing else is said. */
export const DEFAULT_MAX_ROWS = 1_000_000;

/** Memory for the text of all sort keys; see {@link OrderResult.textBytes}. */
const KEY_BYTES = 256 * 1024 * 1024;
/** Milliseconds of sorting between two looks at whatever else there is to do. */
const SLICE_MS = 8;

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
 * - `equals` it, or not (`notEquals`): numbers, booleans and times by value, everything else character by character
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
  const used = Math.max(0, ...sort.map(({ column }) => column + 1), ...filters.map(({ column }) => column + 1));

  const kept = new Uint32Array(total);
  let count = 0;
  let row = 0;
  for await (const { bytes } of reader.blocks(signal)) {
    for (const line of bytes.toString('utf8', 0, bytes.length - 1).split('\n')) {
      // The spool may have grown since its rows were counted.
      if (row === total) break;
      const fields = line.split('\t', used);
      if (tests.every(({ column, passes }) => passes(decodeField(fields[column] ?? '')))) {
        for (const [i, { column }] of sort.entries()) keys[i]?.add(decodeField(fields[column] ?? ''));
        kept[count++] = row;
      }
      row++;
    }
    progress?.(row, total);
  }
  const rows = kept.subarray(0, count);
  if (keys.length === 0) return { order: rows.slice(), textBytes };
  const positions = await sortPositions(count, comparison(sort, keys), signal);
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

function columnAt(reader: SpoolReader, column: number): SpoolColumn {
  const found = reader.columns[column];
  if (!found) throw new RangeError(`There is no column ${column}.`);
  return found;
}

function comparison(sort: readonly SortKey[], keys: readonly SortKeys[]): (a: number, b: number) => number {
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
    case 'text':
      return typed;
  }
}

/**
 * Sorts the numbers from 0 to n - 1 by merging, in slices of a few milliseconds: Array.sort would stop everything else for seconds, and
 * could not be canceled.
 */
async function sortPositions(
  n: number,
  compare: (a: number, b: number) => number,
  signal: AbortSignal | undefined,
): Promise<Uint32Array> {
  let from = Uint32Array.from({ length: n }, (_, i) => i);
  let to = new Uint32Array(n);
  let sliceEnd = performance.now() + SLICE_MS;
  let untilLook = STEPS;
  const spent = (steps: number): boolean => {
    untilLook -= steps;
    if (untilLook > 0) return false;
    untilLook = STEPS;
    return performance.now() >= sliceEnd;
  };
  const rest = async (): Promise<void> => {
    signal?.throwIfAborted();
    await setImmediate();
    sliceEnd = performance.now() + SLICE_MS;
  };
  for (let start = 0; start < n; start += RUN) {
    sortRun(from, start, Math.min(start + RUN, n), compare);
    if (spent(RUN * 4)) await rest();
  }
  for (let width = RUN; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width) {
      const merge = new Merge(from, to, start, Math.min(start + width, n), Math.min(start + 2 * width, n), compare);
      for (let steps = merge.go(STEPS); steps > 0; steps = merge.go(STEPS)) {
        if (spent(steps)) await rest();
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Comparisons between two looks at the clock. */
const STEPS = 2048;
/** Runs of this length are sorted by insertion. */
const RUN = 16;

function sortRun(positions: Uint32Array, start: number, end: number, compare: (a: number, b: number) => number): void {
  for (let i = start + 1; i < end; i++) {
    const position = positions[i] ?? 0;
    let j = i;
    for (; j > start && compare(positions[j - 1] ?? 0, position) > 0; j--) positions[j] = positions[j - 1] ?? 0;
    positions[j] = position;
  }
}

/** Merges two sorted runs side by side, a few steps at a time. */
class Merge {
  private left: number;
  private right: number;
  private next: number;

  constructor(
    private readonly from: Uint32Array,
    private readonly to: Uint32Array,
    start: number,
    private readonly middle: number,
    private readonly end: number,
    private readonly compare: (a: number, b: number) => number,
  ) {
    this.left = start;
    this.right = middle;
    this.next = start;
  }

  /** @returns The steps done; 0 at the end. */
  go(steps: number): number {
    const { from, to, middle, end, compare } = this;
    let { left, right, next } = this;
    if (next === end) return 0;
    const begin = next;
    const stop = Math.min(end, next + steps);
    while (next < stop && left < middle && right < end) {
      const a = from[left] ?? 0;
      const b = from[right] ?? 0;
      if (compare(a, b) <= 0) {
        to[next++] = a;
        left++;
      } else {
        to[next++] = b;
        right++;
      }
    }
    if (left === middle || right === end) {
      // One run is used up: what is left of the other is in order.
      to.set(left < middle ? from.subarray(left, middle) : from.subarray(right, end), next);
      next = end;
    }
    this.left = left;
    this.right = right;
    this.next = next;
    return next - begin;
  }
}

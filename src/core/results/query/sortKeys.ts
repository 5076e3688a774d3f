/** Converts the values of a column to keys that compare fast, and in the same order as in PostgreSQL. */
import { columnKind, type ColumnKind } from './columnKinds';
import type { SpoolColumn } from '../spool/spoolFormat';
import { sortEncoder, type SortEncoder } from './sortText';
import { TextPool } from './textPool';

/** Ranks in ascending order: NaN sorts after every number, and NULL after every value. */
const VALUE = 0;
const NAN = 1;
const NULL = 2;

/** Sorts after the first character of any encoded text. */
const UNPARSED = '\x7f';

/** Decimal digits that a JavaScript number represents exactly. */
const EXACT_DIGITS = 15;

/**
 * The sort keys of one column, in the order in which they are added.
 *
 * - Numbers compare exactly by value, at any length.
 * - false sorts before true.
 * - Dates and timestamps compare by time, including BC dates and daylight saving changes, if they are in ISO style (`DateStyle`); in
 *   other styles they compare as text.
 * - Money, intervals, addresses, `pg_lsn`, `timetz` and arrays compare by value (sortText.ts); texts that cannot be parsed sort last.
 * - Everything else compares as text by its UTF-8 bytes, as with `COLLATE "C"`.
 */
export class SortKeys {
  readonly #kind: ColumnKind;
  readonly #encode: SortEncoder | undefined;
  #ranks = new Uint8Array(1024);
  #numbers = new Float64Array(1024);
  readonly #texts: TextPool | undefined;
  #byNumber: boolean;
  #length = 0;

  /** @param textBytes Compare only this many bytes of a text. */
  constructor(column: SpoolColumn, textBytes: number) {
    this.#kind = columnKind(column);
    this.#encode = this.#kind === 'text' ? sortEncoder(column) : undefined;
    this.#byNumber = this.#kind !== 'text' && this.#kind !== 'json';
    if (this.#kind === 'float' || this.#kind === 'boolean') this.#texts = undefined;
    // Numbers need all of their digits.
    else this.#texts = new TextPool(this.#byNumber ? Infinity : textBytes);
  }

  add(value: string | null): void {
    const i = this.#length++;
    if (i === this.#ranks.length) {
      this.#ranks = grown(this.#ranks, new Uint8Array(i * 2));
      this.#numbers = grown(this.#numbers, new Float64Array(i * 2));
    }
    if (value === null) {
      this.#ranks[i] = NULL;
      this.#texts?.push('');
      return;
    }
    this.#ranks[i] = VALUE;
    switch (this.#kind) {
      case 'integer':
      case 'xid':
      case 'numeric':
      case 'float': {
        const number = Number(value);
        if (Number.isNaN(number)) this.#ranks[i] = NAN;
        this.#numbers[i] = number;
        // Rounding never reverses an order, so digits are needed only between numbers that round to the same one.
        this.#texts?.push(value.length > EXACT_DIGITS ? value : '');
        break;
      }
      case 'boolean':
        this.#numbers[i] = value === 't' ? 1 : 0;
        break;
      case 'date':
      case 'timestamp': {
        const time = isoTime(value);
        if (time === undefined) this.#byNumber = false;
        this.#numbers[i] = time ?? 0;
        this.#texts?.push(value);
        break;
      }
      case 'json':
        this.#texts?.push(value);
        break;
      case 'text':
        this.#texts?.push(this.#encode ? (this.#encode(value) ?? UNPARSED + value) : value);
        break;
    }
  }

  /** Returns a negative number if the first key sorts before the second in ascending order, and 0 if they are equal. */
  compare(a: number, b: number): number {
    const rank = (this.#ranks[a] ?? 0) - (this.#ranks[b] ?? 0);
    return rank !== 0 ? rank : this.#compareValues(a, b);
  }

  isNull(i: number): boolean {
    return this.#ranks[i] === NULL;
  }

  /** Removes all keys except the first ones. */
  truncate(length: number): void {
    this.#length = length;
    this.#texts?.truncate(length);
  }

  /**
   * Returns a number for each key. Different numbers sort like their keys; for equal numbers, `compare` decides. Call it after adding
   * the last key; it also makes `compare` faster.
   *
   * @param nulls The number for NULL: an infinity.
   */
  toNumbers(nulls: number): Float64Array {
    if (!this.#byNumber) this.#texts?.makePrefixes();
    const numbers = new Float64Array(this.#length);
    for (let i = 0; i < this.#length; i++) {
      const rank = this.#ranks[i];
      if (rank === NULL) numbers[i] = nulls;
      else if (rank === NAN) numbers[i] = Infinity;
      else numbers[i] = this.#byNumber ? (this.#numbers[i] ?? 0) : (this.#texts?.prefix(i) ?? 0);
    }
    return numbers;
  }

  /** Compares two keys of the same rank. */
  #compareValues(a: number, b: number): number {
    if (this.#ranks[a] !== VALUE) return 0;
    if (!this.#byNumber) return this.#texts?.compare(a, b) ?? 0;
    const x = this.#numbers[a] ?? 0;
    const y = this.#numbers[b] ?? 0;
    if (x !== y) return x < y ? -1 : 1;
    switch (this.#kind) {
      case 'integer':
      case 'xid':
      case 'numeric':
        return this.#texts ? compareDigits(x, this.#texts.get(a), this.#texts.get(b)) : 0;
      case 'date':
      case 'timestamp':
        // Beyond this, numbers do not represent all microseconds.
        return Math.abs(x) < Number.MAX_SAFE_INTEGER ? 0 : (this.#texts?.compare(a, b) ?? 0);
      case 'float':
      case 'boolean':
      case 'json':
      case 'text':
        return 0;
    }
  }
}

/** Compares two decimals that round to the same number. The text of a short one is empty. */
function compareDigits(rounded: number, a: string, b: string): number {
  if (a === '' && b === '') return 0;
  // Only infinity has no text here.
  if (!Number.isFinite(rounded) && (a === '' || b === '')) return (a === '') === rounded > 0 ? 1 : -1;
  return compareDecimals(a || String(rounded), b || String(rounded));
}

function grown<T extends Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;

/** Compares two finite decimals of any length. */
export function compareDecimals(a: string, b: string): number {
  const x = parts(a);
  const y = parts(b);
  const digits = Math.max(x.fraction.length, y.fraction.length);
  const left = BigInt(x.whole + x.fraction.padEnd(digits, '0')) * x.sign;
  const right = BigInt(y.whole + y.fraction.padEnd(digits, '0')) * y.sign;
  return left < right ? -1 : left > right ? 1 : 0;
}

function parts(text: string): { sign: bigint; whole: string; fraction: string } {
  const [, minus, whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? [];
  const shift = Number(exponent);
  const sign = minus === '-' ? -1n : 1n;
  if (shift >= 0) {
    const padded = fraction.padEnd(shift, '0');
    return { sign, whole: whole + padded.slice(0, shift), fraction: padded.slice(shift) };
  }
  const padded = whole.padStart(-shift, '0');
  return { sign, whole: padded.slice(0, shift) || '0', fraction: padded.slice(shift) + fraction };
}

const ISO =
  /^(\d{4,})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d)(?::(\d\d))?)?)?)?( BC)?$/;

/**
 * Microseconds since 1970 of a date or timestamp in ISO style, e.g. `2026-01-31 23:59:59.5+02`. Outside of the years 1685 to 2255,
 * numbers do not represent all microseconds, so times within a fraction of a second may be equal.
 *
 * @returns undefined for any other text.
 */
export function isoTime(text: string): number | undefined {
  if (text === 'infinity') return Infinity;
  if (text === '-infinity') return -Infinity;
  const match = ISO.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hours = 0, minutes = 0, seconds = 0, fraction = '', sign, h = 0, m = 0, s = 0, bc] = match;
  const days = daysSince1970(bc === undefined ? Number(year) : 1 - Number(year), Number(month), Number(day));
  const offset = (Number(h) * 60 + Number(m)) * 60 + Number(s);
  const time = days * 86_400 + (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return (sign === '-' ? time + offset : time - offset) * 1e6 + Number(fraction.padEnd(6, '0'));
}

/** Days since 1970 in the Gregorian calendar. PostgreSQL's range is much larger than that of JavaScript's Date. Year 0 is 1 BC. */
function daysSince1970(year: number, month: number, day: number): number {
  // Counting years from March puts the leap day last; see http://howardhinnant.github.io/date_algorithms.html#days_from_civil
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

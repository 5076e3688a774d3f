/** Values of a column as keys that compare fast and as PostgreSQL compares them. */
import { columnKind, type ColumnKind } from './columnKinds';
import type { SpoolColumn } from '../spool/spoolFormat';
import { sortEncoder, type SortEncoder } from './sortText';
import { TextPool } from './textPool';

/** Ranks within an ascending order: NaN comes after every number, and NULL after every value. */
const VALUE = 0;
const NAN = 1;
const NULL = 2;

/** Larger than what any encoded text begins with. */
const NOT_UNDERSTOOD = '\x7f';

/** Digits that a number in JavaScript always holds exactly. */
const EXACT_DIGITS = 15;

/**
 * The keys of one column, in the order in which they are added.
 *
 * - Numbers compare by value, exactly, whatever their length.
 * - false comes before true.
 * - Dates and timestamps compare by time, also before Christ and over changes of the clock, as long as they are in ISO style
 *   (`DateStyle`); in other styles as text.
 * - Money, intervals, addresses, `pg_lsn`, `timetz` and arrays compare by value (sortText.ts); texts of them that are not
 *   understood come after all others.
 * - Everything else compares as text by its UTF-8 bytes, as `COLLATE "C"` does.
 */
export class SortKeys {
  readonly #kind: ColumnKind;
  readonly #encode: SortEncoder | undefined;
  #ranks = new Uint8Array(1024);
  #numbers = new Float64Array(1024);
  readonly #texts: TextPool | undefined;
  #byNumber: boolean;
  #length = 0;

  /** @param textBytes Bytes of a text that are compared; what comes after them is not. */
  constructor(column: SpoolColumn, textBytes: number) {
    this.#kind = columnKind(column);
    this.#encode = this.#kind === 'text' ? sortEncoder(column) : undefined;
    this.#byNumber = this.#kind !== 'text' && this.#kind !== 'json';
    if (this.#kind === 'float' || this.#kind === 'boolean') this.#texts = undefined;
    // The digits of a number are needed to the last.
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
        // Rounding never turns an order around, so only what rounds to the same number needs its digits.
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
        this.#texts?.push(this.#encode ? (this.#encode(value) ?? NOT_UNDERSTOOD + value) : value);
        break;
    }
  }

  /** Negative when the first key comes before the second in ascending order, 0 when they are the same. */
  compare(a: number, b: number): number {
    const rank = (this.#ranks[a] ?? 0) - (this.#ranks[b] ?? 0);
    return rank !== 0 ? rank : this.#compareValues(a, b);
  }

  isNull(i: number): boolean {
    return this.#ranks[i] === NULL;
  }

  /** Forgets all keys but the first ones. */
  truncate(length: number): void {
    this.#length = length;
    this.#texts?.truncate(length);
  }

  /**
   * A number for each key, in the order of the keys as far as numbers tell: where two are the same, `compare` knows more. To be called
   * after the last key has been added; comparing is faster then.
   *
   * @param nulls What stands for NULL, an infinity.
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
        // Only so far do numbers hold all microseconds.
        return Math.abs(x) < Number.MAX_SAFE_INTEGER ? 0 : (this.#texts?.compare(a, b) ?? 0);
      case 'float':
      case 'boolean':
      case 'json':
      case 'text':
        return 0;
    }
  }
}

/** Compares two decimals that round to the same number; short ones have no text. */
function compareDigits(rounded: number, a: string, b: string): number {
  if (a === '' && b === '') return 0;
  // Only infinity itself has no text here.
  if (!Number.isFinite(rounded) && (a === '' || b === '')) return (a === '') === rounded > 0 ? 1 : -1;
  return compareDecimals(a || String(rounded), b || String(rounded));
}

function grown<T extends Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;

/** Compares two finite decimals of any length by value. */
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
 * Microseconds since 1970 of a date or timestamp in ISO style, e.g. `2026-01-31 23:59:59.5+02`. Beyond the years 1685 to 2255 a number
 * cannot hold all microseconds: what is a fraction of a second apart may be the same then.
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

/** Days of the Gregorian calendar; those of PostgreSQL go much further than JavaScript's. Year 0 is 1 BC. */
function daysSince1970(year: number, month: number, day: number): number {
  // Years that begin in March have the leap day last; http://howardhinnant.github.io/date_algorithms.html#days_from_civil
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

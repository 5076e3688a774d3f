import type { Row } from '../../../shared/rowCodec';
import { columnKind, type ColumnKind } from '../query/columnKinds';
import type { SpoolColumn } from '../spool/spoolFormat';
import { type Formatter, uniqueNames } from './formatter';

/** A JSON array with one object per line. Values: {@link jsonValue}. */
export function json(columns: readonly SpoolColumn[]): Formatter {
  const { object, plain } = jsonObject(columns);
  let before = '\n';
  const next = (text: string): string => {
    const whole = before + text;
    before = ',\n';
    return whole;
  };
  return { head: '[', row: (values) => next(object(values)), plain: (line) => next(plain(line)), tail: () => '\n]\n' };
}

/** Formats one row as a JSON object, from its values or from a plain COPY line ({@link Formatter.plain}). */
export function jsonObject(columns: readonly SpoolColumn[]): {
  object: (values: Row) => string;
  plain: (line: string) => string;
} {
  const starts = uniqueNames(columns).map((name, i) => (i === 0 ? '{' : ',') + JSON.stringify(name) + ':');
  const kinds = columns.map(columnKind);
  const object = (values: Row): string => {
    let text = '';
    for (let i = 0; i < starts.length; i++)
      text += (starts[i] ?? '') + jsonValue(values[i] ?? null, kinds[i] ?? 'text');
    return text + '}';
  };
  const plain = (line: string): string => {
    let text = '';
    let start = 0;
    for (let i = 0; i < starts.length; i++) {
      const tab = line.indexOf('\t', start);
      const value = tab === -1 ? line.slice(start) : line.slice(start, tab);
      start = tab + 1;
      text += (starts[i] ?? '') + (kinds[i] === 'text' ? plainString(value) : jsonValue(value, kinds[i] ?? 'text'));
    }
    return text + '}';
  };
  return starts.length === 0 ? { object: () => '{}', plain: () => '{}' } : { object, plain };
}

/** A JSON string of a text that has no backslashes and no control characters. */
function plainString(text: string): string {
  return text.includes('"') ? `"${text.replaceAll('"', '\\"')}"` : `"${text}"`;
}

/** Decimal digits that a double preserves, so that no reader changes the number. */
const EXACT_DIGITS = 15;
export const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/;

/**
 * A value as JSON, without loss:
 *
 * - Integers up to 2^53 and numerics up to 15 digits are numbers with PostgreSQL's digits. Longer ones, of which a reader would lose
 *   digits, are strings.
 * - real and double precision are numbers: PostgreSQL writes enough digits to restore the same double.
 * - NaN and infinities are strings, because JSON has no such numbers.
 * - json and jsonb are inserted unchanged, on one line. Numbers inside them may be too long for some readers.
 * - boolean is true or false, NULL is null, and everything else is a string of PostgreSQL's text.
 */
function jsonValue(value: string | null, kind: ColumnKind): string {
  if (value === null) return 'null';
  switch (kind) {
    case 'integer':
    case 'xid':
      return isExactInteger(value) ? value : JSON.stringify(value);
    case 'numeric':
      return JSON_NUMBER.test(value) && (isExactInteger(value) || isExactDecimal(value))
        ? value
        : JSON.stringify(value);
    case 'float':
      return JSON_NUMBER.test(value) ? value : JSON.stringify(value);
    case 'boolean':
      return value === 't' ? 'true' : 'false';
    case 'json':
      // JSON strings contain no raw line ends, so these are only between tokens.
      return /[\n\r]/.test(value) ? value.replace(/[\n\r]+/g, ' ') : value;
    case 'date':
    case 'timestamp':
    case 'text':
      return JSON.stringify(value);
  }
}

function isExactInteger(value: string): boolean {
  return value.length <= EXACT_DIGITS
    ? /^-?(?:0|[1-9]\d*)$/.test(value)
    : /^-?[1-9]\d{0,15}$/.test(value) && Number.isSafeInteger(Number(value));
}

function isExactDecimal(value: string): boolean {
  const digits = value.replace(/^[-0.]+|\D/g, '').length;
  // Smaller numbers lose digits or become zero.
  return digits <= EXACT_DIGITS && (digits === 0 || Math.abs(Number(value)) > 1e-300);
}

/**
 * How values of two results compare. Values are fields of COPY text with one character per byte (latin1): equal bytes are equal values,
 * in any encoding of the database.
 */
import { columnKind } from '../query/columnKinds';
import { isoTime } from '../query/sortKeys';
import { sortableNumber } from '../query/sortText';
import type { SpoolColumn } from '../spool/spoolFormat';

/** NULL in COPY text. */
export const NULL = '\\N';

/**
 * - `number`: by value, so that 1, 1.0, and 1e0 are equal
 * - `instant`: timestamps with time zone by time, because each session may write them in another zone
 * - `text`: by the text that the server sent
 */
export type ValueRule = 'text' | 'number' | 'instant';

/** The rule for a column of two results. Both must have the kind of type that a rule needs. */
export function ruleOf(before: SpoolColumn, after: SpoolColumn): ValueRule {
  const rule = ruleOfOne(before);
  return rule === ruleOfOne(after) ? rule : 'text';
}

function ruleOfOne(column: SpoolColumn): ValueRule {
  switch (columnKind(column)) {
    case 'integer':
    case 'xid':
    case 'numeric':
    case 'float':
      return 'number';
    case 'timestamp':
      return column.type.endsWith('with time zone') ? 'instant' : 'text';
    case 'boolean':
    case 'date':
    case 'json':
    case 'text':
      return 'text';
  }
}

/** Precedes texts that are not of their type, so that they sort last. */
const UNPARSED = '~';

/** A text that is the same for equal values, and sorts like them. It contains no tab, newline, or zero byte. */
export function comparable(rule: ValueRule, field: string): string {
  switch (rule) {
    case 'text':
      return field;
    case 'number':
      return shortInteger(field) ?? sortableNumber(field) ?? UNPARSED + field;
    case 'instant': {
      const time = isoTime(field);
      if (time === undefined) return UNPARSED + field;
      if (!Number.isFinite(time)) return sortableNumber(String(time)) ?? field;
      // Beyond this, numbers do not represent all microseconds.
      return Number.isSafeInteger(time) ? (sortableNumber(String(time)) ?? field) : UNPARSED + field;
    }
  }
}

const ZERO = 48;
const NINE = 57;

/** The same as sortableNumber() for what most keys are, several times as fast. */
function shortInteger(text: string): string | undefined {
  const { length } = text;
  if (length === 0 || length > 18) return undefined;
  let last = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < ZERO || code > NINE || (i === 0 && code === ZERO)) return undefined;
    if (code !== ZERO) last = i;
  }
  return `5${length < 10 ? '050000' : '05000'}${length}${text.slice(0, last + 1)}`;
}

/** Whether two fields are the same value. NULL equals NULL, as with `IS NOT DISTINCT FROM`. */
export function areEqual(rule: ValueRule, a: string, b: string): boolean {
  if (a === b) return true;
  return rule !== 'text' && a !== NULL && b !== NULL && comparable(rule, a) === comparable(rule, b);
}

/** Orders fields by value. NULL is last. */
export function compareFields(rule: ValueRule, a: string, b: string): number {
  if (a === b) return 0;
  if (a === NULL || b === NULL) return a === NULL ? 1 : -1;
  return compareTexts(comparable(rule, a), comparable(rule, b));
}

/** Orders texts by their characters, which are bytes here. */
export function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** One text for all key fields of a row. Equal keys have equal texts, and the texts sort like the keys. */
export function keyText(rules: readonly ValueRule[], fields: readonly string[]): string {
  let key = '';
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] ?? NULL;
    // The zero byte sorts before every character of a value, so (a, b) sorts before (ab, ).
    if (i > 0) key += '\0';
    key += field === NULL ? '1' : `0${comparable(rules[i] ?? 'text', field)}`;
  }
  return key;
}

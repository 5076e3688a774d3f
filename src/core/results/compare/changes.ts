/** The rows of a comparison as COPY text with one character per byte (latin1). */
import { decodeField, encodeField } from '../../../shared/rowCodec';
import { areEqual, NULL, type ValueRule } from './values';

/** What happened to a row. */
export type Change = 'added' | 'removed' | 'changed';

/** Longer values are written one below the other. */
const MAX_BESIDE = 60;

const ARROW = bytesOf('→');
const NEWLINE = '\\n';

/** A text as the bytes of UTF-8, one character each. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** A text as a field. */
export function fieldOf(text: string): string {
  return encodeField(bytesOf(text));
}

/** Writes the rows of a comparison: the change, the names of the changed columns, and the columns. */
export class ChangeLines {
  /** How many rows have another value in each column. */
  readonly changedIn: number[];
  readonly #kinds: Readonly<Record<Change, string>>;

  readonly #rules: readonly ValueRule[];
  readonly #names: readonly string[];
  readonly #order: readonly number[];

  /**
   * @param columns Names and rules of the fields of a line.
   * @param order The order in which they are written.
   */
  constructor(
    columns: readonly { readonly name: string; readonly rule: ValueRule }[],
    order: readonly number[],
    labels: Readonly<Record<Change, string>>,
  ) {
    this.#rules = columns.map(({ rule }) => rule);
    this.#names = columns.map(({ name }) => name);
    this.#order = order;
    this.changedIn = columns.map(() => 0);
    this.#kinds = {
      added: fieldOf(labels.added),
      removed: fieldOf(labels.removed),
      changed: fieldOf(labels.changed),
    };
  }

  /** A row that only one of the results has. */
  only(change: 'added' | 'removed', line: string): string {
    const fields = line.split('\t');
    return `${this.#kinds[change]}\t${this.#fields(fields)}`;
  }

  /** A row with the same key in both results; undefined if the values are equal. */
  changed(before: string, after: string): string | undefined {
    const old = before.split('\t');
    const fields = after.split('\t');
    const changed: number[] = [];
    for (const place of this.#order) {
      const value = fields[place] ?? NULL;
      const other = old[place] ?? NULL;
      if (areEqual(this.#rules[place] ?? 'text', other, value)) continue;
      changed.push(place);
      fields[place] = bothValues(other, value);
    }
    if (changed.length === 0) return undefined;
    for (const place of changed) this.changedIn[place] = (this.changedIn[place] ?? 0) + 1;
    const names = fieldOf(changed.map((place) => this.#names[place] ?? '').join(', '));
    return `${this.#kinds.changed}\t${this.#fields(fields, names)}`;
  }

  #fields(fields: readonly string[], changed = ''): string {
    let line = changed;
    for (const place of this.#order) line += `\t${fields[place] ?? NULL}`;
    return `${line}\n`;
  }
}

/** `old → new`. Values that could be mistaken are in quotation marks: "", "NULL", and those with an arrow or spaces around them. */
export function bothValues(before: string, after: string): string {
  const beside = before.length <= MAX_BESIDE && after.length <= MAX_BESIDE && !hasNewline(before) && !hasNewline(after);
  const arrow = beside ? ` ${ARROW} ` : `${NEWLINE}${ARROW}${NEWLINE}`;
  return quoted(before) + arrow + quoted(after);
}

function quoted(field: string): string {
  if (field === NULL) return 'NULL';
  const text = decodeField(field, 'latin1') ?? '';
  // Not \s, which also matches the second byte of some letters.
  const isClear = text !== '' && text !== 'NULL' && !text.includes(ARROW) && !/^["\t-\r ]|[\t-\r ]$/.test(text);
  return isClear ? field : `"${field.replaceAll('"', '""')}"`;
}

function hasNewline(field: string): boolean {
  return field.includes(NEWLINE) && /(?:^|[^\\])(?:\\\\)*\\n/.test(field);
}

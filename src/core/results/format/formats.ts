/**
 * The forms in which rows leave: CSV, TSV, JSON, NDJSON, Markdown and SQL INSERT.
 *
 * A format takes strings and gives strings. They may be text, or bytes with one character a byte (latin1), which is how files are
 * written: every character that a format gives a meaning to is ASCII, so nothing else need be decoded.
 */
import { decodeField, decodeLine, type Row } from '../../../shared/rowCodec';
import { columnKind, isNumeric, type ColumnKind } from '../query/columnKinds';
import type { SpoolColumn } from '../spool/spoolFormat';

export const FORMATS = ['csv', 'tsv', 'json', 'ndjson', 'markdown', 'insert'] as const;
export type Format = (typeof FORMATS)[number];

/** What separates the values of a line of CSV, by the names that the setting has for them. */
export const DELIMITERS = { comma: ',', semicolon: ';', tab: '\t' } as const;
export type Delimiter = (typeof DELIMITERS)[keyof typeof DELIMITERS];

export interface FormatOptions {
  /** CSV: what separates the values; a comma if not said. Spreadsheets of countries with a decimal comma expect a semicolon. */
  readonly delimiter?: Delimiter;
  /**
   * CSV, TSV: an apostrophe before values that a spreadsheet would run as a formula: those that begin with `=`, `+`, `-`, `@` or a
   * control character and are not numbers (https://owasp.org/www-community/attacks/CSV_Injection).
   */
  readonly escapeFormulas?: boolean;
  /** CSV, TSV: a first line with the names of the columns; true if not said. */
  readonly header?: boolean;
  /** SQL INSERT: the table, with its schema before it if there is one; `result` if not said. */
  readonly table?: readonly [name: string] | readonly [schema: string, name: string];
}

/** Writes rows in one format. */
export interface Formatter {
  readonly head: string;
  row(values: Row): string;
  /** The same from a whole block of COPY lines, each with its newline. */
  readonly block?: (lines: string) => string;
  /**
   * The same from one COPY line that has no backslash and no control character but tabs: its values are as they stand. Most rows are
   * such. undefined where it cannot be done.
   */
  readonly plain?: (line: string) => string | undefined;
  /** What comes last. To be called once, after all rows. */
  tail(): string;
}

/**
 * Makes the writer of a format.
 *
 * @param columns Their names are taken to be in the same kind of string as the values.
 */
export function createFormatter(
  format: Format,
  columns: readonly SpoolColumn[],
  options: FormatOptions = {},
): Formatter {
  switch (format) {
    case 'csv':
      return separated(options.delimiter ?? ',', columns, options);
    case 'tsv':
      return separated('\t', columns, options);
    case 'json':
      return json(columns);
    case 'ndjson':
      return ndjson(columns);
    case 'markdown':
      return markdown(columns);
    case 'insert':
      return insert(columns, options);
  }
}

/**
 * CSV as PostgreSQL's COPY writes and reads it (`FORMAT csv`), with tabs as TSV: NULL is an empty value, the empty string is `""`, and
 * values are in quotes where they need to be.
 */
function separated(
  separator: Delimiter,
  columns: readonly SpoolColumn[],
  { header = true, escapeFormulas = false }: FormatOptions,
): Formatter {
  // Tests by includes() are several times faster than a regular expression. A line of `\.` alone would end the data for older servers.
  const quote = (value: string): string => {
    const text = escapeFormulas ? withoutFormula(value) : value;
    return text.includes('"')
      ? `"${text.replaceAll('"', '""')}"`
      : text === '' || text.includes(separator) || text.includes('\n') || text.includes('\r') || text === '\\.'
        ? `"${text}"`
        : text;
  };
  const field = (raw: string): string => {
    if (raw === '\\N') return '';
    return quote(raw.includes('\\') ? (decodeField(raw, 'latin1') ?? '') : raw);
  };
  const line = (raw: string): string => {
    let text = '';
    for (let start = 0; ;) {
      const tab = raw.indexOf('\t', start);
      if (tab === -1) return text + field(raw.slice(start));
      text += field(raw.slice(start, tab)) + separator;
      start = tab + 1;
    }
  };
  const special = ['\\', '"', '\t\t', '\n\t', '\t\n', '\n\n', ...(separator === '\t' ? [] : [separator])];
  const isPlain = (lines: string): boolean =>
    !/^[\t\n]/.test(lines) &&
    !special.some((part) => lines.includes(part)) &&
    !(escapeFormulas && FORMULA_IN_LINES.test(lines));
  return {
    head: header ? columns.map(({ name }) => quote(name)).join(separator) + '\n' : '',
    row: (values) => values.map((value) => (value === null ? '' : quote(value))).join(separator) + '\n',
    block: (lines) => {
      if (isPlain(lines)) return separator === '\t' ? lines : lines.replaceAll('\t', separator);
      let text = '';
      for (let start = 0; start < lines.length;) {
        const end = lines.indexOf('\n', start);
        text += line(lines.slice(start, end)) + '\n';
        start = end + 1;
      }
      return text;
    },
    tail: () => '',
  };
}

const FORMULA = /^[=+\-@\t\r\n]/;
const FORMULA_IN_LINES = /(?:^|[\t\n])[=+\-@]/;
const PLAIN_NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** As text to a spreadsheet. Negative numbers stay numbers. */
export function withoutFormula(text: string): string {
  return FORMULA.test(text) && !PLAIN_NUMBER.test(text) ? `'${text}` : text;
}

/** An array of objects, one a line. Values: {@link jsonValue}. */
function json(columns: readonly SpoolColumn[]): Formatter {
  const { object, plain } = jsonObject(columns);
  let before = '\n';
  const next = (text: string): string => {
    const whole = before + text;
    before = ',\n';
    return whole;
  };
  return { head: '[', row: (values) => next(object(values)), plain: (line) => next(plain(line)), tail: () => '\n]\n' };
}

/** An object a line; https://github.com/ndjson/ndjson-spec */
function ndjson(columns: readonly SpoolColumn[]): Formatter {
  const { object, plain } = jsonObject(columns);
  return { head: '', row: (values) => object(values) + '\n', plain: (line) => plain(line) + '\n', tail: () => '' };
}

function jsonObject(columns: readonly SpoolColumn[]): {
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

/** A string of JSON of a text without backslashes and control characters. */
function plainString(text: string): string {
  return text.includes('"') ? `"${text.replaceAll('"', '\\"')}"` : `"${text}"`;
}

/** Digits that survive being read as a double and written again: the number is what it was for every reader. */
const EXACT_DIGITS = 15;
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/;

/**
 * One value in JSON, without loss:
 *
 * - integers and numerics are numbers, with the digits PostgreSQL wrote, where no reader loses any: integers up to 2^53, numerics up to
 *   15 digits. Longer ones are strings.
 * - real and double precision are numbers: PostgreSQL writes the digits that give the same double again.
 * - NaN and infinities, which JSON has no numbers for, are strings.
 * - json and jsonb are put in as they are, in one line. (What is in them is theirs: numbers may be longer than some readers keep.)
 * - boolean is true or false, NULL is null, everything else a string with PostgreSQL's text of it.
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
      // Inside its strings JSON has no line ends, so these are only between its parts.
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
  // Smaller ones lose digits, or become zero.
  return digits <= EXACT_DIGITS && (digits === 0 || Math.abs(Number(value)) > 1e-300);
}

/** Names that are all different: a name that repeats gets a number, as in `id`, `id_2`. */
export function uniqueNames(columns: readonly SpoolColumn[]): string[] {
  const all = new Set(columns.map(({ name }) => name));
  const used = new Set<string>();
  return columns.map(({ name }) => {
    let unique = name;
    for (let i = 2; used.has(unique); i++) {
      // Not one that another column has by itself.
      const candidate = `${name}_${i}`;
      if (!all.has(candidate)) unique = candidate;
    }
    used.add(unique);
    return unique;
  });
}

/** A table of GitHub's Markdown; https://github.github.com/gfm/#tables-extension- NULL is in italics, to tell it from the text. */
function markdown(columns: readonly SpoolColumn[]): Formatter {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return {
    head:
      line(columns.map(({ name }) => markdownText(name))) +
      line(columns.map((column) => (isNumeric(column) ? '---:' : '---'))),
    row: (values) => line(values.map((value) => (value === null ? '*NULL*' : markdownText(value)))),
    plain: (raw) => (MARKDOWN_SPECIAL.test(raw) ? undefined : `| ${raw.replaceAll('\t', ' | ')} |\n`),
    tail: () => '',
  };
}

/** `$` begins a formula in GitHub's and VS Code's Markdown. */
const MARKDOWN_SPECIAL = /[\\`*_[\]<>|~&$\n\r]/;

/** Text that looks in Markdown as it is, and stays in its cell. An underscore within a word has no meaning there. */
function markdownText(text: string): string {
  return MARKDOWN_SPECIAL.test(text)
    ? text.replace(/[\\`*[\]<>|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, '\\$&').replace(/\r\n|\r|\n/g, '<br>')
    : text;
}

/** Rows in one INSERT, and characters after which it ends as well: more make it neither faster nor readable. */
const ROWS_PER_INSERT = 500;
const LENGTH_PER_INSERT = 1024 * 1024;

/**
 * INSERT statements of many rows each. Names are quoted. Numbers and booleans are literals; everything else is quoted text, to which
 * INSERT gives the type of its column, so that no casts are needed. Backslashes only ever come in `E''`, which means the same whatever
 * `standard_conforming_strings` is.
 */
function insert(columns: readonly SpoolColumn[], { table = ['result'] }: FormatOptions): Formatter {
  const kinds = columns.map(columnKind);
  const target = table.map(quoteIdentifier).join('.');
  const start = `INSERT INTO ${target} (${uniqueNames(columns).map(quoteIdentifier).join(', ')}) VALUES\n`;
  let rows = 0;
  let length = 0;
  const next = (tuple: string): string => {
    const begins = rows === 0 || rows === ROWS_PER_INSERT || length > LENGTH_PER_INSERT;
    const before = !begins ? ',\n' : rows === 0 ? start : ';\n' + start;
    rows = begins ? 1 : rows + 1;
    length = begins ? tuple.length : length + tuple.length;
    return before + tuple;
  };
  return {
    head: '',
    row: (values) => next(`(${values.map((value, i) => sqlLiteral(value, kinds[i] ?? 'text')).join(', ')})`),
    plain: (line) => {
      if (line.includes("'")) return undefined;
      let tuple = '';
      let at = 0;
      for (let i = 0; i < kinds.length; i++) {
        const tab = line.indexOf('\t', at);
        const value = tab === -1 ? line.slice(at) : line.slice(at, tab);
        at = tab + 1;
        tuple += (i === 0 ? '(' : ', ') + (kinds[i] === 'text' ? `'${value}'` : sqlLiteral(value, kinds[i] ?? 'text'));
      }
      return next(tuple + ')');
    },
    tail: () => (rows === 0 ? '' : ';\n'),
  };
}

function sqlLiteral(value: string | null, kind: ColumnKind): string {
  if (value === null) return 'NULL';
  switch (kind) {
    case 'integer':
    case 'numeric':
    case 'float':
      // -0 without quotes would be an integer, and lose its sign.
      return JSON_NUMBER.test(value) && value !== '-0' ? value : quoteLiteral(value);
    case 'boolean':
      return value === 't' ? 'true' : 'false';
    case 'xid':
    case 'json':
    case 'date':
    case 'timestamp':
    case 'text':
      return quoteLiteral(value);
  }
}

/** As `quote_literal()` does. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

/** As `quote_ident()` does, also where it would not need to. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Whether there are control characters besides the tabs and newlines that COPY text is made of: it escapes but six of them. */
export function hasControls(bytes: Buffer): boolean {
  const aligned = -bytes.byteOffset & 3;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + aligned, Math.max(0, bytes.length - aligned) >> 2);
  const isControl = (i: number): boolean => {
    const byte = bytes[i] ?? 32;
    return byte < 32 && byte !== 9 && byte !== 10;
  };
  for (let i = 0; i < aligned; i++) if (isControl(i)) return true;
  for (let w = 0; w < words.length; w++) {
    // Four at once: the usual test for a byte below 32, which is right about whether there is one.
    const word = words[w] ?? 0;
    if (((word - 0x20202020) & ~word & 0x80808080) === 0) continue;
    const i = aligned + w * 4;
    if (isControl(i) || isControl(i + 1) || isControl(i + 2) || isControl(i + 3)) return true;
  }
  for (let i = aligned + words.length * 4; i < bytes.length; i++) if (isControl(i)) return true;
  return false;
}

/** Writes COPY lines, each with its newline, in the way that is fastest for them. All is one character a byte. */
export function formatLines(formatter: Formatter, bytes: Buffer, columns: readonly number[] | undefined): string {
  const lines = bytes.toString('latin1');
  if (formatter.block && !columns) return formatter.block(lines);
  const plain = !columns && formatter.plain && !hasControls(bytes) ? formatter.plain : undefined;
  let text = '';
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf('\n', start);
    const line = lines.slice(start, end);
    const fast = plain && !line.includes('\\') ? plain(line) : undefined;
    text += fast ?? formatter.row(pick(decodeLine(line, 'latin1'), columns));
    start = end + 1;
  }
  return text;
}

/** The values of chosen columns; all where none are chosen. */
export function pick(row: Row, columns: readonly number[] | undefined): Row {
  return columns ? columns.map((i) => row[i] ?? null) : row;
}

/** Text as a string with one character a byte of its UTF-8, and back. */
export function toBinary(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/**
 * Converts COPY … FROM STDIN with its rows into INSERTs, because a worker has no client to read rows from. Based on
 * copyfromparse.c of PostgreSQL 18.
 */
import { Cursor } from '../lexer/cursor';
import { Token } from '../lexer/lexer';
import { nameValue, stringValue } from '../lexer/literalValues';
import { dollarTagFor, quoteIdent, quoteLiteral } from '../quote';
import type { Statement } from '../split/splitTypes';

/** The maximum number of rows per INSERT. More take much memory in the server's parser. */
const MAX_ROWS_PER_INSERT = 1000;

interface CopyFormat {
  /** The table as written, with its list of columns. */
  readonly target: string;
  /** The table as input for `regclass`. */
  readonly table: string;
  readonly listed: boolean;
  readonly csv: boolean;
  readonly delimiter: string;
  readonly null: string;
  readonly quote: string;
  readonly escape: string;
  readonly header: boolean;
}

/**
 * INSERTs that do the same as a COPY with its data, without a semicolon after the last one. Empty if there are no rows.
 *
 * @returns undefined for options without an equivalent in INSERT, and for data that does not match its format
 */
export function copyAsInserts(
  text: string,
  statement: Pick<Statement, 'start' | 'end'>,
  data: { readonly start: number; readonly end: number } | undefined,
): string | undefined {
  const format = copyFormat(text, statement);
  if (!format) return undefined;
  const lines = data ? text.slice(data.start, data.end).replace(/(^|\n)\\\.\r?$/, '$1') : '';
  const rows = format.csv ? csvRows(lines, format) : textRows(lines, format);
  if (!rows) return undefined;
  if (format.header) rows.shift();
  if (rows.length === 0) return '';
  const fields = rows.reduce((min, { length }) => Math.min(min, length), Infinity);
  const inserts = [checkOf(format, fields)];
  for (let from = 0; from < rows.length; from += MAX_ROWS_PER_INSERT) {
    const values = rows.slice(from, from + MAX_ROWS_PER_INSERT).map((row) => `(${row.map(literal).join(', ')})`);
    // COPY writes the values of its rows into identity columns, even into GENERATED ALWAYS ones.
    inserts.push(`INSERT INTO ${format.target} OVERRIDING SYSTEM VALUE VALUES\n${values.join(',\n')}`);
  }
  return inserts.join(';\n');
}

/**
 * A DO block that fails if INSERT would behave differently from COPY: COPY ignores rules, and it refuses rows with too few values, for
 * which INSERT would use defaults. All other errors are left to INSERT. The messages are raised on the server, so they are in
 * English, in the style of the server's own.
 */
function checkOf({ table, listed }: CopyFormat, fields: number): string {
  const relation = `pg_catalog.to_regclass(${quoteLiteral(table)})`;
  const body = `BEGIN
IF EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_class OPERATOR(pg_catalog.=) ${relation} AND ev_type OPERATOR(pg_catalog.=) '3' AND ev_enabled OPERATOR(pg_catalog.<>) 'D') THEN
RAISE EXCEPTION USING ERRCODE = '0A000', MESSAGE = 'COPY ignores rules, but this table has rules for INSERT', HINT = 'Run this COPY with psql.';
END IF;${
    listed
      ? ''
      : `
IF (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute WHERE attrelid OPERATOR(pg_catalog.=) ${relation} AND attnum OPERATOR(pg_catalog.>) 0 AND NOT attisdropped AND attgenerated OPERATOR(pg_catalog.=) '') OPERATOR(pg_catalog.>) ${fields} THEN
RAISE EXCEPTION USING ERRCODE = '22P04', MESSAGE = 'missing data: the table has more columns than the rows of this COPY', HINT = 'Name the columns in the COPY.';
END IF;`
  }
END`;
  const tag = dollarTagFor(body, 'pgbg_copy');
  return `DO ${tag}${body}${tag}`;
}

function literal(value: string | null): string {
  return value === null ? 'NULL' : quoteLiteral(value);
}

function copyFormat(text: string, { start, end }: Pick<Statement, 'start' | 'end'>): CopyFormat | undefined {
  const cursor = new Cursor(text, start, end);
  if (!cursor.accept('COPY') || cursor.is('BINARY') || cursor.kind === Token.Open) return undefined;
  const from = cursor.start;
  let to = from;
  const table = tableName(cursor.copy());
  if (table === undefined) return undefined;
  let listed = false;
  while (!cursor.atEnd && !cursor.is('FROM')) {
    listed ||= cursor.slice() === '(';
    to = cursor.end;
    cursor.next();
  }
  const target = text.slice(from, to);
  if (!cursor.accept('FROM') || !cursor.accept('STDIN', 'STDOUT')) return undefined;
  const options = readOptions(cursor);
  if (!options) return undefined;
  const csv = /^csv$/i.test(options.get('FORMAT') ?? 'text');
  if (!csv && !/^text$/i.test(options.get('FORMAT') ?? 'text')) return undefined;
  const quote = options.get('QUOTE') ?? '"';
  const format: CopyFormat = {
    target,
    table,
    listed,
    csv,
    delimiter: options.get('DELIMITER') ?? (csv ? ',' : '\t'),
    null: options.get('NULL') ?? (csv ? '' : '\\N'),
    quote,
    escape: options.get('ESCAPE') ?? quote,
    header: /^(true|on|1|match|)$/i.test(options.get('HEADER') ?? 'false'),
  };
  // HEADER MATCH compares the names of columns, which only the server knows.
  if (/^match$/i.test(options.get('HEADER') ?? '')) return undefined;
  return format.delimiter.length === 1 && quote.length === 1 && format.escape.length === 1 ? format : undefined;
}

/** A table's name without comments and blanks. The server converts names without quotes to lower case. */
function tableName(cursor: Cursor): string | undefined {
  const parts: string[] = [];
  do {
    const written = cursor.slice();
    if (cursor.kind === Token.Word) parts.push(written);
    else {
      const value = cursor.kind === Token.QuotedName ? nameValue(written) : undefined;
      if (value === undefined) return undefined;
      parts.push(quoteIdent(value));
    }
    cursor.next();
  } while (cursor.acceptChar('.'));
  return parts.join('.');
}

/** Reads options in either syntax. @returns undefined if one of them has no equivalent in INSERT */
function readOptions(cursor: Cursor): Map<string, string> | undefined {
  const options = new Map<string, string>();
  cursor.accept('WITH');
  const listed = cursor.acceptChar('(');
  while (!cursor.atEnd && cursor.slice() !== ')') {
    const name = cursor.keyword ?? cursor.slice().toUpperCase();
    cursor.next();
    if (!listed && name === 'CSV') {
      options.set('FORMAT', 'csv');
      continue;
    }
    if (!listed && name === 'HEADER') {
      options.set(name, '');
      continue;
    }
    if (!/^(FORMAT|DELIMITER|DELIMITERS|NULL|HEADER|QUOTE|ESCAPE|FREEZE|ENCODING)$/.test(name)) return undefined;
    if (!listed && name === 'FREEZE') continue;
    if (!listed) cursor.accept('AS');
    let value = '';
    const written = cursor.slice();
    if (!['', ')', ','].includes(written)) {
      const string = cursor.kind === Token.String || cursor.kind === Token.DollarString;
      const read = string ? stringValue(written) : written;
      if (read === undefined) return undefined;
      value = read;
      cursor.next();
    }
    options.set(name === 'DELIMITERS' ? 'DELIMITER' : name, value);
    if (listed) cursor.acceptChar(',');
  }
  if (listed && !cursor.acceptChar(')')) return undefined;
  // WHERE skips rows.
  return cursor.atEnd ? options : undefined;
}

type Row = (string | null)[];

const ESCAPED: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function textRows(data: string, { delimiter, null: nothing }: CopyFormat): Row[] | undefined {
  const rows: Row[] = [];
  for (let at = 0; at < data.length;) {
    const row: Row = [];
    let field = '';
    let start = at;
    let ended = false;
    while (!ended) {
      const char = data.charAt(at);
      const newline = char === '\n' ? 1 : data.startsWith('\r\n', at) ? 2 : 0;
      if (at >= data.length || newline > 0 || char === delimiter) {
        row.push(data.slice(start, at) === nothing ? null : field);
        field = '';
        ended = at >= data.length || newline > 0;
        at += newline > 0 ? newline : 1;
        start = at;
      } else if (char !== '\\') {
        field += char;
        at++;
      } else {
        const [escape = ''] = /^(?:[0-7]{1,3}|x[0-9a-f]{1,2}|\r\n|[^])?/i.exec(data.slice(at + 1, at + 4)) ?? [];
        const code = /^[0-7]/.test(escape)
          ? parseInt(escape, 8) & 0xff
          : /^x./i.test(escape)
            ? parseInt(escape.slice(1), 16)
            : -1;
        // A byte in an unknown encoding.
        if (code > 127 || code === 0) return undefined;
        field += code >= 0 ? String.fromCharCode(code) : escape === '\r\n' ? '\n' : (ESCAPED[escape] ?? escape);
        at += 1 + escape.length;
      }
    }
    rows.push(row);
  }
  return rows;
}

function csvRows(data: string, format: CopyFormat): Row[] | undefined {
  const { delimiter, quote, escape, null: nothing } = format;
  const rows: Row[] = [];
  for (let at = 0; at < data.length;) {
    const row: Row = [];
    let field = '';
    let quoted = false;
    let inside = false;
    let ended = false;
    while (!ended) {
      const char = data.charAt(at);
      if (inside) {
        const next = data.charAt(at + 1);
        if (at >= data.length) return undefined;
        if (char === escape && (next === quote || next === escape)) {
          field += next;
          at += 2;
        } else {
          if (char === quote) inside = false;
          else field += char;
          at++;
        }
        continue;
      }
      const newline = char === '\n' ? 1 : data.startsWith('\r\n', at) ? 2 : 0;
      if (at >= data.length || newline > 0 || char === delimiter) {
        row.push(!quoted && field === nothing ? null : field);
        field = '';
        quoted = false;
        ended = at >= data.length || newline > 0;
        at += newline > 0 ? newline : 1;
      } else if (char === quote) {
        quoted = inside = true;
        at++;
      } else {
        field += char;
        at++;
      }
    }
    rows.push(row);
  }
  return rows;
}

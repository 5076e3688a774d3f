/**
 * The text format of PostgreSQL's COPY, one row at a time: fields separated by tabs, `\N` for NULL, and backslash escapes for characters
 * that would end a field or a line. https://www.postgresql.org/docs/current/sql-copy.html, "File Formats", "Text Format".
 *
 * A line is a row without its newline. It is a string of decoded UTF-8, or, for speed, a string with one character per byte (latin1), which
 * works because all bytes with a meaning in the format are ASCII.
 */

/** A row: the text of each field as written by PostgreSQL's output functions, or null. */
export type Row = (string | null)[];

const NULL_MARK = '\\N';

/** Escapes of control characters. Any other character after a backslash represents itself. */
const UNESCAPED: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

const ESCAPED: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

const NEEDS_ESCAPE = /[\b\f\n\r\t\v\\]/;
const TO_ESCAPE = /[\b\f\n\r\t\v\\]/g;

/** A run of octal and hexadecimal escapes (bytes that may form one character together), or one other escape. */
const ESCAPE = /((?:\\(?:[0-7]{1,3}|x[0-9A-Fa-f]{1,2}))+)|\\([^])/g;
const BYTE = /\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2}))/g;

/** Decodes bytes that are written as octal or hexadecimal escapes. */
export type ByteText = 'utf8' | 'latin1';

/**
 * Decodes one line of COPY text.
 *
 * @param line The row without its newline.
 * @param bytes The kind of string: text ('utf8', the default), or one character per byte ('latin1'). It matters only for octal and
 * hexadecimal escapes, which PostgreSQL reads but never writes.
 * @returns One entry per field. An empty line is one field with the empty string. A single backslash at the end is kept.
 */
export function decodeLine(line: string, bytes: ByteText = 'utf8'): Row {
  const row: Row = [];
  const escaped = line.includes('\\');
  // A loop, because split() takes three times as long (measured).
  for (let start = 0; ;) {
    const tab = line.indexOf('\t', start);
    const field = tab === -1 ? line.slice(start) : line.slice(start, tab);
    row.push(escaped ? decodeField(field, bytes) : field);
    if (tab === -1) return row;
    start = tab + 1;
  }
}

/** Decodes a field. Returns null for `\N`. */
export function decodeField(field: string, bytes: ByteText = 'utf8'): string | null {
  if (field === NULL_MARK) return null;
  if (!field.includes('\\')) return field;
  return field.replace(ESCAPE, (_whole, run: string | undefined, letter: string | undefined) =>
    run === undefined ? (UNESCAPED[letter ?? ''] ?? letter ?? '') : decodeBytes(run, bytes),
  );
}

/** Encodes a row without its newline; the inverse of {@link decodeLine}. */
export function encodeLine(row: readonly (string | null)[]): string {
  let line = '';
  for (let i = 0; i < row.length; i++) {
    const field = row[i];
    line += (i === 0 ? '' : '\t') + (typeof field === 'string' ? encodeField(field) : NULL_MARK);
  }
  return line;
}

/** Encodes the text of a field that is not NULL, exactly like COPY TO. */
export function encodeField(text: string): string {
  return NEEDS_ESCAPE.test(text) ? text.replace(TO_ESCAPE, (character) => ESCAPED[character] ?? character) : text;
}

function decodeBytes(run: string, bytes: ByteText): string {
  const codes = Array.from(run.matchAll(BYTE), ([, octal, hex]) =>
    // Like COPY FROM: three octal digits may exceed a byte, and are truncated to one.
    octal === undefined ? parseInt(hex ?? '', 16) : parseInt(octal, 8) & 0xff,
  );
  return bytes === 'latin1' ? String.fromCharCode(...codes) : new TextDecoder().decode(Uint8Array.from(codes));
}

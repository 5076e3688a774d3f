/**
 * The text format of PostgreSQL's COPY, one row at a time: fields divided by tabs, `\N` for NULL, and backslash escapes for what
 * would end a field or a line. https://www.postgresql.org/docs/current/sql-copy.html, "File Formats", "Text Format".
 *
 * A line here is the row without its newline. Both forms are JavaScript strings: the text as UTF-8 gives it, or, for speed,
 * "binary" text with one character a byte (latin1), which the format survives because every byte it gives a meaning to is ASCII.
 */

/** One row: the text of each field as PostgreSQL's output function wrote it, or null. */
export type Row = (string | null)[];

const NULL_MARK = '\\N';

/** The escapes that stand for one control character. Any other character after a backslash stands for itself. */
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

/** A run of octal and hexadecimal escapes (bytes that may make up one character together), or one other escape. */
const ESCAPE = /((?:\\(?:[0-7]{1,3}|x[0-9A-Fa-f]{1,2}))+)|\\([^])/g;
const BYTE = /\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2}))/g;

/** How bytes written as octal or hexadecimal escapes become characters. */
export type ByteText = 'utf8' | 'latin1';

/**
 * Decodes one line of COPY text.
 *
 * @param line The row without its newline.
 * @param bytes What the line's characters are: text ('utf8', the default), or bytes ('latin1'). It matters only for octal and
 * hexadecimal escapes, which PostgreSQL reads but never writes.
 * @returns One entry a field. An empty line is one field with the empty string. A lone backslash at the end stays one.
 */
export function decodeLine(line: string, bytes: ByteText = 'utf8'): Row {
  const row: Row = [];
  const escaped = line.includes('\\');
  // Step by step: split() takes three times as long (measured).
  for (let start = 0; ;) {
    const tab = line.indexOf('\t', start);
    const field = tab === -1 ? line.slice(start) : line.slice(start, tab);
    row.push(escaped ? decodeField(field, bytes) : field);
    if (tab === -1) return row;
    start = tab + 1;
  }
}

/** Decodes one field as it stands between two tabs: null for `\N`, else its text. */
export function decodeField(field: string, bytes: ByteText = 'utf8'): string | null {
  if (field === NULL_MARK) return null;
  if (!field.includes('\\')) return field;
  return field.replace(ESCAPE, (_whole, run: string | undefined, letter: string | undefined) =>
    run === undefined ? (UNESCAPED[letter ?? ''] ?? letter ?? '') : decodeBytes(run, bytes),
  );
}

/** Encodes one row; the counterpart of {@link decodeLine}. The newline that ends the row is not part of it. */
export function encodeLine(row: readonly (string | null)[]): string {
  let line = '';
  for (let i = 0; i < row.length; i++) {
    const field = row[i];
    line += (i === 0 ? '' : '\t') + (typeof field === 'string' ? encodeField(field) : NULL_MARK);
  }
  return line;
}

/** Encodes the text of one field that is not NULL, exactly as COPY TO writes it. */
export function encodeField(text: string): string {
  return NEEDS_ESCAPE.test(text) ? text.replace(TO_ESCAPE, (character) => ESCAPED[character] ?? character) : text;
}

function decodeBytes(run: string, bytes: ByteText): string {
  const codes = Array.from(run.matchAll(BYTE), ([, octal, hex]) =>
    // As COPY FROM does: three octal digits may exceed a byte, and lose what exceeds it.
    octal === undefined ? parseInt(hex ?? '', 16) : parseInt(octal, 8) & 0xff,
  );
  return bytes === 'latin1' ? String.fromCharCode(...codes) : new TextDecoder().decode(Uint8Array.from(codes));
}

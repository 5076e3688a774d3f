/** Labels of jobs, and short descriptions of SQL. */
import { ELLIPSIS, shapeOf } from './classify/statementShape';
import { BYTE_ORDER_MARK, Lexer, Token } from './lexer/lexer';
import { metaCommandAt } from './psql/psqlCommands';

/** The bytes of UTF-8 that pg_background keeps of a label (`PGBG_LABEL_MAX_LEN`). */
export const MAX_LABEL_BYTES = 64;

/** Longer tokens are cut before they are inspected: a string may have megabytes. UTF-16 code units. */
const MAX_TOKEN = 1000;

/** A label made from the SQL: its shape without literals, because every role on the server can read labels. */
export function labelFromSql(sql: string): string {
  return ellipsized(shapeOf(sql));
}

/**
 * The start of the SQL on one line, without comments and without strings that look like passwords, for display to its author.
 * Because it contains literals, it must never become a label: see {@link labelFromSql}.
 */
export function excerptOf(sql: string): string {
  const lexer = new Lexer(sql, sql.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0);
  let excerpt = '';
  let end = -1;
  let afterPassword = false;
  for (let kind = lexer.nextCode(); kind !== Token.End; kind = lexer.nextCode()) {
    if (kind === Token.Backslash) {
      lexer.end = metaCommandAt(sql, lexer.start).next;
      continue;
    }
    if (end >= 0 && lexer.start > end) excerpt += ' ';
    const string = kind === Token.String || kind === Token.DollarString;
    const token = sql.slice(lexer.start, Math.min(lexer.end, lexer.start + MAX_TOKEN));
    excerpt += string && (afterPassword || /password|pwd|secret/i.test(token)) ? "'…'" : token;
    afterPassword = lexer.is('PASSWORD') || (afterPassword && isAssignment(token));
    end = lexer.end;
    if (excerpt.length > MAX_LABEL_BYTES * 2) break;
  }
  return ellipsized(excerpt.replace(/;$/, ''));
}

/** One line of at most {@link MAX_LABEL_BYTES} bytes, with an ellipsis if the text was longer. */
function ellipsized(text: string): string {
  const line = clean(text);
  if (utf8Length(line) <= MAX_LABEL_BYTES) return line;
  return `${cut(line, MAX_LABEL_BYTES - utf8Length(ELLIPSIS))
    .trimEnd()
    .replace(/…$/, '')}${ELLIPSIS}`;
}

/** Whether a token may be between PASSWORD and its string: `password = 'x'`, `password => 'x'`. */
function isAssignment(token: string): boolean {
  return token === '=' || token === '>' || token === ':';
}

/** A label as pg_background stores it: one line without control characters, at most {@link MAX_LABEL_BYTES} bytes of UTF-8. */
export function truncateLabel(label: string): string {
  return cut(clean(label), MAX_LABEL_BYTES).trimEnd();
}

/**
 * Collapses white space. Removes control characters, lone surrogates (no server stores them), and marks that change the direction of
 * text (a label could imitate another one with them).
 */
function clean(label: string): string {
  return label
    .replace(/\s+/gu, ' ')
    .replace(/[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim();
}

/** The longest prefix of whole code points that fits into the bytes. */
function cut(text: string, bytes: number): string {
  let left = bytes;
  let end = 0;
  for (const char of text) {
    left -= utf8Length(char);
    if (left < 0) break;
    end += char.length;
  }
  return text.slice(0, end);
}

/** The length of a text in bytes of UTF-8. A lone surrogate counts as the replacement character. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x80) continue;
    bytes++;
    if (code < 0x800) continue;
    if (code >= 0xd800 && code < 0xdc00) {
      const low = text.charCodeAt(at + 1);
      // A surrogate pair takes four bytes.
      if (low >= 0xdc00 && low < 0xe000) {
        bytes++;
        at++;
        continue;
      }
    }
    bytes++;
  }
  return bytes;
}

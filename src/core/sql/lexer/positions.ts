/** Positions: PostgreSQL counts code points from 1, JavaScript and VS Code count UTF-16 code units from 0. */

/**
 * The UTF-16 offset of a position that the server reported (the `P` and `p` fields of an error: code points from 1).
 * One past the last code point is a position too: errors "at end of input" point there.
 *
 * @returns undefined where the text has no such position.
 */
export function codePointToUtf16(text: string, position: number): number | undefined {
  if (!Number.isInteger(position) || position < 1) return undefined;
  let offset = 0;
  for (let left = position - 1; left > 0; left--) {
    if (offset >= text.length) return undefined;
    offset += isPair(text, offset) ? 2 : 1;
  }
  return offset;
}

/** The server's position (code points from 1) of a UTF-16 offset; one inside a surrogate pair counts as its start. */
export function utf16ToCodePoint(text: string, offset: number): number {
  const to = Math.min(Math.max(offset, 0), text.length);
  let position = 1;
  for (let at = 0; at < to; position++) {
    at += isPair(text, at) ? 2 : 1;
    if (at > to) break;
  }
  return position;
}

function isPair(text: string, offset: number): boolean {
  const code = text.charCodeAt(offset);
  if (code < 0xd800 || code > 0xdbff) return false;
  const low = text.charCodeAt(offset + 1);
  return low >= 0xdc00 && low <= 0xdfff;
}

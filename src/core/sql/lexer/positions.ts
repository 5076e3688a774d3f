/** Positions: PostgreSQL counts code points from 1, JavaScript and VS Code count UTF-16 code units from 0. */

/**
 * Converts a position reported by the server (fields `P` and `p` of an error: code points from 1) to a UTF-16 offset. Errors "at end of
 * input" have a position one past the last code point.
 *
 * @returns undefined if the text has no such position
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

/** Converts a UTF-16 offset to the server's position (code points from 1). An offset inside a surrogate pair counts as its start. */
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

/** Finds the ends of numbers like scan.l of PostgreSQL 18, including adjacent junk. */
import { continuesWord, isDigit, startsWord } from './characters';

const DOT = 46;
const DASH = 45;

/** The end of the identifier at `at`, or `at` if there is none. */
export function wordEnd(text: string, at: number, limit: number): number {
  if (at >= limit || !startsWord(text.charCodeAt(at))) return at;
  let end = at + 1;
  while (end < limit && continuesWord(text.charCodeAt(end))) end++;
  return end;
}

/** The end of `digits(_digits)*`. */
function digitsEnd(text: string, at: number): number {
  let end = at;
  for (;;) {
    const code = text.charCodeAt(end);
    if (isDigit(code)) end++;
    else if (code === 95 && end > at && isDigit(text.charCodeAt(end + 1))) end += 2;
    else return end;
  }
}

/**
 * The end of the number at `at`: the longest match of integer, numeric, real, and their `_junk` forms, as in flex. Junk is an identifier
 * directly after a number (an error since PostgreSQL 15). It may contain `$`, so `1a$$;` has no dollar quote.
 */
export function numberEnd(text: string, at: number, limit: number): number {
  const integer = digitsEnd(text, at);
  let maxEnd = Math.max(integer, junkEnd(text, at, integer, limit));
  let mantissa = integer;
  if (text.charCodeAt(integer) === DOT && text.charCodeAt(integer + 1) !== DOT) {
    mantissa = digitsEnd(text, integer + 1);
    maxEnd = Math.max(maxEnd, mantissa, junkEnd(text, integer + 1, mantissa, limit));
  }
  if ((text.charCodeAt(mantissa) | 32) === 101) {
    const sign = text.charCodeAt(mantissa + 1);
    const signed = sign === 43 || sign === DASH;
    const digits = mantissa + (signed ? 2 : 1);
    const exponent = digitsEnd(text, digits);
    if (signed || exponent > digits) maxEnd = Math.max(maxEnd, exponent, junkEnd(text, digits, exponent, limit));
  }
  return Math.min(maxEnd, limit);
}

/** The end of the junk after digits: an identifier after them, or one that begins with an underscore among them. */
function junkEnd(text: string, from: number, digits: number, limit: number): number {
  if (digits === from) return wordEnd(text, digits, limit);
  for (let at = from; at < digits; at++) {
    if (text.charCodeAt(at) === 95) return wordEnd(text, at, limit);
  }
  return wordEnd(text, digits, limit);
}

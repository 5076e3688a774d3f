/** Characters as PostgreSQL's lexer sorts them (the definitions at the head of scan.l). */

const LETTER = 1;
const DIGIT = 2;

/** Character classes of ASCII; everything above is a letter, as in scan.l (`\200-\377`). */
const CLASSES = new Uint8Array(128);
for (let code = 0; code < 26; code++) CLASSES[65 + code] = CLASSES[97 + code] = LETTER;
for (let code = 48; code < 58; code++) CLASSES[code] = DIGIT;
CLASSES[95] = LETTER;

const DOLLAR = 36;

const COMMON_WORDS = [
  'SELECT',
  'INSERT',
  'CREATE',
  'UPDATE',
  'DELETE',
  'ALTER',
  'DROP',
  'WITH',
  'GRANT',
  'SET',
  'COMMENT',
];

/** A character that may start an identifier: a letter, an underscore, anything that is not ASCII. NaN (past the end) is none. */
export function startsWord(code: number): boolean {
  return (code >= 128 ? LETTER : (CLASSES[code] ?? 0)) === LETTER;
}

/** A character that may stand inside an identifier: those that start one, digits and `$`. */
export function continuesWord(code: number): boolean {
  return code === DOLLAR || (code >= 128 ? LETTER : (CLASSES[code] ?? 0)) !== 0;
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** A line end to PostgreSQL: either of `\n` and `\r`. */
export function isNewline(code: number): boolean {
  return code === 10 || code === 13;
}

/** A space to PostgreSQL (since 16 the vertical tab too), line ends included. NBSP is none: it is part of a name. */
export function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

/**
 * A word in upper case as keywords are compared: only ASCII letters fold, so that `ſelect` or `lıke` do not turn into
 * keywords as they would with `toUpperCase` alone.
 */
export function upperWord(text: string, start: number, end: number): string {
  // Most statements begin with one of these; comparing makes no new text.
  for (const word of COMMON_WORDS) if (isWord(text, start, end, word)) return word;
  const word = text.slice(start, end);
  for (let at = 0; at < word.length; at++) if (word.charCodeAt(at) >= 128) return word;
  return word.toUpperCase();
}

/** Whether the text has this upper-case ASCII word at exactly this range, in any case. */
export function isWord(text: string, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let at = 0; at < word.length; at++) {
    const code = text.charCodeAt(start + at);
    const wanted = word.charCodeAt(at);
    if (code !== wanted && !(code === wanted + 32 && code >= 97 && code <= 122)) return false;
  }
  return true;
}

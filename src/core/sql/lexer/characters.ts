/** Character classes of PostgreSQL's lexer (the definitions at the start of scan.l). */

const LETTER = 1;
const DIGIT = 2;

/** Classes of ASCII characters. All other characters are letters, as in scan.l (`\200-\377`). */
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

/** Whether a character may start an identifier: a letter, an underscore, or any non-ASCII character. False for NaN (past the end). */
export function startsWord(code: number): boolean {
  return (code >= 128 ? LETTER : (CLASSES[code] ?? 0)) === LETTER;
}

/** Whether a character may continue an identifier: like {@link startsWord}, and digits and `$`. */
export function continuesWord(code: number): boolean {
  return code === DOLLAR || (code >= 128 ? LETTER : (CLASSES[code] ?? 0)) !== 0;
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Whether a character is a line end in PostgreSQL: `\n` or `\r`. */
export function isNewline(code: number): boolean {
  return code === 10 || code === 13;
}

/** Whether a character is white space in PostgreSQL, including line ends and (since 16) the vertical tab, but not NBSP. */
export function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

/**
 * A word in upper case, for comparison with keywords. Only ASCII letters are converted, because `toUpperCase` would turn `ſelect` or
 * `lıke` into keywords.
 */
export function upperWord(text: string, start: number, end: number): string {
  // Most statements begin with one of these; comparing allocates no string.
  for (const word of COMMON_WORDS) if (isWord(text, start, end, word)) return word;
  const word = text.slice(start, end);
  for (let at = 0; at < word.length; at++) if (word.charCodeAt(at) >= 128) return word;
  return word.toUpperCase();
}

/** Whether a range of the text is this word (upper-case ASCII), ignoring case. */
export function isWord(text: string, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let at = 0; at < word.length; at++) {
    const code = text.charCodeAt(start + at);
    const wanted = word.charCodeAt(at);
    if (code !== wanted && !(code === wanted + 32 && code >= 97 && code <= 122)) return false;
  }
  return true;
}

/** Reads the arguments of psql's `\copy` as psql does (`parse_slash_copy` in copy.c, `strtokx` in stringutils.c, PostgreSQL 18). */

/** The direction and the other end of a `\copy`. */
export interface SlashCopy {
  readonly direction: 'from' | 'to';
  /**
   * - `script`: the lines below the command, or the output of queries (`stdin`, `stdout`; psql accepts either word in either
   *   direction)
   * - `psql`: psql's standard input or output (`pstdin`, `pstdout`)
   * - `program` and `file`: on the client
   */
  readonly source: 'script' | 'psql' | 'program' | 'file';
}

/** White space as defined by this part of psql: without form feeds. */
const WHITE = ' \t\n\r';
const NAMES = '.,()';

/**
 * @param line the rest of the line after `\copy`
 * @returns undefined if psql refuses the arguments; it then reads no data
 */
export function slashCopy(line: string): SlashCopy | undefined {
  const tokens = new Tokens(line);
  const next = (): string | undefined => tokens.next(NAMES, '"');
  let token = next();
  if (token?.toLowerCase() === 'binary') token = next();
  if (token === undefined) return undefined;

  if (token.startsWith('(')) {
    for (let open = 1; open > 0;) {
      token = tokens.next('()', `"'`, true);
      if (token === undefined) return undefined;
      if (token.startsWith('(')) open++;
      else if (token.startsWith(')')) open--;
    }
  }
  token = next();
  if (token === '.') {
    next();
    token = next();
  }
  if (token === '(') {
    do token = tokens.next('()', '"');
    while (token !== undefined && token !== ')');
    token = next();
  }

  const direction = token?.toLowerCase();
  if (direction !== 'from' && direction !== 'to') return undefined;
  token = tokens.next(';', "'");
  switch (token?.toLowerCase()) {
    case undefined:
      return undefined;
    case 'program':
      return /^'.*'$/s.test(tokens.next(';', "'") ?? '') ? { direction, source: 'program' } : undefined;
    case 'stdin':
    case 'stdout':
      return { direction, source: 'script' };
    case 'pstdin':
    case 'pstdout':
      return { direction, source: 'psql' };
    default:
      return { direction, source: 'file' };
  }
}

/** Like psql's `strtokx`. */
class Tokens {
  #at = 0;

  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /**
   * @param delimiters characters that are tokens by themselves
   * @param quotes characters that begin a quoted token; a doubled one stands for itself
   * @param escapes whether backslashes escape in `E'…'`
   */
  next(delimiters: string, quotes: string, escapes = false): string | undefined {
    const text = this.#text;
    while (this.#at < text.length && WHITE.includes(text.charAt(this.#at))) this.#at++;
    const start = this.#at;
    if (start >= text.length) return undefined;
    if (delimiters.includes(text.charAt(start))) return text.slice(start, ++this.#at);

    const escaped = escapes && /[Ee]/.test(text.charAt(start)) && text.charAt(start + 1) === "'";
    const quote = text.charAt(escaped ? start + 1 : start);
    if (escaped || quotes.includes(quote)) return this.#quoted(start, escaped ? start + 2 : start + 1, quote, escaped);

    while (this.#at < text.length && !`${WHITE}${delimiters}${quotes}`.includes(text.charAt(this.#at))) this.#at++;
    return text.slice(start, this.#at);
  }

  #quoted(start: number, from: number, quote: string, escaped: boolean): string {
    const text = this.#text;
    let at = from;
    for (; at < text.length; at++) {
      const char = text.charAt(at);
      if (char === '\\' && escaped && at + 1 < text.length) at++;
      else if (char !== quote) continue;
      else if (text.charAt(at + 1) === quote) at++;
      else break;
    }
    this.#at = Math.min(at + 1, text.length);
    return text.slice(start, this.#at);
  }
}

/**
 * A lexer for PostgreSQL's SQL that finds the boundaries of tokens.
 *
 * The rules are those of `src/backend/parser/scan.l` and `src/fe_utils/psqlscan.l` in PostgreSQL 18, with
 * `standard_conforming_strings = on`. All offsets are UTF-16 code units, as in VS Code and JavaScript.
 */

import { continuesWord, isDigit, isNewline, isSpace, isWord, startsWord } from './characters';
import { numberEnd, wordEnd } from './numbers';

/** The kinds of tokens. Punctuation and operators are split into single characters. */
export enum Token {
  /** The end of the text or of the requested range. */
  End,
  /** An identifier or keyword without quotes. */
  Word,
  /** `"…"` and `U&"…"`. */
  QuotedName,
  /** `'…'` with an optional prefix E, B, X, N, or U&. An E string includes its continuations on later lines. */
  String,
  /** `$$…$$` and `$tag$…$tag$`. */
  DollarString,
  /** A number, with trailing junk that PostgreSQL treats as part of it. */
  Number,
  /** `$1`, with trailing junk that PostgreSQL treats as part of it. */
  Parameter,
  Semicolon,
  Open,
  Close,
  /** A backslash outside of quotes: in psql the start of a meta-command. */
  Backslash,
  /** Any other character. */
  Other,
  /** `-- …` without its line end. */
  LineComment,
  /** A block comment with nested ones. */
  BlockComment,
}

export const BYTE_ORDER_MARK = 0xfeff;

const QUOTE = 39;
const DOUBLE_QUOTE = 34;
const DOLLAR = 36;
const BACKSLASH = 92;
const DASH = 45;
const SLASH = 47;
const STAR = 42;
const DOT = 46;

/** Iterates over the tokens of a text. `next()` overwrites the fields, so that no object is allocated per token. */
export class Lexer {
  kind: Token = Token.End;
  /** The start of the token. */
  start: number;
  /** Just past the token. Assign it to make `next()` continue elsewhere. */
  end: number;
  /** The number of line ends in the white space before the token; `\r\n` counts once. */
  newlines = 0;
  /** The token is a string, quoted name, or block comment that is not closed before the end of the text. */
  unterminated = false;

  constructor(
    readonly text: string,
    from = 0,
    readonly limit = text.length,
  ) {
    this.start = from;
    this.end = from;
  }

  /** Moves to the next token, including comments, and returns its kind. */
  next(): Token {
    const { text, limit } = this;
    let at = this.end;
    let newlines = 0;
    this.unterminated = false;
    // A byte order mark is not SQL (psql skips it too).
    if (at === 0 && text.charCodeAt(0) === BYTE_ORDER_MARK) at = 1;
    for (;;) {
      if (at >= limit) return this.#found(Token.End, limit, limit, newlines);
      const code = text.charCodeAt(at);
      if (code === 32) at++;
      else if (code > 32 || code < 9) break;
      else if (code === 10) {
        newlines++;
        at++;
      } else if (code === 13) {
        newlines++;
        at += text.charCodeAt(at + 1) === 10 ? 2 : 1;
      } else if (code <= 12) at++;
      else break;
    }
    this.newlines = newlines;
    this.start = at;
    return (this.kind = this.#token(text.charCodeAt(at), at));
  }

  /** Moves to the next token that is not a comment, and returns its kind. */
  nextCode(): Token {
    let kind = this.next();
    while (kind === Token.LineComment || kind === Token.BlockComment) kind = this.next();
    return kind;
  }

  /** The current token as written. */
  slice(): string {
    return this.text.slice(this.start, this.end);
  }

  /** Whether the current token is this upper-case keyword. */
  is(word: string): boolean {
    return this.kind === Token.Word && isWord(this.text, this.start, this.end, word);
  }

  #found(kind: Token, start: number, end: number, newlines: number): Token {
    this.newlines = newlines;
    this.start = start;
    this.end = end;
    return (this.kind = kind);
  }

  /** Reads the token at `at`, sets `end`, and returns its kind. */
  #token(code: number, at: number): Token {
    const { text } = this;
    if (startsWord(code)) return this.#word(at);
    if (isDigit(code)) return this.#ended(Token.Number, numberEnd(text, at, this.limit));
    switch (code) {
      case QUOTE:
        return this.#string(at + 1);
      case DOUBLE_QUOTE:
        return this.#quotedName(at + 1);
      case 59:
        return this.#ended(Token.Semicolon, at + 1);
      case 40:
        return this.#ended(Token.Open, at + 1);
      case 41:
        return this.#ended(Token.Close, at + 1);
      case BACKSLASH:
        return this.#ended(Token.Backslash, at + 1);
      case DOLLAR:
        return this.#dollar(at);
      case DASH:
        if (text.charCodeAt(at + 1) === DASH) return this.#ended(Token.LineComment, this.#clip(lineEnd(text, at + 2)));
        return this.#ended(Token.Other, at + 1);
      case SLASH:
        if (text.charCodeAt(at + 1) === STAR) return this.#blockComment(at);
        return this.#ended(Token.Other, at + 1);
      case DOT:
        if (isDigit(text.charCodeAt(at + 1))) return this.#ended(Token.Number, numberEnd(text, at, this.limit));
        return this.#ended(Token.Other, at + 1);
      default:
        return this.#ended(Token.Other, at + 1);
    }
  }

  #ended(kind: Token, end: number): Token {
    this.end = end;
    return kind;
  }

  #cut(kind: Token): Token {
    this.unterminated = true;
    this.end = this.limit;
    return kind;
  }

  #clip(offset: number): number {
    return offset < this.limit ? offset : this.limit;
  }

  #word(at: number): Token {
    const { text, limit } = this;
    let end = at + 1;
    while (end < limit && continuesWord(text.charCodeAt(end))) end++;
    if (end - at === 1) {
      const follower = text.charCodeAt(end);
      const letter = text.charCodeAt(at) | 32;
      if (follower === QUOTE) {
        if (letter === 101) return this.#escapeString(end + 1);
        if (letter === 98 || letter === 110 || letter === 120) return this.#string(end + 1);
      } else if (follower === 38 && letter === 117) {
        const quote = text.charCodeAt(end + 1);
        if (quote === QUOTE) return this.#string(end + 2);
        if (quote === DOUBLE_QUOTE) return this.#quotedName(end + 2);
      }
    }
    this.end = end;
    return Token.Word;
  }

  #string(from: number): Token {
    const { text, limit } = this;
    let at = text.indexOf("'", from);
    while (at >= 0 && at < limit) {
      if (text.charCodeAt(at + 1) !== QUOTE) return this.#ended(Token.String, at + 1);
      at = text.indexOf("'", at + 2);
    }
    return this.#cut(Token.String);
  }

  #quotedName(from: number): Token {
    const { text, limit } = this;
    let at = text.indexOf('"', from);
    while (at >= 0 && at < limit) {
      if (text.charCodeAt(at + 1) !== DOUBLE_QUOTE) return this.#ended(Token.QuotedName, at + 1);
      at = text.indexOf('"', at + 2);
    }
    return this.#cut(Token.QuotedName);
  }

  #escapeString(from: number): Token {
    const { text, limit } = this;
    let at = from;
    while (at < limit) {
      const code = text.charCodeAt(at);
      if (code === BACKSLASH) at += 2;
      else if (code !== QUOTE) at++;
      else if (text.charCodeAt(at + 1) === QUOTE) at += 2;
      else {
        // 'a' <newline> 'b' is one string, and backslashes also escape in its second part.
        const more = continuation(text, at + 1, limit);
        if (more < 0) return this.#ended(Token.String, at + 1);
        at = more;
      }
    }
    return this.#cut(Token.String);
  }

  #dollar(at: number): Token {
    const { text, limit } = this;
    let end = at + 1;
    const first = text.charCodeAt(end);
    if (isDigit(first)) {
      while (isDigit(text.charCodeAt(end))) end++;
      return this.#ended(Token.Parameter, this.#clip(wordEnd(text, end, limit)));
    }
    if (startsWord(first)) {
      end++;
      for (;;) {
        const code = text.charCodeAt(end);
        if (code === DOLLAR || !continuesWord(code)) break;
        end++;
      }
    }
    if (text.charCodeAt(end) !== DOLLAR) return this.#ended(Token.Other, at + 1);
    const tag = text.slice(at, end + 1);
    const close = text.indexOf(tag, end + 1);
    if (close < 0 || close >= limit) return this.#cut(Token.DollarString);
    return this.#ended(Token.DollarString, close + tag.length);
  }

  #blockComment(at: number): Token {
    const { text, limit } = this;
    let depth = 1;
    let end = at + 2;
    while (end < limit) {
      const code = text.charCodeAt(end);
      if (code === STAR && text.charCodeAt(end + 1) === SLASH) {
        end += 2;
        if (--depth === 0) return this.#ended(Token.BlockComment, end);
      } else if (code === SLASH && text.charCodeAt(end + 1) === STAR) {
        depth++;
        end += 2;
      } else end++;
    }
    return this.#cut(Token.BlockComment);
  }
}

/** The end of the line that contains `at`, before its line end. */
export function lineEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && !isNewline(text.charCodeAt(end))) end++;
  return end;
}

/** The offset past the quote that continues a string after a line end (`quotecontinue` in scan.l), or -1. */
function continuation(text: string, from: number, limit: number): number {
  let at = from;
  let newline = false;
  while (at < limit) {
    const code = text.charCodeAt(at);
    if (isNewline(code)) newline = true;
    else if (code === DASH && text.charCodeAt(at + 1) === DASH) {
      at = lineEnd(text, at + 2);
      continue;
    } else if (code === QUOTE) return newline ? at + 1 : -1;
    else if (!isSpace(code)) return -1;
    at++;
  }
  return -1;
}

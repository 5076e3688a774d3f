/** The fast way through the middle of a statement, where only its semicolon matters. */
import { continuesWord, isDigit, isSpace, startsWord } from '../lexer/characters';

/** Where `skim` is. It changes all of it. */
export interface SkimState {
  /** The next character to look at; at the end the start of a token that `skim` leaves to the lexer, or white space. */
  at: number;
  /** Just past the last token that was stepped over. */
  lastEnd: number;
  /** Open parentheses. */
  depth: number;
  /** Where the outermost of them is. */
  openedAt: number;
}

const CHARACTER = 0;
const SPACE = 1;
const WORD = 2;
const NUMBER = 3;
const OPEN = 4;
const CLOSE = 5;
const STRING = 6;
/** It depends on the character after it: a comment, a fraction. */
const PAIR = 7;
const STOP = 8;

const QUOTE = 39;
const AMPERSAND = 38;
const DASH = 45;
const STAR = 42;
const DOT = 46;

/** What to do with an ASCII character that begins a token; all others begin words. */
const FIRST = new Uint8Array(128);
const IN_WORD = new Uint8Array(128);
for (let code = 0; code < 128; code++) {
  IN_WORD[code] = continuesWord(code) ? 1 : 0;
  FIRST[code] = isSpace(code) ? SPACE : startsWord(code) ? WORD : isDigit(code) ? NUMBER : CHARACTER;
}
FIRST[40] = OPEN;
FIRST[41] = CLOSE;
FIRST[QUOTE] = STRING;
for (const char of '-/.') FIRST[char.charCodeAt(0)] = PAIR;
for (const char of '"$;\\') FIRST[char.charCodeAt(0)] = STOP;

/**
 * Steps over words, parentheses, plain strings and integers, and characters that mean nothing to a splitter, up to a token
 * that may: a semicolon, a comment, a quote of another kind. A lexer's `next()` for each of them would find the same.
 */
export function skim(text: string, state: SkimState): void {
  const { length } = text;
  let { at, lastEnd, depth } = state;
  scan: while (at < length) {
    const code = text.charCodeAt(at);
    const first = code < 128 ? FIRST[code] : WORD;
    switch (first) {
      case SPACE:
        at++;
        break;
      case CHARACTER:
        lastEnd = ++at;
        break;
      case WORD:
      case NUMBER: {
        let end = at + 1;
        let digits = true;
        while (end < length) {
          const part = text.charCodeAt(end);
          if (part < 128 && IN_WORD[part] === 0) break;
          if (part > 57) digits = false;
          end++;
        }
        const follower = text.charCodeAt(end);
        // A string's prefix, a number's fraction, exponent or junk are left to the lexer.
        if (first === WORD) {
          if (end - at === 1 && (follower === QUOTE || follower === AMPERSAND)) break scan;
        } else if (!digits || follower === DOT || hasDollar(text, at, end)) break scan;
        lastEnd = at = end;
        break;
      }
      case OPEN:
        if (depth++ === 0) state.openedAt = at;
        lastEnd = ++at;
        break;
      case CLOSE:
        if (depth > 0) depth--;
        lastEnd = ++at;
        break;
      case STRING: {
        let close = text.indexOf("'", at + 1);
        while (close >= 0 && text.charCodeAt(close + 1) === QUOTE) close = text.indexOf("'", close + 2);
        if (close < 0) break scan;
        lastEnd = at = close + 1;
        break;
      }
      case PAIR: {
        const second = text.charCodeAt(at + 1);
        if (code === DOT ? isDigit(second) : second === DASH || second === STAR) break scan;
        lastEnd = ++at;
        break;
      }
      default:
        break scan;
    }
  }
  state.at = at;
  state.lastEnd = lastEnd;
  state.depth = depth;
}

function hasDollar(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (text.charCodeAt(at) === 36) return true;
  return false;
}

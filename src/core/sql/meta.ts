/** psql's meta-commands and COPY data, as far as a splitter must know where they end (psqlscanslash.l, copy.c, command.c). */
import { isNewline, isSpace, lineEnd } from './lexer';

/** What a backslash outside of quotes is to psql. */
export interface MetaCommand {
  /**
   * `semicolon` is `\;`, `colon` is `\:`; `send` ends the statement before it (`\g`, `\gset`, …); `reset` throws it away;
   * `other` leaves it as it was.
   */
  readonly kind: 'semicolon' | 'colon' | 'send' | 'reset' | 'other';
  /** Just past its last character that is not a space. */
  readonly end: number;
  /** Where SQL goes on. */
  readonly next: number;
  /** `\copy … from stdin`: data follows below the line. */
  readonly copiesIn: boolean;
}

const SENDS = new Set(['g', 'gx', 'gexec', 'gset', 'gdesc', 'crosstabview', 'watch', 'parse', 'sendpipeline']);
const RESETS = new Set(['r', 'reset']);
/** Commands that take the rest of the line as it is, backslashes and quotes included. */
const WHOLE_LINE = new Set(['!', 'copy', 'ef', 'ev', 'h', 'help', 'sf', 'sf+', 'sv', 'sv+']);

/** Reads the meta-command whose backslash is at `at`. */
export function metaCommandAt(text: string, at: number): MetaCommand {
  const second = text.charAt(at + 1);
  if (second === ';') return { kind: 'semicolon', end: at + 2, next: at + 2, copiesIn: false };
  if (second === ':') return { kind: 'colon', end: at + 2, next: at + 2, copiesIn: false };
  if (second === '\\') return { kind: 'other', end: at + 2, next: at + 2, copiesIn: false };

  let nameEnd = at + 1;
  while (nameEnd < text.length && !isSpace(text.charCodeAt(nameEnd)) && text.charAt(nameEnd) !== '\\') nameEnd++;
  const name = text.slice(at + 1, nameEnd);
  const line = lineEnd(text, nameEnd);
  const next = WHOLE_LINE.has(name) || name.startsWith('!') ? line : argumentsEnd(text, nameEnd, line);
  let end = next;
  while (end > nameEnd && isSpace(text.charCodeAt(end - 1))) end--;
  return {
    kind: SENDS.has(name) ? 'send' : RESETS.has(name) ? 'reset' : 'other',
    end,
    next: text.startsWith('\\\\', next) ? next + 2 : next,
    copiesIn: name === 'copy' && /\sfrom\s+stdin(\s|;|$)/i.test(text.slice(nameEnd, line)),
  };
}

/** Arguments go up to the end of the line, or to a backslash outside of their quotes: another command, or `\\`. */
function argumentsEnd(text: string, from: number, line: number): number {
  let at = from;
  let quote = '';
  while (at < line) {
    const char = text.charAt(at);
    if (quote !== '') {
      if (char === '\\' && quote === "'") at++;
      else if (char === quote) quote = '';
    } else if (char === '\\') return at;
    else if (char === "'" || char === '"' || char === '`') quote = char;
    at++;
  }
  return line;
}

/** Just past the line `\.` that ends the data beginning at `start`, or the end of the text, as psql reads it. */
export function copyDataEnd(text: string, start: number): number {
  let at = text.indexOf('\\.', start);
  while (at >= 0) {
    const after = at + 2;
    const alone = at === start || isNewline(text.charCodeAt(at - 1));
    if (alone && (after === text.length || isNewline(text.charCodeAt(after)))) return after;
    at = text.indexOf('\\.', after);
  }
  return text.length;
}

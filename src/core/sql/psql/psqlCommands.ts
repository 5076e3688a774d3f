/** psql's meta-commands and COPY data, as far as a splitter must know where they end (psqlscanslash.l, copy.c, command.c). */
import { isSpace } from '../lexer/characters';
import { slashCopy } from './copyCommand';

/** What a backslash outside of quotes is to psql. */
export interface MetaCommand {
  /**
   * `semicolon` is `\;`, `colon` is `\:`; `send` ends the statement before it and runs it (`\g`, `\gset`, …); `prepare` ends it
   * without running it (`\gdesc`, `\parse`); `reset` throws it away; `other` leaves it as it was.
   */
  readonly kind: 'semicolon' | 'colon' | 'send' | 'prepare' | 'reset' | 'other';
  /** The name without the backslash, as written. */
  readonly name: string;
  /** Where its arguments begin: just past the name. */
  readonly nameEnd: number;
  /** Just past its last character that is not a space. */
  readonly end: number;
  /** Where SQL goes on. */
  readonly next: number;
  /** `\copy … from stdin`: data follows below the line. */
  readonly copiesIn: boolean;
}

const SENDS = new Set(['g', 'gx', 'gexec', 'gset', 'crosstabview', 'watch', 'sendpipeline']);
const PREPARES = new Set(['gdesc', 'parse']);
const RESETS = new Set(['r', 'reset']);

/**
 * The other commands of psql 18 that take arguments in words; those that begin with d describe something. Not here are
 * `\!`, `\copy`, `\ef`, `\ev`, `\h`, `\help`, `\sf` and `\sv`, which take the line as it is.
 */
const OTHERS = new Set(
  (
    '? a bind bind_named C c cd close_prepared connect conninfo copyright e echo edit elif else encoding endif endpipeline ' +
    'errverbose f flush flushrequest getenv getresults H html i if include include_relative ir l l+ list list+ lo_export ' +
    'lo_import lo_list lo_list+ lo_unlink lx lx+ o out p password print prompt pset q qecho quit restrict s set setenv ' +
    'startpipeline syncpipeline T t timing unrestrict unset w warn write x z zS zx zSx'
  ).split(' '),
);

/** Reads the meta-command whose backslash is at `at`. */
export function metaCommandAt(text: string, at: number): MetaCommand {
  const second = text.charAt(at + 1);
  if (second === ';' || second === ':') {
    const kind = second === ';' ? 'semicolon' : 'colon';
    return { kind, name: second, nameEnd: at + 2, end: at + 2, next: at + 2, copiesIn: false };
  }

  let nameEnd = at + 1;
  while (nameEnd < text.length && !isSpace(text.charCodeAt(nameEnd)) && text.charAt(nameEnd) !== '\\') nameEnd++;
  const name = text.slice(at + 1, nameEnd);
  const line = lineFeed(text, nameEnd);
  // Of a command that it does not know, such as a stray backslash, psql throws the rest of the line away.
  const kind = kindOf(name);
  const known = kind !== 'other' || OTHERS.has(name) || name.startsWith('d');
  const next = known ? argumentsEnd(text, nameEnd, line) : line;
  let end = next;
  while (end > at + 1 && isSpace(text.charCodeAt(end - 1))) end--;
  return {
    kind,
    name,
    nameEnd,
    end,
    next: text.startsWith('\\\\', next) ? next + 2 : next,
    // The only command whose name psql compares without regard to case.
    copiesIn: name.toLowerCase() === 'copy' && readsScript(text.slice(nameEnd, line)),
  };
}

function readsScript(copy: string): boolean {
  const { direction, source } = slashCopy(copy) ?? {};
  return direction === 'from' && source === 'script';
}

function kindOf(name: string): 'send' | 'prepare' | 'reset' | 'other' {
  if (SENDS.has(name)) return 'send';
  if (PREPARES.has(name)) return 'prepare';
  return RESETS.has(name) ? 'reset' : 'other';
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
    const end = at + 2;
    const alone = at === start || text.charAt(at - 1) === '\n';
    if (alone && (end === text.length || text.charAt(end) === '\n' || text.startsWith('\r\n', end))) return end;
    at = text.indexOf('\\.', end);
  }
  return text.length;
}

/** The end of a line to psql's own reader, to which a lone carriage return is only a space; without the line feed. */
function lineFeed(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at < 0 ? text.length : at;
}

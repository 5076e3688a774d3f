/** Finds the ends of psql's meta-commands and COPY data (psqlscanslash.l, copy.c, command.c of PostgreSQL 18). */
import { isSpace } from '../lexer/characters';
import { slashCopy } from './copyCommand';

/** A backslash command outside of quotes, as psql reads it. */
export interface MetaCommand {
  /**
   * - `semicolon` is `\;`, `colon` is `\:`
   * - `send` ends the statement before it and runs it (`\g`, `\gset`, …)
   * - `prepare` ends it without running it (`\gdesc`, `\parse`)
   * - `reset` discards it
   * - `other` does not affect it
   */
  readonly kind: 'semicolon' | 'colon' | 'send' | 'prepare' | 'reset' | 'other';
  /** The name without the backslash, as written. */
  readonly name: string;
  /** Just past the name, where the arguments begin. */
  readonly nameEnd: number;
  /** Just past its last character that is not a space. */
  readonly end: number;
  /** Where SQL continues. */
  readonly next: number;
  /** `\copy … from stdin`: data follows below the line. */
  readonly copiesIn: boolean;
}

/** Commands that send the statement before them. True: a semicolon does the same, except for the display of the rows. */
const SEND = new Map([
  ['g', true],
  ['gx', true],
  ['crosstabview', true],
  ['gexec', false],
  ['gset', false],
  ['watch', false],
  ['sendpipeline', false],
]);
const PREPARE = new Set(['gdesc', 'parse']);
const RESET = new Set(['r', 'reset']);

/**
 * The other commands of psql 18 whose arguments are words, except those that begin with d. Not included are `\!`, `\copy`, `\ef`,
 * `\ev`, `\h`, `\help`, `\sf`, and `\sv`, which take the rest of the line.
 */
const WITH_ARGUMENTS = new Set(
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
  // After an unknown command, such as a stray backslash, psql discards the rest of the line.
  const kind = kindOf(name);
  const known = kind !== 'other' || WITH_ARGUMENTS.has(name) || name.startsWith('d');
  const next = known ? argumentsEnd(text, nameEnd, line) : line;
  let end = next;
  while (end > at + 1 && isSpace(text.charCodeAt(end - 1))) end--;
  return {
    kind,
    name,
    nameEnd,
    end,
    next: text.startsWith('\\\\', next) ? next + 2 : next,
    // psql compares only this command's name case-insensitively.
    copiesIn: name.toLowerCase() === 'copy' && readsScript(text.slice(nameEnd, line)),
  };
}

function readsScript(copy: string): boolean {
  const { direction, source } = slashCopy(copy) ?? {};
  return direction === 'from' && source === 'script';
}

function kindOf(name: string): 'send' | 'prepare' | 'reset' | 'other' {
  if (SEND.has(name)) return 'send';
  if (PREPARE.has(name)) return 'prepare';
  return RESET.has(name) ? 'reset' : 'other';
}

/** Whether a semicolon can replace a command: the same statements run, and only the display of their rows differs. */
export function isLikeSemicolon(name: string): boolean {
  return SEND.get(name) === true;
}

/** The end of the arguments: the end of the line, or a backslash outside of quotes (another command, or `\\`). */
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

/** Just past the line `\.` that ends the data that begins at `start`, or the end of the text. */
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

/** The end of a line, before its line feed. psql reads a lone carriage return as a space. */
function lineFeed(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at < 0 ? text.length : at;
}

/**
 * Fences between the statements of a text that runs in one worker.
 *
 * pg_background increments the command counter only after the last statement of a text, so without a fence a statement does not see
 * the rows that an earlier one wrote. Every utility statement increments it itself (`standard_ProcessUtility` in PostgreSQL's
 * utility.c); SHOW is the cheapest, needs no privilege, takes no snapshot, and may precede SET TRANSACTION.
 */
import { Cursor } from '../split/statementAtCursor';
import { setParameters } from '../settings/setStatement';
import type { SplitText, Statement } from '../split/statements';

/** Inserted directly after a semicolon, on the same line, so that line numbers stay as they are. */
export const FENCE = 'SHOW server_version;';

/**
 * The worker's text is read as Unicode, whatever encoding the text sets. Without this, the worker sends its rows and messages in an
 * encoding that its session does not expect, and all of them are lost.
 */
const UNICODE_AGAIN = `SET client_encoding TO 'UTF8';${FENCE}`;

/** Something of ours between two characters of the user's text. */
export interface Insertion {
  /** A UTF-16 offset in the user's text. */
  readonly at: number;
  readonly text: string;
}

/** A text with insertions. */
export interface InsertedText {
  readonly text: string;
  /** Turns an offset in {@link text} into one in the user's text; undefined inside an insertion. Both in UTF-16 code units. */
  readonly toSource: (offset: number) => number | undefined;
}

/**
 * The fences of a text: one after each statement but the last. From the first statement on that sets the encoding, or that mentions it
 * in any way (a DO block, a function), each fence sets it back.
 */
export function fences(text: string, { statements }: Pick<SplitText, 'statements'>): Insertion[] {
  let unicode = false;
  return statements.slice(0, -1).map(({ start, end, next }) => {
    unicode ||= mayChangeEncoding(text, start, end);
    return { at: next, text: unicode ? UNICODE_AGAIN : FENCE };
  });
}

/** Inserts texts. @param insertions in the order of the text; those at one place follow each other */
export function insertAll(source: string, insertions: readonly Insertion[]): InsertedText {
  const parts: string[] = [];
  /** Where each insertion begins in the result. */
  const begins: number[] = [];
  let from = 0;
  let length = 0;
  for (const { at, text } of insertions) {
    const before = source.slice(from, at);
    parts.push(before, text);
    begins.push(length + before.length);
    length += before.length + text.length;
    from = at;
  }
  parts.push(source.slice(from));
  return {
    text: parts.join(''),
    toSource: (offset) => {
      const index = lastAtOrBefore(begins, offset);
      const insertion = insertions[index];
      const begin = begins[index];
      if (!insertion || begin === undefined) return offset;
      const behind = offset - begin - insertion.text.length;
      if (behind >= 0) return insertion.at + behind;
      // Where an insertion begins, the statement before it ends: errors "at end of input" point there.
      return offset === begin ? insertion.at : undefined;
    },
  };
}

/** The index of the last number that is not greater, or -1. */
function lastAtOrBefore(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? Infinity) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The query of a worker as the user wrote it, from what `pg_stat_activity` shows. */
export function withoutFences(query: string): string {
  return query.replaceAll(`;${UNICODE_AGAIN}`, ';').replaceAll(`;${FENCE}`, ';');
}

function mayChangeEncoding(text: string, start: number, end: number): boolean {
  return settingOf(text, start, end)?.name === 'names' || /client_encoding/i.test(text.slice(start, end));
}

/** What a SET statement sets; undefined for any other statement. */
export interface Setting {
  /** In lower case. `time zone`, `role` and the like are given by their first word. */
  readonly name: string;
  /** As written, without quotes around a single value; in lower case. */
  readonly value: string;
}

/** Reads SET [SESSION | LOCAL] name { TO | = } value. */
export function settingOf(text: string, start: number, end: number): Setting | undefined {
  const cursor = new Cursor(text, start, end);
  if (!cursor.accept('SET')) return undefined;
  if (cursor.is('SESSION', 'LOCAL')) cursor.next();
  const name = cursor.slice().replaceAll('"', '').toLowerCase();
  let whole = name;
  cursor.next();
  while (cursor.acceptChar('.')) {
    whole += `.${cursor.slice().replaceAll('"', '').toLowerCase()}`;
    cursor.next();
  }
  if (!cursor.accept('TO')) cursor.acceptChar('=');
  const value = text.slice(cursor.start, end).trim();
  return { name: whole, value: value.replace(/^[eE]?'(.*)'$/s, '$1').toLowerCase() };
}

/** Why a text must not be sent as one. */
export interface FenceRefusal {
  readonly code: 'unsplit' | 'stringSyntax';
  readonly message: string;
  /** Zero-based UTF-16 offset. */
  readonly position: number;
}

/**
 * Whether fences can be put into a text safely. Refused is what does not split cleanly, and what the server reads by other rules than
 * the splitter does: a fence inside a string would change data.
 *
 * @param standardStrings the session's `standard_conforming_strings`
 */
export function fenceRefusal(text: string, split: SplitText, standardStrings: boolean): FenceRefusal | undefined {
  const { statements, problems } = split;
  // The server reads a single statement by its own rules, and says itself what is wrong with it.
  if (statements.length < 2) return undefined;
  const backslash = text.indexOf('\\');
  if (backslash >= 0 && !standardStrings) {
    return { code: 'stringSyntax', message: OLD_STRINGS_OF_SESSION, position: backslash };
  }
  const [problem] = problems;
  if (problem) return { code: 'unsplit', message: problem.message, position: problem.start };
  if (backslash < 0) return undefined;
  for (const statement of statements) {
    const { start, end } = statement;
    if (turnsStandardStringsOff(text, statement) && text.includes('\\', end)) {
      return { code: 'stringSyntax', message: OLD_STRINGS_OF_TEXT, position: start };
    }
  }
  return undefined;
}

/** SET in any spelling, `SELECT set_config(…)`, and a DO block that may do it. */
function turnsStandardStringsOff(text: string, statement: Statement): boolean {
  const { start, end, keyword } = statement;
  if (!/standard_conforming_strings/i.test(text.slice(start, end))) return false;
  const set = setParameters(text, statement);
  if (!set) return keyword === 'DO' || keyword === 'SET' || /set_config/i.test(text.slice(start, end));
  return set.some(
    ({ name, value }) => name === 'standard_conforming_strings' && value !== undefined && !ON.test(value),
  );
}

/** A boolean that is on, as the server's parse_bool reads it. */
const ON = /^\s*(on|t|tr|tru|true|y|ye|yes|1)\s*$/i;

const OLD_STRINGS_OF_SESSION =
  'standard_conforming_strings is off on this connection, and the text contains a backslash: where its statements end cannot be decided safely. Run each statement as a job of its own, or set it on.';

const OLD_STRINGS_OF_TEXT =
  'A worker parses the whole text before it runs the first statement, so turning standard_conforming_strings off here would not change how the strings below it are read, as it does in psql. Run each statement as a job of its own.';

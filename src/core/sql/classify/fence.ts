/**
 * Fences between the statements of a text that runs in one worker.
 *
 * pg_background increments the command counter only after the last statement of a text. Without a fence, a statement does not see
 * rows written by an earlier statement. Every utility statement increments the counter (`standard_ProcessUtility` in PostgreSQL's
 * utility.c). SHOW is the cheapest one, needs no privilege, takes no snapshot, and may precede SET TRANSACTION.
 */
import { countWhile } from '../../base/binarySearch';
import { splitFault, type FenceFault } from '../faults';
import { Cursor } from '../lexer/cursor';
import { setParameters } from '../settings/setStatement';
import type { SplitText, Statement } from '../split/splitTypes';

/** Inserted directly after a semicolon, on the same line, so that line numbers do not change. */
export const FENCE = 'SHOW server_version;';

/** Sets the client encoding back to ours. Otherwise the worker sends rows and messages that its session cannot decode. */
const RESTORE_ENCODING = `SET client_encoding TO 'UTF8';${FENCE}`;

/** Text inserted between two characters of the user's text. */
export interface Insertion {
  /** A UTF-16 offset in the user's text. */
  readonly at: number;
  readonly text: string;
}

/** A text with insertions. */
export interface InsertedText {
  readonly text: string;
  /** Maps an offset in {@link text} to one in the user's text, or undefined inside an insertion. Both are UTF-16 code units. */
  readonly toSource: (offset: number) => number | undefined;
}

/**
 * The fences of a text: one after each statement except the last. After the first statement that sets or only mentions the client
 * encoding (a DO block, a function), each fence also restores it.
 */
export function fences(text: string, { statements }: Pick<SplitText, 'statements'>): Insertion[] {
  let unicode = false;
  return statements.slice(0, -1).map(({ start, end, next }) => {
    unicode ||= mayChangeEncoding(text, start, end);
    return { at: next, text: unicode ? RESTORE_ENCODING : FENCE };
  });
}

/** @param insertions in the order of the text; several at the same offset are inserted in their order */
export function insertAll(source: string, insertions: readonly Insertion[]): InsertedText {
  const parts: string[] = [];
  /** The start of each insertion in the result. */
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
      const index = countWhile(begins, (begin) => begin <= offset) - 1;
      const insertion = insertions[index];
      const begin = begins[index];
      if (!insertion || begin === undefined) return offset;
      const after = offset - begin - insertion.text.length;
      if (after >= 0) return insertion.at + after;
      // An insertion starts where the previous statement ends: errors "at end of input" point there.
      return offset === begin ? insertion.at : undefined;
    },
  };
}

/** A query from `pg_stat_activity` without our fences. */
export function withoutFences(query: string): string {
  return query.replaceAll(`;${RESTORE_ENCODING}`, ';').replaceAll(`;${FENCE}`, ';');
}

function mayChangeEncoding(text: string, start: number, end: number): boolean {
  return settingOf(text, start, end)?.name === 'names' || /client_encoding/i.test(text.slice(start, end));
}

/** The parameter and value of a SET statement. */
export interface Setting {
  /** In lower case. For special forms such as `TIME ZONE`, the first word. */
  readonly name: string;
  /** As written, in lower case, without quotes around a single value. */
  readonly value: string;
}

/** Reads SET [SESSION | LOCAL] name { TO | = } value. @returns undefined for any other statement */
export function settingOf(text: string, start: number, end: number): Setting | undefined {
  const cursor = new Cursor(text, start, end);
  if (!cursor.accept('SET')) return undefined;
  if (cursor.is('SESSION', 'LOCAL')) cursor.next();
  const name = cursor.slice().replaceAll('"', '').toLowerCase();
  let fullName = name;
  cursor.next();
  while (cursor.acceptChar('.')) {
    fullName += `.${cursor.slice().replaceAll('"', '').toLowerCase()}`;
    cursor.next();
  }
  if (!cursor.accept('TO')) cursor.acceptChar('=');
  const value = text.slice(cursor.start, end).trim();
  return { name: fullName, value: value.replace(/^[eE]?'(.*)'$/s, '$1').toLowerCase() };
}

/** The reason not to send a text. */
export interface FenceRefusal {
  readonly fault: FenceFault;
  /** Zero-based UTF-16 offset. */
  readonly position: number;
}

/**
 * Checks whether fences can safely be inserted into a text. Refused are texts that do not split cleanly, and texts that the server
 * would read by other rules than the splitter: a fence inside a string would change data.
 *
 * @param standardStrings the session's `standard_conforming_strings`
 */
export function fenceRefusal(text: string, split: SplitText, standardStrings: boolean): FenceRefusal | undefined {
  const { statements, problems } = split;
  // A single statement needs no fence, and the server reports what is wrong with it.
  if (statements.length < 2) return undefined;
  const backslash = text.indexOf('\\');
  if (backslash >= 0 && !standardStrings) {
    return { fault: { code: 'sql.backslashStringsInSession' }, position: backslash };
  }
  const [problem] = problems;
  if (problem) return { fault: splitFault(problem), position: problem.start };
  if (backslash < 0) return undefined;
  for (const statement of statements) {
    const { start, end } = statement;
    if (turnsStandardStringsOff(text, statement) && text.includes('\\', end)) {
      return { fault: { code: 'sql.backslashStringsInText' }, position: start };
    }
  }
  return undefined;
}

/** Recognizes SET in any spelling, `SELECT set_config(…)`, and a DO block that may contain either. */
function turnsStandardStringsOff(text: string, statement: Statement): boolean {
  const { start, end, keyword } = statement;
  if (!/standard_conforming_strings/i.test(text.slice(start, end))) return false;
  const set = setParameters(text, statement);
  if (!set) return keyword === 'DO' || keyword === 'SET' || /set_config/i.test(text.slice(start, end));
  return set.some(
    ({ name, value }) => name === 'standard_conforming_strings' && value !== undefined && !ON.test(value),
  );
}

/** Values that the server's `parse_bool` reads as on. */
const ON = /^\s*(on|t|tr|tru|true|y|ye|yes|1)\s*$/i;

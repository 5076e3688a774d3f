/**
 * The statements of a text, as psql would send them and PostgreSQL would understand them.
 *
 * Why an own lexer: of the 485 statements in test/unit/sql/corpus.ts, each between two others, dbgate-query-splitter 4.12
 * parts 46 wrongly and sql-query-identifier 3.2 parts 28 (E'' escapes, nested comments, tags and names that are not ASCII,
 * BEGIN ATOMIC bodies, CREATE RULE … DO (…;…)); libpg-query needs 560–825 ms a MB and loses a file to one syntax error.
 *
 * The rules are psql's (`src/fe_utils/psqlscan.l`, `src/bin/psql/mainloop.c`), but where psql only guesses and the
 * server knows (`BEGIN ATOMIC … END`, names such as `end`), the server's grammar (`gram.y`) decides. Beyond both, a
 * parenthesis or a body that is never closed costs only its own statement, not the rest of the file.
 *
 * All offsets are UTF-16 code units.
 */
import { isNewline } from '../lexer/characters';
import { countWhile } from '../../base/binarySearch';
import { Splitter } from './splitter';

/** One statement of a text. */
export interface Statement {
  /** Where its first token begins. */
  readonly start: number;
  /** Just past its last token, without the semicolon. */
  readonly end: number;
  /**
   * Where its own leading comments begin, else `start`. Its own are those above it without a blank line between, but not
   * a comment on the line on which the statement before it ends.
   */
  readonly leadStart: number;
  /** Just past the semicolon; the same as `end` where there is none. */
  readonly next: number;
  /** Whether a semicolon (or a psql command such as `\g`) ended it, not the end of the text. */
  readonly terminated: boolean;
  /** Its first word in upper case; empty where it has none. */
  readonly keyword: string;
  /** Whether the text can be read again from `next` on without knowing what came before: a plain semicolon ended it. */
  readonly seam: boolean;
}

/** What kept a part of the text from being plain SQL. */
export type SplitProblemKind =
  | 'metaCommand'
  | 'copyData'
  | 'unterminatedString'
  | 'unterminatedName'
  | 'unterminatedDollarQuote'
  | 'unterminatedComment'
  | 'unclosedParenthesis'
  | 'unclosedBody';

/** A part of the text that only psql understands, or that is cut off. */
export interface SplitProblem {
  readonly kind: SplitProblemKind;
  readonly start: number;
  readonly end: number;
  /** One English sentence; the host may say it in another language by `kind`. */
  readonly message: string;
}

/** A text taken apart. */
export interface SplitText {
  /** The text's length, with which an update sees whether it was told of all changes. */
  readonly length?: number;
  /** In the order of the text. */
  readonly statements: readonly Statement[];
  /** In the order of the text. */
  readonly problems: readonly SplitProblem[];
  /** Where the first statement begins that only ended because the end of the text was seen; then nothing can be reused. */
  readonly repairedFrom?: number;
}

/** A replacement in a text, in the offsets of the text before it (as in VS Code's `TextDocumentContentChangeEvent`). */
export interface TextChange {
  readonly start: number;
  /** How many code units were removed. */
  readonly removed: number;
  /** How many came in their place. */
  readonly inserted: number;
}

/** Takes a text apart. Never throws; its time grows linearly with the text. */
export function splitStatements(text: string): SplitText {
  return new Splitter(text).run();
}

/**
 * Takes a changed text apart, reading only from the statement before the change until the old statements fit again. The
 * result always equals `splitStatements(newText)`; what was before the change is shared with `previous`. Where the changes
 * do not account for the new text's length, it is read anew.
 *
 * @param changes All replacements since `previous`, each in the offsets of the previous text.
 */
export function updateSplit(previous: SplitText, changes: readonly TextChange[], newText: string): SplitText {
  let from = Infinity;
  let oldTo = 0;
  let delta = 0;
  for (const change of changes) {
    from = Math.min(from, change.start);
    oldTo = Math.max(oldTo, change.start + change.removed);
    delta += change.inserted - change.removed;
  }
  if ((previous.length ?? NaN) + delta !== newText.length) return splitStatements(newText);
  if (from === Infinity) return previous;
  return new Splitter(newText).update(previous, from, oldTo, delta);
}

/**
 * The statement that the cursor is in: between its leading comments and its semicolon, behind the semicolon on the same
 * line, or before it on its own line. Undefined on empty lines between statements, and in comments that belong to none.
 */
export function statementAt(split: Pick<SplitText, 'statements'>, offset: number, text: string): Statement | undefined {
  const { statements } = split;
  const index = lastStartingBefore(statements, offset);
  const current = statements[index];
  if (current) {
    if (offset <= current.next || !current.terminated) return current;
    if (!hasNewline(text, current.next, offset)) return current;
  }
  const following = statements[index + 1];
  return following && isBlankLine(text, offset, following.leadStart) ? following : undefined;
}

/** The index of the last statement whose leading comments begin at or before the offset, or -1. */
export function lastStartingBefore(statements: readonly Statement[], offset: number): number {
  return countWhile(statements, (statement) => statement.leadStart <= offset) - 1;
}

function hasNewline(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (isNewline(text.charCodeAt(at))) return true;
  return false;
}

function isBlankLine(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 9) return false;
  }
  return true;
}

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
import type { SplitText, Statement, TextChange } from './splitTypes';

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

/**
 * Splits a text into statements, as psql would send them and PostgreSQL would parse them.
 *
 * Why a hand-written lexer: of the 485 statements in test/unit/sql/corpus.ts, each between two others, dbgate-query-splitter 4.12
 * splits 46 wrongly and sql-query-identifier 3.2 splits 28 wrongly (E'' escapes, nested comments, non-ASCII tags and names, BEGIN
 * ATOMIC bodies, CREATE RULE … DO (…;…)). libpg-query needs 560–825 ms per MB and fails for a whole file with one syntax error.
 *
 * The rules are psql's (`src/fe_utils/psqlscan.l`, `src/bin/psql/mainloop.c`). If psql only guesses and the server knows better
 * (`BEGIN ATOMIC … END`, names such as `end`), the server's grammar (`gram.y`) decides. In addition, an unclosed parenthesis or body
 * affects only its own statement, not the rest of the file.
 *
 * All offsets are UTF-16 code units.
 */
import { isNewline } from '../lexer/characters';
import { countWhile } from '../../base/binarySearch';
import { Splitter } from './splitter';
import type { SplitText, Statement, TextChange } from './splitTypes';

/** Splits a text. Never throws. Takes time linear in its length. */
export function splitStatements(text: string): SplitText {
  return new Splitter(text).run();
}

/**
 * Splits a changed text, reading only from the statement before the change until the old statements match again. The result always
 * equals `splitStatements(newText)`; statements before the change are shared with `previous`. If the changes do not account for the
 * length of the new text, it is split completely.
 *
 * @param changes all replacements since `previous`, each in offsets of the previous text
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
 * The statement at the cursor: between its leading comments and its semicolon, after the semicolon on the same line, or before the
 * statement on its line.
 * @returns undefined on empty lines between statements, and in comments that belong to none
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

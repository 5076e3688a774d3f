/** Determines how earlier statements of a text can affect the result of its last statement. */
import { classify } from './classify';
import { Cursor } from '../lexer/cursor';
import { settingOf } from './fence';
import { Token } from '../lexer/lexer';
import { nameValue } from '../lexer/literalValues';
import type { Statement } from '../split/splitTypes';

/**
 * - `nothing`: the columns of the last statement can be described before the text runs.
 * - `rows`: its rows may differ. A trigger or a function may change anything, but hardly ever the types of a table.
 * - `columns`: the names and types of its columns may differ.
 */
export type EarlierEffect = 'nothing' | 'rows' | 'columns';

/** Settings that change how a statement runs, but neither its columns nor the format of their values. */
const HARMLESS =
  /^(transaction|statement_timeout|lock_timeout|deadlock_timeout|idle_\w+_timeout|transaction_timeout|work_mem|hash_mem_multiplier|maintenance_work_mem|temp_buffers|temp_file_limit|(max|min)_parallel_\w+|parallel_\w+|enable_\w+|jit\w*|\w+_cost|effective_\w+|(from|join)_collapse_limit|geqo\w*|synchronous_commit|client_min_messages|log_\w+|application_name|cursor_tuple_fraction|default_statistics_target|constraint_exclusion|plan_cache_mode|commit_delay|vacuum_\w+|track_\w+)$/;

const ROWS_ONLY = new Set(['select', 'values', 'table', 'with-select', 'dml', 'returning', 'with-dml', 'explain']);

/** Other statements that change at most rows. */
const ROWS_ONLY_WORDS = new Set(
  'ANALYZE ANALYSE CLOSE COMMENT COPY DEALLOCATE DECLARE GRANT LOCK MOVE NOTIFY PREPARE REFRESH REVOKE TRUNCATE'.split(
    ' ',
  ),
);

/** The strongest effect of the statements. */
export function earlierEffect(text: string, statements: readonly Statement[]): EarlierEffect {
  let effect: EarlierEffect = 'nothing';
  for (const statement of statements) {
    const own = effectOf(text, statement);
    if (own === 'columns') return own;
    if (own === 'rows') effect = own;
  }
  return effect;
}

function effectOf(text: string, statement: Statement): EarlierEffect {
  const { keyword, start, end } = statement;
  if (keyword === 'SHOW') return 'nothing';
  if (keyword === 'SET') {
    const name = settingOf(text, start, end)?.name ?? '';
    if (name === 'constraints') return 'rows';
    return HARMLESS.test(name) ? 'nothing' : 'columns';
  }
  if (ROWS_ONLY_WORDS.has(keyword) || ROWS_ONLY.has(classify(text, statement).kind)) return 'rows';
  return 'columns';
}

/** A name in a statement. */
export interface WrittenName {
  readonly written: string;
  /** As the server stores it, except that it is not truncated and only ASCII letters are in lower case. */
  readonly value: string;
}

/** The name at a cursor. @returns undefined if the token is not a name */
function nameAt(cursor: Cursor): WrittenName | undefined {
  if (cursor.kind !== Token.Word && cursor.kind !== Token.QuotedName) return undefined;
  const written = cursor.slice();
  const value = nameValue(written);
  return value === undefined ? undefined : { written, value };
}

/** The cursor of a FETCH: the last name of the statement. */
export function fetchedCursor(text: string, { start, end }: Statement): WrittenName | undefined {
  const cursor = new Cursor(text, start, end);
  let name: WrittenName | undefined;
  while (!cursor.atEnd) {
    name = nameAt(cursor);
    cursor.next();
  }
  return name;
}

/** The name of the prepared statement of EXECUTE. */
export function executedName(text: string, { start, end }: Statement): WrittenName | undefined {
  const cursor = new Cursor(text, start, end);
  return cursor.accept('EXECUTE') ? nameAt(cursor) : undefined;
}

/** The statement that was last prepared under a name. */
export function preparedAs(
  text: string,
  statements: readonly Statement[],
  { value }: WrittenName,
): Statement | undefined {
  for (const statement of statements.toReversed()) {
    const cursor = new Cursor(text, statement.start, statement.end);
    if (!cursor.accept('PREPARE') || nameAt(cursor)?.value !== value) continue;
    cursor.next();
    cursor.skipParentheses();
    // After AS, the cursor treats keywords as names, so the keyword is taken from the text.
    cursor.accept('AS');
    return { ...statement, start: cursor.start, keyword: cursor.slice().toUpperCase() };
  }
  return undefined;
}

/**
 * Whether the procedure of a CALL returns a row, according to the statements that create it.
 * @returns undefined if none creates it, or if several create procedures of this name that differ
 */
export function createdProcedureReturns(
  text: string,
  statements: readonly Statement[],
  call: Statement,
): boolean | undefined {
  const caller = new Cursor(text, call.start, call.end);
  const called = caller.accept('CALL') ? qualifiedName(caller) : undefined;
  if (called === undefined) return undefined;
  let returns: boolean | undefined;
  for (const { start, end } of statements) {
    const cursor = new Cursor(text, start, end);
    if (!cursor.accept('CREATE')) continue;
    if (cursor.accept('OR')) cursor.accept('REPLACE');
    if (!cursor.accept('PROCEDURE') || qualifiedName(cursor) !== called) continue;
    const { depth } = cursor;
    if (!cursor.acceptChar('(')) continue;
    let hasOutput = false;
    while (!cursor.atEnd && cursor.depth > depth) {
      hasOutput ||= cursor.is('OUT', 'INOUT');
      cursor.next();
    }
    if (returns !== undefined && returns !== hasOutput) return undefined;
    returns = hasOutput;
  }
  return returns;
}

/** Skips a name with an optional schema. @returns its last part */
function qualifiedName(cursor: Cursor): string | undefined {
  let name = nameAt(cursor)?.value;
  cursor.next();
  while (cursor.acceptChar('.')) {
    name = nameAt(cursor)?.value;
    cursor.next();
  }
  return name;
}

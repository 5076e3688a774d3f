/** What the statements of a text can do to what its last one returns. */
import { classify } from './classify';
import { Cursor } from '../lexer/cursor';
import { settingOf } from './fence';
import { Token } from '../lexer/lexer';
import { nameValue } from '../lexer/literals';
import type { Statement } from '../split/splitTypes';

/**
 * - `nothing`: what the last statement returns can be asked before the text runs.
 * - `rows`: its rows may differ; and a trigger or a function may change anything, though hardly ever the types of a table.
 * - `columns`: the names and types of its columns may differ.
 */
export type EarlierEffect = 'nothing' | 'rows' | 'columns';

/** Settings that change how a statement runs, never what its columns are, nor how their values are written. */
const HARMLESS =
  /^(transaction|statement_timeout|lock_timeout|deadlock_timeout|idle_\w+_timeout|transaction_timeout|work_mem|hash_mem_multiplier|maintenance_work_mem|temp_buffers|temp_file_limit|(max|min)_parallel_\w+|parallel_\w+|enable_\w+|jit\w*|\w+_cost|effective_\w+|(from|join)_collapse_limit|geqo\w*|synchronous_commit|client_min_messages|log_\w+|application_name|cursor_tuple_fraction|default_statistics_target|constraint_exclusion|plan_cache_mode|commit_delay|vacuum_\w+|track_\w+)$/;

const ROWS_ONLY = new Set(['select', 'values', 'table', 'with-select', 'dml', 'returning', 'with-dml', 'explain']);

/** Other statements that change rows at most. */
const ROWS_ONLY_WORDS = new Set(
  'ANALYZE ANALYSE CLOSE COMMENT COPY DEALLOCATE DECLARE GRANT LOCK MOVE NOTIFY PREPARE REFRESH REVOKE TRUNCATE'.split(
    ' ',
  ),
);

/** The greatest effect of the statements. */
export function earlierEffect(text: string, statements: readonly Statement[]): EarlierEffect {
  let effect: EarlierEffect = 'nothing';
  for (const statement of statements) {
    const one = effectOf(text, statement);
    if (one === 'columns') return one;
    if (one === 'rows') effect = one;
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
  /** As the server has it, as far as it can be known here: not cut off, and with only ASCII letters in lower case. */
  readonly value: string;
}

/** The name at a cursor; undefined for what is not a name. */
function nameAt(cursor: Cursor): WrittenName | undefined {
  if (cursor.kind !== Token.Word && cursor.kind !== Token.QuotedName) return undefined;
  const written = cursor.slice();
  const value = nameValue(written);
  return value === undefined ? undefined : { written, value };
}

/** The cursor that FETCH fetches from: the last name of the statement. */
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
    // Behind AS a cursor takes every keyword for a name, so the statement is looked for by its place.
    cursor.accept('AS');
    return { ...statement, start: cursor.start, keyword: cursor.slice().toUpperCase() };
  }
  return undefined;
}

/**
 * Whether the procedure that a CALL calls returns a row, read from the statements that create it: undefined if none does, or if they
 * create several of that name that differ in this.
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
    let one = false;
    while (!cursor.atEnd && cursor.depth > depth) {
      one ||= cursor.is('OUT', 'INOUT');
      cursor.next();
    }
    if (returns !== undefined && returns !== one) return undefined;
    returns = one;
  }
  return returns;
}

/** Steps over a name that may have a schema before it. @returns its last part */
function qualifiedName(cursor: Cursor): string | undefined {
  let name = nameAt(cursor)?.value;
  cursor.next();
  while (cursor.acceptChar('.')) {
    name = nameAt(cursor)?.value;
    cursor.next();
  }
  return name;
}

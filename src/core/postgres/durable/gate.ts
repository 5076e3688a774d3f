/**
 * Where the gate of a durable job goes: the statement that waits until the job's transaction id is recorded, so that the commit log
 * proves the outcome.
 */
import { classify } from '../../sql/classify/classify';
import { settingOf } from '../../sql/classify/fence';
import { Cursor } from '../../sql/lexer/cursor';
import type { Statement } from '../../sql/split/splitTypes';

/** Settings that the server accepts only before the first query of a transaction. */
const BEFORE_QUERIES = new Set([
  'transaction',
  'transaction_isolation',
  'transaction_read_only',
  'transaction_deferrable',
]);
const ROLES = new Set(['role', 'session_authorization']);
/** Statements that may commit, or refuse a transaction block, depending on what only the server knows. */
const MAY_NEED_OWN_TRANSACTION = new Set(['CALL', 'DO', 'REINDEX', 'CLUSTER']);

/**
 * The number of statements before the gate; undefined if there can be no gate.
 * @param settings the names of the settings with which the worker is launched
 */
export function gateIndex(
  text: string,
  statements: readonly Statement[],
  settings: readonly string[],
): number | undefined {
  const [first] = statements;
  // The worker could not call the gate with the privileges of another role.
  if (!first || settings.some((name) => ROLES.has(name.toLowerCase()))) return undefined;
  if (statements.length === 1 && mayNeedOwnTransaction(text, first)) return undefined;
  const setters = statements.findIndex(({ keyword }) => keyword !== 'SET' && keyword !== 'RESET' && keyword !== 'SHOW');
  const leading = setters < 0 ? statements.length : setters;
  const last = statements.findLastIndex((statement) => setsTransaction(text, statement));
  if (last < 0) return 0;
  // After a query, it fails with or without a gate, unless there was no query: then only a gate would make it fail.
  if (last >= leading) return undefined;
  const onlySettings = last === statements.length - 1;
  return onlySettings || statements.slice(0, last).some((statement) => setsRole(text, statement))
    ? undefined
    : last + 1;
}

/** Whether the text changes the role: what it creates afterwards belongs to that one. */
export function changesRole(text: string, statements: readonly Statement[]): boolean {
  return statements.some(
    (statement) => setsRole(text, statement) || /\bset_config\b|\bset\s+role\b/i.test(codeOf(text, statement)),
  );
}

/** Whether the text may make its transaction read-only, in which no table can be created. */
export function mayBeReadOnly(text: string, statements: readonly Statement[]): boolean {
  return statements.some((statement) => setsTransaction(text, statement) || /read_only/i.test(codeOf(text, statement)));
}

function mayNeedOwnTransaction(text: string, statement: Statement): boolean {
  return (
    MAY_NEED_OWN_TRANSACTION.has(statement.keyword) || classify(text, statement).refusesTransactionBlock !== undefined
  );
}

function setsTransaction(text: string, { start, end, keyword }: Statement): boolean {
  return keyword === 'SET' && BEFORE_QUERIES.has(settingOf(text, start, end)?.name ?? '');
}

function setsRole(text: string, { start, end, keyword }: Statement): boolean {
  if (keyword === 'RESET') return ROLES.has(wordAfter(text, start, end));
  if (keyword !== 'SET') return false;
  const name = settingOf(text, start, end)?.name ?? '';
  // SET SESSION AUTHORIZATION, with SESSION taken as a qualifier.
  return ROLES.has(name) || name === 'authorization';
}

function wordAfter(text: string, start: number, end: number): string {
  const cursor = new Cursor(text, start, end);
  cursor.next();
  return cursor.slice().toLowerCase().replaceAll('"', '') === 'session'
    ? 'session_authorization'
    : cursor.slice().toLowerCase();
}

function codeOf(text: string, { start, end }: Statement): string {
  return text.slice(start, end);
}

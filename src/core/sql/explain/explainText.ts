/** Builds texts that explain a statement (PostgreSQL, "EXPLAIN"). */
import { Cursor } from '../lexer/cursor';
import { Token } from '../lexer/lexer';
import type { FaultOf } from '../../base/fault';
import { classify } from '../classify/classify';
import { dollarTagFor } from '../quote';
import { splitStatements } from '../split/statements';

/** Why a text cannot be explained. `command` is a command as the server writes it. */
export interface ExplainFaults {
  'explain.severalStatements': { readonly count: number };
  'explain.noPlan': { readonly command: string };
  /** It has a query, but EXPLAIN shows no plan for it. */
  'explain.refresh': { readonly command: string };
  'explain.prepared': { readonly command: string };
}
export type ExplainFault = FaultOf<ExplainFaults>;

/**
 * - `plan`: show the plan without running the statement
 * - `keep`: run the statement; its changes are kept
 * - `rollBack`: run the statement, and undo its changes
 */
export type ExplainMode = 'plan' | 'keep' | 'rollBack';

/** A text that explains a statement. */
export interface ExplainText {
  readonly sql: string;
  /** Maps an offset in `sql` to one in the original text. */
  readonly sourceOffset: (offset: number) => number;
}

/** The statement of a text that is to be explained. */
export interface Explained {
  /** Where the statement begins, without an EXPLAIN of its own, and where it ends. */
  readonly start: number;
  readonly end: number;
  /** Where the text to replace begins: at an EXPLAIN of its own. */
  readonly outer: number;
  /** Whether running it changes data by itself; functions that it calls may do so, too. */
  readonly writes: boolean;
}

/** A name for the setting that carries the plan out of the part that is rolled back. */
const PLAN_SETTING = 'pgbg_explain.plan';
/** An SQLSTATE that nothing else raises. */
const UNDO = 'PGBGX';

const DML: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);
const QUERIES: ReadonlySet<string> = new Set(['SELECT', 'VALUES', 'TABLE', 'WITH']);

/** Finds the statement of a text. What precedes the last statement are settings that it needs. */
export function explainedStatement(sql: string): Explained | ExplainFault {
  const last = splitStatements(sql).statements.at(-1);
  if (!last) return { code: 'explain.severalStatements', params: { count: 0 } };
  const start = innerStart(sql, last.start, last.end);
  const statement = { start, end: last.end };
  const cursor = new Cursor(sql, start, last.end);
  while (cursor.acceptChar('(')) continue;
  const word = cursor.keyword ?? '';
  const found = { ...statement, outer: last.start };
  if (DML.has(word) || QUERIES.has(word)) return { ...found, writes: writes(sql, statement) };
  if (word === 'DECLARE') return { ...found, writes: false };
  if (word === 'EXECUTE') return { code: 'explain.prepared', params: { command: word } };
  cursor.next();
  if (word === 'REFRESH') return { code: 'explain.refresh', params: { command: 'REFRESH MATERIALIZED VIEW' } };
  const next = cursor.keyword;
  if (word === 'CREATE' && createsFromQuery(cursor)) return { ...found, writes: true };
  const command = ['CREATE', 'ALTER', 'DROP'].includes(word) && next !== undefined ? `${word} ${next}` : word;
  return { code: 'explain.noPlan', params: { command } };
}

/** @param mode how to explain it; `rollBack` needs PL/pgSQL */
export function explainText(sql: string, { start, end, outer }: Explained, mode: ExplainMode): ExplainText {
  if (mode === 'rollBack') return undoneText(sql, { start, end, outer });
  const options = mode === 'plan' ? 'FORMAT JSON, SETTINGS' : 'FORMAT JSON, ANALYZE, BUFFERS, SETTINGS';
  const prefix = `EXPLAIN (${options}) `;
  const begin = outer + prefix.length;
  return {
    sql: sql.slice(0, outer) + prefix + sql.slice(start),
    sourceOffset: (offset) => (offset < outer ? offset : Math.max(start, offset - begin + start)),
  };
}

/**
 * Runs the statement in a block whose changes are undone by an error that is caught: a worker cannot roll back its own transaction and
 * return rows. The plan survives in a setting, because variables of PL/pgSQL are not rolled back.
 */
function undoneText(sql: string, { start, end, outer }: Omit<Explained, 'writes'>): ExplainText {
  const explain = `EXPLAIN (FORMAT JSON, ANALYZE, BUFFERS, SETTINGS) ${sql.slice(start, end)}`;
  const inner = dollarTagFor(explain, 'sql');
  const body = [
    'DECLARE plan json;',
    'BEGIN',
    '  BEGIN',
    `    EXECUTE ${inner}${explain}\n${inner} INTO plan;`,
    `    RAISE SQLSTATE '${UNDO}';`,
    `  EXCEPTION WHEN SQLSTATE '${UNDO}' THEN NULL;`,
    '  END;',
    `  PERFORM pg_catalog.set_config('${PLAN_SETTING}', plan::text, true);`,
    'END',
  ].join('\n');
  const tag = dollarTagFor(body, 'explain');
  const query = `SELECT pg_catalog.current_setting('${PLAN_SETTING}')::pg_catalog.json AS "QUERY PLAN"`;
  return {
    sql: `${sql.slice(0, outer)}DO LANGUAGE plpgsql ${tag}\n${body}\n${tag};\n${query}`,
    sourceOffset: (offset) => Math.min(offset, start),
  };
}

/** Skips an EXPLAIN with its options: the statement after it is what counts. */
function innerStart(sql: string, from: number, to: number): number {
  const cursor = new Cursor(sql, from, to);
  if (!cursor.accept('EXPLAIN')) return from;
  // A query may begin with a parenthesis, too.
  const options = cursor.copy();
  options.next();
  const isQuery = options.kind === Token.Open || options.is(...QUERIES);
  if (cursor.kind === Token.Open && !isQuery) cursor.skipParentheses();
  else {
    cursor.accept('ANALYZE', 'ANALYSE');
    cursor.accept('VERBOSE');
  }
  return cursor.start;
}

/** Whether it is CREATE TABLE … AS or CREATE MATERIALIZED VIEW … AS; the cursor is after CREATE. */
function createsFromQuery(cursor: Cursor): boolean {
  while (cursor.accept('TEMP', 'TEMPORARY', 'UNLOGGED', 'LOCAL', 'GLOBAL')) continue;
  if (cursor.accept('MATERIALIZED')) return cursor.is('VIEW');
  if (!cursor.accept('TABLE')) return false;
  return cursor.find('AS');
}

function writes(sql: string, statement: { readonly start: number; readonly end: number }): boolean {
  const { kind, selectLike } = classify(sql, statement);
  return kind === 'dml' || kind === 'with-dml' || kind === 'returning' || kind === 'utility' || !selectLike;
}

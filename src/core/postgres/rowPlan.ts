import type { Column, RowPlan } from '../jobs/ports';
import { classify } from '../sql/classify';
import { codePointToUtf16 } from '../sql/positions';
import { splitStatements, type Statement } from '../sql/statements';
import type { DescribedColumn } from './describe';

/** What `pg_type` says about one column's type. */
export interface TypeFacts {
  /** `format_type()` with the modifier: what a person reads. */
  readonly display: string;
  /** `format_type()` without it (-1, since a bare `bit` would mean `bit(1)`), valid in a column definition list. */
  readonly definition: string;
  /** A pseudo-type (void, record, anyarray, cstring), which no column list accepts, or one that a worker cannot send (aclitem). */
  readonly needsCast: boolean;
  /** Without a binary receive function the worker's value arrives as text. */
  readonly receivable: boolean;
  /** It has values that a worker sends and its session refuses: cast where that can be, or one such value costs all rows. */
  readonly fragile: boolean;
}

/** What the server said when asked to describe the last statement. */
export type Description =
  | { readonly columns: readonly { readonly column: DescribedColumn; readonly type: TypeFacts }[] }
  | { readonly noRows: true }
  /**
   * `locked`: somebody holds a lock on a table, so the server could not say in time. `syntax`: it does not parse, so it will not in
   * the worker either.
   */
  | { readonly failed: true; readonly locked?: boolean; readonly syntax?: boolean };

/** The text of an unfolded row: the names of its columns, and the row in PostgreSQL's composite form, which is exact. */
const UNFOLD_DEFINITION = 'c1 pg_catalog.text, c2 pg_catalog.text';

/** One column: a command tag, or whatever there is. */
const ONE_TEXT = 'c1 pg_catalog.text';

const PLAIN_KINDS = new Set([
  'select',
  'values',
  'table',
  'with-select',
  'dml',
  'returning',
  'with-dml',
  'show',
  'explain',
]);

/** What the server calls SELECT. EXECUTE takes the tag of what was prepared, which is nearly always a query. */
const QUERY_KINDS = new Set(['select', 'values', 'table', 'with-select', 'execute']);

/** The last statement of a text, or undefined where there is none. */
export function lastStatement(
  sql: string,
): { readonly last: Statement; readonly all: readonly Statement[] } | undefined {
  const all = splitStatements(sql).statements;
  const last = all.at(-1);
  return last ? { last, all } : undefined;
}

/**
 * Decides how the rows of a text come back (PG_BACKGROUND.md, point 6).
 *
 * - Columns that a list accepts are named c1…cN, since names may repeat.
 * - A column of a type that cannot come back is cast to text in the worker, by wrapping the last statement.
 * - Where the last statement cannot be described, or an earlier one could change what it returns, it is wrapped so that
 *   every row brings its own names, and is unfolded afterwards.
 * - Where it cannot be wrapped either, it runs without rows, and `notice` says so.
 */
export function planRows(sql: string, description: Description): RowPlan {
  const found = lastStatement(sql);
  if (!found) return plain(sql, 'tag', [], ONE_TEXT);
  const { last, all } = found;
  const kind = classify(sql, last);
  const settled = all.slice(0, -1).every((earlier) => PLAIN_KINDS.has(classify(sql, earlier).kind));

  if ('columns' in description) {
    const { columns } = description;
    if (columns.length === 0) return plain(sql, 'none', [], ONE_TEXT, noColumnsNotice());
    if (!settled && kind.selectLike) return unfold(sql, last, columns.map(toColumn));
    if (kind.selectLike && columns.some(({ type }) => isCast(type))) return castInWorker(sql, last, columns);
    if (!columns.some(({ type }) => type.needsCast))
      return plain(
        sql,
        'rows',
        columns.map(toColumn),
        definitionOf(columns, () => false),
      );
    return plain(sql, 'none', [], ONE_TEXT, uncastNotice(kind.kind));
  }
  if ('noRows' in description) return plain(sql, 'tag', [], ONE_TEXT);
  if ((all.length === 1 && !description.locked) || description.syntax) {
    // What does not parse, or cannot be described alone, cannot run either: the worker will say why, at its place in the text.
    return plain(sql, 'tag', [], ONE_TEXT);
  }
  if (kind.selectLike) return unfold(sql, last, []);
  if (kind.kind === 'explain') {
    const type = explainType(sql.slice(last.start, last.end));
    return plain(sql, 'rows', [{ name: 'QUERY PLAN', type }], `c1 pg_catalog.${type}`);
  }
  if (kind.returnsRows === false) return plain(sql, 'tag', [], ONE_TEXT);
  return plain(sql, 'none', [], ONE_TEXT, description.locked ? lockedNotice() : unreadableNotice(kind.kind));
}

/** EXPLAIN's one column is text, except in two of its formats. */
function explainType(statement: string): string {
  return /^explain\s*\([^)]*\bformat\s+'?(json|xml)\b/i.exec(statement)?.[1]?.toLowerCase() ?? 'text';
}

/** The command tag of the last statement, for where the server can no longer be asked: every query's is SELECT. */
function tagOf(sql: string): string {
  const found = lastStatement(sql);
  if (!found) return '';
  const { kind } = classify(sql, found.last);
  return QUERY_KINDS.has(kind) ? 'SELECT' : found.last.keyword;
}

function lockedNotice(): string {
  return 'Its rows cannot be read: a lock on a table that it uses kept the server from telling their columns. It runs without them.';
}

function noColumnsNotice(): string {
  return 'The last statement returns rows without columns: they are counted, not kept.';
}

function uncastNotice(kind: string): string {
  return `The rows of this ${kind.toUpperCase()} cannot be read, because a column's type cannot leave the worker. It runs without them; cast that column to text to see rows.`;
}

function unreadableNotice(kind: string): string {
  return `The rows of this ${kind.toUpperCase()} cannot be read, because an earlier statement of the same text creates what it uses. It runs without them; run it on its own afterwards to see rows.`;
}

function toColumn({ column, type }: { column: DescribedColumn; type: TypeFacts }): Column {
  return { name: column.name, type: type.display, typeOid: column.typeOid };
}

/** Whether a column of the type becomes text where a statement is wrapped. */
function isCast(type: TypeFacts): boolean {
  return type.needsCast || type.fragile;
}

function definitionOf(columns: readonly { readonly type: TypeFacts }[], cast: (type: TypeFacts) => boolean): string {
  return columns
    .map(({ type }, index) => `c${index + 1} ${type.receivable && !cast(type) ? type.definition : 'pg_catalog.text'}`)
    .join(', ');
}

function plain(
  sql: string,
  mode: RowPlan['mode'],
  columns: readonly Column[],
  definition: string,
  notice?: string,
): RowPlan {
  return {
    sql,
    mode,
    columns,
    tag: tagOf(sql),
    definition,
    position: (codePoint) => codePointToUtf16(sql, codePoint),
    ...(notice === undefined ? {} : { notice }),
  };
}

function castInWorker(
  sql: string,
  last: Statement,
  columns: readonly { readonly column: DescribedColumn; readonly type: TypeFacts }[],
): RowPlan {
  const list = columns.map(({ type }, index) => `q.c${index + 1}${isCast(type) ? '::pg_catalog.text' : ''}`).join(', ');
  const names = columns.map((_, index) => `c${index + 1}`).join(', ');
  return wrapped(
    sql,
    last,
    `SELECT ${list} FROM (`,
    `\n) AS q(${names})`,
    'rows',
    columns.map(toColumn),
    definitionOf(columns, isCast),
  );
}

function unfold(sql: string, last: Statement, columns: readonly Column[]): RowPlan {
  // json_object_keys keeps the order and repeated names; the record's own text keeps every value exact, which JSON does not.
  const prefix =
    'SELECT (SELECT pg_catalog.json_agg(k) FROM pg_catalog.json_object_keys(pg_catalog.row_to_json(q)) AS k)::pg_catalog.text, q::pg_catalog.text FROM (';
  return wrapped(sql, last, prefix, '\n) AS q', 'unfold', columns, UNFOLD_DEFINITION);
}

function wrapped(
  sql: string,
  last: Statement,
  prefix: string,
  suffix: string,
  mode: RowPlan['mode'],
  columns: readonly Column[],
  definition: string,
): RowPlan {
  const text = sql.slice(0, last.start) + prefix + sql.slice(last.start, last.end) + suffix + sql.slice(last.end);
  return {
    sql: text,
    mode,
    columns,
    tag: 'SELECT',
    definition,
    position: (codePoint) => {
      const at = codePointToUtf16(text, codePoint);
      if (at === undefined || at < last.start) return at;
      const inner = at - prefix.length;
      return inner >= last.start && inner <= last.end ? inner : undefined;
    },
  };
}

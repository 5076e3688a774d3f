import type { Column, RowPlan } from '../../jobs/ports';
import { classify } from '../../sql/classify/classify';
import {
  createdProcedureReturns,
  earlierEffect,
  executedName,
  fetchedCursor,
  preparedAs,
  type WrittenName,
} from '../../sql/classify/earlierStatements';
import { fenceRefusal, fences, insertAll, type FenceRefusal, type Insertion } from '../../sql/classify/fence';
import { codePointToUtf16 } from '../../sql/lexer/positions';
import { quoteLiteral } from '../../sql/quote';
import { splitStatements } from '../../sql/split/statements';
import type { SplitText, Statement } from '../../sql/split/splitTypes';
import type { DescribedColumn } from '../client/describe';
import type { ServerFault } from '../faults';
import { contextInFold, FOLD_QUERY, FOLDED_DEFINITION, foldStatement, type Wrapping } from './foldRows';

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

/** What the server calls SELECT. */
const QUERY_KINDS = new Set(['select', 'values', 'table', 'with-select']);

/** One column: a command tag, or whatever there is. */
const ONE_TEXT = 'c1 pg_catalog.text';

/** The tags of all statements go through the queue, those of the fences too. Bytes for each statement. */
const QUEUE_BYTES_PER_STATEMENT = 64;
/** The default of pg_background, which the queue of a text with many statements is never smaller than. */
const DEFAULT_QUEUE_BYTES = 65_536;
/** A text with so many statements that their tags need more is read while it runs, as soon as its queue is full. */
const MAX_QUEUE_BYTES = 16 * 2 ** 20;

/** From this many statements on their tags are not read, if it is known without them how the worker ended. Of 80,000 they took 4 s. */
const MANY_STATEMENTS = 10_000;
const NO_RESULT = 'c1 pg_catalog.int4, c2 pg_catalog.int4';

/** A text taken apart for a worker. */
export interface WorkerText {
  readonly sql: string;
  readonly split: SplitText;
  /** Undefined if the text has no statement. */
  readonly last: Statement | undefined;
}

export function workerText(sql: string): WorkerText {
  const split = splitStatements(sql);
  return { sql, split, last: split.statements.at(-1) };
}

/** What the server must be known to have. */
export interface ServerFacts {
  /** The session's `standard_conforming_strings`. */
  readonly standardStrings: boolean;
  /** Whether the role can use PL/pgSQL, without which not every statement's rows can be folded. */
  readonly plpgsql: boolean;
  /** Settings of the worker that its session does not have. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Why a text is not sent at all; see {@link fenceRefusal}. */
export function refusalOf(
  { sql, split }: WorkerText,
  facts: Pick<ServerFacts, 'standardStrings'>,
): FenceRefusal | undefined {
  return fenceRefusal(sql, split, facts.standardStrings);
}

/**
 * Decides how a text is sent and how its rows come back.
 *
 * - A fence stands between every two statements (src/core/sql/classify/fence.ts).
 * - Columns that a list accepts are named c1…cN, because names may repeat.
 * - A column of a type that cannot come back is cast to text in the worker, by wrapping the last statement.
 * - If an earlier statement may change what the last one returns, or the last one cannot be described, it is folded: the worker
 *   returns the names of the columns, and each row as text (fold.ts).
 * - If it cannot be folded either, it runs without rows, and `notice` says so.
 */
export function planRows(worker: WorkerText, description: Description, facts: ServerFacts): RowPlan {
  const { sql, split, last } = worker;
  if (!last) return plain(worker, 'tag', [], ONE_TEXT);
  const earlier = split.statements.slice(0, -1);
  const kind = classify(sql, last);
  const command = kind.main ?? last.keyword;
  const effect = earlierEffect(sql, earlier);
  const always = kind.kind === 'explain' || kind.kind === 'show';
  const stable = always || (effect === 'nothing' && !writtenOtherwise(facts.settings, description));

  if ('columns' in description) {
    const { columns } = description;
    const known = effect === 'columns' ? [] : columns.map(toColumn);
    if (!stable && kind.selectLike) return folded(worker, last, FOLD_QUERY, known);
    if (!stable && facts.plpgsql) return foldedStatement(worker, last, undefined, known);
    if (columns.length === 0) return plain(worker, 'none', [], ONE_TEXT, { code: 'rows.noColumns' });
    if (kind.selectLike && columns.some(({ type }) => isCast(type))) return castInWorker(worker, last, columns);
    if (!columns.some(({ type }) => type.needsCast)) {
      const definition = definitionOf(columns, () => false);
      return plain(worker, 'rows', columns.map(toColumn), definition);
    }
    if (facts.plpgsql && kind.returnsRows === true) return foldedStatement(worker, last, undefined, known);
    return plain(worker, 'none', [], ONE_TEXT, {
      code: 'rows.unsendableType',
      params: { command },
    });
  }
  // Asked about a cursor or a prepared statement that does not exist yet, the server says that there are no rows.
  const asked = kind.kind !== 'fetch' && kind.kind !== 'execute';
  if ('noRows' in description && (asked || earlier.length === 0)) return plain(worker, 'tag', [], ONE_TEXT);
  const failed: Extract<Description, { failed: true }> = 'failed' in description ? description : { failed: true };
  if ((earlier.length === 0 && !failed.locked) || failed.syntax) {
    // What does not parse, or cannot be described alone, cannot run either: the worker will say why, at its place in the text.
    return plain(worker, 'tag', [], ONE_TEXT);
  }
  if (kind.selectLike) return folded(worker, last, FOLD_QUERY, []);
  if (kind.kind === 'explain') {
    const type = explainType(sql.slice(last.start, last.end));
    return plain(worker, 'rows', [{ name: 'QUERY PLAN', type }], `c1 pg_catalog.${type}`);
  }
  if (kind.kind === 'show') {
    // A setting that an earlier statement makes.
    const name = sql.slice(last.start, last.end).replace(/^show\s+/i, '');
    return plain(worker, 'rows', [{ name, type: 'text' }], ONE_TEXT);
  }
  if (kind.kind === 'execute') return executed(worker, last, earlier, facts);
  if (kind.returnsRows === false) return plain(worker, 'tag', [], ONE_TEXT);
  if (kind.returnsRows === true && facts.plpgsql) {
    const cursor = kind.kind === 'fetch' ? fetchedCursor(sql, last) : undefined;
    return foldedStatement(worker, last, cursor === undefined ? undefined : existsIn('pg_cursors', cursor), []);
  }
  if (kind.kind === 'call' && facts.plpgsql) {
    const returns = createdProcedureReturns(sql, earlier, last);
    if (returns === false) return plain(worker, 'tag', [], ONE_TEXT);
    if (returns === true) return foldedStatement(worker, last, undefined, []);
  }
  const fault: ServerFault = failed.locked ? { code: 'rows.locked' } : unknownColumns(command);
  return plain(worker, 'none', [], ONE_TEXT, fault);
}

/** Settings that change how values are written. Rows that come as they are would be written by the rules of the session. */
const WRITING = /^(datestyle|timezone|intervalstyle|extra_float_digits|bytea_output|lc_monetary|xmlbinary)$/i;
/** regclass and the like, the names of which are written with or without a schema. */
const NAMES = new Set([24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4191]);

function writtenOtherwise(settings: ServerFacts['settings'], description: Description): boolean {
  const names = Object.keys(settings ?? {});
  if (names.some((name) => WRITING.test(name))) return true;
  if (!('columns' in description) || !names.some((name) => /^search_path$/i.test(name))) return false;
  return description.columns.some(({ column }) => NAMES.has(column.typeOid));
}

/** EXECUTE returns what the statement returns that the same text prepares. */
function executed(worker: WorkerText, last: Statement, earlier: readonly Statement[], facts: ServerFacts): RowPlan {
  const name = executedName(worker.sql, last);
  const prepared = name === undefined ? undefined : preparedAs(worker.sql, earlier, name);
  if (prepared && classify(worker.sql, prepared).returnsRows === false) return plain(worker, 'tag', [], ONE_TEXT);
  if (!prepared || name === undefined || !facts.plpgsql) {
    return plain(worker, 'none', [], ONE_TEXT, unknownColumns(last.keyword));
  }
  return foldedStatement(worker, last, existsIn('pg_prepared_statements', name), []);
}

/** Whether a cursor or a prepared statement exists. The server itself reads the name: which letters it turns into lower case depends on
 * its encoding and locale; and a long name is cut off. */
function existsIn(view: 'pg_cursors' | 'pg_prepared_statements', { written, value }: WrittenName): string {
  const read = written.includes('"') ? quoteLiteral(value) : `(pg_catalog.parse_ident(${quoteLiteral(written)}))[1]`;
  const name = `${read}::pg_catalog.name::pg_catalog.text`;
  return `EXISTS (SELECT FROM pg_catalog.${view} AS v WHERE v.name OPERATOR(pg_catalog.=) ${name})`;
}

/** EXPLAIN's one column is text, except in two of its formats. */
function explainType(statement: string): string {
  return /^explain\s*\([^)]*\bformat\s+'?(json|xml)\b/i.exec(statement)?.[1]?.toLowerCase() ?? 'text';
}

/** The command tag of a statement if the server can no longer be asked for it: every query's is SELECT. */
function tagOf(sql: string, statement: Statement, earlier: readonly Statement[]): string {
  const { kind, main } = classify(sql, statement);
  if (kind === 'execute') {
    const name = executedName(sql, statement);
    const prepared = name === undefined ? undefined : preparedAs(sql, earlier, name);
    return prepared ? tagOf(sql, prepared, []) : 'SELECT';
  }
  if (kind === 'with-dml' && main !== undefined) return main;
  return QUERY_KINDS.has(kind) ? 'SELECT' : statement.keyword;
}

function unknownColumns(command: string): ServerFault {
  return { code: 'rows.unknownColumns', params: { command } };
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
  worker: WorkerText,
  mode: RowPlan['mode'],
  columns: readonly Column[],
  definition: string,
  notice?: ServerFault,
): RowPlan {
  const plan = planOf(worker, mode, columns, definition, []);
  return notice === undefined ? plan : { ...plan, notice };
}

function castInWorker(
  worker: WorkerText,
  last: Statement,
  columns: readonly { readonly column: DescribedColumn; readonly type: TypeFacts }[],
): RowPlan {
  const list = columns.map(({ type }, index) => `q.c${index + 1}${isCast(type) ? '::pg_catalog.text' : ''}`).join(', ');
  const names = columns.map((_, index) => `c${index + 1}`).join(', ');
  const wrapping = { before: `SELECT ${list} FROM (`, after: `\n) AS q(${names})` };
  return planOf(worker, 'rows', columns.map(toColumn), definitionOf(columns, isCast), around(last, wrapping));
}

function folded(worker: WorkerText, last: Statement, wrapping: Wrapping, columns: readonly Column[]): RowPlan {
  return planOf(worker, 'unfold', columns, FOLDED_DEFINITION, around(last, wrapping));
}

function foldedStatement(
  worker: WorkerText,
  last: Statement,
  exists: string | undefined,
  columns: readonly Column[],
): RowPlan {
  const statement = worker.sql.slice(last.start, last.end);
  const wrapping = foldStatement(statement, exists);
  const plan = folded(worker, last, wrapping, columns);
  return {
    ...plan,
    inner: {
      query: statement,
      position: (codePoint) => {
        const at = codePointToUtf16(statement, codePoint);
        return at === undefined ? undefined : last.start + at;
      },
      context: (context) => contextInFold(context, statement, wrapping.line),
    },
  };
}

function around({ start, end }: Statement, { before, after }: Wrapping): Insertion[] {
  return [
    { at: start, text: before },
    { at: end, text: after },
  ];
}

function planOf(
  { sql, split, last }: WorkerText,
  mode: RowPlan['mode'],
  columns: readonly Column[],
  definition: string,
  wrapping: readonly Insertion[],
): RowPlan {
  const { text, toSource } = insertAll(sql, [...fences(sql, split), ...wrapping]);
  const count = split.statements.length;
  const queueSizeBytes = Math.min(count * QUEUE_BYTES_PER_STATEMENT, MAX_QUEUE_BYTES);
  return {
    sql: text,
    mode,
    columns,
    tag: last ? tagOf(sql, last, split.statements.slice(0, -1)) : '',
    definition,
    ...(mode === 'tag' && count >= MANY_STATEMENTS ? { definitionWithoutTags: NO_RESULT } : {}),
    position: (codePoint) => {
      const at = codePointToUtf16(text, codePoint);
      return at === undefined ? undefined : toSource(at);
    },
    ...(queueSizeBytes > DEFAULT_QUEUE_BYTES ? { queueSizeBytes } : {}),
  };
}

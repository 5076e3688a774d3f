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

/** Facts about the type of one column, from `pg_type`. */
export interface TypeFacts {
  /** `format_type()` with the modifier, for display. */
  readonly display: string;
  /** `format_type()` with modifier -1 (a bare `bit` would mean `bit(1)`), valid in a column definition list. */
  readonly definition: string;
  /** A pseudo-type (void, record, anyarray, cstring), which no column list accepts, or a type that a worker cannot send (aclitem). */
  readonly needsCast: boolean;
  /** The type has a binary receive function. Without one, the worker's value arrives as text. */
  readonly receivable: boolean;
  /** The type has values that a worker sends but its session refuses. It is cast if possible, or one such value would cost all rows. */
  readonly fragile: boolean;
}

/** The server's description of the last statement. */
export type Description =
  | { readonly columns: readonly { readonly column: DescribedColumn; readonly type: TypeFacts }[] }
  | { readonly noRows: true }
  /**
   * `locked`: a table is locked, so the server did not answer in time. `syntax`: the statement does not parse, so it will not parse in
   * the worker either.
   */
  | { readonly failed: true; readonly locked?: boolean; readonly syntax?: boolean };

/** Kinds of statements whose command tag is SELECT. */
const QUERY_KINDS = new Set(['select', 'values', 'table', 'with-select']);

/** One column, for a command tag. */
const ONE_TEXT = 'c1 pg_catalog.text';

/** Queue size per statement for the tags of the statement and its fence. Bytes. */
const QUEUE_BYTES_PER_STATEMENT = 64;
/** The default queue size of pg_background, and the minimum for a text with many statements. Bytes. */
const DEFAULT_QUEUE_BYTES = 65_536;
/** If the tags need more, they are read while the worker runs, as soon as the queue is full. Bytes. */
const MAX_QUEUE_BYTES = 16 * 2 ** 20;

/** With more statements, tags are not read if it is known without them how the worker ended: reading 80,000 tags took 4 s. */
const MANY_STATEMENTS = 10_000;
const NO_RESULT = 'c1 pg_catalog.int4, c2 pg_catalog.int4';

/** A text for a worker, and its statements. */
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

/** Facts about the session that a plan depends on. */
export interface ServerFacts {
  /** The session's `standard_conforming_strings`. */
  readonly standardStrings: boolean;
  /** Whether the role can use PL/pgSQL. Some statements can only be folded with it. */
  readonly plpgsql: boolean;
  /** Settings of the worker that the session does not have. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Why a text cannot be sent at all; see {@link fenceRefusal}. */
export function refusalOf(
  { sql, split }: WorkerText,
  facts: Pick<ServerFacts, 'standardStrings'>,
): FenceRefusal | undefined {
  return fenceRefusal(sql, split, facts.standardStrings);
}

/**
 * Decides how a text is sent and how its rows are read.
 *
 * - Every two statements are separated by a fence (src/core/sql/classify/fence.ts).
 * - Columns in a definition list are named c1…cN, because names may repeat.
 * - A column of a type that a worker cannot send is cast to text in the worker, by wrapping the last statement.
 * - If an earlier statement may change what the last one returns, or the last one cannot be described, it is folded: the worker
 *   returns the names of the columns, and each row as text (foldRows.ts).
 * - If it cannot be folded either, it runs without rows, and `notice` is the reason.
 */
export function planRows(worker: WorkerText, description: Description, facts: ServerFacts): RowPlan {
  const { sql, split, last } = worker;
  if (!last) return plain(worker, 'tag', [], ONE_TEXT);
  const earlier = split.statements.slice(0, -1);
  const kind = classify(sql, last);
  const command = kind.main ?? last.keyword;
  const effect = earlierEffect(sql, earlier);
  const always = kind.kind === 'explain' || kind.kind === 'show';
  const stable = always || (effect === 'nothing' && !formatsDiffer(facts.settings, description));

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
  // For a cursor or a prepared statement that does not exist yet, the server describes a statement without rows.
  const isReliable = kind.kind !== 'fetch' && kind.kind !== 'execute';
  if ('noRows' in description && (isReliable || earlier.length === 0)) return plain(worker, 'tag', [], ONE_TEXT);
  const failed: Extract<Description, { failed: true }> = 'failed' in description ? description : { failed: true };
  if ((earlier.length === 0 && !failed.locked) || failed.syntax) {
    // A statement that does not parse, or cannot be described alone, cannot run either. The worker reports the error and its position.
    return plain(worker, 'tag', [], ONE_TEXT);
  }
  if (kind.selectLike) return folded(worker, last, FOLD_QUERY, []);
  if (kind.kind === 'explain') {
    const type = explainType(sql.slice(last.start, last.end));
    return plain(worker, 'rows', [{ name: 'QUERY PLAN', type }], `c1 pg_catalog.${type}`);
  }
  if (kind.kind === 'show') {
    // An earlier statement creates the setting.
    const name = sql.slice(last.start, last.end).replace(/^show\s+/i, '');
    return plain(worker, 'rows', [{ name, type: 'text' }], ONE_TEXT);
  }
  if (kind.kind === 'execute') return planExecute(worker, last, earlier, facts);
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

/** Settings that change how values are formatted. Rows that are not folded are formatted with the settings of the session. */
const FORMAT_SETTINGS = /^(datestyle|timezone|intervalstyle|extra_float_digits|bytea_output|lc_monetary|xmlbinary)$/i;
/** Oids of regclass and similar types, whose names are written with or without a schema. */
const NAME_TYPES = new Set([24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4191]);

function formatsDiffer(settings: ServerFacts['settings'], description: Description): boolean {
  const names = Object.keys(settings ?? {});
  if (names.some((name) => FORMAT_SETTINGS.test(name))) return true;
  if (!('columns' in description) || !names.some((name) => /^search_path$/i.test(name))) return false;
  return description.columns.some(({ column }) => NAME_TYPES.has(column.typeOid));
}

/** The plan for EXECUTE, which depends on the PREPARE in the same text. */
function planExecute(worker: WorkerText, last: Statement, earlier: readonly Statement[], facts: ServerFacts): RowPlan {
  const name = executedName(worker.sql, last);
  const prepared = name === undefined ? undefined : preparedAs(worker.sql, earlier, name);
  if (prepared && classify(worker.sql, prepared).returnsRows === false) return plain(worker, 'tag', [], ONE_TEXT);
  if (!prepared || name === undefined || !facts.plpgsql) {
    return plain(worker, 'none', [], ONE_TEXT, unknownColumns(last.keyword));
  }
  return foldedStatement(worker, last, existsIn('pg_prepared_statements', name), []);
}

/**
 * SQL for whether a cursor or a prepared statement exists. The server parses the name: which letters it folds to lower case depends on
 * its encoding and locale, and it truncates a long name.
 */
function existsIn(view: 'pg_cursors' | 'pg_prepared_statements', { written, value }: WrittenName): string {
  const read = written.includes('"') ? quoteLiteral(value) : `(pg_catalog.parse_ident(${quoteLiteral(written)}))[1]`;
  const name = `${read}::pg_catalog.name::pg_catalog.text`;
  return `EXISTS (SELECT FROM pg_catalog.${view} AS v WHERE v.name OPERATOR(pg_catalog.=) ${name})`;
}

/** The type of EXPLAIN's one column: text, except in two formats. */
function explainType(statement: string): string {
  return /^explain\s*\([^)]*\bformat\s+'?(json|xml)\b/i.exec(statement)?.[1]?.toLowerCase() ?? 'text';
}

/** The command tag of a statement, if the server cannot report it. For every query it is SELECT. */
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

/** Whether a column of this type is cast to text if the statement is wrapped. */
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

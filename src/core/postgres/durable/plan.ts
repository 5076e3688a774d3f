/** Decides what the worker of a durable job runs, and how its rows are stored. Pure. */
import { FaultError } from '../../base/fault';
import type { Column } from '../../jobs/ports';
import { classify, type Classification } from '../../sql/classify/classify';
import {
  earlierEffect,
  executedName,
  fetchedCursor,
  preparedAs,
  type EarlierEffect,
} from '../../sql/classify/earlierStatements';
import { FENCE, fences, insertAll, type FenceRefusal, type Insertion } from '../../sql/classify/fence';
import type { Statement } from '../../sql/split/splitTypes';
import { FOLD_QUERY, FOLDED_DEFINITION, foldStatement } from '../pgBackground/foldRows';
import type { Description, WorkerText } from '../pgBackground/rowPlan';
import type { DurableFault } from './faults';
import { changesRole, gateIndex, mayBeReadOnly } from './gate';

/** `worker`: in its own transaction. `keeper`: from the worker's queue. `discard`: not at all, although there may be some. */
export type RowStore = 'worker' | 'keeper' | 'discard' | 'none';

/** What is sent, as the keeper reads it from `options` in the record. */
export interface DurableOptions {
  /** The statements before the gate, each with a fence. */
  readonly before: string;
  readonly text: string;
  readonly settings: readonly (readonly [string, string])[];
  /** Size of the queue in bytes; 0 for the default. */
  readonly queue: number;
  readonly store: RowStore;
  /** Each row is one text, after the names of the columns: they are not known before the job runs. */
  readonly folded: boolean;
  /** The columns of the table of rows, as in a column definition list. */
  readonly definition: string;
  readonly persistence: '' | 'UNLOGGED';
  /** The command tag, without numbers, if the rows are stored. */
  readonly command: string;
  /** Something besides the tags may fill the queue. */
  readonly noisy: boolean;
}

export interface DurablePlan {
  readonly options: DurableOptions;
  readonly gated: boolean;
  readonly columns: readonly Column[] | undefined;
  readonly rowsTable: string | undefined;
  /** What cannot be kept, or proved. */
  readonly notices: readonly DurableFault[];
}

/** Facts about the last statement and its surroundings. */
export interface DurableFacts {
  /** Of the last statement. */
  readonly description: Description;
  /** Of the last statement as a part of a WITH, in which a write with RETURNING can be stored; undefined if it is not one. */
  readonly inWith: Description | undefined;
  readonly readOnly: boolean;
  /** An event trigger may reject the table, and so the job. */
  readonly eventTriggers: boolean;
  readonly plpgsql: boolean;
  /** What runs earlier in a batch, and so may create what the statement needs; undefined if nothing does. */
  readonly batchEffect?: EarlierEffect | undefined;
}

export interface DurableRequest {
  readonly worker: WorkerText;
  readonly settings: readonly (readonly [string, string])[];
  /** Unique and not predictable. */
  readonly rowsTable: string;
  readonly unlogged?: boolean;
}

/** The maximum number of columns of a table (MaxHeapAttributeNumber), and the bytes of a row on a page. */
const MAX_COLUMNS = 1600;
const MAX_ROW_BYTES = 8160;
/** A row's header, and the most that a value takes on the row's page: longer ones are moved elsewhere. Bytes. */
const ROW_HEADER_BYTES = 32;
const MAX_VALUE_BYTES = 24;
/** `name`, the longest common type with a fixed length. */
const NAME_BYTES = 64;
const NAME_OID = 19;
/** Types of at most 8 bytes: bool, int8, int2, int4, oid, float4, float8, date, time, timestamp, timestamptz. */
const SHORT_OIDS = new Set([16, 20, 21, 23, 26, 700, 701, 1082, 1083, 1114, 1184]);

const QUEUE_BYTES_PER_STATEMENT = 64;
const DEFAULT_QUEUE_BYTES = 65_536;
const MAX_QUEUE_BYTES = 16 * 2 ** 20;

type Described = Extract<Description, { columns: unknown }>['columns'];

/** How the last statement is changed so that its rows can be stored. */
interface Form {
  readonly store: RowStore;
  readonly insertions: readonly Insertion[];
  readonly columns: readonly Column[] | undefined;
  readonly definition: string;
  readonly folded: boolean;
}

export function planDurable(request: DurableRequest, facts: DurableFacts): DurablePlan {
  const { worker, settings } = request;
  const { sql, split } = worker;
  const { statements } = split;
  const index = gateIndex(
    sql,
    statements,
    settings.map(([name]) => name),
  );
  const form = formOf(request, facts);
  const { text } = insertAll(sql, [...fences(sql, split), ...form.insertions]);
  const before = index === undefined || index === 0 ? '' : beforeGate(worker, index);
  const last = worker.last;
  const stored = form.store === 'worker' || form.store === 'keeper';
  const command = last === undefined ? '' : commandOf(sql, last, statements.slice(0, -1));
  // Three more tags: the gate's, its fence's, and seal()'s.
  const queue = Math.min((statements.length + 3) * QUEUE_BYTES_PER_STATEMENT, MAX_QUEUE_BYTES);
  return {
    options: {
      before,
      text: text.slice(before.length),
      settings,
      queue: queue > DEFAULT_QUEUE_BYTES ? queue : 0,
      store: form.store,
      folded: form.folded,
      definition: form.definition,
      persistence: request.unlogged === true ? 'UNLOGGED' : '',
      command,
      noisy:
        form.store === 'keeper' || form.store === 'discard' || /client_min_messages|\bverbose\b|\binfo\b/i.test(sql),
    },
    gated: index !== undefined,
    columns: stored ? form.columns : undefined,
    rowsTable: stored ? request.rowsTable : undefined,
    notices: [
      ...(index === undefined && last ? [{ code: 'durable.noProof' } satisfies DurableFault] : []),
      ...(form.store === 'discard'
        ? [{ code: 'durable.rowsNotKept', params: { command } } satisfies DurableFault]
        : []),
    ],
  };
}

/** The beginning of the fenced text, up to the gate. */
function beforeGate({ sql, split }: WorkerText, index: number): string {
  const { statements } = split;
  const end = statements[index - 1]?.next ?? 0;
  const head = { ...split, statements: statements.slice(0, index + 1) };
  return insertAll(sql.slice(0, end), fences(sql, head)).text;
}

function formOf(request: DurableRequest, facts: DurableFacts): Form {
  const { worker } = request;
  const { sql, split, last } = worker;
  const none: Form = { store: 'none', insertions: [], columns: undefined, definition: '', folded: false };
  if (!last) return none;
  const earlier = split.statements.slice(0, -1);
  const kind = classify(sql, last);
  const inWorker =
    !facts.readOnly &&
    !facts.eventTriggers &&
    !changesRole(sql, split.statements) &&
    !mayBeReadOnly(sql, split.statements);
  const roleIsSet = request.settings.some(([name]) => /^(role|session_authorization)$/i.test(name));
  const isReadOnly = request.settings.some(
    ([name, value]) => /read_only/i.test(name) && !/^\s*(off|f|false|n|no|0)\s*$/i.test(value),
  );
  const store: RowStore = inWorker && !roleIsSet && !isReadOnly ? 'worker' : 'keeper';
  const stable = earlierEffect(sql, earlier) !== 'columns' && facts.batchEffect !== 'columns';
  const { description } = facts;

  if (kind.selectLike) {
    if (stable && 'columns' in description && fits(description.columns))
      return selected(request, last, description.columns, store);
    if (
      'failed' in description &&
      (description.syntax === true || (!follows(earlier, facts) && description.locked !== true))
    )
      return none;
    return folded(request, last, FOLD_QUERY.before, FOLD_QUERY.after, store);
  }
  if (kind.returnsRows === false) return none;
  if (store === 'worker' && stable && facts.inWith && 'columns' in facts.inWith && fits(facts.inWith.columns)) {
    return written(request, last, facts.inWith.columns);
  }
  return otherForm(request, facts, { last, earlier, kind, store, stable, none });
}

interface LastStatement {
  readonly last: Statement;
  readonly earlier: readonly Statement[];
  readonly kind: Classification;
  readonly store: RowStore;
  readonly stable: boolean;
  readonly none: Form;
}

/** Statements that CREATE TABLE AS does not accept: EXPLAIN, SHOW, FETCH, EXECUTE, CALL, and writes in a WITH. */
function otherForm(request: DurableRequest, facts: DurableFacts, context: LastStatement): Form {
  const { last, earlier, kind, store, stable, none } = context;
  const { sql } = request.worker;
  const { description, plpgsql } = facts;
  const isReliable = (kind.kind !== 'fetch' && kind.kind !== 'execute') || earlier.length === 0;
  const always = kind.kind === 'explain' || kind.kind === 'show';
  if ('noRows' in description && isReliable) return none;
  if (
    'columns' in description &&
    (stable || always) &&
    isReliable &&
    description.columns.every(({ type }) => !type.needsCast)
  ) {
    if (fits(description.columns) && description.columns.length > 0) return queued(description.columns);
  }
  if ('failed' in description && description.syntax === true) return none;
  const prepared = kind.kind === 'execute' ? preparedStatement(sql, last, earlier) : undefined;
  if (prepared && classify(sql, prepared).returnsRows === false) return none;
  const known = kind.returnsRows === true || (prepared && classify(sql, prepared).returnsRows === true);
  if (known && plpgsql && (follows(earlier, facts) || 'columns' in description)) {
    const { before, after } = foldStatement(sql.slice(last.start, last.end), undefined);
    return folded(request, last, before, after, store);
  }
  if (!follows(earlier, facts) && 'failed' in description) return none;
  return { ...none, store: 'discard', definition: 'c1 pg_catalog.text' };
}

/** Whether something runs before the statement that may create what it needs. */
function follows(earlier: readonly Statement[], { batchEffect }: DurableFacts): boolean {
  return earlier.length > 0 || batchEffect !== undefined;
}

function preparedStatement(sql: string, last: Statement, earlier: readonly Statement[]): Statement | undefined {
  const name = executedName(sql, last) ?? fetchedCursor(sql, last);
  return name === undefined ? undefined : preparedAs(sql, earlier, name);
}

/** A query, whose rows are exact. Columns are named c1…cN, because names may repeat. */
function selected(request: DurableRequest, last: Statement, columns: Described, store: RowStore): Form {
  const cast = columns.some(({ type }) => type.needsCast || type.fragile);
  const wrapping = cast
    ? { before: `SELECT ${listOf(columns)} FROM (`, after: `\n) AS q(${namesOf(columns)})` }
    : { before: '', after: '' };
  return exact(request, last, columns, wrapping, store);
}

/** A write with RETURNING, as a part of a WITH. */
function written(request: DurableRequest, last: Statement, columns: Described): Form {
  const wrapping = {
    before: `WITH q(${namesOf(columns)}) AS (`,
    after: `\n) SELECT ${listOf(columns)} FROM q`,
  };
  return exact(request, last, columns, wrapping, 'worker');
}

function exact(
  request: DurableRequest,
  last: Statement,
  columns: Described,
  { before, after }: { before: string; after: string },
  store: RowStore,
): Form {
  // A result without columns cannot be read from a queue.
  if (store === 'keeper' && columns.length === 0) {
    return { store: 'discard', insertions: [], columns: undefined, definition: 'c1 pg_catalog.text', folded: false };
  }
  const create = store === 'worker' ? createAs(request, columns.length) : '';
  return {
    store,
    insertions: around(last, create + before, after + (store === 'worker' ? sealed(request) : '')),
    columns: columns.map(({ column, type }) => ({ name: column.name, type: type.display, typeOid: column.typeOid })),
    definition: definitionOf(columns),
    folded: false,
  };
}

/** Rows from the queue, of a statement that cannot be a part of another one. */
function queued(columns: Described): Form {
  return {
    store: 'keeper',
    insertions: [],
    columns: columns.map(({ column, type }) => ({ name: column.name, type: type.display, typeOid: column.typeOid })),
    definition: columns
      .map(({ type }, i) => `c${i + 1} ${type.receivable ? type.definition : 'pg_catalog.text'}`)
      .join(', '),
    folded: false,
  };
}

/** The names of the columns, once, and each row as a text (foldRows.ts). */
function folded(request: DurableRequest, last: Statement, before: string, after: string, store: RowStore): Form {
  const create = store === 'worker' ? createAs(request, 2) : '';
  // The query is the whole wrapping, or follows a DO block.
  const query = after.lastIndexOf(';SELECT pg_catalog.current_setting(');
  const [head, tail] =
    query < 0 ? [create + before, after] : [before, `${after.slice(0, query + 1)}${create}${after.slice(query + 1)}`];
  return {
    store,
    insertions: around(last, head, tail + (store === 'worker' ? sealed(request) : '')),
    columns: undefined,
    definition: FOLDED_DEFINITION,
    folded: true,
  };
}

function createAs({ rowsTable, unlogged = false }: DurableRequest, columns: number): string {
  const names = Array.from({ length: columns }, (_, i) => `c${i + 1}`).join(', ');
  return `CREATE ${unlogged ? 'UNLOGGED ' : ''}TABLE pgbackground_rows.${rowsTable} ${columns === 0 ? '' : `(${names}) `}AS `;
}

/** On a new line, because the statement may end with a comment. */
function sealed({ rowsTable }: DurableRequest): string {
  return `\n;${FENCE}CALL pgbackground_jobs.seal('${rowsTable}')`;
}

function around({ start, end }: Statement, before: string, after: string): Insertion[] {
  return [
    { at: start, text: before },
    { at: end, text: after },
  ];
}

function listOf(columns: Described): string {
  return columns
    .map(({ type }, i) => `q.c${i + 1}${type.needsCast || type.fragile ? '::pg_catalog.text' : ''}`)
    .join(', ');
}

function namesOf(columns: Described): string {
  return columns.map((_, i) => `c${i + 1}`).join(', ');
}

function definitionOf(columns: Described): string {
  return columns
    .map(
      ({ type }, i) =>
        `c${i + 1} ${type.receivable && !type.needsCast && !type.fragile ? type.definition : 'pg_catalog.text'}`,
    )
    .join(', ');
}

/** Whether every row of these columns fits into a table. If not, each row is stored as one text. */
function fits(columns: Described): boolean {
  const bytes = columns.reduce(
    (sum, { column: { typeOid } }) =>
      sum + (typeOid === NAME_OID ? NAME_BYTES : SHORT_OIDS.has(typeOid) ? 8 : MAX_VALUE_BYTES),
    ROW_HEADER_BYTES + columns.length / 8,
  );
  return columns.length <= MAX_COLUMNS && bytes <= MAX_ROW_BYTES;
}

const QUERIES = new Set(['select', 'values', 'table', 'with-select']);

function commandOf(sql: string, statement: Statement, earlier: readonly Statement[]): string {
  const { kind, main } = classify(sql, statement);
  if (kind === 'execute') {
    const prepared = preparedStatement(sql, statement, earlier);
    return prepared ? commandOf(sql, prepared, []) : 'SELECT';
  }
  if (kind === 'with-dml' && main !== undefined) return main;
  return QUERIES.has(kind) ? 'SELECT' : statement.keyword;
}

/** A text that cannot be sent at all. */
export class RefusedTextError extends FaultError<FenceRefusal['fault']> {
  readonly position: number;

  constructor({ fault, position }: FenceRefusal) {
    super(fault);
    this.position = position;
  }
}

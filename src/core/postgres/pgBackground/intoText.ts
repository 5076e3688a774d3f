/** Stores the rows of the last statement in a table: changes the text that the worker runs. */
import type { Client } from 'pg';
import type { ServerFault } from '../faults';
import { classify } from '../../sql/classify/classify';
import { earlierEffect } from '../../sql/classify/earlierStatements';
import { insertAll, type InsertedText } from '../../sql/classify/fence';
import { intoName, type IntoTable } from '../../sql/intoTable';
import { quoteIdent, quoteLiteral } from '../../sql/quote';
import type { RowPlan } from '../../jobs/ports';
import { planRows, workerText, type Description, type ServerFacts, type WorkerText } from './rowPlan';

/** A name that PostgreSQL truncates to 63 bytes anyway. */
const MAX_NAME_BYTES = 63;
/** Columns that every table has. */
const SYSTEM_COLUMNS = new Set(['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid']);

/** What the server says about the table and its schema. */
export interface IntoFacts {
  readonly role: string;
  /** Undefined if no schema of the search_path exists. */
  readonly schema: string | undefined;
  readonly schemaExists: boolean;
  readonly mayCreate: boolean;
  /** `pg_class.relkind`; undefined if there is nothing of that name. */
  readonly kind: string | undefined;
  readonly mayInsert: boolean;
  readonly owned: boolean;
}

/** Looks up the table. Qualified, because the search_path is the worker's. */
export async function lookUpInto(client: Client, { schema, table }: IntoTable): Promise<IntoFacts> {
  const { rows } = await client.query<(string | null)[]>({
    text: `SELECT current_user::pg_catalog.text, s.name::pg_catalog.text, n.oid IS NOT NULL,
                  pg_catalog.has_schema_privilege(n.oid, 'CREATE'), c.relkind::pg_catalog.text,
                  pg_catalog.has_any_column_privilege(c.oid, 'INSERT'), pg_catalog.pg_has_role(c.relowner, 'USAGE')
             FROM (SELECT COALESCE($1::pg_catalog.name, pg_catalog.current_schema()) AS name) AS s
             LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname OPERATOR(pg_catalog.=) s.name
             LEFT JOIN pg_catalog.pg_class AS c
               ON c.relnamespace OPERATOR(pg_catalog.=) n.oid AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name`,
    values: [schema ?? null, table],
    rowMode: 'array',
  });
  const [role, name, schemaExists, mayCreate, kind, mayInsert, owned] = rows[0] ?? [];
  return {
    role: role ?? '',
    schema: name ?? undefined,
    schemaExists: schemaExists === 't',
    mayCreate: mayCreate === 't',
    kind: kind ?? undefined,
    mayInsert: mayInsert === 't',
    owned: owned === 't',
  };
}

/** Whether earlier statements of the text may create, drop, or move the table, so that {@link IntoFacts} prove nothing. */
export function intoIsSettled({ sql, split }: WorkerText): boolean {
  return earlierEffect(sql, split.statements.slice(0, -1)) !== 'columns';
}

/** Why the rows cannot be stored; undefined if nothing is known to prevent it. */
export function intoRefusal(
  worker: WorkerText,
  into: IntoTable,
  facts: IntoFacts | undefined,
): ServerFault | undefined {
  const { last, sql } = worker;
  const kind = last && classify(sql, last);
  if (!kind?.main || (kind.returnsRows !== true && !kind.selectLike)) {
    return { code: 'into.noRows', params: { command: kind?.main ?? last?.keyword ?? '' } };
  }
  if (!facts) return undefined;
  const { role, schema, kind: exists } = facts;
  if (schema === undefined) return { code: 'into.noSchemaInPath' };
  if (!facts.schemaExists) return { code: 'into.noSchema', params: { schema } };
  const table = `${schema}.${into.table}`;
  if (exists !== undefined) {
    if (into.ifExists === 'refuse') return { code: 'into.exists', params: { table } };
    const isTable = exists === 'r' || exists === 'p';
    if (!isTable && !(exists === 'f' && into.ifExists === 'append')) {
      return { code: 'into.notATable', params: { table } };
    }
    if (into.ifExists === 'append') {
      return facts.mayInsert ? undefined : { code: 'into.mayNotInsert', params: { role, table } };
    }
    if (!facts.owned) return { code: 'into.mayNotReplace', params: { role, table } };
  }
  return facts.mayCreate ? undefined : { code: 'into.mayNotCreate', params: { role, schema } };
}

/**
 * The text with its last statement stored in the table. The columns keep their names, except those that a table cannot have.
 * @param facts undefined if they prove nothing; see {@link intoIsSettled}
 */
export function intoText(
  worker: WorkerText,
  into: IntoTable,
  description: Description,
  facts: IntoFacts | undefined,
): InsertedText {
  const { sql, last } = worker;
  if (!last) return insertAll(sql, []);
  const { kind, selectLike, mainAt = last.start } = classify(sql, last);
  const table = intoName(into, facts?.schema);
  const columns = facts && 'columns' in description ? description.columns : undefined;
  const names = columns && tableColumns(columns.map(({ column }) => column.name));
  const list = names && names.length > 0 ? ` (${names.map(quoteIdent).join(', ')})` : '';
  const appends = into.ifExists === 'append' && (facts === undefined || facts.kind !== undefined);
  const replaces = into.ifExists === 'replace' && (facts === undefined || facts.kind !== undefined);
  const refuse = facts || into.schema !== undefined ? '' : refuseTemporary(into, appends || replaces);
  const drop = refuse + (replaces ? `DROP TABLE IF EXISTS ${table};\n` : '');
  const target = appends ? `INSERT INTO ${table}${list}` : `CREATE TABLE ${table}${list} AS`;
  const around = (before: string, after: string): InsertedText =>
    insertAll(sql, [
      { at: last.start, text: before },
      { at: last.end, text: after },
    ]);

  const isWrite = kind === 'returning' || kind === 'with-dml';
  if (!selectLike && !isWrite && appends && kind === 'with-select') {
    // The writes in its WITH must be at the top level.
    return insertAll(sql, [
      { at: last.start, text: drop },
      { at: mainAt, text: `${target} ` },
    ]);
  }
  const casts = columns?.some(({ type }) => type.needsCast) === true;
  if (!casts && !isWrite) return around(`${drop}${target} `, '');
  // The parts of a WITH, and a query in FROM, need names that do not repeat.
  const inner = columns ? `(${columns.map((_, i) => `c${i + 1}`).join(', ')})` : '';
  const values =
    columns?.map(({ type }, i) => `q.c${i + 1}${type.needsCast ? '::pg_catalog.text' : ''}`).join(', ') ?? '*';
  if (!isWrite) return around(`${drop}${target} SELECT ${values} FROM (`, `\n) AS q${inner}`);
  return appends
    ? around(`${drop}WITH q${inner} AS (`, `\n) ${target} SELECT ${values} FROM q`)
    : around(`${drop}${target} WITH q${inner} AS (`, `\n) SELECT ${values} FROM q`);
}

/**
 * A statement that raises an error if a name without a schema is that of a temporary table, or if the first schema of the search_path is the
 * temporary one: the rows would be gone with the worker. Only the worker knows, after the earlier statements.
 * @param mayExist the table may exist; otherwise it is always created
 */
function refuseTemporary({ table }: IntoTable, mayExist: boolean): string {
  const name = quoteLiteral(quoteIdent(table));
  const known = `(SELECT c.relnamespace FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${name}))`;
  const first =
    '(SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname OPERATOR(pg_catalog.=) pg_catalog.current_schema())';
  return `DO $pgbg_into$BEGIN
IF ${mayExist ? `COALESCE(${known}, ${first})` : first} OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema() THEN
RAISE EXCEPTION 'the rows would be stored in a temporary table, which is gone when the worker ends'
USING HINT = 'Write the schema before the name of the table.', ERRCODE = 'invalid_table_definition';
END IF; END$pgbg_into$;
`;
}

/** The plan for a text whose last rows are stored in a table. The worker returns only their number. */
export function planInto(
  worker: WorkerText,
  into: IntoTable,
  description: Description,
  facts: IntoFacts | undefined,
  server: ServerFacts,
): RowPlan {
  const { text, toSource } = intoText(worker, into, description, facts);
  const plan = planRows(workerText(text), { noRows: true }, server);
  return {
    ...plan,
    tag: into.ifExists === 'append' ? 'INSERT' : 'CREATE TABLE AS',
    position: (codePoint) => {
      const at = plan.position(codePoint);
      return at === undefined ? undefined : toSource(at);
    },
  };
}

/** Names for the columns of a table: as they are, except that repeated names and those of system columns get a number. */
export function tableColumns(names: readonly string[]): string[] {
  const taken = new Set<string>();
  const all = new Set(names);
  return names.map((name) => {
    let free = name;
    for (let n = 2; taken.has(free) || SYSTEM_COLUMNS.has(free) || (n > 2 && all.has(free)); n++) {
      free = withSuffix(name, `_${n}`);
    }
    taken.add(free);
    return free;
  });
}

function withSuffix(name: string, suffix: string): string {
  let cut = name;
  while (Buffer.byteLength(cut + suffix) > MAX_NAME_BYTES) cut = cut.replace(/.$/su, '');
  return cut + suffix;
}

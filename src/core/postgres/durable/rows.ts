/** Reads the stored rows of a durable job. */
import type { Client } from 'pg';
import { FaultError } from '../../base/fault';
import { SQLSTATE } from '../../base/sqlstate';
import type { Column } from '../../jobs/ports';
import { quoteIdent, quoteQualified } from '../../sql/quote';
import { isServerError, sqlstateOf } from '../errors';
import type { DurableFault } from './faults';
import type { DurableRecord } from './records';

const UNDEFINED_TABLE = '42P01';

/**
 * Whether a record was made in another cluster, or in another database of this one: the table of its rows then has another oid. Oids are
 * assigned in ascending order for all databases of a cluster, and a job's table is created after the table of jobs.
 */
const IS_RESTORED = `(j.cluster OPERATOR(pg_catalog.<>) (SELECT s.system_identifier FROM pg_catalog.pg_control_system() AS s)
          OR j.rows_oid OPERATOR(pg_catalog.<) 'pgbackground_jobs.jobs'::pg_catalog.regclass::pg_catalog.oid)`;

/**
 * Whether a locked relation is the table that the job created: not a view or another table in its place, whose owner could make the
 * reader run functions.
 */
const CHECK = `
  SELECT ((c.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid OR ${IS_RESTORED}) AND c.relkind OPERATOR(pg_catalog.=) 'r'
          AND c.relowner OPERATOR(pg_catalog.=) j.owner::pg_catalog.oid
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                           WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attgenerated OPERATOR(pg_catalog.<>) ''))::pg_catalog.text,
         (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname::pg_catalog.text, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                                                                 'typeOid', a.atttypid::pg_catalog.int8) ORDER BY a.attnum USING OPERATOR(pg_catalog.<))::pg_catalog.text
            FROM pg_catalog.pg_attribute AS a
           WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped)
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    JOIN pgbackground_jobs.jobs AS j ON j.id OPERATOR(pg_catalog.=) $3::pg_catalog.int8
   WHERE n.nspname OPERATOR(pg_catalog.=) 'pgbackground_rows' AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name`;

/**
 * Runs a task in a transaction in which the table of rows is verified and cannot be replaced.
 * @param task gets a query for the rows in the order in which they were stored, and the columns that the result has besides those that it
 * had at the launch, in the end: another session, or an earlier statement of a batch, can add some before the job begins
 * @throws FaultError if the rows are lost, or if something else is in their place
 */
export async function withRows<T>(
  client: Client,
  { id, rowsTable, rowsOid, rowsState }: Pick<DurableRecord, 'id' | 'rowsTable' | 'rowsOid' | 'rowsState'>,
  task: (query: string, added: readonly Column[]) => Promise<T>,
): Promise<T> {
  if (rowsTable === null || rowsOid === null || rowsState !== 'stored') {
    throw new FaultError<DurableFault>({ code: 'durable.rowsLost' });
  }
  const table = quoteQualified('pgbackground_rows', rowsTable);
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL row_security = on');
  try {
    // The rows come in the order in which they were stored.
    await client.query('SET LOCAL synchronize_seqscans = off');
    await client.query('SET LOCAL max_parallel_workers_per_gather = 0');
    await lock(client, table);
    const { rows } = await client.query<[string, string | null]>({
      text: CHECK,
      values: [rowsOid, rowsTable, id],
      rowMode: 'array',
    });
    const [verified, found] = rows[0] ?? [];
    if (verified !== 'true') throw new FaultError<DurableFault>({ code: 'durable.rowsReplaced' });
    // A policy on the table would run its owner's functions.
    await client.query('SET LOCAL row_security = off');
    const columns = JSON.parse(found ?? '[]') as Column[];
    const added = columns.filter(({ name }) => !/^c\d+$/.test(name));
    // ONLY: not from tables that inherit from it.
    const names = columns.map(({ name }) => `t.${quoteIdent(name)}`);
    return await task(`SELECT ${names.join(', ')} FROM ONLY ${table} AS t`, added);
  } finally {
    await client.query('ROLLBACK');
  }
}

async function lock(client: Client, table: string): Promise<void> {
  try {
    await client.query(`LOCK TABLE ONLY ${table} IN ACCESS SHARE MODE`);
  } catch (error) {
    if (isServerError(error) && sqlstateOf(error) === UNDEFINED_TABLE)
      throw new FaultError<DurableFault>({ code: 'durable.rowsLost' }, { cause: error });
    if (isServerError(error) && sqlstateOf(error) === SQLSTATE.wrongObjectType)
      throw new FaultError<DurableFault>({ code: 'durable.rowsReplaced' }, { cause: error });
    throw error;
  }
}

/**
 * Reads the rows in pages.
 * @param onPage gets the values as the server writes them in text format; returns false to stop
 * @returns the number of rows that were read
 */
export function readRows(
  client: Client,
  record: Pick<DurableRecord, 'id' | 'rowsTable' | 'rowsOid' | 'rowsState'>,
  pageSize: number,
  onPage: (rows: readonly (readonly (string | null)[])[]) => Promise<boolean> | boolean,
): Promise<number> {
  return withRows(client, record, async (query) => {
    await client.query(`DECLARE pgbg_rows NO SCROLL CURSOR FOR ${query}`);
    let count = 0;
    for (;;) {
      const { rows } = await client.query<(string | null)[]>({
        text: `FETCH ${Math.trunc(pageSize)} FROM pgbg_rows`,
        rowMode: 'array',
      });
      count += rows.length;
      if (rows.length === 0 || !(await onPage(rows)) || rows.length < pageSize) return count;
    }
  });
}

/** The query that copies the rows into the same format as those of a worker, for {@link withRows}. */
export function copyRows(query: string): string {
  return `COPY (${query}) TO STDOUT`;
}

/** Reads and changes the records of durable jobs. Every session may; row-level security limits each role to its jobs. */
import type { Client } from 'pg';
import type { Column } from '../../jobs/ports';
import { timeText } from '../server/timeText';
import { UNFINISHED_LIST } from './schema/tables';

export type DurableState = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled' | 'unknown';

/** Why a job is in its state, if the server has no error of its own. */
export type DurableReason =
  'no_slot' | 'not_launched' | 'never_began' | 'keeper_lost' | 'worker_lost' | 'outcome_expired';

/** A durable job. Times are those of the server, as {@link timeText} formats them. int8 values are texts. */
export interface DurableRecord {
  readonly id: string;
  readonly owner: string;
  readonly label: string;
  readonly sql: string;
  readonly state: DurableState;
  readonly reason: DurableReason | null;
  /** The commit log proves the outcome. */
  readonly gated: boolean;
  /** The record was made in this cluster, and not restored from another one. */
  readonly here: boolean;
  readonly queuedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly workerPid: number | null;
  readonly workerStart: string | null;
  readonly commandTag: string | null;
  readonly rowCount: string | null;
  readonly progress: { readonly pct: number | null; readonly message: string | null } | null;
  readonly error: DurableError | null;
  readonly columns: readonly Column[] | null;
  readonly folded: boolean;
  readonly unlogged: boolean;
  readonly rowsTable: string | null;
  readonly rowsOid: number | null;
  readonly rowsState: 'pending' | 'stored' | 'lost' | null;
  readonly rowsError: string | null;
  readonly cancelRequested: boolean;
  readonly canceledBy: string | null;
  readonly seen: boolean;
}

/** The complete error of a worker. There is no position: PL/pgSQL cannot read it. */
export interface DurableError {
  readonly sqlstate: string;
  readonly message: string;
  readonly detail: string | null;
  readonly hint: string | null;
  readonly context: string | null;
  readonly schema: string | null;
  readonly table: string | null;
  readonly column: string | null;
  readonly constraint: string | null;
  readonly datatype: string | null;
}

const OBJECT = 'pg_catalog.json_build_object';
const RECORD = `(${OBJECT}(
    'id', j.id::pg_catalog.text, 'owner', j.owner::pg_catalog.text, 'label', j.label, 'sql', j.sql, 'state', j.state, 'reason', j.reason,
    'gated', j.gated,
    'here', j.cluster OPERATOR(pg_catalog.=) (SELECT c.system_identifier FROM pg_catalog.pg_control_system() AS c),
    'queuedAt', ${timeText('j.queued_at')}, 'startedAt', ${timeText('j.started_at')}, 'finishedAt', ${timeText('j.finished_at')},
    'workerPid', j.worker_pid, 'workerStart', ${timeText('j.worker_start')}, 'commandTag', j.command_tag,
    'rowCount', j.row_count::pg_catalog.text,
    'progress', CASE WHEN p.job IS NOT NULL THEN ${OBJECT}('pct', p.pct, 'message', p.message) END,
    'error', CASE WHEN j.error_sqlstate IS NOT NULL THEN ${OBJECT}(
      'sqlstate', j.error_sqlstate, 'message', j.error_message, 'detail', j.error_detail, 'hint', j.error_hint,
      'context', j.error_context, 'schema', j.error_schema, 'table', j.error_table, 'column', j.error_column,
      'constraint', j.error_constraint, 'datatype', j.error_datatype) END)::pg_catalog.jsonb OPERATOR(pg_catalog.||) ${OBJECT}(
    'columns', j.columns, 'folded', (j.options OPERATOR(pg_catalog.->>) 'folded')::pg_catalog.bool,
    'unlogged', (j.options OPERATOR(pg_catalog.->>) 'persistence') OPERATOR(pg_catalog.=) 'UNLOGGED', 'rowsTable', j.rows_table,
    'rowsOid', j.rows_oid::pg_catalog.int8, 'rowsState', j.rows_state, 'rowsError', j.rows_error,
    'cancelRequested', j.cancel_requested IS NOT NULL, 'canceledBy', j.canceled_by, 'seen', j.seen_at IS NOT NULL
    )::pg_catalog.jsonb)::pg_catalog.text
  FROM pgbackground_jobs.jobs AS j LEFT JOIN pgbackground_jobs.progress AS p ON p.job OPERATOR(pg_catalog.=) j.id`;

/** All jobs that the role may see, the newest last. @param after only jobs with greater ids */
export async function readJobs(client: Client, after = '0'): Promise<DurableRecord[]> {
  const { rows } = await client.query<[string]>({
    text: `SELECT ${RECORD} WHERE j.id OPERATOR(pg_catalog.>) $1::pg_catalog.int8 ORDER BY j.id USING OPERATOR(pg_catalog.<)`,
    values: [after],
    rowMode: 'array',
  });
  return rows.map(([json]) => JSON.parse(json) as DurableRecord);
}

/** @returns undefined if there is no such job, or if the role may not see it */
export async function readJob(client: Client, id: string): Promise<DurableRecord | undefined> {
  const { rows } = await client.query<[string]>({
    text: `SELECT ${RECORD} WHERE j.id OPERATOR(pg_catalog.=) $1::pg_catalog.int8`,
    values: [id],
    rowMode: 'array',
  });
  return rows[0] === undefined ? undefined : (JSON.parse(rows[0][0]) as DurableRecord);
}

/** Writes the outcome of jobs whose keeper has ended, as far as the server knows it. @returns the number of jobs that it changed */
export async function resolveJobs(client: Client): Promise<number> {
  return Number(await one(client, 'SELECT pgbackground_jobs.resolve()::pg_catalog.text', []));
}

/**
 * `requested`: the keeper will cancel the worker, within seconds. `unreachable`: there is no keeper, and no worker that the role may
 * signal; the job may have ended. Undefined: there is no such job.
 */
export type CancelAnswer = 'canceled' | 'signaled' | 'requested' | 'unreachable' | 'finished' | undefined;

/** Requests that a job is canceled. Never kills its worker. */
export async function cancelJob(client: Client, id: string): Promise<CancelAnswer> {
  return ((await one(client, 'SELECT pgbackground_jobs.cancel($1::pg_catalog.int8)', [id])) ??
    undefined) as CancelAnswer;
}

/** Notes that someone has seen how the jobs ended. */
export async function markSeen(client: Client, ids: readonly string[]): Promise<void> {
  await one(client, 'SELECT pgbackground_jobs.mark_seen($1::pg_catalog.int8[])::pg_catalog.text', [ids]);
}

/** A job that would be purged. */
export interface Purgeable {
  readonly id: string;
  readonly label: string;
  readonly owner: string;
  readonly state: string;
  readonly finishedAt: string;
  readonly seen: boolean;
  /** Size of its rows on the server. */
  readonly bytes: string | null;
}

/**
 * Finished jobs, oldest first, for a preview.
 * @param seenForDays only jobs of the role itself whose outcome was seen at least this many days ago
 */
export async function readPurgeable(client: Client, seenForDays?: number): Promise<Purgeable[]> {
  const { rows } = await client.query<[string]>({
    text: `SELECT ${OBJECT}('id', j.id::pg_catalog.text, 'label', j.label, 'owner', j.owner::pg_catalog.text,
                  'state', j.state, 'finishedAt', ${timeText('j.finished_at')}, 'seen', j.seen_at IS NOT NULL, 'bytes', pg_catalog.pg_total_relation_size(j.rows_oid)::pg_catalog.text)::pg_catalog.text
             FROM pgbackground_jobs.jobs AS j
            WHERE j.state OPERATOR(pg_catalog.<>) ALL (ARRAY[${UNFINISHED_LIST}]::pg_catalog.text[])
              AND ($1::pg_catalog.float8 IS NULL OR (j.owner::pg_catalog.oid OPERATOR(pg_catalog.=)
                   (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER) AND j.seen_at OPERATOR(pg_catalog.<)
                   (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.make_interval(secs => ($1::pg_catalog.float8 OPERATOR(pg_catalog.*) 86400)))))
            ORDER BY j.id USING OPERATOR(pg_catalog.<)`,
    values: [seenForDays ?? null],
    rowMode: 'array',
  });
  return rows.map(([json]) => JSON.parse(json) as Purgeable);
}

export interface Purged {
  readonly id: string;
  readonly removed: boolean;
  /** The server's message if it was not removed. */
  readonly problem: string | null;
}

/** Removes finished jobs and their rows. Jobs that are running, or that the role may not see, are ignored. */
export async function purgeJobs(client: Client, ids: readonly string[]): Promise<Purged[]> {
  const { rows } = await client.query<[string]>({
    text: `SELECT ${OBJECT}('id', p.job::pg_catalog.text, 'removed', p.removed, 'problem', p.problem)::pg_catalog.text
             FROM pgbackground_jobs.purge($1::pg_catalog.int8[]) AS p`,
    values: [ids],
    rowMode: 'array',
  });
  return rows.map(([json]) => JSON.parse(json) as Purged);
}

async function one(client: Client, text: string, values: unknown[]): Promise<string | null | undefined> {
  const { rows } = await client.query<[string | null]>({ text, values, rowMode: 'array' });
  return rows[0]?.[0];
}

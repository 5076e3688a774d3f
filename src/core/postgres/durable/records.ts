/** Reads and changes the records of durable jobs. Every session may; row-level security limits each role to its jobs. */
import type { Client } from 'pg';
import type { CancelAnswer, DurableRecord } from '../../jobs/durable/ports';
import { timeText } from '../server/timeText';
import { CHANNEL } from './schema/calls';
import { UNFINISHED_LIST } from './schema/tables';

export type { CancelAnswer, DurableError, DurableReason, DurableRecord, DurableState } from '../../jobs/durable/ports';

const OBJECT = 'pg_catalog.json_build_object';
/** Characters of the SQL, and of each part of an error, in a list. */
const LISTED_SQL = 20_000;
const LISTED_TEXT = 5000;
/** `progress` may have been reported by any function. Characters. */
const LISTED_PROGRESS = 1000;

/** Characters of texts that are short unless a role has written something else into its own records. */
const SHORT_TEXT = 500;
/** Characters of the columns, and of the request: a record with more shows none of them. */
const MAX_JSON = 2_000_000;
/**
 * A pinned job counts as seen at the end of time, so no computer purges it by its age.
 */
const PINNED = `COALESCE(j.seen_at OPERATOR(pg_catalog.=) 'infinity', false)`;
/** Where the request begins in the options. */
const REQUESTED = ',"requested":';

/**
 * SQL of a job as a row of texts: two JSON objects, because a function has at most 100 arguments, the JSON of the columns, the end of
 * the options from their member "requested", and the JSON about the batch.
 *
 * Other roles write into their own records what they like, and roles that may see them read those records, too. So nothing here may fail
 * or be very long, whatever a record contains. JSON in particular is not parsed: the server's functions raise errors for "\u0000", and
 * jsonb for large numbers. Its members are found in the text that `launch.ts` has sent, in which a quote inside of a string has a
 * backslash before it.
 * @param whole do not cut long texts
 */
function recordSql(whole: boolean): string {
  const cut = (column: string, max: number): string => `pg_catalog."left"(${column}, ${max})`;
  const long = (column: string, max: number): string => (whole ? column : cut(column, max));
  const text = (column: string): string => long(column, LISTED_TEXT);
  const name = (column: string): string => cut(column, SHORT_TEXT);
  const isCut = (column: string, max: number): string =>
    `COALESCE(pg_catalog.char_length(${column}) OPERATOR(pg_catalog.>) ${max}, false)`;
  const texts = ['j.error_message', 'j.error_detail', 'j.error_hint', 'j.error_context'];
  const anyCut = [isCut('j.sql', LISTED_SQL), ...texts.map((column) => isCut(column, LISTED_TEXT))].join(' OR ');
  const options = 'j.options::pg_catalog.text';
  const found = (part: string): string => `pg_catalog.strpos(${options}, '${part}')`;
  const json = (value: string): string =>
    `CASE WHEN pg_catalog.length(${value}) OPERATOR(pg_catalog.<) ${MAX_JSON} THEN ${value} END`;
  return `${OBJECT}(
    'id', j.id::pg_catalog.text, 'owner', j.owner::pg_catalog.text,
    'own', j.owner::pg_catalog.oid OPERATOR(pg_catalog.=) (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER),
    'label', ${name('j.label')}, 'sql', ${long('j.sql', LISTED_SQL)}, 'cut', ${whole ? 'false' : anyCut}, 'state', j.state,
    'reason', ${name('j.reason')}, 'gated', j.gated,
    'here', j.cluster OPERATOR(pg_catalog.=) (SELECT c.system_identifier FROM pg_catalog.pg_control_system() AS c),
    'queuedAt', ${timeText('j.queued_at')}, 'startedAt', ${timeText('j.started_at')}, 'finishedAt', ${timeText('j.finished_at')},
    'keeperPid', j.keeper_pid, 'keeperStart', ${timeText('j.keeper_start')},
    'workerPid', j.worker_pid, 'workerStart', ${timeText('j.worker_start')}, 'workerXid', j.worker_xid::pg_catalog.text,
    'commandTag', ${name('j.command_tag')}, 'rowCount', j.row_count::pg_catalog.text,
    'progress', CASE WHEN p.job IS NOT NULL THEN ${OBJECT}('pct', p.pct, 'message', ${long('p.message', LISTED_PROGRESS)}) END,
    'error', CASE WHEN j.error_sqlstate IS NOT NULL THEN ${OBJECT}(
      'sqlstate', ${name('j.error_sqlstate')}, 'message', ${text('j.error_message')}, 'detail', ${text('j.error_detail')},
      'hint', ${text('j.error_hint')}, 'context', ${text('j.error_context')}, 'schema', ${name('j.error_schema')},
      'table', ${name('j.error_table')}, 'column', ${name('j.error_column')}, 'constraint', ${name('j.error_constraint')},
      'datatype', ${name('j.error_datatype')}) END)::pg_catalog.text,
  ${OBJECT}(
    'folded', ${found(',"folded":true,')} OPERATOR(pg_catalog.>) 0,
    'unlogged', ${found(',"persistence":"UNLOGGED"')} OPERATOR(pg_catalog.>) 0, 'rowsTable', j.rows_table,
    'rowsOid', j.rows_oid::pg_catalog.int8, 'rowsState', j.rows_state, 'rowsError', ${text('j.rows_error')},
    'cancelRequested', j.cancel_requested IS NOT NULL, 'canceledBy', j.canceled_by, 'seen', j.seen_at IS NOT NULL, 'pinned', ${PINNED},
    'batch', CASE WHEN j.batch_key IS NOT NULL THEN ${OBJECT}('key', j.batch_key::pg_catalog.text, 'index', j.batch_index,
      'after', j.after_job::pg_catalog.text) END)::pg_catalog.text,
  ${json('j.columns::pg_catalog.text')},
  CASE WHEN ${found(REQUESTED)} OPERATOR(pg_catalog.>) 0 THEN ${json(`pg_catalog.substr(${options}, ${found(REQUESTED)})`)} END,
  ${json('j.batch_options::pg_catalog.text')}, ${json('j.stopped_by::pg_catalog.text')}
  FROM pgbackground_jobs.jobs AS j LEFT JOIN pgbackground_jobs.progress AS p ON p.job OPERATOR(pg_catalog.=) j.id`;
}
const RECORD = recordSql(true);

type RecordRow = readonly [
  facts: string,
  more: string,
  columns: string | null,
  requested: string | null,
  batchOptions: string | null,
  stoppedBy: string | null,
];

function recordOf([facts, more, columns, requested, batchOptions, stoppedBy]: RecordRow): DurableRecord {
  const { batch, ...others } = JSON.parse(more) as Pick<DurableRecord, 'batch'>;
  return {
    ...(JSON.parse(facts) as Omit<DurableRecord, 'columns' | 'requested' | 'batch' | 'stoppedBy'>),
    ...others,
    batch: batch && { ...batch, options: batchOptions === null ? null : parsed(batchOptions) },
    stoppedBy: stoppedBy === null ? null : parsed(stoppedBy),
    columns: columns === null ? null : columnsOf(parsed(columns)),
    requested:
      requested === null ? null : (parsed(`{${requested.slice(1)}`) as { requested?: unknown } | undefined)?.requested,
  };
}

/** Undefined if it is no JSON: JavaScript reads a little less than the server's type accepts, and the end of a text can be anything. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function columnsOf(value: unknown): DurableRecord['columns'] {
  if (!Array.isArray(value)) return null;
  const columns = value.flatMap((each: unknown) => {
    const { name, type, typeOid } = (each ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string' || typeof type !== 'string') return [];
    return [{ name, type, ...(typeof typeOid === 'number' ? { typeOid } : {}) }];
  });
  return columns.length === value.length ? columns : null;
}

/** All jobs that the role may see, the newest last. @param after only jobs with greater ids */
export async function readJobs(client: Client, after = '0'): Promise<DurableRecord[]> {
  const { rows } = await client.query<[...RecordRow]>({
    text: `SELECT ${RECORD} WHERE j.id OPERATOR(pg_catalog.>) $1::pg_catalog.int8 ORDER BY j.id USING OPERATOR(pg_catalog.<)`,
    values: [after],
    rowMode: 'array',
  });
  return rows.map(recordOf);
}

/** @returns undefined if there is no such job, or if the role may not see it */
export async function readJob(client: Client, id: string): Promise<DurableRecord | undefined> {
  const { rows } = await client.query<[...RecordRow]>({
    text: `SELECT ${RECORD} WHERE j.id OPERATOR(pg_catalog.=) $1::pg_catalog.int8`,
    values: [id],
    rowMode: 'array',
  });
  return rows[0] && recordOf(rows[0]);
}

/** Jobs, with what is needed to interpret them. */
export interface ListedJobs {
  /** Identifies the tables: the cluster, the database, and the table of jobs. */
  readonly place: string;
  /** The server's clock. */
  readonly now: string;
  readonly jobs: readonly DurableRecord[];
  /** If jobs are missing: all from this id on were read. */
  readonly from?: string;
}

/** The ids of the jobs that have not ended, and of the newest `$1`. */
const CHOSEN = `(
  (SELECT pg_catalog.array_agg(u.id) FROM pgbackground_jobs.jobs AS u WHERE u.state OPERATOR(pg_catalog.=) ANY (ARRAY[${UNFINISHED_LIST}]::pg_catalog.text[]))
  OPERATOR(pg_catalog.||)
  (SELECT pg_catalog.array_agg(f.id) FROM (SELECT a.id FROM pgbackground_jobs.jobs AS a
     ORDER BY a.id USING OPERATOR(pg_catalog.>) LIMIT $1::pg_catalog.int8) AS f))`;

/** The values that a column has in the chosen jobs, as an array. */
const ofChosen = (column: string): string =>
  `(SELECT pg_catalog.array_agg(DISTINCT c.${column}) FROM pgbackground_jobs.jobs AS c
     WHERE c.id OPERATOR(pg_catalog.=) ANY (${CHOSEN}) AND c.${column} IS NOT NULL)::pg_catalog.int8[]`;

/**
 * All jobs that have not ended, and the newest of the others, at most `limit`; with their long texts cut. Their batches are complete,
 * because a batch without some of its jobs would look as if those had succeeded. The newest are last.
 */
export async function listJobs(client: Client, limit: number): Promise<ListedJobs> {
  const list = await listed(
    client,
    `SELECT ${recordSql(false)} WHERE j.id OPERATOR(pg_catalog.=) ANY (${CHOSEN} OPERATOR(pg_catalog.||) ${ofChosen('after_job')} OPERATOR(pg_catalog.||)
       (SELECT pg_catalog.array_agg(m.id) FROM pgbackground_jobs.jobs AS m WHERE m.batch_key OPERATOR(pg_catalog.=) ANY (${ofChosen('batch_key')})))
     ORDER BY j.id USING OPERATOR(pg_catalog.<)`,
    limit,
  );
  const oldest = list.jobs.at(-limit);
  return { ...list, ...(oldest && { from: oldest.id }) };
}

/** The jobs with these ids that the role may see. @param whole do not cut long texts */
export function readSomeJobs(client: Client, ids: readonly string[], whole = false): Promise<ListedJobs> {
  return listed(
    client,
    `SELECT ${recordSql(whole)} WHERE j.id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.int8[])`,
    ids,
  );
}

async function listed(client: Client, text: string, value: unknown): Promise<ListedJobs> {
  const { rows: facts } = await client.query<[string, string]>({
    text: `SELECT pg_catalog.concat_ws(':', (SELECT c.system_identifier FROM pg_catalog.pg_control_system() AS c),
                    (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()),
                    'pgbackground_jobs.jobs'::pg_catalog.regclass::pg_catalog.oid),
                  ${timeText('pg_catalog.clock_timestamp()')}`,
    rowMode: 'array',
  });
  const { rows } = await client.query<[...RecordRow]>({ text, values: [value], rowMode: 'array' });
  const [place = '', now = ''] = facts[0] ?? [];
  return { place, now, jobs: rows.map(recordOf) };
}

/** Writes the outcome of jobs whose keeper has ended, as far as the server knows it. @returns the number of jobs that it changed */
export async function resolveJobs(client: Client): Promise<number> {
  return Number(await one(client, 'SELECT pgbackground_jobs.resolve()::pg_catalog.text', []));
}

/** Requests that a job is canceled. Never kills its worker. */
export async function cancelJob(client: Client, id: string): Promise<CancelAnswer> {
  return ((await one(client, 'SELECT pgbackground_jobs.cancel($1::pg_catalog.int8)', [id])) ??
    undefined) as CancelAnswer;
}

/** Notes that someone has seen how the jobs ended. */
export async function markSeen(client: Client, ids: readonly string[]): Promise<void> {
  await one(client, 'SELECT pgbackground_jobs.mark_seen($1::pg_catalog.int8[])::pg_catalog.text', [ids]);
}

/** Pins or unpins a job. An unpinned one that has ended counts as seen now. @returns false if there is no such job */
export async function pinJob(client: Client, id: string, pinned: boolean): Promise<boolean> {
  const { rowCount } = await client.query({
    text: `UPDATE pgbackground_jobs.jobs AS j
              SET seen_at = CASE WHEN $2::pg_catalog.bool THEN 'infinity'::pg_catalog.timestamptz WHEN NOT ${PINNED} THEN j.seen_at
                                 WHEN j.state OPERATOR(pg_catalog.<>) ALL (ARRAY[${UNFINISHED_LIST}]::pg_catalog.text[])
                                 THEN pg_catalog.clock_timestamp() END
            WHERE j.id OPERATOR(pg_catalog.=) $1::pg_catalog.int8`,
    values: [id, String(pinned)],
  });
  if (rowCount !== 1) return false;
  await one(client, 'SELECT pg_catalog.pg_notify($1, $2)::pg_catalog.text', [CHANNEL, id]);
  return true;
}

/** A job that would be purged. */
export interface Purgeable {
  readonly id: string;
  readonly label: string;
  readonly owner: string;
  readonly state: string;
  readonly finishedAt: string;
  readonly seen: boolean;
  readonly pinned: boolean;
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
                  'state', j.state, 'finishedAt', ${timeText('j.finished_at')}, 'seen', j.seen_at IS NOT NULL, 'pinned', ${PINNED}, 'bytes', pg_catalog.pg_total_relation_size(j.rows_oid)::pg_catalog.text)::pg_catalog.text
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

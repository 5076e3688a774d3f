/** Launches a durable job: one record and one keeper, in one transaction. */
import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import type { RunRequest } from '../../../api';
import { FaultError } from '../../base/fault';
import { SQLSTATE } from '../../base/sqlstate';
import { launchOptions } from '../../jobs/run/launchLimits';
import { classify } from '../../sql/classify/classify';
import type { EarlierEffect } from '../../sql/classify/earlierStatements';
import type { IntoTable } from '../../sql/intoTable';
import { launchText } from '../../sql/settings/launchSettings';
import { isOn } from '../../sql/settings/settingValue';
import { describeStatement } from '../client/describe';
import type { TypeCache } from '../client/typeCache';
import { isServerError, mayEndSession, sqlstateOf } from '../errors';
import { intoRefusal, intoText } from '../pgBackground/intoText';
import { describeText, intoTableOf } from '../pgBackground/textPlan';
import { WORKER_ONLY } from '../pgBackground/withSettings';
import { refusalOf, workerText, type Description, type WorkerText } from '../pgBackground/rowPlan';
import type { WorkerSettings } from '../server/serverLinkTypes';
import type { ExpectedTable } from './earlierTables';
import type { DurableFault } from './faults';
import { planDurable, RefusedTextError, type DurablePlan } from './plan';

/** The keeper and its worker. */
export const SLOTS_PER_JOB = 2;

/** Settings that the keeper does not inherit, because they could end it, or change what its own statements mean. */
const KEPT_FROM_KEEPER = [
  'search_path',
  'row_security',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'transaction_timeout',
  'pg_background.worker_timeout',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'default_transaction_deferrable',
];

/** How long describing a statement may wait for a table that is locked. Milliseconds. */
const LOCK_TIMEOUT_MS = 500;
/** The server's source files of its parser. */
const PARSER_FILES = new Set(['gram.y', 'scan.l']);

export interface DurableRunRequest extends Pick<
  RunRequest,
  'sql' | 'settings' | 'statementTimeoutMs' | 'workerTimeoutMs' | 'into' | 'readOnly'
> {
  readonly label: string;
  /** Settings of the role that this session has changed for its own queries, such as limits: the worker gets these values. */
  readonly inherited?: ReadonlyMap<string, string>;
  /** Parameters of all workers of the connection. */
  readonly workerSettings?: WorkerSettings;
  /** Called just before the job is launched: if the connection is lost from then on, it may have been launched. */
  onSending?(): void;
  /** Store rows in a table that a crash of the server empties, which costs less. */
  readonly unlogged?: boolean;
  /** Set for a statement of a batch. Then a syntax error is thrown, because it would stop the batch later. */
  readonly inBatch?: { readonly effect: EarlierEffect | undefined; readonly expectedTable: ExpectedTable };
}

export interface LaunchedJob {
  /** Of type int8. */
  readonly id: string;
  readonly plan: DurablePlan;
}

export interface SessionState {
  /** The current values of {@link KEPT_FROM_KEEPER} that the server knows. */
  readonly settings: readonly (readonly [string, string])[];
  readonly standardStrings: boolean;
  readonly plpgsql: boolean;
  readonly eventTriggers: boolean;
  readonly free: number;
  readonly max: number;
}

/** Event triggers that see the table of rows being created. */
const STATE_QUERY = `
  SELECT pg_catalog.json_build_object(
    'settings', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(s.name, pg_catalog.current_setting(s.name, true)))
                   FROM pg_catalog.unnest($1::pg_catalog.text[]) AS s(name) WHERE pg_catalog.current_setting(s.name, true) IS NOT NULL),
    'standardStrings', pg_catalog.current_setting('standard_conforming_strings') OPERATOR(pg_catalog.=) 'on',
    'plpgsql', pg_catalog.has_language_privilege('plpgsql', 'USAGE'),
    'eventTriggers', EXISTS (SELECT FROM pg_catalog.pg_event_trigger AS e
      WHERE e.evtenabled OPERATOR(pg_catalog.<>) 'D' AND e.evtevent OPERATOR(pg_catalog.=) ANY ('{ddl_command_start,ddl_command_end}'::pg_catalog.name[])
        AND (e.evttags IS NULL OR e.evttags OPERATOR(pg_catalog.&&) '{CREATE TABLE AS,CREATE TABLE,REVOKE}'::pg_catalog.text[])),
    'free', f.free, 'max', f.max)::pg_catalog.text
  FROM pgbackground_jobs.free_slots() AS f`;

/**
 * Launches a durable job. The setup must have been checked (`useRefusal`).
 * @throws FaultError if two slots are not free; RefusedTextError if the text cannot be sent; the server's error otherwise. In all these
 * cases nothing was launched, unless the connection was lost.
 */
export async function launchDurable(
  client: Client,
  types: TypeCache,
  request: DurableRunRequest,
): Promise<LaunchedJob> {
  const state = await readState(client, SLOTS_PER_JOB);
  const plan = await planLaunch(client, types, state, request);
  request.onSending?.();
  return { id: await start(client, request, plan), plan };
}

/** Plans what the worker runs. @throws as {@link launchDurable} */
export async function planLaunch(
  client: Client,
  types: TypeCache,
  state: SessionState,
  request: DurableRunRequest,
): Promise<DurablePlan> {
  const text = launchText(request.sql);
  const options = launchOptions(request, text);
  const settings = settingsOf(state, request, options);
  const written = workerText(text.sql);
  const standard = settings.findLast(([name]) => name === 'standard_conforming_strings')?.[1];
  const refusal = refusalOf(written, {
    standardStrings: standard === undefined ? state.standardStrings : isOn(standard),
  });
  if (refusal) throw new RefusedTextError(refusal);
  const table = intoTableOf(request.into);
  // Its last statement then returns no rows.
  const worker = table
    ? await intoWorkerText(client, types, written, settings, table, request.inBatch?.expectedTable)
    : written;
  const descriptions = await describeLast(client, types, worker, settings, request.inBatch !== undefined);
  return planDurable(
    {
      worker,
      settings,
      rowsTable: `r_${randomBytes(16).toString('hex')}`,
      ...(request.unlogged === undefined ? {} : { unlogged: request.unlogged }),
    },
    {
      ...descriptions,
      eventTriggers: state.eventTriggers,
      plpgsql: state.plpgsql,
      batchEffect: request.inBatch?.effect,
    },
  );
}

/** @throws FaultError if fewer slots are free than are needed */
export async function readState(client: Client, needed: number): Promise<SessionState> {
  const { rows } = await client.query<[string]>({ text: STATE_QUERY, values: [KEPT_FROM_KEEPER], rowMode: 'array' });
  const state = JSON.parse(rows[0]?.[0] ?? '{}') as SessionState;
  const { free, max } = state;
  if (free >= needed) return state;
  throw new FaultError<DurableFault>({ code: 'durable.noSlots', params: { free: Math.max(free, 0), needed, max } });
}

/** The settings of the worker, in the order in which they are applied. */
function settingsOf(
  state: SessionState,
  request: DurableRunRequest,
  { settings = {}, statementTimeoutMs, workerTimeoutMs }: ReturnType<typeof launchOptions>,
): (readonly [string, string])[] {
  const all = new Map<string, string>([...state.settings, ...(request.inherited ?? [])]);
  const { defaults = {}, enforced = {} } = request.workerSettings ?? {};
  for (const [name, value] of Object.entries({ ...defaults, ...settings, ...enforced })) {
    if (name !== 'client_encoding') all.set(name, value);
  }
  if (statementTimeoutMs !== undefined) all.set('statement_timeout', String(statementTimeoutMs));
  if (workerTimeoutMs !== undefined) all.set('pg_background.worker_timeout', String(workerTimeoutMs));
  // Nothing reads messages, so they would only fill the queue.
  all.set('client_min_messages', 'error');
  return [...all];
}

/** The text with its rows stored in a table of the user's. @throws LaunchError if they cannot be */
async function intoWorkerText(
  client: Client,
  types: TypeCache,
  worker: WorkerText,
  settings: readonly (readonly [string, string])[],
  table: IntoTable,
  expected: ExpectedTable = (_, facts) => facts,
): Promise<WorkerText> {
  const local = Object.fromEntries(settings.filter(([name]) => !WORKER_ONLY.test(name)));
  const described = await describeText(client, types, worker, local, table);
  const { rows } = described;
  const into = described.into && expected(table, described.into);
  const refusal = intoRefusal(worker, table, into);
  if (refusal) throw new FaultError(refusal);
  return workerText(intoText(worker, table, rows, into).text);
}

/** A text that the server's parser does not accept. */
export class SyntaxFaultError extends FaultError<DurableFault> {
  /** In UTF-16 code units. */
  readonly position: number;

  constructor(message: string, position: number) {
    super({ code: 'durable.syntaxError', params: { message } });
    this.position = position;
  }
}

/**
 * Describes the last statement, and as a part of a WITH if only that form can be stored.
 * @param parses throw a {@link SyntaxFaultError} if it does not parse
 */
async function describeLast(
  client: Client,
  types: TypeCache,
  { sql, last }: WorkerText,
  settings: readonly (readonly [string, string])[],
  parses: boolean,
): Promise<{ description: Description; inWith: Description | undefined; readOnly: boolean }> {
  const readOnly = settings.some(([name, value]) => name === 'default_transaction_read_only' && isOn(value));
  if (!last) return { description: { noRows: true }, inWith: undefined, readOnly };
  const statement = sql.slice(last.start, last.end);
  const description = await describe(client, types, statement, settings, parses ? last.start : undefined);
  const { selectLike, kind } = classify(sql, last);
  const isWrite = !selectLike && 'columns' in description && WRITES.has(kind);
  const inWith = isWrite
    ? await describe(client, types, `WITH q AS (${statement}\n) SELECT * FROM q`, settings)
    : undefined;
  return { description, inWith, readOnly };
}

const WRITES = new Set(['returning', 'with-dml', 'with-select']);

async function describe(
  client: Client,
  types: TypeCache,
  statement: string,
  settings: readonly (readonly [string, string])[],
  mustParseAt?: number,
): Promise<Description> {
  const local = [
    ...settings.filter(([name]) => !WORKER_ONLY.test(name)),
    ['lock_timeout', String(LOCK_TIMEOUT_MS)] as const,
  ];
  const sets = local.map((_, i) => `pg_catalog.set_config($${2 * i + 1}, $${2 * i + 2}, true)`);
  await client.query('BEGIN');
  try {
    await client.query({ text: `SELECT ${sets.join(', ')}`, values: local.flat() });
    const columns = await describeStatement(client, statement);
    if (!columns) return { noRows: true };
    await types.load(client, columns);
    return { columns: columns.map((column) => ({ column, type: types.get(column) })) };
  } catch (error) {
    if (!isServerError(error) || mayEndSession(error)) throw error;
    const syntax = PARSER_FILES.has(error.file ?? '');
    if (syntax && mustParseAt !== undefined) {
      // The position counts characters, and not UTF-16 code units.
      const before = Array.from(statement).slice(0, Math.max(0, Number(error.position ?? 1) - 1));
      throw new SyntaxFaultError(error.message, mustParseAt + before.join('').length);
    }
    return { failed: true, locked: sqlstateOf(error) === SQLSTATE.lockNotAvailable, ...(syntax ? { syntax } : {}) };
  } finally {
    await client.query('ROLLBACK');
  }
}

function start(client: Client, request: DurableRunRequest, plan: DurablePlan): Promise<string> {
  const { label, sql } = request;
  const columns = columnsOf(plan);
  return startJobs<string>(client, {
    text: `SELECT pgbackground_jobs.start($1::pg_catalog.text, $2::pg_catalog.text, $3::pg_catalog.json, $4::pg_catalog.json,
                                            $5::pg_catalog.bool, $6::pg_catalog.name)::pg_catalog.text`,
    values: [
      label,
      sql,
      JSON.stringify(optionsOf(request, plan)),
      columns === undefined ? null : JSON.stringify(columns),
      String(plan.gated),
      plan.rowsTable ?? null,
    ],
  });
}

export function columnsOf({ columns }: DurablePlan): unknown {
  return columns?.map(({ name, type, typeOid }) => ({ name, type, typeOid }));
}

/** The options in the record: with what was requested, any computer can run the job again. */
export function optionsOf(request: DurableRunRequest, plan: DurablePlan): unknown {
  const { statementTimeoutMs, workerTimeoutMs, settings, into, readOnly } = request;
  return { ...plan.options, requested: { statementTimeoutMs, workerTimeoutMs, settings, into, readOnly } };
}

/** Calls a function that launches keepers. The transaction may write and is read committed, whatever the role's defaults are. */
export async function startJobs<T>(client: Client, query: { text: string; values: unknown[] }): Promise<T> {
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE NOT DEFERRABLE');
  try {
    const { rows } = await client.query<[T]>({ ...query, rowMode: 'array' });
    await client.query('COMMIT');
    const [row] = rows;
    if (!row) throw new Error('The launch returned nothing.');
    return row[0];
  } catch (error) {
    if (isServerError(error)) await client.query('ROLLBACK');
    throw error;
  }
}

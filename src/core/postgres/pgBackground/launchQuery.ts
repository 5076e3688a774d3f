import type { LaunchRequest, WorkerHandle, WorkerLimits } from '../../jobs/ports';
import { settingMs } from '../../sql/settings/settingValue';
import { timeText } from '../server/timeText';
import type { ExtensionFunctions } from './extensionFunctions';
import type { ProcessIds } from '../client/processIds';

/** pid, cookie, the backend that launched it, the server's start, the worker's own where it is shown already, and its limits. */
export type LaunchRow = [string, string, string, string, string | null, string | null, string | null];

/**
 * Settings travel with the launch: a worker inherits those of the session that launches it. They are set in the same statement: so
 * they last no longer than it, and a short statement_timeout, which counts from a statement's start, cannot end the launch itself
 * half-way.
 */
export function launchQuery(
  functions: ExtensionFunctions,
  { sql, label, queueSizeBytes = 0 }: LaunchRequest,
  settings: readonly (readonly [string, string])[],
): { text: string; values: unknown[]; rowMode: 'array' } {
  const values: unknown[] = [sql, queueSizeBytes, ...(functions.hasLabel ? [label] : [])];
  const next = values.length + 1;
  const sets = settings.map((_, i) => `pg_catalog.set_config($${next + 2 * i}, $${next + 2 * i + 1}, true) AS s${i}`);
  // The SQL depends on them, so that they are set before the launch, whatever the planner thinks.
  const set = settings.map((_, i) => `s.s${i} IS NOT NULL`).join(' AND ');
  const text = '$1::pg_catalog.text';
  const argument = sets.length === 0 ? text : `CASE WHEN ${set} THEN ${text} END`;
  const call = functions.launch(argument);
  return {
    text: `SELECT l.pid, l.cookie, pg_catalog.pg_backend_pid(),
                  ${timeText('pg_catalog.pg_postmaster_start_time()')}, ${timeText('a.backend_start')},
                  pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('pg_background.worker_timeout', true)
             FROM ${sets.length === 0 ? '' : `(SELECT ${sets.join(', ')} OFFSET 0) AS s CROSS JOIN LATERAL `}${call} AS l
             LEFT JOIN LATERAL pg_catalog.pg_stat_get_activity(l.pid) AS a ON true`,
    values: [...values, ...settings.flat()],
    rowMode: 'array',
  };
}

/** What a launch applies to its worker, later entries over earlier ones. */
export function launchSettings(
  inherited: ReadonlyMap<string, string>,
  { statementTimeoutMs, workerTimeoutMs, settings = {} }: LaunchRequest,
): readonly (readonly [string, string])[] {
  const all = new Map(inherited);
  // The names of parameters do not depend on case.
  for (const [name, value] of Object.entries(settings)) {
    // Of a worker, this session is the client, whose encoding is not the user's to choose.
    if (name.toLowerCase() !== 'client_encoding') all.set(name.toLowerCase(), value);
  }
  if (statementTimeoutMs !== undefined) all.set('statement_timeout', String(statementTimeoutMs));
  if (workerTimeoutMs !== undefined) all.set('pg_background.worker_timeout', String(workerTimeoutMs));
  return [...all];
}

/** @param backend the process of the session that was asked to launch it */
export function toHandle(row: LaunchRow, backend: number, processIds: ProcessIds): WorkerHandle {
  const [pid, cookie, backendPid, serverStart, backendStart, statementTimeout, workerTimeout] = row;
  const processId = processIds.of(Number(pid), backendStart ?? undefined);
  const limits: WorkerLimits = {
    statementTimeoutMs: settingMs(statementTimeout ?? '') ?? 0,
    workerTimeoutMs: settingMs(workerTimeout ?? '') ?? 0,
  };
  return {
    launchId: Number(pid),
    cookie,
    serverStart,
    limits,
    elsewhere: Number(backendPid) !== backend,
    ...(processId === undefined ? {} : { processId }),
    ...(processId === undefined || backendStart === null ? {} : { backendStart }),
  };
}

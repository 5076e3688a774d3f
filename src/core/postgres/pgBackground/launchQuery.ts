import type { LaunchRequest, WorkerHandle, WorkerLimits } from '../../jobs/ports';
import { settingMs } from '../../sql/settings/settingValue';
import type { WorkerSettings } from '../server/serverLinkTypes';
import { timeText } from '../server/timeText';
import type { ExtensionFunctions } from './extensionFunctions';
import type { ProcessIds } from '../client/processIds';

/** The settings that a session gives to workers, besides those of a request. */
export interface GivenSettings {
  /** The role's own limits, which are off in the session. */
  readonly inherited: ReadonlyMap<string, string>;
  /** Those of the connection. */
  readonly workerSettings: WorkerSettings;
}

/** Launch id, cookie, pid of the launching backend, start of the server, start of the worker if the server shows it already, limits. */
export type LaunchRow = [string, string, string, string, string | null, string | null, string | null];

/**
 * The query for a launch. A worker inherits the settings of its session, so they are set in the same statement: they end with it, and
 * a short statement_timeout, which counts from the start of a statement, cannot interrupt the launch itself.
 */
export function launchQuery(
  functions: ExtensionFunctions,
  { sql, label, queueSizeBytes = 0 }: LaunchRequest,
  settings: readonly (readonly [string, string])[],
): { text: string; values: unknown[]; rowMode: 'array' } {
  const values: unknown[] = [sql, queueSizeBytes, ...(functions.hasLabel ? [label] : [])];
  const next = values.length + 1;
  const sets = settings.map((_, i) => `pg_catalog.set_config($${next + 2 * i}, $${next + 2 * i + 1}, true) AS s${i}`);
  // The SQL argument depends on the settings, so that the planner cannot evaluate the launch first.
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

/** The settings of a launch; later entries override earlier ones. */
export function launchSettings(
  inherited: ReadonlyMap<string, string>,
  { statementTimeoutMs, workerTimeoutMs, settings = {} }: LaunchRequest,
): readonly (readonly [string, string])[] {
  const all = new Map(inherited);
  // Parameter names are case-insensitive.
  for (const [name, value] of Object.entries(settings)) {
    // The client of a worker is this session, so the user cannot choose its encoding.
    if (name.toLowerCase() !== 'client_encoding') all.set(name.toLowerCase(), value);
  }
  if (statementTimeoutMs !== undefined) all.set('statement_timeout', String(statementTimeoutMs));
  if (workerTimeoutMs !== undefined) all.set('pg_background.worker_timeout', String(workerTimeoutMs));
  return [...all];
}

/** @param backend pid of the session that sent the launch */
export function toHandle(row: LaunchRow, backend: number, processIds: ProcessIds): WorkerHandle {
  const [pid, cookie, backendPid, serverStart, backendStart, statementTimeout, workerTimeout] = row;
  const processId = processIds.processIdOf(Number(pid), backendStart ?? undefined);
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

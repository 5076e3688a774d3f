import type { Client } from 'pg';
import type { ServerIdentity } from '../jobs/serverIdentity';
import { timeText } from './activity';
import { reachedBy } from './connect/reached';
import { isServerError, sqlstateOf } from './errors';
import { QUERY_CANCELED } from '../jobs/outcome';

/** SQLSTATE insufficient_privilege, and object_not_in_prerequisite_state: WAL functions during a promotion. */
const NOT_TOLD = new Set(['42501', '55000']);

/**
 * Expressions for {@link ServerIdentity}. `full` adds what a role may be refused.
 *
 * No operator here, or anywhere in what is sent to a session, is looked up in the search_path, which is the user's.
 */
function identityColumns(full: boolean): string {
  const timeline = `CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL
    ELSE pg_catalog."left"(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) END`;
  return [
    timeText('pg_catalog.pg_postmaster_start_time()'),
    full ? '(SELECT c.system_identifier FROM pg_catalog.pg_control_system() AS c)' : 'NULL',
    full ? timeline : 'NULL',
    'pg_catalog.host(pg_catalog.inet_server_addr())',
    'pg_catalog.inet_server_port()',
    // Without the right to see it there is no row, where current_setting() would raise an error.
    `(SELECT s.setting FROM pg_catalog.pg_settings AS s WHERE s.name OPERATOR(pg_catalog.=) 'data_directory')`,
  ].join(', ');
}

const IDENTITY_COLUMNS = 6;

/** A role's statement_timeout can end even the statement that lifts it; each attempt is independent. */
const LIFT_ATTEMPTS = 100;

/** What a new connection of ours asks first. */
export interface FirstAnswer {
  readonly server: ServerIdentity;
  /** The rest of the row: what the caller asked for. */
  readonly row: readonly (string | null)[];
}

/**
 * Lifts the role's statement_timeout for this connection and asks which server it is, together with what the caller wants to know,
 * in one round trip.
 * @param columns expressions, qualified; one row
 */
export async function introduce(client: Client, columns: string): Promise<FirstAnswer> {
  try {
    return await ask(client, true, columns);
  } catch (error) {
    if (!NOT_TOLD.has(sqlstateOf(error))) throw error;
    return ask(client, false, columns);
  }
}

async function ask(client: Client, full: boolean, columns: string): Promise<FirstAnswer> {
  // The first statement arms the role's timeout, the others are no longer subject to it.
  const text = `SET statement_timeout = 0; SELECT ${identityColumns(full)}, ${columns}`;
  for (let attempt = 1; ; attempt++) {
    try {
      const results = (await client.query({ text, rowMode: 'array' })) as unknown as { rows: (string | null)[][] }[];
      const row = results.at(-1)?.rows[0] ?? [];
      return { server: identityOf(row, client), row: row.slice(IDENTITY_COLUMNS) };
    } catch (error) {
      if (!isServerError(error) || error.code !== QUERY_CANCELED || attempt === LIFT_ATTEMPTS) throw error;
    }
  }
}

function identityOf(row: readonly (string | null)[], client: Client): ServerIdentity {
  const [start, system, timeline, host, port, dataDirectory] = row;
  const reached = reachedBy(client);
  return {
    start: start ?? '',
    ...(system ? { system } : {}),
    ...(timeline ? { timeline } : {}),
    ...(host ? { address: `${host}:${port ?? ''}` } : {}),
    ...(dataDirectory ? { dataDirectory } : {}),
    ...(reached ? { reached } : {}),
  };
}

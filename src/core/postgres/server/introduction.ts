import type { Client } from 'pg';
import type { ServerIdentity } from '../../jobs/serverIdentity';
import { timeText } from './timeText';
import { reachedBy } from '../connect/open/reached';
import { sqlstateOf } from '../errors';
import { SQLSTATE } from '../../base/sqlstate';

/** The role may not ask, or WAL functions are not available because the server is being promoted. */
const REFUSED = new Set<string>([SQLSTATE.insufficientPrivilege, SQLSTATE.objectNotInPrerequisiteState]);

/**
 * SQL expressions for a {@link ServerIdentity}.
 *
 * Operators are qualified, here and in all SQL for sessions, because the search_path is the user's.
 * @param full include the expressions that a role may not be allowed to evaluate
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
    // Without the privilege to see the setting this returns no row, whereas current_setting() would raise an error.
    `(SELECT s.setting FROM pg_catalog.pg_settings AS s WHERE s.name OPERATOR(pg_catalog.=) 'data_directory')`,
  ].join(', ');
}

const IDENTITY_COLUMNS = 6;

/** A role's statement_timeout can even cancel the statement that turns it off. Attempts are independent of each other. */
const LIFT_ATTEMPTS = 100;

/** The answer to the first query of a connection. */
export interface FirstAnswer {
  readonly server: ServerIdentity;
  /** The values of the caller's expressions. */
  readonly row: readonly (string | null)[];
}

/**
 * Turns off the role's statement_timeout for this connection and identifies the server, in one round trip.
 * @param columns further SQL expressions to evaluate, with qualified names
 */
export async function introduce(client: Client, columns: string): Promise<FirstAnswer> {
  try {
    return await queryIdentity(client, true, columns);
  } catch (error) {
    if (!REFUSED.has(sqlstateOf(error))) throw error;
    return queryIdentity(client, false, columns);
  }
}

/** Facts about a session. */
export interface SessionFacts {
  readonly server: ServerIdentity;
  readonly backendPid: number;
  readonly backendStart: string;
  /** The database's encoding. */
  readonly encoding: string;
  /** `standard_conforming_strings` of the session. */
  readonly standardStrings: boolean;
  /** Whether the role can use PL/pgSQL. */
  readonly plpgsql: boolean;
  /** The limits that the role, the database, and the profile set: names and values other than 0. Workers get them. */
  readonly limits: readonly (readonly [string, string])[];
}

/** Identifies the server of a session and turns off limits in the session. @param limits names of settings */
export async function introduceSession(client: Client, limits: readonly string[]): Promise<SessionFacts> {
  // The reset value is that of the role, the database, and the profile, whatever this session has set.
  const { server, row } = await introduce(
    client,
    `pg_catalog.pg_backend_pid(),
     (SELECT ${timeText('a.backend_start')} FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a),
     (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(s.name, s.reset_val, pg_catalog.set_config(s.name, '0', false)))
        FROM pg_catalog.pg_settings AS s
       WHERE s.name OPERATOR(pg_catalog.=) ANY ('{${limits.join(',')}}'::pg_catalog.text[])),
     pg_catalog.current_setting('server_encoding'),
     pg_catalog.current_setting('standard_conforming_strings'),
     EXISTS (SELECT FROM pg_catalog.pg_language AS l
              WHERE l.lanname OPERATOR(pg_catalog.=) 'plpgsql' AND pg_catalog.has_language_privilege(l.oid, 'USAGE'))`,
  );
  const [backendPid, backendStart, found, encoding, standardStrings, plpgsql] = row;
  return {
    server,
    backendPid: Number(backendPid),
    backendStart: backendStart ?? '',
    encoding: encoding ?? '',
    standardStrings: standardStrings === 'on',
    plpgsql: plpgsql === 't',
    limits: (JSON.parse(found ?? '[]') as [string, string][]).filter(([, value]) => value !== '0'),
  };
}

/** Whether the role has the privilege to call a function. A call may be denied for other reasons, too. */
export async function mayCall(
  query: (query: { text: string; values: unknown[]; rowMode: 'array' }) => Promise<[string][]>,
  signature: string,
): Promise<boolean> {
  try {
    const text = `SELECT pg_catalog.has_function_privilege($1::pg_catalog.text, 'EXECUTE')`;
    const [row] = await query({ text, values: [signature], rowMode: 'array' });
    return row?.[0] !== 'f';
  } catch (error) {
    // Without the privilege to use its schema, the function cannot even be named.
    return sqlstateOf(error) !== SQLSTATE.insufficientPrivilege;
  }
}

async function queryIdentity(client: Client, full: boolean, columns: string): Promise<FirstAnswer> {
  // The role's timeout applies to the first statement only, because that one turns it off.
  const text = `SET statement_timeout = 0; SELECT ${identityColumns(full)}, ${columns}`;
  for (let attempt = 1; ; attempt++) {
    try {
      const results = (await client.query({ text, rowMode: 'array' })) as unknown as { rows: (string | null)[][] }[];
      const row = results.at(-1)?.rows[0] ?? [];
      return { server: identityOf(row, client), row: row.slice(IDENTITY_COLUMNS) };
    } catch (error) {
      if (sqlstateOf(error) !== SQLSTATE.queryCanceled || attempt === LIFT_ATTEMPTS) throw error;
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

import type { Client } from 'pg';
import type { ServerIdentity } from '../../jobs/serverIdentity';
import { timeText } from './timeText';
import { reachedBy } from '../connect/open/reached';
import { sqlstateOf } from '../errors';
import { SQLSTATE } from '../../base/sqlstate';

/** The role may not ask, or WAL functions are not available because the server is being promoted. */
const REFUSED = new Set<string>([SQLSTATE.insufficientPrivilege, SQLSTATE.objectNotInPrerequisiteState]);

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
    if (!REFUSED.has(sqlstateOf(error))) throw error;
    return ask(client, false, columns);
  }
}

/** What a session needs to know of itself. */
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
  /** The limits of the role, the database and the profile, which are given to workers: names and values other than 0. */
  readonly limits: readonly (readonly [string, string])[];
}

/** Introduces a session and lifts the limits named for it; the worker still gets them. */
export async function introduceSession(client: Client, limits: readonly string[]): Promise<SessionFacts> {
  // The reset value is what the role, the database and the profile give, whatever is set in this session.
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

/** Whether the role has the right to call a function; a call may be denied for other reasons too. */
export async function mayCall(
  query: (query: { text: string; values: unknown[]; rowMode: 'array' }) => Promise<[string][]>,
  signature: string,
): Promise<boolean> {
  try {
    const text = `SELECT pg_catalog.has_function_privilege($1::pg_catalog.text, 'EXECUTE')`;
    const [row] = await query({ text, values: [signature], rowMode: 'array' });
    return row?.[0] !== 'f';
  } catch (error) {
    // Without the right to use its schema the function cannot even be named.
    return sqlstateOf(error) !== SQLSTATE.insufficientPrivilege;
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

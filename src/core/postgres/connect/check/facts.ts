/** Facts about a server for Test Connection, from one query that any role may run. */
import { TLSSocket } from 'node:tls';
import type { Client } from 'pg';
import { OCCUPIES_WORKER_SLOT } from '../../server/workerSlots';

export interface TlsFacts {
  readonly protocol: string;
  readonly cipher: string;
  /** The common name of the certificate; '' without one. */
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly validTo: number;
}

export interface ServerFacts {
  readonly version: string;
  readonly versionNumber: number;
  /** The text of `version()`, with the platform and the compiler. */
  readonly banner: string;
  readonly standby: boolean;
  readonly readOnly: boolean;
  readonly backendPid: number;
  readonly user: string;
  readonly database: string;
  readonly superuser: boolean;
  /** The version of pg_background that CREATE EXTENSION would install; undefined if its files are not on the server. */
  readonly available: string | undefined;
  readonly extension: ExtensionFacts | undefined;
  readonly hasRole: boolean;
  readonly maySignal: boolean;
  readonly mayReadStats: boolean;
  readonly slotsTotal: number;
  /** Slots in use, as far as this role can see them. */
  readonly slotsUsed: number;
  /** The values of {@link LIMITS} as SHOW returns them; unknown settings are omitted. */
  readonly settings: ReadonlyMap<string, string>;
}

export interface ExtensionFacts {
  readonly version: string;
  /** Quoted if necessary. */
  readonly schema: string;
  readonly mayUseSchema: boolean;
  /** False if the role may not call one of the functions that launch and watch workers. */
  readonly mayLaunch: boolean;
  /** The extension has pg_background_grant_privileges(). */
  readonly canGrant: boolean;
}

/** Settings that limit sessions and workers. */
export const LIMITS = [
  'statement_timeout',
  'transaction_timeout',
  'lock_timeout',
  'idle_session_timeout',
  'idle_in_transaction_session_timeout',
  'pg_background.worker_timeout',
  'pg_background.max_workers',
] as const;

const QUERY = `
  WITH f AS (
    SELECT p.oid, p.proname
      FROM pg_catalog.pg_extension e
      JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
       AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'e'
      JOIN pg_catalog.pg_proc p ON p.oid = d.objid
     WHERE e.extname = 'pg_background')
  SELECT pg_catalog.json_build_object(
    'version', pg_catalog.current_setting('server_version'),
    'versionNumber', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
    'banner', pg_catalog.version(),
    'standby', pg_catalog.pg_is_in_recovery(),
    'readOnly', pg_catalog.current_setting('transaction_read_only') = 'on',
    'backendPid', pg_catalog.pg_backend_pid(),
    'user', CURRENT_USER::pg_catalog.text,
    'database', pg_catalog.current_database()::pg_catalog.text,
    'superuser', (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER),
    'available', (SELECT a.default_version FROM pg_catalog.pg_available_extensions a WHERE a.name = 'pg_background'),
    'extension', (SELECT pg_catalog.json_build_object(
        'version', e.extversion,
        'schema', pg_catalog.quote_ident(n.nspname),
        'mayUseSchema', pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
        'mayLaunch', (SELECT pg_catalog.bool_and(pg_catalog.has_function_privilege(f.oid, 'EXECUTE')) FROM f
                       WHERE f.proname ~ '^pg_background_(launch|wait|result|cancel)(_v2.*)?$'),
        'canGrant', EXISTS (SELECT FROM f WHERE f.proname = 'pg_background_grant_privileges'))
      FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
     WHERE e.extname = 'pg_background'),
    'hasRole', EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pgbackground_role'),
    'maySignal', pg_catalog.pg_has_role('pg_signal_backend', 'USAGE'),
    'mayReadStats', pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'),
    'slotsTotal', pg_catalog.current_setting('max_worker_processes')::pg_catalog.int4,
    'slotsUsed', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity
                   WHERE ${OCCUPIES_WORKER_SLOT}),
    'settings', (SELECT pg_catalog.json_object_agg(s.name, pg_catalog.current_setting(s.name, true))
                   FROM pg_catalog.unnest($1::pg_catalog.text[]) AS s(name)))`;

type FactsJson = Omit<ServerFacts, 'settings' | 'available' | 'extension' | 'superuser'> & {
  readonly available: string | null;
  readonly extension: ExtensionFacts | null;
  readonly superuser: boolean | null;
  readonly settings: Readonly<Record<string, string | null>>;
};

/** Queries the facts. Sets the `search_path` of the session. @throws the errors of `pg` */
export async function queryFacts(client: Client): Promise<ServerFacts> {
  // So that no operator in another schema of the search_path is used.
  await client.query(`SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false)`);
  const { rows } = await client.query<[string]>({ text: QUERY, values: [LIMITS], rowMode: 'array' });
  const facts = JSON.parse(rows[0]?.[0] ?? '{}') as FactsJson;
  const settings = Object.entries(facts.settings).filter((entry): entry is [string, string] => entry[1] !== null);
  return {
    ...facts,
    superuser: facts.superuser ?? false,
    available: facts.available ?? undefined,
    extension: facts.extension ?? undefined,
    settings: new Map(settings),
  };
}

/** The encryption of a connection; undefined without TLS. */
export function tlsFacts(client: Client): TlsFacts | undefined {
  const { stream } = client.connection;
  if (!(stream instanceof TLSSocket)) return undefined;
  const { subject, valid_to } = stream.getPeerCertificate();
  const name = [(subject as { CN?: string | string[] } | undefined)?.CN].flat()[0];
  return {
    protocol: stream.getProtocol() ?? 'TLS',
    cipher: stream.getCipher().name,
    subject: name ?? '',
    validTo: Date.parse(valid_to),
  };
}

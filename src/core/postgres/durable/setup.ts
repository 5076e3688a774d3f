/** Creates, upgrades, and removes the objects for durable jobs. docs/DURABLE.md describes them. */
import type { Client } from 'pg';
import { FaultError } from '../../base/fault';
import { SQLSTATE } from '../../base/sqlstate';
import { quoteLiteral } from '../../sql/quote';
import { sqlstateOf } from '../errors';
import { CATALOG_QUERY, extensionFunctionsOf, type ExtensionFunctions } from '../pgBackground/extensionFunctions';
import { SETUP_CHANGED } from '../../jobs/durable/ports';
import type { DurableFault } from './faults';
import { CHANNEL } from './schema/calls';
import { functionsSql } from './schema/functions';
import { keeperSql } from './schema/keeper';
import { PRIVILEGES, STEPS } from './schema/tables';

/** The version of the objects that this extension creates. */
export const SETUP_VERSION = STEPS.length;

/** Facts about a database, from {@link inspectSetup}. */
export interface SetupFacts {
  readonly database: string;
  readonly role: string;
  readonly standby: boolean;
  /** Publications FOR ALL TABLES. */
  readonly publications: readonly string[];
  /** Whether the role may create schemas. */
  readonly mayCreate: boolean;
  /** Whether pgbackground_role exists. */
  readonly roleExists: boolean;
  /** The number of our schemas that exist: 0 to 2. */
  readonly schemas: number;
  readonly owner: string | undefined;
  /** The current role may change the objects. */
  readonly isOwner: boolean;
  /** The schemas belong to a superuser, to the owner of the database, or to the current role. */
  readonly trusted: boolean;
  readonly mayUse: boolean;
  /** Undefined if there is no setup, or if the role may not read it. */
  readonly version: number | undefined;
  /** The functions of pg_background that the installed objects call. */
  readonly functions: string | undefined;
}

const FACTS_QUERY = `
  WITH s AS (
    SELECT n.nspname, n.nspowner FROM pg_catalog.pg_namespace AS n
     WHERE n.nspname OPERATOR(pg_catalog.=) ANY ('{pgbackground_jobs,pgbackground_rows}'::pg_catalog.name[])
  ), d AS (
    SELECT d.datname, d.datdba FROM pg_catalog.pg_database AS d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
  )
  SELECT pg_catalog.json_build_object(
    'database', pg_catalog.current_database(), 'role', CURRENT_USER, 'standby', pg_catalog.pg_is_in_recovery(),
    'publications', (SELECT COALESCE(pg_catalog.json_agg(p.pubname ORDER BY p.pubname USING OPERATOR(pg_catalog.<)), '[]')
                       FROM pg_catalog.pg_publication AS p WHERE p.puballtables),
    'mayCreate', pg_catalog.has_database_privilege(pg_catalog.current_database()::pg_catalog.text, 'CREATE'),
    'roleExists', EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) 'pgbackground_role'),
    'schemas', (SELECT pg_catalog.count(*) FROM s),
    'owner', (SELECT pg_catalog.min(pg_catalog.pg_get_userbyid(s.nspowner)::pg_catalog.text) FROM s),
    'isOwner', (SELECT COALESCE(pg_catalog.bool_and(pg_catalog.pg_has_role(s.nspowner, 'USAGE')), false) FROM s),
    'trusted', (SELECT COALESCE(pg_catalog.bool_and(
                  s.nspowner OPERATOR(pg_catalog.=) d.datdba OR r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) CURRENT_USER), false)
                  FROM s CROSS JOIN d JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) s.nspowner),
    'mayUse', (SELECT COALESCE(pg_catalog.bool_and(pg_catalog.has_schema_privilege(s.nspname::pg_catalog.text,
                 CASE s.nspname::pg_catalog.text WHEN 'pgbackground_rows' THEN 'CREATE' ELSE 'USAGE' END)), false) FROM s),
    'hasSetup', EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
      WHERE n.nspname OPERATOR(pg_catalog.=) 'pgbackground_jobs' AND c.relname OPERATOR(pg_catalog.=) 'setup'))::pg_catalog.text`;

type AllFacts = Omit<SetupFacts, 'owner'> & { readonly hasSetup: boolean; readonly owner: string | null };

/** Reads what is set up in the database of a connection. */
export async function inspectSetup(client: Client): Promise<SetupFacts> {
  const { rows } = await client.query<[string]>({ text: FACTS_QUERY, rowMode: 'array' });
  const { hasSetup, owner, ...facts } = JSON.parse(rows[0]?.[0] ?? '{}') as AllFacts;
  const installed = hasSetup && facts.trusted && facts.mayUse ? await readInstalled(client) : undefined;
  return { ...facts, owner: owner ?? undefined, version: installed?.version, functions: installed?.functions };
}

async function readInstalled(client: Client): Promise<{ version: number; functions: string } | undefined> {
  const { rows } = await client.query<[string]>({
    text: 'SELECT pg_catalog.json_build_object($1::pg_catalog.text, s.version, $2::pg_catalog.text, s.functions)::pg_catalog.text FROM pgbackground_jobs.setup AS s',
    values: ['version', 'functions'],
    rowMode: 'array',
  });
  const [row] = rows;
  return row && (JSON.parse(row[0]) as { version: number; functions: string });
}

/** Looks up pg_background. @throws ExtensionError if it is missing or older than 1.8 */
export async function lookUpFunctions(client: Client, database: string): Promise<ExtensionFunctions> {
  const { rows } = await client.query<(string | null)[]>({ text: CATALOG_QUERY, rowMode: 'array' });
  return extensionFunctionsOf(rows[0], database);
}

/** Why the objects cannot be created or upgraded by this role; undefined if they can. */
export function setupRefusal(facts: SetupFacts): DurableFault | undefined {
  const { database, role, owner = '', publications } = facts;
  if (facts.standby) return { code: 'durable.standby' };
  if (!facts.roleExists) return { code: 'durable.roleMissing' };
  if (facts.schemas === 0) {
    if (publications.length > 0) return { code: 'durable.publication', params: { publications } };
    return facts.mayCreate ? undefined : { code: 'durable.createDenied', params: { database, role } };
  }
  if (!facts.trusted) return { code: 'durable.untrustedOwner', params: { owner } };
  if (!facts.isOwner) return { code: 'durable.notOwner', params: { owner } };
  if (facts.schemas < 2 || facts.version === undefined) return { code: 'durable.incomplete', params: { database } };
  return newerVersion(facts);
}

/** Why durable jobs cannot be used by this role; undefined if they can. */
export function useRefusal(facts: SetupFacts, functions: ExtensionFunctions): DurableFault | undefined {
  const { database, role, owner = '' } = facts;
  if (facts.standby) return { code: 'durable.standby' };
  if (facts.schemas === 0) return { code: 'durable.notSetUp', params: { database } };
  if (!facts.trusted) return { code: 'durable.untrustedOwner', params: { owner } };
  if (!facts.mayUse) return { code: 'durable.useDenied', params: { role } };
  if (facts.schemas < 2 || facts.version === undefined) return { code: 'durable.incomplete', params: { database } };
  const newer = newerVersion(facts);
  if (newer) return newer;
  // A session with quote_all_identifiers has quotes around the name of the schema.
  const plain = (mark = ''): string => mark.replaceAll('"', '');
  const isCurrent = facts.version === SETUP_VERSION && plain(facts.functions) === plain(functionsMark(functions));
  return isCurrent ? undefined : { code: 'durable.outdated' };
}

function newerVersion({ version = 0 }: SetupFacts): DurableFault | undefined {
  if (version <= SETUP_VERSION) return undefined;
  return { code: 'durable.newerVersion', params: { installed: version, supported: SETUP_VERSION } };
}

/** Identifies the functions of pg_background that the objects call: they differ by version and schema. */
function functionsMark(functions: ExtensionFunctions): string {
  const { wait, result, cancel, detach, progress = '', resultInfo = '' } = functions;
  return [functions.launch('$1'), wait, result, cancel, detach, progress, resultInfo].join('; ');
}

/**
 * The script that creates the objects, or upgrades them in place while jobs run. Everything is in one transaction.
 * @param installed the installed version; 0 for none
 * @param steps for tests of upgrades
 */
export function setupSql(functions: ExtensionFunctions, installed = 0, steps: readonly string[] = STEPS): string {
  return `-- pg_background Workers: durable jobs, version ${steps.length}. See docs/DURABLE.md.
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = warning;
${checks(installed)}
${steps.slice(installed).join('\n')}
${functionsSql(functions)}
${keeperSql(functions)}
${PRIVILEGES}
UPDATE pgbackground_jobs.setup
   SET version = ${steps.length}, functions = ${quoteLiteral(functionsMark(functions))}, changed_at = clock_timestamp();
COMMIT;
`;
}

/** The same checks as {@link setupRefusal}, for an administrator who runs the script later or elsewhere. */
function checks(installed: number): string {
  const state =
    installed === 0
      ? `IF EXISTS (SELECT FROM pg_namespace WHERE nspname IN ('pgbackground_jobs', 'pgbackground_rows')) THEN
    RAISE EXCEPTION 'pgbackground_jobs or pgbackground_rows already exists in this database';
  END IF;
  IF EXISTS (SELECT FROM pg_publication WHERE puballtables) THEN
    RAISE EXCEPTION 'a publication FOR ALL TABLES would publish the tables of durable jobs, and its subscribers would stop';
  END IF;`
      : `IF (SELECT s.version FROM pgbackground_jobs.setup AS s) <> ${installed} THEN
    RAISE EXCEPTION 'this script upgrades version ${installed}, and another version is installed';
  END IF;`;
  return `DO $checks$
BEGIN
  IF pg_is_in_recovery() THEN RAISE EXCEPTION 'this server is a standby: run the script on its primary'; END IF;
  ${state}
END $checks$;`;
}

/** The script that removes all objects, with all records and rows. Work that is running continues, and its outcome is not recorded. */
export function removalSql(): string {
  return `-- pg_background Workers: removes durable jobs, with all records and rows.
BEGIN;
DROP SCHEMA IF EXISTS pgbackground_rows CASCADE;
DROP SCHEMA IF EXISTS pgbackground_jobs CASCADE;
-- Windows that list the jobs notice it.
NOTIFY ${CHANNEL}, '${SETUP_CHANGED}';
COMMIT;
`;
}

/**
 * Creates or upgrades the objects.
 * @throws FaultError with the reason and what to do; ExtensionError if pg_background is missing or too old
 */
export async function setUp(client: Client): Promise<void> {
  const facts = await inspectSetup(client);
  const functions = await lookUpFunctions(client, facts.database);
  const refusal = setupRefusal(facts);
  if (refusal) throw new FaultError<DurableFault>(refusal);
  await runScript(client, setupSql(functions, facts.version));
}

/** Runs a script in one transaction. @throws FaultError if others use the objects for too long */
export async function runScript(client: Client, script: string): Promise<void> {
  try {
    await client.query(script);
  } catch (error) {
    await client.query('ROLLBACK');
    if (sqlstateOf(error) !== SQLSTATE.lockNotAvailable) throw error;
    throw new FaultError<DurableFault>({ code: 'durable.inUse' }, { cause: error });
  }
}

/**
 * Schedules with pg_cron: SQL that the server runs by itself. pg_cron exists in one database of a server, and can run SQL in others from
 * there (https://github.com/citusdata/pg_cron).
 */
import type { Client } from 'pg';
import { FaultError, textFault } from '../../base/fault';
import { SQLSTATE } from '../../base/sqlstate';
import { quoteLiteral } from '../../sql/quote';
import { inSession } from '../client/ownSession';
import { ConnectError } from '../connect/errors';
import { isServerError, sqlstateOf } from '../errors';
import { timeText } from '../server/timeText';
import type { CronFault } from './faults';

/** pg_cron's default for `cron.database_name`, which only privileged roles can read. */
const DEFAULT_HOME = 'postgres';
const INVALID_PARAMETER = '22023';
/** The most runs that are listed, and how much of their texts. */
const MAX_RUNS = 500;
const MAX_TEXT = 20_000;
const MAX_MESSAGE = 2000;

/** Opens a session in a database of the connection's server; default: the connection's own. */
export type OpenSession = (database?: string) => Promise<Client>;

/** Where pg_cron is, as seen from a connection. */
export interface CronPlace {
  /** The connection's database, in which the SQL is to run. */
  readonly database: string;
  /** The database with pg_cron; undefined: the connection's own. */
  readonly elsewhere: string | undefined;
  readonly role: string;
  /** The time zone of schedules; undefined if the role may not read it. */
  readonly timeZone: string | undefined;
}

export interface Schedule {
  readonly name: string;
  /** In pg_cron's format, for example `0 3 * * *`. */
  readonly schedule: string;
  readonly sql: string;
}

interface Facts {
  readonly database: string;
  readonly role: string;
  readonly system: string;
  readonly version: string | null;
  readonly home: string | null;
  readonly timeZone: string | null;
  /** The extension has functions for jobs with names, and for other databases. */
  readonly named: boolean;
  readonly inDatabase: boolean;
}

const FACTS_QUERY = `
  WITH f AS (
    SELECT p.proname, p.pronargs FROM pg_proc AS p
      JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
     WHERE e.extname = 'pg_cron')
  SELECT json_build_object(
    'database', current_database(), 'role', CURRENT_USER,
    'system', (SELECT c.system_identifier::text FROM pg_control_system() AS c),
    'version', (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'pg_cron'),
    'home', (SELECT s.setting FROM pg_settings AS s WHERE s.name = 'cron.database_name'),
    'timeZone', (SELECT s.setting FROM pg_settings AS s WHERE s.name = 'cron.timezone'),
    'named', EXISTS (SELECT FROM f WHERE f.proname = 'schedule' AND f.pronargs = 3),
    'inDatabase', EXISTS (SELECT FROM f WHERE f.proname = 'schedule_in_database'))::text`;

async function readFacts(client: Client): Promise<Facts> {
  const { rows } = await client.query<[string]>({ text: FACTS_QUERY, rowMode: 'array' });
  return JSON.parse(rows[0]?.[0] ?? '{}') as Facts;
}

/** Finds pg_cron in the connection's database, or in the one in which the server has it. @throws FaultError if there is none */
export async function findCron(open: OpenSession): Promise<CronPlace> {
  const own = await inSession(open(), readFacts);
  const { database, role } = own;
  if (own.version !== null) {
    if (!own.named) throw tooOld(own.version);
    return { database, role, elsewhere: undefined, timeZone: own.timeZone ?? undefined };
  }
  const home = own.home ?? DEFAULT_HOME;
  const other = home === database ? undefined : await readOther(open, home, own.home !== null);
  if (!other || other.version === null) {
    throw own.home === null
      ? new FaultError<CronFault>({ code: 'cron.notInstalled', params: { database } })
      : new FaultError<CronFault>({ code: 'cron.notCreated', params: { database: home } });
  }
  if (other.system !== own.system) throw new FaultError<CronFault>({ code: 'cron.otherServer' });
  if (!other.inDatabase) throw tooOld(other.version);
  return { database, role, elsewhere: home, timeZone: other.timeZone ?? undefined };
}

/** @param isKnown the server names this database as pg_cron's */
async function readOther(open: OpenSession, database: string, isKnown: boolean): Promise<Facts | undefined> {
  try {
    return await inSession(open(database), readFacts);
  } catch (error) {
    if (isKnown || !(error instanceof ConnectError)) throw error;
    return undefined;
  }
}

function tooOld(version: string): FaultError {
  return new FaultError<CronFault>({ code: 'cron.tooOld', params: { version } });
}

/** The SQL that creates a schedule, or replaces the role's schedule with the same name. */
export function scheduleSql({ database, elsewhere }: CronPlace, { name, schedule, sql }: Schedule): string {
  const values = [name, schedule].map(quoteLiteral);
  const text = quoteText(sql);
  return elsewhere === undefined
    ? `SELECT cron.schedule(${[...values, text].join(', ')});`
    : `SELECT cron.schedule_in_database(${[...values, text, quoteLiteral(database)].join(', ')});`;
}

/** In dollar quotes if that is easier to read. A text that ends with a part of the tag would end the quotes early. */
function quoteText(sql: string): string {
  return /['\\\n]/.test(sql) && !sql.includes('$') ? `$job$${sql}$job$` : quoteLiteral(sql);
}

/** What the server would do with a schedule. */
export type ScheduleCheck =
  | {
      readonly kind: 'valid';
      /** The role's schedule with this name, which would be replaced. */
      readonly replaces: { readonly schedule: string; readonly command: string } | undefined;
    }
  /** `message`: why the server rejects the schedule */
  | { readonly kind: 'invalid'; readonly message: string };

/** Lets the server check a schedule, in a transaction that is rolled back. @throws FaultError if the role may not schedule */
export async function checkSchedule(open: OpenSession, place: CronPlace, wanted: Schedule): Promise<ScheduleCheck> {
  return inSession(open(place.elsewhere), async (client) => {
    try {
      await client.query('BEGIN');
      const { rows } = await client.query<[string, string]>({
        text: `SELECT j.schedule, pg_catalog."left"(j.command, ${MAX_TEXT}) FROM cron.job AS j WHERE j.jobname::text = $1 AND j.username::text = CURRENT_USER::text`,
        values: [wanted.name],
        rowMode: 'array',
      });
      await client.query(scheduleSql(place, wanted));
      const [found] = rows;
      return { kind: 'valid', replaces: found && { schedule: found[0], command: found[1] } };
    } catch (error) {
      if (!isServerError(error) || sqlstateOf(error) !== INVALID_PARAMETER) throw withAdvice(error, place);
      const { message, hint } = error;
      return { kind: 'invalid', message: hint === undefined ? message : `${message}. ${hint}` };
    } finally {
      await client.query('ROLLBACK').catch(() => undefined);
    }
  });
}

/** Creates or replaces a schedule. @returns pg_cron's id of it */
export async function createSchedule(open: OpenSession, place: CronPlace, wanted: Schedule): Promise<string> {
  return inSession(open(place.elsewhere), async (client) => {
    try {
      const { rows } = await client.query<[string]>({ text: scheduleSql(place, wanted), rowMode: 'array' });
      return rows[0]?.[0] ?? '';
    } catch (error) {
      throw withAdvice(error, place);
    }
  });
}

function withAdvice(error: unknown, { role, database, elsewhere }: CronPlace): unknown {
  if (!isServerError(error) || sqlstateOf(error) !== SQLSTATE.insufficientPrivilege) return error;
  const params = { role, database: elsewhere ?? database };
  return new FaultError<CronFault>({ code: 'cron.denied', params, cause: textFault(error.message) }, { cause: error });
}

/** A schedule of pg_cron. */
export interface CronJob {
  readonly id: string;
  readonly name: string | null;
  readonly schedule: string;
  readonly command: string;
  readonly role: string;
  readonly active: boolean;
}

/** A run of a schedule. Times are in UTC, as `timeText` formats them. */
export interface CronRun {
  readonly id: string;
  readonly jobId: string;
  /** Null if the schedule has no name, or no longer exists. */
  readonly name: string | null;
  readonly command: string;
  readonly role: string;
  /** As pg_cron names it: starting, connecting, sending, running, succeeded, failed. */
  readonly status: string;
  readonly message: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

/** The schedules for the connection's database, and their newest runs, as far as the role may see them. */
export async function readRuns(
  open: OpenSession,
  place: CronPlace,
): Promise<{ readonly jobs: readonly CronJob[]; readonly runs: readonly CronRun[] }> {
  return inSession(open(place.elsewhere), async (client) => {
    try {
      const { rows } = await client.query<[string]>({ text: RUNS_QUERY, values: [place.database], rowMode: 'array' });
      return JSON.parse(rows[0]?.[0] ?? '{}') as { jobs: CronJob[]; runs: CronRun[] };
    } catch (error) {
      throw withAdvice(error, place);
    }
  });
}

const RUNS_QUERY = `
  SELECT json_build_object(
    'jobs', (SELECT COALESCE(json_agg(json_build_object(
               'id', j.jobid::text, 'name', j.jobname::text, 'schedule', j.schedule, 'command', "left"(j.command, ${MAX_TEXT}),
               'role', j.username::text, 'active', j.active) ORDER BY j.jobid), '[]')
               FROM cron.job AS j WHERE j.database::text = $1),
    'runs', (SELECT COALESCE(json_agg(r.run ORDER BY r.runid DESC), '[]') FROM (
               SELECT d.runid, json_build_object(
                 'id', d.runid::text, 'jobId', d.jobid::text, 'name', j.jobname::text, 'command', "left"(d.command, ${MAX_TEXT}),
                 'role', d.username::text, 'status', d.status::text, 'message', "left"(d.return_message, ${MAX_MESSAGE}),
                 'startedAt', ${timeText('d.start_time')}, 'finishedAt', ${timeText('d.end_time')}) AS run
                 FROM cron.job_run_details AS d LEFT JOIN cron.job AS j ON j.jobid = d.jobid
                WHERE d.database::text = $1 ORDER BY d.runid DESC LIMIT ${MAX_RUNS}) AS r))::text`;

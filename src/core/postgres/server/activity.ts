import type { Client } from 'pg';
import { shortName } from '../../jobs/textBudget';
import { messageOf } from '../../base/errors';
import type { ActiveWorker, ActivitySnapshot, Blocker } from '../../jobs/ports';
import { withoutFences } from '../../sql/classify/fence';
import { isNotText } from '../errors';
import { labelOf } from '../pgBackground/workerLabel';
import { timeText } from './timeText';
import { OCCUPIES_WORKER_SLOT } from './workerSlots';

/** Maximum size of the JSON for all workers of a snapshot. UTF-16 code units. */
const SNAPSHOT_CHARACTERS = 4 * 1024 * 1024;

/**
 * Which texts of `pg_stat_activity` to query:
 * - `names`: all but statements
 * - `none`: not even names of users and databases
 */
type Texts = 'all' | 'names' | 'none';

/** How many waiting sessions are examined for whether they wait for a worker: those whose statements are the oldest. */
const MAX_BLOCKED = 10;

/**
 * One query for all workers of a server, whatever their number. It looks for blockers only if a worker waits for a lock, or if there are
 * workers while a session has waited for more than a moment, because `pg_blocking_pids` blocks the lock manager for a moment.
 *
 * It runs on the control connection, whose search_path is pg_catalog: unqualified operators are the server's own.
 */
function activityQuery(texts: Texts): string {
  const query = (expression: string): string => (texts === 'all' ? expression : 'NULL');
  const name = (expression: string): string => (texts === 'none' ? 'NULL' : expression);
  return `
  WITH a AS MATERIALIZED (SELECT * FROM pg_catalog.pg_stat_activity),
  w AS MATERIALIZED (
    SELECT a.*, CASE WHEN a.wait_event_type = 'Lock' THEN pg_catalog.pg_blocking_pids(a.pid) END AS blocked_by
      FROM a WHERE a.backend_type = 'pg_background'
  ),
  s AS MATERIALIZED (
    SELECT a.pid, pg_catalog.pg_blocking_pids(a.pid) AS blocked_by FROM a
     WHERE a.wait_event_type = 'Lock' AND a.backend_type <> 'pg_background' AND EXISTS (SELECT FROM w)
       AND a.query_start < pg_catalog.clock_timestamp() - '1 s'::pg_catalog.interval
     ORDER BY a.query_start LIMIT ${MAX_BLOCKED}
  )
  SELECT ${timeText('pg_catalog.pg_postmaster_start_time()')},
         pg_catalog.current_setting('max_worker_processes'),
         (SELECT pg_catalog.count(*) FROM a WHERE ${OCCUPIES_WORKER_SLOT}),
         (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'pid', w.pid, 'start', ${timeText('w.backend_start')}, 'app', w.application_name, 'user', ${name('w.usename')},
            'db', ${name('w.datname')}, 'state', w.state, 'wt', w.wait_event_type, 'we', w.wait_event,
            'secs', pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - COALESCE(w.query_start, w.backend_start)),
            'query', ${query('pg_catalog."left"(w.query, 500)')},
            'by', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                     'pid', b.pid, 'user', ${name('b.usename')}, 'app', b.application_name,
                     'query', ${query('pg_catalog."left"(b.query, 200)')}))
                     FROM a AS b WHERE b.pid = ANY (w.blocked_by)),
            'blocks', (SELECT pg_catalog.json_agg(x.pid) FROM (
                     SELECT s.pid FROM s WHERE w.pid = ANY (s.blocked_by)
                     UNION ALL SELECT v.pid FROM w AS v WHERE w.pid = ANY (v.blocked_by)) AS x))) FROM w),
         (SELECT ${timeText('a.backend_start')} FROM a WHERE a.backend_type = 'checkpointer')`;
}

interface WorkerJson {
  readonly pid: number;
  readonly start: string;
  readonly app: string | null;
  readonly user: string | null;
  readonly db: string | null;
  readonly state: string | null;
  readonly wt: string | null;
  readonly we: string | null;
  readonly secs: number | null;
  readonly query: string | null;
  readonly blocks: readonly number[] | null;
  readonly by: readonly { pid: number; user: string | null; app: string | null; query: string | null }[] | null;
}

/**
 * Queries `pg_stat_activity` once. A role sees other roles' workers only with `pg_read_all_stats` or membership. A statement of
 * another database, in another encoding, may not be representable in the encoding of this one: the snapshot is then without texts,
 * and its `textsMissing` is the server's message. Application names are always ASCII.
 *
 * @param now the monotonic clock
 */
export async function queryActivity(client: Client, now: () => number): Promise<ActivitySnapshot> {
  let missing: string | undefined;
  for (const texts of ['all', 'names', 'none'] as const) {
    try {
      const snapshot = await queryOnce(client, now, texts);
      return missing === undefined ? snapshot : { ...snapshot, textsMissing: missing };
    } catch (error) {
      if (!isNotText(error) || texts === 'none') throw error;
      missing ??= messageOf(error);
    }
  }
  throw new Error('unreachable');
}

async function queryOnce(client: Client, now: () => number, texts: Texts): Promise<ActivitySnapshot> {
  const at = now();
  const { rows } = await client.query<[string, string, string, string | null, string | null]>({
    text: activityQuery(texts),
    rowMode: 'array',
  });
  const [serverStart, total, used, json, processesSince] = rows[0] ?? ['', '0', '0', null, null];
  // PostgreSQL's own rows are short, and there is at most one per worker slot.
  if (json !== null && json.length > SNAPSHOT_CHARACTERS) throw new Error('the server’s list of workers is too long');
  const workers = json === null ? [] : (JSON.parse(json) as WorkerJson[]);
  return {
    at,
    serverStart,
    ...optional('processesSince', processesSince),
    slotsTotal: Number(total),
    slotsUsed: Number(used),
    workers: workers.map(toWorker),
  };
}

function toWorker(json: WorkerJson): ActiveWorker {
  return {
    pid: json.pid,
    backendStart: json.start,
    label: labelOf(shortName(json.app ?? ''), json.pid),
    ...optional('user', json.user),
    ...optional('database', json.db),
    ...optional('state', json.state),
    ...optional('waitEventType', json.wt),
    ...optional('waitEvent', json.we),
    ...optional('query', userQuery(json.query)),
    ...optional('runningSeconds', json.secs),
    ...(json.blocks ? { blocks: json.blocks } : {}),
    blockers: (json.by ?? []).map((blocker): Blocker => ({
      pid: blocker.pid,
      ...optional('user', blocker.user),
      ...optional('application', blocker.app),
      ...optional('query', userQuery(blocker.query)),
    })),
  };
}

/** The query as the user wrote it. */
function userQuery(query: string | null): string | null {
  return query === null ? null : withoutFences(query);
}

function optional<K extends string, V>(key: K, value: V | null): Partial<Record<K, V>> {
  if (value === null || value === '') return {};
  return { [key]: typeof value === 'string' ? shortName(value) : value } as Record<K, V>;
}

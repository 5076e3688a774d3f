import { timeText } from '../server/timeText';
import type { ServerFacts } from './serverFacts';

/** Maximum numbers of what one query returns. */
export const MAX_LOCKS = 50;
const MAX_PARALLEL = 64;
/** Processes that one level of the chain adds, and levels. */
const MAX_PER_LEVEL = 20;
const MAX_LEVELS = 20;
const MAX_CHAIN = 50;

const MODES = [
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
];
/** How strong a lock is; a lock that blocks nothing, such as SIReadLock, is the weakest. @param lock alias of a row of `pg_locks` */
const strength = (lock: string): string =>
  `COALESCE(pg_catalog.array_position('{${MODES.join(',')}}'::pg_catalog.text[], ${lock}.mode), 0)`;

/** JSON of a row of `pg_locks`. The names of relations of other databases cannot be looked up. */
const lockJson = (lock: string): string => `pg_catalog.json_build_object(
  'type', ${lock}.locktype, 'mode', ${lock}.mode, 'granted', ${lock}.granted, 'target', CASE
    WHEN ${lock}.relation IS NOT NULL THEN
      CASE WHEN ${lock}.database IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()))
           THEN ${lock}.relation::pg_catalog.regclass::pg_catalog.text ELSE 'oid ' || ${lock}.relation::pg_catalog.text END
      || COALESCE(' (' || ${lock}.page::pg_catalog.text || COALESCE(',' || ${lock}.tuple::pg_catalog.text, '') || ')', '')
    WHEN ${lock}.transactionid IS NOT NULL THEN ${lock}.transactionid::pg_catalog.text
    WHEN ${lock}.virtualxid IS NOT NULL THEN ${lock}.virtualxid
    ELSE pg_catalog.concat_ws(', ', ${lock}.classid, ${lock}.objid, ${lock}.objsubid) END)`;

/** Two rows of `pg_locks` are about the same object. */
const sameObject = (a: string, b: string): string =>
  ['locktype', 'database', 'relation', 'page', 'tuple', 'virtualxid', 'transactionid', 'classid', 'objid', 'objsubid']
    .map((column) => `${a}.${column} IS NOT DISTINCT FROM ${b}.${column}`)
    .join(' AND ');

const seconds = (time: string): string => `pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - ${time})`;

/** Columns of a progress view that are ids, or shown elsewhere. */
const NOT_SHOWN = `'{pid,datid,datname,relid,index_relid,cluster_index_relid,current_child_table_relid,current_locker_pid}'`;

function progressJson({ progressViews }: ServerFacts): string {
  // The columns in the order of the view, as text: later versions may add some of any type.
  const rows = progressViews.map(
    (view) => `
      SELECT pg_catalog.json_build_object('view', '${view.replaceAll(/["']|^"?pg_stat_progress_/g, '')}', 'cols', (
               SELECT pg_catalog.json_agg(pg_catalog.json_build_array(c.key, c.value))
                 FROM pg_catalog.json_each_text(pg_catalog.row_to_json(p)) AS c
                WHERE c.value IS NOT NULL AND c.key <> ALL (${NOT_SHOWN}::pg_catalog.text[])),
             'rel', (SELECT r.oid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_class AS r
                      WHERE r.oid = (pg_catalog.row_to_json(p) ->> 'relid')::pg_catalog.oid)) AS j
        FROM pg_catalog.${view} AS p WHERE p.pid = $1`,
  );
  if (rows.length === 0) return 'NULL';
  return `(SELECT pg_catalog.json_agg(v.j) FROM (${rows.join(' UNION ALL ')}) AS v(j))`;
}

/**
 * One query about one worker, by its pid ($1) and start ($2): no row if it does not exist. Locks and the processes that it waits for are only
 * looked up here, because that blocks the lock manager for a moment.
 *
 * It runs on the control connection, whose search_path is pg_catalog.
 *
 * @param withTexts false: without statements
 */
export function inspectQuery(facts: ServerFacts, withTexts: boolean): string {
  const query = (expression: string, length: number): string =>
    withTexts ? `pg_catalog."left"(${expression}, ${length})` : 'NULL';
  return `
  WITH RECURSIVE a AS MATERIALIZED (SELECT * FROM pg_catalog.pg_stat_activity),
  me AS MATERIALIZED (
    SELECT * FROM a WHERE a.pid = $1 AND ${timeText('a.backend_start')} = $2 AND a.backend_type = 'pg_background'
  ),
  l AS MATERIALIZED (SELECT k.* FROM pg_catalog.pg_locks AS k WHERE EXISTS (SELECT FROM me)),
  levels(depth, pids, seen) AS (
    SELECT 0, ARRAY[me.pid], ARRAY[me.pid] FROM me WHERE me.wait_event_type = 'Lock'
    UNION ALL
    SELECT v.depth + 1, n.pids, v.seen || n.pids
      FROM levels AS v CROSS JOIN LATERAL (
        SELECT ARRAY(
          SELECT b.pid FROM (
              SELECT DISTINCT u.pid FROM pg_catalog.unnest(v.pids) AS w(pid)
               CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) AS u(pid)
               WHERE u.pid <> ALL (v.seen)
            ) AS b LEFT JOIN a ON a.pid = b.pid
           ORDER BY a.wait_event_type IS NOT DISTINCT FROM 'Lock', b.pid LIMIT ${MAX_PER_LEVEL}) AS pids) AS n
     WHERE n.pids <> '{}' AND v.depth < ${MAX_LEVELS} AND pg_catalog.cardinality(v.seen) < ${MAX_CHAIN}
  ),
  member AS MATERIALIZED (
    SELECT p.pid, v.depth, pg_catalog.pg_blocking_pids(p.pid) AS waits_for
      FROM levels AS v CROSS JOIN LATERAL pg_catalog.unnest(v.pids) AS p(pid)
  ),
  blocker AS MATERIALIZED (
    SELECT m.pid, pg_catalog.min(m.depth) AS depth, pg_catalog.array_agg(DISTINCT w.pid) AS waiters
      FROM member AS m JOIN member AS w ON m.pid = ANY (w.waits_for) WHERE m.depth > 0 GROUP BY m.pid
  )
  SELECT pg_catalog.json_build_object(
    'state', me.state, 'wt', me.wait_event_type, 'we', me.wait_event, 'user', me.usename, 'db', me.datname,
    'query', ${query('me.query', 2000)}, 'stmt', ${seconds('me.query_start')}, 'xact', ${seconds('me.xact_start')},
    'parallel', (SELECT pg_catalog.json_agg(x.j) FROM (
       SELECT pg_catalog.json_build_object('pid', a.pid, 'state', a.state, 'wt', a.wait_event_type, 'we', a.wait_event) AS j
         FROM a WHERE a.leader_pid = me.pid AND a.pid <> me.pid ORDER BY a.pid LIMIT ${MAX_PARALLEL}) AS x),
    'progress', ${progressJson(facts)},
    'locks', (SELECT pg_catalog.json_agg(x.j) FROM (
       SELECT ${lockJson('l')} AS j FROM l WHERE l.pid = me.pid
        ORDER BY l.granted, l.locktype = 'virtualxid', ${strength('l')} DESC, l.relation LIMIT ${MAX_LOCKS}) AS x),
    'lockCount', (SELECT pg_catalog.count(*) FROM l WHERE l.pid = me.pid),
    'io', ${
      facts.backendIo
        ? `(SELECT pg_catalog.json_build_object('read', COALESCE(pg_catalog.sum(i.read_bytes), 0),
               'written', COALESCE(pg_catalog.sum(COALESCE(i.write_bytes, 0) + COALESCE(i.extend_bytes, 0)), 0),
               'hits', COALESCE(pg_catalog.sum(i.hits), 0)) FROM pg_catalog.pg_stat_get_backend_io(me.pid) AS i WHERE i.object <> 'wal')`
        : 'NULL'
    },
    'temp', ${
      facts.tempFiles
        ? `(SELECT pg_catalog.json_build_object('files', pg_catalog.count(*), 'bytes', COALESCE(pg_catalog.sum(t.size), 0))
              FROM pg_catalog.pg_ls_tmpdir() AS t WHERE t.name LIKE 'pgsql\\_tmp' || me.pid || '.%')`
        : 'NULL'
    },
    'chainMore', (SELECT pg_catalog.count(DISTINCT u.pid) FROM member AS m
       CROSS JOIN LATERAL pg_catalog.unnest(m.waits_for) AS u(pid)
       WHERE NOT EXISTS (SELECT FROM member AS n WHERE n.pid = u.pid)),
    'chain', (SELECT pg_catalog.json_agg(x.j) FROM (
       SELECT pg_catalog.json_build_object(
         'pid', e.pid, 'blocks', e.waiters, 'start', ${timeText('b.backend_start')}, 'type', b.backend_type,
         'user', b.usename, 'app', b.application_name, 'db', b.datname,
         'state', b.state, 'wt', b.wait_event_type, 'we', b.wait_event, 'query', ${query('b.query', 500)},
         'since', ${seconds('b.state_change')}, 'xact', ${seconds('b.xact_start')},
         'awaited', (SELECT ${lockJson('l')} FROM l WHERE l.pid = e.pid AND NOT l.granted LIMIT 1),
         'held', (SELECT ${lockJson('l')} FROM l JOIN l AS w ON ${sameObject('l', 'w')}
                   WHERE l.granted AND l.mode <> 'SIReadLock' AND NOT w.granted AND w.pid = ANY (e.waiters)
                     AND (l.pid = e.pid OR e.pid = 0 AND l.pid IS NULL)
                   ORDER BY ${strength('l')} DESC LIMIT 1),
         'prepared', CASE WHEN e.pid = 0 THEN (
            SELECT pg_catalog.json_build_object('gid', p.gid, 'user', p.owner, 'db', p.database, 'secs', ${seconds('p.prepared')})
              FROM l JOIN l AS w ON ${sameObject('l', 'w')}
              JOIN l AS t ON t.virtualtransaction = l.virtualtransaction AND t.pid IS NULL AND t.locktype = 'transactionid'
              JOIN pg_catalog.pg_prepared_xacts AS p ON p.transaction = t.transactionid
             WHERE l.granted AND l.pid IS NULL AND NOT w.granted AND w.pid = ANY (e.waiters)
             ORDER BY p.prepared LIMIT 1) END) AS j
         FROM blocker AS e LEFT JOIN a AS b ON b.pid = e.pid
        ORDER BY e.depth, e.pid) AS x))
    FROM me`;
}

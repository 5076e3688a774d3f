/**
 * SQL of the functions for durable jobs that sessions call. All run with the privileges of their caller, and with a search_path of
 * their own.
 */
import type { ExtensionFunctions } from '../../pgBackground/extensionFunctions';
import { OCCUPIES_WORKER_SLOT } from '../../server/workerSlots';
import { batchSql } from './batch';
import { CHANNEL, detachCall, KEEPER_SETTINGS, launchCall, NEUTRAL_LIMITS, OF_JOBS, PLAIN } from './calls';
import { UNFINISHED_LIST } from './tables';

/** Starts the work of a job when its transaction id is recorded. */
const GATE = `
CREATE OR REPLACE FUNCTION pgbackground_jobs.gate(p_keeper pg_catalog.xid8) RETURNS void ${PLAIN} AS $gate$
DECLARE
  v_status text;
BEGIN
  PERFORM pg_current_xact_id();
  LOOP
    v_status := pg_xact_status(p_keeper);
    EXIT WHEN v_status = 'committed';
    IF v_status IS DISTINCT FROM 'in progress' THEN
      RAISE EXCEPTION 'the keeper of this job ended before the job began' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    PERFORM pg_sleep(0.001);
  END LOOP;
END $gate$;
`;

/** Takes all privileges on a table of rows from other roles, which ALTER DEFAULT PRIVILEGES may have granted. */
const SEAL = `
CREATE OR REPLACE PROCEDURE pgbackground_jobs.seal(p_table pg_catalog.name) ${PLAIN} AS $seal$
DECLARE
  v_grantee oid;
BEGIN
  FOR v_grantee IN
    SELECT DISTINCT a.grantee FROM pg_class AS c, aclexplode(c.relacl) AS a
     WHERE c.oid = format('pgbackground_rows.%I', p_table)::regclass AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('REVOKE ALL ON TABLE pgbackground_rows.%I FROM %s', p_table,
                   CASE WHEN v_grantee = 0 THEN 'PUBLIC' ELSE v_grantee::regrole::text END);
  END LOOP;
END $seal$;
`;

/** The table of rows that a role owns; NULL if there is something else in its place. */
const ROWS_OID = `
CREATE OR REPLACE FUNCTION pgbackground_jobs.rows_oid(p_table pg_catalog.name, p_owner pg_catalog.oid DEFAULT NULL) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $rows_oid$
  SELECT c.oid FROM pg_class AS c
   WHERE c.relnamespace = 'pgbackground_rows'::regnamespace AND c.relname = p_table AND c.relkind = 'r'
     AND c.relowner = COALESCE(p_owner, (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = CURRENT_USER));
$rows_oid$;
`;

/**
 * Inserts the record of a job and launches its keeper, in one transaction. Settings that could end the keeper are neutral while it is
 * launched; the job's own are in its options.
 */
function start(functions: ExtensionFunctions): string {
  return `
CREATE OR REPLACE FUNCTION pgbackground_jobs.start(p_label pg_catalog.text, p_sql pg_catalog.text, p_options pg_catalog.json,
  p_columns pg_catalog.json, p_gated pg_catalog.bool, p_rows_table pg_catalog.name) RETURNS int8
${OF_JOBS}
${KEEPER_SETTINGS} AS $start$
#variable_conflict error
DECLARE
  v_job int8;
  v_key int8 := hashtextextended(gen_random_uuid()::text, 0);
  v_name text;
  v_text text;
  v_queue CONSTANT int4 := 0;
  v_label text;
  v_pid int4;
  v_cookie int8;
BEGIN
  ${NEUTRAL_LIMITS}
  INSERT INTO pgbackground_jobs.jobs AS t (label, sql, options, columns, gated, rows_table, rows_state, keeper_key)
    VALUES (p_label, p_sql, p_options, p_columns, p_gated, p_rows_table, CASE WHEN p_rows_table IS NOT NULL THEN 'pending' END, v_key)
    RETURNING t.id INTO v_job;
  v_text := format('CALL pgbackground_jobs.keep(%L::pg_catalog.int8, %L::pg_catalog.xid8, %L::pg_catalog.int8)',
                   v_job, pg_current_xact_id(), v_key);
  v_label := concat('keeper of durable job ', v_job);
  SELECT l.pid, l.cookie INTO STRICT v_pid, v_cookie FROM ${launchCall(functions, 'v_text', 'v_queue', 'v_label')} AS l;
  -- This session needs no handle, and can have only a limited number of them.
  PERFORM ${detachCall(functions, 'v_pid', 'v_cookie')};
  UPDATE pgbackground_jobs.jobs AS t SET keeper_pid = v_pid WHERE t.id = v_job;
  PERFORM pg_notify('${CHANNEL}', v_job::text);
  RETURN v_job;
END $start$;
`;
}

/** Whether a keeper runs: it holds an advisory lock, which every role may see. */
const KEEPER_ALIVE = `
CREATE OR REPLACE FUNCTION pgbackground_jobs.keeper_alive(p_key pg_catalog.int8) RETURNS bool
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $keeper_alive$
  SELECT EXISTS (
    SELECT FROM pg_locks AS l
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
       AND l.classid::int8 = (p_key >> 32) & 4294967295 AND l.objid::int8 = p_key & 4294967295);
$keeper_alive$;
`;

/** Whether a worker without a transaction id still runs. Roles without the privilege see only that the process exists. */
const WORKER_RUNS = `EXISTS (
        SELECT FROM pg_stat_get_activity(v_job.worker_pid) AS a
         WHERE v_job.worker_pid IS NOT NULL
           AND (a.backend_start IS NULL OR v_job.worker_start IS NULL OR a.backend_start = v_job.worker_start))`;

/** The lock that shows that someone looks after a job. Statements that wait are looked after by the lanes of their batch. */
const ALIVE_KEY = `CASE WHEN t.state = 'queued' AND t.batch_key IS NOT NULL THEN t.batch_key ELSE t.keeper_key END`;

/**
 * Writes the final state of jobs whose keeper has ended without doing so. Only what is known: the commit log for jobs with a transaction
 * id, and nothing for others. Returns the number of jobs that it changed.
 */
const RESOLVE = `
CREATE OR REPLACE FUNCTION pgbackground_jobs.resolve() RETURNS int4 ${OF_JOBS} AS $resolve$
#variable_conflict error
DECLARE
  v_job record;
  v_status text;
  v_store text;
  v_state text;
  v_reason text;
  v_rows_oid oid;
  v_rows_state text;
  v_key int8;
  v_alive bool := false;
  v_count int4 := 0;
BEGIN
  FOR v_job IN
    SELECT t.id, t.owner, t.state, t.gated, t.options, t.queued_at, t.keeper_pid, t.keeper_key, t.worker_pid, t.worker_start,
           t.worker_xid, t.rows_table, t.rows_oid, t.batch_key, ${ALIVE_KEY} AS alive_key
      FROM pgbackground_jobs.jobs AS t
     WHERE t.state IN (${UNFINISHED_LIST}) AND t.cluster = (pg_control_system()).system_identifier
     -- Several sessions do this at the same time, and lock the records in the same order.
     ORDER BY t.id
  LOOP
    -- All statements of a batch that wait have the same key.
    IF NOT v_alive OR v_key IS DISTINCT FROM v_job.alive_key THEN
      v_key := v_job.alive_key;
      v_alive := pgbackground_jobs.keeper_alive(v_key);
    END IF;
    CONTINUE WHEN v_alive;
    v_state := NULL;
    v_reason := 'keeper_lost';
    v_rows_oid := v_job.rows_oid;
    v_rows_state := NULL;
    IF v_job.state = 'queued' THEN
      -- A keeper that has just started may not have its lock yet, and may not be visible yet.
      CONTINUE WHEN v_job.queued_at > pg_postmaster_start_time()
                AND (v_job.queued_at > clock_timestamp() - interval '10 seconds'
                     OR EXISTS (SELECT FROM pg_stat_get_activity(v_job.keeper_pid) AS a WHERE v_job.keeper_pid IS NOT NULL))
                AND NOT EXISTS (SELECT FROM pgbackground_jobs.jobs AS b WHERE b.batch_key = v_job.batch_key AND b.started_at IS NOT NULL);
      CONTINUE WHEN v_job.batch_key IS NOT NULL AND pgbackground_jobs.stop_batch(v_job.batch_key, v_job.owner) > 0;
      v_state := 'failed';
      v_reason := 'never_began';
    ELSIF v_job.worker_xid IS NOT NULL THEN
      v_status := NULL;
      v_store := NULL;
      BEGIN
        v_status := pg_xact_status(v_job.worker_xid);
        v_store := v_job.options ->> 'store';
      EXCEPTION WHEN data_exception THEN
        -- An id that was never assigned, or options that cannot be read: the role has changed the record. Others are still resolved.
        NULL;
      END;
      CONTINUE WHEN v_status = 'in progress';
      v_state := CASE v_status WHEN 'committed' THEN 'succeeded' WHEN 'aborted' THEN 'failed' ELSE 'unknown' END;
      IF v_status IS NULL THEN v_reason := 'outcome_expired'; END IF;
      IF v_state = 'succeeded' AND v_store = 'worker' THEN
        v_rows_oid := pgbackground_jobs.rows_oid(v_job.rows_table, v_job.owner::oid);
        v_rows_state := CASE WHEN v_rows_oid IS NULL THEN 'lost' ELSE 'stored' END;
      ELSIF v_state = 'succeeded' AND v_store = 'keeper' THEN
        v_rows_state := 'lost';
      END IF;
    ELSIF v_job.gated THEN
      v_state := 'failed';
      v_reason := 'never_began';
    ELSE
      CONTINUE WHEN ${WORKER_RUNS};
      v_state := 'unknown';
    END IF;
    UPDATE pgbackground_jobs.jobs AS t
       SET state = CASE WHEN v_state = 'failed' AND t.cancel_requested IS NOT NULL THEN 'canceled' ELSE v_state END,
           reason = v_reason, finished_at = clock_timestamp(), rows_oid = v_rows_oid, rows_state = v_rows_state
     WHERE t.id = v_job.id AND t.state = v_job.state AND NOT pgbackground_jobs.keeper_alive(${ALIVE_KEY});
    IF FOUND THEN
      v_count := v_count + 1;
      PERFORM pg_notify('${CHANNEL}', v_job.id::text);
    END IF;
  END LOOP;
  RETURN v_count;
END $resolve$;
`;

/** Whether a process works in this database. A record that was restored from another one must not end the job there. */
const ofThisDatabase = (pid: string): string =>
  `(SELECT p.datid FROM pg_stat_get_activity(${pid}) AS p) = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())`;

/**
 * Cancels a job of the caller's, or of a role whose privileges the caller has. Never kills: it sends SIGTERM, at most.
 * Returns `canceled` if the job had not begun, `signaled`, `requested` if its keeper will send the signal, `unreachable` if there is
 * no keeper and no worker that the caller may signal, `finished`, or NULL if there is no such job.
 */
const CANCEL = `
CREATE OR REPLACE FUNCTION pgbackground_jobs.cancel(p_job pg_catalog.int8) RETURNS text ${OF_JOBS} AS $cancel$
#variable_conflict error
DECLARE
  v_job record;
  v_signaled bool;
BEGIN
  -- Locks the record until the request is committed, so that the keeper sees it when it records the end.
  UPDATE pgbackground_jobs.jobs AS t
     SET cancel_requested = COALESCE(t.cancel_requested, clock_timestamp()), canceled_by = COALESCE(t.canceled_by, CURRENT_USER),
         state = CASE t.state WHEN 'queued' THEN 'canceled' ELSE t.state END,
         finished_at = CASE t.state WHEN 'queued' THEN clock_timestamp() END,
         rows_state = CASE t.state WHEN 'queued' THEN NULL ELSE t.rows_state END
   WHERE t.id = p_job AND t.state IN (${UNFINISHED_LIST})
  RETURNING t.owner, t.state, t.gated, t.cluster, t.keeper_key, t.worker_pid, t.worker_start, t.worker_xid, t.batch_key INTO v_job;
  IF NOT FOUND THEN
    PERFORM FROM pgbackground_jobs.jobs AS t WHERE t.id = p_job;
    RETURN CASE WHEN FOUND THEN 'finished' END;
  END IF;
  PERFORM pg_notify('${CHANNEL}', p_job::text);
  IF v_job.state = 'canceled' THEN
    IF v_job.batch_key IS NOT NULL THEN PERFORM pgbackground_jobs.stop_batch(v_job.batch_key, v_job.owner); END IF;
    RETURN 'canceled';
  END IF;
  IF v_job.cluster <> (pg_control_system()).system_identifier THEN RETURN 'unreachable'; END IF;
  BEGIN
    IF v_job.worker_xid IS NOT NULL THEN
      -- The process that holds the transaction id is the worker: a reused process id cannot match.
      SELECT bool_or(pg_terminate_backend(l.pid)) INTO v_signaled FROM pg_locks AS l
       WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted
         AND l.transactionid = v_job.worker_xid::xid AND ${ofThisDatabase('l.pid')};
    ELSIF NOT pgbackground_jobs.keeper_alive(v_job.keeper_key) THEN
      SELECT bool_or(pg_terminate_backend(a.pid)) INTO v_signaled FROM pg_stat_get_activity(v_job.worker_pid) AS a
       WHERE a.pid = v_job.worker_pid AND a.backend_start = v_job.worker_start AND a.backend_type = 'pg_background'
         AND ${ofThisDatabase('a.pid')};
    END IF;
  EXCEPTION WHEN insufficient_privilege THEN
    v_signaled := false;
  END;
  RETURN CASE WHEN v_signaled THEN 'signaled' WHEN pgbackground_jobs.keeper_alive(v_job.keeper_key) THEN 'requested'
              ELSE 'unreachable' END;
END $cancel$;
`;

/** Free slots for workers, and all slots. Processes of other roles may not be visible, so there may be fewer free ones. */
const FREE_SLOTS = `
CREATE OR REPLACE FUNCTION pgbackground_jobs.free_slots(OUT free pg_catalog.int8, OUT max pg_catalog.int8)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $free_slots$
  SELECT s.setting::int8 - (SELECT count(*) FROM pg_stat_activity WHERE ${OCCUPIES_WORKER_SLOT}), s.setting::int8
    FROM pg_settings AS s WHERE s.name = 'max_worker_processes';
$free_slots$;
`;

/** Notes that someone has seen how these jobs ended. */
const MARK_SEEN = `
CREATE OR REPLACE FUNCTION pgbackground_jobs.mark_seen(p_jobs pg_catalog.int8[]) RETURNS int4 ${OF_JOBS} AS $mark_seen$
DECLARE
  v_count int4;
BEGIN
  UPDATE pgbackground_jobs.jobs AS t SET seen_at = clock_timestamp()
   WHERE t.id = ANY (p_jobs) AND t.seen_at IS NULL AND t.state NOT IN (${UNFINISHED_LIST});
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END $mark_seen$;
`;

/** Removes finished jobs and their rows. A job that cannot be removed stays, with the reason. */
const PURGE = `
CREATE OR REPLACE FUNCTION pgbackground_jobs.purge(p_jobs pg_catalog.int8[])
RETURNS TABLE (job int8, removed bool, problem text) ${OF_JOBS} AS $purge$
#variable_conflict use_column
DECLARE
  v_job record;
  v_oid oid;
BEGIN
  FOR v_job IN
    SELECT t.id, t.owner, t.rows_table, t.rows_oid,
           -- Restored from another database, in which the oid was another one (see rows.ts).
           t.cluster <> (pg_control_system()).system_identifier OR t.rows_oid < 'pgbackground_jobs.jobs'::regclass::oid AS restored
      FROM pgbackground_jobs.jobs AS t
     WHERE t.id = ANY (p_jobs)
       AND (t.state NOT IN (${UNFINISHED_LIST}) OR t.cluster <> (pg_control_system()).system_identifier)
     ORDER BY t.id
  LOOP
    BEGIN
      v_oid := pgbackground_jobs.rows_oid(v_job.rows_table, v_job.owner::oid);
      -- Not by its name alone: only the table that the job created.
      IF v_oid IS NOT NULL AND (v_job.rows_oid IS NULL OR v_oid = v_job.rows_oid OR v_job.restored) THEN
        EXECUTE format('DROP TABLE pgbackground_rows.%I', v_job.rows_table);
      END IF;
      DELETE FROM pgbackground_jobs.jobs AS t WHERE t.id = v_job.id;
      PERFORM pg_notify('${CHANNEL}', v_job.id::text);
      RETURN QUERY SELECT v_job.id::int8, true, NULL::text;
    EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege OR lock_not_available OR undefined_table THEN
      RETURN QUERY SELECT v_job.id::int8, false, SQLERRM::text;
    END;
  END LOOP;
END $purge$;
`;

/** SQL that creates all functions but the keeper. */
export function functionsSql(functions: ExtensionFunctions): string {
  const own = [GATE, SEAL, ROWS_OID, start(functions), KEEPER_ALIVE, RESOLVE, CANCEL, FREE_SLOTS, MARK_SEEN, PURGE];
  return [...own, batchSql(functions)].join('');
}

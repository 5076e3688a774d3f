/**
 * SQL of durable batches. Each statement is a job with its own record. *Lanes* run them: keepers that take the first statement that waits,
 * run it with the procedure in keeper.ts, and go on with the next one. So at most as many statements run at once as there are lanes.
 */
import type { ExtensionFunctions } from '../../pgBackground/extensionFunctions';
import { CHANNEL, detachCall, KEEPER_SETTINGS, launchCall, NEUTRAL_LIMITS, OF_JOBS, untilCommitted } from './calls';
import { UNFINISHED_LIST } from './tables';

/** Pauses of a lane that waits for a slot or for another job: the first one, and the longest. Seconds. */
const FIRST_PAUSE = 0.02;
const MAX_PAUSE = 2.0;

/**
 * Inserts the records of a batch, and launches its lanes, in one transaction. Returns the ids of the jobs, in order.
 * `p_statements`: objects with label, sql, options, columns, gated, rowsTable, and session. `p_options`: label, parallel, onFailure.
 */
function startBatch(functions: ExtensionFunctions): string {
  return `
CREATE OR REPLACE FUNCTION pgbackground_jobs.start_batch(p_statements pg_catalog.json, p_options pg_catalog.json,
  p_after pg_catalog.int8 DEFAULT NULL) RETURNS int8[]
${OF_JOBS}
${KEEPER_SETTINGS} AS $start_batch$
#variable_conflict error
DECLARE
  v_key int8 := hashtextextended(gen_random_uuid()::text, 0);
  -- The job after which the batch runs is its first one.
  v_first CONSTANT int4 := CASE WHEN p_after IS NULL THEN 0 ELSE 1 END;
  v_count CONSTANT int4 := json_array_length(p_statements);
  v_statement record;
  v_job int8;
  v_jobs int8[] := '{}';
  v_name text;
  v_text text;
  v_queue CONSTANT int4 := 0;
  v_label text;
  v_pid int4;
  v_cookie int8;
  v_keeper int4;
BEGIN
  ${NEUTRAL_LIMITS}
  FOR v_statement IN SELECT s.value, s.n::int4 AS n FROM json_array_elements(p_statements) WITH ORDINALITY AS s (value, n) ORDER BY s.n LOOP
    INSERT INTO pgbackground_jobs.jobs AS t (label, sql, options, columns, gated, rows_table, rows_state, batch_key, batch_index, after_job,
                                             batch_options)
      VALUES (v_statement.value ->> 'label', v_statement.value ->> 'sql', v_statement.value -> 'options', v_statement.value -> 'columns',
              (v_statement.value ->> 'gated')::bool, (v_statement.value ->> 'rowsTable')::name,
              CASE WHEN v_statement.value ->> 'rowsTable' IS NOT NULL THEN 'pending' END, v_key, v_first + v_statement.n - 1, p_after,
              json_strip_nulls(json_build_object('label', p_options -> 'label', 'count', v_first + v_count, 'parallel', p_options -> 'parallel',
                                'onFailure', p_options -> 'onFailure', 'session', v_statement.value -> 'session')))
      RETURNING t.id INTO v_job;
    v_jobs := array_append(v_jobs, v_job);
    PERFORM pg_notify('${CHANNEL}', v_job::text);
  END LOOP;
  v_text := format('CALL pgbackground_jobs.keep_batch(%L::pg_catalog.int8, %L::pg_catalog.xid8, %L::pg_catalog.int8)',
                   v_key, pg_current_xact_id(), p_after);
  v_label := concat('keeper of durable batch ', v_jobs[1]);
  FOR v_n IN 1 .. LEAST((p_options ->> 'parallel')::int4, v_count) LOOP
    SELECT l.pid, l.cookie INTO STRICT v_pid, v_cookie FROM ${launchCall(functions, 'v_text', 'v_queue', 'v_label')} AS l;
    PERFORM ${detachCall(functions, 'v_pid', 'v_cookie')};
    v_keeper := COALESCE(v_keeper, v_pid);
  END LOOP;
  UPDATE pgbackground_jobs.jobs AS t SET keeper_pid = v_keeper WHERE t.batch_key = v_key;
  RETURN v_jobs;
END $start_batch$;
`;
}

/** One that never began because no lane was left is no cause: the others never begin for the same reason. */
function stops(job: string): string {
  return `${job}.state NOT IN (${UNFINISHED_LIST}, 'succeeded') AND NOT (${job}.state = 'failed' AND ${job}.started_at IS NULL)`;
}

/**
 * Cancels the statements of a batch that wait and will never begin, because another one did not succeed, if the batch stops then. The
 * outcome of that one may be unknown: no one can be asked whether to go on. One that was canceled stops only those after it. (The same rules
 * as in batchRules.ts.) Only jobs of one role count, because every role can use the key of a batch in its own records. Statements that are just being claimed are skipped, so this waits for nothing. Returns the number of jobs that it
 * changed.
 */
const STOP_BATCH = `
CREATE OR REPLACE FUNCTION pgbackground_jobs.stop_batch(p_batch pg_catalog.int8, p_owner pg_catalog.regrole) RETURNS int4 ${OF_JOBS} AS $stop_batch$
#variable_conflict error
DECLARE
  v_options json;
  v_on_failure text;
  v_label text;
  v_after int8;
  v_first record;
  v_from int4;
  v_job record;
  v_cause json;
  v_count int4 := 0;
BEGIN
  SELECT t.batch_options, t.after_job INTO v_options, v_after FROM pgbackground_jobs.jobs AS t
   WHERE t.batch_key = p_batch AND t.owner = p_owner AND t.state = 'queued' LIMIT 1;
  IF NOT FOUND THEN RETURN 0; END IF;
  BEGIN
    v_on_failure := v_options ->> 'onFailure';
    v_label := v_options ->> 'label';
  EXCEPTION WHEN data_exception THEN
    -- The role has changed the record into something that cannot be read. Other jobs are still resolved.
    RETURN 0;
  END;
  IF v_on_failure IS DISTINCT FROM 'stop' THEN RETURN 0; END IF;
  -- The first position that is stopped.
  SELECT min(CASE t.state WHEN 'canceled' THEN t.batch_index + 1 ELSE 0 END) INTO v_from FROM pgbackground_jobs.jobs AS t
   WHERE t.batch_key = p_batch AND t.owner = p_owner AND ${stops('t')};
  IF v_after IS NOT NULL THEN
    SELECT t.label, t.state INTO v_first FROM pgbackground_jobs.jobs AS t WHERE t.id = v_after;
    IF NOT FOUND THEN
      -- It was purged: before anyone knew how it ended, or after it had succeeded, so that the batch has begun.
      IF NOT EXISTS (SELECT FROM pgbackground_jobs.jobs AS t
                      WHERE t.batch_key = p_batch AND t.owner = p_owner AND t.started_at IS NOT NULL) THEN
        v_cause := json_build_object('label', v_label, 'state', 'unknown');
      END IF;
    ELSIF v_first.state NOT IN (${UNFINISHED_LIST}, 'succeeded') THEN
      v_cause := json_build_object('label', v_first.label, 'state', v_first.state);
    END IF;
  END IF;
  IF v_cause IS NULL AND v_from IS NULL THEN RETURN 0; END IF;
  FOR v_job IN
    SELECT t.id, t.batch_index FROM pgbackground_jobs.jobs AS t
     WHERE t.batch_key = p_batch AND t.owner = p_owner AND t.state = 'queued' AND (v_cause IS NOT NULL OR t.batch_index >= v_from)
     ORDER BY t.batch_index FOR UPDATE SKIP LOCKED
  LOOP
    UPDATE pgbackground_jobs.jobs AS t
       SET state = 'canceled', reason = 'batch_stopped', finished_at = clock_timestamp(), rows_state = NULL,
           -- The cause, not one that ended for the same cause.
           stopped_by = COALESCE(v_cause, (
             SELECT json_build_object('label', c.label, 'state', c.state) FROM pgbackground_jobs.jobs AS c
              WHERE c.batch_key = p_batch AND c.owner = p_owner AND ${stops('c')}
                AND (c.state <> 'canceled' OR c.batch_index < v_job.batch_index)
              ORDER BY c.reason IS NOT DISTINCT FROM 'batch_stopped', c.batch_index LIMIT 1))
     WHERE t.id = v_job.id AND t.state = 'queued';
    v_count := v_count + 1;
    PERFORM pg_notify('${CHANNEL}', v_job.id::text);
  END LOOP;
  RETURN v_count;
END $stop_batch$;
`;

/** A statement that waits, and that this role may run: only its own, as in keeper.ts. */
const WAITS = `t.batch_key = p_batch AND t.state = 'queued' AND t.owner = quote_ident(CURRENT_USER::text)::regrole`;

/** The statement that is next. Locks its record. */
function next(lock: string): string {
  return `SELECT t.id INTO v_job FROM pgbackground_jobs.jobs AS t WHERE ${WAITS} ORDER BY t.batch_index LIMIT 1 ${lock}`;
}

/** Writes outcomes that this batch may depend on. Any other session can do it, too, so an error is no reason to end a lane. */
const TRY_TO_RESOLVE = `
      BEGIN
        PERFORM pgbackground_jobs.resolve();
      EXCEPTION WHEN OTHERS THEN NULL;
      END;
      COMMIT;`;

/** A lane. Like the procedure in keeper.ts, it commits between its waits, and so has no SET clause. */
const KEEP_BATCH = `
CREATE OR REPLACE PROCEDURE pgbackground_jobs.keep_batch(p_batch pg_catalog.int8, p_from pg_catalog.xid8, p_after pg_catalog.int8)
LANGUAGE plpgsql AS $keep_batch$
#variable_conflict error
DECLARE
  v_status text;
  v_pause float8 := 0.0005;
  v_state text;
  v_key int8;
  v_job int8;
  v_from xid8;
  v_in_order bool;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false);
  PERFORM set_config('client_min_messages', 'error', false);
  -- Shows that the statements that wait have a lane. It cannot be had at once only if another role interferes. Then the statements may
  -- be recorded as never begun, and are not run.
  PERFORM pg_try_advisory_lock_shared(p_batch);
  ${untilCommitted()}
  v_pause := ${FIRST_PAUSE};
  WHILE p_after IS NOT NULL LOOP
    SELECT t.state, t.keeper_key INTO v_state, v_key FROM pgbackground_jobs.jobs AS t WHERE t.id = p_after;
    EXIT WHEN NOT FOUND OR v_state NOT IN (${UNFINISHED_LIST});
    IF NOT pgbackground_jobs.keeper_alive(v_key) THEN${TRY_TO_RESOLVE}
    END IF;
    COMMIT;
    PERFORM FROM pgbackground_jobs.jobs AS t WHERE ${WAITS};
    EXIT WHEN NOT FOUND;
    PERFORM pg_sleep(v_pause);
    COMMIT;
    v_pause := LEAST(v_pause * 1.5, ${MAX_PAUSE});
  END LOOP;
  SELECT t.batch_options ->> 'parallel' = '1' INTO v_in_order FROM pgbackground_jobs.jobs AS t WHERE ${WAITS} LIMIT 1;
  v_pause := ${FIRST_PAUSE};
  LOOP
    -- One of them may have lost its lane.
    IF EXISTS (SELECT FROM pgbackground_jobs.jobs AS t
                WHERE t.batch_key = p_batch AND t.state = 'running' AND NOT pgbackground_jobs.keeper_alive(t.keeper_key)) THEN${TRY_TO_RESOLVE}
    END IF;
    IF v_in_order THEN
      -- A later statement never overtakes one that another session is just canceling or pinning.
      ${next('FOR UPDATE')};
    ELSE
      ${next('FOR UPDATE SKIP LOCKED')};
    END IF;
    IF FOUND THEN
      -- While its record is locked here, no other session that stops the batch can miss it.
      PERFORM pgbackground_jobs.stop_batch(p_batch, quote_ident(CURRENT_USER::text)::regrole);
      PERFORM FROM pgbackground_jobs.jobs AS t WHERE t.id = v_job AND t.state = 'queued';
      IF NOT FOUND THEN
        COMMIT;
        CONTINUE;
      END IF;
      v_from := pg_current_xact_id();
      v_key := hashtextextended(gen_random_uuid()::text, 0);
      COMMIT;
      CALL pgbackground_jobs.keep(v_job, v_from, v_key);
      PERFORM FROM pgbackground_jobs.jobs AS t WHERE t.id = v_job AND t.state = 'queued';
      IF NOT FOUND THEN
        COMMIT;
        v_pause := ${FIRST_PAUSE};
        CONTINUE;
      END IF;
    ELSE
      -- Those that are left are being claimed or canceled.
      COMMIT;
      PERFORM FROM pgbackground_jobs.jobs AS t WHERE ${WAITS};
      EXIT WHEN NOT FOUND;
    END IF;
    -- There was no slot for the worker, for example.
    COMMIT;
    PERFORM pg_sleep(v_pause);
    COMMIT;
    v_pause := LEAST(v_pause * 1.5, ${MAX_PAUSE});
  END LOOP;
END $keep_batch$;
`;

/** SQL that creates the functions for batches, and the lanes. */
export function batchSql(functions: ExtensionFunctions): string {
  return [startBatch(functions), STOP_BATCH, KEEP_BATCH].join('');
}

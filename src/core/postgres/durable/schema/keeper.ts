/**
 * SQL of the keeper: the procedure that launches and watches one durable job. It runs in a worker of its own and commits between its
 * waits (docs/internals/pg-background.md).
 *
 * - It runs with the privileges of its caller, and only for jobs that the caller owns: anything else would run one role's SQL with
 *   the privileges of another one.
 * - A procedure with a SET clause cannot commit. Its first statement sets the search_path instead, so that the caller's has no effect.
 * - Literals contain no backslashes, because `standard_conforming_strings` may be off.
 */
import type { ExtensionFunctions } from '../../pgBackground/extensionFunctions';
import { QUEUE_FULL } from '../../../jobs/queueFull';
import { quoteLiteral } from '../../../sql/quote';
import { call, CHANNEL, DIAGNOSTICS, untilCommitted, WORKER } from './calls';
import { claimGated, claimUngated } from './claim';

/** Waits for the worker, milliseconds: the first one, and the longest. A snapshot is held during each. */
const FIRST_WAIT_MS = 20;
const MAX_WAIT_MS = 2000;

/** Writes the final state, unless another session already did. The request to cancel is read from the row at the time of the update. */
const RECORD_END = `
  UPDATE pgbackground_jobs.jobs AS t
     SET state = CASE WHEN v_state = 'failed' AND t.cancel_requested IS NOT NULL AND COALESCE(v_sqlstate, '57014') IN ('57014', '57P01')
                      THEN 'canceled' ELSE v_state END,
         reason = v_reason, finished_at = clock_timestamp(), command_tag = v_tag, row_count = v_rows,
         error_sqlstate = v_sqlstate, error_message = v_message, error_detail = NULLIF(v_detail, ''), error_hint = NULLIF(v_hint, ''),
         error_context = NULLIF(v_context, ''), error_schema = NULLIF(v_schema, ''), error_table = NULLIF(v_table, ''),
         error_column = NULLIF(v_column, ''), error_constraint = NULLIF(v_constraint, ''), error_datatype = NULLIF(v_datatype, ''),
         rows_oid = v_rows_oid, rows_state = v_rows_state, rows_error = v_rows_error
   WHERE t.id = p_job AND t.state = 'running';
  PERFORM pg_notify('${CHANNEL}', p_job::text);
  COMMIT;
  PERFORM pg_advisory_unlock(p_key);
  RETURN;`;

/** Waits in slices until the worker has stopped, or its output must be read. */
function watch(functions: ExtensionFunctions): string {
  const progress =
    functions.progress === undefined
      ? ''
      : `
    IF v_now >= v_next_progress THEN
      SELECT p.progress_pct, p.progress_msg INTO v_pct, v_progress FROM ${call(functions.progress, ...WORKER)} AS p;
      IF FOUND AND (v_pct IS DISTINCT FROM v_known_pct OR v_progress IS DISTINCT FROM v_known_progress) THEN
        INSERT INTO pgbackground_jobs.progress AS t (job, pct, message, changed_at) VALUES (p_job, v_pct, v_progress, v_now)
          ON CONFLICT (job) DO UPDATE SET pct = v_pct, message = v_progress, changed_at = v_now;
        PERFORM pg_notify('${CHANNEL}', p_job::text);
        COMMIT;
        v_known_pct := v_pct;
        v_known_progress := v_progress;
        -- At most once a second in the first ten minutes, later every ten seconds.
        v_next_progress := v_now + CASE WHEN v_now < v_began + interval '10 minutes' THEN interval '1 second'
                                        ELSE interval '10 seconds' END;
      END IF;
    END IF;`;
  return `
  v_began := clock_timestamp();
  v_next_progress := v_began;
  v_wait := ${FIRST_WAIT_MS};
  WHILE NOT v_done LOOP
    SELECT ${call(functions.wait, ...WORKER, 'v_wait')} INTO v_done;
    -- Ends the snapshot, for which VACUUM and CREATE INDEX CONCURRENTLY of others may wait.
    COMMIT;
    EXIT WHEN v_done;
    v_now := clock_timestamp();${progress}
    SELECT t.cancel_requested IS NOT NULL INTO v_cancel FROM pgbackground_jobs.jobs AS t WHERE t.id = p_job;
    IF NOT FOUND THEN
      -- The record was removed, so there is nowhere to write to. The work continues.
      PERFORM pg_advisory_unlock(p_key);
      RETURN;
    END IF;
    -- Old builds could crash if a worker was canceled in its first moments.
    IF v_cancel AND NOT v_canceled AND v_now > v_began + interval '1 second' THEN
      v_canceled := true;
      BEGIN
        PERFORM ${call(functions.cancel, ...WORKER)};
      EXCEPTION WHEN OTHERS THEN NULL; -- It has ended, which the next wait shows.
      END;
    END IF;
    PERFORM pg_stat_clear_snapshot();
    SELECT a.state IS NULL, a.wait_event = ${quoteLiteral(QUEUE_FULL)}, a.backend_start INTO v_hidden, v_full, v_worker_start
      FROM pg_stat_get_activity(v_pid) AS a;
    -- Not visible yet when the worker was launched.
    IF v_worker_start IS NOT NULL AND NOT v_dated THEN
      UPDATE pgbackground_jobs.jobs AS t SET worker_start = v_worker_start WHERE t.id = p_job AND t.worker_start IS NULL;
      v_dated := true;
    END IF;
    -- Under SET ROLE, the keeper cannot see its worker's state. It then reads at once what may fill the queue.
    IF v_full OR v_hidden AND (v_job.options ->> 'noisy')::bool THEN
      v_early := true;
      EXIT;
    END IF;
    COMMIT;
    v_wait := LEAST(${MAX_WAIT_MS}, v_wait * 3 / 2);
  END LOOP;`;
}

/** Reads the result: the tags or the rows, or the error that the worker raised, which is complete only here. */
function read(functions: ExtensionFunctions): string {
  return `
  BEGIN
    IF v_rows_oid IS NOT NULL THEN
      EXECUTE format('INSERT INTO pgbackground_rows.%I SELECT * FROM ${functions.result}(%s, %s) AS r (%s)',
                     v_job.rows_table, v_pid, v_cookie, v_job.options ->> 'definition');
      GET DIAGNOSTICS v_rows = ROW_COUNT;
      v_tag := v_job.options ->> 'command';
    ELSIF v_job.options ->> 'store' IN ('keeper', 'discard') THEN
      EXECUTE format('SELECT count(*) FROM ${functions.result}(%s, %s) AS r (%s)', v_pid, v_cookie, v_job.options ->> 'definition')
        INTO v_rows;
      v_tag := v_job.options ->> 'command';
    ELSE
      -- The last three tags: if the worker stored the rows, a fence and the call of seal() follow the statement.
      FOR v_line IN EXECUTE format('SELECT r.c1 FROM ${functions.result}(%s, %s) AS r (c1 text)', v_pid, v_cookie) LOOP
        v_tag2 := v_tag1;
        v_tag1 := v_tag;
        v_tag := v_line;
      END LOOP;
      IF v_job.options ->> 'store' = 'worker' THEN
        v_rows := substring(v_tag2 from '[0-9]+$')::int8;
        v_tag := CASE WHEN v_tag2 IS NOT NULL THEN v_job.options ->> 'command' END;
      ELSE
        v_rows := substring(v_tag from ' ([0-9]+)$')::int8;
        v_tag := CASE WHEN v_tag ~ '^[A-Z]' THEN regexp_replace(v_tag, '( [0-9]+)+$', '') ELSE v_tag END;
      END IF;
    END IF;
    v_read := true;
  EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
    ${DIAGNOSTICS}
    -- pg_background adds a line with the worker's pid to the context, twice; one with the keeper's own pid may follow. An error without
    -- a line of another process is one of this reading.
    v_line := concat(chr(10), 'background worker, pid (?!', pg_backend_pid(), '(', chr(10), '|$))[0-9]+');
    v_inner := regexp_match(concat(chr(10), v_context), concat('^(.*)', v_line, '(', chr(10), '|$)'));
    v_tag := NULL;
    v_rows := NULL;
    IF v_inner IS NULL THEN
      v_rows_error := v_message;
      v_sqlstate := NULL; v_message := NULL; v_detail := NULL; v_hint := NULL; v_context := NULL; v_schema := NULL; v_table := NULL;
      v_column := NULL; v_constraint := NULL; v_datatype := NULL;
    ELSE
      v_context := ltrim(regexp_replace(v_inner[1], concat(v_line, '$'), ''), chr(10));
      v_failed := true;
    END IF;
  END;`;
}

/** Decides the final state. */
function decide(functions: ExtensionFunctions): string {
  const info =
    functions.resultInfo === undefined
      ? ''
      : `
    IF NOT v_read AND NOT v_failed AND v_done AND NOT v_early THEN
      BEGIN
        SELECT i.completed AND NOT i.has_error AND i.command_tag <> '' INTO v_read FROM ${call(functions.resultInfo, ...WORKER)} AS i;
      EXCEPTION WHEN OTHERS THEN NULL; -- The failed reading has detached it.
      END;
    END IF;`;
  return `
  IF v_worker_xid IS NOT NULL THEN
    -- The commit log decides, whatever was read. A commit may still be waiting, for example for a standby.
    v_pause := 0.001;
    LOOP
      v_status := pg_xact_status(v_worker_xid);
      EXIT WHEN v_status IS DISTINCT FROM 'in progress';
      COMMIT;
      PERFORM pg_sleep(v_pause);
      v_pause := LEAST(v_pause * 1.5, 1.0);
    END LOOP;
    v_state := CASE v_status WHEN 'committed' THEN 'succeeded' WHEN 'aborted' THEN 'failed' ELSE 'unknown' END;
    v_reason := CASE WHEN v_status IS NULL THEN 'outcome_expired' END;
  ELSIF v_job.gated THEN
    -- Without a transaction id it did not get past its gate.
    v_state := 'failed';
    v_reason := 'never_began';
  ELSE${info}
    v_state := CASE WHEN v_failed AND v_sqlstate LIKE '08%' THEN 'unknown' WHEN v_failed THEN 'failed'
                    WHEN v_read AND v_tag <> '' THEN 'succeeded' ELSE 'unknown' END;
    v_reason := CASE WHEN v_state = 'unknown' THEN 'worker_lost' END;
  END IF;
  IF v_state = 'succeeded' THEN
    v_sqlstate := NULL; v_message := NULL; v_detail := NULL; v_hint := NULL; v_context := NULL; v_schema := NULL; v_table := NULL;
    v_column := NULL; v_constraint := NULL; v_datatype := NULL;
  END IF;
  IF v_job.options ->> 'store' = 'worker' AND v_state = 'succeeded' THEN
    v_rows_oid := pgbackground_jobs.rows_oid(v_job.rows_table);
    v_rows_state := CASE WHEN v_rows_oid IS NULL THEN 'lost' ELSE 'stored' END;
  ELSIF v_job.options ->> 'store' = 'keeper' AND v_state = 'succeeded' THEN
    v_rows_state := CASE WHEN v_read AND v_rows_oid IS NOT NULL THEN 'stored' ELSE 'lost' END;
  ELSIF v_rows_oid IS NOT NULL THEN
    -- The empty table of a job that did not succeed.
    BEGIN
      EXECUTE format('DROP TABLE pgbackground_rows.%I', v_job.rows_table);
      v_rows_oid := NULL;
    EXCEPTION WHEN OTHERS THEN NULL; -- It is purged with the record.
    END;
  END IF;
  -- A folded result without rows has one line, with the names of its columns.
  IF v_rows_state = 'stored' AND v_rows = 1 AND (v_job.options ->> 'folded')::bool THEN
    EXECUTE format('SELECT count(*) FROM ONLY pgbackground_rows.%I AS t WHERE t.c2 <> ''''', v_job.rows_table) INTO v_rows;
  END IF;`;
}

/** SQL that creates the keeper. */
export function keeperSql(functions: ExtensionFunctions): string {
  return `
CREATE OR REPLACE PROCEDURE pgbackground_jobs.keep(p_job pg_catalog.int8, p_from pg_catalog.xid8, p_key pg_catalog.int8)
LANGUAGE plpgsql AS $keep$
#variable_conflict error
DECLARE
  v_job record;
  v_start timestamptz;
  v_gated bool;
  v_status text;
  v_pause float8 := 0.0005;
  v_text text;
  v_queue int4;
  v_names text[];
  v_wanted text[];
  v_values text[];
  v_count int4;
  v_sent bool := false;
  v_pid int4;
  v_cookie int8;
  v_keeper_xid xid8;
  v_worker_xid xid8;
  v_xid int8;
  v_wait int4;
  v_done bool := false;
  v_early bool := false;
  v_began timestamptz;
  v_now timestamptz;
  v_next_progress timestamptz;
  v_pct int4;
  v_known_pct int4;
  v_progress text;
  v_known_progress text;
  v_cancel bool;
  v_canceled bool := false;
  v_worker_start timestamptz;
  v_dated bool := false;
  v_hidden bool;
  v_full bool;
  v_read bool := false;
  v_failed bool := false;
  v_state text;
  v_reason text;
  v_line text;
  v_tag text;
  v_tag1 text;
  v_tag2 text;
  v_rows int8;
  v_rows_oid oid;
  v_rows_state text;
  v_rows_error text;
  v_inner text[];
  v_sqlstate text;
  v_message text;
  v_detail text;
  v_hint text;
  v_context text;
  v_schema text;
  v_table text;
  v_column text;
  v_constraint text;
  v_datatype text;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false);
  PERFORM set_config('client_min_messages', 'error', false);
  -- Shows every session, whatever its role, that this keeper is alive. The key is random, so no other role can take it first.
  PERFORM pg_advisory_lock(p_key);
  SELECT a.backend_start INTO v_start FROM pg_stat_get_activity(pg_backend_pid()) AS a;
  ${untilCommitted('PERFORM pg_advisory_unlock(p_key); ')}
  SELECT t.gated, (t.options ->> 'queue')::int4 INTO v_gated, v_queue FROM pgbackground_jobs.jobs AS t WHERE t.id = p_job;
  IF v_gated THEN ${claimGated(functions)}
  ELSE ${claimUngated(functions)}
  END IF;
  IF v_state IS NOT NULL THEN ${RECORD_END}
  END IF;
  ${watch(functions)}
  ${read(functions)}
  ${decide(functions)}
  IF v_job.batch_key IS NOT NULL THEN
    -- This session runs more statements, and can have only a limited number of handles.
    BEGIN
      PERFORM ${call(functions.detach, ...WORKER)};
    EXCEPTION WHEN OTHERS THEN NULL; -- Reading its result detached it.
    END;
  END IF;
  ${RECORD_END}
END $keep$;
`;
}

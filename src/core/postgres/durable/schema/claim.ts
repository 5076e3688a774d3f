/** SQL with which the keeper claims its job and launches the worker. A part of the procedure in keeper.ts. */
import type { ExtensionFunctions } from '../../pgBackground/extensionFunctions';
import { call, CHANNEL, DIAGNOSTICS, launchCall, WORKER } from './calls';

/**
 * Sets the settings of the worker, launches it, and sets the keeper's settings back. In between, the search_path is the user's, so
 * every name is qualified and there is no operator. After an error, the worker may run nevertheless if `v_sent` is true: a signal,
 * for example, can interrupt the keeper while it waits for a worker that has started.
 */
function launchWorker(functions: ExtensionFunctions): string {
  return `
  SELECT array_agg(s.value ->> 0 ORDER BY s.n), array_agg(s.value ->> 1 ORDER BY s.n),
         array_agg(COALESCE(current_setting(s.value ->> 0, true), '') ORDER BY s.n), count(*)
    INTO v_names, v_wanted, v_values, v_count
    FROM json_array_elements(v_job.options -> 'settings') WITH ORDINALITY AS s (value, n);
  BEGIN
    FOR v_n IN 1 .. v_count LOOP
      PERFORM pg_catalog.set_config(v_names[v_n], v_wanted[v_n], true);
    END LOOP;
    v_sent := true;
    SELECT l.pid, l.cookie INTO STRICT v_pid, v_cookie
      FROM ${launchCall(functions, 'v_text', 'v_queue', 'v_job.label')} AS l;
    FOR v_n IN REVERSE v_count .. 1 LOOP
      PERFORM pg_catalog.set_config(v_names[v_n], v_values[v_n], true);
    END LOOP;
  EXCEPTION WHEN OTHERS OR query_canceled THEN
    ${DIAGNOSTICS}
    v_state := 'failed';
    v_reason := CASE WHEN v_sqlstate IN ('53000', '53400') THEN 'no_slot' ELSE 'not_launched' END;
  END;
  ${REQUEUE}`;
}

/**
 * A statement of a batch has not failed if there was no slot: it waits again, and its lane retries it. The rollback removes an empty table
 * of rows, and the claim of a gated job.
 */
const REQUEUE = `
  IF v_reason = 'no_slot' AND v_job.batch_key IS NOT NULL THEN
    ROLLBACK;
    UPDATE pgbackground_jobs.jobs AS t
       SET state = CASE WHEN t.cancel_requested IS NULL THEN 'queued' ELSE 'canceled' END, started_at = NULL,
           finished_at = CASE WHEN t.cancel_requested IS NOT NULL THEN clock_timestamp() END,
           rows_state = CASE WHEN t.cancel_requested IS NULL THEN t.rows_state END
     WHERE t.id = p_job AND t.state = 'running' AND t.keeper_key = p_key;
    IF FOUND THEN PERFORM pg_notify('${CHANNEL}', p_job::text); END IF;
    COMMIT;
    PERFORM pg_advisory_unlock(p_key);
    RETURN;
  END IF;`;

/** Creates the empty table if the keeper stores the rows, before anything runs. */
const CREATE_ROWS_TABLE = `
  IF v_job.options ->> 'store' = 'keeper' THEN
    BEGIN
      EXECUTE format('CREATE %s TABLE pgbackground_rows.%I (%s)', v_job.options ->> 'persistence', v_job.rows_table,
                     v_job.options ->> 'definition');
      CALL pgbackground_jobs.seal(v_job.rows_table);
      v_rows_oid := format('pgbackground_rows.%I', v_job.rows_table)::regclass::oid;
    EXCEPTION WHEN OTHERS THEN
      -- The job runs without it, as it would if it were not durable.
      GET STACKED DIAGNOSTICS v_rows_error = MESSAGE_TEXT;
      v_rows_oid := NULL;
    END;
  END IF;`;

/** The end of the UPDATE that claims a job of this role. Another keeper may have been first. */
const CLAIMED = `   WHERE t.id = p_job AND t.state = 'queued' AND t.owner = quote_ident(CURRENT_USER::text)::regrole
  RETURNING t.id, t.label, t.options, t.gated, t.rows_table, t.batch_key INTO v_job;
  IF NOT FOUND THEN
    ROLLBACK;
    PERFORM pg_advisory_unlock(p_key);
    RETURN;
  END IF;
`;

/**
 * Claims a gated job, launches its worker, and records its transaction id, in one transaction: if that ends any other way than with a
 * commit, the gate raises an error before any work.
 */
export function claimGated(functions: ExtensionFunctions): string {
  return `
  v_keeper_xid := pg_current_xact_id();
  UPDATE pgbackground_jobs.jobs AS t
     SET state = 'running', started_at = clock_timestamp(), keeper_pid = pg_backend_pid(), keeper_key = p_key,
         keeper_start = v_start, keeper_xid = v_keeper_xid
${CLAIMED}  ${CREATE_ROWS_TABLE}
  v_text := concat(v_job.options ->> 'before', 'SELECT pgbackground_jobs.gate(''', v_keeper_xid, ''');SHOW server_version;',
                   v_job.options ->> 'text');
  ${launchWorker(functions)}
  IF v_state IS NOT NULL THEN
    -- With this transaction aborted, the gate stays closed, so the job does not begin even if its worker has started.
    ROLLBACK;
    v_rows_oid := NULL;
    UPDATE pgbackground_jobs.jobs AS t
       SET state = 'running', started_at = clock_timestamp(), keeper_pid = pg_backend_pid(), keeper_key = p_key, keeper_start = v_start
${CLAIMED}  ELSE
    v_pause := 0.0005;
    LOOP
      SELECT l.transactionid::text::int8 INTO v_xid FROM pg_locks AS l
       WHERE l.pid = v_pid AND l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted LIMIT 1;
      EXIT WHEN FOUND;
      -- It ends without one if the text cannot be parsed.
      SELECT ${call(functions.wait, ...WORKER, '1')} INTO v_done;
      EXIT WHEN v_done;
      PERFORM pg_sleep(v_pause);
      v_pause := LEAST(v_pause * 1.5, 0.02);
    END LOOP;
    IF v_xid IS NOT NULL THEN
      -- pg_locks shows 32 bits. The worker's id was assigned after the keeper's.
      v_xid := v_keeper_xid::text::int8 / 4294967296 * 4294967296 + v_xid;
      IF v_xid < v_keeper_xid::text::int8 THEN v_xid := v_xid + 4294967296; END IF;
      v_worker_xid := v_xid::text::xid8;
    END IF;
    -- The exception clause starts a subtransaction, whose id is younger than the worker's. Otherwise the server could forget the
    -- worker's id in a crash and assign it to another transaction, whose outcome would then be shown as that of the job.
    BEGIN
      UPDATE pgbackground_jobs.jobs AS t
         SET worker_pid = v_pid, worker_cookie = v_cookie, worker_xid = v_worker_xid, rows_oid = v_rows_oid,
             worker_start = (SELECT a.backend_start FROM pg_stat_get_activity(v_pid) AS a)
       WHERE t.id = p_job;
    EXCEPTION WHEN raise_exception THEN
      RAISE;
    END;
    PERFORM pg_notify('${CHANNEL}', p_job::text);
  END IF;
  COMMIT;`;
}

/** Claims a job without a gate. The claim is committed before the launch, so that the job cannot be launched twice. */
export function claimUngated(functions: ExtensionFunctions): string {
  return `
  UPDATE pgbackground_jobs.jobs AS t
     SET state = 'running', started_at = clock_timestamp(), keeper_pid = pg_backend_pid(), keeper_key = p_key, keeper_start = v_start
${CLAIMED}  COMMIT;
  ${CREATE_ROWS_TABLE}
  v_text := v_job.options ->> 'text';
  ${launchWorker(functions)}
  IF v_sent AND v_state = 'failed' AND v_reason <> 'no_slot' AND v_sqlstate !~ '^(22|42)' THEN
    -- Nothing proves that it did not start.
    v_state := 'unknown';
    v_reason := 'keeper_lost';
    -- It is not an error of the job.
    v_sqlstate := NULL;
  END IF;
  IF v_state IS NULL THEN
    UPDATE pgbackground_jobs.jobs AS t
       SET worker_pid = v_pid, worker_cookie = v_cookie, rows_oid = v_rows_oid,
           worker_start = (SELECT a.backend_start FROM pg_stat_get_activity(v_pid) AS a)
     WHERE t.id = p_job;
    PERFORM pg_notify('${CHANNEL}', p_job::text);
  END IF;
  COMMIT;`;
}

-- pg_background Workers: durable jobs, version 1. See docs/DURABLE.md.
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = warning;
DO $checks$
BEGIN
  IF pg_is_in_recovery() THEN RAISE EXCEPTION 'this server is a standby: run the script on its primary'; END IF;
  IF EXISTS (SELECT FROM pg_namespace WHERE nspname IN ('pgbackground_jobs', 'pgbackground_rows')) THEN
    RAISE EXCEPTION 'pgbackground_jobs or pgbackground_rows already exists in this database';
  END IF;
  IF EXISTS (SELECT FROM pg_publication WHERE puballtables) THEN
    RAISE EXCEPTION 'a publication FOR ALL TABLES would publish the tables of durable jobs, and its subscribers would stop';
  END IF;
END $checks$;

CREATE SCHEMA pgbackground_jobs;
CREATE SCHEMA pgbackground_rows;

-- One row: the version of these objects, and the functions of pg_background that they call.
CREATE TABLE pgbackground_jobs.setup (
  only_row bool PRIMARY KEY DEFAULT true CHECK (only_row),
  version int4 NOT NULL,
  functions text NOT NULL,
  changed_at timestamptz NOT NULL
);
INSERT INTO pgbackground_jobs.setup (version, functions, changed_at) VALUES (1, '', pg_catalog.clock_timestamp());

CREATE TABLE pgbackground_jobs.jobs (
  id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner regrole NOT NULL DEFAULT pg_catalog.quote_ident(CURRENT_USER::pg_catalog.text)::pg_catalog.regrole,
  label text NOT NULL,
  -- What the user ran, and what the keeper sends: its parts, settings, and how rows are stored.
  sql text NOT NULL,
  options json NOT NULL,
  -- Names and types of the columns, in order; NULL if the job returns no rows or they are not known.
  columns json,
  -- The job's transaction id is recorded before it begins, so that the commit log proves its outcome.
  gated bool NOT NULL,
  -- The cluster to which transaction ids and process ids refer.
  cluster int8 NOT NULL DEFAULT (pg_catalog.pg_control_system()).system_identifier,
  state text NOT NULL DEFAULT 'queued'
    CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'canceled', 'unknown')),
  -- Why, as a code: no_slot, not_launched, never_began, keeper_lost, worker_lost, outcome_expired.
  reason text,
  queued_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  keeper_pid int4,
  keeper_key int8,
  keeper_start timestamptz,
  keeper_xid xid8,
  worker_pid int4,
  worker_cookie int8,
  worker_start timestamptz,
  worker_xid xid8,
  command_tag text,
  row_count int8,
  error_sqlstate text,
  error_message text,
  error_detail text,
  error_hint text,
  error_context text,
  error_schema text,
  error_table text,
  error_column text,
  error_constraint text,
  error_datatype text,
  -- The table of rows in pgbackground_rows. Its state: pending, stored, lost.
  rows_table name,
  rows_oid oid,
  rows_state text CHECK (rows_state IN ('pending', 'stored', 'lost')),
  rows_error text,
  cancel_requested timestamptz,
  canceled_by name,
  -- When someone has seen the outcome. Only such jobs are purged automatically.
  seen_at timestamptz
);
CREATE INDEX jobs_unfinished ON pgbackground_jobs.jobs (id) WHERE state IN ('queued', 'running');

-- A separate, narrow table with free space on its pages, so that frequent updates are cheap (HOT).
CREATE TABLE pgbackground_jobs.progress (
  job int8 PRIMARY KEY REFERENCES pgbackground_jobs.jobs ON DELETE CASCADE,
  owner regrole NOT NULL DEFAULT pg_catalog.quote_ident(CURRENT_USER::pg_catalog.text)::pg_catalog.regrole,
  pct int4,
  message text,
  changed_at timestamptz NOT NULL
) WITH (fillfactor = 50);


CREATE OR REPLACE FUNCTION pgbackground_jobs.gate(p_keeper pg_catalog.xid8) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $gate$
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

CREATE OR REPLACE PROCEDURE pgbackground_jobs.seal(p_table pg_catalog.name) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $seal$
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

CREATE OR REPLACE FUNCTION pgbackground_jobs.rows_oid(p_table pg_catalog.name, p_owner pg_catalog.oid DEFAULT NULL) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $rows_oid$
  SELECT c.oid FROM pg_class AS c
   WHERE c.relnamespace = 'pgbackground_rows'::regnamespace AND c.relname = p_table AND c.relkind = 'r'
     AND c.relowner = COALESCE(p_owner, (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = CURRENT_USER));
$rows_oid$;

CREATE OR REPLACE FUNCTION pgbackground_jobs.start(p_label pg_catalog.text, p_sql pg_catalog.text, p_options pg_catalog.json,
  p_columns pg_catalog.json, p_gated pg_catalog.bool, p_rows_table pg_catalog.name) RETURNS int8
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = on
SET statement_timeout = 0 SET lock_timeout = 0 SET idle_in_transaction_session_timeout = 0
SET default_transaction_isolation = 'read committed' SET default_transaction_read_only = off
SET default_transaction_deferrable = off SET client_min_messages = error AS $start$
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
  -- Not every server and every version of pg_background has these.
  FOREACH v_name IN ARRAY ARRAY['transaction_timeout', 'idle_session_timeout', 'pg_background.worker_timeout'] LOOP
    IF current_setting(v_name, true) IS NOT NULL THEN PERFORM set_config(v_name, '0', true); END IF;
  END LOOP;
  INSERT INTO pgbackground_jobs.jobs AS t (label, sql, options, columns, gated, rows_table, rows_state, keeper_key)
    VALUES (p_label, p_sql, p_options, p_columns, p_gated, p_rows_table, CASE WHEN p_rows_table IS NOT NULL THEN 'pending' END, v_key)
    RETURNING t.id INTO v_job;
  v_text := format('CALL pgbackground_jobs.keep(%L::pg_catalog.int8, %L::pg_catalog.xid8, %L::pg_catalog.int8)',
                   v_job, pg_current_xact_id(), v_key);
  v_label := concat('keeper of durable job ', v_job);
  SELECT l.pid, l.cookie INTO STRICT v_pid, v_cookie FROM public.pg_background_launch(v_text, v_queue::pg_catalog.int4, v_label::pg_catalog.text) AS l;
  -- This session needs no handle, and can have only a limited number of them.
  PERFORM public.pg_background_detach(v_pid, v_cookie);
  UPDATE pgbackground_jobs.jobs AS t SET keeper_pid = v_pid WHERE t.id = v_job;
  PERFORM pg_notify('pgbackground_jobs', v_job::text);
  RETURN v_job;
END $start$;

CREATE OR REPLACE FUNCTION pgbackground_jobs.keeper_alive(p_key pg_catalog.int8) RETURNS bool
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $keeper_alive$
  SELECT EXISTS (
    SELECT FROM pg_locks AS l
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
       AND l.classid::int8 = (p_key >> 32) & 4294967295 AND l.objid::int8 = p_key & 4294967295);
$keeper_alive$;

CREATE OR REPLACE FUNCTION pgbackground_jobs.resolve() RETURNS int4 LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = on AS $resolve$
#variable_conflict error
DECLARE
  v_job record;
  v_status text;
  v_state text;
  v_reason text;
  v_rows_oid oid;
  v_rows_state text;
  v_count int4 := 0;
BEGIN
  FOR v_job IN
    SELECT t.id, t.owner, t.state, t.gated, t.options ->> 'store' AS store, t.queued_at, t.keeper_pid, t.keeper_key, t.worker_pid,
           t.worker_start, t.worker_xid, t.rows_table, t.rows_oid
      FROM pgbackground_jobs.jobs AS t
     WHERE t.state IN ('queued', 'running') AND t.cluster = (pg_control_system()).system_identifier
  LOOP
    CONTINUE WHEN pgbackground_jobs.keeper_alive(v_job.keeper_key);
    v_state := NULL;
    v_reason := 'keeper_lost';
    v_rows_oid := v_job.rows_oid;
    v_rows_state := NULL;
    IF v_job.state = 'queued' THEN
      -- A keeper that has just started may not have its lock yet, and may not be visible yet.
      CONTINUE WHEN v_job.queued_at > pg_postmaster_start_time()
                AND (v_job.queued_at > clock_timestamp() - interval '10 seconds'
                     OR EXISTS (SELECT FROM pg_stat_get_activity(v_job.keeper_pid) AS a WHERE v_job.keeper_pid IS NOT NULL));
      v_state := 'failed';
      v_reason := 'never_began';
    ELSIF v_job.worker_xid IS NOT NULL THEN
      v_status := pg_xact_status(v_job.worker_xid);
      CONTINUE WHEN v_status = 'in progress';
      v_state := CASE v_status WHEN 'committed' THEN 'succeeded' WHEN 'aborted' THEN 'failed' ELSE 'unknown' END;
      IF v_status IS NULL THEN v_reason := 'outcome_expired'; END IF;
      IF v_state = 'succeeded' AND v_job.store = 'worker' THEN
        v_rows_oid := pgbackground_jobs.rows_oid(v_job.rows_table, v_job.owner::oid);
        v_rows_state := CASE WHEN v_rows_oid IS NULL THEN 'lost' ELSE 'stored' END;
      ELSIF v_state = 'succeeded' AND v_job.store = 'keeper' THEN
        v_rows_state := 'lost';
      END IF;
    ELSIF v_job.gated THEN
      v_state := 'failed';
      v_reason := 'never_began';
    ELSE
      CONTINUE WHEN EXISTS (
        SELECT FROM pg_stat_get_activity(v_job.worker_pid) AS a
         WHERE v_job.worker_pid IS NOT NULL
           AND (a.backend_start IS NULL OR v_job.worker_start IS NULL OR a.backend_start = v_job.worker_start));
      v_state := 'unknown';
    END IF;
    UPDATE pgbackground_jobs.jobs AS t
       SET state = CASE WHEN v_state = 'failed' AND t.cancel_requested IS NOT NULL THEN 'canceled' ELSE v_state END,
           reason = v_reason, finished_at = clock_timestamp(), rows_oid = v_rows_oid, rows_state = v_rows_state
     WHERE t.id = v_job.id AND t.state = v_job.state AND NOT pgbackground_jobs.keeper_alive(t.keeper_key);
    IF FOUND THEN
      v_count := v_count + 1;
      PERFORM pg_notify('pgbackground_jobs', v_job.id::text);
    END IF;
  END LOOP;
  RETURN v_count;
END $resolve$;

CREATE OR REPLACE FUNCTION pgbackground_jobs.cancel(p_job pg_catalog.int8) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = on AS $cancel$
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
   WHERE t.id = p_job AND t.state IN ('queued', 'running')
  RETURNING t.state, t.gated, t.cluster, t.keeper_key, t.worker_pid, t.worker_start, t.worker_xid INTO v_job;
  IF NOT FOUND THEN
    PERFORM FROM pgbackground_jobs.jobs AS t WHERE t.id = p_job;
    RETURN CASE WHEN FOUND THEN 'finished' END;
  END IF;
  PERFORM pg_notify('pgbackground_jobs', p_job::text);
  IF v_job.state = 'canceled' THEN RETURN 'canceled'; END IF;
  IF v_job.cluster <> (pg_control_system()).system_identifier THEN RETURN 'unreachable'; END IF;
  BEGIN
    IF v_job.worker_xid IS NOT NULL THEN
      -- The process that holds the transaction id is the worker: a reused process id cannot match.
      SELECT bool_or(pg_terminate_backend(l.pid)) INTO v_signaled FROM pg_locks AS l
       WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted
         AND l.transactionid = v_job.worker_xid::xid;
    ELSIF NOT pgbackground_jobs.keeper_alive(v_job.keeper_key) THEN
      SELECT bool_or(pg_terminate_backend(a.pid)) INTO v_signaled FROM pg_stat_get_activity(v_job.worker_pid) AS a
       WHERE a.pid = v_job.worker_pid AND a.backend_start = v_job.worker_start AND a.backend_type = 'pg_background';
    END IF;
  EXCEPTION WHEN insufficient_privilege THEN
    v_signaled := false;
  END;
  RETURN CASE WHEN v_signaled THEN 'signaled' WHEN pgbackground_jobs.keeper_alive(v_job.keeper_key) THEN 'requested'
              ELSE 'unreachable' END;
END $cancel$;

CREATE OR REPLACE FUNCTION pgbackground_jobs.free_slots(OUT free pg_catalog.int8, OUT max pg_catalog.int8)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $free_slots$
  SELECT s.setting::int8 - (SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NOT NULL AND backend_type NOT IN (
  'client backend', 'autovacuum launcher', 'autovacuum worker', 'checkpointer', 'background writer', 'walwriter', 'archiver',
  'startup', 'walreceiver', 'walsender', 'walsummarizer', 'slotsync worker', 'io worker', 'logger', 'standalone backend')), s.setting::int8
    FROM pg_settings AS s WHERE s.name = 'max_worker_processes';
$free_slots$;

CREATE OR REPLACE FUNCTION pgbackground_jobs.mark_seen(p_jobs pg_catalog.int8[]) RETURNS int4 LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = on AS $mark_seen$
DECLARE
  v_count int4;
BEGIN
  UPDATE pgbackground_jobs.jobs AS t SET seen_at = clock_timestamp()
   WHERE t.id = ANY (p_jobs) AND t.seen_at IS NULL AND t.state NOT IN ('queued', 'running');
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END $mark_seen$;

CREATE OR REPLACE FUNCTION pgbackground_jobs.purge(p_jobs pg_catalog.int8[])
RETURNS TABLE (job int8, removed bool, problem text) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = on AS $purge$
#variable_conflict use_column
DECLARE
  v_job record;
  v_oid oid;
BEGIN
  FOR v_job IN
    SELECT t.id, t.owner, t.rows_table, t.rows_oid FROM pgbackground_jobs.jobs AS t
     WHERE t.id = ANY (p_jobs)
       AND (t.state NOT IN ('queued', 'running') OR t.cluster <> (pg_control_system()).system_identifier)
     ORDER BY t.id
  LOOP
    BEGIN
      v_oid := pgbackground_jobs.rows_oid(v_job.rows_table, v_job.owner::oid);
      -- Not by its name alone: only the table that the job created.
      IF v_oid IS NOT NULL AND (v_job.rows_oid IS NULL OR v_oid = v_job.rows_oid) THEN
        EXECUTE format('DROP TABLE pgbackground_rows.%I', v_job.rows_table);
      END IF;
      DELETE FROM pgbackground_jobs.jobs AS t WHERE t.id = v_job.id;
      PERFORM pg_notify('pgbackground_jobs', v_job.id::text);
      RETURN QUERY SELECT v_job.id::int8, true, NULL::text;
    EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege OR lock_not_available OR undefined_table THEN
      RETURN QUERY SELECT v_job.id::int8, false, SQLERRM::text;
    END;
  END LOOP;
END $purge$;


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
  -- The record may not be committed yet.
  LOOP
    v_status := pg_xact_status(p_from);
    EXIT WHEN v_status = 'committed';
    IF v_status IS DISTINCT FROM 'in progress' THEN
      PERFORM pg_advisory_unlock(p_key);
      RETURN;
    END IF;
    PERFORM pg_sleep(v_pause);
    v_pause := LEAST(v_pause * 1.5, 0.02);
  END LOOP;
  COMMIT;
  SELECT t.gated, (t.options ->> 'queue')::int4 INTO v_gated, v_queue FROM pgbackground_jobs.jobs AS t WHERE t.id = p_job;
  IF v_gated THEN 
  v_keeper_xid := pg_current_xact_id();
  UPDATE pgbackground_jobs.jobs AS t
     SET state = 'running', started_at = clock_timestamp(), keeper_pid = pg_backend_pid(), keeper_key = p_key,
         keeper_start = v_start, keeper_xid = v_keeper_xid
   WHERE t.id = p_job AND t.state = 'queued' AND t.owner = quote_ident(CURRENT_USER::text)::regrole
  RETURNING t.id, t.label, t.options, t.gated, t.rows_table INTO v_job;
  IF NOT FOUND THEN
    ROLLBACK;
    PERFORM pg_advisory_unlock(p_key);
    RETURN;
  END IF;
  
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
  END IF;
  v_text := concat(v_job.options ->> 'before', 'SELECT pgbackground_jobs.gate(''', v_keeper_xid, ''');SHOW server_version;',
                   v_job.options ->> 'text');
  
  SELECT array_agg(s.value ->> 0 ORDER BY s.n), array_agg(s.value ->> 1 ORDER BY s.n),
         array_agg(COALESCE(current_setting(s.value ->> 0, true), '') ORDER BY s.n), count(*)
    INTO v_names, v_wanted, v_values, v_count
    FROM json_array_elements(v_job.options -> 'settings') WITH ORDINALITY AS s (value, n);
  BEGIN
    FOR v_n IN 1 .. v_count LOOP
      PERFORM pg_catalog.set_config(v_names[v_n], v_wanted[v_n], true);
    END LOOP;
    SELECT l.pid, l.cookie INTO STRICT v_pid, v_cookie
      FROM public.pg_background_launch(v_text, v_queue::pg_catalog.int4, v_job.label::pg_catalog.text) AS l;
    FOR v_n IN REVERSE v_count .. 1 LOOP
      PERFORM pg_catalog.set_config(v_names[v_n], v_values[v_n], true);
    END LOOP;
  EXCEPTION WHEN OTHERS OR query_canceled THEN
    GET STACKED DIAGNOSTICS v_sqlstate = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
      v_hint = PG_EXCEPTION_HINT, v_context = PG_EXCEPTION_CONTEXT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME,
      v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME, v_datatype = PG_DATATYPE_NAME;
    v_state := 'failed';
    v_reason := CASE WHEN v_sqlstate IN ('53000', '53400') THEN 'no_slot' ELSE 'not_launched' END;
  END;
  IF v_state IS NULL THEN
    v_pause := 0.0005;
    LOOP
      SELECT l.transactionid::text::int8 INTO v_xid FROM pg_locks AS l
       WHERE l.pid = v_pid AND l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted LIMIT 1;
      EXIT WHEN FOUND;
      -- It ends without one if the text cannot be parsed.
      SELECT public.pg_background_wait(v_pid, v_cookie, 1) INTO v_done;
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
    PERFORM pg_notify('pgbackground_jobs', p_job::text);
  END IF;
  COMMIT;
  ELSE 
  UPDATE pgbackground_jobs.jobs AS t
     SET state = 'running', started_at = clock_timestamp(), keeper_pid = pg_backend_pid(), keeper_key = p_key, keeper_start = v_start
   WHERE t.id = p_job AND t.state = 'queued' AND t.owner = quote_ident(CURRENT_USER::text)::regrole
  RETURNING t.id, t.label, t.options, t.gated, t.rows_table INTO v_job;
  IF NOT FOUND THEN
    ROLLBACK;
    PERFORM pg_advisory_unlock(p_key);
    RETURN;
  END IF;
  COMMIT;
  
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
  END IF;
  v_text := v_job.options ->> 'text';
  
  SELECT array_agg(s.value ->> 0 ORDER BY s.n), array_agg(s.value ->> 1 ORDER BY s.n),
         array_agg(COALESCE(current_setting(s.value ->> 0, true), '') ORDER BY s.n), count(*)
    INTO v_names, v_wanted, v_values, v_count
    FROM json_array_elements(v_job.options -> 'settings') WITH ORDINALITY AS s (value, n);
  BEGIN
    FOR v_n IN 1 .. v_count LOOP
      PERFORM pg_catalog.set_config(v_names[v_n], v_wanted[v_n], true);
    END LOOP;
    SELECT l.pid, l.cookie INTO STRICT v_pid, v_cookie
      FROM public.pg_background_launch(v_text, v_queue::pg_catalog.int4, v_job.label::pg_catalog.text) AS l;
    FOR v_n IN REVERSE v_count .. 1 LOOP
      PERFORM pg_catalog.set_config(v_names[v_n], v_values[v_n], true);
    END LOOP;
  EXCEPTION WHEN OTHERS OR query_canceled THEN
    GET STACKED DIAGNOSTICS v_sqlstate = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
      v_hint = PG_EXCEPTION_HINT, v_context = PG_EXCEPTION_CONTEXT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME,
      v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME, v_datatype = PG_DATATYPE_NAME;
    v_state := 'failed';
    v_reason := CASE WHEN v_sqlstate IN ('53000', '53400') THEN 'no_slot' ELSE 'not_launched' END;
  END;
  IF v_state IS NULL THEN
    UPDATE pgbackground_jobs.jobs AS t
       SET worker_pid = v_pid, worker_cookie = v_cookie, rows_oid = v_rows_oid,
           worker_start = (SELECT a.backend_start FROM pg_stat_get_activity(v_pid) AS a)
     WHERE t.id = p_job;
    PERFORM pg_notify('pgbackground_jobs', p_job::text);
  END IF;
  COMMIT;
  END IF;
  IF v_state IS NOT NULL THEN 
  UPDATE pgbackground_jobs.jobs AS t
     SET state = CASE WHEN v_state = 'failed' AND t.cancel_requested IS NOT NULL AND COALESCE(v_sqlstate, '57014') IN ('57014', '57P01')
                      THEN 'canceled' ELSE v_state END,
         reason = v_reason, finished_at = clock_timestamp(), command_tag = v_tag, row_count = v_rows,
         error_sqlstate = v_sqlstate, error_message = v_message, error_detail = NULLIF(v_detail, ''), error_hint = NULLIF(v_hint, ''),
         error_context = NULLIF(v_context, ''), error_schema = NULLIF(v_schema, ''), error_table = NULLIF(v_table, ''),
         error_column = NULLIF(v_column, ''), error_constraint = NULLIF(v_constraint, ''), error_datatype = NULLIF(v_datatype, ''),
         rows_oid = v_rows_oid, rows_state = v_rows_state, rows_error = v_rows_error
   WHERE t.id = p_job AND t.state = 'running';
  PERFORM pg_notify('pgbackground_jobs', p_job::text);
  COMMIT;
  PERFORM pg_advisory_unlock(p_key);
  RETURN;
  END IF;
  
  v_began := clock_timestamp();
  v_next_progress := v_began;
  v_wait := 20;
  WHILE NOT v_done LOOP
    SELECT public.pg_background_wait(v_pid, v_cookie, v_wait) INTO v_done;
    -- Ends the snapshot, for which VACUUM and CREATE INDEX CONCURRENTLY of others may wait.
    COMMIT;
    EXIT WHEN v_done;
    v_now := clock_timestamp();
    IF v_now >= v_next_progress THEN
      SELECT p.progress_pct, p.progress_msg INTO v_pct, v_progress FROM public.pg_background_get_progress(v_pid, v_cookie) AS p;
      IF FOUND AND (v_pct IS DISTINCT FROM v_known_pct OR v_progress IS DISTINCT FROM v_known_progress) THEN
        INSERT INTO pgbackground_jobs.progress AS t (job, pct, message, changed_at) VALUES (p_job, v_pct, v_progress, v_now)
          ON CONFLICT (job) DO UPDATE SET pct = v_pct, message = v_progress, changed_at = v_now;
        PERFORM pg_notify('pgbackground_jobs', p_job::text);
        COMMIT;
        v_known_pct := v_pct;
        v_known_progress := v_progress;
        -- At most once a second in the first ten minutes, later every ten seconds.
        v_next_progress := v_now + CASE WHEN v_now < v_began + interval '10 minutes' THEN interval '1 second'
                                        ELSE interval '10 seconds' END;
      END IF;
    END IF;
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
        PERFORM public.pg_background_cancel(v_pid, v_cookie, 0);
      EXCEPTION WHEN OTHERS THEN NULL; -- It has ended, which the next wait shows.
      END;
    END IF;
    PERFORM pg_stat_clear_snapshot();
    SELECT a.state IS NULL, a.wait_event = 'MessageQueuePutMessage', a.backend_start INTO v_hidden, v_full, v_worker_start
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
    v_wait := LEAST(2000, v_wait * 3 / 2);
  END LOOP;
  
  BEGIN
    IF v_rows_oid IS NOT NULL THEN
      EXECUTE format('INSERT INTO pgbackground_rows.%I SELECT * FROM public.pg_background_result(%s, %s) AS r (%s)',
                     v_job.rows_table, v_pid, v_cookie, v_job.options ->> 'definition');
      GET DIAGNOSTICS v_rows = ROW_COUNT;
      v_tag := v_job.options ->> 'command';
    ELSIF v_job.options ->> 'store' IN ('keeper', 'discard') THEN
      EXECUTE format('SELECT count(*) FROM public.pg_background_result(%s, %s) AS r (%s)', v_pid, v_cookie, v_job.options ->> 'definition')
        INTO v_rows;
      v_tag := v_job.options ->> 'command';
    ELSE
      -- The last three tags: if the worker stored the rows, a fence and the call of seal() follow the statement.
      FOR v_line IN EXECUTE format('SELECT r.c1 FROM public.pg_background_result(%s, %s) AS r (c1 text)', v_pid, v_cookie) LOOP
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
    GET STACKED DIAGNOSTICS v_sqlstate = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
      v_hint = PG_EXCEPTION_HINT, v_context = PG_EXCEPTION_CONTEXT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME,
      v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME, v_datatype = PG_DATATYPE_NAME;
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
  END;
  
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
  ELSE
    IF NOT v_read AND NOT v_failed AND v_done AND NOT v_early THEN
      SELECT i.completed AND NOT i.has_error AND i.command_tag <> '' INTO v_read FROM public.pg_background_result_info(v_pid, v_cookie) AS i;
    END IF;
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
  END IF;
  
  UPDATE pgbackground_jobs.jobs AS t
     SET state = CASE WHEN v_state = 'failed' AND t.cancel_requested IS NOT NULL AND COALESCE(v_sqlstate, '57014') IN ('57014', '57P01')
                      THEN 'canceled' ELSE v_state END,
         reason = v_reason, finished_at = clock_timestamp(), command_tag = v_tag, row_count = v_rows,
         error_sqlstate = v_sqlstate, error_message = v_message, error_detail = NULLIF(v_detail, ''), error_hint = NULLIF(v_hint, ''),
         error_context = NULLIF(v_context, ''), error_schema = NULLIF(v_schema, ''), error_table = NULLIF(v_table, ''),
         error_column = NULLIF(v_column, ''), error_constraint = NULLIF(v_constraint, ''), error_datatype = NULLIF(v_datatype, ''),
         rows_oid = v_rows_oid, rows_state = v_rows_state, rows_error = v_rows_error
   WHERE t.id = p_job AND t.state = 'running';
  PERFORM pg_notify('pgbackground_jobs', p_job::text);
  COMMIT;
  PERFORM pg_advisory_unlock(p_key);
  RETURN;
END $keep$;


REVOKE ALL ON SCHEMA pgbackground_jobs, pgbackground_rows FROM PUBLIC;
GRANT USAGE ON SCHEMA pgbackground_jobs, pgbackground_rows TO pgbackground_role;
GRANT CREATE ON SCHEMA pgbackground_rows TO pgbackground_role;

REVOKE ALL ON ALL TABLES IN SCHEMA pgbackground_jobs FROM PUBLIC, pgbackground_role;
GRANT SELECT ON pgbackground_jobs.setup TO pgbackground_role;
GRANT SELECT, DELETE ON pgbackground_jobs.jobs TO pgbackground_role;
GRANT INSERT (label, sql, options, columns, gated, rows_table, rows_state, keeper_key), UPDATE (state, reason, started_at, finished_at, keeper_pid, keeper_key, keeper_start, keeper_xid, worker_pid,
  worker_cookie, worker_start, worker_xid, command_tag, row_count, error_sqlstate, error_message, error_detail, error_hint,
  error_context, error_schema, error_table, error_column, error_constraint, error_datatype, rows_oid, rows_state, rows_error,
  cancel_requested, canceled_by, seen_at)
  ON pgbackground_jobs.jobs TO pgbackground_role;
GRANT SELECT, DELETE, INSERT (job, pct, message, changed_at), UPDATE (pct, message, changed_at)
  ON pgbackground_jobs.progress TO pgbackground_role;

-- A role sees and changes its own jobs, and those of roles whose privileges it has. It creates only its own.
ALTER TABLE pgbackground_jobs.jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE pgbackground_jobs.jobs FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS mine ON pgbackground_jobs.jobs;
DROP POLICY IF EXISTS own ON pgbackground_jobs.jobs;
CREATE POLICY mine ON pgbackground_jobs.jobs USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY own ON pgbackground_jobs.jobs AS RESTRICTIVE FOR INSERT WITH CHECK (owner OPERATOR(pg_catalog.=) pg_catalog.quote_ident(CURRENT_USER::pg_catalog.text)::pg_catalog.regrole);
ALTER TABLE pgbackground_jobs.progress ENABLE ROW LEVEL SECURITY;
ALTER TABLE pgbackground_jobs.progress FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS mine ON pgbackground_jobs.progress;
DROP POLICY IF EXISTS own ON pgbackground_jobs.progress;
CREATE POLICY mine ON pgbackground_jobs.progress USING (pg_catalog.pg_has_role(owner, 'USAGE'));
CREATE POLICY own ON pgbackground_jobs.progress AS RESTRICTIVE FOR INSERT WITH CHECK (owner OPERATOR(pg_catalog.=) pg_catalog.quote_ident(CURRENT_USER::pg_catalog.text)::pg_catalog.regrole);

REVOKE ALL ON ALL ROUTINES IN SCHEMA pgbackground_jobs FROM PUBLIC, pgbackground_role;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA pgbackground_jobs TO pgbackground_role;

UPDATE pgbackground_jobs.setup
   SET version = 1, functions = 'public.pg_background_launch($1, $2::pg_catalog.int4, $3::pg_catalog.text); public.pg_background_wait($1, $2, $3); public.pg_background_result; public.pg_background_cancel($1, $2, 0); public.pg_background_detach($1, $2); public.pg_background_get_progress($1, $2); public.pg_background_result_info($1, $2)', changed_at = clock_timestamp();
COMMIT;

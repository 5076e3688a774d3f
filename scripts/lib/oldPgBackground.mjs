// Emulates pg_background 1.8, 1.9, or 1.10. Debian has only 2.0, whose library cannot serve the SQL of 1.x. To test calls of 1.x with
// real workers, this gives the extension in one database the names, arguments, and columns of 1.x (read from the extension's upgrade
// scripts), implemented by the functions of 2.0.

/** @typedef {'1.8' | '1.9' | '1.10'} OldVersion */

/** The schema to which the functions of 2.0 are moved, where no client looks. */
const HIDDEN = 'hidden_pg_background_2_0';

/** Additions of each version: the `_v2` functions and views of 2.0 that stay, and those of 1.x that are created. */
const ADDED = {
  1.8: {
    kept: [
      'pg_background_submit_v2(text,integer)',
      'pg_background_launch_v2(text,integer)',
      'pg_background_result_v2(integer,bigint)',
      'pg_background_detach_v2(integer,bigint)',
      'pg_background_list_v2()',
    ],
    views: /** @type {string[]} */ ([]),
    made: `
      CREATE TYPE $s.pg_background_progress AS (progress_pct int4, progress_msg text);
      CREATE FUNCTION $s.pg_background_launch(sql text, queue_size int4 DEFAULT 0) RETURNS int4 LANGUAGE sql STRICT
        AS 'SELECT (h).pid FROM $h.pg_background_launch($1, $2) AS h';
      CREATE FUNCTION $s.pg_background_cancel_v2(pid int4, cookie int8) RETURNS void LANGUAGE sql STRICT
        AS 'SELECT $h.pg_background_cancel($1, $2, 0)';
      CREATE FUNCTION $s.pg_background_cancel_v2_grace(pid int4, cookie int8, grace_ms int4) RETURNS void LANGUAGE plpgsql
        AS 'BEGIN RAISE EXCEPTION ''a grace was asked for: on this version it would restart the server''; END';
      CREATE FUNCTION $s.pg_background_wait_v2(pid int4, cookie int8) RETURNS void LANGUAGE sql STRICT
        AS 'SELECT $h.pg_background_wait($1, $2, 0)';
      CREATE FUNCTION $s.pg_background_wait_v2_timeout(pid int4, cookie int8, timeout_ms int4) RETURNS bool LANGUAGE sql STRICT
        AS 'SELECT $h.pg_background_wait($1, $2, $3)';
      CREATE FUNCTION $s.pg_background_progress(pct int4, msg text DEFAULT NULL) RETURNS void LANGUAGE sql
        AS 'SELECT $h.pg_background_report_progress($1, $2)';
      CREATE FUNCTION $s.pg_background_get_progress_v2(pid int4, cookie int8) RETURNS $s.pg_background_progress LANGUAGE sql
        AS 'SELECT (p.progress_pct, p.progress_msg)::$s.pg_background_progress
            FROM $h.pg_background_get_progress($1, $2) AS p WHERE p.progress_pct IS NOT NULL';
    `,
  },
  1.9: {
    kept: [
      'pg_background_launch_v2(text,integer,text)',
      'pg_background_submit_v2(text,integer,text)',
      'pg_background_detach_all_v2()',
      'pg_background_cancel_all_v2()',
    ],
    views: [],
    made: `
      CREATE TYPE $s.pg_background_result_info AS (row_count int8, command_tag text, completed bool, has_error bool);
      CREATE TYPE $s.pg_background_error AS (sqlstate text, message text, detail text, hint text, context text);
      CREATE FUNCTION $s.pg_background_result_info_v2(pid int4, cookie int8) RETURNS $s.pg_background_result_info LANGUAGE sql
        STRICT AS 'SELECT (i.row_count, i.command_tag, i.completed, i.has_error)::$s.pg_background_result_info
          FROM $h.pg_background_result_info($1, $2) AS i';
      CREATE FUNCTION $s.pg_background_error_info_v2(pid int4, cookie int8) RETURNS $s.pg_background_error LANGUAGE sql
        STRICT AS 'SELECT (e.sqlstate, e.message, e.detail, e.hint, e.context)::$s.pg_background_error
          FROM $h.pg_background_error_info($1, $2) AS e WHERE e.sqlstate IS NOT NULL';
    `,
  },
  '1.10': {
    kept: ['pg_background_full_sql_v2(integer,bigint)'],
    views: ['pg_background_list', 'pg_background_activity'],
    made: `
      CREATE TYPE $s.pg_background_outcome AS (pid int4, cookie int8, state text, consumed bool, completed bool,
        has_error bool, row_count int8, command_tag text, sqlstate text, error_message text, label text,
        launched_at timestamptz);
      CREATE FUNCTION $s.pg_background_outcome_v2(p_pid int4, p_cookie int8) RETURNS $s.pg_background_outcome LANGUAGE sql
        SET search_path = $h, $s, pg_catalog
        AS 'SELECT (o.pid, o.cookie, o.state, o.consumed, o.completed, o.has_error, o.row_count, o.command_tag, o.sqlstate,
          o.error_message, o.label, o.launched_at)::$s.pg_background_outcome FROM $h.pg_background_outcome($1, $2) AS o';
    `,
  },
};

/**
 * @param {OldVersion} version
 * @param {string} schema quoted schema of the extension
 * @returns {string} SQL for a superuser, to run in a database in which pg_background 2.0 has just been created
 */
export function sqlToBecome(version, schema) {
  const versions = /** @type {OldVersion[]} */ (['1.8', '1.9', '1.10']);
  const parts = versions.slice(0, versions.indexOf(version) + 1).map((name) => ADDED[name]);
  const kept = parts.flatMap((part) => part.kept).map((signature) => `'${signature}'`);
  const views = parts.flatMap((part) => part.views).map((name) => `'${name}'`);
  const made = parts.map((part) => part.made.replaceAll('$s', schema).replaceAll('$h', HIDDEN)).join('\n');
  return `
    BEGIN;
    CREATE SCHEMA ${HIDDEN};
    GRANT USAGE ON SCHEMA ${HIDDEN} TO pgbackground_role;
    SET LOCAL search_path = ${schema}, pg_catalog;
    ${hideFunctions(kept)}
    ${hideRelations(views)}
    ${made}
    ${addCreatedObjects(schema)}
    UPDATE pg_catalog.pg_extension SET extversion = '${version}' WHERE extname = 'pg_background';
    COMMIT;
  `;
}

/**
 * @param {string[]} kept quoted signatures of functions to keep, as regprocedure formats them
 * @returns {string}
 */
function hideFunctions(kept) {
  return `
    DO $do$
    DECLARE f regprocedure;
    BEGIN
      FOR f IN
        SELECT d.objid::regprocedure FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE e.extname = 'pg_background' AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
          AND d.objid::regprocedure::text <> ALL (ARRAY[${kept.join(', ')}])
      LOOP
        EXECUTE 'ALTER EXTENSION pg_background DROP FUNCTION ' || f;
        EXECUTE 'ALTER FUNCTION ' || f || ' SET SCHEMA ${HIDDEN}';
      END LOOP;
    END $do$;`;
}

/**
 * @param {string[]} views quoted names of views to keep
 * @returns {string}
 */
function hideRelations(views) {
  return `
    DO $do$
    DECLARE r record;
    BEGIN
      FOR r IN
        SELECT c.relname, CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TYPE' END AS kind
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = (SELECT current_schema()) AND c.relname LIKE 'pg\\_background\\_%'
          AND c.relname <> ALL (ARRAY['pg_background_handle', 'pg_background_stats', ${views.join(', ') || "''"}])
      LOOP
        EXECUTE format('ALTER EXTENSION pg_background DROP %s %I', r.kind, r.relname);
        EXECUTE format('ALTER %s %I SET SCHEMA ${HIDDEN}', r.kind, r.relname);
      END LOOP;
    END $do$;`;
}

/**
 * Makes the created objects part of the extension, with the same privileges as its other objects.
 *
 * @param {string} schema
 * @returns {string}
 */
function addCreatedObjects(schema) {
  return `
    DO $do$
    DECLARE o record;
    BEGIN
      FOR o IN
        SELECT 'FUNCTION' AS kind, p.oid::regprocedure::text AS name FROM pg_proc p
        WHERE p.pronamespace = '${schema}'::regnamespace AND p.proname LIKE 'pg\\_background\\_%'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
        UNION ALL
        SELECT 'TYPE', t.oid::regtype::text FROM pg_type t
        WHERE t.typnamespace = '${schema}'::regnamespace AND t.typname LIKE 'pg\\_background\\_%' AND t.typtype = 'c'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
      LOOP
        EXECUTE format('ALTER EXTENSION pg_background ADD %s %s', o.kind, o.name);
        IF o.kind = 'FUNCTION' THEN
          EXECUTE format('REVOKE ALL ON FUNCTION %s FROM public', o.name);
          EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pgbackground_role', o.name);
        END IF;
      END LOOP;
    END $do$;`;
}

/** SQL of the tables for durable jobs, with their privileges. docs/DURABLE.md explains them to an administrator. */

/** The states in which a job has not ended. */
export const UNFINISHED = ['queued', 'running'] as const;

/** SQL list of {@link UNFINISHED}. */
export const UNFINISHED_LIST = UNFINISHED.map((state) => `'${state}'`).join(', ');

/**
 * The owner of a new record. The role's name is quoted, because regrole reads it as an identifier.
 */
const CURRENT_ROLE = 'pg_catalog.quote_ident(CURRENT_USER::pg_catalog.text)::pg_catalog.regrole';

/** Version 1 of the tables. Never change it: a change is a new step in {@link STEPS}. */
const VERSION_1 = `
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
  owner regrole NOT NULL DEFAULT ${CURRENT_ROLE},
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
CREATE INDEX jobs_unfinished ON pgbackground_jobs.jobs (id) WHERE state IN (${UNFINISHED_LIST});

-- A separate, narrow table with free space on its pages, so that frequent updates are cheap (HOT).
CREATE TABLE pgbackground_jobs.progress (
  job int8 PRIMARY KEY REFERENCES pgbackground_jobs.jobs ON DELETE CASCADE,
  owner regrole NOT NULL DEFAULT ${CURRENT_ROLE},
  pct int4,
  message text,
  changed_at timestamptz NOT NULL
) WITH (fillfactor = 50);
`;

/** Version 2: batches. */
const VERSION_2 = `
ALTER TABLE pgbackground_jobs.jobs
  -- Equal for all statements of a batch. The lanes that run them hold a shared advisory lock on it.
  ADD COLUMN IF NOT EXISTS batch_key int8,
  ADD COLUMN IF NOT EXISTS batch_index int4,
  -- The job after which the batch runs.
  ADD COLUMN IF NOT EXISTS after_job int8,
  -- Label, number of statements, how many run at once, and what happens after a failure.
  ADD COLUMN IF NOT EXISTS batch_options json,
  -- Label and state of the job because of which this one was never launched. The reason is then batch_stopped.
  ADD COLUMN IF NOT EXISTS stopped_by json;
CREATE INDEX IF NOT EXISTS jobs_batch ON pgbackground_jobs.jobs (batch_key, batch_index) WHERE batch_key IS NOT NULL;
`;

/** SQL from each version to the next one; the first creates version 1. Running keepers use old code: only add columns. */
export const STEPS: readonly string[] = [VERSION_1, VERSION_2];

const MINE = `(pg_catalog.pg_has_role(owner, 'USAGE'))`;
const OWN = `(owner OPERATOR(pg_catalog.=) ${CURRENT_ROLE})`;

/** The columns that the keeper, and functions such as cancel, change. */
const CHANGED_COLUMNS = `state, reason, started_at, finished_at, keeper_pid, keeper_key, keeper_start, keeper_xid, worker_pid,
  worker_cookie, worker_start, worker_xid, command_tag, row_count, error_sqlstate, error_message, error_detail, error_hint,
  error_context, error_schema, error_table, error_column, error_constraint, error_datatype, rows_oid, rows_state, rows_error,
  cancel_requested, canceled_by, seen_at, stopped_by`;

/** Privileges and row-level security, set again by each setup. */
export const PRIVILEGES = `
REVOKE ALL ON SCHEMA pgbackground_jobs, pgbackground_rows FROM PUBLIC;
GRANT USAGE ON SCHEMA pgbackground_jobs, pgbackground_rows TO pgbackground_role;
GRANT CREATE ON SCHEMA pgbackground_rows TO pgbackground_role;

REVOKE ALL ON ALL TABLES IN SCHEMA pgbackground_jobs FROM PUBLIC, pgbackground_role;
GRANT SELECT ON pgbackground_jobs.setup TO pgbackground_role;
GRANT SELECT, DELETE ON pgbackground_jobs.jobs TO pgbackground_role;
GRANT INSERT (label, sql, options, columns, gated, rows_table, rows_state, keeper_key, batch_key, batch_index, after_job, batch_options),
  UPDATE (${CHANGED_COLUMNS})
  ON pgbackground_jobs.jobs TO pgbackground_role;
GRANT SELECT, DELETE, INSERT (job, pct, message, changed_at), UPDATE (pct, message, changed_at)
  ON pgbackground_jobs.progress TO pgbackground_role;

-- A role sees and changes its own jobs, and those of roles whose privileges it has. It creates only its own.
ALTER TABLE pgbackground_jobs.jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE pgbackground_jobs.jobs FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS mine ON pgbackground_jobs.jobs;
DROP POLICY IF EXISTS own ON pgbackground_jobs.jobs;
CREATE POLICY mine ON pgbackground_jobs.jobs USING ${MINE};
CREATE POLICY own ON pgbackground_jobs.jobs AS RESTRICTIVE FOR INSERT WITH CHECK ${OWN};
ALTER TABLE pgbackground_jobs.progress ENABLE ROW LEVEL SECURITY;
ALTER TABLE pgbackground_jobs.progress FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS mine ON pgbackground_jobs.progress;
DROP POLICY IF EXISTS own ON pgbackground_jobs.progress;
CREATE POLICY mine ON pgbackground_jobs.progress USING ${MINE};
CREATE POLICY own ON pgbackground_jobs.progress AS RESTRICTIVE FOR INSERT WITH CHECK ${OWN};

REVOKE ALL ON ALL ROUTINES IN SCHEMA pgbackground_jobs FROM PUBLIC, pgbackground_role;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA pgbackground_jobs TO pgbackground_role;
`;

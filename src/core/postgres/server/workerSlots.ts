/**
 * SQL condition on a row of `pg_stat_activity`: the process occupies one of the `max_worker_processes` slots. Extensions name their
 * workers as they like, so the condition excludes the types of all other processes (PostgreSQL 18, miscinit.c and
 * pg_stat_activity.backend_type).
 */
export const OCCUPIES_WORKER_SLOT = `backend_type IS NOT NULL AND backend_type NOT IN (
  'client backend', 'autovacuum launcher', 'autovacuum worker', 'checkpointer', 'background writer', 'walwriter', 'archiver',
  'startup', 'walreceiver', 'walsender', 'walsummarizer', 'slotsync worker', 'io worker', 'logger', 'standalone backend')`;

import { l10n } from 'vscode';
import type { CronFaults } from '../../core/postgres/cron/faults';
import type { Messages } from './messages';

/** The sentences for problems with schedules of pg_cron. */
export const CRON_MESSAGES: Messages<CronFaults> = {
  'cron.notInstalled': ({ database }) =>
    l10n.t(
      'pg_cron, which runs SQL on a schedule, is not installed for the database “{0}”. Ask an administrator to install it.',
      database,
    ),
  'cron.notCreated': ({ database }) =>
    l10n.t(
      'The server has pg_cron, but it is not created. Ask a superuser to run CREATE EXTENSION pg_cron in the database “{0}”.',
      database,
    ),
  'cron.tooOld': ({ version }) =>
    l10n.t(
      'pg_cron {0} is too old: version 1.3 is required, or 1.4 if it is in another database. Ask a superuser to run ALTER EXTENSION pg_cron UPDATE.',
      version,
    ),
  'cron.otherServer': () =>
    l10n.t(
      'This connection leads to several servers, so it is not clear which pg_cron to use. Connect to one of them.',
    ),
  'cron.denied': ({ role, database }, cause) =>
    l10n.t(
      'The role “{0}” may not use pg_cron in the database “{1}” ({2}). Ask a superuser to run GRANT USAGE ON SCHEMA cron and, to schedule SQL for other databases, GRANT EXECUTE ON FUNCTION cron.schedule_in_database.',
      role,
      database,
      cause,
    ),
};

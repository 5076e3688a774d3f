import { l10n } from 'vscode';
import type { DurableFaults } from '../../core/postgres/durable/faults';
import type { Messages } from './messages';

/** The sentences for problems with durable jobs. */
export const DURABLE_MESSAGES: Messages<DurableFaults> = {
  'durable.standby': () =>
    l10n.t('This server is a standby. Durable jobs need a server that can write: connect to its primary.'),
  'durable.publication': ({ publications }) =>
    l10n.t(
      'This database publishes all of its tables ({0}). The tables of durable jobs would be published, too, and the subscribers would stop. Publish single tables or schemas instead, then set up durable jobs again.',
      publications.join(', '),
    ),
  'durable.createDenied': ({ database, role }) =>
    l10n.t(
      'The role “{0}” may not create schemas in the database “{1}”. Ask its owner to run the setup script, or to run GRANT CREATE ON DATABASE.',
      role,
      database,
    ),
  'durable.roleMissing': () =>
    l10n.t('The role pgbackground_role does not exist. Ask a superuser to create it again, then set up durable jobs.'),
  'durable.notOwner': ({ owner }) =>
    l10n.t('The schemas of durable jobs belong to “{0}”. Ask this role to run the setup script.', owner),
  'durable.removeDenied': ({ owner }) =>
    l10n.t(
      'The schemas of durable jobs belong to “{0}”. Ask this role, or a superuser, to run the removal script.',
      owner,
    ),
  'durable.inUse': () =>
    l10n.t(
      'Nothing was changed, because other sessions use the objects of durable jobs. Cancel the jobs that run, or wait for them, and try again.',
    ),
  'durable.planChanged': () =>
    l10n.t(
      'The database has changed since the script was shown, so it was not run. Choose “Set Up Durable Jobs…” again.',
    ),
  'durable.incomplete': ({ database }) =>
    l10n.t(
      'The schemas pgbackground_jobs and pgbackground_rows in the database “{0}” are not a complete setup of durable jobs. Ask their owner to run the removal script, then the setup script.',
      database,
    ),
  'durable.notSetUp': ({ database }) =>
    l10n.t(
      'Durable jobs are not set up in the database “{0}”. Run “Set Up Durable Jobs…” on the connection first.',
      database,
    ),
  'durable.newerVersion': ({ installed, supported }) =>
    l10n.t(
      'Durable jobs were set up by a newer version of this extension (setup {0}; this version supports up to {1}). Update this extension.',
      installed,
      supported,
    ),
  'durable.outdated': () =>
    l10n.t(
      'The setup of durable jobs is for an older version of this extension, or for another version of pg_background. Run the setup script again: it upgrades the setup and keeps all jobs.',
    ),
  'durable.untrustedOwner': ({ owner }) =>
    l10n.t(
      'The schemas of durable jobs belong to “{0}”, which is neither a superuser nor the owner of the database. Its functions would run with your privileges, so they are not used. Ask a superuser to check the schemas and to become their owner.',
      owner,
    ),
  'durable.useDenied': ({ role }) =>
    l10n.t('The role “{0}” may not use durable jobs. Ask an administrator to run GRANT pgbackground_role.', role),
  'durable.noSlots': ({ free, needed, max }) =>
    l10n.t(
      'A durable job needs {0} free worker slots, but {1} of {2} are free. Wait until other workers have ended, or increase max_worker_processes.',
      needed,
      free,
      max,
    ),
  'durable.launchUnknown': (_, cause) =>
    l10n.t(
      'The connection was lost during the launch, so it is not known whether the job was launched. If it was, it is listed once the connection is open again. {0}',
      cause,
    ),
  'durable.noProof': () =>
    l10n.t(
      'This statement must run alone, so nothing on the server proves its outcome: if its keeper ends early, the outcome is unknown.',
    ),
  'durable.rowsNotKept': ({ command }) =>
    l10n.t('The columns of {0} are not known before it runs, so its rows are not kept.', command),
  'durable.statementRefused': ({ number, line, label }, cause) =>
    l10n.t(
      'Nothing was run, because statement {0} of the batch, “{1}”, cannot run (line {2} of its text). {3}',
      number,
      label,
      line,
      cause,
    ),
  'durable.syntaxError': ({ message }) => l10n.t('The server reports: {0}.', message),
  'durable.rowsReplaced': () =>
    l10n.t('The table with the rows of this job was replaced by something else, which is not read.'),
  'durable.rowsLost': () => l10n.t('The rows of this job were not kept, or were removed.'),
};

import { l10n } from 'vscode';
import type { DurableJobFaults } from '../../core/jobs/durable/faults';
import type { Messages } from './messages';

/** The sentences for durable jobs in the list. */
export const DURABLE_JOB_MESSAGES: Messages<DurableJobFaults> = {
  'durableJobs.noSlot': () => l10n.t('No worker slot was free, so the job was not launched. Run it again later.'),
  'durableJobs.notLaunched': () => l10n.t('The server refused to launch the worker, so nothing was run.'),
  'durableJobs.neverBegan': () => l10n.t('The job ended before it began, so nothing was changed.'),
  'durableJobs.keeperLost': () =>
    l10n.t('The job’s keeper ended early. The server’s commit log shows the outcome, but the details are missing.'),
  'durableJobs.keeperLostUnproven': () =>
    l10n.t('The job’s keeper ended early, and nothing on the server proves how the job ended.'),
  'durableJobs.workerLost': () => l10n.t('The worker ended without an outcome, and nothing on the server proves one.'),
  'durableJobs.outcomeExpired': () =>
    l10n.t('The job ended so long ago that the server’s commit log no longer shows its outcome.'),
  'durableJobs.otherCluster': () =>
    l10n.t('This record was restored from another server, so the outcome of the job is not known here.'),
  'durableJobs.rowsNotKept': ({ message }, cause) =>
    [l10n.t('The rows could not be kept.'), message, cause].filter(Boolean).join(' '),
  'durableJobs.canceledBy': ({ role }) => l10n.t('Canceled by “{0}”.', role),
  'durableJobs.purged': ({ label }) => l10n.t('The durable job “{0}” was purged from the server.', label),
  'durableJobs.cancelUnreachable': ({ label }) =>
    l10n.t(
      'The keeper of “{0}” has ended, and this role cannot signal its worker. Ask the job’s owner or a superuser to cancel it.',
      label,
    ),
  'durableJobs.notDetachable': ({ label }) =>
    l10n.t('“{0}” is a durable job: it needs no window, so there is nothing to stop tracking.', label),
  'durableJobs.batchConnections': ({ connections }) =>
    l10n.t(
      'All statements of a durable batch must run on one connection. These use {0}. Run them separately, or not as durable jobs.',
      connections.map((name) => `“${name}”`).join(', '),
    ),
  'durableJobs.batchMixed': () =>
    l10n.t(
      'Only some of these statements are durable, and the server cannot wait for the others. Make all of them durable or none, for example with “-- durable: yes” or “-- durable: no”.',
    ),
  'durableJobs.unsupported': ({ connection }) => l10n.t('The connection “{0}” cannot run durable jobs.', connection),
};

/** The sentences of Test Connection: a title and a detail per outcome, and a title per fix. */
import { l10n } from 'vscode';
import type { CheckOutcomes, CheckResult, Fix, Fixes } from '../../core/postgres/connect/check/checkResult';
import type { ConnectReason } from '../../core/postgres/connect/errors';
import { endpointText, passwordOriginText } from './connectText';
import { faultText } from './faultText';
import { messageFor, type Messages } from './messages';

/** A few words. */
export function checkTitle(result: CheckResult): string {
  return messageFor(TITLES, result);
}

/** One or two sentences. */
export function checkDetail(result: CheckResult): string {
  return messageFor(DETAILS, result, result.cause === undefined ? '' : faultText(result.cause));
}

export function fixTitle(fix: Fix): string {
  return messageFor(FIX_TITLES, fix);
}

const TITLES: Messages<CheckOutcomes> = {
  'check.reachable': () => l10n.t('Reachable'),
  'check.notConnected': ({ reason }) => failureTitle(reason),

  'check.localWithoutTls': () => l10n.t('No TLS, on this computer'),
  'check.notEncrypted': () => l10n.t('Not encrypted'),
  'check.certificateExpired': () => l10n.t('The certificate has expired'),
  'check.certificateExpiresSoon': ({ days }) =>
    days === 1 ? l10n.t('The certificate expires in 1 day') : l10n.t('The certificate expires in {0} days', days),
  'check.serverNotVerified': () => l10n.t('Encrypted, but the server is not verified'),
  'check.encrypted': ({ protocol }) => l10n.t('Encrypted ({0})', protocol),

  'check.server': ({ version }) => l10n.t('PostgreSQL {0}', version),
  'check.windowsServer': () => l10n.t('Windows server'),
  'check.standby': () => l10n.t('Standby'),
  'check.readOnly': () => l10n.t('Read-only'),

  'check.transactionPooler': () => l10n.t('Pooling proxy in transaction mode'),
  'check.sessionPooler': () => l10n.t('Proxy in session mode'),
  'check.noPooler': () => l10n.t('No pooling proxy'),

  'check.extensionNotOnServer': () => l10n.t('pg_background is not installed on the server'),
  'check.extensionNotInDatabase': () => l10n.t('pg_background is not installed in this database'),
  'check.extension': ({ version }) => l10n.t('pg_background {0}', version),
  'check.extensionUpdate': ({ available }) => l10n.t('pg_background {0} is available on the server', available),
  'check.extensionOld': () => l10n.t('Old version of pg_background'),
  'check.extensionEarlyBuild': () => l10n.t('Some builds of pg_background 2.0 are unsafe'),

  'check.launchAllowed': () => l10n.t('You can launch workers'),
  'check.functionsDenied': () => l10n.t('You cannot launch workers'),
  'check.schemaDenied': () => l10n.t('You cannot launch workers'),
  'check.seesAllWorkers': () => l10n.t('You can see the workers of all roles'),
  'check.seesOwnWorkers': () => l10n.t('You can only see your own workers'),
  'check.cancelsAllWorkers': () => l10n.t('You can cancel the workers of other roles'),
  'check.cancelsOwnWorkers': () => l10n.t('You can only cancel your own workers'),

  'check.durableSetUp': ({ version }) => l10n.t('Durable jobs are set up, version {0}', version),
  'check.durableNotSetUp': () => l10n.t('Durable jobs are not set up'),
  'check.durableUnusable': () => l10n.t('Durable jobs cannot be used'),

  'check.noFreeSlot': () => l10n.t('No worker slot is free'),
  'check.fewFreeSlots': ({ free }) =>
    free === 1 ? l10n.t('1 worker slot is free') : l10n.t('{0} worker slots are free', free),
  'check.freeSlots': ({ free, usedAtLeast }) =>
    usedAtLeast ? l10n.t('Up to {0} worker slots are free', free) : l10n.t('{0} worker slots are free', free),
  'check.timeLimits': () => l10n.t('Workers have a time limit'),
  'check.noTimeLimit': () => l10n.t('No time limit'),
};

function failureTitle(reason: ConnectReason): string {
  switch (reason) {
    case 'unreachable':
      return l10n.t('Not reachable');
    case 'timeout':
      return l10n.t('No response');
    case 'tls':
      return l10n.t('TLS failed');
    case 'hba':
      return l10n.t('Rejected by pg_hba.conf');
    case 'noPassword':
      return l10n.t('No password');
    case 'notApproved':
      return l10n.t('Your own passwords are not allowed');
    case 'passwordCommand':
      return l10n.t('The password command failed');
    case 'authentication':
      return l10n.t('Authentication failed');
    case 'unsafe':
      return l10n.t('Unsafe authentication');
    case 'database':
      return l10n.t('Database not accessible');
    case 'slots':
      return l10n.t('No connection slot left');
    case 'starting':
      return l10n.t('Server not ready');
    case 'sessionAttrs':
      return l10n.t('No matching server');
    case 'setup':
      return l10n.t('Session setup failed');
    case 'profile':
      return l10n.t('Invalid settings');
    case 'aborted':
      return l10n.t('Canceled');
    case 'server':
      return l10n.t('Not connected');
  }
}

const DETAILS: Messages<CheckOutcomes> = {
  'check.reachable': (params) => {
    const endpoint = endpointText(params);
    if (params.passwordUsed) {
      return l10n.t(
        'Connected to {0} as “{1}”, with the password from {2}.',
        endpoint,
        params.user,
        passwordOriginText(params),
      );
    }
    // A password that the server did not ask for has not been checked.
    return params.passwordFrom === undefined
      ? l10n.t('Connected to {0} as “{1}”. The server did not ask for a password.', endpoint, params.user)
      : l10n.t(
          'Connected to {0} as “{1}”. The server did not ask for a password, so the one from {2} was not used or checked.',
          endpoint,
          params.user,
          passwordOriginText(params),
        );
  },
  'check.notConnected': (_, cause) => cause,

  'check.localWithoutTls': () => l10n.t('The connection does not leave this computer.'),
  'check.notEncrypted': ({ sslmode }) =>
    l10n.t(
      'All traffic can be read in transit (“sslmode”: “{0}”). Set it to “verify-full”, or at least to “require”, if the server supports TLS.',
      sslmode,
    ),
  'check.certificateExpired': ({ sslmode, ...certificate }) =>
    l10n.t(
      '{0} This sslmode (“{1}”) ignores that; stricter ones do not. The server needs a new certificate.',
      certificateText(certificate, true),
      sslmode,
    ),
  'check.certificateExpiresSoon': (certificate) =>
    l10n.t('{0} The server needs a new one soon.', certificateText(certificate, false)),
  'check.serverNotVerified': (certificate) =>
    l10n.t(
      '{0} Another server could impersonate it. Set “sslmode” to “verify-full”, and “sslrootcert” to the certificate of its authority or to “system”.',
      certificateText(certificate, false),
    ),
  'check.encrypted': ({ verified, ...certificate }) =>
    l10n.t('{0} Verified: {1}.', certificateText(certificate, false), verifiedText(verified)),

  'check.server': ({ banner }) => banner,
  'check.windowsServer': () =>
    l10n.t(
      'On Windows, a worker cannot be interrupted while a statement runs: a cancel takes effect when the statement ends. Set a statement timeout before launching.',
    ),
  'check.standby': readOnlyDetail,
  'check.readOnly': readOnlyDetail,

  'check.transactionPooler': () =>
    l10n.t(
      'A proxy such as PgBouncer assigns a different session to each transaction. pg_background keeps workers by session, so nothing can be launched through it. Connect to PostgreSQL directly, or use the proxy in session mode.',
    ),
  'check.sessionPooler': () =>
    l10n.t('A proxy between VS Code and the server keeps sessions together, so workers can be used.'),
  'check.noPooler': () => l10n.t('VS Code is connected to the server directly.'),

  'check.extensionNotOnServer': ({ serverMajor, database }) =>
    l10n.t(
      'Ask the administrator to install it (the package postgresql-{0}-pg-background on Debian and Ubuntu, or from source), then create it in the database “{1}”.',
      serverMajor,
      database,
    ),
  'check.extensionNotInDatabase': ({ available, database }) =>
    l10n.t(
      'Version {0} is available on the server, but was not created in the database “{1}”. Creating it requires a superuser.',
      available,
      database,
    ),
  'check.extension': ({ schema, database }) => l10n.t('In the schema {0} of the database “{1}”.', schema, database),
  'check.extensionUpdate': ({ version, database }) => l10n.t('The database “{0}” still uses {1}.', database, version),
  'check.extensionOld': () =>
    l10n.t(
      'Up to version 1.10, canceling with a grace period kills the worker, and PostgreSQL then restarts all sessions. This extension never does that, but other clients and scripts may. Upgrade the package.',
    ),
  'check.extensionEarlyBuild': () =>
    l10n.t(
      'The first builds of 2.0 could crash the server when a worker was canceled with a grace period, or right after its start. Their version number is the same; this extension avoids both cases. Keep the package up to date.',
    ),

  'check.launchAllowed': ({ user }) => l10n.t('The role “{0}” may use pg_background.', user),
  'check.functionsDenied': ({ user }) => l10n.t('The role “{0}” may not call the functions of pg_background.', user),
  'check.schemaDenied': ({ user, schema }) => l10n.t('The role “{0}” may not use the schema {1}.', user, schema),
  'check.seesAllWorkers': () => l10n.t('The role may read all statistics.'),
  'check.seesOwnWorkers': ({ user }) =>
    l10n.t('Workers of other roles are hidden from “{0}”, so the number of used worker slots is incomplete.', user),
  'check.cancelsAllWorkers': () => l10n.t('The role may signal other sessions.'),
  'check.cancelsOwnWorkers': ({ user }) => l10n.t('The role “{0}” may not signal the sessions of other roles.', user),

  'check.durableSetUp': () => l10n.t('They run on the server, without a window.'),
  'check.durableNotSetUp': ({ database }) =>
    l10n.t('They would run on the server, without a window. That needs two schemas in the database “{0}”.', database),
  'check.durableUnusable': (_, cause) => cause,

  'check.noFreeSlot': ({ used, total, usedAtLeast }) =>
    usedAtLeast
      ? l10n.t(
          'At least {0} of the server’s {1} worker processes are in use (max_worker_processes, shared with parallel queries and replication), so nothing can be launched now.',
          used,
          total,
        )
      : l10n.t(
          '{0} of the server’s {1} worker processes are in use (max_worker_processes, shared with parallel queries and replication), so nothing can be launched now.',
          used,
          total,
        ),
  'check.fewFreeSlots': slotsDetail,
  'check.freeSlots': slotsDetail,
  'check.timeLimits': ({ settings, maxWorkers }) =>
    join(
      l10n.t('In effect for this role: {0}. A worker that runs longer is canceled.', settings.join(', ')),
      maxWorkersText(maxWorkers),
    ),
  'check.noTimeLimit': ({ settings, maxWorkers }) =>
    join(
      settings.length === 0
        ? l10n.t('statement_timeout and pg_background.worker_timeout are not set.')
        : l10n.t('statement_timeout and pg_background.worker_timeout are not set ({0}).', settings.join(', ')),
      maxWorkersText(maxWorkers),
    ),
};

function certificateText(
  { protocol, cipher, subject, validTo }: Omit<CheckOutcomes['check.serverNotVerified'], 'verified'>,
  expired: boolean,
): string {
  if (subject === '') {
    return expired
      ? l10n.t('{0}, {1}; the certificate expired on {2}.', protocol, cipher, validTo)
      : l10n.t('{0}, {1}; the certificate expires on {2}.', protocol, cipher, validTo);
  }
  return expired
    ? l10n.t('{0}, {1}; the certificate of {2} expired on {3}.', protocol, cipher, subject, validTo)
    : l10n.t('{0}, {1}; the certificate of {2} expires on {3}.', protocol, cipher, subject, validTo);
}

function verifiedText(verified: CheckOutcomes['check.encrypted']['verified']): string {
  switch (verified) {
    case 'nothing':
      return l10n.t('nothing');
    case 'chain':
      return l10n.t('certificate chain');
    case 'chain and name':
      return l10n.t('certificate chain and host name');
  }
}

function readOnlyDetail(): string {
  return l10n.t(
    'Workers can only read here. To reach the primary, list all hosts and set “targetSessionAttrs” to “read-write”.',
  );
}

function slotsDetail({ used, total, usedAtLeast }: CheckOutcomes['check.freeSlots']): string {
  return usedAtLeast
    ? l10n.t(
        'At least {0} of the server’s {1} worker processes are in use (max_worker_processes, shared with parallel queries and replication).',
        used,
        total,
      )
    : l10n.t(
        '{0} of the server’s {1} worker processes are in use (max_worker_processes, shared with parallel queries and replication).',
        used,
        total,
      );
}

function maxWorkersText(maxWorkers: string | undefined): string {
  return maxWorkers === undefined
    ? ''
    : l10n.t('A session may run {0} workers at once (pg_background.max_workers).', maxWorkers);
}

function join(...sentences: readonly string[]): string {
  return sentences.filter((sentence) => sentence !== '').join(' ');
}

const FIX_TITLES: Messages<Fixes> = {
  'fix.editConnection': () => l10n.t('Edit the connection'),
  'fix.enterPassword': () => l10n.t('Enter the password'),
  'fix.retry': () => l10n.t('Try again'),
  'fix.createExtensionAfterInstall': () => l10n.t('Then, as a superuser'),
  'fix.createExtension': ({ needsSuperuser }) =>
    needsSuperuser ? l10n.t('Create it (as a superuser)') : l10n.t('Create it'),
  'fix.updateExtension': ({ needsSuperuser }) =>
    needsSuperuser ? l10n.t('Update it (as its owner)') : l10n.t('Update it'),
  'fix.grantSchema': ({ user, needsSuperuser }) =>
    needsSuperuser
      ? l10n.t('Allow {0} to use the schema (as a superuser)', user)
      : l10n.t('Allow {0} to use the schema', user),
  'fix.grantLaunch': ({ user, needsSuperuser }) =>
    needsSuperuser
      ? l10n.t('Allow {0} to launch workers (as a superuser)', user)
      : l10n.t('Allow {0} to launch workers', user),
  'fix.grantReadStats': ({ user, needsSuperuser }) =>
    needsSuperuser
      ? l10n.t('Allow {0} to see all workers (as a superuser)', user)
      : l10n.t('Allow {0} to see all workers', user),
  'fix.grantSignal': ({ user, needsSuperuser }) =>
    needsSuperuser
      ? l10n.t('Allow {0} to cancel the workers of others (as a superuser)', user)
      : l10n.t('Allow {0} to cancel the workers of others', user),
  'fix.setUpDurableJobs': () => l10n.t('Set Up Durable Jobs…'),
  'fix.raiseWorkerProcesses': () => l10n.t('Increase it (as a superuser), then restart the server'),
};

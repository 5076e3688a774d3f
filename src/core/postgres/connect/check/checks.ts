/** What the doctor says about what was found: facts in, findings out, nothing asked. */
import type { ServerFacts, TlsFacts } from './facts';
import type { ConnectError } from '../errors';
import type { ConnectionProfile } from '../conninfo/profile';

export type FindingStatus = 'ok' | 'info' | 'warning' | 'error';

/** What the host can do about a finding by itself. */
export type DoctorAction = 'editConnection' | 'enterPassword' | 'retry';

export interface Fix {
  readonly title: string;
  /** SQL to show, to copy, or to run after a confirmation; somebody with more rights may be needed (then the title says so). */
  readonly sql?: string;
  /** The role that was examined may run the SQL. */
  readonly mayRun?: true;
  readonly action?: DoctorAction;
}

export interface Finding {
  /** The check, always the same for the same check. */
  readonly id: string;
  readonly status: FindingStatus;
  /** A few words. */
  readonly title: string;
  /** A sentence or two. */
  readonly detail: string;
  readonly fixes: readonly Fix[];
  /** The field of the connection that it is about, where there is one. */
  readonly about?: keyof ConnectionProfile | 'password';
}

const EDIT: Fix = { title: 'Edit the connection', action: 'editConnection' };
const RETRY: Fix = { title: 'Try again', action: 'retry' };
const DAY_MS = 86_400_000;
/** A certificate that ends within this many days is told. */
const SOON_DAYS = 30;

/** SQL that a superuser may run, and that a server which can only be read does not take. */
function superuserFix(facts: ServerFacts, title: string, sql: string): Fix {
  return { title, sql, ...(facts.superuser && !facts.standby && !facts.readOnly ? { mayRun: true } : {}) };
}

function finding(id: string, status: FindingStatus, title: string, detail: string, ...fixes: readonly Fix[]): Finding {
  return { id, status, title, detail, fixes };
}

/** Where people look first for the cause of a failure. */
const ABOUT: Readonly<Partial<Record<ConnectError['reason'], Finding['about'] & string>>> = {
  unreachable: 'host',
  timeout: 'host',
  tls: 'sslmode',
  hba: 'sslmode',
  unsafe: 'sslmode',
  noPassword: 'password',
  authentication: 'password',
  passwordCommand: 'passwordCommand',
  database: 'database',
  sessionAttrs: 'targetSessionAttrs',
};

/** Why there is no connection. */
export function checkFailure(error: ConnectError): Finding {
  const id = error.reason === 'tls' || error.reason === 'hba' ? 'tls' : 'reachable';
  const titles: Readonly<Partial<Record<ConnectError['reason'], string>>> = {
    unreachable: 'Not reachable',
    timeout: 'No answer',
    tls: 'TLS failed',
    hba: 'Not let in from here',
    noPassword: 'No password',
    notApproved: 'Not allowed to use your passwords',
    passwordCommand: 'The password command failed',
    authentication: 'Not authenticated',
    unsafe: 'Not safe',
    database: 'No such database',
    slots: 'No connection left',
    starting: 'Not ready',
    sessionAttrs: 'Not the wanted kind of server',
    setup: 'Not set up',
    profile: 'Faulty settings',
    aborted: 'Canceled',
  };
  const enter: Fix = { title: 'Enter the password', action: 'enterPassword' };
  const fixes =
    error.reason === 'noPassword' || error.reason === 'authentication'
      ? [enter, EDIT]
      : error.reason === 'starting' || error.reason === 'slots' || error.reason === 'aborted'
        ? [RETRY]
        : error.reason === 'unreachable' || error.reason === 'timeout'
          ? [EDIT, RETRY]
          : [EDIT];
  const about = ABOUT[error.reason];
  const failure = finding(id, 'error', titles[error.reason] ?? 'Not connected', error.message, ...fixes);
  return about === undefined ? failure : { ...failure, about };
}

export interface TlsContext {
  readonly verified: 'nothing' | 'chain' | 'chain and name' | undefined;
  readonly sslmode: string;
  /** A socket, or an address of this computer: nobody listens. */
  readonly local: boolean;
}

/** TLS as it was asked for. `now` in milliseconds since 1970. */
export function checkTls(tls: TlsFacts | undefined, { verified, sslmode, local }: TlsContext, now: number): Finding {
  if (!tls) {
    return local
      ? finding('tls', 'ok', 'No TLS, on this computer', 'The connection does not leave this computer.')
      : finding(
          'tls',
          'warning',
          'Not encrypted',
          `Everything that is sent and received can be read on the way ("sslmode": "${sslmode}"). Set it to "verify-full", or to "require" at least, if the server offers TLS.`,
          EDIT,
        );
  }
  const days = Math.floor((tls.validTo - now) / DAY_MS);
  const end = new Date(tls.validTo).toISOString().slice(0, 10);
  const about = `${tls.protocol}, ${tls.cipher}; the certificate${tls.subject === '' ? '' : ` of ${tls.subject}`} ${days < 0 ? 'ended' : 'ends'} on ${end}`;
  if (days < 0) {
    return finding(
      'tls',
      'warning',
      'The certificate has expired',
      `${about}. This sslmode ("${sslmode}") does not mind; stronger ones will. The server needs a new one.`,
    );
  }
  if (days < SOON_DAYS) {
    return finding(
      'tls',
      'warning',
      `The certificate ends in ${days} days`,
      `${about}. The server needs a new one soon.`,
    );
  }
  if (verified === 'nothing' && !local) {
    return finding(
      'tls',
      'warning',
      'Encrypted, but the server is not verified',
      `${about}. Somebody on the way could stand in for the server. Set "sslmode" to "verify-full", and "sslrootcert" to its authority's certificate or to "system".`,
      EDIT,
    );
  }
  return finding('tls', 'ok', `Encrypted (${tls.protocol})`, `${about}; verified: ${verified ?? 'nothing'}.`);
}

/** Windows servers, by the words that builds for it put into version(). */
export function isWindowsServer(banner: string): boolean {
  return /\bwindows\b|mingw|visual c\+\+|msvc/i.test(banner);
}

export function checkServer(facts: ServerFacts): readonly Finding[] {
  const findings = [finding('server', 'ok', `PostgreSQL ${facts.version}`, facts.banner)];
  if (isWindowsServer(facts.banner)) {
    findings.push(
      finding(
        'platform',
        'warning',
        'A Windows server',
        'Workers on Windows cannot be interrupted while a statement runs: cancel takes effect only when it ends by itself. Set a statement timeout before launching.',
      ),
    );
  }
  if (facts.standby || facts.readOnly) {
    findings.push(
      finding(
        'readOnly',
        'info',
        facts.standby ? 'A standby' : 'Read-only',
        `Workers can only read there. To reach the primary, name all hosts and set "targetSessionAttrs" to "read-write".`,
        EDIT,
      ),
    );
  }
  return findings;
}

/**
 * @param sharedBackend two sessions of ours met in one server process, as with pooling by transaction
 * @param keyPid the process id that came with the connection's key; a proxy makes up its own
 */
export function checkPooler(facts: ServerFacts, keyPid: number | null, sharedBackend: boolean): Finding {
  if (sharedBackend) {
    return finding(
      'pooler',
      'error',
      'A pooling proxy in transaction mode',
      'Between here and the server stands a proxy (such as PgBouncer) that gives each transaction another session. pg_background keeps workers by session, so nothing can be launched through it: connect to PostgreSQL itself, or to the proxy in session mode.',
      EDIT,
    );
  }
  if (keyPid !== null && keyPid !== facts.backendPid) {
    return finding(
      'pooler',
      'info',
      'A proxy in session mode',
      'Between here and the server stands a proxy, which keeps sessions together: workers can be used.',
    );
  }
  return finding('pooler', 'ok', 'No pooling proxy', 'The session is the server’s own.');
}

export function checkExtension(facts: ServerFacts): readonly Finding[] {
  const { extension, available, database } = facts;
  const create = 'CREATE EXTENSION pg_background;';
  if (!extension) {
    if (available === undefined) {
      const major = Math.floor(facts.versionNumber / 10_000);
      return [
        finding(
          'extension',
          'error',
          'pg_background is not on the server',
          `Its administrator must install it there first (the package postgresql-${major}-pg-background on Debian and Ubuntu, or from source), then create it in the database "${database}".`,
          { title: 'Then, as a superuser', sql: create },
        ),
      ];
    }
    return [
      finding(
        'extension',
        'error',
        'pg_background is not in this database',
        `The server has version ${available} of it, but it was not created in the database "${database}". That needs a superuser.`,
        superuserFix(facts, facts.superuser ? 'Create it' : 'Create it (as a superuser)', create),
      ),
    ];
  }
  const findings = [
    finding(
      'extension',
      'ok',
      `pg_background ${extension.version}`,
      `In the schema ${extension.schema} of the database "${database}".`,
    ),
  ];
  if (available !== undefined && available !== extension.version) {
    findings.push(
      finding(
        'extensionUpdate',
        'warning',
        `pg_background ${available} is on the server`,
        `The database "${database}" still uses ${extension.version}.`,
        superuserFix(
          facts,
          facts.superuser ? 'Update it' : 'Update it (as its owner)',
          'ALTER EXTENSION pg_background UPDATE;',
        ),
      ),
    );
  }
  if (/^[01]\./.test(extension.version)) {
    findings.push(
      finding(
        'extensionRisk',
        'warning',
        'An old pg_background',
        'Up to 1.10, canceling with a grace period kills the worker, and PostgreSQL then restarts every session of the server. This extension never asks for that; other clients and scripts may. Have the package renewed.',
      ),
    );
  } else if (extension.version === '2.0') {
    findings.push(
      finding(
        'extensionRisk',
        'info',
        'Builds of 2.0 differ',
        'The first builds of 2.0 could crash the server when a worker was canceled with a grace period, or in its first moments. The version does not tell them apart; this extension avoids both. Keep the package up to date.',
      ),
    );
  }
  return findings;
}

export function checkPrivileges(facts: ServerFacts): readonly Finding[] {
  const findings: Finding[] = [];
  const { extension } = facts;
  const role = quoteIdentifier(facts.user);
  const others = facts.superuser ? '' : ' (as a superuser)';
  if (extension) {
    const fixes: Fix[] = [];
    if (!extension.mayUseSchema) {
      fixes.push({
        title: `Let ${facts.user} use the schema${others}`,
        sql: `GRANT USAGE ON SCHEMA ${extension.schema} TO ${role};`,
      });
    }
    if (!extension.mayLaunch && facts.hasRole) {
      fixes.push({ title: `Let ${facts.user} launch workers${others}`, sql: `GRANT pgbackground_role TO ${role};` });
    } else if (!extension.mayLaunch && extension.canGrant) {
      fixes.push({
        title: `Let ${facts.user} launch workers${others}`,
        sql: `SELECT ${extension.schema}.pg_background_grant_privileges(${quoteLiteral(facts.user)}, false);`,
      });
    }
    const may = extension.mayUseSchema && extension.mayLaunch;
    findings.push(
      may
        ? finding('privileges', 'ok', 'Workers may be launched', `The role "${facts.user}" may use pg_background.`)
        : finding(
            'privileges',
            'error',
            'Workers may not be launched',
            `The role "${facts.user}" may not ${extension.mayUseSchema ? 'call pg_background’s functions' : `use the schema ${extension.schema}`}.`,
            ...fixes,
          ),
    );
  }
  findings.push(
    facts.mayReadStats
      ? finding('readStats', 'ok', 'Workers of all roles are seen', 'The role may read all statistics.')
      : finding(
          'readStats',
          'info',
          'Only one’s own workers are seen',
          `Workers of other roles stay hidden from "${facts.user}", and the use of worker slots is known in part.`,
          {
            title: `Let ${facts.user} see all${others}`,
            sql: `GRANT pg_read_all_stats TO ${role};`,
          },
        ),
    facts.maySignal
      ? finding('signal', 'ok', 'Workers of other roles may be canceled', 'The role may signal other sessions.')
      : finding(
          'signal',
          'info',
          'Only one’s own workers can be canceled',
          `The role "${facts.user}" may not signal the sessions of other roles.`,
          {
            title: `Let ${facts.user} cancel those of others${others}`,
            sql: `GRANT pg_signal_backend TO ${role};`,
          },
        ),
  );
  return findings;
}

export function checkSlots(facts: ServerFacts): Finding {
  const { slotsTotal, slotsUsed } = facts;
  const free = slotsTotal - slotsUsed;
  const atLeast = facts.mayReadStats ? '' : 'at least ';
  const detail = `${atLeast}${slotsUsed} of the ${slotsTotal} worker processes of the server are in use (max_worker_processes, shared with parallel queries and replication)`;
  const raise = superuserFix(
    facts,
    'Raise it (as a superuser), then restart the server',
    `ALTER SYSTEM SET max_worker_processes = ${Math.max(32, slotsTotal * 2)};`,
  );
  const capital = detail.charAt(0).toUpperCase() + detail.slice(1);
  if (free <= 0)
    return finding(
      'slots',
      'error',
      'No worker slot is free',
      `${capital}, so nothing can be launched now.`,
      raise,
      RETRY,
    );
  if (free <= 2)
    return finding(
      'slots',
      'warning',
      `${free} worker ${free === 1 ? 'slot is' : 'slots are'} free`,
      `${capital}.`,
      raise,
    );
  return finding('slots', 'ok', `${facts.mayReadStats ? '' : 'Up to '}${free} worker slots are free`, `${capital}.`);
}

export function checkLimits(facts: ServerFacts): Finding {
  const inForce = [...facts.settings].filter(([name, value]) => name !== 'pg_background.max_workers' && value !== '0');
  const most = facts.settings.get('pg_background.max_workers');
  const session = most === undefined ? '' : ` A session may have ${most} workers at once (pg_background.max_workers).`;
  const bounds = ['statement_timeout', 'transaction_timeout', 'pg_background.worker_timeout'];
  const bounded = inForce.some(([name]) => bounds.includes(name));
  const list = inForce.map(([name, value]) => `${name} = ${value}`).join(', ');
  if (bounded) {
    return finding(
      'limits',
      'info',
      'Workers are bounded in time',
      `In force for this role: ${list}. A worker that takes longer is canceled.${session}`,
    );
  }
  return finding(
    'limits',
    'ok',
    'No time limit',
    `Workers run as long as they take: statement_timeout and pg_background.worker_timeout are not set${list === '' ? '' : ` (${list})`}.${session}`,
  );
}

function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? `E${quoted}` : quoted;
}

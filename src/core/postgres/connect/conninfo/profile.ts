/**
 * A connection profile: what `pgBackground.connections` holds, one object a connection, without passwords. Most fields are
 * libpq's connection parameters under the names that people know (PostgreSQL, libpq, "Parameter Key Words"); a field that is
 * left out is looked up where libpq would look it up (see defaults.ts).
 */

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

export const CHANNEL_BINDINGS = ['disable', 'prefer', 'require'] as const;
export type ChannelBinding = (typeof CHANNEL_BINDINGS)[number];

export const TARGET_SESSION_ATTRS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export type TargetSessionAttrs = (typeof TARGET_SESSION_ATTRS)[number];

export const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

export interface ConnectionProfile {
  /** Unique among the connections; shown everywhere. */
  readonly name: string;
  /** A host name, an address or the folder of a Unix socket; several, separated by commas, are tried in order. */
  readonly host?: string;
  /** Addresses to connect to, in place of looking up the host names (one a host, separated by commas). */
  readonly hostaddr?: string;
  /** One port, or one a host, separated by commas. */
  readonly port?: number | string;
  readonly database?: string;
  readonly user?: string;
  readonly sslmode?: SslMode;
  /** A file of PEM certificates, or `system` for the certificate authorities that the operating system trusts. */
  readonly sslrootcert?: string;
  readonly sslcrl?: string;
  readonly sslcert?: string;
  readonly sslkey?: string;
  readonly sslnegotiation?: 'postgres' | 'direct';
  /** Whether the host's name is sent before encryption begins (Server Name Indication); by default it is. */
  readonly sslsni?: boolean;
  readonly sslMinProtocolVersion?: TlsVersion;
  readonly sslMaxProtocolVersion?: TlsVersion;
  readonly channelBinding?: ChannelBinding;
  /** The ways to prove who one is that are accepted, separated by commas, or with `!` the refused ones (libpq's require_auth). */
  readonly requireAuth?: string;
  readonly applicationName?: string;
  /** As after `SET search_path TO`. */
  readonly searchPath?: string;
  /** Taken on with SET ROLE once connected; workers run as it. */
  readonly role?: string;
  /** Options for the server's command line, such as `-c statement_timeout=5min`. */
  readonly options?: string;
  /** For each address; 0 waits for ever. */
  readonly connectTimeoutSeconds?: number;
  readonly keepalives?: boolean;
  readonly keepalivesIdleSeconds?: number;
  readonly targetSessionAttrs?: TargetSessionAttrs;
  readonly loadBalanceHosts?: 'disable' | 'random';
  /** A section of pg_service.conf that gives the parameters that are not given here. */
  readonly service?: string;
  readonly serviceFile?: string;
  /** Another file than ~/.pgpass. */
  readonly passfile?: string;
  /** Where it is shown: `#rrggbb`, or the name of one of the editor's colors. */
  readonly color?: string;
  /** Asks before each launch. */
  readonly production?: boolean;
  /** A shell command whose first line of output is the password; run in trusted workspaces only. */
  readonly passwordCommand?: string;
  /** Nothing stored is used: the password is asked for each time. */
  readonly askPassword?: boolean;
  /** Lets a server ask for the password itself (not a proof of it) over a network without TLS. */
  readonly allowCleartextPassword?: boolean;
}

type Field = keyof ConnectionProfile;

/** Says what a value must be, or nothing where it is fine. */
type Rule = (value: unknown) => string | undefined;

const RULES: Readonly<Record<Field, Rule>> = {
  name: (value) => (typeof value === 'string' && value.trim() !== '' ? undefined : 'a text that is not empty'),
  host: (value) => {
    if (typeof value === 'string' && /^postgres(ql)?:\/\//i.test(value)) {
      return 'a host alone (use Add Connection to enter a whole address)';
    }
    if (typeof value === 'string' && /\/\.s\.PGSQL\.\d+$/.test(value)) {
      return 'the folder of the socket (the number in the name of the socket is the port)';
    }
    return text(value);
  },
  hostaddr: text,
  port: portRule,
  database: text,
  user: text,
  sslmode: oneOf(SSL_MODES),
  sslrootcert: text,
  sslcrl: text,
  sslcert: text,
  sslkey: text,
  sslnegotiation: oneOf(['postgres', 'direct']),
  sslsni: truth,
  sslMinProtocolVersion: oneOf(TLS_VERSIONS),
  sslMaxProtocolVersion: oneOf(TLS_VERSIONS),
  channelBinding: oneOf(CHANNEL_BINDINGS),
  requireAuth: text,
  applicationName: text,
  searchPath: text,
  role: text,
  options: text,
  connectTimeoutSeconds: seconds,
  keepalives: truth,
  keepalivesIdleSeconds: seconds,
  targetSessionAttrs: oneOf(TARGET_SESSION_ATTRS),
  loadBalanceHosts: oneOf(['disable', 'random']),
  service: text,
  serviceFile: text,
  passfile: text,
  color: (value) =>
    typeof value === 'string' && /^(#[0-9a-f]{6}|[\w.]+)$/i.test(value)
      ? undefined
      : 'a color such as "#c04040" or "charts.red"',
  production: truth,
  passwordCommand: (value) =>
    typeof value === 'string' && value.trim() !== '' && !value.includes('\0') ? undefined : 'a shell command',
  askPassword: truth,
  allowCleartextPassword: truth,
};

/** Every field, for whoever must know them all: the settings' schema, the API. */
export const PROFILE_FIELDS: readonly string[] = Object.keys(RULES);

/**
 * Checks an entry of the settings, or what another extension gave.
 * @returns the profile, or one sentence that names the faulty field and says what it must be, with that field
 */
export function validateProfile(
  value: unknown,
): { profile: ConnectionProfile } | { problem: string; field?: string | undefined } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problem: 'A connection must be an object with at least a "name".' };
  }
  const entries = Object.entries(value).filter(([, fieldValue]) => fieldValue !== undefined);
  const given = Object.fromEntries(entries) as Record<string, unknown>;
  const called =
    typeof given['name'] === 'string' && given['name'] !== '' ? `The connection "${given['name']}"` : 'A connection';
  if (given['name'] === undefined) return { problem: `${called} has no "name": give it one.` };
  for (const [field, fieldValue] of entries) {
    const problem = fieldProblem(field, fieldValue);
    if (problem !== undefined) return { problem: `${called} ${problem}`, field };
  }
  const problem = listProblem(given);
  if (problem !== undefined) return { problem: `${called} ${problem}`, field: /"(\w+)"/.exec(problem)?.[1] };
  return { profile: given as unknown as ConnectionProfile };
}

/** What is wrong with one field, as the end of a sentence; undefined where it is fine. */
export function fieldProblem(field: string, value: unknown): string | undefined {
  if (!isField(field)) return `has the unknown field "${field}"${adviceFor(field)}.`;
  const must = RULES[field](value);
  return must === undefined ? undefined : `has a faulty "${field}": it must be ${must}.`;
}

/** libpq's rule: one port for all the hosts, or one for each; and one address for each host. */
function listProblem(given: Readonly<Record<string, unknown>>): string | undefined {
  const count = (field: Field): number => {
    const value = given[field];
    return typeof value === 'string' || typeof value === 'number' ? String(value).split(',').length : 0;
  };
  const hosts = count('hostaddr') || count('host');
  if (count('host') > 0 && count('hostaddr') > 0 && count('host') !== count('hostaddr')) {
    return `has ${count('host')} in "host" but ${count('hostaddr')} in "hostaddr": give one address for each host.`;
  }
  const ports = count('port');
  if (ports > 1 && ports !== hosts) {
    return `has ${ports} ports in "port" but ${Math.max(hosts, 1)} in "host": give one port, or one for each host.`;
  }
  return undefined;
}

function isField(name: string): name is Field {
  return Object.hasOwn(RULES, name);
}

function adviceFor(field: string): string {
  if (/^(pass|password|pgpassword)$/i.test(field)) {
    return ": passwords are kept in the editor's secret storage, never in settings, so remove it and connect to be asked for it";
  }
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z]/g, '');
  const aliases: Readonly<Record<string, Field>> = {
    dbname: 'database',
    db: 'database',
    username: 'user',
    ssl: 'sslmode',
    server: 'host',
  };
  const meant = (Object.keys(RULES) as Field[]).find((known) => plain(known) === plain(field)) ?? aliases[plain(field)];
  return meant === undefined ? '' : `: did you mean "${meant}"?`;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && !value.includes('\0') ? undefined : 'a text';
}

function truth(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : 'true or false';
}

function seconds(value: unknown): string | undefined {
  const fine = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 86_400;
  return fine ? undefined : 'a whole number of seconds from 0 to 86400';
}

function oneOf(choices: readonly string[]): Rule {
  const must = `one of ${choices.map((choice) => `"${choice}"`).join(', ')}`;
  return (value) => (typeof value === 'string' && choices.includes(value) ? undefined : must);
}

function portRule(value: unknown): string | undefined {
  const list = typeof value === 'number' || typeof value === 'string' ? String(value).split(',') : ['?'];
  // An empty port stands for the default one, as with libpq.
  const fine = list.every((port) => port.trim() === '' || isPort(port.trim()));
  return fine ? undefined : 'a whole number from 1 to 65535 (or one for each host, separated by commas)';
}

/** True for a whole number from 1 to 65535. */
export function isPort(value: string): boolean {
  return /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535;
}

/**
 * A connection profile: one entry of `pgBackground.connections`, or one connection of another extension. It never contains a
 * password. Most fields are libpq's connection parameters under their usual names (PostgreSQL, libpq, "Parameter Key Words");
 * an omitted field is looked up as libpq would look it up (see defaults.ts).
 *
 * The schema below is the only list of the fields in core: the type and the checks are derived from it. Tests compare it with
 * the lists that cannot be derived: the public API (src/api.ts), the settings' JSON schema (package.json), the form
 * (src/shared/connectionProtocol.ts), and libpq's keywords (keywords.ts).
 */
import * as v from 'valibot';
import { faultySetting } from '../../../jobs/settingNames';
import type { ProfileFault, ValueCode, ValueSource } from './faults';

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

export const CHANNEL_BINDINGS = ['disable', 'prefer', 'require'] as const;
export type ChannelBinding = (typeof CHANNEL_BINDINGS)[number];

export const TARGET_SESSION_ATTRS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export type TargetSessionAttrs = (typeof TARGET_SESSION_ATTRS)[number];

export const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

const SSL_NEGOTIATIONS = ['postgres', 'direct'] as const;
const LOAD_BALANCE_HOSTS = ['disable', 'random'] as const;

const MAX_SECONDS = 86_400;
const MAX_DAYS = 36_500;

// The message of each schema is the code of the fault.
const fault = <Code extends ValueCode>(code: Code): Code => code;

const text = v.pipe(v.string(fault('profile.notText')), v.check(hasNoNul, fault('profile.notText')));
const flag = v.boolean(fault('profile.notBoolean'));
const seconds = v.pipe(
  v.number(fault('profile.notSeconds')),
  v.integer(fault('profile.notSeconds')),
  v.minValue(0, fault('profile.notSeconds')),
  v.maxValue(MAX_SECONDS, fault('profile.notSeconds')),
);
const days = v.pipe(
  v.number(fault('profile.notDays')),
  v.integer(fault('profile.notDays')),
  v.minValue(0, fault('profile.notDays')),
  v.maxValue(MAX_DAYS, fault('profile.notDays')),
);
const oneOf = <const Choices extends readonly string[]>(
  choices: Choices,
): v.PicklistSchema<Choices, 'profile.notOneOf'> => v.picklist(choices, fault('profile.notOneOf'));

const SCHEMAS = {
  /** Unique among the connections; shown everywhere. */
  name: v.pipe(
    v.string(fault('profile.nameEmpty')),
    v.check((name) => name.trim() !== '', fault('profile.nameEmpty')),
  ),
  /** A host name, an address, or the folder of a Unix socket. Several, separated by commas, are tried in order. */
  host: v.pipe(
    text,
    v.check((host) => !/^postgres(ql)?:\/\//i.test(host), fault('profile.hostIsUri')),
    v.check((host) => !/\/\.s\.PGSQL\.\d+$/.test(host), fault('profile.hostIsSocketFile')),
  ),
  /** Addresses to connect to instead of looking up the host names: one per host, separated by commas. */
  hostaddr: text,
  /** One port, or one per host, separated by commas. */
  port: v.pipe(
    v.union([v.number(), v.string()], fault('profile.notPort')),
    v.check(isPortList, fault('profile.notPort')),
  ),
  database: text,
  user: text,
  sslmode: oneOf(SSL_MODES),
  /** A file of PEM certificates, or `system` for the certificate authorities that the operating system trusts. */
  sslrootcert: text,
  sslcrl: text,
  sslcert: text,
  sslkey: text,
  sslnegotiation: oneOf(SSL_NEGOTIATIONS),
  /** Whether to send the host name before encryption begins (Server Name Indication). Default: true. */
  sslsni: flag,
  sslMinProtocolVersion: oneOf(TLS_VERSIONS),
  sslMaxProtocolVersion: oneOf(TLS_VERSIONS),
  channelBinding: oneOf(CHANNEL_BINDINGS),
  /** Accepted authentication methods, separated by commas, or with `!` the rejected ones (libpq's require_auth). */
  requireAuth: text,
  applicationName: text,
  /** As after `SET search_path TO`. */
  searchPath: text,
  /** Set with SET ROLE after connecting; workers run as this role. */
  role: text,
  /** Options for the server's command line, such as `-c statement_timeout=5min`. */
  options: text,
  /** Per address; 0 means no timeout. */
  connectTimeoutSeconds: seconds,
  keepalives: flag,
  keepalivesIdleSeconds: seconds,
  targetSessionAttrs: oneOf(TARGET_SESSION_ATTRS),
  loadBalanceHosts: oneOf(LOAD_BALANCE_HOSTS),
  /** A section of pg_service.conf; it supplies the parameters that the profile omits. */
  service: text,
  /** Path of the service file. Default: ~/.pg_service.conf. */
  serviceFile: text,
  /** Path of the password file. Default: ~/.pgpass. */
  passfile: text,
  /** Color of the connection's icon: `#rrggbb`, or the id of a theme color. */
  color: v.pipe(v.string(fault('profile.notColor')), v.regex(/^(#[0-9a-f]{6}|[\w.]+)$/i, fault('profile.notColor'))),
  /** Asks before each launch. */
  production: flag,
  /** Durable jobs whose outcome was seen this many days ago are purged; 0 = never. */
  durableRetentionDays: days,
  /** Runs jobs as durable jobs. */
  durable: flag,
  /** Workers start with `default_transaction_read_only = on`. */
  readOnly: flag,
  /** Parameters of every worker, by name. Those of a job take precedence. */
  workerSettings: v.custom<Readonly<Record<string, string>>>(
    (settings) => faultySetting(settings) === undefined,
    fault('profile.notSettings'),
  ),
  /** A shell command whose first line of output is the password. Runs in trusted workspaces only. */
  passwordCommand: v.pipe(
    v.string(fault('profile.notCommand')),
    v.check((command) => command.trim() !== '' && hasNoNul(command), fault('profile.notCommand')),
  ),
  /** Never uses a stored password: asks for it instead. */
  askPassword: flag,
  /** Allows sending the password itself (not a proof of it) over a network without TLS. */
  allowCleartextPassword: flag,
};

type Field = keyof typeof SCHEMAS;

/** All fields are optional, except the name. */
const PROFILE = v.object({
  ...(Object.fromEntries(
    Object.entries(SCHEMAS).map(([field, schema]) => [field, v.exactOptional(schema as v.GenericSchema)]),
  ) as unknown as { [F in Field]: v.ExactOptionalSchema<(typeof SCHEMAS)[F], undefined> }),
  name: SCHEMAS.name,
});

export type ConnectionProfile = Readonly<v.InferOutput<typeof PROFILE>>;

/** Every field of a profile. */
export const PROFILE_FIELDS = Object.keys(SCHEMAS) as readonly Field[];

/** Checks an entry of the settings, or a profile from another extension. @returns the profile, or the first fault in it */
export function validateProfile(value: unknown): { profile: ConnectionProfile } | { fault: ProfileFault } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { fault: { code: 'profile.notObject' } };
  }
  const given = Object.fromEntries(Object.entries(value).filter(([, fieldValue]) => fieldValue !== undefined));
  if (given['name'] === undefined) return { fault: { code: 'profile.nameMissing', field: 'name' } };
  const unknown = Object.keys(given).find((field) => !isField(field));
  if (unknown !== undefined) return { fault: unknownField(unknown) };
  const parsed = v.safeParse(PROFILE, given, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    return { fault: valueFault(String(issue.path?.[0].key) as Field, issue.message as ValueCode) };
  }
  const listed = listFault(parsed.output);
  return listed === undefined ? { profile: parsed.output } : { fault: listed };
}

/**
 * Checks the value of one field.
 * @param source where the value comes from, if not from the profile
 */
export function fieldFault(field: string, value: unknown, source?: ValueSource): ProfileFault | undefined {
  if (!isField(field)) return unknownField(field);
  const parsed = v.safeParse(SCHEMAS[field], value, { abortEarly: true });
  return parsed.success ? undefined : valueFault(field, parsed.issues[0].message as ValueCode, source);
}

function valueFault(field: Field, code: ValueCode, source: ValueSource = {}): ProfileFault {
  switch (code) {
    case 'profile.notSeconds':
      return { code, field, params: { ...source, max: MAX_SECONDS } };
    case 'profile.notDays':
      return { code, field, params: { ...source, max: MAX_DAYS } };
    case 'profile.notOneOf': {
      const schema = SCHEMAS[field];
      return { code, field, params: { ...source, choices: schema.type === 'picklist' ? schema.options : [] } };
    }
    default:
      return { code, field, params: source };
  }
}

/** libpq's rule: one port for all hosts, or one for each; and one address for each host. */
function listFault(profile: ConnectionProfile): ProfileFault | undefined {
  const count = (value: number | string | undefined): number =>
    value === undefined ? 0 : String(value).split(',').length;
  const [names, addresses, ports] = [count(profile.host), count(profile.hostaddr), count(profile.port)];
  if (names > 0 && addresses > 0 && names !== addresses) {
    return { code: 'profile.hostCount', field: 'host', params: { hosts: names, addresses } };
  }
  const hosts = addresses || names;
  if (ports > 1 && ports !== hosts) {
    return { code: 'profile.portCount', field: 'port', params: { ports, hosts: Math.max(hosts, 1) } };
  }
  return undefined;
}

function isField(name: string): name is Field {
  return Object.hasOwn(SCHEMAS, name);
}

/** Other names that people use for fields, without punctuation. */
const ALIASES: Readonly<Record<string, Field>> = {
  dbname: 'database',
  db: 'database',
  username: 'user',
  ssl: 'sslmode',
  server: 'host',
};

function unknownField(field: string): ProfileFault {
  if (/^(pass|password|pgpassword)$/i.test(field)) return { code: 'profile.passwordField', field };
  const letters = (name: string): string => name.toLowerCase().replaceAll(/[^a-z]/g, '');
  const suggestion =
    PROFILE_FIELDS.find((known) => letters(known) === letters(field)) ??
    (Object.hasOwn(ALIASES, letters(field)) ? ALIASES[letters(field)] : undefined);
  return { code: 'profile.unknownField', field, params: suggestion === undefined ? {} : { suggestion } };
}

function hasNoNul(value: string): boolean {
  return !value.includes('\0');
}

function isPortList(value: number | string): boolean {
  // An empty port means the default port, as with libpq.
  return String(value)
    .split(',')
    .every((port) => port.trim() === '' || isPort(port.trim()));
}

/** True for a whole number from 1 to 65535. */
export function isPort(value: string): boolean {
  return /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535;
}

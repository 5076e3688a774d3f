/**
 * libpq's connection parameters (PostgreSQL, libpq, "Parameter Key Words" and "Environment Variables"). Each of them is a field
 * of a profile, a secret, without effect here, or not supported and unsafe to ignore.
 */
import { profileError, type UnsupportedCode, type ValueSource } from './faults';
import type { ConnectionProfile } from './profile';

export type ProfileField = Exclude<keyof ConnectionProfile, 'name'>;

/** Values by libpq's keyword. */
export type Parameters = ReadonlyMap<string, string>;

interface Keyword {
  readonly env?: string;
  readonly field?: ProfileField;
  readonly secret?: true;
  /** Converts libpq's text to the field's value, and back. */
  readonly read?: (value: string) => unknown;
  readonly write?: (value: unknown) => string;
  /** Rejects a value that is not supported and would be unsafe to ignore. */
  readonly reject?: (value: string) => UnsupportedCode | undefined;
}

/** libpq writes these as 1 and 0. */
const FLAG = { read: (value: string) => value.trim() !== '0', write: (value: unknown) => (value === true ? '1' : '0') };

const WHOLE = {
  read: (value: string) => (/^\s*[+-]?\d+\s*$/.test(value) ? Math.max(0, Number(value)) : value),
  write: String,
};

const TLS_VERSION = {
  read: (value: string) => value.replace(/^tlsv/i, 'TLSv'),
  reject: (value: string): UnsupportedCode | undefined =>
    /^tlsv1(\.1)?$/i.test(value) ? 'parameter.oldTls' : undefined,
};

/** The parameter is supported only with these values. */
function only(allowed: readonly string[], code: UnsupportedCode): Pick<Keyword, 'reject'> {
  return { reject: (value) => (allowed.includes(value) ? undefined : code) };
}

const KEYWORDS: Readonly<Record<string, Keyword>> = {
  service: { env: 'PGSERVICE', field: 'service' },
  servicefile: { env: 'PGSERVICEFILE', field: 'serviceFile' },
  user: { env: 'PGUSER', field: 'user' },
  password: { env: 'PGPASSWORD', secret: true },
  passfile: { env: 'PGPASSFILE', field: 'passfile' },
  channel_binding: { env: 'PGCHANNELBINDING', field: 'channelBinding' },
  connect_timeout: { env: 'PGCONNECT_TIMEOUT', field: 'connectTimeoutSeconds', ...WHOLE },
  dbname: { env: 'PGDATABASE', field: 'database' },
  host: { env: 'PGHOST', field: 'host' },
  hostaddr: { env: 'PGHOSTADDR', field: 'hostaddr' },
  port: { env: 'PGPORT', field: 'port', read: (value) => (/^\d+$/.test(value) ? Number(value) : value), write: String },
  options: { env: 'PGOPTIONS', field: 'options' },
  application_name: { env: 'PGAPPNAME', field: 'applicationName' },
  keepalives: { field: 'keepalives', ...FLAG },
  keepalives_idle: { field: 'keepalivesIdleSeconds', ...WHOLE },
  sslmode: { env: 'PGSSLMODE', field: 'sslmode' },
  sslnegotiation: { env: 'PGSSLNEGOTIATION', field: 'sslnegotiation' },
  sslcert: { env: 'PGSSLCERT', field: 'sslcert' },
  sslkey: { env: 'PGSSLKEY', field: 'sslkey' },
  sslpassword: { secret: true },
  sslrootcert: { env: 'PGSSLROOTCERT', field: 'sslrootcert' },
  sslcrl: { env: 'PGSSLCRL', field: 'sslcrl' },
  sslsni: { env: 'PGSSLSNI', field: 'sslsni', ...FLAG },
  ssl_min_protocol_version: { env: 'PGSSLMINPROTOCOLVERSION', field: 'sslMinProtocolVersion', ...TLS_VERSION },
  ssl_max_protocol_version: { env: 'PGSSLMAXPROTOCOLVERSION', field: 'sslMaxProtocolVersion', ...TLS_VERSION },
  require_auth: { env: 'PGREQUIREAUTH', field: 'requireAuth' },
  target_session_attrs: { env: 'PGTARGETSESSIONATTRS', field: 'targetSessionAttrs' },
  load_balance_hosts: { env: 'PGLOADBALANCEHOSTS', field: 'loadBalanceHosts' },

  // No effect here: text is always UTF-8, Node can only set the idle time of keepalives, and GSSAPI is not available.
  client_encoding: { env: 'PGCLIENTENCODING' },
  fallback_application_name: {},
  keepalives_interval: {},
  keepalives_count: {},
  tcp_user_timeout: {},
  sslcompression: { env: 'PGSSLCOMPRESSION' },
  krbsrvname: { env: 'PGKRBSRVNAME' },
  gsslib: { env: 'PGGSSLIB' },
  gssdelegation: { env: 'PGGSSDELEGATION' },
  max_protocol_version: { env: 'PGMAXPROTOCOLVERSION' },

  // These ask for security or features that are not available. Ignoring them could make a connection less safe than expected.
  gssencmode: {
    env: 'PGGSSENCMODE',
    ...only(['disable', 'prefer'], 'parameter.gssEncryption'),
  },
  sslcertmode: {
    env: 'PGSSLCERTMODE',
    ...only(['allow'], 'parameter.sslcertmode'),
  },
  sslcrldir: {
    env: 'PGSSLCRLDIR',
    ...only([''], 'parameter.crlFolder'),
  },
  requirepeer: {
    env: 'PGREQUIREPEER',
    ...only([''], 'parameter.requirepeer'),
  },
  min_protocol_version: {
    env: 'PGMINPROTOCOLVERSION',
    ...only(['3.0'], 'parameter.protocolVersion'),
  },
  replication: {
    ...only(['false', 'off', 'no', '0'], 'parameter.replication'),
  },
  sslkeylogfile: { ...only([''], 'parameter.keyLog') },
  scram_client_key: { secret: true, ...only([''], 'parameter.scramKey') },
  scram_server_key: { secret: true, ...only([''], 'parameter.scramKey') },
  oauth_issuer: { ...only([''], 'parameter.oauth') },
  oauth_client_id: { ...only([''], 'parameter.oauth') },
  oauth_client_secret: {
    secret: true,
    ...only([''], 'parameter.oauth'),
  },
  oauth_scope: { ...only([''], 'parameter.oauth') },
};

/** The fields of a profile that libpq has a keyword for. */
export const KEYWORD_FIELDS: readonly ProfileField[] = Object.values(KEYWORDS).flatMap(({ field }) => field ?? []);

/** True for a keyword of libpq. */
export function isKeyword(name: string): boolean {
  return Object.hasOwn(KEYWORDS, name);
}

/** libpq's environment variable for each keyword that has one. */
export function environmentVariables(): readonly (readonly [keyword: string, variable: string])[] {
  return Object.entries(KEYWORDS).flatMap(([name, { env }]) => (env === undefined ? [] : [[name, env] as const]));
}

/**
 * Converts a parameter to a field of a profile.
 * @param source where the parameter comes from, if not from a connection string
 * @returns undefined if the parameter is a secret or has no effect here
 * @throws ConnectError ('profile') if the value is not supported
 */
export function readParameter(
  name: string,
  value: string,
  source?: ValueSource,
): readonly [field: ProfileField, value: unknown] | undefined {
  const keyword = KEYWORDS[name];
  const code = keyword?.reject?.(value);
  if (code !== undefined) throw profileError({ code, params: { ...source, parameter: name } });
  return keyword?.field === undefined ? undefined : [keyword.field, keyword.read ? keyword.read(value) : value];
}

/** Converts parameters to fields of a profile. @throws ConnectError ('profile') if a value is not supported */
export function fieldsOf(parameters: Parameters): Partial<Record<ProfileField, unknown>> {
  return Object.fromEntries(
    [...parameters].flatMap(([name, value]) => {
      const field = readParameter(name, value);
      return field ? [field] : [];
    }),
  );
}

/** Converts the fields of a profile to libpq's parameters, as far as libpq has them. */
export function parametersOf(profile: Partial<ConnectionProfile>): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, { field, write }] of Object.entries(KEYWORDS)) {
    const value = field === undefined ? undefined : profile[field];
    if (value !== undefined && typeof value !== 'object') parameters.set(name, write ? write(value) : String(value));
  }
  return parameters;
}

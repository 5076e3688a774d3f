/**
 * libpq's connection parameters (PostgreSQL, libpq, "Parameter Key Words" and "Environment Variables"), and what each is
 * here: a field of a profile, a secret, nothing that matters, or something that cannot be honored and so must be refused.
 */
import { ConnectError } from '../errors';
import type { ConnectionProfile } from './profile';

export type ProfileField = Exclude<keyof ConnectionProfile, 'name'>;

/** Values by libpq's keyword. */
export type Parameters = ReadonlyMap<string, string>;

interface Keyword {
  readonly env?: string;
  readonly field?: ProfileField;
  readonly secret?: true;
  /** Turns libpq's text into the field's value, and the field's value back into text. */
  readonly read?: (value: string) => unknown;
  readonly write?: (value: unknown) => string;
  /** Says why a value cannot be honored; such a parameter would be unsafe to ignore. */
  readonly refuse?: (value: string) => string | undefined;
}

/** libpq takes 1 and 0 here. */
const FLAG = { read: (value: string) => value.trim() !== '0', write: (value: unknown) => (value === true ? '1' : '0') };

const WHOLE = {
  read: (value: string) => (/^\s*[+-]?\d+\s*$/.test(value) ? Math.max(0, Number(value)) : value),
  write: String,
};

const TLS_VERSION = {
  read: (value: string) => value.replace(/^tlsv/i, 'TLSv'),
  refuse: (value: string) =>
    /^tlsv1(\.1)?$/i.test(value) ? 'versions of TLS before 1.2 are not used, so leave it out' : undefined,
};

function refuseUnless(allowed: readonly string[], why: string): Pick<Keyword, 'refuse'> {
  return { refuse: (value) => (allowed.includes(value) ? undefined : why) };
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

  // Without effect here: text is always UTF-8, Node sets only the idle time of keepalives, and there is no GSSAPI.
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

  // What asks for safety that cannot be given must not be passed over in silence.
  gssencmode: {
    env: 'PGGSSENCMODE',
    ...refuseUnless(['disable', 'prefer'], 'encryption with GSSAPI is not available, so use TLS'),
  },
  sslcertmode: {
    env: 'PGSSLCERTMODE',
    ...refuseUnless(['allow'], 'only "allow" is available, so leave it out'),
  },
  sslcrldir: {
    env: 'PGSSLCRLDIR',
    ...refuseUnless([''], 'folders of revoked certificates are not read, so give one file as "sslcrl"'),
  },
  requirepeer: {
    env: 'PGREQUIREPEER',
    ...refuseUnless([''], "the owner of a socket's other end cannot be checked, so leave it out"),
  },
  min_protocol_version: {
    env: 'PGMINPROTOCOLVERSION',
    ...refuseUnless(['3.0'], 'version 3.0 of the protocol is used, so leave it out'),
  },
  replication: {
    ...refuseUnless(['false', 'off', 'no', '0'], 'a replication connection cannot run workers, so leave it out'),
  },
  sslkeylogfile: { ...refuseUnless([''], 'keys of connections are not written to files, so leave it out') },
  scram_client_key: { secret: true, ...refuseUnless([''], 'only passwords are used, so leave it out') },
  scram_server_key: { secret: true, ...refuseUnless([''], 'only passwords are used, so leave it out') },
  oauth_issuer: { ...refuseUnless([''], 'OAuth is not available, so use a password command that prints a token') },
  oauth_client_id: { ...refuseUnless([''], 'OAuth is not available, so use a password command that prints a token') },
  oauth_client_secret: {
    secret: true,
    ...refuseUnless([''], 'OAuth is not available, so use a password command that prints a token'),
  },
  oauth_scope: { ...refuseUnless([''], 'OAuth is not available, so use a password command that prints a token') },
};

/** True for a keyword that libpq knows. */
export function isKeyword(name: string): boolean {
  return Object.hasOwn(KEYWORDS, name);
}

/** libpq's environment variable for each keyword that has one. */
export function environmentVariables(): readonly (readonly [keyword: string, variable: string])[] {
  return Object.entries(KEYWORDS).flatMap(([name, { env }]) => (env === undefined ? [] : [[name, env] as const]));
}

/**
 * One parameter as a field of a profile; undefined where it is a secret, or without effect here.
 * @param where ends the message, to say where the parameter was found
 * @throws ConnectError ('profile') where it must be refused
 */
export function readParameter(
  name: string,
  value: string,
  where?: string,
): readonly [field: ProfileField, value: unknown] | undefined {
  const keyword = KEYWORDS[name];
  const why = keyword?.refuse?.(value);
  if (why !== undefined) {
    const from = where === undefined ? '' : ` (from ${where})`;
    throw new ConnectError('profile', `The parameter "${name}"${from} cannot be used: ${why}.`);
  }
  return keyword?.field === undefined ? undefined : [keyword.field, keyword.read ? keyword.read(value) : value];
}

/** Parameters as the fields of a profile. @throws ConnectError ('profile') where one must be refused */
export function fieldsOf(parameters: Parameters): Partial<Record<ProfileField, unknown>> {
  return Object.fromEntries(
    [...parameters].flatMap(([name, value]) => {
      const field = readParameter(name, value);
      return field ? [field] : [];
    }),
  );
}

/** The fields of a profile that are libpq's parameters. */
export function parametersOf(profile: Partial<ConnectionProfile>): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, { field, write }] of Object.entries(KEYWORDS)) {
    const value = field === undefined ? undefined : profile[field];
    if (value !== undefined) parameters.set(name, write ? write(value) : String(value));
  }
  return parameters;
}

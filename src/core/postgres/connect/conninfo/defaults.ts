/**
 * The settings that a connection finally uses: from the profile, then from its service, then from the environment, then
 * libpq's defaults (PostgreSQL, libpq, "Environment Variables"; fe-connect.c, conninfo_add_defaults and connectOptions2).
 */
import { stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { profileError, type ProfileFault, type ValueSource } from './faults';
import { environmentVariables, fieldsOf, parametersOf, readParameter, type Parameters } from './keywords';
import {
  fieldFault,
  isPort,
  validateProfile,
  type ChannelBinding,
  type ConnectionProfile,
  type SslMode,
  type TargetSessionAttrs,
  type TlsVersion,
} from './profile';
import { readService } from './serviceFile';
import { expandPath, type ConnectEnvironment } from './environment';

/** One host to try. */
export interface Target {
  /** As given: a name, an address, or the folder of a Unix socket; '' if only `hostaddr` is given. */
  readonly host: string;
  /** The address to connect to, instead of looking up the host. */
  readonly hostaddr: string | undefined;
  readonly port: number;
  readonly socket: boolean;
}

export interface Settings {
  readonly targets: readonly Target[];
  readonly database: string;
  readonly user: string;
  readonly sslmode: SslMode;
  /** `system`, a path, or undefined for libpq's default file. */
  readonly sslrootcert: string | undefined;
  readonly sslcrl: string | undefined;
  readonly sslcert: string | undefined;
  readonly sslkey: string | undefined;
  readonly sslnegotiation: 'postgres' | 'direct';
  readonly sslsni: boolean;
  readonly tlsMin: TlsVersion;
  readonly tlsMax: TlsVersion | undefined;
  readonly channelBinding: ChannelBinding;
  readonly requireAuth: string | undefined;
  readonly applicationName: string;
  readonly options: string | undefined;
  /** Milliseconds per address; 0 means no timeout. */
  readonly connectTimeoutMs: number;
  readonly keepalives: boolean;
  readonly keepalivesIdleMs: number;
  readonly targetSessionAttrs: TargetSessionAttrs;
  readonly loadBalanceHosts: 'disable' | 'random';
  readonly searchPath: string | undefined;
  readonly role: string | undefined;
  readonly allowCleartextPassword: boolean;
  /** Session settings from the environment, such as `PGTZ`. */
  readonly session: Readonly<Record<string, string>>;
  /** From the service file or `PGPASSWORD`. `source`: the name of the service or of the variable. */
  readonly password: { readonly value: string; readonly source: string } | undefined;
  /** From the service file. */
  readonly keyPassphrase: string | undefined;
  readonly passfile: string | undefined;
}

/** The usual system default of two hours is too long: routers drop idle connections earlier, and a dead one is noticed late. */
const KEEPALIVE_SECONDS = 60;
export const DEFAULT_APPLICATION_NAME = 'pg_background Workers (VS Code)';
export const DEFAULT_TIMEOUT_SECONDS = 10;
export const DEFAULT_PORT = 5432;

/** Default socket folders: of Debian's and Red Hat's packages, and of a default build of PostgreSQL. */
const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp'];

/** libpq's environment variables for session settings (PQEnvironmentOption). */
const SESSION_VARIABLES = { PGDATESTYLE: 'datestyle', PGTZ: 'timezone', PGGEQO: 'geqo' } as const;

/** @throws ConnectError ('profile') if a value cannot be used; the fault names the value's source */
export async function resolveSettings(
  profile: ConnectionProfile,
  environment: ConnectEnvironment,
  fallbackApplicationName = DEFAULT_APPLICATION_NAME,
): Promise<Settings> {
  const { env } = environment;
  const given = parametersOf(profile);
  let passwordSource: ValueSource = {};
  const merged = new Map(given);
  const add = (parameters: Parameters, source: ValueSource): void => {
    const added = new Map([...parameters].filter(([keyword]) => !merged.has(keyword)));
    checkValues(added, source);
    for (const [keyword, value] of added) merged.set(keyword, value);
    if (added.has('password')) passwordSource = source;
  };
  const service = profile.service ?? env['PGSERVICE'];
  if (service !== undefined && service !== '') {
    const file = profile.serviceFile === undefined ? undefined : expandPath(profile.serviceFile, environment);
    add(await readService(service, file, environment), { service });
  }
  for (const [keyword, variable] of environmentVariables()) {
    const value = env[variable];
    // An empty variable counts as unset.
    if (value) add(new Map([[keyword, value]]), { variable });
  }
  if (env['PGREQUIRESSL']?.startsWith('1')) {
    add(new Map([['sslmode', 'require']]), { variable: 'PGREQUIRESSL' });
  }
  const checked = validateProfile({ ...profile, ...fieldsOf(merged) });
  if ('fault' in checked) throw profileError(checked.fault);
  return complete(checked.profile, merged, passwordSource, environment, fallbackApplicationName);
}

/** Checks values before they are merged, so that a fault can name their source. */
function checkValues(parameters: Parameters, source: ValueSource): void {
  for (const [keyword, value] of parameters) {
    const [field, fieldValue] = readParameter(keyword, value, source) ?? [];
    const fault = field === undefined ? undefined : fieldFault(field, fieldValue, source);
    if (fault !== undefined) throw profileError(fault);
  }
}

async function complete(
  fields: ConnectionProfile,
  merged: Parameters,
  passwordSource: ValueSource,
  environment: ConnectEnvironment,
  fallbackApplicationName: string,
): Promise<Settings> {
  const path = (value: string | undefined): string | undefined =>
    value === undefined || value === '' ? undefined : expandPath(value, environment);
  const user = fields.user || environment.userName;
  if (!user) throw profileError({ code: 'profile.noUser', field: 'user' });
  const sslrootcert = fields.sslrootcert === 'system' ? 'system' : path(fields.sslrootcert);
  const sslmode = fields.sslmode ?? (sslrootcert === 'system' ? 'verify-full' : 'prefer');
  const sslnegotiation = fields.sslnegotiation ?? 'postgres';
  const tls = tlsFault(fields, sslmode, sslrootcert, sslnegotiation);
  if (tls) throw profileError(tls);
  const password = merged.get('password');
  const session = Object.entries(SESSION_VARIABLES).flatMap(([variable, name]) => {
    const value = environment.env[variable];
    return value && value.toLowerCase() !== 'default' ? [[name, value] as const] : [];
  });
  return {
    targets: await findTargets(fields, environment),
    user,
    database: fields.database || user,
    sslmode,
    sslrootcert,
    sslcrl: path(fields.sslcrl),
    sslcert: path(fields.sslcert),
    sslkey: path(fields.sslkey),
    sslnegotiation,
    sslsni: fields.sslsni ?? true,
    tlsMin: fields.sslMinProtocolVersion ?? 'TLSv1.2',
    tlsMax: fields.sslMaxProtocolVersion,
    channelBinding: fields.channelBinding ?? 'prefer',
    requireAuth: fields.requireAuth || undefined,
    applicationName: fields.applicationName || fallbackApplicationName,
    options: fields.options || undefined,
    connectTimeoutMs: (fields.connectTimeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000,
    keepalives: fields.keepalives ?? true,
    keepalivesIdleMs: (fields.keepalivesIdleSeconds ?? KEEPALIVE_SECONDS) * 1000,
    targetSessionAttrs: fields.targetSessionAttrs ?? 'any',
    loadBalanceHosts: fields.loadBalanceHosts ?? 'disable',
    searchPath: fields.searchPath || undefined,
    role: fields.role || undefined,
    allowCleartextPassword: fields.allowCleartextPassword ?? false,
    session: Object.fromEntries(session),
    password: password
      ? { value: password, source: passwordSource.service ?? passwordSource.variable ?? '' }
      : undefined,
    keyPassphrase: merged.get('sslpassword') || undefined,
    passfile: path(fields.passfile) ?? environment.home?.passfile,
  };
}

/** Finds settings of TLS that contradict each other. */
function tlsFault(
  fields: ConnectionProfile,
  sslmode: SslMode,
  sslrootcert: string | undefined,
  sslnegotiation: string,
): ProfileFault | undefined {
  if (sslrootcert === 'system' && sslmode !== 'verify-full') {
    return { code: 'profile.systemNeedsVerifyFull', field: 'sslmode', params: { sslmode } };
  }
  if (sslnegotiation === 'direct' && !['require', 'verify-ca', 'verify-full'].includes(sslmode)) {
    return { code: 'profile.directNeedsTls', field: 'sslmode', params: { sslmode } };
  }
  if (fields.sslMinProtocolVersion === 'TLSv1.3' && fields.sslMaxProtocolVersion === 'TLSv1.2') {
    return { code: 'profile.tlsVersionOrder', field: 'sslMinProtocolVersion' };
  }
  return undefined;
}

/** Lists the hosts to try, in the given order. */
async function findTargets(fields: ConnectionProfile, environment: ConnectEnvironment): Promise<readonly Target[]> {
  const list = (value: number | string | undefined): string[] =>
    value === undefined || value === ''
      ? []
      : String(value)
          .split(',')
          .map((part) => part.trim());
  const hosts = list(fields.host);
  const addresses = list(fields.hostaddr);
  const ports = list(fields.port);
  const count = Math.max(addresses.length || hosts.length, 1);
  if (ports.length > 1 && ports.length !== count) {
    throw profileError({ code: 'profile.portCount', field: 'port', params: { ports: ports.length, hosts: count } });
  }
  const targets: Target[] = [];
  for (let i = 0; i < count; i++) {
    const portText = (ports.length === 1 ? ports[0] : ports[i]) ?? '';
    const port = isPort(portText) ? Number(portText) : DEFAULT_PORT;
    const hostaddr = addresses[i] || undefined;
    if (hostaddr !== undefined && isIP(hostaddr) === 0) {
      throw profileError({ code: 'profile.hostaddrInvalid', field: 'hostaddr', params: { value: hostaddr } });
    }
    let host = hosts[i] ?? '';
    if (host === '' && hostaddr === undefined) host = await defaultHost(port, environment.platform);
    if (host.startsWith('@')) {
      throw profileError({ code: 'profile.abstractSocket', field: 'host', params: { host } });
    }
    targets.push({ host, hostaddr, port, socket: hostaddr === undefined && host.startsWith('/') });
  }
  return targets;
}

/**
 * Without a host, libpq uses the socket folder that it was built with. That folder is not known here: this returns the first
 * default folder that contains a socket for the port, or localhost if there is none.
 */
async function defaultHost(port: number, platform: NodeJS.Platform): Promise<string> {
  if (platform === 'win32') return 'localhost';
  for (const folder of SOCKET_FOLDERS) {
    const found = await stat(`${folder}/.s.PGSQL.${port}`).catch(() => undefined);
    if (found?.isSocket()) return folder;
  }
  return 'localhost';
}

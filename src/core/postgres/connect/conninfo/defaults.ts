/**
 * What a connection uses in the end: what the profile says, then its service, then the environment, then libpq's defaults
 * (PostgreSQL, libpq, "Environment Variables"; fe-connect.c, conninfo_add_defaults and connectOptions2).
 */
import { stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { ConnectError } from '../errors';
import { environmentVariables, fieldsOf, parametersOf, readParameter, type Parameters } from './keywords';
import {
  fieldProblem,
  isPort,
  validateProfile,
  type ChannelBinding,
  type ConnectionProfile,
  type SslMode,
  type TargetSessionAttrs,
  type TlsVersion,
} from './profile';
import { readService } from './serviceFile';
import { expandPath, type Surroundings } from './environment';

/** One host to try. */
export interface Target {
  /** As it was given: a name, an address, or the folder of a Unix socket; '' where only an address was given. */
  readonly host: string;
  /** Connect there, in place of looking up the host. */
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
  /** Milliseconds for each address; 0 waits for ever. */
  readonly connectTimeoutMs: number;
  readonly keepalives: boolean;
  readonly keepalivesIdleMs: number;
  readonly targetSessionAttrs: TargetSessionAttrs;
  readonly loadBalanceHosts: 'disable' | 'random';
  readonly searchPath: string | undefined;
  readonly role: string | undefined;
  readonly allowCleartextPassword: boolean;
  /** Further settings of the session that the environment gives (`PGTZ` and the like). */
  readonly session: Readonly<Record<string, string>>;
  /** From the service file or `PGPASSWORD`, with words for where it came from. */
  readonly password: { readonly value: string; readonly source: string } | undefined;
  /** From the service file. */
  readonly keyPassphrase: string | undefined;
  readonly passfile: string | undefined;
  /** Where each of libpq's parameters came from, for those that the profile does not give. */
  readonly sources: ReadonlyMap<string, string>;
}

/** The system's own default of two hours is too late for a router that forgets a silent connection, or for one that is dead. */
const KEEPALIVE_SECONDS = 60;
export const DEFAULT_APPLICATION_NAME = 'pg_background Workers (VS Code)';
export const DEFAULT_TIMEOUT_SECONDS = 10;
export const DEFAULT_PORT = 5432;

/** The folders in which builds of PostgreSQL put their socket: Debian's and Red Hat's, and its own. */
const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp'];

/** libpq's variables for settings of the session (PQEnvironmentOption). */
const SESSION_VARIABLES = { PGDATESTYLE: 'datestyle', PGTZ: 'timezone', PGGEQO: 'geqo' } as const;

/** @throws ConnectError ('profile') where something that was found cannot be used, naming where it was found */
export async function resolveSettings(
  profile: ConnectionProfile,
  surroundings: Surroundings,
  fallbackApplicationName = DEFAULT_APPLICATION_NAME,
): Promise<Settings> {
  const { env } = surroundings;
  const given = parametersOf(profile);
  const sources = new Map<string, string>();
  const merged = new Map(given);
  const add = (parameters: Parameters, what: string): void => {
    const added = new Map([...parameters].filter(([keyword]) => !merged.has(keyword)));
    checkSource(added, what);
    for (const [keyword, value] of added) {
      merged.set(keyword, value);
      sources.set(keyword, what);
    }
  };
  const service = profile.service ?? env['PGSERVICE'];
  if (service !== undefined && service !== '') {
    const file = profile.serviceFile === undefined ? undefined : expandPath(profile.serviceFile, surroundings);
    add(await readService(service, file, surroundings), `the service "${service}"`);
  }
  for (const [keyword, variable] of environmentVariables()) {
    const value = env[variable];
    // Empty is as good as unset here: the defaults come next.
    if (value) add(new Map([[keyword, value]]), `the environment variable ${variable}`);
  }
  if (env['PGREQUIRESSL']?.startsWith('1')) {
    add(new Map([['sslmode', 'require']]), 'the environment variable PGREQUIRESSL');
  }
  const checked = validateProfile({ ...profile, ...fieldsOf(merged) });
  if ('problem' in checked) throw new ConnectError('profile', checked.problem);
  return complete(checked.profile, merged, sources, surroundings, fallbackApplicationName);
}

/** Faults are told with the name of the place that has them. */
function checkSource(parameters: Parameters, what: string): void {
  const capital = what.charAt(0).toUpperCase() + what.slice(1);
  for (const [keyword, value] of parameters) {
    const [field, fieldValue] = readParameter(keyword, value, what) ?? [];
    const problem = field === undefined ? undefined : fieldProblem(field, fieldValue);
    if (problem !== undefined) throw new ConnectError('profile', `${capital} ${problem}`);
  }
}

async function complete(
  fields: ConnectionProfile,
  merged: Parameters,
  sources: ReadonlyMap<string, string>,
  surroundings: Surroundings,
  fallbackApplicationName: string,
): Promise<Settings> {
  const path = (value: string | undefined): string | undefined =>
    value === undefined || value === '' ? undefined : expandPath(value, surroundings);
  const user = fields.user || surroundings.userName;
  if (!user)
    throw new ConnectError('profile', `The connection "${fields.name}" has no "user", and the system names none.`);
  const sslrootcert = fields.sslrootcert === 'system' ? 'system' : path(fields.sslrootcert);
  const sslmode = fields.sslmode ?? (sslrootcert === 'system' ? 'verify-full' : 'prefer');
  const sslnegotiation = fields.sslnegotiation ?? 'postgres';
  checkTls(fields, sslmode, sslrootcert, sslnegotiation);
  const password = merged.get('password');
  const session = Object.entries(SESSION_VARIABLES).flatMap(([variable, name]) => {
    const value = surroundings.env[variable];
    return value && value.toLowerCase() !== 'default' ? [[name, value] as const] : [];
  });
  return {
    targets: await findTargets(fields, surroundings),
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
    password: password ? { value: password, source: sources.get('password') ?? '' } : undefined,
    keyPassphrase: merged.get('sslpassword') || undefined,
    passfile: path(fields.passfile) ?? surroundings.home?.passfile,
    sources,
  };
}

function checkTls(
  fields: ConnectionProfile,
  sslmode: SslMode,
  sslrootcert: string | undefined,
  sslnegotiation: string,
): void {
  const fault = (message: string): ConnectError =>
    new ConnectError('profile', `The connection "${fields.name}" ${message}`);
  if (sslrootcert === 'system' && sslmode !== 'verify-full') {
    throw fault(`has "sslrootcert": "system", which needs "sslmode": "verify-full" and not "${sslmode}".`);
  }
  if (sslnegotiation === 'direct' && !['require', 'verify-ca', 'verify-full'].includes(sslmode)) {
    throw fault(`has "sslnegotiation": "direct", which needs an "sslmode" of at least "require" and not "${sslmode}".`);
  }
  if (fields.sslMinProtocolVersion === 'TLSv1.3' && fields.sslMaxProtocolVersion === 'TLSv1.2') {
    throw fault('asks for at least TLSv1.3 and at most TLSv1.2: leave one of them out.');
  }
}

/** The hosts to try, in the order given. */
async function findTargets(fields: ConnectionProfile, surroundings: Surroundings): Promise<readonly Target[]> {
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
    throw new ConnectError(
      'profile',
      `There are ${ports.length} ports for ${count} hosts: give one port, or one for each host.`,
    );
  }
  const targets: Target[] = [];
  for (let i = 0; i < count; i++) {
    const portText = (ports.length === 1 ? ports[0] : ports[i]) ?? '';
    const port = isPort(portText) ? Number(portText) : DEFAULT_PORT;
    const hostaddr = addresses[i] || undefined;
    if (hostaddr !== undefined && isIP(hostaddr) === 0) {
      throw new ConnectError(
        'profile',
        `"hostaddr" has "${hostaddr}", which is not an IP address: use "host" for names.`,
      );
    }
    let host = hosts[i] ?? '';
    if (host === '' && hostaddr === undefined) host = await defaultHost(port, surroundings.platform);
    if (host.startsWith('@')) {
      throw new ConnectError('profile', `"host" has "${host}": sockets in the abstract namespace cannot be used.`);
    }
    targets.push({ host, hostaddr, port, socket: hostaddr === undefined && host.startsWith('/') });
  }
  return targets;
}

/**
 * libpq goes to the socket in the folder it was built with. Which one that is nobody tells us, so it is the first of the usual
 * ones that has a socket for the port, and the network where none has.
 */
async function defaultHost(port: number, platform: NodeJS.Platform): Promise<string> {
  if (platform === 'win32') return 'localhost';
  for (const folder of SOCKET_FOLDERS) {
    const found = await stat(`${folder}/.s.PGSQL.${port}`).catch(() => undefined);
    if (found?.isSocket()) return folder;
  }
  return 'localhost';
}

/** One attempt to connect: to one address, with or without TLS. */
import type { ConnectionOptions } from 'node:tls';
import type { Client, ClientConfig } from 'pg';
import type { AuthPolicy } from './authMethods';
import type { Settings, Target } from '../conninfo/defaults';
import { isServerError } from '../../errors';
import { redact } from '../conninfo/redact';
import { connectError, ConnectError } from '../errors';
import { authenticate, NoPassword, startupMessage } from './authenticate';
import {
  canceledError,
  describeEndpoint,
  endpointOf,
  networkError,
  serverError,
  setupError,
  tlsError,
  type Attempted,
} from './connectErrors';
import { handOver } from './handover';
import type { FoundPassword } from './passwords';
import { TlsFailure, Wire, type Progress } from './wire';

export interface AttemptOptions {
  readonly settings: Settings;
  readonly target: Target;
  /** The IP address of the target's host; undefined for a socket. */
  readonly address: string | undefined;
  /** Undefined: without TLS. */
  readonly tls: ConnectionOptions | undefined;
  readonly password: FoundPassword | undefined;
  readonly signal?: AbortSignal;
  readonly log?: (message: string) => void;
}

/**
 * The stage at which an attempt failed, which decides what is tried next (fe-connect.c, PQconnectPoll):
 * - `network`: no response; the next address may respond.
 * - `noTls`: the server does not offer TLS · `tls`: the handshake failed.
 * - `server`: the server sent an error; it may accept us with, or without, TLS.
 * - `notNow`: the server is not ready; another host may be · `unwanted`: it does not match `targetSessionAttrs`.
 * - `needsPassword`: the server asks for a password, and there is none.
 * - `final`: there is no point in trying anything else.
 */
export type AttemptStage = 'network' | 'noTls' | 'tls' | 'server' | 'notNow' | 'unwanted' | 'needsPassword' | 'final';

export class AttemptError extends Error {
  override readonly name = 'AttemptError';
  readonly stage: AttemptStage;
  readonly error: ConnectError;

  constructor(stage: AttemptStage, error: ConnectError) {
    super(error.message, { cause: error });
    this.stage = stage;
    this.error = error;
  }
}

/** Values exactly as the server writes them: `pg` would round numbers and shift dates. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

/** An open connection. */
export interface Attempt {
  readonly client: Client;
  /** See `Authenticated.passwordUsed`. */
  readonly passwordUsed: boolean;
}

/** Connects, checks `targetSessionAttrs`, and sets the role and the search path. @throws AttemptError */
export async function attempt(options: AttemptOptions): Promise<Attempt> {
  const { settings, target, address, tls, password, signal } = options;
  const attempted: Attempted = { target, address, tls: tls !== undefined, settings, password: password?.origin };
  if (signal?.aborted) throw new AttemptError('final', canceledError());
  const wire = new Wire();
  const stop = (error: Error): void => wire.stop(error);
  const onAbort = (): void => stop(canceledError());
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer =
    settings.connectTimeoutMs === 0
      ? undefined
      : setTimeout(() => stop(timeoutError(attempted, settings.connectTimeoutMs)), settings.connectTimeoutMs);
  let client: Client | undefined;
  try {
    const opened = await open(wire, options);
    ({ client } = opened);
    await checkSessionAttrs(client, settings, attempted);
    await setUp(client, settings);
    return opened;
  } catch (error) {
    if (!client) wire.stop();
    // Ends the session properly, so that the server does not log a lost client; there is no need to wait for it.
    else void client.end().catch(() => undefined);
    throw client ? setupFailure(error, attempted) : connectFailure(error, attempted, wire.progress);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Opens the connection, until ReadyForQuery. */
async function open(wire: Wire, { settings, target, address, tls, password, log }: AttemptOptions): Promise<Attempt> {
  // The address instead of the name, so that each address of a name is tried, as libpq does.
  const host = address ?? target.host;
  const to = target.socket ? { path: `${target.host}/.s.PGSQL.${target.port}` } : { host, port: target.port };
  await wire.connect(to, settings.keepalives ? settings.keepalivesIdleMs : undefined);
  if (tls) {
    const direct = settings.sslnegotiation === 'direct';
    if (!direct && !(await wire.requestTls())) throw new NoTls();
    await wire.encrypt(tls, direct);
  }
  wire.send(
    startupMessage({
      user: settings.user,
      database: settings.database,
      application_name: settings.applicationName,
      ...(settings.options === undefined ? {} : { options: settings.options }),
      ...settings.session,
      // `pg` expects it.
      client_encoding: 'UTF8',
    }),
  );
  const policy: AuthPolicy = {
    secure: tls !== undefined || target.socket,
    tls: tls !== undefined,
    allowCleartextPassword: settings.allowCleartextPassword,
    channelBinding: settings.channelBinding,
    requireAuth: settings.requireAuth,
  };
  const { greeting, passwordUsed } = await authenticate(wire, policy, {
    user: settings.user,
    password: password?.value,
  });
  const config: ClientConfig = {
    host: target.socket ? target.host : host,
    port: target.port,
    user: settings.user,
    database: settings.database,
    types: AS_TEXT,
  };
  const client = await handOver({ ...wire.release(), greeting }, config, (error) =>
    log?.(`${describeEndpoint(endpointOf(target, address))}: ${redact(error.message, [password?.value])}`),
  );
  return { client, passwordUsed };
}

/** The server does not offer TLS. */
class NoTls extends Error {}

function timeoutError({ target, address }: Attempted, timeoutMs: number): ConnectError {
  const params = { ...endpointOf(target, address), seconds: timeoutMs / 1000 };
  return connectError('timeout', { code: 'connect.timeout', params });
}

/** Classifies a failure before the server was ready. */
function connectFailure(error: unknown, attempted: Attempted, progress: Progress): AttemptError {
  const { settings, target, address } = attempted;
  if (error instanceof ConnectError) return new AttemptError(error.reason === 'timeout' ? 'network' : 'final', error);
  if (error instanceof NoPassword) {
    const { user } = settings;
    return new AttemptError(
      'needsPassword',
      connectError('noPassword', { code: 'connect.passwordMissing', params: { user } }),
    );
  }
  if (error instanceof NoTls) {
    const params = { ...endpointOf(target, address), sslmode: settings.sslmode };
    return new AttemptError('noTls', connectError('tls', { code: 'connect.tlsNotOffered', params }));
  }
  if (error instanceof TlsFailure) return new AttemptError('tls', tlsError(error, attempted));
  if (isServerError(error)) {
    const refused = serverError(error, attempted);
    return new AttemptError(refused.reason === 'starting' ? 'notNow' : 'server', refused);
  }
  if (progress === 'handshake') return new AttemptError('tls', tlsError(error, attempted));
  // Once a server has accepted the connection, another address would not help.
  return new AttemptError(progress === 'unconnected' ? 'network' : 'final', networkError(error, attempted));
}

/** Classifies a failure after the server was ready. */
function setupFailure(error: unknown, attempted: Attempted): AttemptError {
  if (error instanceof AttemptError) return error;
  if (error instanceof ConnectError) return new AttemptError(error.reason === 'timeout' ? 'network' : 'final', error);
  return new AttemptError('final', networkError(error, attempted));
}

/** target_session_attrs. @throws AttemptError ('unwanted') */
async function checkSessionAttrs(client: Client, settings: Settings, { target, address }: Attempted): Promise<void> {
  const wanted = settings.targetSessionAttrs;
  if (wanted === 'any') return;
  const { rows } = await client.query<[standby: string, readOnly: string]>({
    text: `SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')`,
    rowMode: 'array',
  });
  const standby = rows[0]?.[0] === 't';
  const readOnly = rows[0]?.[1] === 'on';
  const fits = {
    'read-write': !readOnly,
    'read-only': readOnly,
    primary: !standby,
    standby,
    'prefer-standby': standby,
  }[wanted];
  if (fits) return;
  const kind = wanted.startsWith('read') ? (readOnly ? 'read-only' : 'read-write') : standby ? 'standby' : 'primary';
  const params = { ...endpointOf(target, address), kind, targetSessionAttrs: wanted } as const;
  throw new AttemptError('unwanted', connectError('sessionAttrs', { code: 'connect.wrongServerKind', params }));
}

/** Sets the role and the search path, as values and not as SQL. @throws ConnectError ('setup') */
async function setUp(client: Client, settings: Settings): Promise<void> {
  const values = Object.entries({ role: settings.role, search_path: settings.searchPath });
  const wanted = values.filter((entry): entry is [string, string] => entry[1] !== undefined);
  if (wanted.length === 0) return;
  try {
    await client.query({
      text: `SELECT ${wanted.map((_, i) => `pg_catalog.set_config($${i * 2 + 1}, $${i * 2 + 2}, false)`).join(', ')}`,
      values: wanted.flat(),
    });
  } catch (error) {
    if (!isServerError(error)) throw error;
    throw setupError(error, settings);
  }
}

/** One attempt to connect: to one address, with or without TLS. */
import type { ConnectionOptions } from 'node:tls';
import type { Client, ClientConfig } from 'pg';
import type { AuthPolicy } from './authMethods';
import { authenticate, NoPassword, startupMessage } from './authenticate';
import type { Settings, Target } from '../conninfo/defaults';
import { isServerError } from '../../errors';
import { ConnectError } from '../errors';
import { explainNetwork, explainServer, explainSetup, explainTls, placeOf, type Attempted } from './connectErrors';
import { handOver } from './handover';
import type { FoundPassword } from './passwords';
import { redact } from '../conninfo/redact';
import { TlsFailure, Wire, type Progress } from './wire';

export interface AttemptOptions {
  readonly settings: Settings;
  readonly target: Target;
  /** The IP address that the target's host was found at; undefined for a socket. */
  readonly address: string | undefined;
  /** Undefined: without TLS. */
  readonly tls: ConnectionOptions | undefined;
  readonly password: FoundPassword | undefined;
  readonly signal?: AbortSignal;
  readonly log?: (message: string) => void;
}

/**
 * How far an attempt came, which decides what is tried next (fe-connect.c, PQconnectPoll):
 * - `network`: nothing answered there; the next address may.
 * - `noTls`: the server does not offer TLS · `tls`: the handshake failed.
 * - `server`: the server answered with an error; it may let us in with, or without, TLS.
 * - `notNow`: that server takes nobody just now; another host may · `unwanted`: it is not of the wanted kind.
 * - `needsPassword`: it asks for a password, and there is none.
 * - `final`: nothing else is worth trying.
 */
export type AttemptStage = 'network' | 'noTls' | 'tls' | 'server' | 'notNow' | 'unwanted' | 'needsPassword' | 'final';

export class AttemptError extends Error {
  override readonly name = 'AttemptError';
  constructor(
    readonly stage: AttemptStage,
    readonly told: ConnectError,
  ) {
    super(told.message, { cause: told });
  }
}

/** The values exactly as the server writes them: `pg` would round numbers and shift dates. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

/** An open connection. */
export interface Attempt {
  readonly client: Client;
  /** See `Authenticated.passwordUsed`. */
  readonly passwordUsed: boolean;
}

/** Connects, checks what was asked of the server, and sets the role and the search path. @throws AttemptError */
export async function attempt(options: AttemptOptions): Promise<Attempt> {
  const { settings, target, address, tls, password, signal } = options;
  const attempted: Attempted = { target, address, tls: tls !== undefined, settings, passwordSource: password?.source };
  if (signal?.aborted) throw new AttemptError('final', aborted());
  const wire = new Wire();
  const stop = (error: Error): void => wire.stop(error);
  const onAbort = (): void => stop(aborted());
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer =
    settings.connectTimeoutMs === 0
      ? undefined
      : setTimeout(() => stop(lateAnswer(attempted, settings.connectTimeoutMs)), settings.connectTimeoutMs);
  let client: Client | undefined;
  try {
    const opened = await open(wire, options);
    ({ client } = opened);
    await checkKind(client, settings, attempted);
    await setUp(client, settings);
    return opened;
  } catch (error) {
    if (!client) wire.stop();
    // A goodbye, so that the server does not log a lost client; nobody needs to wait for it.
    else void client.end().catch(() => undefined);
    throw client ? laterFailure(error, attempted) : failure(error, attempted, wire.progress);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** The connection, as far as ReadyForQuery. */
async function open(wire: Wire, { settings, target, address, tls, password, log }: AttemptOptions): Promise<Attempt> {
  // The address in place of the name, so that each address of a name is tried, as libpq does.
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
      // What `pg` expects.
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
    log?.(`${placeOf(target, address)}: ${redact(error.message, [password?.value])}`),
  );
  return { client, passwordUsed };
}

/** The server does not offer TLS. */
class NoTls extends Error {}

function aborted(): ConnectError {
  return new ConnectError('aborted', 'Connecting was canceled.');
}

function lateAnswer({ target, address }: Attempted, timeoutMs: number): ConnectError {
  return new ConnectError(
    'timeout',
    `${placeOf(target, address)} did not answer within ${timeoutMs / 1000} s: check the host, the port and the firewalls between, or raise "connectTimeoutSeconds".`,
  );
}

/** Sorts out a failure before the server said that it is ready. */
function failure(error: unknown, attempted: Attempted, progress: Progress): AttemptError {
  if (error instanceof ConnectError) return new AttemptError(error.reason === 'timeout' ? 'network' : 'final', error);
  if (error instanceof NoPassword) {
    const text = `The server asks for the password of the user "${attempted.settings.user}", and there is none: enter it.`;
    return new AttemptError('needsPassword', new ConnectError('noPassword', text));
  }
  if (error instanceof NoTls) {
    const text = `${placeOf(attempted.target, attempted.address)} does not offer TLS, which "sslmode": "${attempted.settings.sslmode}" needs: have the server set up for it, or choose another sslmode.`;
    return new AttemptError('noTls', new ConnectError('tls', text));
  }
  if (error instanceof TlsFailure) return new AttemptError('tls', explainTls(error, attempted));
  if (isServerError(error)) {
    const told = explainServer(error, attempted);
    return new AttemptError(told.reason === 'starting' ? 'notNow' : 'server', told);
  }
  if (progress === 'handshake') return new AttemptError('tls', explainTls(error, attempted));
  // Once a server has taken the connection, what goes wrong is not for another address to mend.
  return new AttemptError(progress === 'unconnected' ? 'network' : 'final', explainNetwork(error, attempted));
}

/** Sorts out a failure of what comes after connecting. */
function laterFailure(error: unknown, attempted: Attempted): AttemptError {
  if (error instanceof AttemptError) return error;
  if (error instanceof ConnectError) return new AttemptError(error.reason === 'timeout' ? 'network' : 'final', error);
  return new AttemptError('final', explainNetwork(error, attempted));
}

/** target_session_attrs. @throws AttemptError ('unwanted') */
async function checkKind(client: Client, settings: Settings, { target, address }: Attempted): Promise<void> {
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
  const is = wanted.startsWith('read') ? (readOnly ? 'read-only' : 'read-write') : standby ? 'a standby' : 'a primary';
  const text = `${placeOf(target, address)} is ${is}, but "targetSessionAttrs" asks for "${wanted}".`;
  throw new AttemptError('unwanted', new ConnectError('sessionAttrs', text));
}

/** The role and the search path, as values and not as SQL. @throws ConnectError ('setup') */
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
    throw explainSetup(error, settings);
  }
}

/** One attempt to connect: to one address, with or without TLS. */
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Client, type ClientConfig } from 'pg';
import { AuthGuard } from './auth';
import type { Settings, Target } from './defaults';
import { ConnectError } from './errors';
import { codeOf, explainNetwork, explainServer, explainSetup, explainTls, placeOf, type Attempted } from './explain';
import type { FoundPassword } from './passwords';
import { redact } from './redact';

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

/** More than any server is set to; without a bound a hostile one could keep this process busy. */
const MOST_SCRAM_ITERATIONS = 5_000_000;

/** The values exactly as the server writes them: `pg` would round numbers and shift dates. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

/** Says all of the startup packet itself, where `pg` would look into the environment of this process. */
class StartupClient extends Client {
  constructor(
    config: ClientConfig,
    private readonly startup: Readonly<Record<string, string>>,
  ) {
    super(config);
  }

  /** Called by `pg`, which adds client_encoding = UTF8. */
  getStartupConf(): Readonly<Record<string, string>> {
    return this.startup;
  }
}

/** Connects, checks what was asked of the server, and sets the role and the search path. @throws AttemptError */
export async function attempt(options: AttemptOptions): Promise<Client> {
  const { settings, target, address, tls, password, signal } = options;
  const attempted: Attempted = { target, address, tls: tls !== undefined, settings, passwordSource: password?.source };
  if (signal?.aborted) throw new AttemptError('final', aborted());
  const client = makeClient(options);
  const connection = client.connection;
  const guard = new AuthGuard(connection, {
    secure: tls !== undefined || target.socket,
    tls: tls !== undefined,
    allowCleartextPassword: settings.allowCleartextPassword,
    channelBinding: settings.channelBinding,
    requireAuth: settings.requireAuth,
  });
  const progress = followTransport(client);
  surviveNonsense(client);
  client.on('error', (error) =>
    options.log?.(`${placeOf(target, address)}: ${redact(error.message, [password?.value])}`),
  );
  const stop = (error: Error): unknown => connection.stream.destroy(error);
  const onAbort = (): unknown => stop(aborted());
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer =
    settings.connectTimeoutMs === 0
      ? undefined
      : setTimeout(() => stop(lateAnswer(attempted, settings.connectTimeoutMs)), settings.connectTimeoutMs);
  setPassword(client, () => {
    guard.checkRequest();
    if (!password) throw new NoPassword();
    return password.value;
  });
  let connected = false;
  try {
    await client.connect();
    guard.checkOutcome();
    connected = true;
    await checkKind(client, settings, attempted);
    await setUp(client, settings);
    return client;
  } catch (error) {
    if (!connected) connection.stream.destroy();
    // A goodbye, so that the server does not log a lost client; nobody needs to wait for it.
    else void client.end().catch(() => undefined);
    throw connected ? laterFailure(error, attempted) : failure(error, attempted, progress());
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    // It is needed once; nothing should find it in the client later.
    setPassword(client, () => Promise.reject(new Error('The password was forgotten after connecting.')));
  }
}

class NoPassword extends Error {}

function aborted(): ConnectError {
  return new ConnectError('aborted', 'Connecting was canceled.');
}

function lateAnswer({ target, address }: Attempted, timeoutMs: number): ConnectError {
  return new ConnectError(
    'timeout',
    `${placeOf(target, address)} did not answer within ${timeoutMs / 1000} s: check the host, the port and the firewalls between, or raise "connectTimeoutSeconds".`,
  );
}

function makeClient({ settings, target, address, tls }: AttemptOptions): Client {
  const config: ClientConfig & { scramMaxIterations: number } = {
    // The address in place of the name, so that each address of a name is tried, as libpq does.
    host: target.socket ? target.host : (address ?? target.host),
    port: target.port,
    user: settings.user,
    database: settings.database,
    // Each of these is given so that `pg` does not look for it in the environment.
    application_name: settings.applicationName,
    sslnegotiation: tls === undefined ? 'postgres' : settings.sslnegotiation,
    ssl: tls ?? false,
    enableChannelBinding: tls !== undefined && settings.channelBinding !== 'disable',
    scramMaxIterations: MOST_SCRAM_ITERATIONS,
    keepAlive: settings.keepalives,
    keepAliveInitialDelayMillis: settings.keepalivesIdleMs,
    types: AS_TEXT,
  };
  const client = new StartupClient(config, {
    user: settings.user,
    database: settings.database,
    application_name: settings.applicationName,
    ...(settings.options === undefined ? {} : { options: settings.options }),
    ...settings.session,
  });
  return client;
}

/** `pg` asks this function when the server wants a password; its type knows only texts. */
function setPassword(client: Client, password: () => string | Promise<string>): void {
  (client as { password: unknown }).password = password;
  const parameters = (client as unknown as { connectionParameters: { password: unknown } }).connectionParameters;
  parameters.password = undefined;
}

/** `connected`: the socket is; where TLS was asked for, the server has not agreed yet. */
type Progress = 'unconnected' | 'connected' | 'handshake' | 'encrypted';

/** Tells how far the transport has come. */
function followTransport(client: Client): () => Progress {
  let progress: Progress = 'unconnected';
  client.connection.on('connect', () => (progress = 'connected'));
  client.connection.on('sslconnect', () => {
    progress = 'handshake';
    client.connection.stream.once('secureConnect', () => (progress = 'encrypted'));
  });
  return () => progress;
}

/** A message that `pg` cannot read makes its parser throw inside a socket's event, where nobody catches it. */
function surviveNonsense(client: Client): void {
  const connection = client.connection as unknown as { attachListeners(stream: Socket): void };
  const attach = connection.attachListeners.bind(connection);
  connection.attachListeners = (stream) => {
    const before = stream.listeners('data');
    attach(stream);
    for (const listener of stream.listeners('data')) {
      if (before.includes(listener)) continue;
      const read = listener as (chunk: Buffer) => void;
      stream.off('data', read);
      stream.on('data', (chunk: Buffer) => {
        try {
          read(chunk);
        } catch (error) {
          stream.destroy(error instanceof Error ? error : new Error(String(error)));
        }
      });
    }
  };
}

/** Sorts out a failure before the server said that it is ready. */
function failure(error: unknown, attempted: Attempted, progress: Progress): AttemptError {
  if (error instanceof ConnectError) return new AttemptError(error.reason === 'timeout' ? 'network' : 'final', error);
  if (error instanceof NoPassword) {
    const text = `The server asks for the password of the user "${attempted.settings.user}", and there is none: enter it.`;
    return new AttemptError('needsPassword', new ConnectError('noPassword', text));
  }
  const message = error instanceof Error ? error.message : String(error);
  if (attempted.tls && progress === 'connected') {
    // The words of pg's connection.js; by then it has closed the socket.
    if (message.includes('does not support SSL')) {
      const text = `${placeOf(attempted.target, attempted.address)} does not offer TLS, which "sslmode": "${attempted.settings.sslmode}" needs: have the server set up for it, or choose another sslmode.`;
      return new AttemptError('noTls', new ConnectError('tls', text, { cause: error }));
    }
    if (message.includes('establishing an SSL connection'))
      return new AttemptError('tls', explainTls(error, attempted));
  }
  if (isServersError(error)) {
    const told = explainServer(error, attempted);
    return new AttemptError(told.reason === 'starting' ? 'notNow' : 'server', told);
  }
  if (progress === 'handshake') return new AttemptError('tls', explainTls(error, attempted));
  if (/^SASL/.test(message)) return new AttemptError('final', explainSasl(error));
  const unknownRequest = /Unknown authenticationOk message type (\d+)/.exec(message);
  if (unknownRequest) return new AttemptError('final', explainRequest(Number(unknownRequest[1]), error));
  // Once a server has taken the connection, what goes wrong is not for another address to mend.
  return new AttemptError(progress === 'unconnected' ? 'network' : 'final', explainNetwork(error, attempted));
}

/** True for an ErrorResponse; errors of the system have codes of their own. */
function isServersError(error: unknown): boolean {
  return /^[0-9A-Z]{5}$/.test(codeOf(error)) && error instanceof Error && 'severity' in error;
}

function explainSasl(error: unknown): ConnectError {
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes('channel binding')) {
    return new ConnectError(
      'unsafe',
      'The server\'s certificate is of a kind to which the password cannot be bound: set "channelBinding" to "disable".',
      { cause: error },
    );
  }
  return new ConnectError(
    'authentication',
    `The server and this client could not prove the password to each other (${message}).`,
    {
      cause: error,
    },
  );
}

/** Authentication requests that `pg` does not know (PostgreSQL, "Message Formats", Authentication…). */
function explainRequest(code: number, error: unknown): ConnectError {
  const method = { 2: 'Kerberos', 7: 'GSSAPI', 9: 'SSPI' }[code] ?? `a method unknown here (${code})`;
  return new ConnectError(
    'authentication',
    `The server asks for ${method} to find out who you are, which is not available here: ask its administrator for scram-sha-256, or for a certificate.`,
    { cause: error },
  );
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
    if (!isServersError(error)) throw error;
    throw explainSetup(error, settings);
  }
}

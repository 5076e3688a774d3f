import type { Client } from 'pg';
import { Listeners, messageOf } from '../jobs/listeners';
import {
  SessionLostError,
  UnreachableError,
  type ActivitySnapshot,
  type Clock,
  type Disposable,
  type Logger,
  type ServerLink,
  type WorkerSession,
} from '../jobs/ports';
import { ActivityPoller, queryActivity, timeText } from './activity';
import { CATALOG_QUERY, dialectOf, type Dialect } from './catalog';
import { destroySocket, endClient, isCut } from './closing';
import { ConnectError, type ConnectReason } from './connect/errors';
import { ConnectionGoneError, isServerError, isTransient, mayEndSession, mayNotSignal } from './errors';
import { PgSession, type SessionContext } from './session';
import { afterSilence } from './silence';
import { Turns } from './turns';
import { TypeCache } from './types';

/** How long after a launch a session is opened for the next one. Milliseconds. */
const WARM_MS = 200;
/** An idle session is closed after this long. Milliseconds. */
const IDLE_MS = 5 * 60_000;
/** A question to the control connection, or to a session, that takes longer means that the connection is dead. Milliseconds. */
const CONTROL_MS = 15_000;
const SESSION_MS = 30_000;

export type LinkState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly serverVersion: string; readonly extensionVersion: string | undefined }
  /** `retryAt`: when it is tried again by itself, milliseconds since 1970. `reason`: where connecting itself failed. */
  | {
      readonly kind: 'error';
      readonly message: string;
      readonly reason?: ConnectReason;
      readonly retryAt?: number;
    };

export interface LinkOptions {
  readonly name: string;
  readonly database: string;
  /** Opens a new client; rejects with a message for the user. */
  connect(): Promise<Client>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Sessions kept open for the next launch. */
  readonly warmSessions: number;
  /** How long the control connection, and a session, may be silent; for tests that do not want to wait so long. Milliseconds. */
  readonly silence?: { readonly controlMs: number; readonly sessionMs: number };
}

/** A pooling proxy in transaction mode stands between us and the server. */
export class PoolerError extends Error {
  override readonly name = 'PoolerError';
  constructor() {
    super(
      'A pooling proxy in transaction mode (such as PgBouncer) stands between VS Code and the server. pg_background keeps workers by session, so nothing can be launched through it: connect to PostgreSQL directly, or use the proxy in session mode.',
    );
  }
}

/**
 * An error of a question: if the connection has ended, that is what happened. `pg` answers in words of its own then; what the server
 * said as it ended it says more.
 */
function gone(error: unknown, client: Client, lastWord: Error | undefined): unknown {
  if (isServerError(error) || error instanceof SessionLostError || (!lastWord && !isCut(client))) return error;
  return new ConnectionGoneError(messageOf(lastWord ?? error), { cause: error });
}

function reasonOf(error: unknown): { readonly reason?: ConnectReason } {
  return error instanceof ConnectError ? { reason: error.reason } : {};
}

/** The connection that asks and signals; its statements go one at a time. */
interface Control {
  readonly client: Client;
  readonly turns: Turns;
  /** What the server, or the network, said as it ended this connection. */
  lastWord: Error | undefined;
}

/** One server reached by one connection: the control client, the activity poller and the pool of warm sessions. */
export class PgLink implements ServerLink {
  readonly #sessions = new Set<PgSession>();
  readonly #idle: { session: PgSession; timer: Disposable }[] = [];
  readonly #stateListeners: Listeners<undefined>;
  readonly #types = new TypeCache();
  readonly #poller: ActivityPoller;
  /** Connections that are being opened. */
  readonly #opening = new Set<Promise<unknown>>();
  #control: Promise<Control> | undefined;
  #controlClient: Client | undefined;
  #dialect: Promise<Dialect> | undefined;
  #warming = 0;
  #soon: Disposable | undefined;
  /** The server answered once, so that it is away, and not wrong, when it does not. */
  #reached = false;
  #serverVersion = '';
  #extensionVersion: string | undefined;
  #disposed = false;
  #state: LinkState = { kind: 'idle' };

  constructor(private readonly options: LinkOptions) {
    this.#stateListeners = new Listeners(options.log);
    this.#poller = new ActivityPoller(
      () => this.#askActivity(),
      options.clock,
      (error, pause) => {
        const message = messageOf(error);
        options.log.warn(`${options.name}: the server did not answer (${message}); trying again in ${pause} ms.`);
        this.#setState({ kind: 'error', message, ...reasonOf(error), retryAt: options.clock.now() + pause });
      },
      options.log,
    );
  }

  get state(): LinkState {
    return this.#state;
  }

  onDidChangeState(listener: () => void): Disposable {
    return this.#stateListeners.add(listener);
  }

  get snapshot(): ActivitySnapshot | undefined {
    return this.#poller.snapshot;
  }

  onSnapshot(listener: (snapshot: ActivitySnapshot) => void): Disposable {
    return this.#poller.onSnapshot(listener);
  }

  watch(pace: 'fast' | 'steady'): Disposable {
    return this.#poller.watch(pace);
  }

  refresh(): Promise<ActivitySnapshot> {
    return this.#poller.refresh();
  }

  /** Opens the control connection and finds pg_background; rejects with a message that says what to do. */
  async connect(): Promise<Dialect> {
    await this.#open();
    const dialect = (this.#dialect ??= this.#findDialect());
    try {
      return await dialect;
    } catch (error) {
      if (this.#dialect === dialect) this.#dialect = undefined;
      throw error;
    }
  }

  /** @throws UnreachableError where the server answered before and is away now, or this link was closed: try again later */
  async acquire(): Promise<WorkerSession> {
    try {
      const dialect = await this.connect();
      const session = this.#takeIdle() ?? (await this.#newSession(dialect));
      this.#warmSoon();
      return session;
    } catch (error) {
      const away = this.#disposed || (this.#reached && (error instanceof SessionLostError || isTransient(error)));
      if (!away) throw error;
      throw new UnreachableError(messageOf(error), { cause: error });
    }
  }

  async terminate(pid: number, backendStart: string): Promise<boolean> {
    try {
      const { rows } = await this.#ask((client) =>
        client.query<[string]>({
          text: `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
                  WHERE pid = $1 AND ${timeText('backend_start')} = $2`,
          values: [pid, backendStart],
          rowMode: 'array',
        }),
      );
      return rows[0]?.[0] === 't';
    } catch (error) {
      throw mayNotSignal(error) ?? error;
    }
  }

  /** Closes everything; workers run on. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#poller.dispose();
    this.#soon?.dispose();
    this.#stateListeners.clear();
    for (const { timer } of this.#idle.splice(0)) timer.dispose();
    // The control connection last: a session that reads is interrupted through it.
    await Promise.allSettled([...this.#sessions].map((session) => session.end()));
    const control = this.#control?.then(({ client }) => endClient(client));
    await Promise.allSettled([control, ...this.#opening]);
  }

  #setState(state: LinkState): void {
    if (this.#disposed) return;
    this.#state = state;
    this.#stateListeners.emit(undefined);
  }

  #setConnected(): void {
    const { kind } = this.#state;
    const [serverVersion, extensionVersion] = [this.#serverVersion, this.#extensionVersion];
    if (kind === 'connected' && this.#state.extensionVersion === extensionVersion) return;
    this.#setState({ kind: 'connected', serverVersion, extensionVersion });
  }

  /** The control connection; concurrent callers share one attempt. */
  #open(): Promise<Control> {
    if (this.#disposed && !this.#control) return Promise.reject(this.#closedError());
    this.#control ??= this.#track(this.#openControl()).catch((error: unknown) => {
      this.#control = undefined;
      this.#setState({ kind: 'error', message: messageOf(error), ...reasonOf(error) });
      throw error;
    });
    return this.#control;
  }

  async #openControl(): Promise<Control> {
    if (this.#state.kind !== 'error') this.#setState({ kind: 'connecting' });
    const client = await this.options.connect();
    const control: Control = { client, turns: new Turns(), lastWord: undefined };
    client.on('error', (error) => (control.lastWord ??= error));
    const gone = (): void => {
      if (this.#controlClient !== client) return;
      this.#controlClient = undefined;
      this.#control = undefined;
      this.#dialect = undefined;
      // What cut this connection off has most likely cut off those too that nobody uses, and so nobody has noticed.
      this.#dropIdle();
      if (this.#state.kind === 'connected') this.#setState({ kind: 'idle' });
    };
    client.on('end', gone);
    client.on('error', gone);
    try {
      const { rows } = await this.#bounded(control, () =>
        client.query<[string, string]>({
          // The control connection is ours alone: a limit of the role must not end its questions. And workers belong to who has
          // logged in, whatever role they run as: only that one sees them all, and may signal them.
          text: `SELECT pg_catalog.set_config('statement_timeout', '0', false), pg_catalog.current_setting('server_version'),
                        pg_catalog.set_config('role', 'none', false)`,
          rowMode: 'array',
        }),
      );
      this.#serverVersion = rows[0]?.[1] ?? '';
    } catch (error) {
      await endClient(client);
      throw error;
    }
    if (this.#disposed) {
      await endClient(client);
      throw this.#closedError();
    }
    this.#controlClient = client;
    this.#reached = true;
    this.#setConnected();
    return control;
  }

  async #findDialect(): Promise<Dialect> {
    const { rows } = await this.#ask((client) =>
      client.query<(string | null)[]>({ text: CATALOG_QUERY, rowMode: 'array' }),
    );
    const dialect = dialectOf(rows[0], this.options.database);
    this.#extensionVersion = dialect.version;
    this.#setConnected();
    return dialect;
  }

  #takeIdle(): PgSession | undefined {
    for (;;) {
      const entry = this.#idle.pop();
      entry?.timer.dispose();
      if (!entry?.session.closed) return entry?.session;
    }
  }

  #dropIdle(): void {
    for (const { session, timer } of this.#idle.splice(0)) {
      timer.dispose();
      session.destroy();
    }
  }

  #newSession(dialect: Dialect): Promise<PgSession> {
    if (this.#disposed) return Promise.reject(this.#closedError());
    return this.#track(this.#openSession(dialect));
  }

  async #openSession(dialect: Dialect): Promise<PgSession> {
    const context: SessionContext = {
      dialect,
      types: this.#types,
      silenceMs: this.options.silence?.sessionMs ?? SESSION_MS,
      interrupt: async (backendPid) => {
        await this.#ask((client) => client.query('SELECT pg_catalog.pg_cancel_backend($1)', [backendPid]));
      },
      onStale: () => {
        this.#dialect = undefined;
        this.#dropIdle();
      },
      onRelease: (session) => this.#takeBack(session),
      onClosed: (session) => this.#sessions.delete(session),
    };
    const client = await this.options.connect();
    try {
      const session = await PgSession.start(client, context);
      if (this.#disposed) throw this.#closedError();
      // A server that gives another pid than its own key data is a proxy; only in transaction mode is that a problem.
      const { processID } = client as unknown as { processID: number | null };
      if (processID !== session.backendPid && (await this.#sharesBackends(client))) throw new PoolerError();
      this.#sessions.add(session);
      return session;
    } catch (error) {
      const cause = gone(error, client, undefined);
      await endClient(client);
      throw cause;
    }
  }

  /** Two idle clients that meet in one server process: the proxy gives connections by transaction. */
  async #sharesBackends(client: Client): Promise<boolean> {
    const query = { text: 'SELECT pg_catalog.pg_backend_pid()', rowMode: 'array' as const };
    const control = await this.#ask((one) => one.query<[string]>(query));
    const session = await client.query<[string]>(query);
    return control.rows[0]?.[0] === session.rows[0]?.[0];
  }

  #takeBack(session: PgSession): void {
    if (session.closed) return;
    if (this.#disposed || this.#idle.length >= Math.max(1, this.options.warmSessions)) {
      void this.#track(session.end());
      return;
    }
    const timer = this.options.clock.after(IDLE_MS, () => {
      const index = this.#idle.findIndex((entry) => entry.session === session);
      if (index >= 0) this.#idle.splice(index, 1);
      void this.#track(session.end());
    });
    this.#idle.push({ session, timer });
  }

  /** Opens a session ahead of the next launch, but not while this one is under way: that would slow it down. */
  #warmSoon(): void {
    this.#soon ??= this.options.clock.after(WARM_MS, () => {
      this.#soon = undefined;
      // The server may be gone meanwhile; whoever launches next finds out.
      this.#dialect?.then((dialect) => this.#warm(dialect)).catch(() => undefined);
    });
  }

  #warm(dialect: Dialect): void {
    if (this.#disposed) return;
    for (let missing = this.#missing(); missing > 0; missing--) this.#openAhead(dialect);
  }

  #missing(): number {
    return this.options.warmSessions - this.#idle.length - this.#warming;
  }

  /** A failure shows itself at the next launch. */
  #openAhead(dialect: Dialect): void {
    this.#warming++;
    this.#newSession(dialect)
      .then(
        (session) => this.#takeBack(session),
        (error: unknown) => this.options.log.debug(`${this.options.name}: no session ahead: ${messageOf(error)}`),
      )
      .finally(() => this.#warming--)
      .catch(() => undefined);
  }

  async #askActivity(): Promise<ActivitySnapshot> {
    const snapshot = await this.#ask((client) => queryActivity(client, () => this.options.clock.monotonic()));
    this.#setConnected();
    return snapshot;
  }

  async #ask<T>(question: (client: Client) => Promise<T>): Promise<T> {
    const control = await this.#open();
    return this.#bounded(control, () => question(control.client));
  }

  /** A dead network gives no answer at all: the socket is closed, and with it the question fails. */
  #bounded<T>(control: Control, work: () => Promise<T>): Promise<T> {
    const { client, turns } = control;
    return turns.run(async () => {
      const ms = this.options.silence?.controlMs ?? CONTROL_MS;
      const silence = afterSilence(ms, () => destroySocket(client, new Error(`no answer within ${ms / 1000} s`)));
      try {
        return await work();
      } catch (error) {
        // The server's last word may come as the answer to a question; later questions are answered by `pg` alone.
        if (error instanceof Error && mayEndSession(error)) control.lastWord ??= error;
        throw gone(error, client, control.lastWord);
      } finally {
        silence.dispose();
      }
    });
  }

  /** Notes that it is under way, so that dispose() can wait for it. */
  #track<T>(work: Promise<T>): Promise<T> {
    this.#opening.add(work);
    const done = (): void => {
      this.#opening.delete(work);
    };
    work.then(done, done);
    return work;
  }

  #closedError(): Error {
    return new Error(`The connection "${this.options.name}" is closed.`);
  }
}

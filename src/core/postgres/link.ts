import type { Client } from 'pg';
import type { ActivitySnapshot, Clock, Disposable, Logger, ServerLink, WorkerSession } from '../jobs/ports';
import { ActivityPoller, queryActivity, timeText } from './activity';
import { CATALOG_QUERY, dialectOf, type Dialect } from './catalog';
import { PgSession, type SessionContext } from './session';
import { Turns } from './turns';
import { TypeCache } from './types';

/** An idle session is closed after this long. Milliseconds. */
const IDLE_MS = 5 * 60_000;
/** A question to the server's control connection that takes longer means that the connection is dead. Milliseconds. */
const CONTROL_MS = 15_000;

export type LinkState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly serverVersion: string; readonly extensionVersion: string | undefined }
  /** `retryAt`: when it is tried again by itself, milliseconds since 1970. */
  | { readonly kind: 'error'; readonly message: string; readonly retryAt?: number };

export interface LinkOptions {
  readonly name: string;
  readonly database: string;
  /** Opens a new client; rejects with a message for the user. */
  connect(): Promise<Client>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Sessions kept open for the next launch. */
  readonly warmSessions: number;
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

/** One server reached by one connection: the control client, the activity poller and the pool of warm sessions. */
export class PgLink implements ServerLink {
  readonly #sessions = new Set<PgSession>();
  readonly #idle: { session: PgSession; timer: Disposable }[] = [];
  readonly #stateListeners = new Set<() => void>();
  readonly #types = new TypeCache();
  readonly #turns = new WeakMap<Client, Turns>();
  readonly #poller: ActivityPoller;
  #control: Promise<Client> | undefined;
  #controlClient: Client | undefined;
  #dialect: Promise<Dialect> | undefined;
  #warming = 0;
  #disposed = false;
  #state: LinkState = { kind: 'idle' };

  constructor(private readonly options: LinkOptions) {
    this.#poller = new ActivityPoller(
      () => this.#askActivity(),
      options.clock,
      (error, pause) => {
        const message = error instanceof Error ? error.message : String(error);
        options.log.warn(`${options.name}: the server did not answer (${message}); trying again in ${pause} ms.`);
        this.#setState({ kind: 'error', message, retryAt: options.clock.now() + pause });
      },
    );
  }

  get state(): LinkState {
    return this.#state;
  }

  onDidChangeState(listener: () => void): Disposable {
    this.#stateListeners.add(listener);
    return { dispose: () => this.#stateListeners.delete(listener) };
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
    this.#dialect ??= this.#findDialect();
    try {
      return await this.#dialect;
    } catch (error) {
      this.#dialect = undefined;
      throw error;
    }
  }

  async acquire(): Promise<WorkerSession> {
    const dialect = await this.connect();
    let session: PgSession | undefined;
    while (!session && this.#idle.length > 0) {
      const entry = this.#idle.pop();
      entry?.timer.dispose();
      if (entry && !entry.session.closed) session = entry.session;
    }
    session ??= await this.#newSession(dialect);
    this.#warm(dialect);
    return session;
  }

  async terminate(pid: number, backendStart: string): Promise<boolean> {
    const control = await this.#open();
    const { rows } = await this.#bounded(control, () =>
      control.query<[string]>({
        text: `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
                WHERE pid = $1 AND ${timeText('backend_start')} = $2`,
        values: [pid, backendStart],
        rowMode: 'array',
      }),
    );
    return rows[0]?.[0] === 't';
  }

  /** Closes everything; workers run on. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#poller.dispose();
    this.#stateListeners.clear();
    for (const { timer } of this.#idle.splice(0)) timer.dispose();
    const control = this.#control;
    const ended = [...this.#sessions].map((session) =>
      session.reading ? Promise.resolve(session.destroy()) : session.end(),
    );
    await Promise.allSettled([...ended, control?.then((client) => client.end())]);
  }

  #setState(state: LinkState): void {
    if (this.#disposed) return;
    this.#state = state;
    for (const listener of [...this.#stateListeners]) listener();
  }

  /** The control client; concurrent callers share one attempt. */
  #open(): Promise<Client> {
    if (this.#disposed) return Promise.reject(new Error(`The connection "${this.options.name}" is closed.`));
    this.#control ??= this.#openControl().catch((error: unknown) => {
      this.#control = undefined;
      this.#setState({ kind: 'error', message: error instanceof Error ? error.message : String(error) });
      throw error;
    });
    return this.#control;
  }

  async #openControl(): Promise<Client> {
    if (this.#state.kind !== 'error') this.#setState({ kind: 'connecting' });
    const client = await this.options.connect();
    const gone = (): void => {
      if (this.#controlClient !== client) return;
      this.#controlClient = undefined;
      this.#control = undefined;
      this.#dialect = undefined;
      if (this.#state.kind === 'connected') this.#setState({ kind: 'idle' });
    };
    client.on('end', gone);
    client.on('error', gone);
    this.#controlClient = client;
    const { rows } = await client.query<[string]>({
      // The control connection is ours alone: a limit of the role must not end its questions.
      text: `SELECT pg_catalog.set_config('statement_timeout', '0', false), pg_catalog.current_setting('server_version')`,
      rowMode: 'array',
    });
    this.#setState({
      kind: 'connected',
      serverVersion: (rows[0] as string[] | undefined)?.[1] ?? '',
      extensionVersion: undefined,
    });
    return client;
  }

  async #findDialect(): Promise<Dialect> {
    const control = await this.#open();
    const { rows } = await this.#bounded(control, () =>
      control.query<(string | null)[]>({ text: CATALOG_QUERY, rowMode: 'array' }),
    );
    const dialect = dialectOf(rows[0], this.options.database);
    if (this.#state.kind === 'connected') this.#setState({ ...this.#state, extensionVersion: dialect.version });
    return dialect;
  }

  async #newSession(dialect: Dialect): Promise<PgSession> {
    const context: SessionContext = {
      dialect,
      types: this.#types,
      interrupt: async (backendPid) => {
        const control = await this.#open();
        await this.#bounded(control, () => control.query('SELECT pg_catalog.pg_cancel_backend($1)', [backendPid]));
      },
      onRelease: (session) => this.#takeBack(session),
      onClosed: (session) => this.#sessions.delete(session),
    };
    const client = await this.options.connect();
    const session = await PgSession.start(client, context);
    this.#sessions.add(session);
    if (this.#disposed) {
      await session.end();
      throw new Error(`The connection "${this.options.name}" is closed.`);
    }
    // A server that gives another pid than its own key data is a proxy; only in transaction mode is that a problem.
    if (
      (client as unknown as { processID: number }).processID !== session.backendPid &&
      (await this.#sharesBackends(client))
    ) {
      await session.end();
      throw new PoolerError();
    }
    return session;
  }

  /** Two idle clients that meet in one server process: the proxy gives connections by transaction. */
  async #sharesBackends(client: Client): Promise<boolean> {
    const control = await this.#open();
    const pids = [];
    for (const side of [control, client]) {
      const { rows } = await this.#bounded(side, () =>
        side.query<[string]>({ text: 'SELECT pg_catalog.pg_backend_pid()', rowMode: 'array' }),
      );
      pids.push(rows[0]?.[0]);
    }
    return pids[0] === pids[1];
  }

  #takeBack(session: PgSession): void {
    if (this.#disposed || this.#idle.length >= Math.max(1, this.options.warmSessions)) {
      void session.end().catch(() => undefined);
      return;
    }
    this.#keepIdle(session);
  }

  #keepIdle(session: PgSession): void {
    const timer = this.options.clock.after(IDLE_MS, () => {
      const index = this.#idle.findIndex((entry) => entry.session === session);
      if (index >= 0) this.#idle.splice(index, 1);
      void session.end().catch(() => undefined);
    });
    this.#idle.push({ session, timer });
  }

  /** Opens sessions ahead of the next launch; a failure shows itself there. */
  #warm(dialect: Dialect): void {
    if (this.#idle.length + this.#warming >= this.options.warmSessions || this.#disposed) return;
    this.#warming++;
    this.#newSession(dialect)
      .then(
        (session) => this.#takeBack(session),
        (error: unknown) => this.options.log.debug(`${this.options.name}: no session ahead: ${String(error)}`),
      )
      .finally(() => this.#warming--)
      .catch(() => undefined);
  }

  async #askActivity(): Promise<ActivitySnapshot> {
    const control = await this.#open();
    const snapshot = await this.#bounded(control, () => queryActivity(control, () => this.options.clock.now()));
    if (this.#state.kind !== 'connected') {
      this.#setState({ kind: 'connected', serverVersion: '', extensionVersion: undefined });
    }
    return snapshot;
  }

  /** A dead network gives no answer at all: the socket is closed, and with it the question fails. */
  #bounded<T>(client: Client, work: () => Promise<T>): Promise<T> {
    let turns = this.#turns.get(client);
    if (!turns) {
      turns = new Turns();
      this.#turns.set(client, turns);
    }
    return turns.run(async () => {
      const timer = this.options.clock.after(CONTROL_MS, () => {
        (client as unknown as { connection: { stream: { destroy(error: Error): void } } }).connection.stream.destroy(
          new Error(`no answer within ${CONTROL_MS / 1000} s`),
        );
      });
      try {
        return await work();
      } finally {
        timer.dispose();
      }
    });
  }
}

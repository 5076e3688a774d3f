import type { Client } from 'pg';
import { Emitter } from '../../base/emitter';
import { messageOf } from '../../base/errors';
import { OtherServerError, SessionLostError, UnreachableError } from '../../jobs/errors';
import type { ActivitySnapshot, ServerLink, WorkerSession } from '../../jobs/ports';
import type { Disposable } from '../../base/disposable';
import { compareServers, nameServer, type ReachedPlace, type ServerIdentity } from '../../jobs/serverIdentity';
import { ActivityPoller, queryActivity } from './activity';
import { CATALOG_QUERY, dialectOf, ExtensionError, type Dialect } from '../pgBackground/extensionFunctions';
import { destroySocket, endClient, isCut } from '../client/endClient';
import { ConnectError, type ConnectReason } from '../connect/errors';
import { ConnectionGoneError, isServerError, isTransient, mayEndSession, mayNotSignal } from '../errors';
import { introduce } from './serverIdentity';
import { IdleSessions } from './idleSessions';
import { PoolerError, type LinkOptions, type LinkState } from './serverLinkTypes';
import { Probe } from './probe';
import { PgSession, type SessionContext } from '../pgBackground/session';
import { signalProcess } from './signalProcess';
import { afterSilence } from '../client/responseTimeout';
import { Turns } from '../client/serialQueue';
import { TypeCache } from '../client/typeCache';

/** A question to the control connection, or to a session, that takes longer means that the connection is dead. Milliseconds. */
const CONTROL_MS = 15_000;
const SESSION_MS = 30_000;
/** So often a session is opened until one reaches the control connection's server: a proxy may distribute connections. */
const SAME_SERVER_ATTEMPTS = 8;
/** Reasons for which a connection that worked before is refused for good only if the user says so: they can be mended on the server. */
const LASTING_REASONS = new Set<ConnectReason>(['profile', 'aborted', 'unsafe']);
/**
 * What the control connection asks first. It is ours alone: no limit of the role may end it. Workers belong to whoever has logged in,
 * whatever role they run as: only that role sees them all, and may signal them. And no operator that somebody has put into the
 * search_path may answer our questions.
 */
const CONTROL_COLUMNS = `pg_catalog.current_setting('server_version'),
  (SELECT pg_catalog.count(pg_catalog.set_config(s.name, '0', false)) FROM pg_catalog.pg_settings AS s
    WHERE s.name OPERATOR(pg_catalog.=) ANY ('{transaction_timeout,idle_session_timeout}'::pg_catalog.text[])),
  pg_catalog.set_config('role', 'none', false), pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false)`;

export type { LinkOptions, LinkState } from './serverLinkTypes';

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
interface Control extends Asking {
  readonly server: ServerIdentity;
}

interface Asking {
  readonly client: Client;
  readonly turns: Turns;
  /** What the server, or the network, said as it ended this connection. */
  lastWord: Error | undefined;
}

/** One server reached by one connection: the control client, the activity poller and the pool of warm sessions. */
export class PgServerLink implements ServerLink {
  readonly #sessions = new Set<PgSession>();
  readonly #stateListeners: Emitter<undefined>;
  readonly #types = new TypeCache();
  readonly #poller: ActivityPoller;
  readonly #probe: Probe;
  readonly #idle: IdleSessions;
  /** Connections that are being opened. */
  readonly #opening = new Set<Promise<unknown>>();
  #control: Promise<Control> | undefined;
  #controlClient: Client | undefined;
  #dialect: Promise<Dialect> | undefined;
  /** The server answered once, so that it is away, and not wrong, when it does not. */
  #reached = false;
  /** Where the control connection was last opened to, or is to be opened to first. */
  #place: ReachedPlace | undefined;
  /** pg_background was found here once. */
  #found = false;
  #launched = false;
  /** The server of the newest control connection, or the one that is preferred for the first. */
  #server: ServerIdentity | undefined;
  #missingTexts: string | undefined;
  #serverVersion = '';
  #extensionVersion: string | undefined;
  #disposed = false;
  #state: LinkState = { kind: 'idle' };

  readonly #options: LinkOptions;

  constructor(options: LinkOptions) {
    this.#options = options;

    this.#stateListeners = new Emitter(options.log);
    const { name, log, silence } = options;
    const connect = (): Promise<Client> => options.connect(this.#place);
    this.#probe = new Probe({ name, log, silenceMs: silence?.controlMs ?? CONTROL_MS, connect });
    this.#idle = new IdleSessions({
      clock: options.clock,
      log: (message) => log.debug(`${name}: ${message}`),
      size: options.warmSessions,
      open: () => this.#newSession(),
      end: (session) => void this.#track(session.end()),
      isUsable: (session) => this.#leadsTo(session),
      // The server may be gone meanwhile; whoever launches next finds out.
      mayOpen: () => this.#dialect?.then(() => true) ?? Promise.resolve(false),
    });
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
      await this.connect();
      const session = this.#idle.take() ?? (await this.#newSession());
      this.#idle.fillSoon();
      return session;
    } catch (error) {
      if (!this.#disposed && !this.#mayComeBack(error)) throw error;
      throw new UnreachableError(messageOf(error), { cause: error });
    }
  }

  async terminate(pid: number, backendStart: string, server?: ServerIdentity): Promise<boolean> {
    try {
      const control = await this.#open();
      this.#requireServer(control, server);
      const target = { pid, backendStart, type: 'pg_background', server: control.server } as const;
      return await this.#bounded(control, () => signalProcess(control.client, 'terminate', target));
    } catch (error) {
      throw mayNotSignal(error) ?? error;
    }
  }

  prefer(server: ServerIdentity): void {
    if (this.#control) return;
    this.#server ??= server;
    this.#place ??= server.reached;
  }

  /** Closes everything; workers run on. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#poller.dispose();
    this.#stateListeners.clear();
    this.#idle.dispose();
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

  /** On the server of before, if it can be reached: jobs and sessions are there. */
  async #openControl(): Promise<Control> {
    if (this.#state.kind !== 'error') this.#setState({ kind: 'connecting' });
    let control = await this.#tryControl();
    for (let attempt = 1; attempt < SAME_SERVER_ATTEMPTS && this.#isAnother(control.server); attempt++) {
      await endClient(control.client);
      control = await this.#tryControl();
    }
    const { client, server } = control;
    if (this.#disposed) {
      await endClient(client);
      throw this.#closedError();
    }
    this.#controlClient = client;
    this.#place = server.reached;
    this.#noteServer(server);
    this.#reached = true;
    this.#setConnected();
    return control;
  }

  async #tryControl(): Promise<Control> {
    const client = await this.#options.connect(this.#place);
    const asking: Asking = { client, turns: new Turns(), lastWord: undefined };
    client.on('error', (error) => (asking.lastWord ??= error));
    const gone = (): void => {
      if (this.#controlClient !== client) return;
      this.#controlClient = undefined;
      this.#control = undefined;
      this.#dialect = undefined;
      // What cut this connection off has most likely cut off those too that nobody uses, and so nobody has noticed.
      this.#idle.drop();
      if (this.#state.kind === 'connected') this.#setState({ kind: 'idle' });
    };
    client.on('end', gone);
    client.on('error', gone);
    try {
      const { server, row } = await this.#bounded(asking, () => introduce(client, CONTROL_COLUMNS));
      this.#serverVersion = row[0] ?? '';
      return Object.assign(asking, { server });
    } catch (error) {
      await endClient(client);
      throw error;
    }
  }

  #isAnother(server: ServerIdentity): boolean {
    return this.#server !== undefined && compareServers(this.#server, server) === 'other';
  }

  /** Another server than before is another identity: what is known about the old one is not true of it. */
  #noteServer(server: ServerIdentity): void {
    const before = this.#server;
    this.#server = server;
    if (!before || compareServers(before, server) === 'same') return;
    this.#options.log.info(`${this.#options.name}: the connection now leads to ${nameServer(server)}.`);
    this.#dialect = undefined;
    this.#idle.drop();
  }

  async #findDialect(): Promise<Dialect> {
    const { rows } = await this.#ask((client) =>
      client.query<(string | null)[]>({ text: CATALOG_QUERY, rowMode: 'array' }),
    );
    const dialect = dialectOf(rows[0], this.#options.database);
    this.#extensionVersion = dialect.version;
    this.#found = true;
    this.#setConnected();
    return dialect;
  }

  #newSession(): Promise<PgSession> {
    if (this.#disposed) return Promise.reject(this.#closedError());
    return this.#track(this.#openSession());
  }

  /** A session on the server of the control connection, whichever servers the way there leads to. */
  async #openSession(): Promise<PgSession> {
    let elsewhere: ServerIdentity | undefined;
    for (let attempt = 1; attempt <= SAME_SERVER_ATTEMPTS; attempt++) {
      const session = await this.#trySession();
      // Asked again, since it may have been opened anew meanwhile.
      const { server } = await this.#open();
      if (compareServers(session.server, server) === 'same') {
        this.#sessions.add(session);
        return session;
      }
      elsewhere = session.server;
      this.#options.log.debug(
        `${this.#options.name}: a session reached ${nameServer(elsewhere)} instead; trying again.`,
      );
      await session.end();
    }
    throw await this.#leadsElsewhere(elsewhere);
  }

  /** New connections lead to another server only. */
  async #leadsElsewhere(elsewhere: ServerIdentity | undefined): Promise<Error> {
    const control = await this.#open();
    // The workers of running jobs are on the old server, and are signaled through this connection. Without any it is of no use.
    if (this.#sessions.size === 0) destroySocket(control.client, new Error('new connections lead to another server'));
    const there = elsewhere ? nameServer(elsewhere) : 'another server';
    return new OtherServerError(
      `New connections lead to ${there}, but this one leads to ${nameServer(control.server)}. A job and what is asked about it must be on one server: nothing is launched until both are the same.`,
    );
  }

  async #trySession(): Promise<PgSession> {
    const dialect = await this.connect();
    const client = await this.#options.connect(this.#place);
    try {
      const session = await PgSession.start(client, this.#contextFor(dialect));
      if (this.#disposed) throw this.#closedError();
      // A server that gives another pid than its own key data is a proxy; only in transaction mode is that a problem.
      const { processID } = client as unknown as { processID: number | null };
      if (processID !== session.backendPid && (await this.#sharesBackends(client))) throw new PoolerError();
      return session;
    } catch (error) {
      const cause = gone(error, client, undefined);
      await endClient(client);
      throw cause;
    }
  }

  #contextFor(dialect: Dialect): SessionContext {
    const launched = { get: () => this.#launched, set: () => (this.#launched = true) };
    return {
      dialect,
      types: this.#types,
      silenceMs: this.#options.silence?.sessionMs ?? SESSION_MS,
      isAnswered: (server) => this.#probe.isAnswered(server),
      interrupt: (session) => this.#interrupt(session),
      relocate: (known) => this.#relocate(known),
      get launched() {
        return launched.get();
      },
      set launched(_) {
        launched.set();
      },
      onRelease: (session) => this.#idle.takeBack(session),
      onClosed: (session) => this.#sessions.delete(session),
    };
  }

  async #interrupt({ backendPid, backendStart, server }: PgSession): Promise<void> {
    const control = await this.#open();
    this.#requireServer(control, server);
    const target = { pid: backendPid, backendStart, type: 'client backend', server } as const;
    const sent = await this.#bounded(control, () => signalProcess(control.client, 'cancel', target));
    if (!sent) throw new Error('The session to be interrupted is not there any more.');
  }

  /** @throws OtherServerError unless the control connection leads to that server, and to the same start of it */
  #requireServer(control: Control, server: ServerIdentity | undefined): void {
    if (!server || compareServers(server, control.server) === 'same') return;
    throw new OtherServerError(
      `It runs on ${nameServer(server)}, but the connection now leads to ${nameServer(control.server)}: no signal was sent.`,
    );
  }

  /** Where the extension is now. */
  async #relocate(known: Dialect): Promise<Dialect> {
    const current = await this.#dialect?.catch(() => undefined);
    if (current === known) {
      this.#dialect = undefined;
      // Sessions that nobody uses would only find out one by one.
      this.#idle.drop();
    }
    return this.connect();
  }

  /** True if what went wrong may pass by itself, because it worked before. */
  #mayComeBack(error: unknown): boolean {
    if (error instanceof OtherServerError) return true;
    if (error instanceof ExtensionError) return this.#found && error.reason === 'missing';
    if (error instanceof ConnectError) return this.#reached && !LASTING_REASONS.has(error.reason);
    return this.#reached && (error instanceof SessionLostError || isTransient(error));
  }

  /** Once for each message. */
  #sayMissingTexts(message: string | undefined): void {
    if (message !== undefined && message !== this.#missingTexts) {
      this.#options.log.warn(`${this.#options.name}: workers are shown without their statements: ${message}`);
    }
    this.#missingTexts = message;
  }

  /** Two idle clients that meet in one server process: the proxy gives connections by transaction. */
  async #sharesBackends(client: Client): Promise<boolean> {
    const query = { text: 'SELECT pg_catalog.pg_backend_pid()', rowMode: 'array' as const };
    const control = await this.#ask((one) => one.query<[string]>(query));
    const session = await client.query<[string]>(query);
    return control.rows[0]?.[0] === session.rows[0]?.[0];
  }

  /** False for a session of a server that the control connection does not lead to any more. */
  #leadsTo({ server }: PgSession): boolean {
    return this.#server !== undefined && compareServers(server, this.#server) === 'same';
  }

  async #askActivity(): Promise<ActivitySnapshot> {
    const control = await this.#open();
    const snapshot = await this.#bounded(control, () =>
      queryActivity(control.client, () => this.#options.clock.monotonic()),
    );
    if (snapshot.serverStart !== control.server.start) {
      // A pooling proxy kept the connection while its server was replaced: what is known about that one is no longer true.
      destroySocket(control.client, new Error('the server was replaced'));
      throw new Error('The server was replaced by another one, or restarted.');
    }
    this.#sayMissingTexts(snapshot.textsMissing);
    this.#setConnected();
    return { ...snapshot, server: control.server };
  }

  async #ask<T>(question: (client: Client) => Promise<T>): Promise<T> {
    const control = await this.#open();
    return this.#bounded(control, () => question(control.client));
  }

  /** A dead network gives no answer at all: the socket is closed, and with it the question fails. */
  #bounded<T>(control: Asking, work: () => Promise<T>): Promise<T> {
    const { client, turns } = control;
    return turns.run(async () => {
      const ms = this.#options.silence?.controlMs ?? CONTROL_MS;
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
    return new Error(`The connection "${this.#options.name}" is closed.`);
  }
}

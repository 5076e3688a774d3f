import type { Disposable } from '../../base/disposable';
import { Emitter } from '../../base/emitter';
import { describeFault, FaultError, faultOf, type Fault } from '../../base/fault';
import { OtherServerError, SessionLostError, UnreachableError } from '../../jobs/errors';
import type { DurableServer } from '../../jobs/durable/ports';
import type { ActivityHistory } from '../../jobs/activity/activityHistory';
import type { ActivitySample } from '../../jobs/activity/workKind';
import type { InspectRequest, SignaledBlocker, WorkerInspection } from '../../jobs/activity/inspection';
import type { ActiveWorker, ActivitySnapshot, ServerLink, WorkerSession } from '../../jobs/ports';
import { compareServers, nameServer, type ServerIdentity } from '../../jobs/serverIdentity';
import { TypeCache } from '../client/typeCache';
import { ConnectError, type ConnectReason } from '../connect/errors';
import { isTransient, signalDenied } from '../errors';
import type { ServerFault } from '../faults';
import {
  CATALOG_QUERY,
  ExtensionError,
  extensionFunctionsOf,
  type ExtensionFunctions,
} from '../pgBackground/extensionFunctions';
import type { LaunchHistory, PgSession, SessionBackend, SessionContext } from '../pgBackground/session';
import { ActivityPoller } from './activityPoller';
import { ControlConnection, type OpenedControl } from './controlConnection';
import { Probe } from './probe';
import type { LinkOptions, LinkState } from './serverLinkTypes';
import { SessionPool } from './sessionPool';

/** Default response timeouts of the control connection and of a session. Milliseconds. */
const CONTROL_TIMEOUT_MS = 15_000;
const SESSION_TIMEOUT_MS = 30_000;
/** Reasons that need the user. All other reasons can be resolved on the server, so a connection that worked before may work again. */
const LASTING_REASONS = new Set<ConnectReason>(['profile', 'aborted', 'unsafe']);

export type { LinkOptions, LinkState } from './serverLinkTypes';

function reasonOf(error: unknown): { readonly reason?: ConnectReason } {
  return error instanceof ConnectError ? { reason: error.reason } : {};
}

/** The live connection to one server: a control connection, a pool of sessions, and the poller of the server's activity. */
export class PgServerLink implements ServerLink {
  readonly #options: LinkOptions;
  readonly #stateListeners: Emitter<undefined>;
  readonly #notified: Emitter<string>;
  readonly #types = new TypeCache();
  readonly #history: LaunchHistory = { launched: false };
  readonly #control: ControlConnection;
  readonly #pool: SessionPool<PgSession>;
  readonly #poller: ActivityPoller;
  readonly #probe: Probe;
  #functions: Promise<ExtensionFunctions> | undefined;
  /** The server has answered before. If it does not answer now, it is unreachable rather than wrong. */
  #connectedBefore = false;
  /** pg_background was found here before. */
  #foundBefore = false;
  #missingTexts: string | undefined;
  #serverVersion = '';
  /** The role that the profile switches to. */
  #role: string | undefined;
  #durable: Promise<DurableServer> | undefined;
  /** Created with the first snapshot. */
  #activity: ActivityHistory | undefined;
  #extensionVersion: string | undefined;
  #disposed = false;
  #state: LinkState = { kind: 'idle' };

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#stateListeners = new Emitter(options.log);
    this.#notified = new Emitter(options.log);
    const { name, clock, log, responseTimeouts } = options;
    const connect: LinkOptions['connect'] = (prefer) => options.connect(prefer);
    const closedError = (): Error => this.#closedError();
    const responseTimeoutMs = responseTimeouts?.controlMs ?? CONTROL_TIMEOUT_MS;
    const control = new ControlConnection({
      clock,
      responseTimeoutMs,
      connect,
      onConnecting: () => this.#onConnecting(),
      onConnected: (opened) => this.#onConnected(opened),
      onFailed: (error) => this.#setState({ kind: 'error', fault: faultOf(error), ...reasonOf(error) }),
      onLost: () => this.#onLost(),
      onNotification: (payload) => this.#notified.emit(payload),
      closedError,
    });
    this.#control = control;
    this.#probe = new Probe({ name, clock, log, responseTimeoutMs, connect: () => connect(control.reached) });
    this.#pool = new SessionPool({
      clock,
      log: (message) => log.debug(`${name}: ${message}`),
      warmSessions: options.warmSessions,
      open: () => this.#openSession(),
      isUsable: ({ server }) => control.server !== undefined && compareServers(server, control.server) === 'same',
      // If the server is unreachable by then, the next launch finds out.
      mayOpen: () => this.#functions?.then(() => true) ?? Promise.resolve(false),
      closedError,
    });
    this.#poller = new ActivityPoller(
      () => this.#queryActivity(),
      clock,
      (error, pauseMs) => {
        const fault = faultOf(error);
        log.warn(`${name}: the server did not answer (${describeFault(fault)}); trying again in ${pauseMs} ms.`);
        this.#setState({ kind: 'error', fault, ...reasonOf(error), retryAt: clock.now() + pauseMs });
      },
      log,
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

  onUnreachable(listener: (fault: Fault) => void): Disposable {
    const report = (): void => {
      if (this.#state.kind === 'error') listener(this.#state.fault);
    };
    report();
    return this.onDidChangeState(report);
  }

  watch(pace: 'fast' | 'steady'): Disposable {
    return this.#poller.watch(pace);
  }

  refresh(): Promise<ActivitySnapshot> {
    return this.#poller.refresh();
  }

  /** Opens the control connection and finds pg_background. @throws ExtensionError if it is not installed, or too old */
  async connect(): Promise<ExtensionFunctions> {
    await this.#control.open();
    const functions = (this.#functions ??= this.#findFunctions());
    try {
      return await functions;
    } catch (error) {
      if (this.#functions === functions) this.#functions = undefined;
      throw error;
    }
  }

  /** @throws UnreachableError if the server answered before and is unreachable now, or if this link was closed: try again later */
  acquire(): Promise<WorkerSession> {
    return this.#acquire();
  }

  /** The durable jobs of the database. Their code is loaded at the first call. */
  durable(): Promise<DurableServer> {
    this.#durable ??= import('../durable/durableServer').then(({ PgDurableServer }) => {
      const [types, role, server] = [this.#types, () => this.#role, () => this.#control.server];
      return new PgDurableServer({
        types,
        get role() {
          return role();
        },
        get server() {
          return server();
        },
        connect: () => this.connect(),
        query: (task) => this.#control.query(task),
        acquire: () => this.#acquire(),
        onNotify: (listener) => this.#notified.add(listener),
      });
    });
    return this.#durable;
  }

  /** The setup of durable jobs was just created, upgraded, or removed. */
  durableSetUp(): void {
    this.#options.onDurable?.();
  }

  async #acquire(): Promise<PgSession> {
    try {
      await this.connect();
      return await this.#pool.acquire();
    } catch (error) {
      if (!this.#disposed && !this.#mayRecover(error)) throw error;
      throw new UnreachableError(faultOf(error), { cause: error });
    }
  }

  /** The code of sessions is loaded with the first one. */
  async #openSession(): Promise<PgSession> {
    const { SessionOpener } = await import('./sessionOpener');
    const { name, clock, log } = this.#options;
    const opener = new SessionOpener({
      name,
      clock,
      log,
      control: this.#control,
      connect: (prefer) => this.#options.connect(prefer),
      findFunctions: () => this.connect(),
      contextFor: (functions) => this.#contextFor(functions),
      hasSessions: () => this.#pool.size > 0,
    });
    return opener.open();
  }

  terminate(pid: number, backendStart: string, server?: ServerIdentity): Promise<boolean> {
    return this.signalBlocker('terminate', { pid, backendStart, backendType: 'pg_background' }, server);
  }

  async signalBlocker(
    signal: 'cancel' | 'terminate',
    { pid, backendStart, backendType: type }: SignaledBlocker,
    server?: ServerIdentity,
  ): Promise<boolean> {
    try {
      return await this.#control.signal(signal, { pid, backendStart, type }, server);
    } catch (error) {
      throw signalDenied(error) ?? error;
    }
  }

  samples(worker: Pick<ActiveWorker, 'pid' | 'backendStart'>): readonly ActivitySample[] {
    return this.#activity?.of(worker) ?? [];
  }

  async inspect(request: InspectRequest): Promise<WorkerInspection | undefined> {
    const { inspectWorker } = await import('../activity/inspect');
    return this.#control.query((client) => inspectWorker(client, request), request.server);
  }

  prefer(server: ServerIdentity): void {
    this.#control.prefer(server);
  }

  /** Closes everything; workers keep running. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#poller.dispose();
    this.#stateListeners.clear();
    this.#notified.clear();
    // The control connection last: a session that is reading rows is interrupted through it.
    await this.#pool.end();
    await Promise.allSettled([this.#control.end(), this.#pool.settled()]);
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

  #onConnecting(): void {
    if (this.#state.kind !== 'error') this.#setState({ kind: 'connecting' });
  }

  #onConnected({ server, serverVersion, role, durable, previous }: OpenedControl): void {
    this.#serverVersion = serverVersion;
    this.#role = role;
    if (previous && compareServers(previous, server) !== 'same') {
      const { log, name } = this.#options;
      log.info(`${name}: the connection now leads to ${nameServer(server)}.`);
      // What is known about the old server does not apply to the new one.
      this.#functions = undefined;
      this.#pool.dropIdle();
    }
    this.#connectedBefore = true;
    this.#setConnected();
    if (durable) this.#options.onDurable?.();
  }

  #onLost(): void {
    this.#functions = undefined;
    // The idle sessions were probably lost with the connection, which would not be noticed before the next launch.
    this.#pool.dropIdle();
    if (this.#state.kind === 'connected') this.#setState({ kind: 'idle' });
  }

  async #findFunctions(): Promise<ExtensionFunctions> {
    const { rows } = await this.#control.query((client) =>
      client.query<(string | null)[]>({ text: CATALOG_QUERY, rowMode: 'array' }),
    );
    const functions = extensionFunctionsOf(rows[0], this.#options.database);
    this.#extensionVersion = functions.version;
    this.#foundBefore = true;
    this.#setConnected();
    return functions;
  }

  /** Finds the extension again after the server did not know its functions. */
  async #relocate(known: ExtensionFunctions): Promise<ExtensionFunctions> {
    const current = await this.#functions?.catch(() => undefined);
    if (current === known) {
      this.#functions = undefined;
      // Each idle session would only find out at its next call.
      this.#pool.dropIdle();
    }
    return this.connect();
  }

  #contextFor(functions: ExtensionFunctions): SessionContext {
    return {
      clock: this.#options.clock,
      functions,
      types: this.#types,
      workerSettings: this.#options.workerSettings ?? { defaults: {}, enforced: {} },
      responseTimeoutMs: this.#options.responseTimeouts?.sessionMs ?? SESSION_TIMEOUT_MS,
      history: this.#history,
      isAnswered: (server) => this.#probe.isAnswered(server),
      interrupt: (backend) => this.#interrupt(backend),
      relocate: (known) => this.#relocate(known),
      onRelease: (session) => this.#pool.release(session),
      onClosed: (session) => this.#pool.remove(session),
    };
  }

  async #interrupt({ pid, backendStart, server }: SessionBackend): Promise<void> {
    const sent = await this.#control.signal('cancel', { pid, backendStart, type: 'client backend' }, server);
    if (!sent) throw new Error('The session to be interrupted does not exist anymore.');
  }

  /** Whether the problem may resolve itself, because the connection worked before. */
  #mayRecover(error: unknown): boolean {
    if (error instanceof OtherServerError) return true;
    if (error instanceof ExtensionError) return this.#foundBefore && error.isMissing;
    if (error instanceof ConnectError) return this.#connectedBefore && !LASTING_REASONS.has(error.reason);
    return this.#connectedBefore && (error instanceof SessionLostError || isTransient(error));
  }

  async #queryActivity(): Promise<ActivitySnapshot> {
    const { clock } = this.#options;
    const [{ queryActivity }, { ActivityHistory }] = await Promise.all([
      import('./activity'),
      import('../../jobs/activity/activityHistory'),
    ]);
    const { answer, server } = await this.#control.queryServer(
      (client) => queryActivity(client, () => clock.monotonic()),
      // A pooling proxy can keep the connection while the server that it leads to is replaced.
      ({ serverStart }, { start }) =>
        serverStart === start ? undefined : new FaultError<ServerFault>({ code: 'server.replaced' }),
    );
    this.#logMissingTexts(answer.textsMissing);
    this.#setConnected();
    this.#activity ??= new ActivityHistory();
    return { ...this.#activity.add(answer), server };
  }

  /** Logs each message once. */
  #logMissingTexts(message: string | undefined): void {
    if (message !== undefined && message !== this.#missingTexts) {
      this.#options.log.warn(`${this.#options.name}: workers are shown without their statements: ${message}`);
    }
    this.#missingTexts = message;
  }

  #closedError(): Error {
    return new FaultError<ServerFault>({ code: 'server.linkClosed', params: { connection: this.#options.name } });
  }
}

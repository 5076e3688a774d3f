import type { Client } from 'pg';
import type { Clock } from '../../base/clock';
import { OtherServerError, SessionLostError } from '../../jobs/errors';
import { compareServers, type ReachedPlace, type ServerIdentity } from '../../jobs/serverIdentity';
import { destroySocket, endClient, isDisconnected } from '../client/endClient';
import { startResponseTimeout } from '../client/responseTimeout';
import { SerialQueue } from '../client/serialQueue';
import { ConnectionGoneError, isServerError, noAnswerError, mayEndSession } from '../errors';
import { otherServers, type ServerFault } from '../faults';
import { introduce } from './introduction';
import { signalProcess, type SignalTarget } from './signalProcess';

/** How many times a connection is opened until one reaches the server of before: a proxy may distribute connections. */
export const SAME_SERVER_ATTEMPTS = 8;

/**
 * The first query of the control connection. The connection is used by this extension alone: no limit of the role may end it. Workers
 * belong to the role that logged in, whatever role they run as: only that role can see and signal all of them. And no operator that
 * another role created in the search_path may be used in its queries.
 */
const CONTROL_COLUMNS = `pg_catalog.current_setting('server_version'), pg_catalog.current_setting('role'),
  pg_catalog.to_regnamespace('pgbackground_jobs') IS NOT NULL,
  (SELECT pg_catalog.count(pg_catalog.set_config(s.name, '0', false)) FROM pg_catalog.pg_settings AS s
    WHERE s.name OPERATOR(pg_catalog.=) ANY ('{transaction_timeout,idle_session_timeout}'::pg_catalog.text[])),
  pg_catalog.set_config('role', 'none', false), pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false)`;

export interface ControlConnectionOptions {
  readonly clock: Clock;
  /** A query that takes longer means that the connection is dead. Milliseconds. */
  readonly responseTimeoutMs: number;
  /** Opens a client, at the preferred host and address if that can be reached. */
  connect(prefer?: ReachedPlace): Promise<Client>;
  onConnecting(): void;
  onConnected(opened: OpenedControl): void;
  onFailed(error: unknown): void;
  /** The open connection has ended. */
  onLost(): void;
  /** A notification has arrived. Any role can send one. */
  onNotification(payload: string): void;
  /** The error for calls after {@link ControlConnection.end}. */
  closedError(): Error;
}

export interface OpenedControl {
  readonly server: ServerIdentity;
  readonly serverVersion: string;
  /** The role that the profile switches to. */
  readonly role: string | undefined;
  /** Durable jobs seem to be set up in the database. */
  readonly durable: boolean;
  /** The server of the connection before this one, or the preferred server. */
  readonly previous: ServerIdentity | undefined;
}

interface Control {
  readonly client: Client;
  readonly queue: SerialQueue;
  readonly server: ServerIdentity;
  readonly serverVersion: string;
  readonly role: string | undefined;
  readonly durable: boolean;
  /** The error with which the server, or the network, ended this connection. */
  fatalError: Error | undefined;
}

/**
 * The connection that reads the server's activity and sends signals. It opens when it is needed, and again after it was lost. Its
 * queries run one at a time.
 */
export class ControlConnection {
  readonly #options: ControlConnectionOptions;
  /** The open connection, or the attempt to open it. */
  #control: Promise<Control> | undefined;
  #client: Client | undefined;
  #server: ServerIdentity | undefined;
  #reached: ReachedPlace | undefined;
  #ended = false;

  constructor(options: ControlConnectionOptions) {
    this.#options = options;
  }

  /** The server of the newest connection, or, before the first one, the preferred server. */
  get server(): ServerIdentity | undefined {
    return this.#server;
  }

  /** The host and address that the newest connection was opened to, or that the first one prefers. */
  get reached(): ReachedPlace | undefined {
    return this.#reached;
  }

  /** Prefers a server for the first connection; ignored after that. */
  prefer(server: ServerIdentity): void {
    if (this.#control) return;
    this.#server ??= server;
    this.#reached ??= server.reached;
  }

  /** Opens the connection unless it is open. @returns the server that it leads to */
  async open(): Promise<ServerIdentity> {
    return (await this.#open()).server;
  }

  /**
   * Runs a query, or several as one task. A dead network does not answer: the socket is then closed, so that the query fails.
   * @param server the server that must answer, if known
   * @throws OtherServerError if this connection leads to another server, or to another start of the server
   */
  async query<T>(query: (client: Client) => Promise<T>, server?: ServerIdentity): Promise<T> {
    const control = await this.#openOn(server);
    return this.#run(control, () => query(control.client));
  }

  /**
   * Runs a query together with the identity of the server that answers it.
   * @param validate returns an error if the answer is not that server's; the connection is then closed
   */
  async queryServer<T>(
    query: (client: Client) => Promise<T>,
    validate: (answer: T, server: ServerIdentity) => Error | undefined,
  ): Promise<{ answer: T; server: ServerIdentity }> {
    const control = await this.#open();
    const answer = await this.#run(control, () => query(control.client));
    const error = validate(answer, control.server);
    if (error) {
      destroySocket(control.client, error);
      throw error;
    }
    return { answer, server: control.server };
  }

  /**
   * Signals one process.
   * @param server the server that the process runs on, if known
   * @returns false if the process does not exist, so nothing was signaled
   * @throws OtherServerError if this connection leads to another server, or to another start of the server
   */
  async signal(
    signal: 'terminate' | 'cancel',
    target: Omit<SignalTarget, 'server'>,
    server?: ServerIdentity,
  ): Promise<boolean> {
    const control = await this.#openOn(server);
    return this.#run(control, () => signalProcess(control.client, signal, { ...target, server: control.server }));
  }

  /** Closes the socket if the connection is open; the next call opens another one. */
  async drop(error: Error): Promise<void> {
    const { client } = await this.#open();
    destroySocket(client, error);
  }

  /** Closes the connection permanently. Never rejects. */
  async end(): Promise<void> {
    this.#ended = true;
    const control = await this.#control?.catch(() => undefined);
    if (control) await endClient(control.client, this.#options.clock);
  }

  async #openOn(server: ServerIdentity | undefined): Promise<Control> {
    const control = await this.#open();
    if (!server || compareServers(server, control.server) === 'same') return control;
    const params = otherServers(server, control.server);
    throw new OtherServerError({ code: 'server.otherServer', params } satisfies ServerFault);
  }

  /** Concurrent callers share one attempt. */
  #open(): Promise<Control> {
    if (this.#ended && !this.#control) return Promise.reject(this.#options.closedError());
    this.#control ??= this.#connect().catch((error: unknown) => {
      this.#control = undefined;
      this.#options.onFailed(error);
      throw error;
    });
    return this.#control;
  }

  /** Connects to the previous server if it can be reached: jobs and sessions are on that one. */
  async #connect(): Promise<Control> {
    const options = this.#options;
    options.onConnecting();
    let control = await this.#tryConnect();
    for (let attempt = 1; attempt < SAME_SERVER_ATTEMPTS && this.#isOther(control.server); attempt++) {
      await endClient(control.client, options.clock);
      control = await this.#tryConnect();
    }
    const { client, server, serverVersion, role, durable } = control;
    if (this.#ended) {
      await endClient(client, options.clock);
      throw options.closedError();
    }
    const previous = this.#server;
    this.#client = client;
    this.#server = server;
    this.#reached = server.reached;
    options.onConnected({ server, serverVersion, role, durable, previous });
    return control;
  }

  async #tryConnect(): Promise<Control> {
    const client = await this.#options.connect(this.#reached);
    const unidentified = { client, queue: new SerialQueue(), fatalError: undefined as Error | undefined };
    client.on('error', (error) => (unidentified.fatalError ??= error));
    const onEnded = (): void => {
      if (this.#client !== client) return;
      this.#client = undefined;
      this.#control = undefined;
      this.#options.onLost();
    };
    client.on('notification', ({ payload = '' }) => this.#options.onNotification(payload));
    client.on('end', onEnded);
    client.on('error', onEnded);
    try {
      const { server, row } = await this.#run(unidentified, () => introduce(client, CONTROL_COLUMNS));
      const [serverVersion, role, durable] = row;
      return Object.assign(unidentified, {
        server,
        serverVersion: serverVersion ?? '',
        role: role === 'none' ? undefined : (role ?? undefined),
        durable: durable === 't',
      });
    } catch (error) {
      await endClient(client, this.#options.clock);
      throw error;
    }
  }

  #isOther(server: ServerIdentity): boolean {
    return this.#server !== undefined && compareServers(this.#server, server) === 'other';
  }

  #run<T>(control: Pick<Control, 'client' | 'queue' | 'fatalError'>, query: () => Promise<T>): Promise<T> {
    const { client, queue } = control;
    const { clock, responseTimeoutMs: ms } = this.#options;
    return queue.run(async () => {
      const timeout = startResponseTimeout(clock, ms, () => destroySocket(client, noAnswerError(ms)));
      try {
        return await query();
      } catch (error) {
        // The server's last error may arrive as the answer to a query; `pg` rejects later queries with messages of its own.
        if (error instanceof Error && mayEndSession(error)) control.fatalError ??= error;
        throw toConnectionError(error, client, control.fatalError);
      } finally {
        timeout.dispose();
      }
    });
  }
}

/** The error of a query, or, if the connection has ended, the error that ended it, which is more precise than that of `pg`. */
export function toConnectionError(error: unknown, client: Client, fatalError?: Error): unknown {
  if (isServerError(error) || error instanceof SessionLostError) return error;
  if (!fatalError && !isDisconnected(client)) return error;
  return new ConnectionGoneError(fatalError ?? error);
}

import type { Writable } from 'node:stream';
import type { Client } from 'pg';
import { elapses, type Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { faultOf, textFault } from '../../base/fault';
import { SQLSTATE } from '../../base/sqlstate';
import { SessionLostError } from '../../jobs/errors';
import type { Notice } from '../../jobs/ports';
import { isServerError, isTerminationNotice, mayEndSession, noAnswerError, wholeTextsOf } from '../errors';
import type { ServerFault } from '../faults';
import { copyOut, type CopiedRows } from './copyOut';
import { destroySocket, endClient, socketOf } from './endClient';
import { startDeadConnectionTimeout, startResponseTimeout } from './responseTimeout';
import { SerialQueue } from './serialQueue';

/** How long {@link SerialClient.end} waits for the end of a running COPY, and how long before it interrupts the COPY again. Milliseconds. */
const INTERRUPT_MS = 1000;
const INTERRUPT_AGAIN_MS = 50;

export interface SerialClientOptions {
  readonly clock: Clock;
  /** How long the server may take to answer, in addition to the time that a query itself is expected to take. Milliseconds. */
  readonly responseTimeoutMs: number;
  /** Whether the server answers a new connection. Asked before a silent connection is declared dead. */
  isAnswered(): Promise<boolean>;
  /** Cancels the running query of this client's backend, through another connection. Rejects if the backend is not found. */
  interrupt(): Promise<void>;
  /** Called once, when the connection has ended for whatever reason. */
  onClosed(): void;
}

export interface TurnOptions {
  /** How long the server works before it answers. Milliseconds; 0 if omitted. */
  readonly expectedMs?: number;
  /**
   * Nothing is lost with the connection, so it is closed if the server does not answer, without a check whether the server answers
   * new connections.
   */
  readonly expendable?: boolean;
}

export interface QueryOptions extends TurnOptions {
  /** Evaluated when it is the query's turn. If true, the query is not sent and returns no rows. */
  readonly skipIf?: () => boolean;
}

export interface SerialQuery {
  readonly text: string;
  readonly values?: unknown[];
  readonly rowMode?: 'array';
}

/** @returns a promise to pause reading from the server until it settles */
export type NoticeListener = (notice: Notice) => Promise<void> | undefined;

/**
 * A `pg` client that runs one query at a time and reports a lost connection in one way.
 *
 * Every method that talks to the server rejects with the server's error while the connection works, and with a
 * {@link SessionLostError} once it has ended.
 */
export class SerialClient {
  readonly #client: Client;
  readonly #options: SerialClientOptions;
  readonly #queue = new SerialQueue();
  readonly #noticeListeners = new Set<NoticeListener>();
  /** Promises of notice listeners that have not settled yet. */
  #pendingNotices = 0;
  #interrupting: Promise<void> = Promise.resolve();
  #copying = false;
  /** Settles with the running COPY. Never rejects. */
  #copied: Promise<unknown> = Promise.resolve();
  #ending = false;
  #closed = false;
  /** Time of the last bytes of a COPY, by the monotonic clock. */
  #lastBytesAt = 0;
  /** The error that ended the connection. */
  #fatalError: Error | undefined;
  /** The last notice in which the server announced that it ends this connection. */
  #terminationNotice: { readonly code?: string | undefined; readonly message?: string | undefined } | undefined;

  /** @param client a connected client that nothing else uses */
  constructor(client: Client, options: SerialClientOptions) {
    this.#client = client;
    this.#options = options;
    client.on('notice', (message) => {
      if (isTerminationNotice(message)) this.#terminationNotice = message;
      const notice: Notice = {
        severity: message.severity ?? 'NOTICE',
        message: message.message ?? '',
        ...(message.detail ? { detail: message.detail } : {}),
        ...(message.hint ? { hint: message.hint } : {}),
        ...wholeTextsOf(message),
      };
      for (const listener of this.#noticeListeners) this.#pauseUntil(listener(notice));
    });
    // The server continues to answer, so the notice was not about this connection: a worker's message can look the same. `drain` is
    // emitted in the order of the server's messages. The real notice may follow an answer directly, before any caller has seen that.
    client.on('drain', () => (this.#terminationNotice = undefined));
    const onClosed = (): void => {
      if (this.#closed) return;
      this.#closed = true;
      options.onClosed();
    };
    client.on('end', onClosed);
    client.on('error', (error) => {
      // The first error is the server's own, if it sent one. `pg` rejects later queries with messages of its own.
      this.#fatalError ??= error;
      onClosed();
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether a COPY is running or queued. */
  get copying(): boolean {
    return this.#copying;
  }

  /** Milliseconds since the last bytes of a COPY arrived; 0 while reading is paused for a notice listener. */
  idleMs(): number {
    return this.#pendingNotices > 0 ? 0 : this.#options.clock.monotonic() - this.#lastBytesAt;
  }

  onNotice(listener: NoticeListener): Disposable {
    this.#noticeListeners.add(listener);
    return { dispose: () => this.#noticeListeners.delete(listener) };
  }

  removeNoticeListeners(): void {
    this.#noticeListeners.clear();
  }

  async query<Row>(query: SerialQuery, { skipIf, ...options }: QueryOptions = {}): Promise<Row[]> {
    return this.#turn(async () => {
      if (skipIf?.() === true) return [];
      const { rows } = await this.#answered(options, (): Promise<{ rows: unknown[] }> => this.#client.query(query));
      return rows as Row[];
    });
  }

  /** Runs several queries as one task: no other query runs in between. */
  run<T>(task: (client: Client) => Promise<T>, options: TurnOptions = {}): Promise<T> {
    return this.#turn(() => this.#answered(options, () => task(this.#client)));
  }

  /** Runs a `COPY … TO STDOUT`, without a time limit. See {@link copyOut}. */
  async copyOut(text: string, sink: Writable): Promise<CopiedRows> {
    const { clock } = this.#options;
    const onBytes = (): void => {
      this.#lastBytesAt = clock.monotonic();
    };
    this.#copying = true;
    onBytes();
    try {
      const rows = this.#turn(() => copyOut(this.#client, text, sink, onBytes));
      this.#copied = rows.catch(() => undefined);
      return await rows;
    } finally {
      this.#copying = false;
    }
  }

  /**
   * Cancels the running query, from another connection. Until the cancel was sent no other query starts, or the cancel could hit that
   * one instead.
   */
  interrupt(): Promise<void> {
    const interrupting = this.#options.interrupt();
    this.#interrupting = interrupting.catch(() => undefined);
    return interrupting;
  }

  /** Closes the connection in order; does not wait for a dead network or for the end of a COPY. Never rejects. */
  async end(): Promise<void> {
    if (this.#closed) return;
    this.#ending = true;
    const { clock } = this.#options;
    if (!this.#copying) return endClient(this.#client, clock);
    // Without the interrupt, a server that is not notified of the closed socket would keep producing rows that nothing reads.
    let timeout: Disposable | undefined;
    const timedOut = new Promise<void>((resolve) => {
      timeout = startResponseTimeout(clock, INTERRUPT_MS, resolve);
    });
    await Promise.race([this.#interruptCopy(), timedOut]);
    timeout?.dispose();
    this.destroy();
  }

  /** Interrupts the COPY until it ends: an interrupt that overtakes the COPY has no effect. */
  async #interruptCopy(): Promise<void> {
    const { clock } = this.#options;
    while (this.#copying && !this.#closed) {
      try {
        await this.interrupt();
      } catch {
        return;
      }
      await elapses(clock, INTERRUPT_AGAIN_MS, [this.#copied]);
    }
  }

  /** Closes the socket at once. */
  destroy(): void {
    this.#noticeListeners.clear();
    destroySocket(this.#client);
  }

  /** Stops reading from the socket until the promise settles; the server then has to wait, too. */
  #pauseUntil(settled: Promise<void> | undefined): void {
    if (!settled) return;
    const socket = socketOf(this.#client);
    this.#pendingNotices++;
    socket.pause();
    const resume = (): void => {
      this.#lastBytesAt = this.#options.clock.monotonic();
      if (--this.#pendingNotices === 0) socket.resume();
    };
    settled.then(resume, resume);
  }

  /**
   * Closes the socket, and so fails the query, if the connection is dead. If the server answers no connection at all, waits for it:
   * once it answers again, the results of its workers can still be read.
   */
  async #answered<T>({ expectedMs = 0, expendable = false }: TurnOptions, send: () => Promise<T>): Promise<T> {
    const { clock, responseTimeoutMs } = this.#options;
    const ms = expectedMs + responseTimeoutMs;
    const timeout = startDeadConnectionTimeout(
      clock,
      ms,
      () => (expendable ? Promise.resolve(true) : this.#options.isAnswered()),
      () => destroySocket(this.#client, noAnswerError(ms)),
    );
    try {
      return await send();
    } finally {
      timeout.dispose();
    }
  }

  /** Waits for earlier queries and for a cancel that is being sent, then runs the task. */
  async #turn<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await this.#queue.run(async () => {
        await this.#interrupting;
        if (this.#ending) throw new Error('The connection is being closed.');
        try {
          return await task();
        } catch (error) {
          if (error instanceof Error && mayEndSession(error)) await this.#verifyConnection(error);
          throw error;
        }
      });
    } catch (error) {
      // While this client is ending, errors contain no information about the worker.
      if (isServerError(error) && !this.#closed && !this.#ending) throw error;
      throw this.#lostError(error);
    }
  }

  /** The error may have ended the session; another query shows whether it did. Rejects if so. */
  async #verifyConnection(error: Error): Promise<void> {
    this.#fatalError ??= error;
    await this.#answered({}, () => this.#client.query('SELECT 1'));
    this.#fatalError = undefined;
  }

  #lostError(cause: unknown): SessionLostError {
    const notice = this.#terminationNotice;
    const reason = notice?.message === undefined ? faultOf(this.#fatalError ?? cause) : textFault(notice.message);
    const fault: ServerFault = { code: 'server.connectionLost', cause: reason };
    return new SessionLostError(fault, { cause }, notice?.code === SQLSTATE.crashShutdown);
  }
}

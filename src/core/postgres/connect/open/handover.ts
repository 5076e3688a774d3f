/** Hands an authenticated connection over to `pg`. */
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { Client, Connection, type ClientConfig } from 'pg';
import { WHOLE, type WholeTexts } from '../../../jobs/wholeText';
import { MessageGuard } from '../../client/framing';
import { readInTurns } from '../../client/readInTurns';

export interface ReadyConnection {
  readonly socket: Duplex;
  /** The messages from AuthenticationOk to ReadyForQuery, without the former. */
  readonly greeting: Buffer;
  /** The bytes that were received after the greeting. */
  readonly rest: Buffer;
}

/** Members of `pg`'s Connection that its types lack (pg 8.23, lib/connection.js). */
interface Internals {
  _connecting: boolean;
  _ending: boolean;
  attachListeners(stream: EventEmitter): void;
}

/**
 * A connection of `pg` whose socket is open and authenticated. `pg` sees the messages from BackendKeyData to ReadyForQuery, as if it
 * had sent the startup message itself, and then whole, checked messages. Authentication requests are refused, and all methods that
 * could answer one throw.
 */
class AuthenticatedConnection extends Connection {
  /** `pg`'s parser listens to this emitter instead of the socket. */
  readonly #parser = new EventEmitter();
  readonly #guard = new MessageGuard((message, whole) => {
    // An earlier message of the same chunk closed the socket.
    if (this.#ready.socket.destroyed) return;
    this.#whole = whole;
    this.#parser.emit('data', message);
    this.#whole = undefined;
  });
  /** The whole texts of the message that is being parsed. */
  #whole: WholeTexts | undefined;

  readonly #ready: ReadyConnection;

  constructor(ready: ReadyConnection) {
    super({ stream: () => ready.socket });
    this.#ready = ready;

    (this as unknown as Internals).attachListeners(this.#parser);
  }

  /** Called by the client, which starts to listen to this connection's events afterwards. */
  connect(): void {
    const { socket } = this.#ready;
    const internals = this as unknown as Internals;
    internals._connecting = true;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A reset while we end the connection ourselves is not an error.
      if (internals._ending && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return;
      this.emit('error', error);
    });
    socket.on('close', () => this.emit('end'));
    socket.on(
      'data',
      readInTurns(
        () => this.#ready.socket,
        (chunk) => this.#read(chunk),
      ),
    );
    process.nextTick(() => this.emit('connect'));
  }

  /** Called by the client to start the session, which has already started. */
  startup(): void {
    // Already checked one by one, with other rules than those for a connection that is ready.
    this.#parser.emit('data', this.#ready.greeting);
    if (this.#ready.rest.length > 0) this.#read(this.#ready.rest);
    this.#ready.socket.resume();
  }

  /** Closes the socket if the parser throws: an exception in a socket's event handler would be uncaught. */
  #read(chunk: Buffer): void {
    // Data that was read before the socket was destroyed may still arrive.
    if (this.#ready.socket.destroyed) return;
    try {
      this.#guard.push(chunk);
    } catch (error) {
      this.#ready.socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override emit(event: string, ...args: unknown[]): boolean {
    const [message] = args;
    if (#whole in this && this.#whole && typeof message === 'object' && message !== null) {
      Object.assign(message, { [WHOLE]: this.#whole });
    }
    return super.emit(event, ...args);
  }

  password(): never {
    throw new Error('No password is sent after authentication.');
  }

  sendSASLInitialResponseMessage(): never {
    return this.password();
  }

  sendSCRAMClientFinalMessage(): never {
    return this.password();
  }
}

/**
 * Creates a client of `pg` on the connection. It has no password and cannot be given one.
 * @param onError receives errors of the connection that no query receives
 */
export async function handOver(
  ready: ReadyConnection,
  config: ClientConfig,
  onError: (error: Error) => void,
): Promise<Client> {
  const connection = new AuthenticatedConnection(ready);
  // Set explicitly, so that `pg` does not read them from the environment of this process.
  const settled = { ssl: false, sslnegotiation: 'postgres' };
  const client = new Client({ ...config, ...settled, connection } as ClientConfig);
  const none = { value: () => Promise.reject(new Error('No password exists after authentication.')) };
  Object.defineProperty(client, 'password', { ...none, writable: false, configurable: false, enumerable: false });
  // `pg` reads it from the environment of this process.
  const { connectionParameters } = client as unknown as { connectionParameters: { password: unknown } };
  Object.defineProperty(connectionParameters, 'password', { value: undefined, writable: false });
  client.on('error', (error) => {
    onError(error);
    // A message that answers no query. A server that sends one normally closes the connection; a hostile one could go on forever.
    ready.socket.destroy();
  });
  await client.connect();
  return client;
}

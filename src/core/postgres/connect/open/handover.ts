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
  /** What came after them. */
  readonly rest: Buffer;
}

/** What `pg`'s Connection has beside what its types say (pg 8.23, lib/connection.js). */
interface Internals {
  _connecting: boolean;
  _ending: boolean;
  attachListeners(stream: EventEmitter): void;
}

/**
 * A connection of `pg` whose socket is open and authenticated. `pg` sees the messages from BackendKeyData to ReadyForQuery, as if it
 * had sent the startup message itself; then whole, checked messages. Authentication requests are refused, and no method is left
 * that could answer one.
 */
class AuthenticatedConnection extends Connection {
  /** Stands for the socket that `pg`'s parser listens to. */
  readonly #parser = new EventEmitter();
  readonly #guard = new MessageGuard((message, whole) => {
    // One of the messages before it was the last that we wanted.
    if (this.#ready.socket.destroyed) return;
    this.#whole = whole;
    this.#parser.emit('data', message);
    this.#whole = undefined;
  });
  /** Of the message that is being parsed. */
  #whole: WholeTexts | undefined;

  readonly #ready: ReadyConnection;

  constructor(ready: ReadyConnection) {
    super({ stream: () => ready.socket });
    this.#ready = ready;

    (this as unknown as Internals).attachListeners(this.#parser);
  }

  /** Called by the client, which listens to this connection's events only afterwards. */
  connect(): void {
    const { socket } = this.#ready;
    const internals = this as unknown as Internals;
    internals._connecting = true;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The end of a connection that we end ourselves is no error.
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

  /** Called by the client to begin: all of that has happened. */
  startup(): void {
    // These were checked one by one, with other rules than those for a connection that is ready.
    this.#parser.emit('data', this.#ready.greeting);
    if (this.#ready.rest.length > 0) this.#read(this.#ready.rest);
    this.#ready.socket.resume();
  }

  /** Whatever the parser throws would be thrown in an event of the socket, where nobody catches it. */
  #read(chunk: Buffer): void {
    // What was read before the socket was destroyed may still be handed out.
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
    throw new Error('The password is never sent after the authentication.');
  }

  sendSASLInitialResponseMessage(): never {
    return this.password();
  }

  sendSCRAMClientFinalMessage(): never {
    return this.password();
  }
}

/**
 * A client of `pg` on the connection. It holds no password and cannot be given one.
 * @param onError gets an error of the connection that no query gets
 */
export async function handOver(
  ready: ReadyConnection,
  config: ClientConfig,
  onError: (error: Error) => void,
): Promise<Client> {
  const connection = new AuthenticatedConnection(ready);
  // Given so that `pg` does not look for them in the environment of this process.
  const settled = { ssl: false, sslnegotiation: 'postgres' };
  const client = new Client({ ...config, ...settled, connection } as ClientConfig);
  const none = { value: () => Promise.reject(new Error('There is no password after the authentication.')) };
  Object.defineProperty(client, 'password', { ...none, writable: false, configurable: false, enumerable: false });
  // `pg` takes it from the environment of this process.
  const { connectionParameters } = client as unknown as { connectionParameters: { password: unknown } };
  Object.defineProperty(connectionParameters, 'password', { value: undefined, writable: false });
  client.on('error', (error) => {
    onError(error);
    // A message that belongs to no question. Servers that send one close the connection after it; others could send them forever.
    ready.socket.destroy();
  });
  await client.connect();
  return client;
}

/** The socket of one attempt to connect, until `pg` takes it over: bytes are read only when somebody waits for them. */
import { Socket } from 'node:net';
import * as tls from 'node:tls';
import { HEADER } from '../../client/framing';
import { ConnectError } from '../errors';

/** `connected`: the socket is; if TLS was requested, the server has not agreed yet. */
export type Progress = 'unconnected' | 'connected' | 'handshake' | 'encrypted';

export interface Header {
  readonly type: number;
  /** Counts itself, but not the type. */
  readonly length: number;
}

const ALPN = 'postgresql';

/** The length of the request and its code (PostgreSQL, "Message Formats", SSLRequest). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** The handshake of TLS did not end as it should. */
export class TlsFailure extends Error {}

export class Wire {
  #progress: Progress = 'unconnected';
  #socket = new Socket();
  #chunks: Buffer[] = [];
  #length = 0;
  #failure: Error | undefined;
  readonly #waiting = new Set<() => void>();

  constructor() {
    this.#listen();
  }

  get progress(): Progress {
    return this.#progress;
  }

  get tls(): tls.TLSSocket | undefined {
    return this.#socket instanceof tls.TLSSocket ? this.#socket : undefined;
  }

  /** Closes the socket, at any time; whoever waits gets the error. */
  stop(error?: Error): void {
    if (error) this.#failure ??= error;
    this.#socket.destroy(error);
    this.#wake();
  }

  /** @throws the system's error */
  async connect(to: { path: string } | { host: string; port: number }, keepAlive: number | undefined): Promise<void> {
    const socket = this.#socket;
    socket.setNoDelay(true);
    const connected = new Promise<void>((resolve) => socket.once('connect', resolve));
    socket.connect(to);
    await this.orFailure(connected);
    if (keepAlive !== undefined) socket.setKeepAlive(true, keepAlive);
    this.#progress = 'connected';
  }

  /**
   * Asks for TLS. @returns whether the server agrees
   * @throws TlsFailure where it answers anything else; ConnectError where it sends more than its answer, which somebody on the way
   * may have put there to have it taken for encrypted (CVE-2021-23222)
   */
  async requestTls(): Promise<boolean> {
    this.send(SSL_REQUEST);
    await this.#atLeast(1);
    const answer = this.#take(this.#length).toString('latin1');
    if (answer === 'N') return false;
    if (!answer.startsWith('S')) throw new TlsFailure('the server did not answer the request for TLS');
    if (answer.length > 1) {
      throw new ConnectError(
        'tls',
        'The server sent unencrypted data after it had agreed to TLS, so the connection was closed: check the host and the port, and who may intercept the connection.',
      );
    }
    return true;
  }

  /** Starts TLS. `direct`: without a request, so the server must confirm the protocol. @throws the error of the handshake */
  async encrypt(options: tls.ConnectionOptions, direct: boolean): Promise<void> {
    const raw = this.#socket;
    // Its errors must still find a listener; its end is the encrypted socket's.
    raw.off('data', this.#onData).off('close', this.#onClose);
    this.#progress = 'handshake';
    const socket = tls.connect({ ...options, socket: raw, ...(direct ? { ALPNProtocols: [ALPN] } : {}) });
    this.#socket = socket;
    this.#listen();
    await this.orFailure(new Promise<void>((resolve) => socket.once('secureConnect', resolve)));
    if (direct && socket.alpnProtocol !== ALPN) {
      throw new ConnectError(
        'tls',
        `The server did not confirm the protocol "${ALPN}" (ALPN), which "sslnegotiation": "direct" needs, so the connection was closed: check that PostgreSQL 17 or later answers there, or set "postgres".`,
      );
    }
    this.#progress = 'encrypted';
  }

  send(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** The next message's type and length. */
  async header(): Promise<Header> {
    await this.#atLeast(HEADER);
    const bytes = this.#take(HEADER);
    return { type: bytes[0] ?? 0, length: bytes.readUInt32BE(1) };
  }

  /** The next bytes. */
  async body(count: number): Promise<Buffer> {
    await this.#atLeast(count);
    return this.#take(count);
  }

  /** The result of other work, unless the connection fails before. */
  async orFailure<T>(work: Promise<T>): Promise<T> {
    let give: (() => void) | undefined;
    const failed = new Promise<never>((_, reject) => {
      give = () => {
        if (this.#failure) reject(this.#failure);
      };
      this.#waiting.add(give);
      give();
    });
    try {
      return await Promise.race([work, failed]);
    } finally {
      if (give) this.#waiting.delete(give);
    }
  }

  /** Lets go of the socket, which is paused, with the bytes that were read of it and not used. @throws what has failed */
  release(): { readonly socket: Socket; readonly rest: Buffer } {
    if (this.#failure) throw this.#failure;
    const socket = this.#socket;
    socket.off('data', this.#onData).off('error', this.#onError).off('close', this.#onClose);
    return { socket, rest: this.#take(this.#length) };
  }

  #listen(): void {
    this.#socket.on('data', this.#onData).on('error', this.#onError).on('close', this.#onClose);
    this.#socket.pause();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    this.#socket.pause();
    this.#wake();
  };

  readonly #onError = (error: Error): void => {
    this.#failure ??= error;
    this.#wake();
  };

  readonly #onClose = (): void => {
    this.#failure ??= new Error('Connection terminated unexpectedly');
    this.#wake();
  };

  #wake(): void {
    for (const call of [...this.#waiting]) call();
  }

  /** Waits until so many bytes are there. What has arrived is used before a failure counts. */
  async #atLeast(count: number): Promise<void> {
    while (this.#length < count) {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
        this.#socket.resume();
      });
    }
  }

  #take(count: number): Buffer {
    const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = all.length > count ? [all.subarray(count)] : [];
    this.#length = all.length - count;
    return all.subarray(0, count);
  }
}

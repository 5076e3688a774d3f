/** The socket of one attempt to connect, until `pg` takes it over. Bytes are read only when a caller waits for them. */
import { Socket } from 'node:net';
import * as tls from 'node:tls';
import { HEADER } from '../../client/framing';
import { connectError } from '../errors';

/** `connected`: the socket is connected; if TLS was requested, the server has not agreed yet. */
export type Progress = 'unconnected' | 'connected' | 'handshake' | 'encrypted';

export interface Header {
  readonly type: number;
  /** Includes itself, but not the type. Bytes. */
  readonly length: number;
}

const ALPN = 'postgresql';

/** The length of the request and its code (PostgreSQL, "Message Formats", SSLRequest). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** The server's answer to the request for TLS was invalid. */
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

  /** Closes the socket, at any time; pending calls reject with the error. */
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
   * Requests TLS. @returns whether the server agrees
   * @throws TlsFailure if the answer is invalid; ConnectError if more data follows the answer, which an attacker may have injected so
   * that it is taken for encrypted data (CVE-2021-23222)
   */
  async requestTls(): Promise<boolean> {
    this.send(SSL_REQUEST);
    await this.#atLeast(1);
    const answer = this.#take(this.#length).toString('latin1');
    if (answer === 'N') return false;
    if (!answer.startsWith('S')) throw new TlsFailure('the server did not answer the request for TLS');
    if (answer.length > 1) {
      throw connectError('tls', { code: 'connect.tlsInjectedData' });
    }
    return true;
  }

  /**
   * Starts TLS.
   * @param direct without a request, so the server must confirm the protocol
   * @throws the error of the handshake
   */
  async encrypt(options: tls.ConnectionOptions, direct: boolean): Promise<void> {
    const raw = this.#socket;
    // The error listener stays; the encrypted socket reports the end.
    raw.off('data', this.#onData).off('close', this.#onClose);
    this.#progress = 'handshake';
    const socket = tls.connect({ ...options, socket: raw, ...(direct ? { ALPNProtocols: [ALPN] } : {}) });
    this.#socket = socket;
    this.#listen();
    await this.orFailure(new Promise<void>((resolve) => socket.once('secureConnect', resolve)));
    if (direct && socket.alpnProtocol !== ALPN) {
      throw connectError('tls', { code: 'connect.tlsProtocolNotConfirmed', params: { protocol: ALPN } });
    }
    this.#progress = 'encrypted';
  }

  send(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Reads the next message's type and length. */
  async header(): Promise<Header> {
    await this.#atLeast(HEADER);
    const bytes = this.#take(HEADER);
    return { type: bytes[0] ?? 0, length: bytes.readUInt32BE(1) };
  }

  /** Reads the next bytes. */
  async body(count: number): Promise<Buffer> {
    await this.#atLeast(count);
    return this.#take(count);
  }

  /** The result of `work`, unless the connection fails first. */
  async orFailure<T>(work: Promise<T>): Promise<T> {
    let rejectIfFailed: (() => void) | undefined;
    const failed = new Promise<never>((_, reject) => {
      rejectIfFailed = () => {
        if (this.#failure) reject(this.#failure);
      };
      this.#waiting.add(rejectIfFailed);
      rejectIfFailed();
    });
    try {
      return await Promise.race([work, failed]);
    } finally {
      if (rejectIfFailed) this.#waiting.delete(rejectIfFailed);
    }
  }

  /** Releases the socket, paused, with the bytes that were read and not used. @throws the failure, if the connection has failed */
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

  /** Waits until `count` bytes have arrived. Bytes that arrived before a failure can still be read. */
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

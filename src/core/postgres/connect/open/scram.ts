/**
 * SCRAM-SHA-256 with and without channel binding (PostgreSQL, "SASL Authentication"; RFC 5802, RFC 7677). The cryptography is
 * `pg`'s; here the server's messages are checked more strictly before they get there, as strictly as in libpq (fe-auth-scram.c).
 */
import type { TLSSocket } from 'node:tls';
import { continueSession, finalizeSession, startSession, type ScramSession } from 'pg/lib/crypto/sasl';
import { unsafe } from './authMethods';
import { ConnectError } from '../errors';

/**
 * More than any server is set to (PostgreSQL: 4,096). The keys are derived on a thread of Node's, which a hostile server could
 * otherwise keep busy for minutes; so many iterations take one or two seconds.
 */
export const MAX_SCRAM_ITERATIONS = 5_000_000;

/** server-first-message: the nonce, the salt, the iterations, and no extension. */
const SERVER_FIRST = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+=*),i=([1-9]\d*)$/;
/** server-final-message: the signature, which is a SHA-256. */
const SERVER_FINAL = /^v=[A-Za-z0-9+/]{43}=$/;

export class Scram {
  readonly #session: ScramSession;
  readonly #socket: TLSSocket | undefined;

  /** @param socket to whose certificate the password is bound if the server offers that; undefined: not */
  constructor(mechanisms: readonly string[], socket: TLSSocket | undefined) {
    this.#session = startSession(mechanisms, socket, MAX_SCRAM_ITERATIONS);
    this.#socket = socket;
  }

  get mechanism(): string {
    return this.#session.mechanism;
  }

  /** client-first-message. */
  get first(): string {
    return this.#session.response;
  }

  /** @returns client-final-message @throws ConnectError where the server's message is not as it must be */
  async answer(serverFirst: Buffer, password: string): Promise<string> {
    const text = serverFirst.toString('latin1');
    const [, nonce = '', , iterations = ''] = SERVER_FIRST.exec(text) ?? [];
    if (nonce === '') throw unsafe(broken('its first message is malformed'));
    if (!nonce.startsWith(this.#session.clientNonce)) throw unsafe(broken('it did not repeat our nonce'));
    if (Number(iterations) > MAX_SCRAM_ITERATIONS) {
      throw unsafe(
        `The server asks for ${iterations} iterations of scram-sha-256, so the connection was closed: at most ${MAX_SCRAM_ITERATIONS} are accepted; lower "scram_iterations" there, and set the password again.`,
      );
    }
    try {
      await continueSession(this.#session, password, text, this.#socket);
    } catch (error) {
      throw explain(error);
    }
    return this.#session.response;
  }

  /** @throws ConnectError unless the server has proved that it knows the password */
  verify(serverFinal: Buffer): void {
    const text = serverFinal.toString('latin1');
    if (text.startsWith('e=')) {
      throw new ConnectError(
        'authentication',
        'The server ended scram-sha-256 with an error: enter the password again, and check the log of the server.',
      );
    }
    if (!SERVER_FINAL.test(text)) throw unsafe(broken('its last message is malformed'));
    try {
      finalizeSession(this.#session, text);
    } catch {
      throw unsafe(broken('its signature is wrong'));
    }
  }
}

function broken(how: string): string {
  return `The server did not prove that it knows the password (${how}), so the connection was closed: it may not be the server that it should be; check the host and the port.`;
}

function explain(error: unknown): ConnectError {
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes('channel binding')) {
    return new ConnectError(
      'unsafe',
      'The server\'s certificate is of a kind to which the password cannot be bound: set "channelBinding" to "disable".',
    );
  }
  return unsafe(broken(message));
}

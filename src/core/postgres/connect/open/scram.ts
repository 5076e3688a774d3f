/**
 * SCRAM-SHA-256 with and without channel binding (PostgreSQL, "SASL Authentication"; RFC 5802, RFC 7677). `pg` does the cryptography;
 * before it sees a message of the server, the message is checked here, as strictly as in libpq (fe-auth-scram.c).
 */
import type { TLSSocket } from 'node:tls';
import { continueSession, finalizeSession, startSession, type ScramSession } from 'pg/lib/crypto/sasl';
import { messageOf } from '../../../base/errors';
import type { ScramFlaw } from '../connectFaults';
import { connectError, type ConnectError } from '../errors';
import { unsafe } from './authMethods';

/**
 * More than any server uses (PostgreSQL's default: 4,096). The keys are derived on one of Node's threads, which a hostile server could
 * otherwise keep busy for minutes; this many iterations take one or two seconds.
 */
export const MAX_SCRAM_ITERATIONS = 5_000_000;

/** server-first-message: the nonce, the salt, the iterations, and no extension. */
const SERVER_FIRST = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+=*),i=([1-9]\d*)$/;
/** server-final-message: the signature, which is a SHA-256. */
const SERVER_FINAL = /^v=[A-Za-z0-9+/]{43}=$/;

export class Scram {
  readonly #session: ScramSession;
  readonly #socket: TLSSocket | undefined;

  /** @param socket the password is bound to its certificate if the server offers that; undefined: never */
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

  /** @returns client-final-message @throws ConnectError if the server's message is invalid */
  async answer(serverFirst: Buffer, password: string): Promise<string> {
    const text = serverFirst.toString('latin1');
    const [, nonce = '', , iterations = ''] = SERVER_FIRST.exec(text) ?? [];
    if (nonce === '') throw notProven('malformedFirstMessage');
    if (!nonce.startsWith(this.#session.clientNonce)) throw notProven('wrongNonce');
    if (Number(iterations) > MAX_SCRAM_ITERATIONS) {
      throw unsafe({ code: 'connect.tooManyIterations', params: { iterations, max: MAX_SCRAM_ITERATIONS } });
    }
    try {
      await continueSession(this.#session, password, text, this.#socket);
    } catch (error) {
      throw clientError(error);
    }
    return this.#session.response;
  }

  /** @throws ConnectError unless the server has proven that it knows the password */
  verify(serverFinal: Buffer): void {
    const text = serverFinal.toString('latin1');
    if (text.startsWith('e=')) {
      throw connectError('authentication', { code: 'connect.scramFailed' });
    }
    if (!SERVER_FINAL.test(text)) throw notProven('malformedFinalMessage');
    try {
      finalizeSession(this.#session, text);
    } catch {
      throw notProven('wrongSignature');
    }
  }
}

function notProven(flaw: ScramFlaw, detail?: string): ConnectError {
  return unsafe({ code: 'connect.proofInvalid', params: { flaw, ...(detail === undefined ? {} : { detail }) } });
}

/** An error of `pg`'s key derivation. */
function clientError(error: unknown): ConnectError {
  const message = messageOf(error);
  return message.includes('channel binding')
    ? unsafe({ code: 'connect.channelBindingUnsupported' })
    : notProven('other', message);
}

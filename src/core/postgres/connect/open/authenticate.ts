/**
 * Authentication, from the startup message to the first ReadyForQuery (PostgreSQL, "Message Flow", "Start-up"; libpq, fe-auth.c and
 * fe-connect.c).
 *
 * `pg` takes no part in it: it would answer whatever it is asked, as often as it is asked, and take ReadyForQuery for success
 * whatever came before. So it gets the connection only afterwards ({@link ./handover}), and never the password. Here each message is
 * read only when it is due, and each step accepts exactly the messages that may come there:
 *
 *     AuthenticationOk                                                             if the profile accepts no authentication
 *     AuthenticationCleartextPassword → password → AuthenticationOk                if the profile accepts it
 *     AuthenticationMD5Password → digest → AuthenticationOk
 *     AuthenticationSASL → …Continue → proof → …Final, verified → AuthenticationOk
 *
 * then ParameterStatus, BackendKeyData and NoticeResponse until ReadyForQuery. An ErrorResponse may come anywhere. Everything else
 * ends the attempt before anything more is sent. It is stricter than libpq in these: one method for each connection, one
 * AuthenticationOk, and no AuthenticationOk in the middle of SCRAM even if `requireAuth` is not set.
 */
import { createHash } from 'node:crypto';
import {
  AUTHENTICATION,
  BACKEND_KEY_DATA,
  checkFraming,
  ERROR_RESPONSE,
  HEADER,
  isWellFormed,
  NOTICE_RESPONSE,
  PARAMETER_STATUS,
  READY_FOR_QUERY,
  typeName,
} from '../../client/framing';
import { requestProblem, unsafe, type AuthMethod, type AuthPolicy } from './authMethods';
import { ConnectError } from '../errors';
import { Scram } from './scram';
import { readServerError } from './serverError';
import type { Wire } from './wire';

/** There is no password, and the server asks for one. */
export class NoPassword extends Error {}

export interface Credentials {
  readonly user: string;
  readonly password: string | undefined;
}

export interface Authenticated {
  readonly greeting: Buffer;
  /** False: the server let the user in without asking for a password, for example by pg_hba.conf's `trust`. */
  readonly passwordUsed: boolean;
}

/** Codes of authentication requests (PostgreSQL, "Message Formats", Authentication…), and their names there. */
const OK = 0;
const CLEARTEXT = 3;
const MD5 = 5;
const SASL = 10;
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;
const REQUEST_NAMES: Readonly<Record<number, string>> = {
  [OK]: 'AuthenticationOk',
  2: 'AuthenticationKerberosV5',
  [CLEARTEXT]: 'AuthenticationCleartextPassword',
  [MD5]: 'AuthenticationMD5Password',
  7: 'AuthenticationGSS',
  8: 'AuthenticationGSSContinue',
  9: 'AuthenticationSSPI',
  [SASL]: 'AuthenticationSASL',
  [SASL_CONTINUE]: 'AuthenticationSASLContinue',
  [SASL_FINAL]: 'AuthenticationSASLFinal',
};
const MESSAGE_NAMES: Readonly<Record<number, string>> = {
  [BACKEND_KEY_DATA]: 'BackendKeyData',
  [NOTICE_RESPONSE]: 'NoticeResponse',
  [PARAMETER_STATUS]: 'ParameterStatus',
  [READY_FOR_QUERY]: 'ReadyForQuery',
  0x76: 'NegotiateProtocolVersion',
};

/** As in libpq (PQconnectPoll). Bytes, with the length itself. */
const MAX_REQUEST = 2000;
/** Of an error, which ends the attempt, no more is read. Of all other messages together no more is accepted. Bytes. */
const MAX_ERROR = 65_536;
const MAX_UNTIL_READY = 1_048_576;

interface Request {
  readonly code: number;
  readonly data: Buffer;
}

/**
 * @returns the messages from BackendKeyData to ReadyForQuery, checked, for `pg`, and whether the server asked for the password
 * @throws ConnectError; NoPassword; DatabaseError where the server answers with an error; what the wire throws
 */
export async function authenticate(wire: Wire, policy: AuthPolicy, credentials: Credentials): Promise<Authenticated> {
  const authentication = new Authentication(wire, policy, credentials);
  await authentication.run();
  return { greeting: await untilReady(wire), passwordUsed: authentication.passwordUsed };
}

class Authentication {
  /** For a message that does not belong where it comes. */
  #when = 'before it asked who we are';
  #passwordUsed = false;

  readonly #wire: Wire;
  readonly #policy: AuthPolicy;
  readonly #credentials: Credentials;

  constructor(wire: Wire, policy: AuthPolicy, credentials: Credentials) {
    this.#wire = wire;
    this.#policy = policy;
    this.#credentials = credentials;
  }

  get passwordUsed(): boolean {
    return this.#passwordUsed;
  }

  async run(): Promise<void> {
    const request = await this.#request();
    switch (request.code) {
      case OK:
        checkLength(request, 0);
        this.#check('none');
        return;
      case CLEARTEXT: {
        checkLength(request, 0);
        this.#check('password');
        this.#wire.send(message(Buffer.from(`${this.#password()}\0`)));
        break;
      }
      case MD5: {
        checkLength(request, 4);
        this.#check('md5');
        this.#wire.send(message(Buffer.from(`${md5Answer(this.#credentials.user, this.#password(), request.data)}\0`)));
        break;
      }
      case SASL:
        await this.#scram(readMechanisms(request));
        break;
      default:
        throw unavailable(request.code);
    }
    checkLength(await this.#expect(OK), 0);
  }

  async #scram(mechanisms: readonly string[]): Promise<void> {
    const policy = this.#policy;
    const wire = this.#wire;
    const offersBinding = mechanisms.includes('SCRAM-SHA-256-PLUS');
    if (offersBinding && !policy.tls) {
      throw unsafe(
        'The server offers SCRAM-SHA-256-PLUS over a connection without TLS, which PostgreSQL never does, so the connection was closed: somebody may have removed the encryption on the way; set "sslmode" to "verify-full".',
      );
    }
    const socket = policy.tls && policy.channelBinding !== 'disable' ? wire.tls : undefined;
    const binds = offersBinding && socket !== undefined;
    if (!binds && !mechanisms.includes('SCRAM-SHA-256')) {
      throw notAvailable(offersBinding ? 'SCRAM-SHA-256-PLUS (which "channelBinding": "disable" forbids)' : 'SASL');
    }
    this.#check('scram-sha-256', binds);
    const password = this.#password();
    const scram = new Scram(mechanisms, socket);
    const first = Buffer.from(scram.first);
    wire.send(message(Buffer.concat([Buffer.from(`${scram.mechanism}\0`), int32(first.length), first])));
    const { data } = await this.#expect(SASL_CONTINUE);
    wire.send(message(Buffer.from(await wire.orFailure(scram.answer(data, password)))));
    scram.verify((await this.#expect(SASL_FINAL)).data);
  }

  /** @throws ConnectError ('unsafe') */
  #check(method: AuthMethod, bound?: boolean): void {
    const problem = requestProblem(this.#policy, method, bound);
    if (problem) throw problem;
    if (method !== 'none') this.#when = `after it had asked for the method "${method}"`;
  }

  #password(): string {
    if (this.#credentials.password === undefined) throw new NoPassword();
    this.#passwordUsed = true;
    return this.#credentials.password;
  }

  /** The next message, which must be this one. */
  async #expect(code: number): Promise<Request> {
    const request = await this.#request();
    if (request.code === code) return request;
    if (code !== OK && request.code === OK) {
      throw unsafe(
        'The server did not prove that it knows the password before it let us in, so the connection was closed: it may not be the server that it should be; check the host and the port.',
      );
    }
    throw unexpected(REQUEST_NAMES[request.code] ?? `the authentication request ${request.code}`, this.#when);
  }

  async #request(): Promise<Request> {
    const { type, length } = await header(this.#wire);
    if (type !== AUTHENTICATION) {
      const name = MESSAGE_NAMES[type];
      // A greeting of another protocol may begin with one of these letters.
      if (name !== undefined && length >= 4 && length <= MAX_ERROR) throw unexpected(name, this.#when);
      throw new ConnectError(
        'unreachable',
        `What answers there does not speak PostgreSQL's protocol (it sent a message of the type ${typeName(type)}): check the host and the port.`,
      );
    }
    if (length < 8 || length > MAX_REQUEST) throw damaged('an authentication request', length);
    const body = await this.#wire.body(length - 4);
    return { code: body.readUInt32BE(0), data: body.subarray(4) };
  }
}

/** What the server says of itself once it has let us in. */
async function untilReady(wire: Wire): Promise<Buffer> {
  const messages: Buffer[] = [];
  let size = 0;
  let hasKey = false;
  for (;;) {
    const { type, length } = await header(wire);
    const known = [PARAMETER_STATUS, BACKEND_KEY_DATA, NOTICE_RESPONSE, READY_FOR_QUERY].includes(type);
    if (!known || (hasKey && type === BACKEND_KEY_DATA)) {
      const name = type === AUTHENTICATION ? 'an authentication request' : MESSAGE_NAMES[type];
      throw unexpected(name ?? `a message of the type ${typeName(type)}`, 'after AuthenticationOk');
    }
    size += length;
    if (length < 4 || size > MAX_UNTIL_READY) throw damaged(MESSAGE_NAMES[type] ?? '', length);
    const start = Buffer.alloc(HEADER);
    start[0] = type;
    start.writeUInt32BE(length, 1);
    const whole = Buffer.concat([start, await wire.body(length - 4)]);
    if (!isWellFormed(whole)) throw damaged(MESSAGE_NAMES[type] ?? '', length);
    messages.push(whole);
    if (type === READY_FOR_QUERY) return Buffer.concat(messages);
    hasKey ||= type === BACKEND_KEY_DATA;
  }
}

/** The next message's type and length. @throws DatabaseError if it is an error */
async function header(wire: Wire): Promise<{ type: number; length: number }> {
  const { type, length } = await wire.header();
  if (type !== ERROR_RESPONSE) return { type, length };
  checkFraming(type, length);
  throw readServerError(await wire.body(Math.min(length - 4, MAX_ERROR)));
}

/** @throws ConnectError unless the request has this many bytes beside its code */
function checkLength({ code, data }: Request, bytes: number): void {
  if (data.length !== bytes) throw damaged(REQUEST_NAMES[code] ?? '', data.length + 8);
}

function readMechanisms(request: Request): readonly string[] {
  const names = request.data.toString('latin1').split('\0');
  // Each ends with a zero byte, and so does the list.
  if (names.length < 3 || names.pop() !== '' || names.pop() !== '' || names.includes('')) {
    throw damaged('AuthenticationSASL', request.data.length + 8);
  }
  return names;
}

/** PostgreSQL, "Message Flow", AuthenticationMD5Password. */
function md5Answer(user: string, password: string, salt: Buffer): string {
  const md5 = (...parts: readonly (string | Buffer)[]): string => {
    const hash = createHash('md5');
    for (const part of parts) hash.update(part);
    return hash.digest('hex');
  };
  try {
    return `md5${md5(md5(password, user), salt)}`;
  } catch (error) {
    throw new ConnectError(
      'authentication',
      'The server asks for md5, which is not available on this computer: ask its administrator for scram-sha-256.',
      { cause: error },
    );
  }
}

/** The server's messages are documented, so what is not is no mistake of its administrator. */
function unexpected(what: string, when: string): ConnectError {
  return unsafe(
    `The server sent ${what} ${when}, which PostgreSQL never does, so the connection was closed and nothing more was sent: it may not be the server that it should be; check the host and the port.`,
  );
}

function damaged(what: string, length: number): ConnectError {
  return new ConnectError(
    'unreachable',
    `The server sent ${what} that is damaged (length ${length}), so the connection was closed: check the host and the port, and that a PostgreSQL server answers there.`,
  );
}

function unavailable(code: number): ConnectError {
  if (code === SASL_CONTINUE || code === SASL_FINAL || code === 8) {
    return unexpected(REQUEST_NAMES[code] ?? '', 'before it asked who we are');
  }
  return notAvailable({ 2: 'Kerberos', 7: 'GSSAPI', 9: 'SSPI' }[code] ?? `a method unknown here (${code})`);
}

function notAvailable(method: string): ConnectError {
  return new ConnectError(
    'authentication',
    `The server asks for ${method} to find out who you are, which is not available here: ask its administrator for scram-sha-256, or for a certificate.`,
  );
}

/** PasswordMessage, SASLInitialResponse and SASLResponse have one type. */
function message(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from('p'), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** StartupMessage, protocol 3.0. @throws ConnectError ('profile') */
export function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const words = Object.entries(parameters).flat();
  if (words.some((word) => word.includes('\0'))) {
    throw new ConnectError('profile', 'The user, the database, or a parameter has a zero character in it: remove it.');
  }
  const body = Buffer.from(`${words.map((word) => `${word}\0`).join('')}\0`);
  return Buffer.concat([int32(body.length + 8), int32(0x30000), body]);
}

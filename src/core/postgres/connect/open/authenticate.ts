/**
 * Authentication, from the startup message to the first ReadyForQuery (PostgreSQL, "Message Flow", "Start-up"; libpq, fe-auth.c and
 * fe-connect.c).
 *
 * `pg` is not involved: it would answer any request, any number of times, and take ReadyForQuery for success whatever came before.
 * Therefore it gets the connection only afterwards ({@link ./handover}), and never gets the password. Here each message is read only
 * when it is due, and each step accepts exactly the messages that are valid in it:
 *
 *     AuthenticationOk                                                             if the profile accepts `none`
 *     AuthenticationCleartextPassword → password → AuthenticationOk                if the profile accepts it
 *     AuthenticationMD5Password → digest → AuthenticationOk
 *     AuthenticationSASL → …Continue → proof → …Final, verified → AuthenticationOk
 *
 * then ParameterStatus, BackendKeyData, and NoticeResponse until ReadyForQuery. An ErrorResponse is valid anywhere. Anything else
 * ends the attempt before more is sent. This is stricter than libpq: one method per connection, one AuthenticationOk, and no
 * AuthenticationOk in the middle of SCRAM even if `requireAuth` is not set.
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
import type { ReceivedMessage } from '../connectFaults';
import { connectError, type ConnectError } from '../errors';
import { requestProblem, unsafe, type AuthMethod, type AuthPolicy } from './authMethods';
import { Scram } from './scram';
import { readServerError } from './serverError';
import type { Wire } from './wire';

/** The server asks for a password, and there is none. */
export class NoPassword extends Error {}

export interface Credentials {
  readonly user: string;
  readonly password: string | undefined;
}

export interface Authenticated {
  readonly greeting: Buffer;
  /** False: the server did not ask for a password, e.g. because of `trust` in pg_hba.conf. */
  readonly passwordUsed: boolean;
}

/** Codes and names of authentication requests (PostgreSQL, "Message Formats", Authentication…). */
const OK = 0;
const CLEARTEXT = 3;
const MD5 = 5;
const GSS_CONTINUE = 8;
const SASL = 10;
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;
const REQUEST_NAMES: Readonly<Record<number, string>> = {
  [OK]: 'AuthenticationOk',
  2: 'AuthenticationKerberosV5',
  [CLEARTEXT]: 'AuthenticationCleartextPassword',
  [MD5]: 'AuthenticationMD5Password',
  7: 'AuthenticationGSS',
  [GSS_CONTINUE]: 'AuthenticationGSSContinue',
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

/** As in libpq (PQconnectPoll). Bytes, including the length itself. */
const MAX_REQUEST = 2000;
/** No more is read of an error, which ends the attempt. Bytes. */
const MAX_ERROR = 65_536;
/** The total size of all messages from AuthenticationOk to ReadyForQuery. Bytes. */
const MAX_UNTIL_READY = 1_048_576;

interface Request {
  readonly code: number;
  readonly data: Buffer;
}

/**
 * @returns the checked messages from BackendKeyData to ReadyForQuery, for `pg`, and whether the server asked for the password
 * @throws ConnectError; NoPassword; DatabaseError if the server sends an error; the errors of the wire
 */
export async function authenticate(wire: Wire, policy: AuthPolicy, credentials: Credentials): Promise<Authenticated> {
  const authentication = new Authentication(wire, policy, credentials);
  await authentication.run();
  return { greeting: await untilReady(wire), passwordUsed: authentication.passwordUsed };
}

class Authentication {
  /** The method that the server requested; undefined before the request. */
  #method: AuthMethod | undefined;
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
      throw unsafe({ code: 'connect.plusWithoutTls' });
    }
    const socket = policy.tls && policy.channelBinding !== 'disable' ? wire.tls : undefined;
    const binds = offersBinding && socket !== undefined;
    if (!binds && !mechanisms.includes('SCRAM-SHA-256')) {
      throw offersBinding ? connectError('authentication', { code: 'connect.plusNotAllowed' }) : notSupported('SASL');
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
    if (method !== 'none') this.#method = method;
  }

  #password(): string {
    if (this.#credentials.password === undefined) throw new NoPassword();
    this.#passwordUsed = true;
    return this.#credentials.password;
  }

  /** Reads the next message, which must have this code. */
  async #expect(code: number): Promise<Request> {
    const request = await this.#request();
    if (request.code === code) return request;
    if (code !== OK && request.code === OK) {
      throw unsafe({ code: 'connect.okWithoutProof' });
    }
    throw unexpected(requestName(request.code), this.#method);
  }

  async #request(): Promise<Request> {
    const { type, length } = await header(this.#wire);
    if (type !== AUTHENTICATION) {
      const name = MESSAGE_NAMES[type];
      // A greeting of another protocol may begin with the same letter.
      if (name !== undefined && length >= 4 && length <= MAX_ERROR) throw unexpected({ message: name }, this.#method);
      throw connectError('unreachable', { code: 'connect.notPostgres', params: { messageType: typeName(type) } });
    }
    if (length < 8 || length > MAX_REQUEST) throw damaged({ message: 'AuthenticationRequest' }, length);
    const body = await this.#wire.body(length - 4);
    return { code: body.readUInt32BE(0), data: body.subarray(4) };
  }
}

/** Reads the messages that follow AuthenticationOk. */
async function untilReady(wire: Wire): Promise<Buffer> {
  const messages: Buffer[] = [];
  let size = 0;
  let hasKey = false;
  for (;;) {
    const { type, length } = await header(wire);
    const known = [PARAMETER_STATUS, BACKEND_KEY_DATA, NOTICE_RESPONSE, READY_FOR_QUERY].includes(type);
    if (!known || (hasKey && type === BACKEND_KEY_DATA)) {
      const params = type === AUTHENTICATION ? { message: 'AuthenticationRequest' } : messageName(type);
      throw unsafe({ code: 'connect.messageAfterOk', params });
    }
    size += length;
    if (length < 4 || size > MAX_UNTIL_READY) throw damaged(messageName(type), length);
    const start = Buffer.alloc(HEADER);
    start[0] = type;
    start.writeUInt32BE(length, 1);
    const whole = Buffer.concat([start, await wire.body(length - 4)]);
    if (!isWellFormed(whole)) throw damaged(messageName(type), length);
    messages.push(whole);
    if (type === READY_FOR_QUERY) return Buffer.concat(messages);
    hasKey ||= type === BACKEND_KEY_DATA;
  }
}

/** Reads the next message's type and length. @throws DatabaseError if it is an error */
async function header(wire: Wire): Promise<{ type: number; length: number }> {
  const { type, length } = await wire.header();
  if (type !== ERROR_RESPONSE) return { type, length };
  checkFraming(type, length);
  throw readServerError(await wire.body(Math.min(length - 4, MAX_ERROR)));
}

/** @throws ConnectError unless the request has exactly this many bytes after its code */
function checkLength({ code, data }: Request, bytes: number): void {
  if (data.length !== bytes) throw damaged(requestName(code), data.length + 8);
}

function readMechanisms(request: Request): readonly string[] {
  const names = request.data.toString('latin1').split('\0');
  // Each ends with a zero byte, and so does the list.
  if (names.length < 3 || names.pop() !== '' || names.pop() !== '' || names.includes('')) {
    throw damaged(requestName(SASL), request.data.length + 8);
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
    throw connectError('authentication', { code: 'connect.md5Unavailable' }, { cause: error });
  }
}

function messageName(type: number): ReceivedMessage {
  const message = MESSAGE_NAMES[type];
  return message === undefined ? { messageType: typeName(type) } : { message };
}

function requestName(code: number): ReceivedMessage {
  const message = REQUEST_NAMES[code];
  return message === undefined ? { authenticationCode: code } : { message };
}

/** The protocol is documented, so an undocumented message is not a mistake of the server's administrator. */
function unexpected(received: ReceivedMessage, method: AuthMethod | undefined): ConnectError {
  return unsafe(
    method === undefined
      ? { code: 'connect.messageBeforeRequest', params: received }
      : { code: 'connect.messageAfterRequest', params: { ...received, method } },
  );
}

function damaged(received: ReceivedMessage, length: number): ConnectError {
  return connectError('unreachable', { code: 'connect.damagedMessage', params: { ...received, length } });
}

/** The error for a request that this extension does not answer. */
function unavailable(code: number): ConnectError {
  if (code === SASL_CONTINUE || code === SASL_FINAL || code === GSS_CONTINUE)
    return unexpected(requestName(code), undefined);
  const method = { 2: 'Kerberos', 7: 'GSSAPI', 9: 'SSPI' }[code];
  return method === undefined
    ? connectError('authentication', { code: 'connect.unknownMethod', params: { authenticationCode: code } })
    : notSupported(method);
}

function notSupported(method: string): ConnectError {
  return connectError('authentication', { code: 'connect.methodNotSupported', params: { method } });
}

/** PasswordMessage, SASLInitialResponse, and SASLResponse have the same type. */
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
    throw connectError('profile', { code: 'connect.zeroCharacter' });
  }
  const body = Buffer.from(`${words.map((word) => `${word}\0`).join('')}\0`);
  return Buffer.concat([int32(body.length + 8), int32(0x30000), body]);
}

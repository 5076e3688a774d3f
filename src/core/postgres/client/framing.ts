/**
 * Messages of the wire protocol as the server sends them (PostgreSQL, "Message Formats"): a type, a length that includes itself, and a
 * body. This module checks what a parser relies on. `pg` checks none of it, and loops forever on some of what is rejected here.
 */
import { FaultError } from '../../base/fault';
import type { WholeTexts } from '../../jobs/wholeText';
import type { ServerFault } from '../faults';
import { LONG_MESSAGE, LongMessage } from './longMessage';

/** Size of a message's type and length. Bytes. */
export const HEADER = 5;

export const AUTHENTICATION = 0x52; // 'R'
export const BACKEND_KEY_DATA = 0x4b; // 'K'
export const COPY_DATA = 0x64; // 'd'
export const COPY_DONE = 0x63; // 'c'
export const COPY_OUT_RESPONSE = 0x48; // 'H'
export const ERROR_RESPONSE = 0x45; // 'E'
export const NOTICE_RESPONSE = 0x4e; // 'N'
export const PARAMETER_STATUS = 0x53; // 'S'
export const READY_FOR_QUERY = 0x5a; // 'Z'
const COMMAND_COMPLETE = 0x43; // 'C'
const DATA_ROW = 0x44; // 'D'
const NOTIFICATION_RESPONSE = 0x41; // 'A'
const ROW_DESCRIPTION = 0x54; // 'T'

/** The server cannot build longer messages (memutils.h, MaxAllocSize). Bytes. */
const MAX_LENGTH = 0x3fffffff;
/** Maximum length of a message of any other type (fe-protocol3.c, pqParseInput3). Bytes. */
const MAX_SHORT_LENGTH = 30_000;
const MAX_LENGTHS = new Map([
  // Processed piece by piece as they arrive.
  [COPY_DATA, MAX_LENGTH],
  [ERROR_RESPONSE, MAX_LENGTH],
  [NOTICE_RESPONSE, MAX_LENGTH],
  // Held in memory. The longest answer to a query of ours is the list of all workers.
  [DATA_ROW, 16 * 1024 * 1024],
  // 1,664 columns with names of 63 bytes need an eighth of this.
  [ROW_DESCRIPTION, 1024 * 1024],
]);
/** All rows of one answer. The rows of jobs are read by COPY instead. Bytes. */
const MAX_ROWS = 64 * 1024 * 1024;
/** Minimum memory that a row needs in addition to its bytes. */
const ROW_OVERHEAD = 100;
/** Maximum number of fields of an error or a notice; PostgreSQL 18 has 18. */
const MAX_FIELDS = 64;

/** Types of messages on a connection that is ready, without COPY FROM STDIN. AuthenticationXXX and BackendKeyData belong before that. */
const AFTER_READY = new Set([...Buffer.from('123ACDEHINSTZcdnst')]);
/** The types that only occur during COPY TO STDOUT. */
const COPYING = new Set([COPY_DATA, COPY_DONE, COPY_OUT_RESPONSE]);

/** The server sent bytes that are not messages of the protocol. */
export class ProtocolError extends FaultError<ServerFault> {}

/** @returns the problem of a message header, if it has one @param length includes the length field itself */
export function framingFault(type: number, length: number): ServerFault | undefined {
  if (!AFTER_READY.has(type)) return { code: 'server.unexpectedMessage', params: { type: typeName(type) } };
  if (length < 4 || length > (MAX_LENGTHS.get(type) ?? MAX_SHORT_LENGTH)) {
    return { code: 'server.impossibleLength', params: { type: typeName(type), length } };
  }
  return undefined;
}

/** @throws ProtocolError if the header is not one of the protocol's */
export function checkFraming(type: number, length: number): void {
  const fault = framingFault(type, length);
  if (fault) throw new ProtocolError(fault);
}

/** `"R"`, or `0x07` if the type is not a printable character. */
export function typeName(type: number): string {
  return type > 0x20 && type < 0x7f ? `"${String.fromCharCode(type)}"` : `0x${type.toString(16).padStart(2, '0')}`;
}

/** Whether all texts of a message end within it. @param message includes the header */
export function isWellFormed(message: Buffer): boolean {
  switch (message[0]) {
    case ERROR_RESPONSE:
    case NOTICE_RESPONSE:
      return endsAfterFields(message);
    case PARAMETER_STATUS:
      return afterTexts(message, HEADER, 2) === message.length;
    case NOTIFICATION_RESPONSE:
      return afterTexts(message, HEADER + 4, 2) === message.length;
    case COMMAND_COMPLETE:
      return afterTexts(message, HEADER, 1) === message.length;
    case ROW_DESCRIPTION:
      return endsAfterColumns(message);
    case BACKEND_KEY_DATA:
      return message.length === HEADER + 8;
    case READY_FOR_QUERY:
      return message.length === HEADER + 1;
    default:
      return true;
  }
}

/** The index after `count` zero-terminated texts; -1 if the message ends before that. */
function afterTexts(message: Buffer, from: number, count: number): number {
  let at = from;
  for (let i = 0; i < count; i++) {
    const end = at > message.length ? -1 : message.indexOf(0, at);
    if (end === -1) return -1;
    at = end + 1;
  }
  return at;
}

/** Checks ErrorResponse and NoticeResponse: pairs of a letter and a text, then a zero byte. */
function endsAfterFields(message: Buffer): boolean {
  let at = HEADER;
  for (let fields = 0; at < message.length && fields <= MAX_FIELDS; fields++) {
    if (message[at] === 0) return at + 1 === message.length;
    at = afterTexts(message, at + 1, 1);
    if (at === -1) return false;
  }
  return false;
}

/** Checks RowDescription: a count, then that many names with 18 bytes each. */
function endsAfterColumns(message: Buffer): boolean {
  if (message.length < HEADER + 2) return false;
  const columns = message.readInt16BE(HEADER);
  let at = HEADER + 2;
  for (let i = 0; i < columns; i++) {
    at = afterTexts(message, at, 1);
    if (at === -1) return false;
    at += 18;
  }
  return at === message.length;
}

/**
 * Filters the input of `pg`'s parser once a connection is ready: it checks messages and passes on only complete ones. It buffers at
 * most one message, in at most twice the memory of the bytes received. Of a long error or notice it passes on the beginnings of the
 * texts. COPY TO STDOUT has a separate reader ({@link ./copyOut}).
 */
export class MessageGuard {
  /** The received part of an incomplete message. */
  #buffer = Buffer.alloc(0);
  #length = 0;
  #long: LongMessage | undefined;
  /** Memory for the rows of the current answer. Bytes. */
  #rowBytes = 0;

  readonly #parse: (message: Buffer, whole?: WholeTexts) => void;

  /** @param parse called with each message, and with the full texts of those that the message contains only the beginning of */
  constructor(parse: (message: Buffer, whole?: WholeTexts) => void) {
    this.#parse = parse;
  }

  /** @throws ProtocolError, and any error of the parser */
  push(chunk: Buffer): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.#long) from += this.#continueLong(this.#long, chunk, from);
      else if (this.#length > 0 || from + HEADER > chunk.length) from += this.#collect(chunk, from);
      else {
        const end = from + sizeOf(chunk, from);
        if (isLong(chunk, from)) {
          this.#beginLong(chunk, from);
          from += HEADER;
        } else if (end > chunk.length) {
          from += this.#take(chunk, from, chunk.length - from);
        } else {
          this.#pass(chunk.subarray(from, end));
          from = end;
        }
      }
    }
  }

  /** Adds bytes to the buffered message. @returns how many bytes it took */
  #collect(chunk: Buffer, from: number): number {
    const wanted = this.#length < HEADER ? HEADER : sizeOf(this.#buffer, 0);
    const taken = this.#take(chunk, from, wanted - this.#length);
    if (this.#length < HEADER) return taken;
    const size = sizeOf(this.#buffer, 0);
    if (isLong(this.#buffer, 0)) this.#beginLong(this.#buffer, 0);
    else if (this.#length < size) return taken;
    const message = this.#buffer.subarray(0, this.#length);
    // The parser may keep parts of the message, so the buffer cannot be reused.
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
    if (!this.#long) this.#pass(message);
    return taken;
  }

  #beginLong(bytes: Buffer, at: number): void {
    this.#long = new LongMessage(bytes[at] ?? 0, bytes.readUInt32BE(at + 1), MAX_FIELDS);
  }

  #continueLong(long: LongMessage, chunk: Buffer, from: number): number {
    const taken = long.push(chunk, from);
    if (taken === undefined) throw damaged(long.type);
    if (long.complete) {
      this.#long = undefined;
      const { body, whole } = long.result();
      const head = Buffer.alloc(HEADER);
      head[0] = long.type;
      head.writeUInt32BE(body.length + 4, 1);
      this.#parse(Buffer.concat([head, body]), whole);
    }
    return taken;
  }

  /** Buffers at most `max` bytes of the chunk. @returns how many */
  #take(chunk: Buffer, from: number, max: number): number {
    const count = Math.min(max, chunk.length - from);
    if (this.#length + count > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#length + count));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.#length, from, from + count);
    this.#length += count;
    return count;
  }

  #pass(message: Buffer): void {
    const type = message[0] ?? 0;
    if (!isWellFormed(message)) throw damaged(type);
    if (type === DATA_ROW) {
      this.#rowBytes += message.length + ROW_OVERHEAD;
      if (this.#rowBytes > MAX_ROWS) throw new ProtocolError({ code: 'server.tooManyRows' });
    } else if (type === READY_FOR_QUERY) this.#rowBytes = 0;
    this.#parse(message);
  }
}

/** The size of the message at `at`, including its type. Bytes. @throws ProtocolError */
function sizeOf(bytes: Buffer, at: number): number {
  const type = bytes[at] ?? 0;
  const length = bytes.readUInt32BE(at + 1);
  if (COPYING.has(type)) {
    throw new ProtocolError({ code: 'server.unexpectedMessage', params: { type: typeName(type) } });
  }
  checkFraming(type, length);
  return 1 + length;
}

/** Whether the header is that of a long error or notice, which is processed piece by piece. */
function isLong(bytes: Buffer, at: number): boolean {
  const type = bytes[at];
  return (type === ERROR_RESPONSE || type === NOTICE_RESPONSE) && bytes.readUInt32BE(at + 1) > LONG_MESSAGE;
}

function damaged(type: number): ProtocolError {
  return new ProtocolError({ code: 'server.damagedMessage', params: { type: typeName(type) } });
}

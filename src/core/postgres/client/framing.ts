/**
 * Messages of the wire protocol as the server sends them (PostgreSQL, "Message Formats"): a type, a length that counts itself, and a
 * body. What is checked here is what a parser relies on; `pg` checks none of it, and loops forever on some of what is refused here.
 */

import type { WholeTexts } from '../../jobs/wholeText';
import { LONG_MESSAGE, LongMessage } from './longMessage';

/** Bytes of a message's type and length. */
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

/** The server builds no message beyond this (memutils.h, MaxAllocSize). Bytes. */
const MAX_LENGTH = 0x3fffffff;
/** Messages of all other types are short (fe-protocol3.c, pqParseInput3). Bytes. */
const MAX_SHORT_LENGTH = 30_000;
const MAX_LENGTHS = new Map([
  // These are worked off as they come.
  [COPY_DATA, MAX_LENGTH],
  [ERROR_RESPONSE, MAX_LENGTH],
  [NOTICE_RESPONSE, MAX_LENGTH],
  // These come whole, as answers to questions of ours, whose longest is the list of all workers.
  [DATA_ROW, 16 * 1024 * 1024],
  // 1,664 columns with names of 63 bytes take an eighth of it.
  [ROW_DESCRIPTION, 1024 * 1024],
]);
/** All rows of an answer together. Rows of jobs come by COPY. Bytes. */
const MAX_ROWS = 64 * 1024 * 1024;
/** What a row takes in memory beside its bytes, at least. */
const ROW_OVERHEAD = 100;
/** Of an error or a notice; PostgreSQL 18 has 18. */
const MAX_FIELDS = 64;

/** What may come once a connection is ready, if nothing is copied in. AuthenticationXXX and BackendKeyData belong before that. */
const AFTER_READY = new Set([...Buffer.from('123ACDEHINSTZcdnst')]);
/** …and of these, what comes only while something is copied out. */
const COPYING = new Set([COPY_DATA, COPY_DONE, COPY_OUT_RESPONSE]);

/** The server's bytes are not messages of the protocol. The message is one sentence. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** @returns what is wrong with a message of this type and length (which counts itself), or undefined */
export function framingProblem(type: number, length: number): string | undefined {
  if (!AFTER_READY.has(type)) return `a message of the unexpected type ${typeName(type)}`;
  if (length < 4 || length > (MAX_LENGTHS.get(type) ?? MAX_SHORT_LENGTH)) {
    return `a message of the type ${typeName(type)} with the impossible length ${length}`;
  }
  return undefined;
}

/** @throws ProtocolError where there is a problem */
export function checkFraming(type: number, length: number): void {
  const problem = framingProblem(type, length);
  if (problem !== undefined) throw closed(problem);
}

/** `"R"`, or `0x07` where it is not a printable character. */
export function typeName(type: number): string {
  return type > 0x20 && type < 0x7f ? `"${String.fromCharCode(type)}"` : `0x${type.toString(16).padStart(2, '0')}`;
}

/** True if the texts in the message end within it. `message`: with its header. */
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

/** The index after `count` texts that end with a zero byte; -1 if the message ends before. */
function afterTexts(message: Buffer, from: number, count: number): number {
  let at = from;
  for (let i = 0; i < count; i++) {
    const end = at > message.length ? -1 : message.indexOf(0, at);
    if (end === -1) return -1;
    at = end + 1;
  }
  return at;
}

/** ErrorResponse and NoticeResponse: pairs of a letter and a text, then a zero byte. */
function endsAfterFields(message: Buffer): boolean {
  let at = HEADER;
  for (let fields = 0; at < message.length && fields <= MAX_FIELDS; fields++) {
    if (message[at] === 0) return at + 1 === message.length;
    at = afterTexts(message, at + 1, 1);
    if (at === -1) return false;
  }
  return false;
}

/** RowDescription: a number, then as many names with 18 bytes each. */
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
 * Stands before `pg`'s parser once a connection is ready, and hands it whole messages only, after checking them. It holds at most
 * one message, in at most twice the bytes that have arrived of it, and of a long error or notice it hands over the beginnings of the
 * texts. Nothing is copied out here: that is another reader's ({@link ./copyOut}).
 */
export class MessageGuard {
  /** The beginning of a message that is not complete yet. */
  #buffer = Buffer.alloc(0);
  #length = 0;
  #long: LongMessage | undefined;
  /** Of the answer that is coming. */
  #rowBytes = 0;

  readonly #parse: (message: Buffer, whole?: WholeTexts) => void;

  /** @param parse gets a message, and the texts of which it has only the beginning */
  constructor(parse: (message: Buffer, whole?: WholeTexts) => void) {
    this.#parse = parse;
  }

  /** @throws ProtocolError, and whatever the parser throws */
  push(chunk: Buffer): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.#long) from += this.#goOn(this.#long, chunk, from);
      else if (this.#length > 0 || from + HEADER > chunk.length) from += this.#collect(chunk, from);
      else {
        const end = from + sizeOf(chunk, from);
        if (isLong(chunk, from)) {
          this.#begin(chunk, from);
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

  /** Adds to a message whose beginning is here. Returns how many bytes. */
  #collect(chunk: Buffer, from: number): number {
    const wanted = this.#length < HEADER ? HEADER : sizeOf(this.#buffer, 0);
    const taken = this.#take(chunk, from, wanted - this.#length);
    if (this.#length < HEADER) return taken;
    const size = sizeOf(this.#buffer, 0);
    if (isLong(this.#buffer, 0)) this.#begin(this.#buffer, 0);
    else if (this.#length < size) return taken;
    const message = this.#buffer.subarray(0, this.#length);
    // The parser may keep parts of the message, so its buffer is not used again.
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
    if (!this.#long) this.#pass(message);
    return taken;
  }

  #begin(bytes: Buffer, at: number): void {
    this.#long = new LongMessage(bytes[at] ?? 0, bytes.readUInt32BE(at + 1), MAX_FIELDS);
  }

  #goOn(long: LongMessage, chunk: Buffer, from: number): number {
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

  /** Keeps at most `most` bytes of the chunk. Returns how many. */
  #take(chunk: Buffer, from: number, most: number): number {
    const count = Math.min(most, chunk.length - from);
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
      if (this.#rowBytes > MAX_ROWS) throw closed('more rows than any question asks for');
    } else if (type === READY_FOR_QUERY) this.#rowBytes = 0;
    this.#parse(message);
  }
}

/** The bytes of the message at `at`, with its type. @throws ProtocolError */
function sizeOf(bytes: Buffer, at: number): number {
  const type = bytes[at] ?? 0;
  const length = bytes.readUInt32BE(at + 1);
  if (COPYING.has(type)) throw closed(`a message of the unexpected type ${typeName(type)}`);
  checkFraming(type, length);
  return 1 + length;
}

/** True for the header of an error or a notice that is taken apart as it comes. */
function isLong(bytes: Buffer, at: number): boolean {
  const type = bytes[at];
  return (type === ERROR_RESPONSE || type === NOTICE_RESPONSE) && bytes.readUInt32BE(at + 1) > LONG_MESSAGE;
}

function damaged(type: number): ProtocolError {
  return closed(`a message of the type ${typeName(type)} that is damaged`);
}

function closed(problem: string): ProtocolError {
  return new ProtocolError(
    `The server sent ${problem}, so the connection was closed: check that a PostgreSQL server answers there, and its log.`,
  );
}

/**
 * How much of a server's text is kept where. What is held in memory, written into records and shown is the beginning of a long text
 * and the number of bytes that are not there; the whole is stored once, in a file beside the job's record.
 */
import type { JobError, JobNotice, JobProgress } from '../../api';
import type { Fault } from '../base/fault';
import { endOfPart, shorten } from '../../shared/displayText';
import type { Column, RowsKept } from './ports';
import { bytesOf, WHOLE, type HasWholeTexts } from './wholeText';

/** UTF-16 units of each part of a message or an error. */
const MESSAGE_PART = 4096;
const ERROR_PART = 16_384;
/** …of what a job says about itself: why it is where it is, how far it has come. */
const REASON = 4096;
/** Entries of a list among the parameters of a fault. */
const LIST = 100;
const PROGRESS = 1000;
const TAG = 200;
/** …of a name. PostgreSQL's own have at most 63 bytes; the name of a type may have two of them and more. */
const NAME = 500;
/** Columns that are kept of a result; PostgreSQL has at most 1,664. */
const COLUMNS = 10_000;

/** Bytes on disk for the messages of one job, and as many again for those that are long. */
export const MESSAGES_DISK_BYTES = 256 * 1024 * 1024;
/** Bytes on disk for the whole text of one job's error. */
export const ERROR_DISK_BYTES = 256 * 1024 * 1024;
/** UTF-16 units of the messages of one job that are held in memory, the newest. */
export const MESSAGES_HELD = 4 * 1024 * 1024;
/** …of one that has ended: the rest is read from its file when somebody looks. */
export const MESSAGES_HELD_AFTER_END = 256 * 1024;
/** Bytes of messages that wait to be written. With more the server is not read until they are on disk. */
export const MESSAGES_WAITING_BYTES = 4 * 1024 * 1024;

/** Where the whole of a long message is: a part of the job's file of long messages, UTF-8. */
export interface TextPlace {
  readonly offset: number;
  readonly bytes: number;
}

/** A message as it is held and written. */
export interface KeptNotice extends JobNotice {
  readonly truncatedBytes?: number;
  /** Set once the whole text is on disk. */
  fullText?: TextPlace;
  /** The whole text is not kept: the disk, or the room for messages, was full. */
  textDropped?: boolean;
}

/**
 * The beginning of a text. A copy: V8 keeps the whole text in memory as long as a slice of it.
 */
function beginning(text: string, max: number): string {
  if (text.length <= max) return text;
  return Buffer.from(text.slice(0, endOfPart(text, max)), 'utf16le').toString('utf16le');
}

/** Cuts the parts of an object, and adds how many bytes are gone. */
function cutParts<T extends object>(
  all: T & HasWholeTexts,
  names: readonly (keyof T & string)[],
  max: number,
): T & { truncatedBytes?: number } {
  const { [WHOLE]: whole, ...texts } = all;
  const cut: Partial<Record<keyof T, unknown>> = {};
  let bytes = 0;
  for (const name of names) {
    const text = all[name];
    if (typeof text !== 'string' || text.length <= max) continue;
    const kept = beginning(text, max);
    cut[name] = kept;
    bytes += (whole?.[name]?.bytes ?? Buffer.byteLength(text)) - Buffer.byteLength(kept);
  }
  return bytes === 0 ? all : ({ ...texts, ...cut, truncatedBytes: bytes } as unknown as T);
}

/** A message as it is held; itself where it is short. */
export function keptNotice(notice: JobNotice): KeptNotice {
  return { ...cutParts(notice, ['severity', 'message', 'detail', 'hint'], MESSAGE_PART) };
}

/** What stands before each part of a message, and of an error, in a text of its own. */
const NOTICE_LINES = [
  ['message', ''],
  ['detail', '  DETAIL'],
  ['hint', '  HINT'],
] as const satisfies Lines<JobNotice>;
const ERROR_LINES = [
  ['message', 'ERROR'],
  ['detail', 'DETAIL'],
  ['hint', 'HINT'],
  ['context', 'CONTEXT'],
  ['schema', 'SCHEMA NAME'],
  ['table', 'TABLE NAME'],
  ['column', 'COLUMN NAME'],
  ['constraint', 'CONSTRAINT NAME'],
  ['sqlstate', 'SQLSTATE'],
] as const satisfies Lines<JobError>;
type Lines<T> = readonly (readonly [part: keyof T & string, name: string])[];

/** A message as a text of its own. */
export function noticeText(notice: JobNotice): string {
  return textOf(notice, NOTICE_LINES, notice.severity);
}

/** An error as a text of its own. */
export function errorText(error: JobError): string {
  return textOf(error, ERROR_LINES);
}

/** The same in UTF-8, with the whole of its long texts. */
export function wholeNotice(notice: JobNotice & HasWholeTexts): readonly Buffer[] {
  return wholeOf(notice, NOTICE_LINES, notice.severity);
}

export function wholeError(error: JobError & HasWholeTexts): readonly Buffer[] {
  return wholeOf(error, ERROR_LINES);
}

/** @param first the name of the message */
function textOf<T>(all: T, lines: Lines<T>, first = ''): string {
  return partsOf(all, lines, first)
    .map(({ before, text }) => before + text)
    .join('');
}

function wholeOf<T>(all: T & HasWholeTexts, lines: Lines<T>, first = ''): readonly Buffer[] {
  return partsOf(all, lines, first).flatMap(({ part, before, text }) => {
    const long = all[WHOLE]?.[part];
    return long ? [Buffer.from(before), ...bytesOf(long)] : [Buffer.from(before + text)];
  });
}

function partsOf<T>(all: T, lines: Lines<T>, first: string) {
  const there = lines.flatMap(([part, name]) => {
    const text = all[part];
    return typeof text === 'string' && text !== '' ? [{ part, name: name || first, text }] : [];
  });
  return there.map(({ part, name, text }, i) => ({ part, before: `${i === 0 ? '' : '\n'}${name}: `, text }));
}

const ERROR_PARTS = [
  'sqlstate',
  'message',
  'detail',
  'hint',
  'context',
  'schema',
  'table',
  'column',
  'constraint',
] as const;

/** The facts about a job that may have long texts. */
interface LongFacts {
  readonly error?: JobError;
  readonly reason?: string;
  readonly progress?: JobProgress;
  readonly commandTag?: string;
  readonly columns?: readonly Column[];
  readonly rows?: RowsKept;
}

/** Facts about a job, with texts that fit into its record. */
export function boundFacts<F extends LongFacts>(facts: F): F {
  const { error, reason, progress, commandTag, columns, rows } = facts;
  return {
    ...facts,
    ...(error && { error: cutParts(error, ERROR_PARTS, ERROR_PART) }),
    ...(reason !== undefined && { reason: beginning(shorten(reason, REASON), REASON + 100) }),
    ...(progress && { progress: { ...progress, message: beginning(progress.message, PROGRESS) } }),
    ...(commandTag !== undefined && { commandTag: beginning(commandTag, TAG) }),
    ...(columns && { columns: boundColumns(columns) }),
    ...(rows?.fault && { rows: { ...rows, fault: boundFault(rows.fault) } }),
  };
}

/** A fault whose texts fit into a record. */
export function boundFault(fault: Fault): Fault {
  const { params, cause } = fault;
  const short = (text: string): string => beginning(shorten(text, REASON), REASON + 100);
  const bounded = Object.entries(params ?? {}).map(([name, value]) => [
    name,
    typeof value === 'string' ? short(value) : Array.isArray(value) ? value.slice(0, LIST).map(short) : value,
  ]);
  return {
    ...fault,
    ...(params && { params: Object.fromEntries(bounded) as NonNullable<Fault['params']> }),
    ...(cause && { cause: boundFault(cause) }),
  };
}

/** Columns with names and types that fit into a record. */
export function boundColumns<C extends { readonly name: string; readonly type: string }>(
  columns: readonly C[],
): readonly C[] {
  const fits = columns.every(({ name, type }) => name.length <= NAME && type.length <= NAME);
  if (fits && columns.length <= COLUMNS) return columns;
  return columns
    .slice(0, COLUMNS)
    .map((column) => ({ ...column, name: shortName(column.name), type: shortName(column.type) }));
}

/** A name that fits into a record or a row. */
export function shortName(name: string): string {
  return beginning(shorten(name, NAME), NAME + 100);
}

/** The UTF-16 units that a message takes in memory. */
export function sizeOf({ severity, message, detail = '', hint = '' }: JobNotice): number {
  return severity.length + message.length + detail.length + hint.length;
}

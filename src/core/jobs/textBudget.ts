/**
 * Limits for the texts that a server sends. Memory, records, and views get the beginning of a long text and the number of omitted bytes;
 * the whole text is stored once, in a file next to the job's record.
 */
import type { JobError, JobNotice, JobProgress } from '../../api';
import type { Fault } from '../base/fault';
import { endOfPart, neutralMoreText, shorten } from '../../shared/displayText';
import type { RecordedError } from './errors';
import type { Column, RowsKept } from './ports';
import { bytesOf, WHOLE, type HasWholeTexts } from './wholeText';

/** UTF-16 units of each part of a message or an error. */
const MESSAGE_PART = 4096;
const ERROR_PART = 16_384;
/** UTF-16 units of each text of a job's reason, progress, and command tag. */
const REASON = 4096;
/** Entries of a list among the parameters of a fault. */
const LIST = 100;
const PROGRESS = 1000;
const TAG = 200;
/** UTF-16 units of a name. Identifiers have at most 63 bytes; the name of a type may contain several. */
const NAME = 500;
/** Columns of a result that are kept; PostgreSQL allows at most 1,664. */
const COLUMNS = 10_000;

/** Bytes on disk for the messages of one job, and the same amount for the full texts of long messages. */
export const MESSAGES_DISK_BYTES = 256 * 1024 * 1024;
/** Bytes on disk for the whole text of one job's error. */
export const ERROR_DISK_BYTES = 256 * 1024 * 1024;
/** UTF-16 units of the newest messages of one job that are held in memory. */
export const MESSAGES_HELD = 4 * 1024 * 1024;
/** UTF-16 units of the newest messages of an ended job that are held in memory: the rest is read from its file when requested. */
export const MESSAGES_HELD_AFTER_END = 256 * 1024;
/** Bytes of messages that may wait to be written. With more, reading from the server stops until they are on disk. */
export const MESSAGES_WAITING_BYTES = 4 * 1024 * 1024;

/** The range of a long message in the job's file of long messages, UTF-8. */
export interface TextPlace {
  readonly offset: number;
  readonly bytes: number;
}

/** A message as it is held in memory and written to disk. */
export interface KeptNotice extends JobNotice {
  readonly truncatedBytes?: number;
  /** Set for a message of this extension: shown instead of `message`. */
  readonly fault?: Fault;
  /** Set once the whole text is on disk. */
  fullText?: TextPlace;
  /** The whole text is not stored, because the disk or the space for messages was full. */
  textDropped?: boolean;
}

/** Copies the beginning of a text. Not a slice, because V8 keeps the whole text in memory while a slice exists. */
function beginning(text: string, max: number): string {
  if (text.length <= max) return text;
  return Buffer.from(text.slice(0, endOfPart(text, max)), 'utf16le').toString('utf16le');
}

/** Shortens the named properties of an object, and adds the number of omitted bytes. */
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

/** A message with texts that fit into memory. */
export function keptNotice(notice: JobNotice): KeptNotice {
  return { ...cutParts(notice, ['severity', 'message', 'detail', 'hint'], MESSAGE_PART) };
}

/** The heading of each part of a message, and of an error, when it is written as plain text. */
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

export function noticeText(notice: JobNotice): string {
  return textOf(notice, NOTICE_LINES, notice.severity);
}

export function fullErrorText(error: JobError): string {
  return textOf(error, ERROR_LINES);
}

/** A message in UTF-8, with the whole of its long texts. */
export function wholeNotice(notice: JobNotice & HasWholeTexts): readonly Buffer[] {
  return wholeOf(notice, NOTICE_LINES, notice.severity);
}

/** An error in UTF-8, with the whole of its long texts. */
export function wholeError(error: JobError & HasWholeTexts): readonly Buffer[] {
  return wholeOf(error, ERROR_LINES);
}

/** @param first the heading of the message */
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
  const present = lines.flatMap(([part, name]) => {
    const text = all[part];
    return typeof text === 'string' && text !== '' ? [{ part, name: name || first, text }] : [];
  });
  return present.map(({ part, name, text }, i) => ({ part, before: `${i === 0 ? '' : '\n'}${name}: `, text }));
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
  readonly error?: RecordedError | undefined;
  readonly reason?: Fault | undefined;
  readonly sessionLostBecause?: Fault | undefined;
  readonly progress?: JobProgress | undefined;
  readonly commandTag?: string | undefined;
  readonly columns?: readonly Column[] | undefined;
  readonly rows?: RowsKept | undefined;
}

/** Shortens the texts of facts so that they fit into a job's record. */
export function boundFacts<F extends LongFacts>(facts: F): F {
  const { error, reason, sessionLostBecause, progress, commandTag, columns, rows } = facts;
  return {
    ...facts,
    ...(error && { error: cutParts(error, ERROR_PARTS, ERROR_PART) }),
    ...(reason && { reason: boundFault(reason) }),
    ...(sessionLostBecause && { sessionLostBecause: boundFault(sessionLostBecause) }),
    ...(progress && { progress: { ...progress, message: beginning(progress.message, PROGRESS) } }),
    ...(commandTag !== undefined && { commandTag: beginning(commandTag, TAG) }),
    ...(columns && { columns: boundColumns(columns) }),
    ...(rows?.fault && { rows: { ...rows, fault: boundFault(rows.fault) } }),
  };
}

/** Shortens the texts of a fault so that it fits into a record. */
export function boundFault(fault: Fault): Fault {
  const { params, cause, causes } = fault;
  const short = (text: string): string => beginning(shorten(text, REASON, neutralMoreText), REASON + 100);
  const bounded = Object.entries(params ?? {}).map(([name, value]) => [
    name,
    typeof value === 'string' ? short(value) : Array.isArray(value) ? value.slice(0, LIST).map(short) : value,
  ]);
  return {
    ...fault,
    ...(params && { params: Object.fromEntries(bounded) as NonNullable<Fault['params']> }),
    ...(cause && { cause: boundFault(cause) }),
    ...(causes && { causes: causes.slice(0, LIST).map(boundFault) }),
  };
}

/** Shortens names and types of columns so that they fit into a record. */
export function boundColumns<C extends { readonly name: string; readonly type: string }>(
  columns: readonly C[],
): readonly C[] {
  const fits = columns.every(({ name, type }) => name.length <= NAME && type.length <= NAME);
  if (fits && columns.length <= COLUMNS) return columns;
  return columns
    .slice(0, COLUMNS)
    .map((column) => ({ ...column, name: shortName(column.name), type: shortName(column.type) }));
}

/** Shortens a name so that it fits into a record or a row. */
export function shortName(name: string): string {
  return beginning(shorten(name, NAME, neutralMoreText), NAME + 100);
}

/** The size of a message in memory, in UTF-16 units. */
export function sizeOf({ severity, message, detail = '', hint = '' }: JobNotice): number {
  return severity.length + message.length + detail.length + hint.length;
}

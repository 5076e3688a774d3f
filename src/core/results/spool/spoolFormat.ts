/**
 * The files of a spool: `<file>.rows` (COPY text), `<file>.index` (see lineIndex.ts) and `<file>.json` (columns and status).
 * They are readable only by the user, because rows may contain any data.
 */
import { constants } from 'node:fs';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isFault, textFault, type TextFault } from '../../base/fault';
import { errorCode, replaceFile } from '../../base/files';
import { RowsError, type RowsFault } from '../faults';

/** A column of the rows in a spool. */
export interface SpoolColumn {
  readonly name: string;
  /** The type as returned by `format_type()`, e.g. `numeric(10,2)`. */
  readonly type: string;
  readonly typeOid?: number;
}

/** Limits of a spool. 0 = no limit. */
export interface SpoolLimits {
  readonly maxRows: number;
  /** Bytes of COPY text. */
  readonly maxBytes: number;
}

/** How many rows a spool holds, and why some are missing. */
export interface SpoolStatus {
  /** Complete rows on disk. */
  readonly rows: number;
  /** Bytes of COPY text of these rows. */
  readonly bytes: number;
  /** The result was received to its end: each row was kept or counted in `dropped`. */
  readonly complete: boolean;
  /** Rows that were received but not kept, because of a limit or an error. */
  readonly dropped: number;
  /** Why keeping rows stopped. */
  readonly stopped?: 'maxRows' | 'maxBytes' | 'diskFull' | 'error';
  /** The reason in detail, also of a problem that did not stop keeping rows. */
  readonly fault?: RowsFault | TextFault;
}

/** Content of `<file>.json`. */
export interface SpoolRecord {
  readonly version: 1;
  readonly columns: readonly SpoolColumn[];
  readonly status: SpoolStatus;
  /** Pid of the writing process until the status is final. Distinguishes a growing spool from an abandoned one. */
  readonly writer?: number;
}

export function rowsFile(file: string): string {
  return `${file}.rows`;
}

export function indexFile(file: string): string {
  return `${file}.index`;
}

export function recordFile(file: string): string {
  return `${file}.json`;
}

/** Padding of a record in bytes, so that the final status fits in place on a full disk. */
const RECORD_PADDING = 1024;

/**
 * Writes the record of a spool atomically. If the disk has no space for a second copy, the old record is overwritten in place.
 *
 * @throws The error of the file system, e.g. ENOSPC if there is no old record.
 */
export async function writeRecord(file: string, record: SpoolRecord): Promise<void> {
  const text = JSON.stringify(record);
  const bytes = Buffer.from(text.padEnd(text.length + RECORD_PADDING) + '\n');
  try {
    await replaceFile(recordFile(file), bytes, record.writer === undefined);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    await overwriteRecord(file, Buffer.from(text)).catch((other: unknown) => {
      throw errorCode(other) === 'ENOENT' ? error : other;
    });
  }
}

async function overwriteRecord(file: string, text: Buffer): Promise<void> {
  const handle = await open(recordFile(file), constants.O_RDWR);
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.max(size, text.length), ' ');
    text.copy(bytes);
    await handle.write(bytes, 0, bytes.length, 0);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** Maximum size of a record in bytes. A record holds names and types of at most some thousand columns. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/**
 * Reads the record of a spool.
 *
 * @throws RowsError if it is not valid; the error of the file system if it does not exist.
 */
export async function readRecord(file: string): Promise<SpoolRecord> {
  const { size } = await stat(recordFile(file));
  const record = size > MAX_RECORD_BYTES ? undefined : asRecord(JSON.parse(await readFile(recordFile(file), 'utf8')));
  if (!record) throw new RowsError({ code: 'rows.badDescription', params: { file: recordFile(file) } });
  return record;
}

function asRecord(value: unknown): SpoolRecord | undefined {
  const record = value as Partial<SpoolRecord> | null;
  if (record?.version !== 1 || !Array.isArray(record.columns)) return undefined;
  const columns: readonly (Partial<SpoolColumn> | null)[] = record.columns;
  if (!columns.every((column) => typeof column?.name === 'string' && typeof column.type === 'string')) return undefined;
  const { status, writer } = record;
  const numbers = [status?.rows, status?.bytes, status?.dropped];
  if (!numbers.every((number) => Number.isSafeInteger(number)) || typeof status?.complete !== 'boolean')
    return undefined;
  if (status.fault !== undefined && !isFault(status.fault)) return undefined;
  if (writer !== undefined && !Number.isSafeInteger(writer)) return undefined;
  // Records of older versions have a text instead of a fault.
  const { message, ...rest } = status as SpoolStatus & { readonly message?: unknown };
  return typeof message === 'string'
    ? ({ ...record, status: { ...rest, fault: textFault(message) } } as SpoolRecord)
    : (record as SpoolRecord);
}

/** Whether the disk, or the user's quota, is full. */
export function isDiskFull(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/**
 * Removes the files of a spool, if they exist.
 *
 * @param file The name passed to `SpoolWriter.create`, without a suffix.
 */
export async function removeSpool(file: string): Promise<void> {
  // Windows refuses to remove a file while another process, such as a virus scanner, has it open: retry for a moment.
  const options = { force: true, maxRetries: 5, retryDelay: 50 };
  const others = [indexFile(file), recordFile(file), ...(await temporaryFiles(file))];
  await Promise.all(others.map((path) => rm(path, options)));
  // Last, because sweepOrphans recognizes a spool by this file if the process ends here.
  await rm(rowsFile(file), options);
}

/** The folder of a comparison of results begins with this. It is next to the spools and exists as long as the comparison is shown. */
export const COMPARISON = 'compared-';

/**
 * Removes the spools in a folder that no longer belong to a job, and the comparisons of earlier processes.
 *
 * @param folder The folder, which need not exist. Other files in it are not touched.
 * @param knownFiles Spools to keep: full names as passed to `SpoolWriter.create`, or names relative to the folder. They must include the
 * jobs of other windows that share the folder.
 * @param minAgeMs Keep spools that were changed within this many milliseconds; may depend on the name without a suffix.
 * @returns The names of the removed spools, without a suffix.
 */
export async function sweepOrphans(
  folder: string,
  knownFiles: Iterable<string>,
  minAgeMs: (name: string) => number = () => 0,
): Promise<string[]> {
  const known = new Set(Array.from(knownFiles, (file) => resolve(folder, file)));
  const removed: string[] = [];
  for (const name of (await namesIn(folder)).sort()) {
    if (name.startsWith(COMPARISON)) await removeIfEarlier(join(folder, name));
    if (!name.endsWith('.rows')) continue;
    const stem = name.slice(0, -'.rows'.length);
    const file = join(folder, stem);
    const minAge = minAgeMs(stem);
    if (known.has(resolve(file)) || (minAge > 0 && (await age(file)) < minAge)) continue;
    await removeSpool(file);
    removed.push(file);
  }
  return removed;
}

/** Removes a folder that is older than this process. */
async function removeIfEarlier(folder: string): Promise<void> {
  const { mtimeMs } = await stat(folder);
  if (mtimeMs < performance.timeOrigin) await rm(folder, { recursive: true, force: true });
}

async function temporaryFiles(file: string): Promise<string[]> {
  const folder = dirname(file);
  const start = basename(recordFile(file)) + '.';
  const names = await namesIn(folder);
  return names
    .filter((name) => name.startsWith(start) && /^[0-9a-f]{8}\.tmp$/.test(name.slice(start.length)))
    .map((name) => join(folder, name));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Milliseconds since rows were last written. */
async function age(file: string): Promise<number> {
  const { mtimeMs } = await stat(rowsFile(file));
  return Date.now() - mtimeMs;
}

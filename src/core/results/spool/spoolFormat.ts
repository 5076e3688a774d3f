/**
 * The files of a spool: `<file>.rows` (COPY text), `<file>.index` (see lineIndex.ts) and `<file>.json` (columns and status).
 * All private to the user: rows may hold anything a database holds.
 */
import { constants } from 'node:fs';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errorCode, replaceFile } from '../../base/files';

/** A column of the rows in a spool. */
export interface SpoolColumn {
  readonly name: string;
  /** The type as `format_type()` writes it, e.g. `numeric(10,2)`. */
  readonly type: string;
  readonly typeOid?: number;
}

/** How much of a result is kept. 0 = no limit. */
export interface SpoolLimits {
  readonly maxRows: number;
  /** Bytes of COPY text. */
  readonly maxBytes: number;
}

/** What a spool holds, and whether that is all there was. */
export interface SpoolStatus {
  /** Rows kept: complete ones, on disk. */
  readonly rows: number;
  /** Bytes of COPY text of these rows. */
  readonly bytes: number;
  /** The rows came to their end: each was kept, or counted in `dropped`. */
  readonly complete: boolean;
  /** Rows not kept because of a limit or an error, as far as they were seen. */
  readonly dropped: number;
  /** Why rows were not kept. */
  readonly stopped?: 'maxRows' | 'maxBytes' | 'diskFull' | 'error';
  /** The same in words, for people. */
  readonly message?: string;
}

/** What `<file>.json` says. */
export interface SpoolRecord {
  readonly version: 1;
  readonly columns: readonly SpoolColumn[];
  readonly status: SpoolStatus;
  /** The process that writes, until the status is final: tells a spool that grows from one that was left behind. */
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

/** Room left in the record for what a status may grow by, so that the last one fits in place on a full disk. */
const RECORD_ROOM = 1024;

/**
 * Writes the record of a spool so that a reader sees the old one or the new one, whole. On a disk with no room for a second copy
 * it is written over the old one in place, which needs no room.
 *
 * @throws What the file system says, e.g. ENOSPC when there is no old one.
 */
export async function writeRecord(file: string, record: SpoolRecord): Promise<void> {
  const text = JSON.stringify(record);
  const bytes = Buffer.from(text.padEnd(text.length + RECORD_ROOM) + '\n');
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

/** A record has names and types of at most some thousand columns; a larger file is none of ours. Bytes. */
const LARGEST_RECORD = 64 * 1024 * 1024;

/**
 * Reads the record of a spool.
 *
 * @throws When there is none, or it is not one of ours.
 */
export async function readRecord(file: string): Promise<SpoolRecord> {
  const { size } = await stat(recordFile(file));
  const record = size > LARGEST_RECORD ? undefined : asRecord(JSON.parse(await readFile(recordFile(file), 'utf8')));
  if (!record) throw new Error(`${recordFile(file)} does not describe rows kept by this extension.`);
  return record;
}

function asRecord(value: unknown): SpoolRecord | undefined {
  const record = value as Partial<SpoolRecord> | null;
  if (record?.version !== 1 || !Array.isArray(record.columns)) return undefined;
  const columns: readonly (Partial<SpoolColumn> | null)[] = record.columns;
  if (!columns.every((one) => typeof one?.name === 'string' && typeof one.type === 'string')) return undefined;
  const { status, writer } = record;
  const numbers = [status?.rows, status?.bytes, status?.dropped];
  if (!numbers.every((one) => Number.isSafeInteger(one)) || typeof status?.complete !== 'boolean') return undefined;
  return writer === undefined || Number.isSafeInteger(writer) ? (record as SpoolRecord) : undefined;
}

/** The disk has no room, or the user's share of it is used up. */
export function isDiskFull(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** The words of whatever was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Removes the files of a spool; it is no error when there are none.
 *
 * @param file The name given to `SpoolWriter.create`, without a suffix.
 */
export async function removeSpool(file: string): Promise<void> {
  // Windows refuses to remove a file while another process (a virus scanner, say) has it open: try again for a moment.
  const options = { force: true, maxRetries: 5, retryDelay: 50 };
  const others = [indexFile(file), recordFile(file), ...(await temporaryFiles(file))];
  await Promise.all(others.map((path) => rm(path, options)));
  // Last, since it is what a sweep knows a spool by, should this be cut off.
  await rm(rowsFile(file), options);
}

/**
 * Removes the spools in a folder that belong to no job any more.
 *
 * @param folder Where the spools are. Other files there are left alone. It need not exist.
 * @param knownFiles Spools to keep, as given to `SpoolWriter.create` or by their name in the folder. Jobs of other windows that share
 * the folder must be among them.
 * @param minAgeMs Leave alone what was changed in the last so many milliseconds.
 * @returns The spools removed, without a suffix.
 */
export async function sweepOrphans(folder: string, knownFiles: Iterable<string>, minAgeMs = 0): Promise<string[]> {
  const known = new Set(Array.from(knownFiles, (file) => resolve(folder, file)));
  const removed: string[] = [];
  for (const name of (await namesIn(folder)).sort()) {
    if (!name.endsWith('.rows')) continue;
    const file = join(folder, name.slice(0, -'.rows'.length));
    if (known.has(resolve(file)) || (minAgeMs > 0 && (await age(file)) < minAgeMs)) continue;
    await removeSpool(file);
    removed.push(file);
  }
  return removed;
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

/** Milliseconds since rows were written last. */
async function age(file: string): Promise<number> {
  const { mtimeMs } = await stat(rowsFile(file));
  return Date.now() - mtimeMs;
}

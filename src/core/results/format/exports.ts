/** Writing all rows of a spool to a file or a stream: as they come off the disk, so memory stays flat whatever their number. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, realpath, rm, stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { createFormatter, formatLines, pick, toBinary, type Format, type FormatOptions } from './formats';
import { countNewlines } from '../spool/lineIndex';
import { errorCode, moveInto } from '../../base/files';
import { isDiskFull, type SpoolColumn } from '../spool/spoolFormat';
import type { SpoolReader } from '../spool/spoolReader';

/** Bytes and rows that are read at once where rows are taken in another order: the more, the closer they are to each other. */
const PAGE_BYTES = 8 * 1024 * 1024;
const PAGE_ROWS = 20_000;

export interface ExportOptions extends FormatOptions {
  /** CSV, TSV: begins with a byte order mark, without which some spreadsheets do not take a file for UTF-8. */
  readonly byteOrderMark?: boolean;
  /** Columns to write, in their order; all when left out. */
  readonly columns?: readonly number[];
  /** Row numbers to write, as sorting and filtering give them; all in their own order when left out. */
  readonly order?: Uint32Array;
  readonly signal?: AbortSignal;
  /** Told at each step of some thousand rows. */
  readonly progress?: (progress: ExportProgress) => void;
}

export interface ExportProgress {
  /** Rows written so far. */
  readonly rows: number;
  /** The part of all that is written, 0 to 1. */
  readonly fraction: number;
}

export interface ExportResult {
  readonly rows: number;
  /** Bytes written. */
  readonly bytes: number;
}

interface ExportChunk extends ExportProgress {
  readonly bytes: Buffer;
}

/**
 * Writes rows in a format (formats.ts says how values look in each).
 *
 * A file is written under another name beside its place, and takes its place when it is whole: what was there before is not lost
 * when the export is canceled or fails, and no part of a file stays.
 *
 * @param target A file, or a stream, which is not ended.
 * @throws The signal's reason when it is aborted; else what went wrong.
 */
export async function exportRows(
  reader: SpoolReader,
  target: string | Writable,
  format: Format,
  options: ExportOptions = {},
): Promise<ExportResult> {
  if (typeof target !== 'string') {
    return writeChunks(exportChunks(reader, format, options), options, (bytes) => writeToStream(target, bytes));
  }
  const place = await placeOf(target);
  const temporary = place.replaceable ? `${place.path}.${randomBytes(4).toString('hex')}.part` : place.path;
  let file: FileHandle | undefined;
  try {
    file = await open(temporary, place.replaceable ? 'wx' : 'w', place.mode);
    const handle = file;
    const result = await writeChunks(exportChunks(reader, format, options), options, async (bytes) => {
      await handle.writeFile(bytes);
    });
    // Some file systems tell only now that they have no room.
    await file.close();
    file = undefined;
    options.signal?.throwIfAborted();
    if (place.replaceable) await moveInto(temporary, place.path);
    return result;
  } catch (error) {
    await file?.close().catch(() => undefined);
    if (place.replaceable) await rm(temporary, { force: true });
    if (!isDiskFull(error)) throw error;
    throw new Error(`The disk has no room for this export; ${target} was not written.`, { cause: error });
  }
}

/**
 * The same as pieces of the file, for whoever writes it somewhere else.
 *
 * @throws The signal's reason when it is aborted.
 */
export async function* exportChunks(
  reader: SpoolReader,
  format: Format,
  options: ExportOptions = {},
): AsyncGenerator<ExportChunk, void, undefined> {
  const columns = options.columns?.map((i) => columnAt(reader, i)) ?? reader.columns;
  const chunks = options.order
    ? orderedChunks(reader, format, columns, options, options.order)
    : chunksInPlace(reader, format, columns, options);
  if (options.byteOrderMark === true && (format === 'csv' || format === 'tsv')) {
    yield { bytes: Buffer.from('\uFEFF'), rows: 0, fraction: 0 };
  }
  yield* chunks;
}

async function* chunksInPlace(
  reader: SpoolReader,
  format: Format,
  columns: readonly SpoolColumn[],
  options: ExportOptions,
): AsyncGenerator<ExportChunk, void, undefined> {
  // Everything one character a byte: see formats.ts.
  const named = columns.map((column) => ({ ...column, name: toBinary(column.name) }));
  const [schema, table] = options.table ?? ['result'];
  const formatter = createFormatter(format, named, {
    ...options,
    table: table === undefined ? [toBinary(schema)] : [toBinary(schema), toBinary(table)],
  });
  let rows = 0;
  let text = formatter.head;
  for await (const { bytes, position, size } of reader.blocks(options.signal)) {
    text += formatLines(formatter, bytes, options.columns);
    rows += countNewlines(bytes);
    yield { bytes: Buffer.from(text, 'latin1'), rows, fraction: position / size };
    text = '';
  }
  yield { bytes: Buffer.from(text + formatter.tail(), 'latin1'), rows, fraction: 1 };
}

async function* orderedChunks(
  reader: SpoolReader,
  format: Format,
  columns: readonly SpoolColumn[],
  options: ExportOptions,
  order: Uint32Array,
): AsyncGenerator<ExportChunk, void, undefined> {
  const formatter = createFormatter(format, columns, options);
  const status = await reader.status();
  const pageRows = Math.min(PAGE_ROWS, Math.max(1, Math.floor((PAGE_BYTES * status.rows) / Math.max(1, status.bytes))));
  let text = formatter.head;
  for (let at = 0; at < order.length; at += pageRows) {
    options.signal?.throwIfAborted();
    const page = await reader.rowsAt(order, at, pageRows);
    for (const row of page) text += formatter.row(pick(row, options.columns));
    const rows = Math.min(at + pageRows, order.length);
    yield { bytes: Buffer.from(text), rows, fraction: rows / order.length };
    text = '';
  }
  yield { bytes: Buffer.from(text + formatter.tail()), rows: order.length, fraction: 1 };
}

/** Writes one chunk while the next is made. */
async function writeChunks(
  chunks: AsyncGenerator<ExportChunk, void, undefined>,
  { progress, signal }: ExportOptions,
  write: (bytes: Buffer) => Promise<void>,
): Promise<ExportResult> {
  let result: ExportResult = { rows: 0, bytes: 0 };
  let writing = Promise.resolve();
  try {
    for await (const { bytes, rows, fraction } of chunks) {
      await writing;
      signal?.throwIfAborted();
      writing = write(bytes);
      // It is waited for in the next turn; until then its failure is nobody's.
      writing.catch(() => undefined);
      result = { rows, bytes: result.bytes + bytes.length };
      progress?.({ rows, fraction });
    }
  } finally {
    await writing;
  }
  return result;
}

function writeToStream(stream: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Where a file really is, behind links; a device or a pipe is written as it is. */
async function placeOf(target: string): Promise<{ path: string; mode: number; replaceable: boolean }> {
  try {
    const path = await realpath(target);
    const stats = await stat(path);
    return { path, mode: stats.mode & 0o777, replaceable: stats.isFile() };
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return { path: target, mode: 0o666, replaceable: true };
  }
}

function columnAt(reader: SpoolReader, column: number): SpoolColumn {
  const found = reader.columns[column];
  if (!found) throw new RangeError(`There is no column ${column}.`);
  return found;
}

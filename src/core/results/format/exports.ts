/** Writes all rows of a spool to a file or a stream. Rows are streamed, so memory use does not depend on their number. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, realpath, rm, stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { ExportFormat } from '../../../shared/rowFormats';
import { createFormatter, formatLines, pick, toBinary } from './formats';
import type { FormatOptions } from './formatter';
import { countNewlines } from '../spool/lineIndex';
import { errorCode, moveInto } from '../../base/files';
import { RowsError } from '../faults';
import { isDiskFull, type SpoolColumn } from '../spool/spoolFormat';
import type { SpoolReader } from '../spool/spoolReader';

/**
 * Bytes and rows to read at once if rows are written in another order. Larger pages contain more rows that are adjacent
 * on disk.
 */
const PAGE_BYTES = 8 * 1024 * 1024;
const PAGE_ROWS = 20_000;

export interface ExportOptions extends FormatOptions {
  /** CSV, TSV: begin with a byte order mark, which some spreadsheets need to recognize UTF-8. */
  readonly byteOrderMark?: boolean;
  /** Columns to write, in this order. Default: all. */
  readonly columns?: readonly number[];
  /** Row numbers to write, as returned by sorting and filtering. Default: all rows in stored order. */
  readonly order?: Uint32Array;
  readonly signal?: AbortSignal;
  /** Called every few thousand rows. */
  readonly progress?: (progress: ExportProgress) => void;
}

export interface ExportProgress {
  /** Rows written so far. */
  readonly rows: number;
  /** Progress from 0 to 1. */
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
 * Writes rows in a format. The file of each format documents how it represents values.
 *
 * A file is first written under a temporary name next to the target and then renamed, so that a canceled or failed export neither loses
 * the previous file nor leaves a partial one.
 *
 * @param target A file name, or a stream, which is not ended.
 * @throws RowsError if the disk is full; the signal's reason if it is aborted; otherwise the error of the file system.
 */
export async function exportRows(
  reader: SpoolReader,
  target: string | Writable,
  format: ExportFormat,
  options: ExportOptions = {},
): Promise<ExportResult> {
  if (typeof target !== 'string') {
    return writeChunks(exportChunks(reader, format, options), options, (bytes) => writeToStream(target, bytes));
  }
  const destination = await destinationOf(target);
  const temporary = destination.replaceable
    ? `${destination.path}.${randomBytes(4).toString('hex')}.part`
    : destination.path;
  let file: FileHandle | undefined;
  try {
    file = await open(temporary, destination.replaceable ? 'wx' : 'w', destination.mode);
    const handle = file;
    const result = await writeChunks(exportChunks(reader, format, options), options, async (bytes) => {
      await handle.writeFile(bytes);
    });
    // Some file systems report a full disk only on close.
    await file.close();
    file = undefined;
    options.signal?.throwIfAborted();
    if (destination.replaceable) await moveInto(temporary, destination.path);
    return result;
  } catch (error) {
    await file?.close().catch(() => undefined);
    if (destination.replaceable) await rm(temporary, { force: true });
    if (!isDiskFull(error)) throw error;
    throw new RowsError({ code: 'rows.exportDiskFull', params: { file: target } }, { cause: error });
  }
}

/**
 * Yields the parts of an exported file, for callers that do not write a file.
 *
 * @throws The signal's reason if it is aborted.
 */
export async function* exportChunks(
  reader: SpoolReader,
  format: ExportFormat,
  options: ExportOptions = {},
): AsyncGenerator<ExportChunk, void, undefined> {
  const columns = options.columns?.map((i) => columnAt(reader, i)) ?? reader.columns;
  const chunks = options.order
    ? orderedChunks(reader, format, columns, options, options.order)
    : chunksInStoredOrder(reader, format, columns, options);
  if (options.byteOrderMark === true && (format === 'csv' || format === 'tsv')) {
    yield { bytes: Buffer.from('\uFEFF'), rows: 0, fraction: 0 };
  }
  yield* chunks;
}

async function* chunksInStoredOrder(
  reader: SpoolReader,
  format: ExportFormat,
  columns: readonly SpoolColumn[],
  options: ExportOptions,
): AsyncGenerator<ExportChunk, void, undefined> {
  // One character per byte throughout: see Formatter.
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
  format: ExportFormat,
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

/** Writes each chunk while the next one is being made. */
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
      // The next iteration awaits it; until then, a rejection must not count as unhandled.
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

/** Resolves links. Devices and pipes cannot be replaced by renaming, so they are written directly. */
async function destinationOf(target: string): Promise<{ path: string; mode: number; replaceable: boolean }> {
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
  if (!found) throw new RangeError(`No such column: ${column}`);
  return found;
}

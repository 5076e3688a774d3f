import { close, open } from 'node:fs';
import { promisify } from 'node:util';
import { decodeField, decodeLine, type Row } from '../../../shared/rowCodec';
import { previewRow, type CutCell, type PreviewOptions, type SpoolPreview } from './preview';
import { indexFile, readRecord, rowsFile, type SpoolColumn, type SpoolRecord, type SpoolStatus } from './spoolFormat';
import { SpoolIndex } from './spoolIndex';
import { isBeingWritten } from './spoolWriter';
import { errorCode } from '../../base/files';
import { RowsError } from '../faults';
import { BadIndexError, columnsOf, nextRow, readAt, withoutRecord } from './spoolRescue';

const openFile = promisify(open);
const closeFile = promisify(close);

const NEWLINE = 10;
const TAB = 9;
/** Bytes to read at once when reading all rows. */
const BLOCK_BYTES = 512 * 1024;
/** A larger page is read in parts. Bytes. */
const MAX_PAGE_BYTES = 64 * 1024 * 1024;

/** Reads of rows in another order are combined if the gap between them is at most this many bytes… */
const NEAR_BYTES = 32 * 1024;
/** …and the combined read is at most this long. */
const READ_BYTES = 1024 * 1024;
/** The number of Node.js's file system threads. */
const READS_AT_ONCE = 4;

/** Some rows as stored in the file. */
export interface SpoolBlock {
  /** Whole lines with their newlines. Valid until the next block is requested. */
  readonly bytes: Buffer;
  /** Offset of the end of this block in the file, and the size of the file. */
  readonly position: number;
  readonly size: number;
}

/**
 * Random access to the rows of a spool. It can be opened while the spool is being written, by this or another process, and after a
 * crash; it then contains the complete rows in the file.
 *
 * Rows are numbered from 0. Values are the text of PostgreSQL's output functions, or null.
 */
export class SpoolReader {
  /**
   * @param file The name of the spool, as passed to `SpoolWriter.create`.
   * @param known The columns from another source. They are used if the record of the spool is damaged or missing, so that the rows can
   * still be read.
   * @param growing Whether a writer on another computer is known to be alive: its process id means nothing here.
   * @throws If there are no rows, or they are not readable.
   */
  static async open(
    file: string,
    known: readonly SpoolColumn[] = [],
    growing: () => boolean = () => false,
  ): Promise<SpoolReader> {
    const rows = await openFile(rowsFile(file), 'r');
    const record = await readRecord(file).catch(async (error: unknown) => {
      const columns = await columnsOf(rows, known).catch(() => undefined);
      if (columns) return withoutRecord(columns);
      await closeFile(rows);
      throw error;
    });
    // Without its index, a spool only takes longer to open.
    const index = await openFile(indexFile(file), 'r').catch(() => undefined);
    const reader = new SpoolReader(file, record, rows, index, growing);
    try {
      await reader.#index.refresh();
      return reader;
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  readonly #file: string;
  #record: SpoolRecord;
  readonly #rowsFd: number;
  readonly #indexFd: number | undefined;
  readonly #index: SpoolIndex;
  readonly #growing: () => boolean;

  private constructor(
    file: string,
    record: SpoolRecord,
    rowsFd: number,
    indexFd: number | undefined,
    growing: () => boolean,
  ) {
    this.#growing = growing;
    this.#file = file;
    this.#record = record;
    this.#rowsFd = rowsFd;
    this.#indexFd = indexFd;
    this.#index = new SpoolIndex(rowsFd, indexFd);
  }

  get columns(): readonly SpoolColumn[] {
    return this.#record.columns;
  }

  /** The current status. */
  async status(): Promise<SpoolStatus> {
    // If the record has been damaged since it was opened, keep the earlier content.
    if (!this.#isFinal()) this.#record = await readRecord(this.#file).catch(() => this.#record);
    // After reading the record, so that a final record never covers more rows than were counted.
    await this.#index.refresh();
    const { rows, end: bytes } = this.#index.lines;
    const status = { ...this.#record.status, rows, bytes };
    if (this.#isFinal() || this.#isWriterAlive()) return status;
    const partial = this.#index.partial > 0;
    return {
      ...status,
      dropped: status.dropped + (partial ? 1 : 0),
      stopped: status.stopped ?? 'error',
      fault: status.fault ?? { code: 'rows.interrupted', params: { rows, partial } },
    };
  }

  /**
   * Reads a page of rows.
   *
   * @returns Fewer than `limit` rows at the end of the spool.
   */
  async rows(offset: number, limit: number): Promise<Row[]> {
    return this.#withIndex(async () => {
      const { from, to } = await this.#range(offset, limit);
      const rows: Row[] = [];
      for await (const lines of this.#linesOf(from, to)) {
        for (const line of lines.toString('utf8', 0, lines.length - 1).split('\n')) rows.push(decodeLine(line));
      }
      return rows;
    });
  }

  /**
   * Reads a page of rows in another order.
   *
   * @param order Row numbers, as returned by sorting and filtering.
   * @throws RangeError if a row does not exist.
   */
  async rowsAt(order: Uint32Array, offset: number, limit: number): Promise<Row[]> {
    const page = pageOf(order, offset, limit);
    const rows = new Array<Row>(page.length);
    await this.#withIndex(() =>
      this.#eachLine(page, (line, position) => (rows[position] = decodeLine(line.toString()))),
    );
    return rows;
  }

  /**
   * Reads a page for display with long values cut, which avoids decoding all of a page of wide rows.
   *
   * @throws RangeError if a row of the order does not exist.
   */
  preview(offset: number, limit: number, options: PreviewOptions): Promise<SpoolPreview> {
    return this.#withIndex(() => this.#previewOnce(offset, limit, options));
  }

  async #previewOnce(offset: number, limit: number, options: PreviewOptions): Promise<SpoolPreview> {
    const rows: Row[] = [];
    const cut: CutCell[] = [];
    if (options.order) {
      await this.#eachLine(pageOf(options.order, offset, limit), (line, position) => {
        rows[position] = previewRow(line, position, options, cut);
      });
      cut.sort((a, b) => a.row - b.row || a.column - b.column);
      return { rows, cut };
    }
    const { from, to } = await this.#range(offset, limit);
    for await (const lines of this.#linesOf(from, to)) {
      for (let start = 0, end = 0; start < lines.length; start = end + 1) {
        end = lines.indexOf(NEWLINE, start);
        rows.push(previewRow(lines.subarray(start, end), rows.length, options, cut));
      }
    }
    return { rows, cut };
  }

  /**
   * Reads a whole value.
   *
   * @throws RangeError if the cell does not exist.
   */
  async cell(row: number, column: number): Promise<string | null> {
    const line = await this.#withIndex(() => this.#lineOf(row));
    let start = 0;
    for (let i = 0; i < column; i++) {
      const tab = line.indexOf(TAB, start);
      if (tab === -1) throw new RangeError(`Row ${row} has no column ${column}.`);
      start = tab + 1;
    }
    const end = line.indexOf(TAB, start);
    return decodeField(line.toString('utf8', start, end === -1 ? line.length : end));
  }

  /**
   * Yields the rows that exist at the time of the call, in stored order, as blocks of whole lines. The next block is read while the
   * caller uses the current one.
   *
   * @throws The signal's reason if it is aborted.
   */
  async *blocks(signal?: AbortSignal): AsyncGenerator<SpoolBlock, void, undefined> {
    await this.#refreshIfGrowing();
    const size = this.#index.lines.end;
    let position = 0;
    let current = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, size));
    let other = Buffer.allocUnsafe(current.length);
    const readAhead = (): Promise<Buffer> =>
      this.#readWhole(current.subarray(0, Math.min(current.length, size - position)), position);
    let pending = readAhead();
    try {
      while (position < size) {
        const block = await pending;
        signal?.throwIfAborted();
        const end = block.lastIndexOf(NEWLINE) + 1;
        if (end === 0) {
          if (position + block.length >= size) throw new BadIndexError();
          // The row is longer than a block.
          current = Buffer.allocUnsafe(Math.min(current.length * 2, size - position));
          pending = readAhead();
          continue;
        }
        position += end;
        if (other.length < current.length) other = Buffer.allocUnsafe(current.length);
        [current, other] = [other, current];
        if (position < size) pending = readAhead();
        // The next iteration awaits it; until then, a rejection must not count as unhandled.
        pending.catch(() => undefined);
        yield { bytes: block.subarray(0, end), position, size };
      }
    } finally {
      await pending.catch(() => undefined);
    }
  }

  /** Closes the files. Reading fails afterwards. */
  async close(): Promise<void> {
    await this.#index.idle();
    await closeFile(this.#rowsFd);
    if (this.#indexFd !== undefined) await closeFile(this.#indexFd);
  }

  async #range(offset: number, limit: number): Promise<{ from: number; to: number }> {
    const from = Math.max(0, offset);
    const wanted = from + Math.max(0, limit);
    if (wanted > this.#index.lines.rows) await this.#refreshIfGrowing();
    return { from, to: Math.min(wanted, this.#index.lines.rows) };
  }

  /** Passes the line of each row of a page to `use`, in any order. Reads rows that are near each other in the file at once. */
  async #eachLine(page: Uint32Array, use: (line: Buffer, position: number) => void): Promise<void> {
    const positions = Uint32Array.from(page.keys()).sort((a, b) => (page[a] ?? 0) - (page[b] ?? 0));
    const last = page[positions.at(-1) ?? 0] ?? -1;
    if (last >= this.#index.lines.rows) await this.#refreshIfGrowing();
    if (last >= this.#index.lines.rows) throw new RangeError(`No such row: ${last}`);
    const reads: { positions: number[]; start: number; end: number }[] = [];
    for (const position of positions) {
      const row = page[position] ?? 0;
      const [, start] = this.#index.lines.before(row);
      const end = this.#index.lines.after(row + 1);
      const before = reads.at(-1);
      if (before && start <= before.end + NEAR_BYTES && end - before.start <= READ_BYTES) {
        before.positions.push(position);
        before.end = Math.max(before.end, end);
      } else {
        reads.push({ positions: [position], start, end });
      }
    }
    let next = 0;
    const readNext = async (): Promise<void> => {
      for (let read = reads[next++]; read; read = reads[next++]) {
        const { start, end } = read;
        const bytes = await this.#readWhole(Buffer.allocUnsafe(end - start), start);
        for (const position of read.positions) {
          const row = page[position] ?? 0;
          const [known, offset] = this.#index.lines.before(row);
          let at = offset - start;
          for (let i = known; i < row; i++) at = nextRow(bytes, at);
          use(bytes.subarray(at, nextRow(bytes, at) - 1), position);
        }
      }
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, readNext));
  }

  /** The line of one row, without its newline. */
  async #lineOf(row: number): Promise<Buffer> {
    const { from, to } = await this.#range(row, 1);
    if (row < 0 || from >= to) throw new RangeError(`No such row: ${row}`);
    const line = await this.#readLines(from, to);
    return line.subarray(0, line.length - 1);
  }

  /** Yields the lines of indexed rows with their newlines, in as few parts as memory allows (usually one). */
  async *#linesOf(from: number, to: number): AsyncGenerator<Buffer, void, undefined> {
    if (from >= to) return;
    if (to - from > 1 && this.#index.lines.after(to) - this.#index.lines.before(from)[1] > MAX_PAGE_BYTES) {
      const middle = (from + to) >>> 1;
      yield* this.#linesOf(from, middle);
      yield* this.#linesOf(middle, to);
    } else {
      yield await this.#readLines(from, to);
    }
  }

  async #readLines(from: number, to: number): Promise<Buffer> {
    const [row, start] = this.#index.lines.before(from);
    const bytes = await this.#readWhole(Buffer.allocUnsafe(this.#index.lines.after(to) - start), start);
    let first = 0;
    for (let i = row; i < from; i++) first = nextRow(bytes, first);
    let last = first;
    for (let i = from; i < to; i++) last = nextRow(bytes, last);
    return bytes.subarray(first, last);
  }

  /** Fills the buffer with bytes that have been in the file. @throws RowsError if they no longer are */
  async #readWhole(buffer: Buffer, position: number): Promise<Buffer> {
    const bytes = await readAt(this.#rowsFd, buffer, position);
    if (bytes.length < buffer.length) {
      throw new RowsError({ code: 'rows.truncated', params: { file: rowsFile(this.#file) } });
    }
    return bytes;
  }

  /** Whether the final record has been read, so that no more rows can be added. */
  #isFinal(): boolean {
    return this.#record.writer === undefined;
  }

  #isWriterAlive(): boolean {
    const { writer } = this.#record;
    if (writer === undefined) return false;
    if (this.#growing()) return true;
    if (writer === process.pid) return isBeingWritten(this.#file);
    try {
      return process.kill(writer, 0);
    } catch (error) {
      return errorCode(error) === 'EPERM';
    }
  }

  /** Counts new rows, if there can be any. */
  async #refreshIfGrowing(): Promise<void> {
    if (!this.#isFinal()) await this.#index.refresh();
  }

  /** Reads with the index. If the index does not match the rows, rebuilds it and reads again. */
  async #withIndex<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof BadIndexError)) throw error;
      await this.#index.rebuild();
      return read();
    }
  }
}

function pageOf(order: Uint32Array, offset: number, limit: number): Uint32Array {
  const from = Math.max(0, offset);
  return order.subarray(from, from + Math.max(0, limit));
}

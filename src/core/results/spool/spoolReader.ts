import { close, fstat, open } from 'node:fs';
import { promisify } from 'node:util';
import { decodeField, decodeLine, type Row } from '../../../shared/rowCodec';
import { ENTRY_BYTES, LineIndex, takeEntries } from './lineIndex';
import { previewRow, type CutCell, type PreviewOptions, type SpoolPreview } from './preview';
import { indexFile, readRecord, rowsFile, type SpoolColumn, type SpoolRecord, type SpoolStatus } from './spoolFormat';
import { isBeingWritten } from './spoolWriter';
import { errorCode } from '../../base/files';
import { BadIndexError, columnsOf, nextRow, readAt, withoutRecord } from './spoolRescue';

const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);

const NEWLINE = 10;
const TAB = 9;
/** Read at once when going through all rows. */
const BLOCK_BYTES = 512 * 1024;
/** A page that takes more than this is read in parts. */
const MAX_PAGE_BYTES = 64 * 1024 * 1024;

/** Rows in another order that are so close to each other in the file are read at once… */
const NEAR_BYTES = 32 * 1024;
/** …as long as this is not more. */
const READ_BYTES = 1024 * 1024;
/** As many as the threads that Node.js has for reading. */
const READS_AT_ONCE = 4;

/** Read at once of an index. */
const INDEX_BLOCK_BYTES = 1024 * 1024;

/** Some rows as they are in the file. */
export interface SpoolBlock {
  /** Whole lines with their newlines, good until the next block is asked for. */
  readonly bytes: Buffer;
  /** Bytes of the file up to the end of this block, and in all. */
  readonly position: number;
  readonly size: number;
}

/**
 * Random access to the rows of a spool. It can be opened while the spool is being written, by this process or another, and after a
 * crash: what is in the files to the last complete row is there.
 *
 * Rows are numbered from 0. Values are the text of PostgreSQL's output functions, or null.
 */
export class SpoolReader {
  #index = new LineIndex();
  #entriesRead = 0;
  /** The index file does not fit the rows: they are counted. */
  #ignoreIndex = false;
  /** Bytes behind the last complete row when last looked. */
  #partial = 0;
  #refreshing: Promise<void> | undefined;

  /**
   * @param file The name of the spool, as given to `SpoolWriter.create`.
   * @param known The columns, as somebody else knows them. They are used where the record of the spool is damaged or missing: the
   * rows can be read all the same.
   * @throws When the rows are not there or not readable.
   */
  static async open(file: string, known: readonly SpoolColumn[] = []): Promise<SpoolReader> {
    const rows = await openFile(rowsFile(file), 'r');
    const record = await readRecord(file).catch(async (error: unknown) => {
      const columns = await columnsOf(rows, known).catch(() => undefined);
      if (columns) return withoutRecord(columns);
      await closeFile(rows);
      throw error;
    });
    // A spool without its index is slower to open, nothing more.
    const index = await openFile(indexFile(file), 'r').catch(() => undefined);
    const reader = new SpoolReader(file, record, rows, index);
    try {
      await reader.#refresh();
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

  private constructor(file: string, record: SpoolRecord, rowsFd: number, indexFd: number | undefined) {
    this.#file = file;
    this.#record = record;
    this.#rowsFd = rowsFd;
    this.#indexFd = indexFd;
  }

  get columns(): readonly SpoolColumn[] {
    return this.#record.columns;
  }

  /** What the spool holds now, read anew while it grows. */
  async status(): Promise<SpoolStatus> {
    // A record that is damaged now was good when it was opened: what it said then still holds.
    if (!this.#isFinal()) this.#record = await readRecord(this.#file).catch(() => this.#record);
    // After the record, so that its last word is never about more rows than were counted.
    await this.#refresh();
    const { rows, end: bytes } = this.#index;
    const status = { ...this.#record.status, rows, bytes };
    if (this.#isFinal() || this.#isWriterAlive()) return status;
    return {
      ...status,
      dropped: status.dropped + (this.#partial > 0 ? 1 : 0),
      stopped: status.stopped ?? 'error',
      message:
        status.message ??
        (rows === 1
          ? 'Keeping the rows was cut off; the one that had come whole is here.'
          : `Keeping the rows was cut off; the ${rows.toLocaleString('en-US')} that had come whole are here.`) +
          (this.#partial > 0 ? ' One more was incomplete and is not shown.' : ''),
    };
  }

  /**
   * A page of rows.
   *
   * @returns Fewer than `limit` where the spool ends.
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
   * A page of rows in another order.
   *
   * @param order Row numbers, as sorting and filtering give them.
   * @throws RangeError when there is no such row.
   */
  async rowsAt(order: Uint32Array, offset: number, limit: number): Promise<Row[]> {
    const page = pageOf(order, offset, limit);
    const rows = new Array<Row>(page.length);
    await this.#withIndex(() => this.#eachLine(page, (line, place) => (rows[place] = decodeLine(line.toString()))));
    return rows;
  }

  /**
   * A page for the screen, with values cut to a length, so that a page of wide rows costs neither the time nor the memory of decoding
   * them whole.
   *
   * @throws RangeError when there is no such row in the order.
   */
  preview(offset: number, limit: number, options: PreviewOptions): Promise<SpoolPreview> {
    return this.#withIndex(() => this.#previewOnce(offset, limit, options));
  }

  async #previewOnce(offset: number, limit: number, options: PreviewOptions): Promise<SpoolPreview> {
    const rows: Row[] = [];
    const cut: CutCell[] = [];
    if (options.order) {
      await this.#eachLine(pageOf(options.order, offset, limit), (line, place) => {
        rows[place] = previewRow(line, place, options, cut);
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
   * One value, whole.
   *
   * @throws RangeError when there is no such cell.
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
   * All rows there are when it is called, in order, as blocks of whole lines. The next block is read while this one is used.
   *
   * @throws The signal's reason when it is aborted.
   */
  async *blocks(signal?: AbortSignal): AsyncGenerator<SpoolBlock, void, undefined> {
    await this.#refreshIfGrowing();
    const size = this.#index.end;
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
          // A row longer than a block.
          current = Buffer.allocUnsafe(Math.min(current.length * 2, size - position));
          pending = readAhead();
          continue;
        }
        position += end;
        if (other.length < current.length) other = Buffer.allocUnsafe(current.length);
        [current, other] = [other, current];
        if (position < size) pending = readAhead();
        // The reading ahead may fail while nobody waits for it: the next turn will.
        pending.catch(() => undefined);
        yield { bytes: block.subarray(0, end), position, size };
      }
    } finally {
      await pending.catch(() => undefined);
    }
  }

  /** Closes the files. Reading afterwards fails. */
  async close(): Promise<void> {
    await this.#refreshing?.catch(() => undefined);
    await closeFile(this.#rowsFd);
    if (this.#indexFd !== undefined) await closeFile(this.#indexFd);
  }

  async #range(offset: number, limit: number): Promise<{ from: number; to: number }> {
    const from = Math.max(0, offset);
    const wanted = from + Math.max(0, limit);
    if (wanted > this.#index.rows) await this.#refreshIfGrowing();
    return { from, to: Math.min(wanted, this.#index.rows) };
  }

  /** Calls back with the line of each row of a page, in any order. Rows that lie close to each other are read at once. */
  async #eachLine(page: Uint32Array, use: (line: Buffer, place: number) => void): Promise<void> {
    const places = Uint32Array.from(page.keys()).sort((a, b) => (page[a] ?? 0) - (page[b] ?? 0));
    const last = page[places.at(-1) ?? 0] ?? -1;
    if (last >= this.#index.rows) await this.#refreshIfGrowing();
    if (last >= this.#index.rows) throw new RangeError(`There is no row ${last}.`);
    const reads: { places: number[]; start: number; end: number }[] = [];
    for (const place of places) {
      const row = page[place] ?? 0;
      const [, start] = this.#index.before(row);
      const end = this.#index.after(row + 1);
      const before = reads.at(-1);
      if (before && start <= before.end + NEAR_BYTES && end - before.start <= READ_BYTES) {
        before.places.push(place);
        before.end = Math.max(before.end, end);
      } else {
        reads.push({ places: [place], start, end });
      }
    }
    let next = 0;
    const readInTurn = async (): Promise<void> => {
      for (let read = reads[next++]; read; read = reads[next++]) {
        const { start, end } = read;
        const bytes = await this.#readWhole(Buffer.allocUnsafe(end - start), start);
        for (const place of read.places) {
          const row = page[place] ?? 0;
          const [known, offset] = this.#index.before(row);
          let at = offset - start;
          for (let i = known; i < row; i++) at = nextRow(bytes, at);
          use(bytes.subarray(at, nextRow(bytes, at) - 1), place);
        }
      }
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, readInTurn));
  }

  /** The line of one row, without its newline. */
  async #lineOf(row: number): Promise<Buffer> {
    const { from, to } = await this.#range(row, 1);
    if (row < 0 || from >= to) throw new RangeError(`There is no row ${row}.`);
    const line = await this.#readLines(from, to);
    return line.subarray(0, line.length - 1);
  }

  /** The lines of known rows, newlines included, in as few parts as memory allows: nearly always one. */
  async *#linesOf(from: number, to: number): AsyncGenerator<Buffer, void, undefined> {
    if (from >= to) return;
    if (to - from > 1 && this.#index.after(to) - this.#index.before(from)[1] > MAX_PAGE_BYTES) {
      const middle = (from + to) >>> 1;
      yield* this.#linesOf(from, middle);
      yield* this.#linesOf(middle, to);
    } else {
      yield await this.#readLines(from, to);
    }
  }

  async #readLines(from: number, to: number): Promise<Buffer> {
    const [row, start] = this.#index.before(from);
    const bytes = await this.#readWhole(Buffer.allocUnsafe(this.#index.after(to) - start), start);
    let first = 0;
    for (let i = row; i < from; i++) first = nextRow(bytes, first);
    let last = first;
    for (let i = from; i < to; i++) last = nextRow(bytes, last);
    return bytes.subarray(first, last);
  }

  /** Fills the buffer with bytes of rows that were there. */
  async #readWhole(buffer: Buffer, position: number): Promise<Buffer> {
    const bytes = await readAt(this.#rowsFd, buffer, position);
    if (bytes.length < buffer.length) throw new Error(`Rows are missing: ${rowsFile(this.#file)} has become shorter.`);
    return bytes;
  }

  /** The last word on this spool has been read, and no rows can come. */
  #isFinal(): boolean {
    return this.#record.writer === undefined;
  }

  #isWriterAlive(): boolean {
    const { writer } = this.#record;
    if (writer === undefined) return false;
    if (writer === process.pid) return isBeingWritten(this.#file);
    try {
      return process.kill(writer, 0);
    } catch (error) {
      return errorCode(error) === 'EPERM';
    }
  }

  /** Counts the rows that came since, unless none can have. */
  async #refreshIfGrowing(): Promise<void> {
    if (!this.#isFinal()) await this.#refresh();
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#countNewRows().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #countNewRows(): Promise<void> {
    const { size } = await statFile(this.#rowsFd);
    if (size <= this.#index.end) {
      this.#partial = 0;
      return;
    }
    await this.#readEntries(size);
    this.#index.position = this.#index.end;
    const buffer = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, size - this.#index.end));
    for (let at = this.#index.end; at < size;) {
      const bytes = await readAt(this.#rowsFd, buffer.subarray(0, Math.min(buffer.length, size - at)), at);
      if (bytes.length === 0) break;
      this.#index.scan(bytes);
      at += bytes.length;
    }
    this.#partial = this.#index.position - this.#index.end;
  }

  async #readEntries(size: number): Promise<void> {
    if (this.#indexFd === undefined || this.#ignoreIndex) return;
    const file = await statFile(this.#indexFd);
    const before = this.#index.entries;
    for (;;) {
      // In parts, since the file may be of any size.
      const left = Math.min(INDEX_BLOCK_BYTES, file.size - this.#entriesRead);
      const length = Math.floor(left / ENTRY_BYTES) * ENTRY_BYTES;
      if (length <= 0) break;
      const bytes = await readAt(this.#indexFd, Buffer.allocUnsafe(length), this.#entriesRead);
      if (!takeEntries(this.#index, bytes, size)) this.#ignoreIndex = true;
      if (this.#ignoreIndex || bytes.length < length) break;
      this.#entriesRead += length;
    }
    // The entries before the first false one are plausible. They are believed if the last one ends where a row ends.
    if (this.#index.entries > before && !(await this.#endsRow(this.#index.end))) this.#forgetIndex();
  }

  async #endsRow(offset: number): Promise<boolean> {
    const [byte] = await readAt(this.#rowsFd, Buffer.allocUnsafe(1), offset - 1);
    return byte === NEWLINE;
  }

  #forgetIndex(): void {
    this.#ignoreIndex = true;
    this.#index = new LineIndex();
  }

  /** Reads with the index; once more without it where it turns out not to fit the rows. */
  async #withIndex<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof BadIndexError)) throw error;
      this.#forgetIndex();
      await this.#refresh();
      return read();
    }
  }
}

function pageOf(order: Uint32Array, offset: number, limit: number): Uint32Array {
  const from = Math.max(0, offset);
  return order.subarray(from, from + Math.max(0, limit));
}

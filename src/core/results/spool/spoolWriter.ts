import { close, fdatasync, ftruncate, open, write, writev } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { PRIVATE } from '../../base/files';
import { countNewlines, encodeEntries, ENTRY_BYTES, LineIndex } from './lineIndex';
import {
  errorText,
  indexFile,
  isDiskFull,
  removeSpool,
  rowsFile,
  writeRecord,
  type SpoolColumn,
  type SpoolLimits,
  type SpoolStatus,
} from './spoolFormat';

// Callbacks where it is hot, and promises of plain functions elsewhere: a FileHandle costs more than the work for small chunks.
const openFile = promisify(open);
const closeFile = promisify(close);
const truncateFile = promisify(ftruncate);
const syncFile = promisify(fdatasync);

/** What the stream holds before it asks the source to wait. Enough to keep the socket busy while the disk works. */
const HIGH_WATER_MARK = 4 * 1024 * 1024;
/** Index entries are written when so many have gathered (at most 2 MB of rows, which a reader counts by itself). */
const ENTRIES_PER_WRITE = 64;
/** One writev call takes no more buffers than this (IOV_MAX is 1,024 on Linux and macOS). */
const BUFFERS_PER_WRITE = 1000;

type Callback = (error?: Error | null) => void;

/** Spools being written by this process: they are not "left behind". */
const live = new Set<string>();

/** Whether a spool is being written by this process now. */
export function isBeingWritten(file: string): boolean {
  return live.has(resolve(file));
}

/**
 * Keeps the rows of a job on disk: COPY text is written as it comes, in chunks that end anywhere.
 *
 * Memory does not grow with the rows. What cannot be kept, because of a limit, a full disk or another error of the file system, is
 * counted and dropped: the source always gets to its end, so that the job can finish.
 */
export class SpoolWriter {
  /** Takes the COPY text. It waits for the disk (backpressure), and never fails because of it. */
  readonly stream: Writable;
  readonly #index = new LineIndex();
  /** Rows that are not kept. */
  #dropped = 0;
  #kept = { rows: 0, bytes: 0 };
  #stopped: SpoolStatus['stopped'];
  #message: string | undefined;
  #complete = false;
  /** Entries of the index that are in its file; -1 once that file cannot be written any more. */
  #entriesWritten = 0;
  #busy = false;
  #whenIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #recording = Promise.resolve();

  /**
   * Makes the files of a spool, readable by their owner only; those of a former one of that name are removed.
   *
   * On a full disk the writer is made all the same: it keeps nothing and says so.
   *
   * @param file The name of the spool, without a suffix. Its folder is made if it is not there.
   * @throws Any other error of the file system.
   */
  static async create(file: string, columns: readonly SpoolColumn[], limits: SpoolLimits): Promise<SpoolWriter> {
    const opened: number[] = [];
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await removeSpool(file);
      // 'x': never into a file or through a link that someone else has put there.
      for (const path of [rowsFile(file), indexFile(file)]) opened.push(await openFile(path, 'wx', PRIVATE));
      const writer = new SpoolWriter(file, columns, limits, opened);
      live.add(resolve(file));
      await writer.#writeRecord();
      return writer;
    } catch (error) {
      live.delete(resolve(file));
      await Promise.all(opened.map((fd) => closeFile(fd)));
      await removeSpool(file).catch(() => undefined);
      if (!isDiskFull(error)) throw error;
      const writer = new SpoolWriter(file, columns, limits, []);
      writer.#stop('diskFull', fullDisk(0));
      return writer;
    }
  }

  readonly #file: string;
  #columns: readonly SpoolColumn[];
  readonly #limits: SpoolLimits;
  readonly #fds: readonly number[];

  private constructor(file: string, columns: readonly SpoolColumn[], limits: SpoolLimits, fds: readonly number[]) {
    this.#file = file;
    this.#columns = columns;
    this.#limits = limits;
    this.#fds = fds;

    this.stream = new Writable({
      highWaterMark: HIGH_WATER_MARK,
      decodeStrings: true,
      write: (chunk: Buffer, _encoding, done) => this.#accept([chunk], done),
      writev: (chunks, done) =>
        this.#accept(
          chunks.map(({ chunk }) => chunk as Buffer),
          done,
        ),
      final: (done) => void this.#close(true).then(() => done(), done),
      destroy: (error, done) => {
        if (error) this.#message ??= `Reading the rows was cut off: ${error.message}`;
        void this.#close(false).then(() => done(error), done);
      },
    });
    // A source that fails destroys the stream with its error, which is the source's to report, not a reason to crash.
    this.stream.on('error', () => undefined);
  }

  /** What is kept so far. */
  status(): SpoolStatus {
    return {
      ...this.#kept,
      complete: this.#complete,
      dropped: this.#dropped,
      ...(this.#stopped !== undefined && { stopped: this.#stopped }),
      ...(this.#message !== undefined && { message: this.#message }),
    };
  }

  /** Replaces the columns, where they become known only with the first row. */
  async setColumns(columns: readonly SpoolColumn[]): Promise<void> {
    this.#columns = columns;
    await this.#writeRecord();
  }

  /** Ends the spool after its last row, and waits until all is in its files. Never rejects. */
  async finish(): Promise<SpoolStatus> {
    if (!this.stream.writableEnded && !this.stream.destroyed) this.stream.end();
    if (!this.stream.writableFinished && !this.stream.destroyed) {
      await new Promise<void>((done) => this.stream.once('finish', done).once('close', done));
    }
    await this.#close(true);
    return this.status();
  }

  /**
   * Ends the spool before its last row. The rows that came are kept, and the status says that there were more.
   *
   * @param reason For people; a sentence.
   */
  async abort(reason?: string): Promise<void> {
    if (reason !== undefined && this.#closing === undefined) this.#message ??= reason;
    this.stream.destroy();
    await this.#close(false);
  }

  /** One batch of chunks, while no other is under way. */
  #accept(chunks: readonly Buffer[], done: Callback): void {
    const fd = this.#fds[0];
    if (this.#stopped !== undefined || fd === undefined) {
      for (const chunk of chunks) this.#dropped += countNewlines(chunk);
      done();
      return;
    }
    const start = this.#index.position;
    const before = this.#index.mark();
    const reason = this.#scanWithinLimits(chunks);
    const keep = reason === undefined ? chunks : cut(chunks, this.#index.end - start);
    if (reason !== undefined) this.#drop(chunks, this.#index.end - start, reason, this.#limitMessage(reason));
    this.#busy = true;
    const end = (): void => {
      this.#kept = { rows: this.#index.rows, bytes: this.#index.end };
      this.#busy = false;
      this.#whenIdle?.();
      done();
    };
    writeAll(fd, keep, start, (error, written) => {
      if (error) {
        this.#index.reset(before);
        for (const chunk of cut(keep, written)) this.#index.scan(chunk);
        const full = isDiskFull(error);
        const message = full ? fullDisk(this.#index.rows) : failed(this.#index.rows, error);
        this.#dropped = 0;
        this.#drop(chunks, this.#index.end - start, full ? 'diskFull' : 'error', message);
      }
      if (this.#stopped === undefined) this.#writeEntries(end);
      else void this.#settle().then(end);
    });
  }

  /** Scans what may be kept; tells the limit that was met, if any. */
  #scanWithinLimits(chunks: readonly Buffer[]): 'maxRows' | 'maxBytes' | undefined {
    const maxRows = this.#limits.maxRows || Infinity;
    const maxBytes = this.#limits.maxBytes || Infinity;
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      if (this.#index.rows >= maxRows) return 'maxRows';
      const allowed = maxBytes - this.#index.position;
      const taken = this.#index.scan(allowed < chunk.length ? chunk.subarray(0, allowed) : chunk, maxRows);
      if (taken < chunk.length) return this.#index.rows >= maxRows ? 'maxRows' : 'maxBytes';
    }
    return undefined;
  }

  /** From here on rows are counted only. `from`: how many bytes of the chunks are kept; negative when earlier ones go as well. */
  #drop(chunks: readonly Buffer[], from: number, reason: NonNullable<SpoolStatus['stopped']>, text: string): void {
    this.#stop(reason, text);
    let skip = Math.max(0, from);
    for (const chunk of chunks) {
      this.#dropped += countNewlines(chunk, Math.min(skip, chunk.length));
      skip = Math.max(0, skip - chunk.length);
    }
  }

  #stop(reason: NonNullable<SpoolStatus['stopped']>, message: string): void {
    this.#stopped = reason;
    this.#message = message;
  }

  /** Brings the files in line with the last complete row and the status. Does what it can: on a full disk not all may work. */
  async #settle(): Promise<void> {
    const { end } = this.#index;
    this.#index.position = end;
    this.#kept = { rows: this.#index.rows, bytes: end };
    const fd = this.#fds[0];
    if (fd !== undefined) await truncateFile(fd, end).catch(() => undefined);
    await new Promise<void>((done) => this.#writeEntries(done, true));
    // On the disk before the record says that they are there.
    if (fd !== undefined) {
      await syncFile(fd).catch((error: unknown) => {
        this.#message ??= `The rows may be lost if the machine stops: ${errorText(error)}`;
      });
    }
    await this.#writeRecord().catch((error: unknown) => {
      this.#message ??= `The state of the rows could not be written: ${errorText(error)}`;
    });
  }

  async #close(atEnd: boolean): Promise<void> {
    this.#closing ??= this.#closeOnce(atEnd);
    await this.#closing;
  }

  async #closeOnce(atEnd: boolean): Promise<void> {
    if (this.#busy) await new Promise<void>((idle) => (this.#whenIdle = idle));
    const partial = this.#stopped === undefined ? this.#index.position - this.#index.end : 0;
    this.#complete = atEnd;
    if (!atEnd) {
      this.#message ??= 'Reading the rows was stopped before the last one.';
      this.#stopped ??= 'error';
    }
    if (partial > 0) {
      this.#dropped++;
      this.#stop(
        'error',
        `${this.#message ?? 'The rows were cut off.'} The last row had not come whole and was not kept.`,
      );
    }
    if (this.#fds.length === 0) return;
    await this.#settle();
    // Not before the record says how it ended: a reader would take the spool for one that was cut off.
    live.delete(resolve(this.#file));
    await Promise.all(this.#fds.map((fd) => closeFile(fd).catch(() => undefined)));
  }

  #writeEntries(done: () => void, all = false): void {
    const fd = this.#fds[1];
    const from = this.#entriesWritten;
    const to = this.#index.entries;
    if (fd === undefined || from < 0 || to - from < (all ? 1 : ENTRIES_PER_WRITE)) {
      done();
      return;
    }
    const bytes = encodeEntries(this.#index, from, to);
    write(fd, bytes, 0, bytes.length, from * ENTRY_BYTES, (error, written) => {
      // A reader can do without an index, so this is no reason to stop keeping rows.
      this.#entriesWritten = error !== null || written < bytes.length ? -1 : to;
      done();
    });
  }

  /** One record after the other, each with what holds then: an older one must not come to lie over a newer one. */
  #writeRecord(): Promise<void> {
    const written = this.#recording.then(async () => {
      // Removed while it was written: no new record may stay behind.
      if (this.#fds.length === 0 || !(await isThere(rowsFile(this.#file)))) return;
      const writer = this.#closing === undefined ? { writer: process.pid } : {};
      await writeRecord(this.#file, { version: 1, columns: this.#columns, status: this.status(), ...writer });
    });
    this.#recording = written.catch(() => undefined);
    return written;
  }

  #limitMessage(reason: 'maxRows' | 'maxBytes'): string {
    const { rows } = this.#index;
    return reason === 'maxRows'
      ? `Only the first ${count(rows)} rows were kept: the limit of ${count(this.#limits.maxRows)} rows was reached.`
      : `Only the first ${count(rows)} rows were kept: the limit of ${count(this.#limits.maxBytes)} bytes was reached.`;
  }
}

/** The first so many bytes of the chunks. */
function cut(chunks: readonly Buffer[], length: number): Buffer[] {
  const part: Buffer[] = [];
  for (const chunk of chunks) {
    if (length <= 0) break;
    part.push(chunk.length <= length ? chunk : chunk.subarray(0, length));
    length -= chunk.length;
  }
  return part;
}

/** Writes all of the chunks, however often the system takes a part only, and tells how many bytes got in before an error. */
function writeAll(
  fd: number,
  chunks: readonly Buffer[],
  position: number,
  done: (error: Error | undefined, written: number) => void,
): void {
  let rest = chunks.filter((chunk) => chunk.length > 0);
  let written = 0;
  const next = (): void => {
    if (rest.length === 0) {
      done(undefined, written);
      return;
    }
    writev(fd, rest.slice(0, BUFFERS_PER_WRITE), position + written, (error, bytes) => {
      if (error !== null) {
        done(error, written);
        return;
      }
      written += bytes;
      rest = after(rest, bytes);
      next();
    });
  };
  next();
}

function after(chunks: readonly Buffer[], length: number): Buffer[] {
  let i = 0;
  for (; i < chunks.length; i++) {
    const chunk = chunks[i];
    if (chunk === undefined || length < chunk.length) break;
    length -= chunk.length;
  }
  const first = chunks[i];
  return first === undefined ? [] : [first.subarray(length), ...chunks.slice(i + 1)];
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function fullDisk(rows: number): string {
  return `The disk is full: the first ${rows === 1 ? 'row was' : `${count(rows)} rows were`} kept, the rest was not. Make room and run the job again.`;
}

function failed(rows: number, error: Error): string {
  return `The rows could not be written (${error.message}): the first ${count(rows)} were kept, the rest was not.`;
}

import { close, fdatasync, ftruncate, open, write, writev } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { messageOf } from '../../base/errors';
import { PRIVATE } from '../../base/files';
import type { RowsFault } from '../faults';
import { countNewlines, encodeEntries, ENTRY_BYTES, LineIndex } from './lineIndex';
import {
  indexFile,
  isDiskFull,
  removeSpool,
  rowsFile,
  writeRecord,
  type SpoolColumn,
  type SpoolLimits,
  type SpoolStatus,
} from './spoolFormat';

// Callbacks in hot paths and promisified functions elsewhere: for small chunks, a FileHandle would cost more than the work itself.
const openFile = promisify(open);
const closeFile = promisify(close);
const truncateFile = promisify(ftruncate);
const syncFile = promisify(fdatasync);

/** Bytes that the stream buffers before it applies backpressure: enough to keep the socket busy while the disk works. */
const HIGH_WATER_MARK = 4 * 1024 * 1024;
/** Index entries are written in batches of this size (at most 2 MB of rows, which a reader can count by itself). */
const ENTRIES_PER_WRITE = 64;
/** Maximum buffers per writev call (IOV_MAX is 1,024 on Linux and macOS). */
const BUFFERS_PER_WRITE = 1000;

type Callback = (error?: Error | null) => void;

/** Spools that this process is writing, and which are therefore not abandoned. */
const live = new Set<string>();

/** Whether this process is writing the spool. */
export function isBeingWritten(file: string): boolean {
  return live.has(resolve(file));
}

/**
 * Stores the rows of a job on disk. COPY text is written as received, in chunks that may end anywhere.
 *
 * Memory use does not depend on the number of rows. Rows that cannot be kept because of a limit, a full disk, or another error of the
 * file system are counted and dropped: the source can always be read to its end, so that the job can finish.
 */
export class SpoolWriter {
  /** Accepts the COPY text, with backpressure. Errors of the disk do not make it fail. */
  readonly stream: Writable;
  readonly #index = new LineIndex();
  /** Rows that are not kept. */
  #dropped = 0;
  #kept = { rows: 0, bytes: 0 };
  #stopped: SpoolStatus['stopped'];
  #fault: RowsFault | undefined;
  #complete = false;
  /** Number of entries in the index file; -1 after a write error. */
  #entriesWritten = 0;
  #busy = false;
  #whenIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #recording = Promise.resolve();

  /**
   * Creates the files of a spool, readable only by their owner, and removes those of an earlier spool of the same name.
   *
   * On a full disk the writer is created too: it keeps no rows, and its status reports that.
   *
   * @param file The name of the spool, without a suffix. Its folder is created if necessary.
   * @throws Any other error of the file system.
   */
  static async create(file: string, columns: readonly SpoolColumn[], limits: SpoolLimits): Promise<SpoolWriter> {
    const opened: number[] = [];
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await removeSpool(file);
      // 'x': never write into an existing file or through a link.
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
      writer.#stop('diskFull', { code: 'rows.diskFull', params: { rows: 0 } });
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
        if (error) this.#fault ??= { code: 'rows.receiveFailed', params: { error: error.message } };
        void this.#close(false).then(() => done(error), done);
      },
    });
    // A failing source destroys the stream with its error, which the source reports. It must not be an unhandled error here.
    this.stream.on('error', () => undefined);
  }

  /** The status so far. */
  status(): SpoolStatus {
    return {
      ...this.#kept,
      complete: this.#complete,
      dropped: this.#dropped,
      ...(this.#stopped !== undefined && { stopped: this.#stopped }),
      ...(this.#fault !== undefined && { fault: this.#fault }),
    };
  }

  /** Replaces the columns, if they become known only with the first row. */
  async setColumns(columns: readonly SpoolColumn[]): Promise<void> {
    this.#columns = columns;
    await this.#writeRecord();
  }

  /** Ends the spool after its last row, and waits until everything is written. Never rejects. */
  async finish(): Promise<SpoolStatus> {
    if (!this.stream.writableEnded && !this.stream.destroyed) this.stream.end();
    if (!this.stream.writableFinished && !this.stream.destroyed) {
      await new Promise<void>((done) => this.stream.once('finish', done).once('close', done));
    }
    await this.#close(true);
    return this.status();
  }

  /**
   * Ends the spool before its last row. The rows received so far are kept, and the status reports that there were more.
   */
  async abort(reason?: RowsFault): Promise<void> {
    if (reason !== undefined && this.#closing === undefined) this.#fault ??= reason;
    this.stream.destroy();
    await this.#close(false);
  }

  /** Writes one batch of chunks. Only one batch is written at a time. */
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
    if (reason !== undefined) this.#drop(chunks, this.#index.end - start, reason, this.#limitFault(reason));
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
        const { rows } = this.#index;
        const fault: RowsFault = full
          ? { code: 'rows.diskFull', params: { rows } }
          : { code: 'rows.writeFailed', params: { rows, error: error.message } };
        this.#dropped = 0;
        this.#drop(chunks, this.#index.end - start, full ? 'diskFull' : 'error', fault);
      }
      if (this.#stopped === undefined) this.#writeEntries(end);
      else void this.#settle().then(end);
    });
  }

  /** Scans the chunks up to a limit. @returns the limit that was reached, if any */
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

  /**
   * Stops keeping rows; they are only counted from now on.
   *
   * @param from How many bytes of the chunks are kept; negative if bytes of earlier chunks are dropped too.
   */
  #drop(chunks: readonly Buffer[], from: number, reason: NonNullable<SpoolStatus['stopped']>, fault: RowsFault): void {
    this.#stop(reason, fault);
    let skip = Math.max(0, from);
    for (const chunk of chunks) {
      this.#dropped += countNewlines(chunk, Math.min(skip, chunk.length));
      skip = Math.max(0, skip - chunk.length);
    }
  }

  #stop(reason: NonNullable<SpoolStatus['stopped']>, fault: RowsFault): void {
    this.#stopped = reason;
    this.#fault = fault;
  }

  /** Makes the files match the last complete row and the status, as far as a full disk permits. */
  async #settle(): Promise<void> {
    const { end } = this.#index;
    this.#index.position = end;
    this.#kept = { rows: this.#index.rows, bytes: end };
    const fd = this.#fds[0];
    if (fd !== undefined) await truncateFile(fd, end).catch(() => undefined);
    await new Promise<void>((done) => this.#writeEntries(done, true));
    // Sync the rows before the record says that they exist.
    if (fd !== undefined) {
      await syncFile(fd).catch((error: unknown) => {
        this.#fault ??= { code: 'rows.notSynced', params: { error: messageOf(error) } };
      });
    }
    await this.#writeRecord().catch((error: unknown) => {
      this.#fault ??= { code: 'rows.statusNotWritten', params: { error: messageOf(error) } };
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
      this.#fault ??= { code: 'rows.stopped', params: {} };
      this.#stopped ??= 'error';
    }
    if (partial > 0) {
      this.#dropped++;
      this.#stop('error', withPartialRow(this.#fault));
    }
    if (this.#fds.length === 0) return;
    await this.#settle();
    // Only after the final record is written: until then, a reader would take the spool for an interrupted one.
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
      // Readers do not need an index, so continue after an error.
      this.#entriesWritten = error !== null || written < bytes.length ? -1 : to;
      done();
    });
  }

  /** Writes records one after the other, so that an older one never replaces a newer one. */
  #writeRecord(): Promise<void> {
    const written = this.#recording.then(async () => {
      // If the spool was removed in the meantime, do not create a record for it.
      if (this.#fds.length === 0 || !(await isThere(rowsFile(this.#file)))) return;
      const writer = this.#closing === undefined ? { writer: process.pid } : {};
      await writeRecord(this.#file, { version: 1, columns: this.#columns, status: this.status(), ...writer });
    });
    this.#recording = written.catch(() => undefined);
    return written;
  }

  #limitFault(reason: 'maxRows' | 'maxBytes'): RowsFault {
    const { rows } = this.#index;
    return { code: `rows.${reason}`, params: { rows, limit: this.#limits[reason] } };
  }
}

/** The fault for rows that ended for a reason, if any, in the middle of a row. */
function withPartialRow(fault: RowsFault | undefined): RowsFault {
  switch (fault?.code) {
    case 'rows.receiveFailed':
    case 'rows.malformed':
      return { code: fault.code, params: { ...fault.params, partial: true } };
    case 'rows.stopped':
      return { code: fault.code, params: { partial: true } };
    default:
      return { code: 'rows.partial' };
  }
}

/** The first `length` bytes of the chunks. */
function cut(chunks: readonly Buffer[], length: number): Buffer[] {
  const part: Buffer[] = [];
  for (const chunk of chunks) {
    if (length <= 0) break;
    part.push(chunk.length <= length ? chunk : chunk.subarray(0, length));
    length -= chunk.length;
  }
  return part;
}

/** Writes all chunks, also after short writes. `done` gets the number of bytes written, and the error if there was one. */
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

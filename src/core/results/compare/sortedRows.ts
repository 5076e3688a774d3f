/**
 * Sorts rows on disk: sorted runs are written to files and merged while they are read. Memory does not depend on the number of rows.
 *
 * A line of a run is the row's key, a tab, and the row as COPY text. All strings have one character per byte (latin1).
 */
import { open, rm, type FileHandle } from 'node:fs/promises';
import { PRIVATE } from '../../base/files';
import { RowsError } from '../faults';
import { sortPositions } from '../query/mergeSort';
import { TextPool } from '../query/textPool';
import { compareTexts } from './values';

/** A run ends with this many bytes of rows… */
const RUN_BYTES = 4 * 1024 * 1024;
/** …or rows, because each takes memory besides its bytes. */
const RUN_ROWS = 20_000;
/** Runs that are merged at once. Each takes a block of memory. */
const MAX_RUNS = 64;
/** Bytes to read or write at once. */
const BLOCK_BYTES = 32 * 1024;

export interface SortSizes {
  readonly runBytes: number;
  readonly runRows: number;
  readonly maxRuns: number;
  readonly blockBytes: number;
}

const SIZES: SortSizes = { runBytes: RUN_BYTES, runRows: RUN_ROWS, maxRuns: MAX_RUNS, blockBytes: BLOCK_BYTES };

/** Orders rows with equal keys. */
export type CompareLines = (a: string, b: string) => number;

/** Sorted rows, one at a time. */
export interface RowCursor {
  /** The current row, unless `done`. */
  readonly key: string;
  readonly line: string;
  readonly done: boolean;
  /** Moves to the next row. Wait if it returns a promise: it is read from disk. */
  next(): Promise<void> | undefined;
  close(): Promise<void>;
}

/** Collects rows and sorts them into runs. */
export class RowSorter {
  #keys: string[] = [];
  #lines: string[] = [];
  #bytes = 0;
  #runs: string[] = [];
  #made = 0;

  readonly #file: string;
  readonly #compareLines: CompareLines;
  readonly #signal: AbortSignal | undefined;
  readonly #sizes: SortSizes;

  /** @param file The beginning of the names of the runs. The caller removes their folder. */
  constructor(file: string, compareLines: CompareLines, signal?: AbortSignal, sizes: Partial<SortSizes> = {}) {
    this.#file = file;
    this.#compareLines = compareLines;
    this.#signal = signal;
    this.#sizes = { ...SIZES, ...sizes };
  }

  /** Adds a row. Wait if it returns a promise: a run is written. */
  add(key: string, line: string): Promise<void> | undefined {
    this.#keys.push(key);
    this.#lines.push(line);
    this.#bytes += key.length + line.length;
    const isFull = this.#bytes >= this.#sizes.runBytes || this.#keys.length >= this.#sizes.runRows;
    return isFull ? this.#writeRun() : undefined;
  }

  /** Returns all rows, sorted by key and then by line. Add none after this. */
  async sorted(): Promise<RowCursor> {
    if (this.#keys.length > 0) await this.#writeRun();
    while (this.#runs.length > this.#sizes.maxRuns) await this.#mergeSome();
    return this.#merged(this.#runs);
  }

  async #writeRun(): Promise<void> {
    const keys = this.#keys;
    const lines = this.#lines;
    const pool = new TextPool(Infinity);
    for (const key of keys) pool.push(key);
    pool.makePrefixes();
    const prefixes = Float64Array.from(keys, (_, i) => pool.prefix(i));
    const order = await sortPositions(
      prefixes,
      (a, b) => pool.compare(a, b) || this.#compareLines(lines[a] ?? '', lines[b] ?? ''),
      this.#signal,
    );
    const writer = await RunWriter.create(this.#newRun(), this.#sizes.blockBytes);
    try {
      for (const i of order) {
        const wait = writer.add(keys[i] ?? '', lines[i] ?? '');
        if (wait) await wait;
      }
      await writer.flush();
    } finally {
      await writer.close();
    }
    this.#keys = [];
    this.#lines = [];
    this.#bytes = 0;
  }

  #newRun(): string {
    const run = `${this.#file}.${this.#made++}.run`;
    this.#runs.push(run);
    return run;
  }

  /** Replaces the oldest runs by one. */
  async #mergeSome(): Promise<void> {
    const runs = this.#runs.splice(0, this.#sizes.maxRuns);
    const from = await this.#merged(runs);
    try {
      const writer = await RunWriter.create(this.#newRun(), this.#sizes.blockBytes);
      try {
        while (!from.done) {
          const written = writer.add(from.key, from.line);
          if (written) {
            await written;
            this.#signal?.throwIfAborted();
          }
          const read = from.next();
          if (read) await read;
        }
        await writer.flush();
      } finally {
        await writer.close();
      }
    } finally {
      await from.close();
    }
    await Promise.all(runs.map((run) => rm(run, { force: true })));
  }

  async #merged(runs: readonly string[]): Promise<RowCursor> {
    const cursors: RunReader[] = [];
    const block = new SharedBlock(this.#sizes.blockBytes);
    try {
      for (const run of runs) cursors.push(await RunReader.open(run, block));
    } catch (error) {
      await Promise.all(cursors.map((cursor) => cursor.close()));
      throw error;
    }
    return new MergedRuns(cursors, this.#compareLines);
  }
}

/** Writes the lines of a run in blocks. */
class RunWriter {
  #text = '';

  readonly #handle: FileHandle;
  readonly #blockBytes: number;

  private constructor(handle: FileHandle, blockBytes: number) {
    this.#handle = handle;
    this.#blockBytes = blockBytes;
  }

  static async create(file: string, blockBytes: number): Promise<RunWriter> {
    return new RunWriter(await open(file, 'wx', PRIVATE), blockBytes);
  }

  add(key: string, line: string): Promise<void> | undefined {
    this.#text += `${key}\t${line}\n`;
    return this.#text.length >= this.#blockBytes ? this.flush() : undefined;
  }

  async flush(): Promise<void> {
    const bytes = Buffer.from(this.#text, 'latin1');
    this.#text = '';
    // Also writes the rest after a short write.
    await this.#handle.writeFile(bytes);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** A buffer for runs that are read one after the other. */
class SharedBlock {
  readonly #buffer: Buffer;

  constructor(readonly length: number) {
    this.#buffer = Buffer.allocUnsafe(length);
  }

  /** A buffer of this length; a new one only for a row that is longer than a block. */
  get(length: number): Buffer {
    return length <= this.length ? this.#buffer : Buffer.allocUnsafe(length);
  }
}

/** Reads the lines of a run in blocks. */
class RunReader implements RowCursor {
  key = '';
  line = '';
  done = false;
  #text = '';
  #at = 0;
  /** Offset of the block in the file. */
  #position = 0;

  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #block: SharedBlock;

  private constructor(file: string, handle: FileHandle, block: SharedBlock) {
    this.#file = file;
    this.#handle = handle;
    this.#block = block;
  }

  static async open(file: string, block: SharedBlock): Promise<RunReader> {
    const reader = new RunReader(file, await open(file, 'r'), block);
    try {
      await reader.next();
      return reader;
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  next(): Promise<void> | undefined {
    const end = this.#text.indexOf('\n', this.#at);
    if (end === -1) return this.#read();
    this.#take(end);
    return undefined;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  #take(end: number): void {
    const tab = this.#text.indexOf('\t', this.#at);
    this.key = this.#text.slice(this.#at, tab);
    this.line = this.#text.slice(tab + 1, end);
    this.#at = end + 1;
  }

  /** Reads the next block, which begins with the line that did not fit into the last one. */
  async #read(): Promise<void> {
    this.#position += this.#at;
    this.#at = 0;
    for (let length = this.#block.length, before = 0; ; length *= 2) {
      const buffer = this.#block.get(length);
      const { bytesRead } = await this.#handle.read(buffer, 0, length, this.#position);
      this.#text = buffer.toString('latin1', 0, bytesRead);
      const end = this.#text.indexOf('\n');
      if (end !== -1) {
        this.#take(end);
        return;
      }
      if (bytesRead === 0) {
        this.done = true;
        return;
      }
      if (bytesRead === before) throw new RowsError({ code: 'rows.truncated', params: { file: this.#file } });
      before = bytesRead;
    }
  }
}

/** Merges runs with a heap, whose first entry is the run with the smallest row. */
class MergedRuns implements RowCursor {
  readonly #heap: RunReader[];
  readonly #all: readonly RunReader[];
  readonly #compareLines: CompareLines;

  constructor(runs: readonly RunReader[], compareLines: CompareLines) {
    this.#all = runs;
    this.#compareLines = compareLines;
    this.#heap = runs.filter(({ done }) => !done);
    for (let i = this.#heap.length >> 1; i >= 0; i--) this.#sink(i);
  }

  get key(): string {
    return this.#heap[0]?.key ?? '';
  }

  get line(): string {
    return this.#heap[0]?.line ?? '';
  }

  get done(): boolean {
    return this.#heap.length === 0;
  }

  next(): Promise<void> | undefined {
    const wait = this.#heap[0]?.next();
    if (wait) return wait.then(() => this.#settle());
    this.#sink(0);
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((run) => run.close()));
  }

  #settle(): void {
    if (this.#heap[0]?.done === true) {
      const last = this.#heap.pop();
      if (last && this.#heap.length > 0) this.#heap[0] = last;
    }
    this.#sink(0);
  }

  #sink(i: number): void {
    const heap = this.#heap;
    const moved = heap[i];
    if (!moved) return;
    for (;;) {
      let child = 2 * i + 1;
      let smaller = heap[child];
      if (!smaller) break;
      const right = heap[child + 1];
      if (right && this.#isBefore(right, smaller)) {
        smaller = right;
        child++;
      }
      if (!this.#isBefore(smaller, moved)) break;
      heap[i] = smaller;
      i = child;
    }
    heap[i] = moved;
  }

  #isBefore(a: RunReader, b: RunReader): boolean {
    return (compareTexts(a.key, b.key) || this.#compareLines(a.line, b.line)) < 0;
  }
}

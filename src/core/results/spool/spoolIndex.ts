import { fstat } from 'node:fs';
import { promisify } from 'node:util';
import { ENTRY_BYTES, LineIndex, takeEntries } from './lineIndex';
import { readAt } from './spoolRescue';

const statFile = promisify(fstat);

const NEWLINE = 10;
/** Bytes of rows to scan at once. */
const BLOCK_BYTES = 512 * 1024;
/** Bytes of the index file to read at once. */
const INDEX_BLOCK_BYTES = 1024 * 1024;

/** The line index of a spool that is open for reading: from its index file, and for the rest from the rows themselves. */
export class SpoolIndex {
  #lines = new LineIndex();
  #entriesRead = 0;
  /** The index file does not match the rows, which are scanned instead. */
  #ignoreFile = false;
  #partial = 0;
  #refreshing: Promise<void> | undefined;

  readonly #rowsFd: number;
  readonly #indexFd: number | undefined;

  /** @param indexFd undefined if there is no index file: finding rows then takes longer at first */
  constructor(rowsFd: number, indexFd: number | undefined) {
    this.#rowsFd = rowsFd;
    this.#indexFd = indexFd;
  }

  get lines(): LineIndex {
    return this.#lines;
  }

  /** Bytes after the last complete row at the last refresh. */
  get partial(): number {
    return this.#partial;
  }

  /** Adds the rows that were written since the last refresh. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#countNewRows().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  /** Scans the rows again without the index file. */
  async rebuild(): Promise<void> {
    this.#forgetFile();
    await this.refresh();
  }

  /** Resolves when no refresh is running. */
  async idle(): Promise<void> {
    await this.#refreshing?.catch(() => undefined);
  }

  async #countNewRows(): Promise<void> {
    const { size } = await statFile(this.#rowsFd);
    if (size <= this.#lines.end) {
      this.#partial = 0;
      return;
    }
    await this.#readEntries(size);
    this.#lines.position = this.#lines.end;
    const buffer = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, size - this.#lines.end));
    for (let at = this.#lines.end; at < size;) {
      const bytes = await readAt(this.#rowsFd, buffer.subarray(0, Math.min(buffer.length, size - at)), at);
      if (bytes.length === 0) break;
      this.#lines.scan(bytes);
      at += bytes.length;
    }
    this.#partial = this.#lines.position - this.#lines.end;
  }

  async #readEntries(size: number): Promise<void> {
    if (this.#indexFd === undefined || this.#ignoreFile) return;
    const file = await statFile(this.#indexFd);
    const before = this.#lines.entries;
    for (;;) {
      // In parts, because the file may have any size.
      const left = Math.min(INDEX_BLOCK_BYTES, file.size - this.#entriesRead);
      const length = Math.floor(left / ENTRY_BYTES) * ENTRY_BYTES;
      if (length <= 0) break;
      const bytes = await readAt(this.#indexFd, Buffer.allocUnsafe(length), this.#entriesRead);
      if (!takeEntries(this.#lines, bytes, size)) this.#ignoreFile = true;
      if (this.#ignoreFile || bytes.length < length) break;
      this.#entriesRead += length;
    }
    // The entries before the first impossible one are plausible. Accept them if the last one is at the end of a row.
    if (this.#lines.entries > before && !(await this.#endsRow(this.#lines.end))) this.#forgetFile();
  }

  async #endsRow(offset: number): Promise<boolean> {
    const [byte] = await readAt(this.#rowsFd, Buffer.allocUnsafe(1), offset - 1);
    return byte === NEWLINE;
  }

  #forgetFile(): void {
    this.#ignoreFile = true;
    this.#lines = new LineIndex();
  }
}

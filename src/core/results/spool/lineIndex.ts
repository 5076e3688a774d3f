/**
 * Indexes the rows in streamed COPY text without decoding it: COPY escapes newlines, so every byte 0x0A ends a row.
 * Keeps a sparse list of (row number, byte offset) pairs, so that any row can be found with a short read.
 */

/** Rows between two entries… */
const ROWS_PER_ENTRY = 64;
/** …or bytes, so that finding a wide row does not require reading 64 of them. */
const BYTES_PER_ENTRY = 32 * 1024;

const NEWLINE = 10;
/** Average length in bytes above which `Buffer.indexOf` (one call per row) is faster than scanning by words (measured). */
const LONG_ROW = 40;

/** A growing list of numbers, eight bytes each. Row numbers and offsets are exact up to 2^53. */
class NumberList {
  length = 0;
  #values = new Float64Array(64);

  at(i: number): number {
    return this.#values[i] ?? 0;
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(this.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }
}

/** The state of a scan, to return to if the scanned bytes could not be written. */
export interface IndexMark {
  readonly rows: number;
  readonly end: number;
  readonly position: number;
  readonly entries: number;
}

/** The rows of a COPY text scanned so far, and their offsets. */
export class LineIndex {
  /** Complete rows scanned. */
  rows = 0;
  /** Byte offset just after the last complete row. */
  end = 0;
  /** Bytes scanned, including an incomplete last row. */
  position = 0;
  readonly #entryRows = new NumberList();
  readonly #entryOffsets = new NumberList();
  #lastEntryRow = 0;
  #lastEntryOffset = 0;

  /** Number of entries. There is none for row 0 at offset 0. */
  get entries(): number {
    return this.#entryRows.length;
  }

  entryRow(i: number): number {
    return this.#entryRows.at(i);
  }

  entryOffset(i: number): number {
    return this.#entryOffsets.at(i);
  }

  /**
   * Scans the bytes that follow those scanned before.
   *
   * @param stopAtRow Stop after this many rows in total.
   * @returns The number of bytes scanned.
   */
  scan(chunk: Buffer, stopAtRow = Infinity): number {
    const averageRow = this.rows === 0 ? 0 : this.end / this.rows;
    const taken =
      averageRow > LONG_ROW || chunk.length < 64
        ? this.#scanByCalls(chunk, stopAtRow)
        : this.#scanByWords(chunk, stopAtRow);
    this.position += taken;
    return taken;
  }

  /** Adopts an entry of another index of the same file, and thereby the rows before it. */
  jump(row: number, offset: number): void {
    this.rows = row;
    this.end = offset;
    this.position = offset;
    this.#addEntry();
  }

  /** The last entry at or before a row, as `[row, offset]`. */
  before(row: number): readonly [row: number, offset: number] {
    const i = this.#search(row);
    return i < 0 ? [0, 0] : [this.entryRow(i), this.entryOffset(i)];
  }

  /** The byte offset of the first known row start at or after a row; the end of the last complete row if there is none. */
  after(row: number): number {
    const i = this.#search(row);
    if (i >= 0 && this.entryRow(i) === row) return this.entryOffset(i);
    return i + 1 < this.entries ? this.entryOffset(i + 1) : this.end;
  }

  mark(): IndexMark {
    return { rows: this.rows, end: this.end, position: this.position, entries: this.entries };
  }

  /** Returns to the state of the mark. */
  reset(mark: IndexMark): void {
    this.rows = mark.rows;
    this.end = mark.end;
    this.position = mark.position;
    this.#entryRows.length = mark.entries;
    this.#entryOffsets.length = mark.entries;
    this.#lastEntryRow = mark.entries === 0 ? 0 : this.entryRow(mark.entries - 1);
    this.#lastEntryOffset = mark.entries === 0 ? 0 : this.entryOffset(mark.entries - 1);
  }

  #search(row: number): number {
    let low = 0;
    let high = this.entries;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.entryRow(middle) <= row) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #addEntry(): void {
    this.#entryRows.push(this.rows);
    this.#entryOffsets.push(this.end);
    this.#lastEntryRow = this.rows;
    this.#lastEntryOffset = this.end;
  }

  #endRow(offset: number): void {
    this.rows++;
    this.end = offset;
    if (this.rows - this.#lastEntryRow >= ROWS_PER_ENTRY || offset - this.#lastEntryOffset >= BYTES_PER_ENTRY) {
      this.#addEntry();
    }
  }

  #scanByCalls(chunk: Buffer, stopAtRow: number): number {
    const base = this.position + 1;
    for (let i = chunk.indexOf(NEWLINE); i !== -1; i = chunk.indexOf(NEWLINE, i + 1)) {
      this.#endRow(base + i);
      if (this.rows >= stopAtRow) return i + 1;
    }
    return chunk.length;
  }

  /** Tests four bytes at once: for many short rows, one call per row would take ten times as long. */
  #scanByWords(chunk: Buffer, stopAtRow: number): number {
    const base = this.position + 1;
    const aligned = -chunk.byteOffset & 3;
    const words = new Int32Array(chunk.buffer, chunk.byteOffset + aligned, (chunk.length - aligned) >> 2);
    const wordsEnd = aligned + words.length * 4;
    for (let i = 0; i < aligned; i++) {
      if (chunk[i] !== NEWLINE) continue;
      this.#endRow(base + i);
      if (this.rows >= stopAtRow) return i + 1;
    }
    for (let w = 0; w < words.length; w++) {
      // After the exclusive or, a newline is a zero byte. The rest is the usual test for a zero byte.
      const word = (words[w] ?? 0) ^ 0x0a0a0a0a;
      if (((word - 0x01010101) & ~word & 0x80808080) === 0) continue;
      for (let i = aligned + w * 4; i < aligned + w * 4 + 4; i++) {
        if (chunk[i] !== NEWLINE) continue;
        this.#endRow(base + i);
        if (this.rows >= stopAtRow) return i + 1;
      }
    }
    for (let i = wordsEnd; i < chunk.length; i++) {
      if (chunk[i] !== NEWLINE) continue;
      this.#endRow(base + i);
      if (this.rows >= stopAtRow) return i + 1;
    }
    return chunk.length;
  }
}

/** Size of an entry in the index file: row number and byte offset, each a little-endian float64. */
export const ENTRY_BYTES = 16;

/** Encodes entries for the index file. */
export function encodeEntries(index: LineIndex, from: number, to: number): Buffer {
  const bytes = Buffer.allocUnsafe((to - from) * ENTRY_BYTES);
  for (let i = from; i < to; i++) {
    bytes.writeDoubleLE(index.entryRow(i), (i - from) * ENTRY_BYTES);
    bytes.writeDoubleLE(index.entryOffset(i), (i - from) * ENTRY_BYTES + 8);
  }
  return bytes;
}

/**
 * Adopts the entries of an index file that lie beyond the scanned part.
 *
 * @param size Size of the rows file: an entry beyond it is left over from a crash, or forged.
 * @returns false if an entry is impossible; it and those after it are not adopted
 */
export function takeEntries(index: LineIndex, bytes: Buffer, size: number): boolean {
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const row = bytes.readDoubleLE(at);
    const offset = bytes.readDoubleLE(at + 8);
    if (!Number.isSafeInteger(row) || !Number.isSafeInteger(offset) || row <= 0 || offset > size) return false;
    if (row <= index.rows && offset <= index.end) continue;
    // Not more rows than the writer leaves between two entries, and at least one byte per row: its newline.
    const rows = row - index.rows;
    if (rows <= 0 || rows > ROWS_PER_ENTRY || offset - index.end < rows) return false;
    index.jump(row, offset);
  }
  return true;
}

/** Counts the newlines in a part of the bytes, which in COPY text is the number of rows. */
export function countNewlines(bytes: Buffer, from = 0, to = bytes.length): number {
  let count = 0;
  // One call per newline for the first few, then by words if there are many.
  for (let at = bytes.indexOf(NEWLINE, from); at !== -1 && at < to; at = bytes.indexOf(NEWLINE, at + 1)) {
    count++;
    if (count < 64 || at - from > count * LONG_ROW) continue;
    const rest = new LineIndex();
    rest.scan(bytes.subarray(at + 1, to));
    return count + rest.rows;
  }
  return count;
}

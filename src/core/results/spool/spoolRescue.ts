/** Reading rows of a spool whose other files are damaged, missing or made up. */
import { read } from 'node:fs';
import type { SpoolColumn, SpoolRecord } from './spoolFormat';

const NEWLINE = 10;
const TAB = 9;
const BLOCK_BYTES = 512 * 1024;

/** The index file is not that of the rows: it was damaged, or somebody made it up. */
export class BadIndexError extends Error {
  override readonly name = 'BadIndexError';
  constructor() {
    super('The index of the rows does not fit them.');
  }
}

/** Where the row after the one at this place begins. @throws BadIndexError where the row has no end */
export function nextRow(bytes: Buffer, at: number): number {
  const end = bytes.indexOf(NEWLINE, at);
  if (end === -1) throw new BadIndexError();
  return end + 1;
}

/** Fills the buffer from a place in the file; less of it where the file ends. */
export function readAt(fd: number, buffer: Buffer, position: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let filled = 0;
    const next = (): void => {
      read(fd, buffer, filled, buffer.length - filled, position + filled, (error, bytes) => {
        filled += bytes;
        if (error !== null) reject(error);
        else if (bytes === 0 || filled === buffer.length) resolve(buffer.subarray(0, filled));
        else next();
      });
    };
    if (buffer.length === 0) resolve(buffer);
    else next();
  });
}

/** What is said of rows whose record cannot be read. */
export function withoutRecord(columns: readonly SpoolColumn[]): SpoolRecord {
  const message =
    'The description of these rows is damaged or missing. All complete rows in the file are here, but whether they are all that came is not known.';
  return { version: 1, columns, status: { rows: 0, bytes: 0, complete: true, dropped: 0, message } };
}

/** The columns of the first row: those that are known, or, where they do not fit, with made-up names. */
export async function columnsOf(rowsFd: number, known: readonly SpoolColumn[]): Promise<readonly SpoolColumn[]> {
  let count = 1;
  for (let position = 0; ;) {
    const bytes = await readAt(rowsFd, Buffer.allocUnsafe(BLOCK_BYTES), position);
    const end = bytes.indexOf(NEWLINE);
    const row = end === -1 ? bytes : bytes.subarray(0, end);
    for (let at = row.indexOf(TAB); at !== -1; at = row.indexOf(TAB, at + 1)) count++;
    // Without a row nobody can say what its columns are.
    if (end === -1 && bytes.length < BLOCK_BYTES) return known;
    if (end !== -1) break;
    position += bytes.length;
  }
  if (known.length === count) return known;
  return Array.from({ length: count }, (_, i) => ({ name: `column${i + 1}`, type: 'text' }));
}

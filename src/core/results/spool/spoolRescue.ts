/** Helpers for reading rows of a spool whose other files are damaged, missing, or forged. */
import { read } from 'node:fs';
import type { SpoolColumn, SpoolRecord } from './spoolFormat';

const NEWLINE = 10;
const TAB = 9;
const BLOCK_BYTES = 512 * 1024;

/** The index file does not match the rows: it is damaged or forged. */
export class BadIndexError extends Error {
  override readonly name = 'BadIndexError';
  constructor() {
    super('The index does not match the rows.');
  }
}

/** The start of the row after the one that starts at `at`. @throws BadIndexError if the row has no end */
export function nextRow(bytes: Buffer, at: number): number {
  const end = bytes.indexOf(NEWLINE, at);
  if (end === -1) throw new BadIndexError();
  return end + 1;
}

/** Reads from a position in the file until the buffer is full or the file ends. */
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

/** The record to use for rows whose record cannot be read. */
export function withoutRecord(columns: readonly SpoolColumn[]): SpoolRecord {
  const status = { rows: 0, bytes: 0, complete: true, dropped: 0, fault: { code: 'rows.noDescription' } } as const;
  return { version: 1, columns, status };
}

/** The known columns, or, if their number differs from that of the first row, columns with generated names. */
export async function columnsOf(rowsFd: number, known: readonly SpoolColumn[]): Promise<readonly SpoolColumn[]> {
  let count = 1;
  for (let position = 0; ;) {
    const bytes = await readAt(rowsFd, Buffer.allocUnsafe(BLOCK_BYTES), position);
    const end = bytes.indexOf(NEWLINE);
    const row = end === -1 ? bytes : bytes.subarray(0, end);
    for (let at = row.indexOf(TAB); at !== -1; at = row.indexOf(TAB, at + 1)) count++;
    // Without a row, the number of columns is unknown.
    if (end === -1 && bytes.length < BLOCK_BYTES) return known;
    if (end !== -1) break;
    position += bytes.length;
  }
  if (known.length === count) return known;
  return Array.from({ length: count }, (_, i) => ({ name: `column${i + 1}`, type: 'text' }));
}

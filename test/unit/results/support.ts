import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeLine } from '../../../src/shared/rowCodec';
import { SpoolReader, SpoolWriter, type SpoolColumn, type SpoolLimits } from '../../../src/core/results/spool/spool';

export const NO_LIMITS: SpoolLimits = { maxRows: 0, maxBytes: 0 };

export const TWO_COLUMNS: SpoolColumn[] = [
  { name: 'id', type: 'integer' },
  { name: 'note', type: 'text' },
];

/** Creates a folder for one test and removes it afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'pgbg-results-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** COPY text of rows. */
export function copyText(rows: readonly (readonly (string | null)[])[]): Buffer {
  return Buffer.from(rows.map((row) => encodeLine(row) + '\n').join(''));
}

/** Writes to the writer's stream with backpressure. */
export async function send(writer: SpoolWriter, bytes: Buffer, chunkSize = bytes.length): Promise<void> {
  for (let at = 0; at < bytes.length; at += chunkSize) {
    await new Promise<void>((done, fail) =>
      writer.stream.write(bytes.subarray(at, at + chunkSize), (error) => (error ? fail(error) : done())),
    );
  }
}

/** Opens a reader of a finished spool with these rows. */
export async function spoolOf(
  folder: string,
  columns: readonly SpoolColumn[],
  rows: readonly (readonly (string | null)[])[],
): Promise<SpoolReader> {
  const file = join(folder, `spool${Math.random().toString(36).slice(2)}`);
  const writer = await SpoolWriter.create(file, columns, NO_LIMITS);
  await send(writer, copyText(rows), 60_000);
  await writer.finish();
  return SpoolReader.open(file);
}

/** Pseudo-random numbers, the same in every run. */
export function randomizer(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Rows of TWO_COLUMNS with NULLs, escapes, and multibyte characters. */
export function manyRows(count: number): (string | null)[][] {
  return Array.from({ length: count }, (_, i) => [String(i), i % 7 === 0 ? null : `row\t${i}\n${'é'.repeat(i % 50)}`]);
}

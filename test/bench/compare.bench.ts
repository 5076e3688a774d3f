/**
 * Compares 10^6 rows with 10^6 rows of an integer, a timestamp, a number, and 100 characters, in random order, with few differences.
 * The reference sorts both files with the system's `sort` and counts the differing lines with `comm`, which does much less.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { matchColumns } from '../../src/core/results/compare/columns';
import { compareResults, type Comparison } from '../../src/core/results/compare/compare';
import { SpoolReader, SpoolWriter } from '../../src/core/results/spool/spool';
import { timed, type Figure } from './support';

const run = promisify(execFile);

const ROWS = Number(process.env['PGBG_BENCH_ROWS'] ?? 1_000_000);
const MEMORY_MB = 64;
const COLUMNS = [
  { name: 'id', type: 'bigint' },
  { name: 'at', type: 'timestamp with time zone' },
  { name: 'price', type: 'numeric' },
  { name: 'note', type: 'text' },
];
const LABELS = { added: 'added', removed: 'removed', changed: 'changed', change: 'change', changedColumns: 'columns' };

export async function bench(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pgbg-bench-'));
  try {
    const before = await spool(join(folder, 'a'), ROWS, 7919, () => false);
    const after = await spool(join(folder, 'b'), ROWS, 104_729, (i) => i % 10_000 === 0);
    const figures: Figure[] = [];
    for (const [name, key] of [
      ['an integer', 0],
      ['a text', 3],
    ] as const) {
      figures.push(...(await measure(name, key, before, after, folder)));
    }
    const both = `sort a.rows > a.sorted && sort b.rows > b.sorted && comm -3 a.sorted b.sorted | wc -l`;
    const reference = await timed(() => run('sh', ['-c', both], { cwd: folder, env: { ...process.env, LC_ALL: 'C' } }));
    await before.close();
    await after.close();
    return figures.map((figure) =>
      figure.unit === 'ms' && figure.name.startsWith('compare')
        ? { ...figure, reference, referenceName: 'sort, sort, comm' }
        : figure,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(
  name: string,
  key: number,
  before: SpoolReader,
  after: SpoolReader,
  folder: string,
): Promise<Figure[]> {
  let comparison: Comparison | undefined;
  globalThis.gc?.();
  const start = process.memoryUsage.rss();
  let peak = start;
  let maxPause = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    maxPause = Math.max(maxPause, now - last);
    last = now;
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 5);
  const file = join(folder, `compared${key}`);
  const value = await timed(async () => {
    const columns = matchColumns(before.columns, after.columns);
    comparison = await compareResults({ before, after, columns, keys: [key], file, labels: LABELS });
  });
  clearInterval(timer);
  const expected = ROWS / 10_000;
  if (comparison?.changed !== expected || comparison.equal !== ROWS - expected) {
    throw new Error(`Not the expected differences: ${JSON.stringify(comparison)}`);
  }
  const size = `${ROWS.toLocaleString('en-US')} rows by ${name}`;
  const grown = (peak - start) / 1e6;
  return [
    { name: `compare ${size}`, value, unit: 'ms' },
    {
      name: `memory while comparing ${size}`,
      value: grown,
      unit: 'MB',
      budget: `${MEMORY_MB} MB`,
      ok: grown <= MEMORY_MB,
    },
    { name: `maximum time without a turn for others, ${size}`, value: maxPause, unit: 'ms' },
  ];
}

/** Rows in an order that depends on the step, which has no common factor with their number. */
async function spool(
  file: string,
  rows: number,
  step: number,
  isChanged: (i: number) => boolean,
): Promise<SpoolReader> {
  const writer = await SpoolWriter.create(file, COLUMNS, { maxRows: 0, maxBytes: 0 });
  function* chunks(): Generator<Buffer> {
    let text = '';
    for (let n = 0; n < rows; n++) {
      const i = (n * step) % rows;
      const price = `${i % 1000}.${isChanged(i) ? '75' : '50'}`;
      text += `${i}\t2026-01-31 10:00:00.${String(i % 1000).padStart(3, '0')}1+00\t${price}\t${'x'.repeat(90)}${String(i).padStart(10, '0')}\n`;
      if (text.length < 65_536) continue;
      yield Buffer.from(text);
      text = '';
    }
    yield Buffer.from(text);
  }
  await pipeline(Readable.from(chunks()), writer.stream);
  await writer.finish();
  return SpoolReader.open(file);
}

/**
 * Measures the spool, its reader, and the exports with 10^3 to 10^6 rows of an integer and 100 characters; 10^7 with
 * PGBG_BENCH_ROWS=10000000. References are psql, pg_dump and grep on the same rows in the same run.
 */
import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { copyOut } from '../../src/core/postgres/client/copyOut';
import { exportRows } from '../../src/core/results/format/exports';
import { find, type FindQuery } from '../../src/core/results/query/find';
import type { ExportFormat } from '../../src/shared/rowFormats';
import { orderRows, type SortKey } from '../../src/core/results/query/order';
import { SpoolReader, SpoolWriter } from '../../src/core/results/spool/spool';
import { median, quantile, timed, type Figure } from './support';

const run = promisify(execFile);

const NO_LIMITS = { maxRows: 0, maxBytes: 0 };
const COLUMNS = [
  { name: 'id', type: 'integer', typeOid: 23 },
  { name: 'note', type: 'text', typeOid: 25 },
];

interface Context {
  /** A server; one is started if not given. */
  readonly serverUrl?: string;
  /** The psql to compare with; pg_dump from the same folder is used too. */
  readonly psql?: string;
}

interface Setting {
  readonly url: string;
  readonly psql: string;
  readonly folder: string;
  readonly client: Client;
}

export async function bench(context: Context = {}): Promise<Figure[]> {
  const server = context.serverUrl === undefined ? await startServer() : undefined;
  const url = context.serverUrl ?? server?.url ?? '';
  const psql = context.psql ?? (server ? join(server.bin, 'psql') : 'psql');
  const folder = await mkdtemp(join(tmpdir(), 'pgbg-bench-'));
  const client = new Client({ connectionString: url });
  await client.connect();
  const figures: Figure[] = [];
  try {
    const setting = { url, psql, folder, client };
    const largest = Number(process.env['PGBG_BENCH_ROWS'] ?? 1_000_000);
    figures.push(await writerCost(folder));
    for (let rows = 1000; rows <= largest; rows *= 10) figures.push(...(await benchRows(setting, rows)));
  } finally {
    await client.query('DROP TABLE IF EXISTS pgbg_bench');
    await client.end();
    await rm(folder, { recursive: true, force: true });
    await server?.stop();
  }
  return figures;
}

interface Server {
  readonly url: string;
  readonly bin: string;
  stop(): Promise<void>;
}

async function startServer(): Promise<Server> {
  const file = pathToFileURL(join(process.cwd(), 'scripts/lib/postgres.mjs')).href;
  const scripts = (await import(file)) as { startPostgres(options: { log(): void }): Promise<Server> };
  return scripts.startPostgres({ log: () => undefined });
}

async function benchRows(setting: Setting, rows: number): Promise<Figure[]> {
  const { client, folder } = setting;
  const size = `10^${Math.log10(rows)} rows`;
  const query = `SELECT i AS id, repeat('x', 90) || lpad(i::text, 10, '0') AS note FROM generate_series(1, ${rows}) AS i`;
  await client.query('DROP TABLE IF EXISTS pgbg_bench');
  await client.query(`CREATE TABLE pgbg_bench AS ${query}`);
  const file = join(folder, 'spool');
  await fill(client, file);
  const figures: Figure[] = [];
  let reader = await SpoolReader.open(file);
  try {
    figures.push({
      name: `${size}: open`,
      unit: 'ms',
      value: await timed(async () => {
        await reader.close();
        reader = await SpoolReader.open(file);
      }),
    });
    figures.push(...(await pages(reader, rows, size)));
    figures.push(...(await finds(reader, file, rows, size)));
    figures.push(...(await sorts(reader, size)));
    figures.push(...(await exportsOf(setting, reader, rows, size)));
  } finally {
    await reader.close();
  }
  return figures;
}

/** Cost of the writer compared with writing the same chunks to a file. */
async function writerCost(folder: string): Promise<Figure> {
  const row = Buffer.from(`1234567\t${'x'.repeat(100)}\n`);
  const chunk = Buffer.alloc(65_536 - 5, row);
  function* chunks(): Generator<Buffer> {
    for (let bytes = 0; bytes < 1_000_000 * row.length; bytes += chunk.length) yield chunk;
  }
  const cpu = async (work: () => Promise<unknown>): Promise<number> => {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  const ours: number[] = [];
  const raw: number[] = [];
  for (let round = 0; round < 5; round++) {
    raw.push(await cpu(() => pipeline(Readable.from(chunks()), createWriteStream(join(folder, 'raw')))));
    ours.push(
      await cpu(async () => {
        const writer = await SpoolWriter.create(join(folder, 'cost'), COLUMNS, NO_LIMITS);
        await pipeline(Readable.from(chunks()), writer.stream);
        await writer.finish();
      }),
    );
  }
  const [value, reference] = [median(ours), median(raw)];
  return {
    name: 'CPU of spooling 10^6 rows (117 MB)',
    value,
    unit: 'ms',
    reference,
    referenceName: 'raw file write',
    budget: '250 ms more',
    ok: value - reference <= 250,
  };
}

/** Writes the rows to a spool like those of a worker. */
async function fill(client: Client, file: string): Promise<void> {
  const writer = await SpoolWriter.create(file, COLUMNS, NO_LIMITS);
  await copyOut(client, 'COPY pgbg_bench TO STDOUT', writer.stream, () => undefined);
  await writer.finish();
}

/** @returns a function that stops watching and returns by how much the memory of the process grew at most, in MB */
function watchMemory(): () => number {
  globalThis.gc?.();
  const start = process.memoryUsage.rss();
  let peak = start;
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(look, 20);
  return () => {
    clearInterval(timer);
    look();
    return (peak - start) / 1e6;
  };
}

async function pages(reader: SpoolReader, rows: number, size: string): Promise<Figure[]> {
  const order = Uint32Array.from({ length: rows }, (_, i) => (i * 7919) % rows);
  const kinds: [string, (at: number) => Promise<unknown>][] = [
    ['page of 100 rows', (at) => reader.rows(at, 100)],
    ['page of 100 rows, sorted', (at) => reader.rowsAt(order, at, 100)],
    ['tile of 128 rows for the screen', (at) => reader.preview(at, 128, { maxLength: 300 })],
    ['one cell', (at) => reader.cell(at, 1)],
  ];
  const figures: Figure[] = [];
  for (const [kind, read] of kinds) {
    const times: number[] = [];
    for (let i = 0; i < 600; i++) times.push(await timed(() => read(Math.floor(Math.random() * (rows - 100)))));
    const name = `${size}: ${kind}`;
    const measured = times.slice(100);
    const value = median(measured);
    figures.push({ name, value, unit: 'ms', ...(kind === 'page of 100 rows' && { budget: '1 ms', ok: value <= 1 }) });
    figures.push({ name: `${name} (p95)`, value: quantile(measured, 0.95), unit: 'ms' });
  }
  return figures;
}

async function finds(reader: SpoolReader, file: string, rows: number, size: string): Promise<Figure[]> {
  const last = String(rows).padStart(10, '0');
  const queries: [string, FindQuery, string[]][] = [
    ['one match', { text: `x${last}`, matchCase: true }, ['-F', `x${last}`]],
    ['one match, any case', { text: `X${last}` }, ['-F', '-i', `X${last}`]],
    ['a match in each row', { text: 'x0', matchCase: true }, ['-F', 'x0']],
    ['regular expression', { text: `^x+0*${rows}$`, regex: true, matchCase: true }, ['-P', `\tx+0*${rows}$`]],
  ];
  const figures: Figure[] = [];
  for (const [name, query, grep] of queries) {
    const value = await middle(3, async () => {
      let total = 0;
      for await (const progress of find(reader, query)) ({ total } = progress);
      if (total === 0) throw new Error('Nothing was found.');
    });
    const reference = await middle(3, () => run('grep', ['-c', ...grep, `${file}.rows`])).catch(() => undefined);
    figures.push({
      name: `${size}: find, ${name}`,
      value,
      unit: 'ms',
      ...(reference !== undefined && { reference, referenceName: 'grep -c' }),
    });
  }
  return figures;
}

async function sorts(reader: SpoolReader, size: string): Promise<Figure[]> {
  const keys: [string, SortKey][] = [
    ['integer, descending', { column: 0, direction: 'descending' }],
    ['text, descending', { column: 1, direction: 'descending' }],
  ];
  const figures: Figure[] = [];
  for (const [name, key] of keys) {
    const value = await timed(() => orderRows(reader, [key], [], { maxRows: 0 }));
    figures.push({ name: `${size}: sort by ${name}`, value, unit: 'ms' });
  }
  const filter = { column: 1, operator: 'contains', value: '99' } as const;
  const value = await timed(() => orderRows(reader, [], [filter], { maxRows: 0 }));
  figures.push({ name: `${size}: filter by text`, value, unit: 'ms' });
  return figures;
}

async function exportsOf(setting: Setting, reader: SpoolReader, rows: number, size: string): Promise<Figure[]> {
  const { psql, url, folder } = setting;
  const rounds = rows > 1_000_000 ? 1 : 3;
  const theirs = join(folder, 'theirs');
  const ours = join(folder, 'ours');
  const psqlCopy = (what: string, options: string) => (): Promise<unknown> =>
    run(psql, ['-X', '-q', '-d', url, '-c', `\\copy ${what} TO '${theirs}' ${options}`]);
  const dump = join(psql, '..', 'pg_dump');
  const formats: Record<ExportFormat, [string, () => Promise<unknown>] | undefined> = {
    csv: ['psql \\copy', psqlCopy('pgbg_bench', 'WITH (FORMAT csv, HEADER)')],
    tsv: ['psql \\copy', psqlCopy('pgbg_bench', "WITH (FORMAT csv, HEADER, DELIMITER E'\\t')")],
    json: ['psql \\copy row_to_json', psqlCopy('(SELECT row_to_json(t) FROM pgbg_bench AS t)', '')],
    ndjson: ['psql \\copy row_to_json', psqlCopy('(SELECT row_to_json(t) FROM pgbg_bench AS t)', '')],
    markdown: undefined,
    insert: [
      'pg_dump --inserts',
      () => run(dump, ['-a', '-t', 'pgbg_bench', '--rows-per-insert=500', '-f', theirs, '-d', url]),
    ],
  };
  const figures: Figure[] = [];
  for (const [format, reference] of Object.entries(formats) as [ExportFormat, (typeof formats)[ExportFormat]][]) {
    const watch = watchMemory();
    const value = await middle(rounds, () => exportRows(reader, ours, format));
    const grown = watch();
    figures.push({
      name: `${size}: export ${format}`,
      value,
      unit: 'ms',
      ...(reference && { reference: await middle(rounds, reference[1]), referenceName: reference[0] }),
    });
    if (rows >= 1_000_000)
      figures.push({ name: `${size}: memory while exporting ${format}`, value: grown, unit: 'MB' });
  }
  return figures;
}

/** The median of several rounds in milliseconds. */
async function middle(rounds: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) times.push(await timed(work));
  return median(times);
}

import { join } from 'node:path';
import { newDatabase, newEngine, newServer } from '../server/support';
import { median, psqlFromWorker, timed, type Figure, type PsqlTime } from './support';

const MILLION = 1_000_000;
const MEMORY_MB = 64;

/**
 * Rows from a worker to the spool, compared with psql's COPY of a worker's rows to /dev/null, alternating. PGBG_BENCH_ROWS=10000000 adds
 * 10^7 rows.
 */
export async function bench(): Promise<Figure[]> {
  const server = await newServer();
  const profile = await newDatabase(server);
  const engine = await newEngine(profile);
  try {
    const figures: Figure[] = [];
    const at = ['-h', server.host, '-p', String(server.port), '-U', server.user, '-d', profile.database ?? ''];
    await engine.jobs.waitFor(engine.run('SELECT 1').id);
    const maxRows = Number(process.env['PGBG_BENCH_ROWS'] ?? MILLION);
    for (const size of [1000, 100_000, MILLION, 10 * MILLION].filter((count) => count <= maxRows)) {
      // Rounds vary more than the two sides differ.
      const rounds = size > MILLION ? 3 : 15;
      const sql = `SELECT g, repeat('x', 100) FROM generate_series(1, ${size}) AS g`;
      const ours: number[] = [];
      const theirs: PsqlTime[] = [];
      let peak = 0;
      for (let round = 0; round < rounds; round++) {
        const before = process.memoryUsage.rss();
        const sample = setInterval(() => {
          peak = Math.max(peak, process.memoryUsage.rss() - before);
        }, 10);
        let id = '';
        ours.push(
          await timed(async () => {
            ({ id } = engine.run(sql));
            const { rowCount } = (await engine.jobs.waitFor(id)).record;
            if (rowCount !== size) throw new Error(`Received ${rowCount ?? 0} rows instead of ${size}.`);
          }),
        );
        clearInterval(sample);
        await engine.jobs.clearFinished([id]);
        theirs.push(await psqlFromWorker(join(server.bin, 'psql'), at, sql));
      }
      const [value, reference] = [median(ours), median(theirs.map(({ whole }) => whole))];
      figures.push({
        name: `${size.toLocaleString('en-US')} rows, worker to spool`,
        value,
        unit: 'ms',
        reference,
        referenceName: 'psql, its worker to /dev/null',
        ...(size === MILLION ? { budget: 'at most psql’s time', ok: value <= reference } : {}),
      });
      figures.push({
        name: 'the same, compared with the statements alone',
        value,
        unit: 'ms',
        reference: median(theirs.map(({ statements }) => statements)),
        referenceName: 'psql’s \\timing',
      });
      if (size >= MILLION) {
        const memory = peak / 1e6;
        figures.push({
          name: `more memory while ${size.toLocaleString('en-US')} rows are received`,
          value: memory,
          unit: 'MB',
          budget: `${MEMORY_MB} MB`,
          ok: memory <= MEMORY_MB,
        });
      }
    }
    return figures;
  } finally {
    await engine.close();
    await server.stop('immediate');
  }
}

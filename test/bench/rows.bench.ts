import { join } from 'node:path';
import { newDatabase, newEngine, newServer } from '../server/support';
import { median, psqlFromWorker, timed, type Figure, type PsqlTime } from './support';

/** One round differs from the next by more than the two sides do. */
const ROUNDS = 15;
const SIZES = [1000, 100_000, 1_000_000];

/** Rows from a worker to the spool, beside psql's COPY of a worker's rows to /dev/null, in turn. */
export async function bench(): Promise<Figure[]> {
  const server = await newServer();
  const profile = await newDatabase(server);
  const engine = await newEngine(profile);
  try {
    const figures: Figure[] = [];
    const at = ['-h', server.host, '-p', String(server.port), '-U', server.user, '-d', profile.database ?? ''];
    await engine.jobs.waitFor(engine.run('SELECT 1').id);
    for (const size of SIZES) {
      const sql = `SELECT g, repeat('x', 100) FROM generate_series(1, ${size}) AS g`;
      const ours: number[] = [];
      const theirs: PsqlTime[] = [];
      let peak = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const before = process.memoryUsage.rss();
        const sample = setInterval(() => {
          peak = Math.max(peak, process.memoryUsage.rss() - before);
        }, 10);
        let id = '';
        ours.push(
          await timed(async () => {
            ({ id } = engine.run(sql));
            const { rowCount } = await engine.jobs.waitFor(id);
            if (rowCount !== size) throw new Error(`${rowCount ?? 0} rows came instead of ${size}.`);
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
        ...(size === 1_000_000 ? { budget: 'at most psql’s time', ok: value <= reference } : {}),
      });
      figures.push({
        name: 'the same, beside the statements alone',
        value,
        unit: 'ms',
        reference: median(theirs.map(({ statements }) => statements)),
        referenceName: 'psql’s \\timing',
      });
      if (size === 1_000_000) {
        const memory = peak / 1e6;
        figures.push({
          name: 'memory up while they come',
          value: memory,
          unit: 'MB',
          budget: '64 MB',
          ok: memory <= 64,
        });
      }
    }
    return figures;
  } finally {
    await engine.close();
    await server.stop('immediate');
  }
}

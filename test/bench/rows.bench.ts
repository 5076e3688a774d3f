import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { newDatabase, newEngine, newServer, type TestServer } from '../server/support';
import { median, timed, type Figure } from './support';

const ROUNDS = 5;
const SIZES = [1000, 100_000, 1_000_000];

/** Rows from a worker to the spool, beside psql's own COPY of the same to /dev/null, in turn. */
export async function bench(): Promise<Figure[]> {
  const server = await newServer();
  const profile = await newDatabase(server);
  const engine = await newEngine(profile);
  try {
    const figures: Figure[] = [];
    await engine.jobs.waitFor(engine.run('SELECT 1').id);
    for (const size of SIZES) {
      const sql = `SELECT g, repeat('x', 100) FROM generate_series(1, ${size}) AS g`;
      const ours: number[] = [];
      const theirs: number[] = [];
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
        theirs.push(await timed(() => copyToNull(server, profile.database ?? '', sql)));
      }
      const [value, reference] = [median(ours), median(theirs)];
      figures.push({
        name: `${size.toLocaleString('en-US')} rows, worker to spool`,
        value,
        unit: 'ms',
        reference,
        referenceName: 'psql COPY to /dev/null',
        ...(size === 1_000_000 ? { budget: 'at most psql’s time', ok: value <= reference } : {}),
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

function copyToNull(server: TestServer, database: string, sql: string): Promise<void> {
  const args = ['-X', '-q', '-h', server.host, '-p', String(server.port), '-U', server.user, '-d', database];
  const child = spawn(join(server.bin, 'psql'), [...args, '-c', `COPY (${sql}) TO STDOUT`], { stdio: 'ignore' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`psql ended with ${code ?? 'a signal'}.`));
    });
  });
}

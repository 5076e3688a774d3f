import { join } from 'node:path';
import { openClient } from '../../src/core/postgres/connect/open/open';
import { fences, insertAll } from '../../src/core/sql/classify/fence';
import { splitStatements } from '../../src/core/sql/split/statements';
import { newDatabase, newEngine, newServer } from '../server/support';
import { median, psqlTransaction, timed, type Figure } from './support';

const STATEMENTS = 2000;
const ROUNDS = 15;
const FENCE_US = 20;

/** Many statements as one job, compared with `psql -1`, and the cost of one fence, compared with the same text without fences. */
export async function bench(): Promise<Figure[]> {
  const server = await newServer();
  const profile = await newDatabase(server);
  const engine = await newEngine(profile);
  const client = await openClient(profile);
  try {
    const at = ['-h', server.host, '-p', String(server.port), '-U', server.user, '-d', profile.database ?? ''];
    await server.psql('CREATE TABLE many (i int, t text)', { database: profile.database ?? '' });
    const sql = Array.from({ length: STATEMENTS }, (_, i) => `INSERT INTO many VALUES (${i}, 'row ${i}');\n`).join('');
    const { text: fenced } = insertAll(sql, fences(sql, splitStatements(sql)));
    const inWorker = async (text: string): Promise<number> => {
      let worker: { pid: number; cookie: string } | undefined;
      const ms = await timed(async () => {
        ({
          rows: [worker],
        } = await client.query<{ pid: number; cookie: string }>(
          `SELECT l.pid, l.cookie FROM pg_background_launch($1, ${64 * STATEMENTS}, 'bench') AS l`,
          [text],
        ));
        await client.query('SELECT pg_background_wait($1, $2, 0)', [worker?.pid, worker?.cookie]);
      });
      await client.query('SELECT pg_background_detach($1, $2)', [worker?.pid, worker?.cookie]);
      return ms;
    };
    await engine.jobs.waitFor(engine.run('SELECT 1').id);
    const [ours, theirs, withFences, without]: [number[], number[], number[], number[]] = [[], [], [], []];
    for (let round = 0; round < ROUNDS; round++) {
      ours.push(
        await timed(async () => {
          const { state } = await engine.jobs.waitFor(engine.run(sql).id);
          if (state !== 'succeeded') throw new Error(`The job ended as ${state}.`);
        }),
      );
      theirs.push(await psqlTransaction(join(server.bin, 'psql'), at, sql));
      withFences.push(await inWorker(fenced));
      without.push(await inWorker(sql));
    }
    // Other work on the machine only adds time, so compare the fastest rounds.
    const fence = ((Math.min(...withFences) - Math.min(...without)) * 1000) / (STATEMENTS - 1);
    return [
      {
        name: `${STATEMENTS.toLocaleString('en-US')} INSERTs as one job`,
        value: median(ours),
        unit: 'ms',
        reference: median(theirs),
        referenceName: 'psql -1',
        budget: 'at most psql’s time',
        ok: median(ours) <= median(theirs),
      },
      {
        name: 'one fence (the fastest rounds)',
        value: fence,
        unit: 'µs',
        budget: `${FENCE_US} µs`,
        ok: fence <= FENCE_US,
      },
    ];
  } finally {
    await client.end();
    await engine.close();
    await server.stop('immediate');
  }
}

import { Client } from 'pg';
import { withGate } from '../gate';
import { newEngine, newServer } from '../server/support';
import { newDurableDatabase, type DurableDatabase } from '../server/durable/support';
import { median, quantile, timed, type Figure } from './support';

const MILLION = 1_000_000;
const ROUNDS = 7;
const FACTOR = 1.2;
const ENDS = 40;

/** The rows of a durable job into its table, compared with CREATE TABLE AS in a session, alternating; and the time to begin. */
export async function bench(): Promise<Figure[]> {
  // The defaults of a server. Without fsync, as in all tests, both sides only write to memory.
  const server = await newServer({ max_wal_size: '8GB' });
  const database = await newDurableDatabase(server);
  const session = database.admin;
  const { host, port, database: name, user } = session.profile;
  const reference = new Client({ host, port: Number(port), database: name, user });
  await reference.connect();
  try {
    const sql = `SELECT g, repeat('x', 100) FROM generate_series(1, ${MILLION}) AS g`;
    const [ours, theirs, begins]: [number[], number[], number[]] = [[], [], []];
    await session.ended('SELECT 1');
    for (let round = 0; round < ROUNDS; round++) {
      const ids: string[] = [];
      ours.push(
        await timed(async () => {
          const job = await session.ended(sql);
          if (job.rowCount !== String(MILLION)) throw new Error(JSON.stringify(job));
          ids.push(job.id);
        }),
      );
      await reference.query('SELECT pgbackground_jobs.purge($1)', [ids]);
      theirs.push(await timed(() => reference.query(`CREATE TABLE t AS ${sql}`)));
      await reference.query('DROP TABLE t');
      begins.push(
        await timed(async () => {
          const { id } = await session.launch('SELECT 1');
          await session.until(id, ({ state }) => state !== 'queued');
        }),
      );
    }
    const [value, other] = [median(ours), median(theirs)];
    return [
      {
        name: '1,000,000 rows of a durable job into its table',
        value,
        unit: 'ms',
        reference: other,
        referenceName: 'CREATE TABLE AS',
        budget: `${FACTOR} × CREATE TABLE AS`,
        ok: value <= FACTOR * other,
      },
      { name: 'a durable job, request to running', value: median(begins), unit: 'ms' },
      await completion(database),
    ];
  } finally {
    await reference.end();
    await database.close();
    await server.stop('immediate');
  }
}

/** From the end of the work to the final state in a window that did not launch the job. */
async function completion({ profile, admin }: DurableDatabase): Promise<Figure> {
  const engine = await newEngine(profile);
  const { jobs, link } = engine;
  await link.connect();
  const times: number[] = [];
  await withGate(profile, async (gate) => {
    for (let round = 0; round < ENDS; round++) {
      const { id } = await admin.launch(`SELECT (SELECT ${gate.wait} IS NULL)`);
      const job = await new Promise<(typeof jobs.jobs)[number]>((resolve) => {
        const look = (): void => {
          const found = jobs.jobs.find(({ record }) => record.durable?.id === id && record.state === 'running');
          if (!found) return;
          listener.dispose();
          resolve(found);
        };
        const listener = jobs.onDidChange(look);
        look();
      });
      times.push(
        await timed(async () => {
          await gate.open();
          await jobs.waitFor(job.id);
        }),
      );
      await gate.close();
    }
  });
  await engine.close();
  const value = quantile(times, 0.95);
  return {
    name: 'a durable job, end to final state in another window (p95)',
    value,
    unit: 'ms',
    budget: '1 s',
    ok: value <= 1000,
  };
}

import { reasonOf } from '../reasonOf';
import assert from 'node:assert/strict';
import type { JobState } from '../../src/api';
import type { Job } from '../../src/core/jobs/job';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import {
  atWork,
  detachedJob,
  endSessions,
  newDatabase,
  newEngine,
  newServer,
  reaches,
  scripts,
  type Engine,
  type TestServer,
} from './support';

interface Row {
  readonly name: string;
  /** Runs a job to its end. If missing, runs `sql` and waits for its end. */
  readonly how?: (world: World) => Promise<Job>;
  readonly sql?: string;
  readonly state: JobState;
  /** The command tag of a success, the SQLSTATE of a failure. */
  readonly code?: string;
  /** Expected in the error's message or in the reason. */
  readonly text?: RegExp;
  /** The text at the error's position. */
  readonly at?: string;
}

interface World {
  readonly server: TestServer;
  readonly profile: ConnectionProfile;
  readonly engine: Engine;
}

const MANY = "SELECT i, repeat('x', 2000), pg_sleep(0.001) FROM generate_series(1, 100000) AS i";

const TABLE: readonly Row[] = [
  { name: 'a query', sql: 'SELECT 1 AS a', state: 'succeeded', code: 'SELECT' },
  { name: 'a query without rows', sql: 'SELECT 1 AS a WHERE false', state: 'succeeded', code: 'SELECT' },
  { name: 'a command', sql: 'CREATE TABLE made (a int PRIMARY KEY)', state: 'succeeded', code: 'CREATE TABLE' },
  { name: 'a command that refuses a transaction block, alone', sql: 'VACUUM made', state: 'succeeded', code: 'VACUUM' },
  {
    name: 'a command that refuses a transaction block, with another one',
    sql: 'SELECT 1; VACUUM made',
    state: 'failed',
    code: '25001',
    text: /cannot be executed from a function/,
  },
  { name: 'an error of the parser', sql: 'SELECT 1; SELEC 2', state: 'failed', code: '42601', at: 'SELEC 2' },
  { name: 'an error of the analysis', sql: "SELECT 'é😀', nosuch", state: 'failed', code: '42703', at: 'nosuch' },
  { name: 'an error while it runs', sql: 'SELECT 1 / (random() * 0)::int', state: 'failed', code: '22012' },
  {
    name: 'an error after many rows',
    sql: "SELECT repeat('x', 100), 1 / (30000 - i) FROM generate_series(1, 40000) AS i",
    state: 'failed',
    code: '22012',
    text: /division by zero/,
  },
  {
    name: 'an error at the commit',
    sql: `CREATE TABLE late (a int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO late VALUES (1), (1)`,
    state: 'failed',
    code: '23505',
    text: /duplicate key/,
  },
  {
    name: 'an error at the commit, after rows were read',
    sql: `CREATE TABLE later (a int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO later VALUES (1), (1);
          SELECT i, repeat('y', 100) FROM generate_series(1, 20000) AS i`,
    state: 'failed',
    code: '23505',
    text: /duplicate key/,
  },
  {
    name: 'an error with its position, in a statement whose rows cannot be read',
    sql: 'CREATE TABLE unread (a int); INSERT INTO unread VALUES (nosuch) RETURNING a',
    state: 'failed',
    code: '42703',
    at: 'nosuch',
  },
  { name: 'a command that workers refuse', sql: 'BEGIN; SELECT 1; COMMIT', state: 'failed', code: '0A000' },
  {
    name: 'a launch that the server refuses',
    how: async ({ server, profile }) => {
      await server.psql('CREATE ROLE nobody_special LOGIN', { database: profile.database! });
      return elsewhere({ ...profile, user: 'nobody_special' }, (engine) => engine.ended('SELECT 1'));
    },
    state: 'failed',
    code: '42501',
    text: /permission denied/,
  },
  {
    name: 'a server that cannot be reached',
    how: ({ profile }) => elsewhere({ ...profile, port: 1 }, (engine) => engine.ended('SELECT 1')),
    state: 'failed',
    code: '',
    text: /127\.0\.0\.1/,
  },
  {
    name: 'canceled in the queue',
    how: ({ profile }) =>
      elsewhere(
        profile,
        async (engine) => {
          const first = engine.run('SELECT pg_sleep(60)');
          const job = engine.run('SELECT 2');
          await Promise.all([engine.jobs.cancel(job.id), engine.jobs.cancel(first.id)]);
          return job;
        },
        { maxConcurrentJobs: 1 },
      ),
    state: 'canceled',
    text: /^jobs\.canceledBeforeLaunch$/,
  },
  {
    name: 'canceled during the launch',
    how: ({ engine }) => canceled(engine, engine.run('SELECT pg_sleep(60)')),
    state: 'canceled',
  },
  {
    name: 'canceled right after the launch',
    how: async ({ engine }) => {
      const job = engine.run('SELECT pg_sleep(60)');
      await reaches(engine.jobs, job, 'running');
      return canceled(engine, job);
    },
    state: 'canceled',
  },
  {
    name: 'canceled while the worker runs',
    how: async ({ engine }) => {
      const job = engine.run('SELECT pg_sleep(60)');
      await atWork(engine, job);
      return canceled(engine, job);
    },
    state: 'canceled',
  },
  {
    name: 'canceled while rows are being read',
    how: async ({ engine }) => {
      const job = engine.run(MANY);
      await reaches(engine.jobs, job, 'reading');
      return canceled(engine, job);
    },
    state: 'canceled',
  },
  {
    name: 'canceled, but the SQL catches the cancel and succeeds',
    how: async ({ engine, profile }) => {
      const job = await withGate(profile, async (gate) => {
        const stubborn = engine.run(gate.swallow);
        await atWork(engine, stubborn, 'PgSleep');
        assert.equal(await engine.jobs.cancel(stubborn.id, 100), 'unresponsive');
        return stubborn;
      });
      await job.ended;
      return job;
    },
    state: 'succeeded',
    code: 'DO',
  },
  {
    name: 'canceled by another session',
    how: ({ engine, server }) => hit(engine, server, 'pg_cancel_backend'),
    state: 'failed',
    code: '57014',
    text: /user request/,
  },
  {
    name: 'terminated by an administrator',
    how: ({ engine, server }) => hit(engine, server, 'pg_terminate_backend'),
    state: 'failed',
    // pg_background answers SIGTERM as a cancel, so the server's message is that of a cancel.
    code: '57014',
  },
  {
    name: 'statement_timeout',
    how: ({ engine }) => engine.ended('SELECT pg_sleep(60)', { statementTimeoutMs: 150 }),
    state: 'failed',
    code: '57014',
    text: /statement timeout/,
  },
  {
    name: 'pg_background.worker_timeout',
    how: ({ engine }) => engine.ended('SELECT pg_sleep(60)', { workerTimeoutMs: 150 }),
    state: 'failed',
    code: '57014',
    text: /timeout/,
  },
  {
    name: 'its session terminated by an administrator',
    how: async ({ engine, server, profile }) => {
      const job = await withGate(profile, async (gate) => {
        const running = engine.run(`SELECT ${gate.wait}`);
        await atWork(engine, running);
        await endSessions(server, profile);
        await reaches(engine.jobs, running, 'detached');
        return running;
      });
      await job.ended;
      return job;
    },
    state: 'finished',
    text: /^jobs\.endedUntracked/,
  },
  {
    name: 'a worker that dies early because its role may not log in anymore',
    how: async ({ server, profile }) => {
      await server.psql('CREATE ROLE leaving LOGIN IN ROLE pgbackground_role', { database: profile.database! });
      return elsewhere({ ...profile, user: 'leaving' }, async (engine) => {
        assert.equal((await engine.ended('SELECT 1')).state, 'succeeded');
        // The sessions exist already; the worker dies while it starts.
        await server.psql('ALTER ROLE leaving NOLOGIN');
        return engine.ended('CREATE TEMP TABLE never_made (a int)');
      });
    },
    state: 'lost',
    text: /^jobs\.noOutcome$/,
  },
  {
    name: 'a worker that dies early with an error: a setting that it cannot apply',
    how: async ({ server }) => {
      const other = await newDatabase(server);
      const database = other.database!;
      const of = (sql: string) => server.psql(sql, { database });
      await of('CREATE TEXT SEARCH CONFIGURATION mine (COPY = simple)');
      await of(`ALTER DATABASE ${database} SET default_text_search_config = 'public.mine'`);
      return elsewhere(other, async (engine) => {
        assert.equal((await engine.ended('SELECT 1')).state, 'succeeded');
        await of('DROP TEXT SEARCH CONFIGURATION mine');
        return engine.ended('CREATE TABLE never_made (a int)');
      });
    },
    state: 'failed',
    code: '22023',
    text: /default_text_search_config/,
  },
  {
    name: 'a proxy in transaction mode',
    how: async ({ server, profile }) => {
      const { startPgbouncer } = await scripts();
      const bouncer = await startPgbouncer({ server, log: () => undefined, poolMode: 'transaction' });
      try {
        return await elsewhere({ ...profile, host: bouncer.host, port: bouncer.port }, (engine) =>
          engine.ended('SELECT 1'),
        );
      } finally {
        await bouncer.stop();
      }
    },
    state: 'failed',
    code: '',
    text: /^server\.transactionPooler/,
  },
  {
    name: 'a fast restart of the server',
    how: (world) => restarted(world, 'SELECT pg_sleep(60)', 'fast'),
    // The worker's error may have arrived before the session was lost.
    state: 'lost',
    text: /^jobs\.serverRestarted|terminat/,
  },
  {
    name: 'an immediate restart of the server while rows are read',
    how: (world) => restarted(world, MANY, 'immediate'),
    state: 'lost',
    text: /^jobs\.serverRestarted/,
  },
  {
    name: 'a worker that is killed from outside, which restarts the whole server',
    how: async ({ engine }) => {
      const job = engine.run('SELECT pg_sleep(60)');
      await atWork(engine, job);
      // What this extension never does.
      process.kill(job.record.pid!, 'SIGKILL');
      await job.ended;
      return job;
    },
    state: 'lost',
    text: /^jobs\.serverCrashed/,
  },
  {
    name: 'a worker that is killed while its job is not tracked',
    how: async ({ engine }) => {
      const job = await detachedJob(engine);
      process.kill(job.record.pid!, 'SIGKILL');
      await job.ended;
      return job;
    },
    state: 'lost',
    text: /^jobs\.serverCrashed/,
  },
];

describe('outcomes of jobs', () => {
  let world: World;

  before(async () => {
    const server = await newServer();
    const profile = await newDatabase(server);
    world = { server, profile, engine: await newEngine(profile, { maxConcurrentJobs: 0, graceMs: 20_000 }) };
  });
  after(async () => {
    await world.engine.close();
    await world.server.stop('immediate');
  });

  for (const { name, how, sql = '', state, code, text, at } of TABLE) {
    it(`${name}: ${state}`, async () => {
      const job = how ? await how(world) : await world.engine.ended(sql);
      const { record } = job;
      const shown = JSON.stringify(record);
      if (name.includes('fast restart') && record.state === 'failed') {
        assert.equal(record.error?.sqlstate, '57P01', shown);
        return;
      }
      assert.equal(record.state, state, shown);
      assert.equal(state === 'failed' ? record.error?.sqlstate : record.commandTag, code, shown);
      if (text) assert.match(record.error?.message ?? reasonOf(job), text);
      if (at !== undefined) assert.equal(record.error?.position, record.request.sql.indexOf(at), shown);
      assert.ok(record.finishedAt !== undefined, shown);
      assert.equal(state === 'succeeded' ? record.reason : undefined, undefined);
    });
  }
});

async function canceled(engine: Engine, job: Job): Promise<Job> {
  assert.equal(await engine.jobs.cancel(job.id), 'stopped');
  return job;
}

async function hit(engine: Engine, server: TestServer, by: string): Promise<Job> {
  const job = engine.run('SELECT pg_sleep(60)');
  await atWork(engine, job);
  await server.psql(`SELECT ${by}(${job.record.pid!})`);
  await job.ended;
  return job;
}

async function restarted({ engine, server }: World, sql: string, mode: 'fast' | 'immediate'): Promise<Job> {
  const job = engine.run(sql);
  await atWork(engine, job);
  if (sql === MANY) await reaches(engine.jobs, job, 'reading');
  await server.restart(mode);
  engine.jobs.retryNow();
  await job.ended;
  return job;
}

/** The same with a separate engine, which is closed afterwards. */
async function elsewhere(
  profile: ConnectionProfile,
  work: (engine: Engine) => Promise<Job>,
  settings: { maxConcurrentJobs?: number } = {},
): Promise<Job> {
  const engine = await newEngine(profile, { graceMs: 20_000, ...settings });
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

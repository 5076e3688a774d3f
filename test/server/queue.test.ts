import { reasonOf } from '../reasonOf';
import assert from 'node:assert/strict';
import type { Job } from '../../src/core/jobs/job';
import { LaunchError } from '../../src/core/jobs/errors';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import {
  newDatabase,
  newEngine,
  newLink,
  newServer,
  reaches,
  sharedServer,
  until,
  type Engine,
  type TestServer,
} from './support';

describe('queue', () => {
  it('runs 100 jobs through 4 slots, in order, each once', async () => {
    const server = await sharedServer();
    const profile = await newDatabase(server);
    await server.psql('CREATE TABLE runs (n int, at timestamptz DEFAULT clock_timestamp())', {
      database: profile.database!,
    });
    const engine = await newEngine(profile, { maxConcurrentJobs: 4 });
    try {
      let maxActive = 0;
      const launched: string[] = [];
      engine.jobs.onDidChange((job) => {
        const now = engine.jobs.jobs.filter(({ state }) => ['launching', 'running', 'reading'].includes(state));
        maxActive = Math.max(maxActive, now.length);
        if (job.state === 'launching' && !launched.includes(job.id)) launched.push(job.id);
      });
      const jobs = Array.from({ length: 100 }, (_, i) =>
        engine.run(`INSERT INTO runs VALUES (${i})`, { label: `n${i}` }),
      );
      assert.equal(engine.jobs.queuePosition(jobs[4]!.id), 1);
      assert.equal(engine.jobs.queuePosition(jobs[99]!.id), 96);
      engine.jobs.runNext(jobs[99]!.id);
      assert.equal(engine.jobs.queuePosition(jobs[99]!.id), 1);
      await Promise.all(jobs.map((job) => job.ended));
      assert.ok(jobs.every((job) => job.state === 'succeeded'));
      assert.equal(maxActive, 4);
      const expected = [...jobs.slice(0, 4), jobs[99]!, ...jobs.slice(4, 99)];
      assert.deepEqual(
        launched,
        expected.map((job) => job.id),
      );
      assert.equal(
        await server.psql('SELECT count(*), count(DISTINCT n) FROM runs', { database: profile.database! }),
        '100|100',
      );
    } finally {
      await engine.close();
    }
  });

  it('launches nothing beyond pg_background.max_workers of the session', async () => {
    const server = await sharedServer();
    const profile = await newDatabase(server);
    await server.psql(`ALTER DATABASE ${profile.database!} SET pg_background.max_workers = 1`);
    const link = newLink(profile);
    try {
      const session = await link.acquire();
      const request = { sql: 'SELECT 1', label: 'x' };
      await session.launch(request);
      await assert.rejects(session.launch(request), (error) => {
        assert.ok(error instanceof LaunchError && error.noSlot, String(error));
        assert.equal(error.error.sqlstate, '53400');
        return true;
      });
    } finally {
      await link.dispose();
    }
  });

  it('makes jobs wait while the role has no connection left, and runs each once', async () => {
    const server = await sharedServer();
    const profile = await newDatabase(server);
    const database = profile.database!;
    await server.psql(
      `CREATE TABLE runs (n int); GRANT ALL ON runs TO PUBLIC;
       CREATE ROLE few LOGIN IN ROLE pgbackground_role CONNECTION LIMIT 2`,
      { database },
    );
    const engine = await newEngine({ ...profile, user: 'few' }, { maxConcurrentJobs: 0 });
    try {
      const more = await withGate(profile, async (gate) => {
        const first = engine.run(`SELECT ${gate.wait}`);
        await reaches(engine.jobs, first, 'running');
        const waiting = [1, 2].map((n) => engine.run(`INSERT INTO runs VALUES (${n})`));
        await until(engine.jobs, waiting[0]!, () => refusedOnce(waiting[0]!));
        assert.match(reasonOf(waiting[0]!), /too many connections/);
        return waiting;
      });
      await Promise.all(more.map((job) => job.ended));
      assert.ok(
        more.every((job) => job.state === 'succeeded'),
        JSON.stringify(more.map((job) => job.record)),
      );
      assert.equal(await server.psql('SELECT n FROM runs ORDER BY n', { database }), '1\n2');
    } finally {
      await engine.close();
    }
  });

  describe('on a server with few slots', () => {
    let server: TestServer;
    let profile: ConnectionProfile;
    let engine: Engine;

    before(async () => {
      // One slot goes to the launcher of logical replication.
      server = await newServer({ max_worker_processes: 3, max_parallel_workers: 0, autovacuum: 'off' });
      profile = await newDatabase(server);
      await server.psql('CREATE TABLE runs (n int)', { database: profile.database! });
      engine = await newEngine(profile, { maxConcurrentJobs: 0 });
    });
    after(async () => {
      await engine.close();
      await server.stop();
    });

    it('makes jobs without a slot wait with a reason, and runs each once when there is one', async () => {
      const holders = [1, 2].map((n) => engine.run(`INSERT INTO runs VALUES (${n}); SELECT pg_sleep(60)`));
      await Promise.all(holders.map((job) => reaches(engine.jobs, job, 'running')));
      const more = [3, 4, 5, 6].map((n) => engine.run(`INSERT INTO runs VALUES (${n})`));
      await until(engine.jobs, more[0]!, () => refusedOnce(more[0]!));
      assert.match(reasonOf(more[0]!), /^jobs\.noSlot .*background process.*used=\d+, total=3/);
      assert.equal(more[0]!.record.launchSentAt, undefined);
      assert.deepEqual(
        more.map((job) => engine.jobs.queuePosition(job.id)).filter((place) => place === 1).length <= 1,
        true,
      );
      await engine.jobs.cancel(holders[0]!.id);
      await Promise.all(more.map((job) => job.ended));
      assert.ok(
        more.every((job) => job.state === 'succeeded'),
        JSON.stringify(more.map((job) => job.record)),
      );
      assert.ok(more.every((job) => job.record.reason === undefined));
      await engine.jobs.cancel(holders[1]!.id);
      assert.equal(
        await server.psql('SELECT n, count(*) FROM runs GROUP BY n ORDER BY n', { database: profile.database! }),
        '3|1\n4|1\n5|1\n6|1',
      );
    });

    it('cancels a job that waits for a slot, and retries at once when the user asks for it', async () => {
      const holders = [1, 2].map(() => engine.run('SELECT pg_sleep(60)'));
      await Promise.all(holders.map((job) => reaches(engine.jobs, job, 'running')));
      const [first, second] = [engine.run('SELECT 1'), engine.run('SELECT 2')];
      await until(engine.jobs, first, () => refusedOnce(first));
      await engine.jobs.cancel(first.id);
      assert.equal(first.state, 'canceled');
      engine.jobs.retryNow();
      await until(engine.jobs, second, () => refusedOnce(second));
      await Promise.all(holders.map((job) => engine.jobs.cancel(job.id)));
      await second.ended;
      assert.equal(second.state, 'succeeded');
    });
  });
});

function refusedOnce(job: Job): boolean {
  return job.state === 'queued' && job.record.reason !== undefined;
}

import { reasonOf } from '../reasonOf';
import assert from 'node:assert/strict';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { atWork, newDatabase, newEngine, newServer, reaches, until, type Engine, type TestServer } from './support';

describe('a server outage', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;

  before(async () => {
    server = await newServer();
    profile = await newDatabase(server);
    await server.psql('CREATE TABLE runs (n int)', { database: profile.database! });
  });
  beforeEach(async () => {
    engine = await newEngine(profile, { maxConcurrentJobs: 2 });
  });
  afterEach(() => engine.close());
  after(() => server.stop());

  it('by an immediate restart loses running jobs with a reason, and the queue continues', async () => {
    const ran = engine.run('INSERT INTO runs VALUES (1); SELECT pg_sleep(60)');
    const reading = engine.run("SELECT i, repeat('x', 2000), pg_sleep(0.001) FROM generate_series(1, 100000) AS i");
    const queued = engine.run('INSERT INTO runs VALUES (2)');
    await atWork(engine, ran);
    await reaches(engine.jobs, reading, 'reading');
    await server.restart('immediate');
    engine.jobs.retryNow();
    await Promise.all([ran.ended, reading.ended, queued.ended]);
    assert.equal(ran.state, 'lost');
    assert.match(reasonOf(ran), /^jobs\.serverRestarted/);
    assert.equal(reading.state, 'lost');
    assert.equal(queued.state, 'succeeded');
    assert.equal(await server.psql('SELECT n FROM runs', { database: profile.database! }), '2');
  });

  it('by a crash, after one of its processes was killed, loses running jobs with a reason', async () => {
    const ran = engine.run('INSERT INTO runs VALUES (3); SELECT pg_sleep(60)');
    const reading = engine.run("SELECT i, repeat('x', 2000), pg_sleep(0.001) FROM generate_series(1, 100000) AS i");
    await atWork(engine, ran);
    await reaches(engine.jobs, reading, 'reading');
    // This extension never does this.
    process.kill(ran.record.pid!, 'SIGKILL');
    await Promise.all([ran.ended, reading.ended]);
    for (const job of [ran, reading]) {
      assert.equal(job.state, 'lost');
      assert.match(reasonOf(job), /^jobs\.serverCrashed/);
    }
    // The new job waits until the server has recovered.
    assert.equal((await engine.ended('SELECT n FROM runs WHERE n = 3')).record.rowCount, 0);
  });

  it('by a fast restart ends a running job as failed or lost, never with a guessed outcome', async () => {
    const ran = engine.run('SELECT pg_sleep(60)');
    await atWork(engine, ran);
    await server.restart('fast');
    engine.jobs.retryNow();
    await ran.ended;
    assert.ok(ran.state === 'lost' || (ran.state === 'failed' && ran.record.error!.sqlstate === '57P01'), ran.state);
  });

  it('keeps new jobs queued until the server is started again, and each runs once', async () => {
    await engine.ended('SELECT 1');
    await server.stop();
    const jobs = [11, 12, 13].map((n) => engine.run(`INSERT INTO runs VALUES (${n})`));
    await until(engine.jobs, jobs[0]!, () => jobs[0]!.state === 'queued' && jobs[0]!.record.reason !== undefined);
    assert.ok(jobs.every((job) => !job.final));
    await server.start();
    engine.jobs.retryNow();
    await Promise.all(jobs.map((job) => job.ended));
    assert.ok(
      jobs.every((job) => job.state === 'succeeded'),
      JSON.stringify(jobs.map((job) => job.record)),
    );
    assert.equal(
      await server.psql('SELECT n, count(*) FROM runs WHERE n > 10 GROUP BY n ORDER BY n', {
        database: profile.database!,
      }),
      '11|1\n12|1\n13|1',
    );
    const { state } = engine.link;
    assert.ok(state.kind === 'connected' && /^18/.test(state.serverVersion) && state.extensionVersion === '2.0');
  });

  it('before the first connection fails a job at once instead of queueing it', async () => {
    const unreachable = await newEngine({ ...profile, port: 1 });
    try {
      const job = await unreachable.ended('SELECT 1');
      assert.equal(job.state, 'failed');
      assert.equal(job.record.error!.sqlstate, '');
      assert.equal(unreachable.link.state.kind, 'error');
    } finally {
      await unreachable.close();
    }
  });

  it('makes a cancel fail until the server is back, and does not change the job', async () => {
    const job = engine.run('SELECT pg_sleep(60)');
    await atWork(engine, job);
    await server.stop('immediate');
    await reaches(engine.jobs, job, 'detached');
    await assert.rejects(engine.jobs.cancel(job.id));
    assert.equal(job.state, 'detached', 'no signal was sent, so the state is unchanged');
    assert.equal(job.record.cancel, undefined);
    await server.start();
    engine.jobs.retryNow();
    await job.ended;
    assert.equal(job.state, 'lost');
  });
});

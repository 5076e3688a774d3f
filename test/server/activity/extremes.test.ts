import assert from 'node:assert/strict';
import { workKindOf } from '../../../src/core/jobs/activity/workKind';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { eventually, newDatabase, newEngine, reaches, sharedServer, type Engine, type TestServer } from '../support';
import { inspectJob, inspectUntil, Sessions } from './support';

describe('what a worker does, on an unusual server', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;
  const sessions = new Sessions();

  before(async () => {
    server = await sharedServer();
  });
  beforeEach(async () => {
    profile = await newDatabase(server);
    engine = await newEngine(profile);
  });
  afterEach(async () => {
    await sessions.end();
    for (const job of engine.jobs.jobs) if (!job.final) await engine.jobs.cancel(job.id);
    await engine.close();
    assert.equal(await server.crashes(), 0);
  });

  const session = async (sql: string): Promise<void> => {
    const opened = await sessions.open(profile);
    await opened.query(sql);
  };

  it('lists 20 of the many processes that block it, and counts the others', async () => {
    await server.psql('CREATE TABLE t1 ()', { database: profile.database! });
    await Promise.all(Array.from({ length: 23 }, () => session('BEGIN; LOCK TABLE t1 IN SHARE MODE')));
    const job = engine.run('LOCK TABLE t1; SELECT 1');
    const found = await inspectUntil(engine, job, ({ chain }) => chain.length > 0);
    assert.deepEqual([found.chain.length, found.chainMore], [20, 3]);
  });

  it('names the lock that blocks it, not the predicate lock of a serializable transaction', async () => {
    await server.psql('CREATE TABLE t1 (a int)', { database: profile.database! });
    await session('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT * FROM t1');
    const job = engine.run('LOCK TABLE t1; SELECT 1');
    const { chain, chainMore } = await inspectUntil(engine, job, (one) => one.chain.length > 0);
    assert.deepEqual(
      chain.map(({ held }) => held?.mode),
      ['AccessShareLock'],
    );
    assert.equal(chainMore, undefined);
  });

  it('lists its predicate locks last, because they block nothing', async () => {
    await server.psql('CREATE TABLE t1 (a int)', { database: profile.database! });
    const settings = { default_transaction_isolation: 'serializable' };
    const job = engine.run('SELECT * FROM t1; LOCK TABLE t1; SELECT pg_sleep(60)', { settings });
    const { locks } = await inspectUntil(engine, job, (one) => one.waitEvent === 'PgSleep');
    assert.equal(locks[0]?.mode, 'AccessExclusiveLock');
    const predicate = locks.findIndex(({ mode }) => mode === 'SIReadLock');
    assert.ok(predicate > 0, JSON.stringify(locks));
    assert.ok(locks.slice(predicate).every(({ mode, type }) => mode === 'SIReadLock' || type === 'virtualxid'));
  });

  it('is known by its waits if the server does not track activities, and it can be canceled', async () => {
    await server.psql(`ALTER DATABASE ${profile.database!} SET track_activities = off`);
    await server.psql(`ALTER DATABASE ${profile.database!} SET statement_timeout = '100ms'`);
    const untracked = await newEngine(profile);
    try {
      const job = untracked.run('SELECT pg_sleep(60)', { statementTimeoutMs: 60_000 });
      await reaches(untracked.jobs, job, 'running');
      await eventually(async () => {
        await untracked.link.refresh();
        const found = await inspectJob(untracked, job);
        return found?.state === 'disabled' && workKindOf(found) === 'waiting';
      }, 'the worker sleeps');
      assert.equal(await untracked.jobs.cancel(job.id), 'stopped');
      assert.equal(job.state, 'canceled');
    } finally {
      await untracked.close();
    }
  });
});

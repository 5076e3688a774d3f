import assert from 'node:assert/strict';
import { Client } from 'pg';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { newDatabase, newEngine, sharedServer, until, type Engine, type TestServer } from './support';

describe('retries after a lock timeout on a real server', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;
  let holder: Client;

  const query = (sql: string): Promise<string> => server.psql(sql, { database: profile.database! });
  const OPTIONS = { settings: { lock_timeout: '50ms' }, retryOnLockTimeout: 20 };

  beforeEach(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    await query('CREATE TABLE busy (id int); CREATE TABLE ledger (id int)');
    engine = await newEngine(profile, { maxConcurrentJobs: 0 });
    const { host, port, user, database } = profile;
    holder = new Client({ host, port: Number(port), user, database });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE busy');
  });
  afterEach(async () => {
    await holder.end();
    await engine.close();
  });

  it('run the SQL exactly once, when the lock is free', async () => {
    const job = engine.run('INSERT INTO ledger VALUES (1); LOCK TABLE busy; INSERT INTO ledger VALUES (2)', OPTIONS);
    await until(engine.jobs, job, () => job.record.attempt === 3 || job.final);
    assert.equal(job.state, 'queued');
    await holder.query('ROLLBACK');
    await job.ended;
    assert.equal(job.state, 'succeeded');
    assert.equal(await query("SELECT string_agg(id::text, ',' ORDER BY id) FROM ledger"), '1,2');
    assert.ok(job.notices.filter(({ fault }) => fault?.code === 'jobs.lockTimeout').length >= 2);
  });

  it('survive a reload in the pause: the job waits for the user, and then runs once', async () => {
    const job = engine.run('INSERT INTO ledger VALUES (1); LOCK TABLE busy', OPTIONS);
    await until(engine.jobs, job, () => job.record.attempt === 2 || job.final);
    await job.saved;
    await engine.close({ keep: true });
    await holder.query('ROLLBACK');
    engine = await newEngine(profile, { maxConcurrentJobs: 0, folder: engine.folder });
    assert.equal((await engine.jobs.restore()).held, 1);
    const restored = engine.jobs.get(job.id);
    assert.deepEqual([restored?.state, restored?.record.attempt, restored?.record.held], ['queued', 2, true]);
    engine.jobs.resumeHeld();
    await restored?.ended;
    assert.equal(restored?.state, 'succeeded');
    assert.equal(await query('SELECT count(*) FROM ledger'), '1');
  });

  it('never follow a statement that may have committed', async () => {
    const index = await engine.ended('CREATE INDEX CONCURRENTLY busy_id ON busy (id)', OPTIONS);
    assert.deepEqual([index.state, index.record.error?.sqlstate, index.record.attempt], ['failed', '55P03', undefined]);
    await query(
      'CREATE PROCEDURE p() LANGUAGE plpgsql AS $$BEGIN INSERT INTO ledger VALUES (1); COMMIT; LOCK TABLE busy; END$$',
    );
    const call = await engine.ended('CALL p()', OPTIONS);
    assert.deepEqual([call.state, call.record.error?.sqlstate, call.record.attempt], ['failed', '55P03', undefined]);
    assert.equal(await query('SELECT count(*) FROM ledger'), '1', 'the procedure had committed');
    assert.deepEqual(
      call.notices.map(({ fault }) => fault),
      [{ code: 'jobs.notRetried', params: { command: 'CALL' } }],
    );
  });
});

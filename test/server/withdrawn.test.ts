import { reasonOf } from '../reasonOf';
import assert from 'node:assert/strict';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import {
  atWork,
  eventually,
  newDatabase,
  newEngine,
  outcomeOf,
  reaches,
  sharedServer,
  until,
  type Engine,
  type TestServer,
} from './support';

describe('pg_background changed while jobs run', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let user: string;
  let engine: Engine;

  const sql = (text: string): Promise<string> => server.psql(text, { database: profile.database! });

  before(async () => {
    server = await sharedServer();
  });
  beforeEach(async () => {
    profile = await newDatabase(server);
    user = `user_of_${profile.database!}`;
    await sql(`CREATE ROLE ${user} LOGIN IN ROLE pgbackground_role`);
    engine = await newEngine({ ...profile, user }, { maxConcurrentJobs: 0 });
  });
  afterEach(() => engine.close());

  it('moved to another schema: what runs is followed there to its rows and its outcome, and new jobs just run', async () => {
    const [rows, fails] = await withGate(profile, async (gate) => {
      const first = engine.run(`SELECT 7 AS n FROM ${gate.wait}`);
      const late = engine.run(`DO $$ BEGIN PERFORM ${gate.wait}; RAISE 'late' USING ERRCODE = '42883'; END $$`);
      await atWork(engine, first);
      await atWork(engine, late);
      await sql(
        'CREATE SCHEMA elsewhere; GRANT USAGE ON SCHEMA elsewhere TO PUBLIC; ALTER EXTENSION pg_background SET SCHEMA elsewhere',
      );
      assert.deepEqual(outcomeOf(await engine.ended('SELECT 2')), ['succeeded', 'SELECT', 1, undefined]);
      return [first, late] as const;
    });
    await Promise.all([rows.ended, fails.ended]);
    assert.deepEqual(outcomeOf(rows), ['succeeded', 'SELECT', 1, undefined], reasonOf(rows));
    assert.deepEqual(await engine.rows(rows), [['7']]);
    assert.deepEqual([fails.state, fails.record.error?.message], ['failed', 'late']);
  });

  it('revoked: the cause is in the final reason; what was not launched waits, and runs when it is granted again', async () => {
    const running = await withGate(profile, async (gate) => {
      const job = engine.run(`SELECT ${gate.wait}`);
      await atWork(engine, job);
      await sql(`REVOKE pgbackground_role FROM ${user}`);
      await reaches(engine.jobs, job, 'detached');
      assert.match(reasonOf(job), /permission denied/);
      return job;
    });
    engine.jobs.retryNow();
    await running.ended;
    assert.equal(running.state, 'finished');
    assert.match(reasonOf(running), /^jobs\.endedUntracked: .*permission denied/);
    const waiting = engine.run('SELECT 2');
    await until(engine.jobs, waiting, () => waiting.final || waiting.record.reason !== undefined);
    assert.equal(waiting.state, 'queued');
    assert.match(reasonOf(waiting), /^jobs\.withdrawn: server\.launchDenied \(message=permission denied/);
    await sql(`GRANT pgbackground_role TO ${user}`);
    engine.jobs.retryNow();
    await waiting.ended;
    assert.equal(waiting.state, 'succeeded');
  });

  it('dropped: the same', async () => {
    const running = await withGate(profile, async (gate) => {
      const job = engine.run(`SELECT ${gate.wait}`);
      await atWork(engine, job);
      await sql('DROP EXTENSION pg_background');
      await reaches(engine.jobs, job, 'detached');
      return job;
    });
    engine.jobs.retryNow();
    await running.ended;
    assert.equal(running.state, 'finished');
    assert.match(reasonOf(running), /^jobs\.endedUntracked: .*server\.extensionMissing/);
    const waiting = engine.run('SELECT 2');
    await until(engine.jobs, waiting, () => waiting.final || waiting.record.reason !== undefined);
    assert.equal(waiting.state, 'queued');
    assert.match(reasonOf(waiting), /server\.extensionMissing/);
    await sql('CREATE EXTENSION pg_background');
    engine.jobs.retryNow();
    await waiting.ended;
    assert.equal(waiting.state, 'succeeded');
  });

  it('dropped and created again while a job runs: nothing is lost', async () => {
    const job = await withGate(profile, async (gate) => {
      const one = engine.run(`SELECT 5 AS n FROM ${gate.wait}`);
      await atWork(engine, one);
      await sql(
        'BEGIN; DROP EXTENSION pg_background; CREATE SCHEMA again; GRANT USAGE ON SCHEMA again TO PUBLIC; CREATE EXTENSION pg_background SCHEMA again; COMMIT',
      );
      await sql(`GRANT pgbackground_role TO ${user}`);
      return one;
    });
    await job.ended;
    assert.deepEqual(outcomeOf(job), ['succeeded', 'SELECT', 1, undefined], reasonOf(job));
    assert.deepEqual(await engine.rows(job), [['5']]);
  });

  it('a job that was never allowed to launch fails at once', async () => {
    await sql(`REVOKE pgbackground_role FROM ${user}`);
    const job = await engine.ended('SELECT 1');
    assert.deepEqual([job.state, job.record.error?.sqlstate], ['failed', '42501']);
    await eventually(() => Promise.resolve(engine.jobs.queuePosition(job.id) === undefined), 'it is in no queue');
  });
});

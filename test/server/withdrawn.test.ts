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

describe('a change of pg_background while jobs run', () => {
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

  it('to another schema does not affect running or new jobs', async () => {
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

  it('that revokes the privilege is in the reason of a running job; a new job waits until it is granted again', async () => {
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

  it('that drops the extension is in the reason of a running job; a new job waits until it is created again', async () => {
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

  it('that drops and recreates the extension loses neither rows nor outcome of a running job', async () => {
    const job = await withGate(profile, async (gate) => {
      const running = engine.run(`SELECT 5 AS n FROM ${gate.wait}`);
      await atWork(engine, running);
      await sql(
        'BEGIN; DROP EXTENSION pg_background; CREATE SCHEMA again; GRANT USAGE ON SCHEMA again TO PUBLIC; CREATE EXTENSION pg_background SCHEMA again; COMMIT',
      );
      await sql(`GRANT pgbackground_role TO ${user}`);
      return running;
    });
    await job.ended;
    assert.deepEqual(outcomeOf(job), ['succeeded', 'SELECT', 1, undefined], reasonOf(job));
    assert.deepEqual(await engine.rows(job), [['5']]);
  });

  it('before the first launch fails a job at once if its user lacks the privilege', async () => {
    await sql(`REVOKE pgbackground_role FROM ${user}`);
    const job = await engine.ended('SELECT 1');
    assert.deepEqual([job.state, job.record.error?.sqlstate], ['failed', '42501']);
    await eventually(() => Promise.resolve(engine.jobs.queuePosition(job.id) === undefined), 'the job is in no queue');
  });
});

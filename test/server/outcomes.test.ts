import assert from 'node:assert/strict';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { newDatabase, newEngine, sharedServer, until, type Engine, type TestServer } from './support';

describe('outcomes', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    engine = await newEngine(profile, { maxConcurrentJobs: 0 });
  });
  after(() => engine.close());

  it('reports a query as succeeded with its rows, columns, and tag', async () => {
    const job = engine.run("SELECT 1 AS id, 'a' AS name UNION ALL SELECT 2, NULL ORDER BY 1", { label: 'two rows' });
    const { record: info } = await engine.jobs.waitFor(job.id);
    assert.equal(info.state, 'succeeded');
    assert.equal(info.rowCount, 2);
    assert.equal(info.commandTag, 'SELECT');
    assert.ok(info.pid !== undefined && info.launchedAt !== undefined && info.finishedAt !== undefined);
    assert.deepEqual(
      job.record.columns?.map(({ name, type }) => [name, type]),
      [
        ['id', 'integer'],
        ['name', 'text'],
      ],
    );
    assert.deepEqual(await engine.rows(job), [
      ['1', 'a'],
      ['2', null],
    ]);
  });

  it('reports a statement without rows as succeeded with its tag', async () => {
    const job = engine.run('CREATE TABLE made (a int)');
    const { record: info } = await engine.jobs.waitFor(job.id);
    assert.deepEqual([info.state, info.commandTag, job.record.columns], ['succeeded', 'CREATE TABLE', undefined]);
    assert.equal(
      await server.psql("SELECT count(*) FROM pg_class WHERE relname = 'made'", { database: profile.database! }),
      '1',
    );
  });

  it('reports an error with its SQLSTATE, message, and position in the user’s text', async () => {
    const sql = "SELECT '😀', nosuch FROM pg_class";
    const { record: info } = await engine.jobs.waitFor(engine.run(sql).id);
    assert.equal(info.state, 'failed');
    assert.equal(info.error?.sqlstate, '42703');
    assert.match(info.error.message, /column "nosuch" does not exist/);
    assert.equal(info.error.position, sql.indexOf('nosuch'));
  });

  it('keeps messages in order, including those of a failed job', async () => {
    const job = engine.run(
      "DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; RAISE EXCEPTION 'boom' USING detail = 'd', hint = 'h'; END $$",
    );
    const { record: info } = await engine.jobs.waitFor(job.id);
    assert.deepEqual(
      [info.state, info.error?.message, info.error?.detail, info.error?.hint],
      ['failed', 'boom', 'd', 'h'],
    );
    assert.deepEqual(
      job.notices.map(({ severity, message }) => [severity, message]),
      [
        ['NOTICE', 'one'],
        ['WARNING', 'two'],
      ],
    );
  });

  it('applies statement_timeout of a launch to that worker only', async () => {
    const bounded = engine.run('SELECT pg_sleep(20)', { statementTimeoutMs: 200 });
    const free = engine.run('SELECT pg_sleep(0.5)');
    const { record: info } = await engine.jobs.waitFor(bounded.id);
    assert.deepEqual([info.state, info.error?.sqlstate], ['failed', '57014']);
    assert.match(info.error!.message, /timeout/);
    assert.equal((await engine.jobs.waitFor(free.id)).state, 'succeeded');
  });

  it('prefers worker_timeout to statement_timeout', async () => {
    const job = engine.run('SELECT pg_sleep(20)', { statementTimeoutMs: 60_000, workerTimeoutMs: 200 });
    assert.equal((await engine.jobs.waitFor(job.id)).state, 'failed');
  });

  it('reports a worker that an administrator terminated as failed, with the server’s message', async () => {
    const job = engine.run('SELECT pg_sleep(60)', { label: 'to be ended' });
    await until(engine.jobs, job, () => job.record.pid !== undefined);
    await server.psql(`SELECT pg_terminate_backend(${job.record.pid!})`);
    const { record: info } = await engine.jobs.waitFor(job.id);
    assert.equal(info.state, 'failed');
    assert.match(info.error!.sqlstate, /^57/);
  });

  it('works with any schema of the extension', async () => {
    const elsewhere = await newDatabase(server, { schema: 'my "odd" schema' });
    const other = await newEngine(elsewhere);
    try {
      const job = other.run('SELECT 42 AS answer');
      assert.equal((await other.jobs.waitFor(job.id)).state, 'succeeded');
      assert.deepEqual(await other.rows(job), [['42']]);
    } finally {
      await other.close();
    }
  });

  it('reports what to do for a database without pg_background', async () => {
    const without = await newDatabase(server, { extension: false });
    const other = await newEngine(without);
    try {
      const { record: info } = await other.jobs.waitFor(other.run('SELECT 1').id);
      assert.equal(info.state, 'failed');
      assert.match(info.error!.message, /^server\.extensionMissing/);
    } finally {
      await other.close();
    }
  });
});

import { reasonOf } from '../reasonOf';
import assert from 'node:assert/strict';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { startNetwork } from './network';
import { atWork, newDatabase, newEngine, newServer, sharedServer, type Engine, type TestServer } from './support';

describe('limits and settings in the SQL of a job', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    engine = await newEngine(profile);
    await server.psql('CREATE TABLE t (a int)', { database: profile.database! });
  });
  after(() => engine.close());

  const timedOut = async (sql: string, name: string, ms: number, options = {}): Promise<void> => {
    const job = await engine.ended(sql, options);
    const { record } = job;
    assert.deepEqual([record.state, record.error?.sqlstate], ['failed', '57014'], sql);
    assert.deepEqual(record.stop, { by: 'limit', limit: { name, ms } }, sql);
    assert.match(reasonOf(job), new RegExp(`^jobs\\.limitReached \\(name=${name}, ms=${ms}\\)`));
    assert.ok(record.serverMs! >= ms - 2, 'measured by the server’s clock');
  };

  it('limit the job by a statement_timeout at the start, however it is written', async () => {
    for (const set of [
      "SET statement_timeout = '300ms'",
      'set local STATEMENT_TIMEOUT to 300',
      "SET SESSION statement_timeout = E'0.3\\u0073'",
      "SET work_mem = '8MB'; SELECT pg_catalog.set_config('statement_timeout', '300', true)",
      "SET statement_timeout = '5min'; /* no: */ SET statement_timeout TO '300000us'",
    ]) {
      await timedOut(`${set}; SELECT pg_sleep(60)`, 'statement_timeout', 300);
    }
  });

  it('limit the job by pg_background.worker_timeout, and the strictest of several limits applies', async () => {
    await timedOut(
      "SET pg_background.worker_timeout = '300ms'; SELECT pg_sleep(60)",
      'pg_background.worker_timeout',
      300,
    );
    const sql = "SET statement_timeout = '5min'; SELECT pg_sleep(60)";
    await timedOut(sql, 'statement_timeout', 200, { statementTimeoutMs: 200 });
    await timedOut('SELECT pg_sleep(60)', 'statement_timeout', 150, { settings: { statement_timeout: '150ms' } });
    const strict = "SET statement_timeout = '250ms'; SELECT pg_sleep(60)";
    await timedOut(strict, 'statement_timeout', 250, { statementTimeoutMs: 60_000 });
  });

  it('fail the job if the value of a limit is invalid, as in psql', async () => {
    const job = await engine.ended("SET statement_timeout = '5 parsecs'; SELECT 1");
    assert.deepEqual([job.state, job.record.error?.sqlstate], ['failed', '22023']);
  });

  it('have no effect after the first statement, which a message of the job reports', async () => {
    const job = await engine.ended("SELECT 1; SET statement_timeout = '50ms'; SELECT pg_sleep(0.2)");
    assert.equal(job.state, 'succeeded');
    assert.match(job.notices.map(({ message }) => message).join(), /jobs\.limitIneffective \(name=statement_timeout\)/);
    for (const set of [
      "SELECT set_config('statement_timeout', 50::text, false)",
      "SELECT * FROM set_config('statement_timeout', '50', false)",
      "DO $$ BEGIN SET LOCAL statement_timeout = '50ms'; END $$",
    ]) {
      const { notices } = await engine.ended(`${set}; SELECT 1`);
      assert.match(
        notices.map(({ message }) => message).join(),
        /jobs\.limitIneffective \(name=statement_timeout\)/,
        set,
      );
    }
  });

  it('include transaction_timeout, which ends the job as failed', async () => {
    const { record } = await engine.ended(
      "CREATE TABLE gone (a int); SET transaction_timeout = '300ms'; SELECT pg_sleep(60)",
    );
    assert.deepEqual([record.state, record.error?.sqlstate], ['failed', '25P04']);
    const there = await server.psql("SELECT to_regclass('gone') IS NULL", { database: profile.database! });
    assert.equal(there, 't');
  });

  it('apply to a statement that must run alone if they precede it', async () => {
    const index = "SET maintenance_work_mem = '1GB';\n-- the index\nCREATE INDEX CONCURRENTLY i ON t(a);";
    const job = await engine.ended(index);
    assert.deepEqual([job.state, job.record.commandTag], ['succeeded', 'CREATE INDEX']);
    assert.equal(job.record.request.sql, index, 'the job keeps the user’s SQL');
    const vacuum = await engine.ended(
      "SET vacuum_cost_delay = 0; SET LOCAL search_path = 'no', public; VACUUM (ANALYZE) t",
    );
    assert.deepEqual([vacuum.state, vacuum.record.commandTag], ['succeeded', 'VACUUM']);
    const schema = await engine.ended('SET search_path = nowhere; VACUUM t');
    assert.deepEqual([schema.state, schema.record.error?.sqlstate], ['failed', '42P01']);
  });

  it('do not change the position of an error in a statement that must run alone', async () => {
    const sql = "SET work_mem = '8MB'; /* 🙂 */ CREATE INDEX CONCURRENTLY ON t(nope nope nope);";
    const job = await engine.ended(sql);
    assert.equal(job.state, 'failed');
    assert.equal(sql.slice(job.record.error!.position), 'nope);');
  });

  it('can be in the request instead, and then apply to that worker only', async () => {
    const settings = { work_mem: '9MB', search_path: '"a b", public', 'my.own': 'é' };
    const ask = "SELECT current_setting('work_mem'), current_setting('search_path'), current_setting('my.own', true)";
    const job = await engine.ended(ask, { settings });
    assert.deepEqual(await engine.rows(job), [['9MB', '"a b", public', 'é']]);
    const next = await engine.ended(ask);
    assert.notDeepEqual(await engine.rows(next), [['9MB', '"a b", public', 'é']]);
    const written = await engine.ended(
      "SELECT timestamptz '2024-02-29 12:00Z', date '2024-02-29', '\\x01'::bytea AS b",
      {
        settings: { TimeZone: 'Asia/Tokyo', DateStyle: 'German', bytea_output: 'escape' },
      },
    );
    assert.deepEqual(await engine.rows(written), [['29.02.2024 21:00:00 JST', '29.02.2024', '\\001']]);
    assert.deepEqual(
      written.record.columns?.map(({ name, type }) => [name, type]),
      [
        ['timestamptz', 'timestamp with time zone'],
        ['date', 'date'],
        ['b', 'bytea'],
      ],
    );
    const named = await engine.ended("SELECT 'information_schema.tables'::regclass, 1 AS one", {
      settings: { search_path: 'information_schema' },
    });
    assert.deepEqual(await engine.rows(named), [['tables', '1']]);
    const faulty = await engine.ended(ask, { settings: { no_such_parameter: '1' } });
    assert.deepEqual([faulty.state, faulty.record.error?.sqlstate], ['failed', '42704']);
  });

  it('can follow a byte order mark, which counts in positions of errors', async () => {
    const sql = '\uFEFFSELECT nope';
    const job = await engine.ended(sql);
    assert.equal(sql.slice(job.record.error!.position), 'nope');
    assert.equal((await engine.ended('\uFEFFSELECT 1')).state, 'succeeded');
  });

  it('lead to no warning about a lock on a slow network', async () => {
    const network = await startNetwork(server);
    const slow = await newEngine({ ...profile, host: network.host, port: network.port, connectTimeoutSeconds: 60 });
    try {
      network.delay(300);
      const job = await slow.ended('INSERT INTO t VALUES (7) RETURNING a AS seven');
      assert.equal(job.state, 'succeeded');
      assert.deepEqual(job.notices, []);
      assert.deepEqual(await slow.rows(job), [['7']]);
    } finally {
      network.delay(0);
      await slow.close();
      await network.close();
    }
  });
});

describe('a server with German messages', () => {
  let server: TestServer;
  let engine: Engine;

  before(async () => {
    server = await newServer({}, undefined, 'de_DE.UTF-8');
    engine = await newEngine(await newDatabase(server));
  });
  after(async () => {
    await engine.close();
    await server.stop('immediate');
  });

  it('does not prevent the detection of a timeout', async () => {
    const { record } = await engine.ended('SELECT pg_sleep(60)', { statementTimeoutMs: 200 });
    assert.match(record.error!.message, /Zeitüberschreitung/);
    assert.deepEqual(record.stop, { by: 'limit', limit: { name: 'statement_timeout', ms: 200 } });
  });

  it('reports a timeout after a cancel that the SQL caught as a failure', async () => {
    const job = engine.run(
      `DO $$ BEGIN BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; PERFORM pg_sleep(60); END $$`,
      { statementTimeoutMs: 3000 },
    );
    await atWork(engine, job, 'PgSleep');
    await engine.jobs.cancel(job.id, 0);
    await job.ended;
    assert.deepEqual([job.state, job.record.error?.sqlstate], ['failed', '57014']);
  });

  it('distinguishes a requested cancel from a termination by someone else', async () => {
    const job = engine.run('SELECT pg_sleep(60)', { statementTimeoutMs: 50_000 });
    await atWork(engine, job, 'PgSleep');
    assert.equal(await engine.jobs.cancel(job.id, 20_000), 'stopped');
    assert.equal(job.state, 'canceled');
    const other = engine.run('SELECT pg_sleep(60)', { statementTimeoutMs: 50_000 });
    await atWork(engine, other, 'PgSleep');
    await server.psql(`SELECT pg_terminate_backend(${other.record.pid!})`);
    await other.ended;
    assert.equal(other.state, 'failed');
    assert.deepEqual(other.record.stop, { by: 'outside' });
    assert.match(reasonOf(other), /^jobs\.stoppedFromOutside$/);
  });
});

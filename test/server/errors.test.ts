import { reasonOf } from '../reasonOf';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import {
  atWork,
  endSessions,
  newDatabase,
  newEngine,
  profileOf,
  reaches,
  reconnected,
  sharedServer,
  type Engine,
  type TestServer,
} from './support';

describe('errors of jobs', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    engine = await newEngine(profile);
  });
  after(() => engine.close());

  it('keeps all fields of an error, whatever their length', async () => {
    const job = await engine.ended(
      `DO $$ BEGIN RAISE EXCEPTION '%', repeat('é',200)||'END' USING DETAIL = repeat('d',400)||'END', HINT = repeat('h',300)||'END'; END $$`,
    );
    const { message, detail, hint, context } = job.record.error!;
    assert.equal(message, `${'é'.repeat(200)}END`);
    assert.equal(detail, `${'d'.repeat(400)}END`);
    assert.equal(hint, `${'h'.repeat(300)}END`);
    assert.equal(context, 'PL/pgSQL function inline_code_block line 1 at RAISE');
  });

  it('keeps the names of the database objects in an error', async () => {
    const job = await engine.ended(
      'CREATE SCHEMA s; CREATE TABLE s.t (c int CONSTRAINT k CHECK (c > 0)); INSERT INTO s.t VALUES (0)',
    );
    const { sqlstate, schema, table, constraint } = job.record.error!;
    assert.deepEqual([sqlstate, schema, table, constraint], ['23514', 's', 't', 'k']);
    const missing = await engine.ended('CREATE TABLE u (c int NOT NULL); INSERT INTO u VALUES (NULL)');
    assert.deepEqual([missing.record.error!.table, missing.record.error!.column], ['u', 'c']);
  });

  it('does not mistake an error that SQL raises with the SQLSTATE of a cancel for a cancel from outside', async () => {
    const job = await engine.ended(`DO $$ BEGIN RAISE EXCEPTION 'mine' USING ERRCODE = '57014'; END $$`);
    assert.deepEqual([job.state, job.record.error?.message, job.record.stop], ['failed', 'mine', undefined]);
  });

  it('fails a job whose worker another session terminates or cancels, and gives that as the reason', async () => {
    for (const call of ['pg_terminate_backend', 'pg_cancel_backend']) {
      const job = engine.run('SELECT pg_sleep(60)');
      await atWork(engine, job, 'PgSleep');
      await server.psql(`SELECT ${call}(${job.record.pid!})`);
      await job.ended;
      assert.deepEqual(
        [job.state, job.record.error?.sqlstate, job.record.stop],
        ['failed', '57014', { by: 'outside' }],
      );
      assert.match(reasonOf(job), /^jobs\.stoppedFromOutside$/);
    }
  });

  it('reports the server’s own message if an administrator terminates the session of a job', async () => {
    const job = engine.run('SELECT pg_sleep(60)');
    await atWork(engine, job, 'PgSleep');
    await endSessions(server, profile);
    await reaches(engine.jobs, job, 'detached');
    assert.match(reasonOf(job), /terminating connection due to administrator command/);
    await reconnected(engine);
    await engine.jobs.cancel(job.id, 20_000);
    // Idle sessions are not reused, and the control connection is opened again.
    assert.equal((await engine.ended('SELECT 1')).state, 'succeeded');
    assert.doesNotMatch(engine.log.lines.join('\n'), /not queryable/);
  });

  it('reports the run time by the server’s clock', async () => {
    const job = await engine.ended('SELECT pg_sleep(0.3)');
    assert.ok(job.record.serverMs! >= 300);
    assert.ok(job.record.serverMs! <= job.record.finishedAt! - job.record.queuedAt);
  });
});

describe('a SQL_ASCII database', () => {
  let server: TestServer;
  let engine: Engine;
  let database: string;

  before(async () => {
    server = await sharedServer();
    database = `ascii_${randomUUID().slice(0, 8)}`;
    await server.psql(`CREATE DATABASE ${database} ENCODING SQL_ASCII LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
    await server.psql(
      `CREATE EXTENSION pg_background;
       CREATE FUNCTION fails() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', E'caf\\xe9'; END $$`,
      { database },
    );
    engine = await newEngine(profileOf(server, database));
  });
  after(() => engine.close());

  it('fails a job with the SQLSTATE of an error that is not valid text', async () => {
    for (const sql of [
      `DO $$ BEGIN RAISE EXCEPTION '%', E'caf\\xe9'; END $$`,
      `DO $$ BEGIN RAISE EXCEPTION 'fine' USING DETAIL = E'caf\\xe9'; END $$`,
    ]) {
      const { record } = await engine.ended(sql);
      assert.deepEqual([record.state, record.error?.sqlstate], ['failed', 'P0001']);
      assert.equal(record.error!.message, 'server.errorNotText');
    }
  });

  it('does not report success for a job with such an error after many rows', async () => {
    const job = await engine.ended(
      "SELECT CASE WHEN i < 20000 THEN repeat('x', 100) ELSE fails() END FROM generate_series(1, 20000) AS i",
    );
    assert.ok(['failed', 'finished', 'lost'].includes(job.state), job.state);
    assert.match(
      `${job.record.error?.message ?? ''} ${reasonOf(job)}`,
      /server\.errorNotText|jobs\.unreadableOutput|jobs\.endedUntracked/,
    );
  });

  it('succeeds although rows or notices are not valid text, and reports that they are lost', async () => {
    const rows = await engine.ended("SELECT E'caf\\xe9'");
    assert.equal(rows.state, 'succeeded');
    assert.match(reasonOf(rows), /^jobs\.rowsNotRead: invalid byte sequence/);
    const notice = await engine.ended(
      `CREATE TABLE IF NOT EXISTS done (a int); DO $$ BEGIN RAISE NOTICE '%', E'caf\\xe9'; END $$`,
    );
    assert.equal(notice.state, 'succeeded');
    assert.equal(await server.psql("SELECT to_regclass('done') IS NOT NULL", { database }), 't');
  });

  it('keeps valid text unchanged', async () => {
    const job = await engine.ended("SELECT 'né', 'ö'::varchar");
    assert.deepEqual(await engine.rows(job), [['né', 'ö']]);
    const failed = await engine.ended(`DO $$ BEGIN RAISE EXCEPTION 'né'; END $$`);
    assert.equal(failed.record.error!.message, 'né');
  });
});

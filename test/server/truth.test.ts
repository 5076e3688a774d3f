import assert from 'node:assert/strict';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import {
  atWork,
  detachedJob,
  newDatabase,
  newEngine,
  newLink,
  outcomeOf,
  reaches,
  sharedServer,
  type TestServer,
} from './support';

/** Functions that the engine calls, with the signatures that a malicious schema would declare. */
const CALLED = [
  'pg_background_launch(text, int4, text)',
  'pg_background_wait(int4, int8, int4)',
  'pg_background_cancel(int4, int8, int4)',
  'pg_background_detach(int4, int8)',
  'pg_background_result(int4, int8)',
  'pg_background_result_info(int4, int8)',
  'pg_background_error_info(int4, int8)',
  'pg_background_get_progress(int4, int8)',
  'pg_backend_pid()',
  'pg_terminate_backend(int4)',
  'pg_cancel_backend(int4)',
  'pg_postmaster_start_time()',
  'pg_stat_get_activity(int4)',
  'pg_blocking_pids(int4)',
  'current_setting(text)',
  'set_config(text, text, bool)',
  'to_char(timestamp, text)',
  'clock_timestamp()',
  'format_type(oid, int4)',
  'quote_ident(name)',
  'json_build_object(VARIADIC "any")',
  'json_object_keys(json)',
  'row_to_json(record)',
  '"left"(text, int4)',
  'date_part(text, interval)',
  'unnest(anyarray)',
];

/** Relations and types that the engine uses. */
const NAMED = [
  'pg_stat_activity',
  'pg_type',
  'pg_attribute',
  'pg_extension',
  'pg_namespace',
  'pg_proc',
  'pg_settings',
  'pg_depend',
];

describe('a connection of the engine', () => {
  let server: TestServer;

  before(async () => {
    server = await sharedServer();
  });

  it('calls no function and reads no relation that shadows a system object in the search_path', async () => {
    const profile = await newDatabase(server);
    const database = profile.database!;
    const functions = CALLED.filter((signature) => !signature.includes('"any"')).map(
      (signature) =>
        `CREATE FUNCTION evil.${signature} RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'an impostor was called'; END $$;`,
    );
    const relations = NAMED.map((name) => `CREATE TABLE evil.${name} (impostor int);`);
    const types = ['text', 'int4', 'oid', 'regclass'].map((name) => `CREATE DOMAIN evil.${name} AS pg_catalog.int8;`);
    await server.psql(
      `CREATE SCHEMA evil; ${[...functions, ...relations, ...types].join('\n')}
       ALTER DATABASE ${database} SET search_path = evil, pg_catalog, public`,
      { database },
    );
    const engine = await newEngine(profile, { graceMs: 20_000 });
    try {
      const plain = await engine.ended("SELECT 1 AS a, 'x'::pg_catalog.text AS b", { statementTimeoutMs: 60_000 });
      assert.deepEqual(outcomeOf(plain), ['succeeded', 'SELECT', 1, undefined]);
      const cast = await engine.ended('SELECT pg_sleep(0) AS v');
      assert.deepEqual(await engine.rows(cast), [['']]);
      const unfolded = await engine.ended('CREATE TEMP TABLE t AS SELECT 5 AS five; SELECT * FROM t');
      assert.deepEqual(await engine.rows(unfolded), [['5']]);
      const failed = await engine.ended('SELECT nosuch');
      assert.deepEqual([failed.state, failed.record.error?.position], ['failed', 7]);
      const waits = engine.run('SELECT pg_sleep(60)');
      await atWork(engine, waits);
      assert.equal(await engine.jobs.cancel(waits.id), 'stopped');
      assert.equal(waits.state, 'canceled');
      const read = engine.run("SELECT i, repeat('x', 2000), pg_sleep(0.001) FROM generate_series(1, 100000) AS i");
      await reaches(engine.jobs, read, 'reading');
      assert.equal(await engine.jobs.cancel(read.id), 'stopped');
      assert.equal(read.state, 'canceled');
      const detached = await detachedJob(engine);
      assert.equal(await engine.jobs.cancel(detached.id), 'stopped');
      assert.equal(detached.state, 'finished');
    } finally {
      await engine.close();
    }
  });

  it('keeps cookies beyond 2^53 exact', async () => {
    const link = newLink(await newDatabase(server));
    try {
      const session = await link.acquire();
      let beyond = 0;
      for (let i = 0; i < 8; i++) {
        const worker = await session.launch({ sql: 'SELECT 1', label: `n${i}` });
        assert.equal(typeof worker.cookie, 'string');
        assert.match(worker.cookie, /^-?\d+$/);
        if (!Number.isSafeInteger(Number(worker.cookie))) beyond++;
        // The server would not find a worker by a rounded cookie.
        while (!(await session.wait(worker, 1000)).stopped);
        assert.equal((await session.report(worker))?.commandTag, 'SELECT');
        await session.detach(worker);
      }
      assert.ok(beyond > 0, 'at least one is too large for a number');
    } finally {
      await link.dispose();
    }
  });

  it('runs workers with the role and the search_path of the profile', async () => {
    const profile = await newDatabase(server);
    await server.psql('CREATE ROLE "Odd ""Role" IN ROLE pgbackground_role; CREATE SCHEMA "it\'s mine"', {
      database: profile.database!,
    });
    const own: ConnectionProfile = { ...profile, role: 'Odd "Role', searchPath: `"it's mine", public` };
    const engine = await newEngine(own);
    try {
      const job = await engine.ended("SELECT current_user, current_setting('search_path')");
      assert.deepEqual(await engine.rows(job), [['Odd "Role', `"it's mine", public`]]);
    } finally {
      await engine.close();
    }
  });

  it('lists and cancels workers in every way if the role differs from the login role', async () => {
    const profile = await newDatabase(server);
    await server.psql(
      'CREATE ROLE "limited" IN ROLE pgbackground_role; CREATE ROLE login_of_limited LOGIN NOINHERIT IN ROLE "limited"',
      { database: profile.database! },
    );
    const own: ConnectionProfile = { ...profile, user: 'login_of_limited', role: 'limited' };
    const engine = await newEngine(own, { maxConcurrentJobs: 0, graceMs: 20_000 });
    try {
      const waits = engine.run('SELECT pg_sleep(60)');
      await atWork(engine, waits, 'PgSleep');
      assert.equal(await engine.jobs.cancel(waits.id), 'stopped');
      const read = engine.run("SELECT i, repeat('x', 2000), pg_sleep(0.001) FROM generate_series(1, 100000) AS i");
      assert.equal(await reaches(engine.jobs, read, 'reading'), 'reading');
      assert.equal(await engine.jobs.cancel(read.id), 'stopped');
      const detached = await detachedJob(engine);
      assert.equal(await engine.jobs.cancel(detached.id), 'stopped');
      assert.deepEqual([waits.state, read.state, detached.state], ['canceled', 'canceled', 'finished']);
    } finally {
      await engine.close();
    }
  });

  it('reports how to upgrade if pg_background is older than 1.8', async () => {
    const profile = await newDatabase(server);
    await server.psql(
      `ALTER EXTENSION pg_background DROP FUNCTION pg_background_wait(int4, int8, int4);
       ALTER EXTENSION pg_background DROP FUNCTION pg_background_wait_v2(int4, int8, int4);
       UPDATE pg_extension SET extversion = '1.4' WHERE extname = 'pg_background'`,
      { database: profile.database! },
    );
    const engine = await newEngine(profile);
    try {
      const job = await engine.ended('SELECT 1');
      assert.equal(job.state, 'failed');
      assert.match(job.record.error!.message, /^server\.extensionTooOld \(version=1\.4,/);
    } finally {
      await engine.close();
    }
  });
});

import assert from 'node:assert/strict';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import { atWork, newDatabase, newEngine, outcomeOf, sharedServer, type Engine, type TestServer } from './support';

describe('texts with several statements', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    engine = await newEngine(profile, { maxConcurrentJobs: 0 });
  });
  after(() => engine.close());

  const query = (sql: string): Promise<string> => server.psql(sql, { database: profile.database! });

  /** The column names and the rows of a job, which must succeed without a reason or messages. */
  async function table(sql: string): Promise<{ names: string[]; rows: (string | null)[][] }> {
    const job = await engine.ended(sql);
    assert.equal(job.state, 'succeeded', `${sql}: ${JSON.stringify(job.record)}`);
    assert.deepEqual([job.record.reason, job.notices], [undefined, []]);
    return { names: (job.record.columns ?? []).map(({ name }) => name), rows: await engine.rows(job) };
  }

  it('lets each statement see the changes of the statements before it', async () => {
    const sql =
      'CREATE TABLE acc(id int, v int); INSERT INTO acc VALUES (1,10),(2,20); UPDATE acc SET v = v + 1; DELETE FROM acc WHERE v = 11;';
    const job = await engine.ended(sql);
    assert.deepEqual(outcomeOf(job), ['succeeded', 'DELETE', 1, undefined]);
    assert.equal(await query('SELECT id, v FROM acc'), '2|21');
    assert.equal(job.record.request.sql, sql);
    assert.deepEqual((await table('INSERT INTO acc VALUES (1),(2); SELECT count(*) FROM acc')).rows, [['3']]);
  });

  it('returns columns whose names are used by our own SQL, or by functions', async () => {
    const q = await table('CREATE TEMP TABLE t AS SELECT 1 AS q; SELECT * FROM t');
    assert.deepEqual(q, { names: ['q'], rows: [['1']] });
    const names = [
      'q',
      'k',
      'r',
      'c1',
      'names',
      'line',
      'statement',
      'part',
      'row_to_json',
      'current_setting',
      'q.*',
      'a"b',
    ];
    const list = names.map((name, i) => `${i} AS "${name.replaceAll('"', '""')}"`).join(', ');
    const expected = { names, rows: [names.map((_, i) => String(i))] };
    assert.deepEqual(await table(`CREATE TEMP TABLE x AS SELECT ${list}; SELECT * FROM x`), expected);
    assert.deepEqual(await table(`CREATE TEMP TABLE x AS SELECT ${list}; INSERT INTO x TABLE x RETURNING *`), expected);
    assert.deepEqual(await table(`DECLARE q CURSOR FOR SELECT ${list}; FETCH ALL FROM q`), expected);
  });

  it('returns the rows of a last statement whose columns an earlier statement changes', async () => {
    await query(`CREATE TABLE altered (a int); INSERT INTO altered VALUES (5);
      CREATE FUNCTION f_that_alters() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        ALTER TABLE altered ALTER a TYPE text USING a || 'x'; ALTER TABLE altered ADD b date DEFAULT '2024-02-29'; END $$;
      CREATE SCHEMA b; CREATE TABLE same (z int); CREATE TABLE b.same (z text, n int)`);
    assert.deepEqual(await table('SELECT f_that_alters(); SELECT * FROM altered'), {
      names: ['a', 'b'],
      rows: [['5x', '2024-02-29']],
    });
    const job = await engine.ended("SET search_path = b; INSERT INTO same VALUES ('z', 1) RETURNING *");
    assert.deepEqual(outcomeOf(job), ['succeeded', 'INSERT', 1, undefined]);
    assert.deepEqual(
      job.record.columns?.map(({ name, type }) => [name, type]),
      [
        ['z', 'text'],
        ['n', 'text'],
      ],
    );
    assert.deepEqual(await engine.rows(job), [['z', '1']]);
  });

  it('returns the rows of EXECUTE, FETCH, a refcursor of a function, and CALL of a new procedure', async () => {
    assert.deepEqual(await table('PREPARE x AS SELECT 1 AS a; EXECUTE x'), { names: ['a'], rows: [['1']] });
    await query(`CREATE FUNCTION rc() RETURNS refcursor LANGUAGE plpgsql AS $$ DECLARE cc refcursor := 'cc'; BEGIN
      OPEN cc FOR SELECT g AS n, 'row ' || g AS t FROM generate_series(1, 2) AS g; RETURN cc; END $$`);
    const rows = [
      ['1', 'row 1'],
      ['2', 'row 2'],
    ];
    assert.deepEqual(await table('SELECT rc(); FETCH ALL FROM cc'), { names: ['n', 't'], rows });
    const cursor = `DECLARE cu CURSOR FOR SELECT g AS n, 'row ' || g AS t FROM generate_series(1, 2) AS g`;
    assert.deepEqual(await table(`${cursor}; FETCH ALL FROM cu`), { names: ['n', 't'], rows });
    const called = await table(
      `CREATE PROCEDURE pr(INOUT n int, OUT t text) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; t := 'out'; END $$; CALL pr(1, NULL)`,
    );
    assert.deepEqual(called, { names: ['n', 't'], rows: [['2', 'out']] });
    const executed = await engine.ended('PREPARE i (int) AS INSERT INTO acc VALUES ($1) RETURNING id; EXECUTE i(77)');
    assert.deepEqual(outcomeOf(executed), ['succeeded', 'INSERT', 1, undefined]);
  });

  it('returns many and large rows of a cursor', async () => {
    const job = await engine.ended(
      `DECLARE cu CURSOR FOR SELECT g, repeat('é', 20000) AS r FROM generate_series(1, 600) AS g; FETCH ALL FROM cu`,
    );
    assert.deepEqual(outcomeOf(job), ['succeeded', 'FETCH', 600, undefined]);
    assert.deepEqual(await engine.rows(job, 599, 1), [['600', 'é'.repeat(20000)]]);
    assert.equal(job.record.rows?.rows, 600);
  });

  it('reports the position of an error in the user’s text, in any statement and with any wrapping', async () => {
    const cases = [
      "SELECT '😀';\nSELECT nosuch; SELECT 1",
      "SELECT '😀'; SELECT 1;\n  SELECT '😀', nosuch FROM pg_class",
      "INSERT INTO acc VALUES (5);\nINSERT INTO acc VALUES (6) RETURNING '😀', nosuch",
      'PREPARE x (int) AS SELECT $1;\nEXECUTE x(nosuch)',
    ];
    for (const sql of cases) {
      const { record } = await engine.ended(sql);
      assert.deepEqual(
        [record.state, record.error?.sqlstate, record.error?.context],
        ['failed', '42703', undefined],
        sql,
      );
      assert.equal(record.error?.position, sql.indexOf('nosuch'), sql);
    }
    const late = await engine.ended('INSERT INTO acc VALUES (5); INSERT INTO acc VALUES (1 / 0) RETURNING id');
    assert.deepEqual([late.record.error?.sqlstate, late.record.error?.context], ['22012', undefined]);
  });

  for (const version of [undefined, '1.8'] as const) {
    it(`runs thousands of statements, whose tags need a larger queue${version === undefined ? '' : `, pg_background ${version}`}`, async () => {
      const many = await newDatabase(server, version === undefined ? {} : { version });
      const other = await newEngine(many);
      try {
        const inserts = Array.from({ length: 3000 }, (_, i) => `INSERT INTO many VALUES (${i});`).join('\n');
        const job = await other.ended(`CREATE TABLE many (i int);\n${inserts}\nUPDATE many SET i = 0 WHERE i < 7`);
        assert.deepEqual(outcomeOf(job), ['succeeded', 'UPDATE', 7, undefined]);
        const failed = await other.ended(`${inserts}\nINSERT INTO many VALUES ('x')`);
        assert.deepEqual([failed.state, failed.record.error?.sqlstate], ['failed', '22P02']);
        assert.equal(failed.record.error?.position, failed.record.request.sql.indexOf("'x'"));
        const count = await server.psql('SELECT count(*) FROM many', { database: many.database! });
        assert.equal(count, '3000');
      } finally {
        await other.close();
      }
    });
  }

  it('does not make a worker with thousands of statements wait until its queue is read', async () => {
    await query('CREATE TABLE unread (i int)');
    const session = await engine.link.acquire();
    try {
      const sql = Array.from({ length: 3000 }, (_, i) => `INSERT INTO unread VALUES (${i})`).join(';');
      const plan = await session.describe(sql);
      assert.equal(plan.queueSizeBytes, 3000 * 64);
      const worker = await session.launch({ sql: plan.sql, label: 'unread', queueSizeBytes: plan.queueSizeBytes });
      // Nothing reads the queue: with the default size, the worker would wait forever.
      while (!(await session.wait(worker, 1000)).stopped);
      await session.detach(worker);
      assert.equal(await query('SELECT count(*) FROM unread'), '3000');
    } finally {
      session.release();
    }
  });

  it('reads the messages, but not the tags, of a text with very many statements', async () => {
    await query('CREATE TABLE very_many (i int)');
    const sql = `DO $$ BEGIN RAISE NOTICE 'hello'; END $$;${'INSERT INTO very_many VALUES (1);\n'.repeat(12_000)}INSERT INTO very_many VALUES (1), (2)`;
    const job = await engine.ended(sql);
    assert.deepEqual(outcomeOf(job), ['succeeded', 'INSERT', 2, undefined]);
    assert.deepEqual([job.record.reason, job.notices.map(({ message }) => message)], [undefined, ['hello']]);
    assert.equal(await query('SELECT count(*) FROM very_many'), '12002');
    const log = await server.serverLog();
    assert.match(log, /result rowtype is not a single text column/, 'read without tags');
  });

  it('refuses to launch a text that cannot be fenced safely, also through the API', async () => {
    await query('CREATE TABLE refused (a text)');
    const insert = 'INSERT INTO refused VALUES (1);';
    const cases: [string, number][] = [
      [`${insert} SELECT 'open`, insert.length + 8],
      [`${insert} SELECT (1; SELECT 2`, insert.length + 8],
      [`INSERT INTO refused VALUES (1) \\; SELECT 1; SELECT 2`, 31],
      [`${insert} SET standard_conforming_strings = off; SELECT 'a\\\\b'`, insert.length + 1],
    ];
    for (const [sql, position] of cases) {
      const { record } = await engine.ended(sql);
      assert.deepEqual([record.state, record.error?.sqlstate, record.pid], ['failed', '', undefined], sql);
      assert.equal(record.error?.position, position, sql);
    }
    assert.equal(await query('SELECT count(*) FROM refused'), '0');
    const old = await newDatabase(server);
    await server.psql(`ALTER DATABASE ${old.database!} SET standard_conforming_strings = off`);
    const other = await newEngine(old);
    try {
      const { record } = await other.ended("SELECT 1; SELECT 'it\\'s; '");
      assert.match(record.error!.message, /^sql\.backslashStringsInSession/);
      const alone = await other.ended("SELECT E'a', 'b\\\\c'");
      assert.deepEqual(await other.rows(alone), [['a', 'b\\c']]);
    } finally {
      await other.close();
    }
  });

  it('keeps all rows and messages if the text sets another client_encoding', async () => {
    const job = await engine.ended(
      "SET client_encoding = 'LATIN1'; DO $$ BEGIN RAISE NOTICE 'é'; END $$; SELECT 'ü€' AS \"ñ\"",
    );
    assert.deepEqual([await engine.rows(job), job.notices.map(({ message }) => message)], [[['ü€']], ['é']]);
  });

  it('shows the text without fences in the list of workers', async () => {
    await withGate(profile, async (gate) => {
      const job = engine.run(`SELECT 1; SELECT ${gate.wait}`);
      await atWork(engine, job);
      const worker = engine.jobs.activity(job);
      assert.match(worker!.query!, /^SELECT 1; SELECT /);
      await gate.open();
      await job.ended;
    });
  });

  it('calls no function of a user from its wrapping, whatever the search_path', async () => {
    const evil = await newDatabase(server, { schema: 'bg' });
    const call = `RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'an impostor was called'; END $$`;
    const functions = [
      'json_agg(anyelement)',
      'json_object_keys(json)',
      'row_to_json(record)',
      'concat(VARIADIC text[])',
      'set_config(text, text, bool)',
      'current_setting(text, bool)',
      'array_append(text[], text)',
      'octet_length(text)',
      'generate_series(int4, int4)',
      'unnest(text[])',
    ];
    const operators = ['int8, int4', 'int4, int4', 'int8, int8'].flatMap((types, i) => {
      const [left, right] = types.split(', ');
      return [
        `CREATE FUNCTION evil.op${i}(${types}) ${call.replace('text', 'bool')}`,
        ...['=', '>', '+'].map(
          (name) => `CREATE OPERATOR evil.${name} (leftarg = ${left}, rightarg = ${right}, function = evil.op${i})`,
        ),
      ];
    });
    const types = ['text', 'int4', 'int8', 'record', 'pg_cursors'].map(
      (name) => `CREATE DOMAIN evil.${name} AS pg_catalog.bool`,
    );
    await server.psql(
      `CREATE SCHEMA evil; ${functions.map((signature) => `CREATE FUNCTION evil.${signature} ${call}`).join(';')};
       ${operators.join(';')}; ${types.join(';')};
       ALTER DATABASE ${evil.database!} SET search_path = evil, pg_catalog, public`,
      { database: evil.database! },
    );
    const other = await newEngine(evil);
    try {
      const texts = [
        'CREATE TABLE public.x AS SELECT 1 AS q; SELECT * FROM public.x',
        'CREATE TABLE public.y (q pg_catalog.int2); INSERT INTO public.y VALUES (1) RETURNING q',
        'DECLARE cu CURSOR FOR SELECT 1 AS q; FETCH ALL FROM cu',
        'PREPARE pr AS SELECT 1 AS q; EXECUTE pr',
      ];
      for (const sql of texts) {
        const job = await other.ended(sql);
        assert.equal(job.state, 'succeeded', `${sql}: ${JSON.stringify(job.record.error)}`);
        assert.deepEqual(await other.rows(job), [['1']], sql);
      }
    } finally {
      await other.close();
    }
  });
});

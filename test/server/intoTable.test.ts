import assert from 'node:assert/strict';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { newDatabase, newEngine, sharedServer, type Engine, type TestServer } from './support';

describe('rows that are stored in a table', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    engine = await newEngine(profile, { maxConcurrentJobs: 0 });
    await psql('CREATE SCHEMA reports; CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 5)');
  });
  after(() => engine.close());

  const psql = async (sql: string): Promise<string> => (await server.psql(sql, { database: profile.database! })).trim();

  /** Runs a job and returns its tag. */
  async function stored(sql: string, into: string): Promise<string> {
    const job = await engine.ended(sql, { into });
    assert.equal(job.state, 'succeeded', `${sql}: ${JSON.stringify(job.record)}`);
    assert.equal(job.record.columns, undefined);
    return `${job.record.commandTag ?? ''} ${job.record.rowCount ?? ''}`;
  }

  async function refused(sql: string, into: string): Promise<string> {
    const job = await engine.ended(sql, { into });
    assert.equal(job.state, 'failed', sql);
    assert.equal(job.record.launchedAt, undefined, 'It was launched.');
    return job.record.error?.fault?.code ?? '';
  }

  it('have the names and types of the query', async () => {
    assert.equal(
      await stored("SELECT n, n::numeric(8,2) AS x, 'a'::varchar(3) AS v FROM numbers", 'reports.typed'),
      'CREATE TABLE AS 5',
    );
    assert.equal(
      await psql(`SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
                    FROM pg_attribute WHERE attrelid = 'reports.typed'::regclass AND attnum > 0`),
      'n integer, x numeric(8,2), v character varying(3)',
    );
  });

  it('come from every statement that returns rows', async () => {
    const texts: [string, string][] = [
      ['VALUES (1, 2), (3, 4) -- a comment at the end', '2'],
      ['TABLE numbers', '5'],
      ['(SELECT 1) UNION (SELECT 2)', '2'],
      ['WITH w AS (SELECT 7 AS x) SELECT x FROM w', '1'],
      ['INSERT INTO numbers VALUES (10), (11) RETURNING n, n + 1, n + 1', '2'],
      ['WITH w AS (SELECT 10 AS x) DELETE FROM numbers USING w WHERE n = x RETURNING n', '1'],
      ['WITH w AS (DELETE FROM numbers WHERE n = 11 RETURNING n) SELECT n, n FROM w', '1'],
      ['SELECT 1 AS a, 2 AS a, 3 AS ctid, 4', '1'],
      ['SELECT pg_sleep(0), ROW(1, 2), NULL', '1'],
      ['CREATE TABLE made AS SELECT 1 AS m; INSERT INTO made VALUES (2); SELECT m FROM made', '2'],
      ["SET LOCAL work_mem = '1MB'; UPDATE numbers SET n = n WHERE n < 3; SELECT n FROM numbers WHERE n < 3", '2'],
    ];
    for (const [index, [sql, rows]] of texts.entries()) {
      const table = `reports."from ${index}"`;
      await stored(sql, table);
      assert.equal(await psql(`SELECT count(*) FROM ${table}`), rows, sql);
      // Once more, into the table that exists.
      if (index >= 4 && index < 10) continue;
      await stored(sql, `${table} append`);
      assert.equal(await psql(`SELECT count(*) FROM ${table}`), String(2 * Number(rows)), sql);
    }
    assert.equal(
      await psql(`SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
                   WHERE attrelid = 'reports."from 7"'::regclass AND attnum > 0`),
      'a a_2 ctid_2 ?column?',
    );
  });

  it('are appended by the names of the columns, also those that the WITH of the query writes', async () => {
    await psql('CREATE TABLE log (at timestamptz DEFAULT now(), a int, b int)');
    assert.equal(await stored('SELECT 2 AS b, 1 AS a', 'log append'), 'INSERT 1');
    assert.equal(
      await stored('WITH w AS (INSERT INTO numbers VALUES (20) RETURNING n) SELECT n AS a FROM w', 'log append'),
      'INSERT 1',
    );
    assert.equal(await psql('SELECT a, b, at IS NULL FROM log ORDER BY a'), '1|2|f\n20||f');
    assert.equal(await stored('SELECT 1 AS a', 'new_log append'), 'CREATE TABLE AS 1');
  });

  it('replace a table in one transaction', async () => {
    await psql('CREATE TABLE replaced AS SELECT 1 AS old');
    assert.equal(await stored('SELECT 2 AS new', 'replaced replace'), 'CREATE TABLE AS 1');
    assert.equal(await psql('SELECT new FROM replaced'), '2');
    const job = await engine.ended('SELECT 1 / (n - n) AS newer FROM numbers', { into: 'replaced replace' });
    assert.equal(job.record.error?.sqlstate, '22012');
    assert.equal(await psql('SELECT new FROM replaced'), '2');
  });

  it('can be stored in a table with any name, in the first schema of the search_path', async () => {
    await stored('SELECT 1 AS "select", 2 AS "Ä ""quoted"""', '"Ä; DROP TABLE numbers --"');
    assert.equal(await psql('SELECT "select", "Ä ""quoted""" FROM public."Ä; DROP TABLE numbers --"'), '1|2');
    const job = await engine.ended('SELECT 1 AS a', { into: 'order', settings: { search_path: 'reports, public' } });
    assert.equal(job.state, 'succeeded');
    assert.equal(await psql('SELECT a FROM reports."order"'), '1');
  });

  it('are not requested from a server that cannot store them; nothing runs then', async () => {
    await psql('CREATE VIEW a_view AS SELECT 1 AS a');
    assert.equal(await refused('SELECT 1', 'reports.typed'), 'into.exists');
    assert.equal(await refused('SELECT 1', 'a_view replace'), 'into.notATable');
    assert.equal(await refused('SELECT 1', 'missing.a'), 'into.noSchema');
    assert.equal(await refused('SELECT 1', 'not a table'), 'into.invalid');
    for (const sql of ['DELETE FROM numbers', 'SHOW work_mem', 'EXPLAIN SELECT 1', 'SELECT 1 INTO x', 'VACUUM', '']) {
      assert.equal(await refused(sql, 'reports.none'), 'into.noRows', sql);
    }
    assert.notEqual(await psql('SELECT count(*) FROM numbers'), '0');
  });

  it('need privileges, and the reason names them', async () => {
    await psql(`CREATE ROLE storing LOGIN; GRANT pgbackground_role TO storing; GRANT SELECT ON numbers TO storing;
                CREATE SCHEMA closed; GRANT USAGE ON SCHEMA closed TO storing;
                CREATE TABLE closed.full (a int)`);
    const own = await newEngine({ ...profile, user: 'storing' }, { maxConcurrentJobs: 0 });
    try {
      for (const [into, code] of [
        ['closed.a', 'into.mayNotCreate'],
        ['closed.full append', 'into.mayNotInsert'],
        ['closed.full replace', 'into.mayNotReplace'],
      ] as const) {
        const job = await own.ended('SELECT 1 AS a', { into });
        assert.equal(job.record.error?.fault?.code, code);
      }
      await psql('GRANT INSERT (a) ON closed.full TO storing');
      assert.equal((await own.ended('SELECT 1 AS a', { into: 'closed.full append' })).state, 'succeeded');
    } finally {
      await own.close();
    }
  });

  it('are never stored in a temporary table, which would be gone with the worker', async () => {
    await psql('CREATE TABLE hidden (q int)');
    for (const [sql, into] of [
      ['CREATE TEMP TABLE hidden AS SELECT 1 AS q; SELECT 2 AS q', 'hidden append'],
      ['CREATE TEMP TABLE hidden AS SELECT 1 AS q; SELECT 2 AS q', 'hidden replace'],
      ['SET search_path = pg_temp, public; SELECT 1 AS q', 'not_made'],
      ['SET search_path = pg_temp, public; INSERT INTO numbers VALUES (70) RETURNING n', 'not_made append'],
      [
        'SET search_path = pg_temp, public; WITH w AS (DELETE FROM numbers RETURNING n) SELECT n FROM w',
        'not_made append',
      ],
    ] as const) {
      const job = await engine.ended(sql, { into });
      assert.deepEqual(
        [job.state, job.record.error?.sqlstate],
        ['failed', '42P16'],
        `${sql}: ${JSON.stringify(job.record)}`,
      );
    }
    // A temporary table of the text does not matter otherwise.
    await stored('CREATE TEMP TABLE hidden AS SELECT 1 AS q; SELECT q FROM hidden', 'public.hidden append');
    await stored('CREATE TEMP TABLE own AS SELECT 1 AS q; SELECT q FROM own', 'from_temporary');
    await stored('CREATE TABLE made_now AS SELECT 1 AS q; SELECT 2 AS q', 'made_now append');
    assert.equal(await psql('SELECT (TABLE hidden), (TABLE from_temporary), (SELECT count(*) FROM made_now)'), '1|1|2');
  });

  it('report errors at their place in the text', async () => {
    const sql = 'SELECT 1;\n  SELECT n, missing FROM numbers';
    const job = await engine.ended(sql, { into: 'reports.failed replace' });
    assert.equal(job.record.error?.position, sql.indexOf('missing'));
  });
});

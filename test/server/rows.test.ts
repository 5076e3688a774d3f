import assert from 'node:assert/strict';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import {
  atWork,
  newDatabase,
  newEngine,
  outcomeOf,
  reaches,
  sharedServer,
  type Engine,
  type TestServer,
} from './support';

describe('rows of a job', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    engine = await newEngine(profile, { maxConcurrentJobs: 0 });
  });
  after(() => engine.close());

  /** Column names and types, and the rows. */
  async function table(sql: string): Promise<{ columns: string[][]; rows: (string | null)[][] }> {
    const job = await engine.ended(sql);
    assert.equal(job.state, 'succeeded', `${sql}: ${JSON.stringify(job.record)}`);
    assert.equal(job.record.reason, undefined, sql);
    const columns = (job.record.columns ?? []).map(({ name, type }) => [name, type]);
    return { columns, rows: job.record.columns === undefined ? [] : await engine.rows(job) };
  }

  it('are returned by every kind of single statement that has rows', async () => {
    await server.psql('CREATE TABLE kinds (a int, b text)', { database: profile.database! });
    await server.psql("CREATE PROCEDURE twice(INOUT n int) LANGUAGE sql AS 'SELECT n * 2'", {
      database: profile.database!,
    });
    const cases: [string, string | undefined, (string | null)[][]][] = [
      [
        'VALUES (1, NULL), (2, $$b$$)',
        'SELECT',
        [
          ['1', null],
          ['2', 'b'],
        ],
      ],
      ['WITH w AS (SELECT 7 AS x) SELECT x FROM w', 'SELECT', [['7']]],
      [
        "INSERT INTO kinds VALUES (1, 'one'), (2, E'tab\\there') RETURNING a, b",
        'INSERT',
        [
          ['1', 'one'],
          ['2', 'tab\there'],
        ],
      ],
      [
        'TABLE kinds',
        'SELECT',
        [
          ['1', 'one'],
          ['2', 'tab\there'],
        ],
      ],
      ['WITH d AS (DELETE FROM kinds RETURNING a) SELECT sum(a) FROM d', 'SELECT', [['3']]],
      ['SHOW server_encoding', 'SHOW', [['UTF8']]],
      ['CALL twice(21)', 'CALL', [['42']]],
    ];
    for (const [sql, tag, expected] of cases) {
      const job = await engine.ended(sql);
      assert.deepEqual([job.state, job.record.commandTag], ['succeeded', tag], sql);
      assert.deepEqual(await engine.rows(job), expected, sql);
    }
    const explained = await table('EXPLAIN (COSTS OFF) SELECT 1');
    assert.deepEqual(explained, { columns: [['QUERY PLAN', 'text']], rows: [['Result']] });
    assert.deepEqual((await table('EXPLAIN (FORMAT JSON) SELECT 1')).columns, [['QUERY PLAN', 'json']]);
  });

  it('have pseudo-types as text', async () => {
    assert.deepEqual(await table('SELECT pg_sleep(0.05)'), { columns: [['pg_sleep', 'void']], rows: [['']] });
    assert.deepEqual(await table("SELECT ROW(1, 'a b') AS r, 2 AS n"), {
      columns: [
        ['r', 'record'],
        ['n', 'integer'],
      ],
      rows: [['(1,"a b")', '2']],
    });
    assert.deepEqual(await table("SELECT 'x'::cstring"), { columns: [['cstring', 'cstring']], rows: [['x']] });
    const stats = await table(
      "SELECT most_common_vals FROM pg_stats WHERE tablename = 'pg_class' ORDER BY most_common_vals IS NULL LIMIT 1 -- a comment",
    );
    assert.deepEqual(stats.columns, [['most_common_vals', 'anyarray']]);
  });

  it('include values that a worker can send but a session cannot receive, like empty vectors', async () => {
    assert.deepEqual(
      await table("SELECT ''::oidvector AS o, ''::int2vector AS i, ''::tsquery AS q, ARRAY[''::tsquery] AS a, 1 AS n"),
      {
        columns: [
          ['o', 'oidvector'],
          ['i', 'int2vector'],
          ['q', 'tsquery'],
          ['a', 'tsquery[]'],
          ['n', 'integer'],
        ],
        rows: [['', '', '', '{""}', '1']],
      },
    );
    // A statement that cannot be wrapped still returns values that a session can receive.
    await engine.ended('CREATE TABLE queries (q tsquery)');
    assert.deepEqual((await table("INSERT INTO queries VALUES ('a & b') RETURNING q")).rows, [["'a' & 'b'"]]);
  });

  it('can be read from every catalog and system view', async () => {
    const list = await engine.ended(
      `SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'v') ORDER BY relnamespace::regnamespace::text, relname`,
    );
    const relations = (await engine.rows(list)).map(([name]) => name!);
    assert.ok(relations.length > 200, `${relations.length} relations`);
    for (const relation of relations) {
      const { record } = await engine.ended(`SELECT * FROM ${relation} LIMIT 500`);
      assert.deepEqual(
        [record.state, record.reason],
        ['succeeded', undefined],
        `${relation}: ${record.error?.message}`,
      );
    }
  }).timeout(120_000);

  it('come from wrapped statements without changing the position of an error', async () => {
    const sql = "/* é😀 */ SELECT pg_sleep(0), 1 / (length('😀') - 1)";
    const job = await engine.ended(sql);
    assert.deepEqual(outcomeOf(job), ['failed', undefined, undefined, '22012']);
    const folded = "CREATE TEMP TABLE f (a int);\nSELECT '😀', nosuch FROM f";
    const other = await engine.ended(folded);
    assert.equal(other.record.error?.sqlstate, '42703');
    assert.equal(other.record.error.position, folded.indexOf('nosuch'));
  });

  it('can have duplicate column names, or no columns, and can be missing', async () => {
    assert.deepEqual(await table('SELECT 1 AS a, 2 AS a, 3 AS "A b"'), {
      columns: [
        ['a', 'integer'],
        ['a', 'integer'],
        ['A b', 'integer'],
      ],
      rows: [['1', '2', '3']],
    });
    assert.deepEqual(await table('SELECT 1 AS nothing WHERE false'), { columns: [['nothing', 'integer']], rows: [] });
    const bare = await engine.ended('SELECT FROM generate_series(1, 3)');
    assert.deepEqual(outcomeOf(bare), ['succeeded', 'SELECT', 3, undefined]);
    assert.match(bare.notices[0]!.message, /rows\.noColumns/);
  });

  it('keep the exact text of every kind of type', async () => {
    await server.psql(
      `CREATE SCHEMA "odd s"; CREATE TYPE "odd s".mood AS ENUM ('sad', 'it''s "ok"');
       CREATE DOMAIN "odd s".positive AS int CHECK (VALUE > 0); CREATE TYPE "odd s".pair AS (a int, b text);
       CREATE TABLE "odd s".t (m "odd s".mood, p "odd s".positive, c "odd s".pair, n numeric(10,2), v varchar(5), ch "char",
         b bit(3), arr text[], r int4range, i interval, by bytea, j json, jb jsonb, x xml, o regclass, acl aclitem[], ts timestamptz);
       INSERT INTO "odd s".t VALUES ('it''s "ok"', 5, (1, 'a,"b'), 3.10, 'abc', 'c', B'101', '{a,NULL,"b c"}', '[1,5)',
         '1 day 02:00', '\\x00ff', '{"a": 1.10}', '{"b":  2}', '<a/>', 'pg_class', '{=r/postgres}', '2026-01-02 03:04:05+00');`,
      { database: profile.database! },
    );
    const { columns, rows } = await table(
      `SELECT t.*, t AS whole, NULL AS nothing, ctid, xmin IS NOT NULL AS "has xmin", 1.50::money, 'NaN'::float8 FROM "odd s".t`,
    );
    assert.deepEqual(rows, [
      [
        'it\'s "ok"',
        '5',
        '(1,"a,""b")',
        '3.10',
        'abc',
        'c',
        '101',
        '{a,NULL,"b c"}',
        '[1,5)',
        '1 day 02:00:00',
        '\\x00ff',
        '{"a": 1.10}',
        '{"b": 2}',
        '<a/>',
        'pg_class',
        '{=r/postgres}',
        rows[0]![16]!,
        rows[0]![17]!,
        null,
        '(0,1)',
        't',
        rows[0]![21]!,
        'NaN',
      ],
    ]);
    assert.match(rows[0]![16]!, /^2026-01-02/);
    assert.match(rows[0]![17]!, /^\("it's ""ok""",5,/);
    assert.match(rows[0]![21]!, /1\.50/);
    assert.deepEqual(columns[0], ['m', '"odd s".mood']);
    assert.deepEqual(columns[3], ['n', 'numeric(10,2)']);
  });

  it('have the new name of a type that was renamed', async () => {
    const database = profile.database!;
    await server.psql("CREATE TYPE old_name AS ENUM ('v')", { database });
    assert.deepEqual((await table("SELECT 'v'::old_name AS e")).columns, [['e', 'old_name']]);
    await server.psql('ALTER TYPE old_name RENAME TO new_name', { database });
    assert.deepEqual(await table("SELECT 'v'::new_name AS e"), { columns: [['e', 'new_name']], rows: [['v']] });
  });

  it('can come from a table that the same SQL creates', async () => {
    const made = await table(
      `CREATE TEMP TABLE made AS SELECT 1.10::numeric AS n, 12345678901234567890::numeric AS "big one", E'a\\tb\\n"c\\\\' AS t, NULL::int AS z, ''::text AS e;
       SELECT *, pg_sleep(0), 2 AS n FROM made; -- the end`,
    );
    assert.deepEqual(made.rows, [['1.10', '12345678901234567890', 'a\tb\n"c\\', null, '', '', '2']]);
    assert.deepEqual(
      made.columns.map(([name]) => name),
      ['n', 'big one', 't', 'z', 'e', 'pg_sleep', 'n'],
    );
    assert.deepEqual(await table('CREATE TEMP TABLE empty (a int); SELECT * FROM empty'), {
      columns: [['a', 'text']],
      rows: [],
    });
  });

  it('can come from a table whose type the same SQL changes', async () => {
    await server.psql('CREATE TABLE changing (a int); INSERT INTO changing VALUES (5)', {
      database: profile.database!,
    });
    const changed = await table("ALTER TABLE changing ALTER a TYPE text USING a || 'x'; SELECT a FROM changing");
    assert.deepEqual(changed.rows, [['5x']]);
  });

  it('are returned by EXPLAIN and RETURNING for a table that an earlier statement creates', async () => {
    const explained = await table('CREATE TEMP TABLE ex (a int); EXPLAIN (COSTS OFF) SELECT * FROM ex');
    assert.deepEqual(explained.rows, [['Seq Scan on ex']]);
    const json = await table('CREATE TEMP TABLE ex (a int); EXPLAIN (FORMAT json) SELECT * FROM ex');
    assert.match(json.rows[0]![0]!, /"Seq Scan"/);
    const returning = await engine.ended('CREATE TABLE ret (a int); INSERT INTO ret VALUES (1), (2) RETURNING a');
    assert.deepEqual(outcomeOf(returning), ['succeeded', 'INSERT', 2, undefined]);
    assert.deepEqual(await engine.rows(returning), [['1'], ['2']]);
    assert.deepEqual(returning.notices, []);
    assert.equal(await server.psql('SELECT count(*) FROM ret', { database: profile.database! }), '2');
  });

  it('that cannot be read do not prevent messages or further jobs of the session', async () => {
    engine.settings.maxConcurrentJobs = 1;
    for (let round = 0; round < 20; round++) {
      const job = await engine.ended(
        `CREATE TABLE unread${round} (a int); DO $$ BEGIN RAISE NOTICE 'hello'; END $$;
         INSERT INTO unread${round} VALUES (1) RETURNING a`,
      );
      assert.deepEqual(outcomeOf(job), ['succeeded', 'INSERT', 1, undefined]);
      assert.equal(job.notices.at(-1)!.message, 'hello');
    }
    engine.settings.maxConcurrentJobs = 0;
  });

  it('arrive after a lock on the table, which does not block the launch', async () => {
    await server.psql('CREATE TABLE locked (a int); INSERT INTO locked VALUES (7)', { database: profile.database! });
    const [holder, job] = await withGate(profile, async (gate) => {
      const holding = engine.run(`LOCK TABLE locked IN ACCESS EXCLUSIVE MODE; SELECT ${gate.wait}`, {
        label: 'holder',
      });
      await atWork(engine, holding, 'advisory');
      const reading = engine.run('SELECT a FROM locked');
      await reaches(engine.jobs, reading, 'running');
      return [holding, reading];
    });
    await Promise.all([job.ended, holder.ended]);
    assert.equal(holder.state, 'succeeded');
    assert.deepEqual(outcomeOf(job), ['succeeded', 'SELECT', 1, undefined]);
    assert.deepEqual(await engine.rows(job), [['7']]);
  });
});

import assert from 'node:assert/strict';
import { cancelJob } from '../../../src/core/postgres/durable/records';
import { withGate } from '../../gate';
import { sharedServer } from '../support';
import { newDurableDatabase, outcomeOf, type DurableDatabase, type DurableSession } from './support';

for (const version of [undefined, '1.8'] as const) {
  describe(`durable jobs on pg_background ${version ?? '2.0'}`, () => {
    let database: DurableDatabase;
    let alice: DurableSession;

    before(async () => {
      database = await newDurableDatabase(await sharedServer(), version);
      alice = await database.role('alice');
    });
    after(() => database.close());

    it('keep the rows of a query with their names and exact types', async () => {
      const job = await alice.ended(
        `SELECT 1 AS a, 'x'::varchar(10) AS a, 1.50::numeric(10,2) AS n, '{1,2}'::int4[] AS "Odd ""name""", NULL::jsonb AS j`,
      );
      assert.deepEqual(outcomeOf(job), ['succeeded', 'SELECT', '1', undefined, 'stored'], JSON.stringify(job));
      assert.deepEqual(
        job.columns?.map(({ name, type }) => [name, type]),
        [
          ['a', 'integer'],
          ['a', 'character varying(10)'],
          ['n', 'numeric(10,2)'],
          ['Odd "name"', 'integer[]'],
          ['j', 'jsonb'],
        ],
      );
      assert.deepEqual(await alice.rows(job), [['1', 'x', '1.50', '{1,2}', null]]);
      const stored = await alice.value(
        `SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = $1 AND attnum > 0`,
        [job.rowsOid],
      );
      assert.equal(stored, 'integer,character varying(10),numeric(10,2),integer[],jsonb');
      assert.equal(job.gated, true);
      assert.equal(job.owner, database.roleName('alice'));
    });

    it('record every field of an error, also those longer than the extension’s own report', async () => {
      const job = await alice.ended(
        `DO $$ BEGIN RAISE EXCEPTION '%', repeat('é', 1000) USING ERRCODE = 'P1234', DETAIL = repeat('d', 1000), HINT = 'h',
           SCHEMA = 's', TABLE = 't', COLUMN = 'c', CONSTRAINT = 'k', DATATYPE = 'y'; END $$; SELECT 1`,
      );
      assert.equal(job.state, 'failed');
      const { context, ...error } = job.error!;
      assert.deepEqual(error, {
        sqlstate: 'P1234',
        message: 'é'.repeat(1000),
        detail: 'd'.repeat(1000),
        hint: 'h',
        schema: 's',
        table: 't',
        column: 'c',
        constraint: 'k',
        datatype: 'y',
      });
      assert.match(context!, /^PL\/pgSQL function inline_code_block line 1 at RAISE$/);
      assert.equal(await alice.value("SELECT to_regclass('pgbackground_rows.' || $1)", [job.rowsTable]), null);
    });

    it('report an error in a text that does not parse, and one that only appears at the commit', async () => {
      const broken = await alice.ended('SELEC 1');
      assert.deepEqual(outcomeOf(broken), ['failed', null, null, '42601', null], JSON.stringify(broken));
      await alice.client.query('CREATE TABLE d (i int UNIQUE DEFERRABLE INITIALLY DEFERRED)');
      const late = await alice.ended('INSERT INTO d VALUES (1), (1)');
      assert.deepEqual(outcomeOf(late), ['failed', null, null, '23505', null], JSON.stringify(late));
    });

    it('store the rows of every kind of statement that returns some', async () => {
      await alice.client.query('CREATE TABLE w (i int, t text)');
      const cases: [string, string, (string | null)[][]][] = [
        [
          'VALUES (1, 2), (3, 4)',
          'SELECT',
          [
            ['1', '2'],
            ['3', '4'],
          ],
        ],
        ['SELECT 1 WHERE false', 'SELECT', []],
        [
          "INSERT INTO w VALUES (1, 'a'), (2, 'b') RETURNING i, t",
          'INSERT',
          [
            ['1', 'a'],
            ['2', 'b'],
          ],
        ],
        ["UPDATE w SET t = t || 'x' RETURNING t -- the end", 'UPDATE', [['ax'], ['bx']]],
        ['WITH m AS (SELECT max(i) AS m FROM w) DELETE FROM w USING m WHERE i = m RETURNING i', 'DELETE', [['2']]],
        ["WITH n AS (INSERT INTO w VALUES (7, 'n') RETURNING i) SELECT i FROM n", 'SELECT', [['7']]],
        [
          'TABLE w',
          'SELECT',
          [
            ['1', 'ax'],
            ['7', 'n'],
          ],
        ],
        ['SHOW server_version_num', 'SHOW', [[(await alice.value('SHOW server_version_num'))!]]],
        ['SET TRANSACTION READ ONLY; SELECT i FROM w', 'SELECT', [['1'], ['7']]],
        ["INSERT INTO w VALUES (8, 'z'); SELECT i FROM w", 'SELECT', [['1'], ['7'], ['8']]],
      ];
      for (const [sql, tag, rows] of cases) {
        const job = await alice.ended(sql);
        assert.deepEqual(
          outcomeOf(job),
          ['succeeded', tag, String(rows.length), undefined, 'stored'],
          `${sql}: ${JSON.stringify(job)}`,
        );
        assert.deepEqual(await alice.rows(job), rows, sql);
      }
    });

    it('store each row as one text if its columns cannot be known, or cannot be in a table', async () => {
      const created = await alice.ended('CREATE TABLE fresh AS SELECT 1 AS "A", 2 AS b; SELECT * FROM fresh');
      assert.deepEqual(
        [...outcomeOf(created), created.folded],
        ['succeeded', 'SELECT', '1', undefined, 'stored', true],
      );
      assert.deepEqual(await alice.rows(created), [['["A", "b"]', '(1,2)']]);
      const empty = await alice.ended('CREATE TABLE fresh2 (a int); SELECT * FROM fresh2');
      assert.deepEqual(outcomeOf(empty), ['succeeded', 'SELECT', '0', undefined, 'stored']);
      const wide = await alice.ended(`SELECT ${Array.from({ length: 1650 }, (_, i) => i).join(', ')}`);
      assert.deepEqual([...outcomeOf(wide), wide.folded], ['succeeded', 'SELECT', '1', undefined, 'stored', true]);
      const prepared = await alice.ended('PREPARE p AS SELECT 5 AS five; EXECUTE p');
      assert.deepEqual(
        outcomeOf(prepared),
        ['succeeded', 'SELECT', '1', undefined, 'stored'],
        JSON.stringify(prepared),
      );
      assert.deepEqual(await alice.rows(prepared), [['["five"]', '(5)']]);
      const voids = await alice.ended('SELECT pg_sleep(0), ROW(1, 2)');
      assert.deepEqual(await alice.rows(voids), [['', '(1,2)']]);
    });

    it('run statements that must run alone, and report that these have no proof', async () => {
      await alice.client.query('CREATE TABLE v (i int)');
      const tagOf = {
        VACUUM: 'VACUUM v',
        'CREATE INDEX': 'CREATE INDEX CONCURRENTLY vi ON v (i)',
        DO: 'DO $$ BEGIN COMMIT; END $$',
      };
      for (const [tag, sql] of Object.entries(tagOf)) {
        const { id, plan } = await alice.launch(sql);
        assert.deepEqual(plan.notices, [{ code: 'durable.noProof' }]);
        const job = await alice.end(id);
        assert.deepEqual(
          [...outcomeOf(job), job.gated],
          ['succeeded', tag, null, undefined, null, false],
          JSON.stringify(job),
        );
      }
      const failed = await alice.ended('VACUUM missing_table');
      assert.deepEqual(outcomeOf(failed), ['failed', null, null, '42P01', null]);
    });

    it('apply SET TRANSACTION and SET ROLE of the text, and record the transaction anyway', async () => {
      const member = await database.role(`member${version === undefined ? '' : '_old'}`, ['alice']);
      const serializable = await member.ended(
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT current_setting('transaction_isolation')",
      );
      assert.deepEqual(await member.rows(serializable), [['serializable']]);
      assert.equal(serializable.gated, true);
      const role = await member.ended(`SET ROLE "${database.roleName('alice')}"; SELECT current_user::text`);
      assert.deepEqual(
        [...outcomeOf(role), role.gated],
        ['succeeded', 'SELECT', '1', undefined, 'stored', true],
        JSON.stringify(role),
      );
      // Another role may have another search_path, so the columns are not known in advance.
      assert.deepEqual(await member.rows(role), [['["current_user"]', `(${database.roleName('alice')})`]]);
      assert.equal(role.owner, database.roleName(`member${version === undefined ? '' : '_old'}`));
      const neither = await member.ended(
        `SET ROLE "${database.roleName('alice')}"; SET TRANSACTION READ ONLY; SELECT current_user::text`,
      );
      assert.deepEqual([neither.state, neither.gated], ['succeeded', false]);
      await alice.client.query('CREATE TABLE of_alice (i int)');
      const settings = { role: database.roleName('alice') };
      const alone = await member.ended('VACUUM of_alice', { settings });
      assert.deepEqual(outcomeOf(alone), ['succeeded', 'VACUUM', null, undefined, null], JSON.stringify(alone));
    });

    it('work under SET ROLE of the session, where the keeper cannot see its worker', async () => {
      const login = await database.role(`login${version === undefined ? '' : '_old'}`, ['alice']);
      await login.client.query(`SET ROLE "${database.roleName('alice')}"`);
      const job = await login.ended('SELECT g, repeat($$x$$, 100) FROM generate_series(1, 3000) AS g');
      assert.deepEqual(outcomeOf(job), ['succeeded', 'SELECT', '3000', undefined, 'stored']);
      assert.equal(job.owner, database.roleName('alice'));
      const queued = await login.ended('EXPLAIN SELECT 1');
      assert.deepEqual(outcomeOf(queued), ['succeeded', 'EXPLAIN', '1', undefined, 'stored']);
      await withGate(login.profile, async (gate) => {
        const { id } = await login.launch(`SELECT ${gate.wait}`);
        await login.until(id, ({ state }) => state === 'running');
        // The worker's transaction id is recorded under a younger one, or a crash could assign it again.
        const query =
          'SELECT (xmin::text::int8 > worker_xid::text::int8 & 4294967295)::text FROM pgbackground_jobs.jobs WHERE id = $1';
        assert.equal(await login.value(query, [id]), 'true');
        await gate.open();
        assert.equal((await login.end(id)).state, 'succeeded');
      });
    });

    it('have the timeouts and settings of the session and of the request, while their keeper has none', async () => {
      await alice.client.query(
        "SET statement_timeout = '50s'; SET lock_timeout = '7s'; SET default_transaction_isolation = 'serializable'; SET work_mem = '5MB'; SET search_path = pg_catalog, public",
      );
      try {
        const shown = await alice.ended(
          `SELECT s, current_setting(s) FROM unnest('{statement_timeout,lock_timeout,transaction_isolation,work_mem,search_path,datestyle}'::text[]) AS s`,
          { settings: { DateStyle: 'German' } },
        );
        assert.deepEqual(
          (await alice.rows(shown)).map(([, value]) => value),
          ['50s', '7s', 'serializable', '5MB', 'pg_catalog, public', 'German, DMY'],
        );
        const limited = await alice.ended('SELECT pg_sleep(60)', { statementTimeoutMs: 100 });
        assert.deepEqual(outcomeOf(limited), ['failed', null, null, '57014', null], JSON.stringify(limited));
        await alice.client.query('SET default_transaction_read_only = on');
        const readOnly = await alice.ended('SELECT 1 AS one');
        assert.deepEqual(
          outcomeOf(readOnly),
          ['succeeded', 'SELECT', '1', undefined, 'stored'],
          JSON.stringify(readOnly),
        );
        const refused = await alice.ended('CREATE TABLE no (i int)');
        assert.equal(refused.error?.sqlstate, '25006');
        const invalid = await alice.ended('SELECT 1', { settings: { work_mem: 'much' } });
        assert.deepEqual([invalid.state, invalid.reason, invalid.error?.sqlstate], ['failed', 'not_launched', '22023']);
      } finally {
        await alice.client.query('RESET ALL');
      }
    });

    it('record progress while they run', async () => {
      await withGate(alice.profile, async (gate) => {
        const report = version === undefined ? 'pg_background_report_progress' : 'pg_background_progress';
        const { id } = await alice.launch(`SELECT ${report}(40, 'almost'); SELECT ${gate.wait}`);
        const running = await alice.until(id, ({ progress }) => progress !== null);
        assert.deepEqual([running.state, running.progress], ['running', { pct: 40, message: 'almost' }]);
        await gate.open();
        assert.equal((await alice.end(id)).state, 'succeeded');
      });
    });

    it('are canceled, also without a proof, when only the keeper can send the signal', async () => {
      const gated = await alice.launch('SELECT pg_sleep(600)');
      await alice.until(gated.id, ({ state }) => state === 'running');
      assert.equal(await cancelJob(alice.client, gated.id), 'signaled');
      assert.equal((await alice.end(gated.id)).state, 'canceled');
      const alone = await alice.launch('DO $$ BEGIN PERFORM pg_sleep(600); END $$');
      await alice.until(alone.id, ({ workerPid }) => workerPid !== null);
      assert.equal(await cancelJob(alice.client, alone.id), 'requested');
      const job = await alice.end(alone.id);
      assert.deepEqual([job.state, job.canceledBy], ['canceled', database.roleName('alice')], JSON.stringify(job));
      assert.equal(await cancelJob(alice.client, alone.id), 'finished');
      assert.equal(await cancelJob(alice.client, '999999'), undefined);
    });

    it('are not blocked by messages that nothing reads', async () => {
      const flood = await alice.ended(
        "SET client_min_messages = notice; DO $$ BEGIN FOR i IN 1..20000 LOOP RAISE NOTICE 'n %', i; END LOOP; END $$; SELECT 1",
      );
      assert.equal(flood.state, 'succeeded');
    });
  });
}

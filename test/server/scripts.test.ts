import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkBeforeLaunch } from '../../src/core/sql/classify/prelaunch';
import { scriptSteps } from '../../src/core/sql/psql/scriptSteps';
import { splitStatements } from '../../src/core/sql/split/statements';
import type { Job } from '../../src/core/jobs/job';
import { dump, psqlFile } from './psqlScript';
import { newDatabase, newEngine, sharedServer, type Engine, type TestServer } from './support';

/** Runs each step of a script as a separate job of a batch, as the editor does, and continues after failures, as psql does. */
async function runEach(engine: Engine, script: string): Promise<readonly Job[]> {
  const statements = scriptSteps(script, splitStatements(script)).steps.map(({ start, end, sent, modes }) => {
    const sql = sent?.text ?? script.slice(start, end);
    const faults = checkBeforeLaunch(sql).filter(({ severity }) => severity === 'error');
    assert.deepEqual(faults, [], sql.slice(0, 300));
    return { request: { sql, label: 'step', connection: 'c', settings: modes }, session: { key: 0 } };
  });
  const jobs = engine.jobs.runBatch(statements, { label: 'script', parallel: 1, onFailure: 'continue' });
  await Promise.all(jobs.map(({ ended }) => ended));
  return jobs;
}

describe('scripts that run statement by statement', () => {
  let server: TestServer;

  before(async () => {
    server = await sharedServer();
  });

  async function withEngine<T>(work: (engine: Engine, database: string) => Promise<T>): Promise<T> {
    const profile = await newDatabase(server, { schema: 'pgbg_functions' });
    const engine = await newEngine(profile);
    try {
      return await work(engine, profile.database!);
    } finally {
      await engine.close();
    }
  }

  /** The dump of a database, without the lines that differ each time. */
  async function content(database: string): Promise<string> {
    const text = await dump(server, database, '--inserts', '-n', 'shop', '--no-owner');
    return text.replace(/^\\(un)?restrict .*$/gm, '');
  }

  for (const [name, options] of Object.entries({
    'with COPY': [],
    'with INSERTs': ['--inserts'],
    'with column names and several rows in each INSERT': ['--column-inserts', '--rows-per-insert=2'],
    'with owners and --clean': ['--clean', '--if-exists'],
  })) {
    it(`restore a dump ${name} as psql does`, async () => {
      const shop = await readFile(join(process.cwd(), 'test/fixtures/shop.sql'), 'utf8');
      const source = (await newDatabase(server, { extension: false })).database!;
      await psqlFile(server, source, shop);
      const script = await dump(server, source, '-n', 'shop', ...options);
      const reference = (await newDatabase(server, { extension: false })).database!;
      const { stderr } = await psqlFile(server, reference, script);
      assert.equal(stderr, '');
      await withEngine(async (engine, database) => {
        const jobs = await runEach(engine, script);
        const failed = jobs.filter(({ state }) => state !== 'succeeded');
        assert.deepEqual(
          failed.map(({ record }) => [record.request.sql.slice(0, 200), record.error?.message, record.reason]),
          [],
        );
        assert.equal(await content(database), await content(reference));
      });
    });
  }

  it('return rows of objects that only the settings make visible', async () => {
    await withEngine(async (engine) => {
      const jobs = await runEach(
        engine,
        'CREATE SCHEMA app; CREATE TABLE app.only_here AS SELECT 7 AS n; SET search_path TO app; TABLE only_here;',
      );
      const last = jobs.at(-1)!;
      assert.deepEqual([last.state, last.record.reason], ['succeeded', undefined]);
      assert.deepEqual(await engine.rows(last), [['7']]);
    });
  });

  /** Queries whose results a script stores in the table `log`. */
  const SESSIONS: Readonly<Record<string, string>> = {
    search_path: `CREATE SCHEMA app; SET search_path TO app, public; CREATE TABLE x (a int);
      INSERT INTO public.log SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'x';`,
    'a failed SET': `SET search_path TO 'a'; SET work_mem = 'nonsense'; SET statement_timeout = 'soon';
      INSERT INTO public.log SELECT current_setting('search_path') || current_setting('work_mem');`,
    'RESET and DEFAULT': `SET work_mem = '1MB'; SET search_path = ''; SET app.x = 'y'; RESET search_path; SET work_mem TO DEFAULT;
      INSERT INTO public.log SELECT current_setting('work_mem') || current_setting('search_path') || current_setting('app.x', true);`,
    'RESET ALL': `SET app.x = 'y'; SET work_mem = '1MB'; RESET ALL; INSERT INTO public.log SELECT current_setting('work_mem');`,
    'DISCARD ALL': `SET ROLE script_role; SET work_mem = '1MB'; DISCARD ALL;
      INSERT INTO public.log SELECT current_setting('work_mem') || current_user;`,
    set_config: `SELECT pg_catalog.set_config('search_path', '', false), set_config('work_mem', '2MB', false) AS b;
      SELECT set_config('work_mem', '3MB', true);
      INSERT INTO public.log SELECT current_setting('search_path') || current_setting('work_mem');`,
    'SET LOCAL outside of a transaction': `SET LOCAL work_mem = '1MB'; INSERT INTO public.log SELECT current_setting('work_mem');`,
    'SET ROLE': `SET ROLE script_role; INSERT INTO public.log SELECT current_user || session_user; RESET ROLE;
      INSERT INTO public.log SELECT current_user;`,
    'SET SESSION AUTHORIZATION': `SET SESSION AUTHORIZATION script_role; INSERT INTO public.log SELECT current_user || session_user;
      RESET SESSION AUTHORIZATION; INSERT INTO public.log SELECT session_user;`,
    'a role and what must run alone': `SET ROLE script_role; CREATE TABLE public.own (a int);
      CREATE INDEX CONCURRENTLY own_a ON public.own (a);
      INSERT INTO public.log SELECT relowner::regrole::text FROM pg_class WHERE relname = 'own_a';`,
    'settings and what must run alone': `SET default_tablespace = 'pg_default'; CREATE TABLE b (a int);
      CREATE INDEX CONCURRENTLY b_a ON b (a); INSERT INTO log SELECT count(*)::text FROM pg_class WHERE relname = 'b_a';`,
    'parts of DateStyle': `SET datestyle = ISO, DMY; SET datestyle = 'SQL'; INSERT INTO log SELECT date '1/2/2024'::text;
      SET datestyle TO german; INSERT INTO log SELECT current_setting('datestyle'); SET DateStyle TO iso;
      INSERT INTO log SELECT current_setting('datestyle'); SET datestyle TO us; INSERT INTO log SELECT current_setting('datestyle');`,
    'TIME ZONE and characteristics': `SET TIME ZONE 'Asia/Tokyo'; SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;
      INSERT INTO public.log SELECT current_setting('timezone') || current_setting('transaction_isolation');`,
    'a read-only transaction': `INSERT INTO log VALUES ('before'); BEGIN READ ONLY; INSERT INTO log VALUES ('inside'); COMMIT;
      INSERT INTO log VALUES ('after');`,
    'a transaction that is committed': `BEGIN; SET LOCAL work_mem = '1MB'; SET app.x = 'y';
      INSERT INTO log SELECT current_setting('work_mem'); COMMIT AND CHAIN; INSERT INTO log VALUES ('chained'); END;
      INSERT INTO log SELECT current_setting('app.x') || current_setting('work_mem');`,
    'a transaction that fails': `BEGIN; INSERT INTO log VALUES ('gone'); SET app.x = 'y'; SELECT 1/0; COMMIT;
      INSERT INTO log SELECT coalesce(current_setting('app.x', true), '');`,
    'a transaction that is rolled back': `BEGIN; INSERT INTO log VALUES ('gone'); SET app.x = 'y'; ROLLBACK;
      INSERT INTO log SELECT coalesce(current_setting('app.x', true), '');`,
    'a transaction that is never committed': `INSERT INTO log VALUES ('kept'); BEGIN; INSERT INTO log VALUES ('gone');`,
    'statements joined by \\;': `INSERT INTO log VALUES ('gone') \\; SELECT 1/0; INSERT INTO log VALUES ('kept');`,
    'COPY in several formats': `CREATE TABLE c (a int GENERATED ALWAYS AS IDENTITY, b text);
COPY c FROM stdin;
7\ta\\tb\\\\\\n\\x41\\101
8\t\\N
\\.
COPY c (b) FROM stdin WITH (FORMAT csv, HEADER, DELIMITER ';', NULL '-');
name
"a ""b"";
c"
-
\\.
COPY c (b, a) FROM stdin DELIMITER '|' NULL '';
|9
x|10
\\.
BEGIN;
COPY c (b) FROM stdin;
:x 'y' "z"
\\.
COMMIT;
INSERT INTO log SELECT coalesce(b, 'NULL') FROM c ORDER BY a, b;
COPY c FROM stdin;
\\.
`,
    'COPY of rows with too few values': `CREATE TABLE c (a text, b text DEFAULT 'default');
COPY c FROM stdin;
x
\\.
COPY c FROM stdin;
${'x\ty\n'.repeat(1000)}x
\\.
COPY c (a) FROM stdin;
named
\\.
INSERT INTO log SELECT a || b FROM c;
`,
    'COPY of a table with generated columns': `CREATE TABLE public."C ""d" (a int, b int GENERATED ALWAYS AS (a + 1) STORED);
COPY public . "C ""d" FROM stdin;
1
\\.
INSERT INTO log SELECT b::text FROM "C ""d";
`,
  };

  it('fail at a COPY into a table with rules for INSERT, which COPY would not apply', async () => {
    await withEngine(async (engine, database) => {
      const script = `CREATE TABLE c (a int); CREATE RULE r AS ON INSERT TO c DO INSTEAD NOTHING;
COPY c FROM stdin;
1
\\.
ALTER TABLE c DISABLE RULE r;
COPY c FROM stdin;
2
\\.
`;
      const jobs = await runEach(engine, script);
      assert.deepEqual(
        jobs.map(({ record }) => record.error?.sqlstate),
        [undefined, undefined, '0A000', undefined, undefined],
      );
      assert.equal(await server.psql('TABLE c', { database }), '2');
    });
  });

  for (const [name, script] of Object.entries(SESSIONS)) {
    it(`leave the same database as psql: ${name}`, async () => {
      await server.psql(`DO $$ BEGIN CREATE ROLE script_role; EXCEPTION WHEN duplicate_object THEN NULL; END $$`);
      const set = `CREATE TABLE public.log (a text); GRANT ALL ON SCHEMA public TO script_role; GRANT ALL ON public.log TO script_role;`;
      const reference = (await newDatabase(server, { extension: false })).database!;
      await psqlFile(server, reference, set);
      await psqlFile(server, reference, script);
      await withEngine(async (engine, database) => {
        await psqlFile(server, database, set);
        await runEach(engine, script);
        const rows = (one: string): Promise<string> => server.psql('TABLE public.log', { database: one });
        assert.equal(await rows(database), await rows(reference));
      });
    });
  }
});

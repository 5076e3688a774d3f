import assert from 'node:assert/strict';
import { whyItMayWrite } from '../../../src/core/tools/onlyReads';
import { Random, fuzzSeed } from '../sql/random';

describe('SQL of a language model', () => {
  for (const sql of [
    'SELECT 1',
    '-- a comment\nSELECT * FROM t WHERE a = $$x$$;',
    'WITH q AS (SELECT 1) SELECT * FROM q',
    'VALUES (1), (2)',
    'TABLE t',
    '(SELECT 1) UNION (SELECT 2)',
    'SHOW transaction_read_only',
    "SELECT current_setting('transaction_read_only')",
    'EXPLAIN SELECT 1',
    'EXPLAIN (ANALYZE, BUFFERS) SELECT count(*) FROM t',
    'EXPLAIN ANALYZE VERBOSE SELECT 1',
    'EXPLAIN UPDATE t SET a = 1',
    'EXPLAIN (COSTS off) WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d',
    "SET search_path = app, public; SET LOCAL lock_timeout = '1s'; SELECT * FROM t",
    "SELECT * FROM pg_extension WHERE extname IN ('dblink', 'pg_background')",
    "SELECT * FROM pg_stat_activity WHERE query LIKE '%\\_x%' AND query ~ '\\d+'",
    "SELECT E'it\\'s', x FROM t",
    'SELECT substring(a FOR 3), dblink FROM t',
    "SELECT B'101', X'1F', N'x'",
    '',
  ]) {
    it(`only reads: ${sql}`, () => assert.equal(whyItMayWrite(sql), undefined));
  }

  for (const [sql, command] of [
    ['INSERT INTO t VALUES (1)', 'INSERT'],
    ['SELECT 1; DELETE FROM t', 'DELETE'],
    ['WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d', 'WITH'],
    ['SELECT * INTO n FROM t', 'SELECT'],
    ['(SELECT 1 INTO n)', ''],
    ['EXPLAIN ANALYZE DELETE FROM t', 'EXPLAIN'],
    ['EXPLAIN (ANALYZE true) UPDATE t SET a = 1', 'EXPLAIN'],
    ['EXPLAIN (VERBOSE, ANALYSE) WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d', 'EXPLAIN'],
    ['EXPLAIN EXECUTE p', 'EXPLAIN'],
    ['EXPLAIN CREATE TABLE n AS SELECT 1', 'EXPLAIN'],
    ['SET transaction_read_only = off; SELECT f()', 'SET'],
    ['SET TRANSACTION READ WRITE; SELECT f()', 'SET'],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE', 'SET'],
    ['set default_transaction_read_only to off; select 1', 'SET'],
    ['RESET ALL', 'RESET'],
    ['BEGIN READ WRITE', 'BEGIN'],
    ['DO $$ BEGIN PERFORM 1; END $$', 'DO'],
    ['CALL p()', 'CALL'],
    ["COPY (SELECT 1) TO PROGRAM 'sh'", 'COPY'],
    ['NOTIFY c', 'NOTIFY'],
    ['CREATE TEMP TABLE n (a int)', 'CREATE'],
    ['VACUUM t', 'VACUUM'],
    ['LOCK TABLE t IN SHARE MODE', 'LOCK'],
    ["LOAD 'lib'", 'LOAD'],
    ['EXECUTE p', 'EXECUTE'],
    ['FETCH 1 FROM c', 'FETCH'],
  ] as const) {
    it(`may write: ${sql}`, () => {
      const fault = whyItMayWrite(sql);
      assert.equal(fault?.code, 'tools.writeStatement');
      if (command !== '') assert.deepEqual(fault, { code: 'tools.writeStatement', params: { command } });
    });
  }

  for (const [sql, name] of [
    ["SELECT set_config('transaction_read_only', 'off', true)", 'set_config'],
    ["SELECT pg_catalog . set_config /* x */ ('a', 'b', true)", 'set_config'],
    ["SELECT \"set_config\"('a', 'b', true)", 'set_config'],
    ['SELECT PG_TERMINATE_BACKEND(1)', 'pg_terminate_backend'],
    ['SELECT pg_cancel_backend(pid) FROM pg_stat_activity', 'pg_cancel_backend'],
    ["SELECT * FROM pg_background_launch_v2('DELETE FROM t')", 'pg_background_launch_v2'],
    ["SELECT * FROM dblink('', 'DELETE FROM t') AS t(a text)", 'dblink'],
    ["SELECT public.dblink_exec('', 'DELETE FROM t')", 'dblink_exec'],
    ["SELECT lo_export(1, '/tmp/x')", 'lo_export'],
    ["SELECT nextval('s')", 'nextval'],
    ['SELECT pg_advisory_lock(1)', 'pg_advisory_lock'],
    ['SELECT pg_reload_conf()', 'pg_reload_conf'],
    ['SELECT pg_stat_statements_reset()', 'pg_stat_statements_reset'],
    ["SELECT pg_drop_replication_slot('s')", 'pg_drop_replication_slot'],
    ["SELECT query_to_xml('SELECT 1', true, true, '')", 'query_to_xml'],
    ["SELECT f('SELECT pg_terminate_backend(1)')", 'pg_terminate_backend'],
    ["SELECT f(E'SELECT pg\\x5fterminate_backend(1)')", 'pg_terminate_backend'],
    ['SELECT f($q$SELECT "dblink_exec" (1)$q$)', 'dblink_exec'],
  ] as const) {
    it(`calls a function with other effects: ${sql}`, () => {
      assert.deepEqual(whyItMayWrite(sql), { code: 'tools.writeFunction', params: { name } });
    });
  }

  for (const sql of [
    'SELECT * FROM t FOR UPDATE',
    'TABLE t FOR NO KEY UPDATE',
    'SELECT 1 FROM t for /**/ share SKIP LOCKED',
  ]) {
    it(`locks rows: ${sql}`, () => assert.equal(whyItMayWrite(sql)?.code, 'tools.writeLock'));
  }

  for (const sql of [
    "SELECT 'not closed",
    'SELECT 1 \\gexec',
    'SELECT U&"pg!005fterminate_backend" UESCAPE \'!\' (1)',
    "SELECT f(U&'a!0062' UESCAPE '!')",
    // With standard_conforming_strings off, the DELETE is a statement.
    "SELECT '\\''; DELETE FROM t; --'",
    "SELECT f(E'\\xff')",
  ]) {
    it(`is not certain: ${sql}`, () => assert.equal(whyItMayWrite(sql)?.code, 'tools.writeUnclear'));
  }

  it('is classified without an exception, whatever it is', () => {
    const random = new Random(fuzzSeed());
    const parts =
      'SELECT|EXPLAIN|(|)|\'|E\'|"|U&"|$$|$a$|;|--|/*|\\|FOR|UPDATE|SET|=|dblink|,|\n|WITH|AS|é|\ud800'.split('|');
    for (let n = 0; n < 2000; n++) {
      const text = Array.from({ length: random.below(30) }, () => random.pick(parts)).join(random.pick(['', ' ']));
      assert.doesNotThrow(() => whyItMayWrite(text), JSON.stringify(text));
    }
  });
});

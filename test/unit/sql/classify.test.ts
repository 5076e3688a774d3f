import assert from 'node:assert/strict';
import { classify, type Classification } from '../../../src/core/sql/classify/classify';
import { splitStatements } from '../../../src/core/sql/split/statements';

function classified(sql: string): Classification {
  return classify(sql, { start: 0, end: sql.length });
}

// Kinds, rows and writes of the whole corpus are compared with the parser's nodes in oracle.test.ts.
describe('classify', () => {
  it('reads only the given statement of a text', () => {
    const text = 'DELETE FROM t; SELECT 1; UPDATE t SET a = 1 WHERE b';
    const kinds = splitStatements(text).statements.map((statement) => {
      const { kind, unboundedWrite } = classify(text, statement);
      return [kind, unboundedWrite];
    });
    assert.deepEqual(kinds, [
      ['dml', 'DELETE'],
      ['select', undefined],
      ['dml', undefined],
    ]);
  });

  it('classifies blank texts and comments as empty', () => {
    for (const sql of ['', ' ', '-- a', '/* SELECT */', ' -- a\n']) assert.equal(classified(sql).kind, 'empty', sql);
    assert.equal(classified('(').kind, 'utility');
  });

  it('ignores comments and psql’s meta-commands', () => {
    assert.equal(classified('/* a */ -- b\n SELECT 1').kind, 'select');
    assert.equal(classified('\\echo DELETE\nSELECT 1').kind, 'select');
    assert.equal(classified('UPDATE t -- WHERE\n SET a = 1 /* WHERE */').unboundedWrite, 'UPDATE');
  });

  it('reads keywords in any case, but not in quotes, after a dot, or after AS', () => {
    assert.equal(classified('wItH a aS (sElEcT 1) dElEtE fRoM t').unboundedWrite, 'DELETE');
    assert.equal(classified('SELECT 1 AS into, t.into, "into", \'into\', $$into$$ FROM t').selectLike, true);
    assert.equal(classified('UPDATE t SET a = t.where').unboundedWrite, 'UPDATE');
    assert.equal(classified('INSERT INTO t SELECT 1 AS returning').kind, 'dml');
  });

  it('determines whether a statement returns rows, or whether only the server knows', () => {
    for (const [sql, rows] of [
      ['SELECT 1', true],
      ['EXPLAIN DELETE FROM t WHERE a', true],
      ['SHOW work_mem', true],
      ['FETCH c', true],
      ['WITH a AS (SELECT 1) DELETE FROM t WHERE b RETURNING *', true],
      ['WITH a AS (DELETE FROM t WHERE b RETURNING *) INSERT INTO u SELECT * FROM a', false],
      ['SELECT 1 INTO t', false],
      ['CREATE TABLE t AS SELECT 1', false],
      ['DO $$ BEGIN END $$', false],
      ['CALL p()', 'unknown'],
      ['EXECUTE p', 'unknown'],
      ["WAIT FOR LSN '0/0'", 'unknown'],
      ['1 + 1', 'unknown'],
    ] as const) {
      assert.equal(classified(sql).returnsRows, rows, sql);
    }
  });

  it('rejects in FROM what could break out of it', () => {
    for (const sql of ['SELECT 1) AS q, (SELECT 2', 'SELECT (1', 'SELECT 1)', 'SELECT ((1)']) {
      assert.equal(classified(sql).selectLike, false, sql);
    }
  });

  it('reads long WITH clauses to their main statement', () => {
    const search = 'WITH RECURSIVE a(n, m) AS (SELECT 1, 2) SEARCH DEPTH FIRST BY n, m SET o, b AS (SELECT 1)';
    assert.equal(classified(`${search} SELECT 1`).kind, 'with-select');
    assert.equal(classified(`${search} INSERT INTO t SELECT 1`).kind, 'with-dml');
    const cycle = 'WITH RECURSIVE a(n) AS (SELECT 1) CYCLE n SET c TO true DEFAULT false USING p';
    assert.equal(classified(`${cycle} SELECT 1`).kind, 'with-select');
    assert.equal(classified(`${cycle}, b AS (DELETE FROM t RETURNING *) TABLE b`).unboundedWrite, 'DELETE');
    assert.equal(classified('WITH a').kind, 'with-select');
  });

  it('finds the unbounded write of EXPLAIN ANALYZE, but not of EXPLAIN', () => {
    assert.equal(classified('EXPLAIN ANALYZE VERBOSE UPDATE t SET a = 1').unboundedWrite, 'UPDATE');
    assert.equal(classified('EXPLAIN (ANALYZE on) DELETE FROM t').unboundedWrite, 'DELETE');
    for (const option of ['ANALYZE off', 'ANALYZE 0', 'ANALYZE false', "ANALYZE 'off'", 'VERBOSE']) {
      assert.equal(classified(`EXPLAIN (${option}) DELETE FROM t`).unboundedWrite, undefined, option);
    }
    assert.equal(classified('explain (analyze) delete from t').unboundedWrite, 'DELETE');
    assert.equal(classified('EXPLAIN VERBOSE DELETE FROM t').unboundedWrite, undefined);
  });

  it('names commands that refuse a transaction block like the server', () => {
    // These names are those in the message "… cannot run inside a transaction block" of PostgreSQL 18.
    for (const [sql, command] of [
      ['VACUUM', 'VACUUM'],
      ['VACUUM (ANALYZE) t', 'VACUUM'],
      ['CREATE UNIQUE INDEX /* x */ CONCURRENTLY i ON t (a)', 'CREATE INDEX CONCURRENTLY'],
      ['DROP INDEX CONCURRENTLY IF EXISTS i', 'DROP INDEX CONCURRENTLY'],
      ['REINDEX TABLE CONCURRENTLY t', 'REINDEX CONCURRENTLY'],
      ['REINDEX (VERBOSE, CONCURRENTLY true) SCHEMA s', 'REINDEX CONCURRENTLY'],
      ['REINDEX (VERBOSE) SCHEMA s', 'REINDEX SCHEMA'],
      ['REINDEX DATABASE', 'REINDEX DATABASE'],
      ['REINDEX (CONCURRENTLY off) SYSTEM', 'REINDEX SYSTEM'],
      ['CREATE DATABASE d', 'CREATE DATABASE'],
      ['DROP DATABASE d', 'DROP DATABASE'],
      ['ALTER DATABASE "d;" SET TABLESPACE s', 'ALTER DATABASE SET TABLESPACE'],
      ["CREATE TABLESPACE s LOCATION '/x'", 'CREATE TABLESPACE'],
      ['DROP TABLESPACE s', 'DROP TABLESPACE'],
      ['ALTER SYSTEM SET a = 1', 'ALTER SYSTEM'],
      ['CLUSTER', 'CLUSTER'],
      ['CLUSTER (VERBOSE)', 'CLUSTER'],
      ['DISCARD ALL', 'DISCARD ALL'],
      ['ALTER TABLE t DETACH PARTITION p CONCURRENTLY', 'ALTER TABLE ... DETACH CONCURRENTLY'],
      ["CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", 'CREATE SUBSCRIPTION ... WITH (create_slot = true)'],
      ['ALTER SUBSCRIPTION s REFRESH PUBLICATION', 'ALTER SUBSCRIPTION ... REFRESH'],
      ['ALTER SUBSCRIPTION s DROP PUBLICATION p', 'ALTER SUBSCRIPTION with refresh'],
      ['ALTER SUBSCRIPTION s SET (failover)', 'ALTER SUBSCRIPTION ... SET (failover)'],
      ['ALTER SUBSCRIPTION s SET (two_phase = false)', 'ALTER SUBSCRIPTION ... SET (two_phase)'],
      ['DROP SUBSCRIPTION s', 'DROP SUBSCRIPTION'],
    ] as const) {
      assert.equal(classified(sql).refusesTransactionBlock, command, sql);
    }
  });

  it('accepts commands that run in a transaction block', () => {
    for (const sql of [
      'SELECT 1',
      'ANALYZE',
      'CREATE INDEX "concurrently" ON t (a)',
      'CREATE TABLE vacuum (a int)',
      'DROP INDEX i',
      'REINDEX TABLE t',
      'REINDEX (CONCURRENTLY off) TABLE t',
      'CLUSTER t',
      'CLUSTER VERBOSE t USING i',
      'ALTER DATABASE d SET work_mem = 1',
      'ALTER TABLE t DETACH PARTITION p',
      'ALTER TABLE t DETACH PARTITION p FINALIZE',
      'DISCARD TEMP',
      "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false)",
      "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (slot_name = NONE, create_slot = 0)",
      'ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)',
      'ALTER SUBSCRIPTION s ENABLE',
      'ALTER SUBSCRIPTION s SET (two_phase = true)',
      'REFRESH MATERIALIZED VIEW CONCURRENTLY v',
      "ALTER TYPE e ADD VALUE 'a'",
    ]) {
      assert.equal(classified(sql).refusesTransactionBlock, undefined, sql);
    }
  });
});

import assert from 'node:assert/strict';
import { strongLock } from '../../../src/core/sql/classify/strongLock';

describe('a strong lock', () => {
  const of = (sql: string): string | undefined => strongLock(sql, { start: 0, end: sql.length });

  for (const [sql, command] of [
    ['alter table t add c int', 'ALTER TABLE'],
    ['ALTER TABLE IF EXISTS ONLY s.t DETACH PARTITION p', 'ALTER TABLE'],
    ['ALTER VIEW v RENAME TO w', 'ALTER VIEW'],
    ['ALTER MATERIALIZED VIEW v RENAME TO w', 'ALTER MATERIALIZED VIEW'],
    ['DROP TABLE a, b', 'DROP TABLE'],
    ['DROP /* x */ INDEX i', 'DROP INDEX'],
    ['DROP MATERIALIZED VIEW v', 'DROP MATERIALIZED VIEW'],
    ['DROP SCHEMA s CASCADE', 'DROP SCHEMA'],
    ['TRUNCATE t', 'TRUNCATE'],
    ['LOCK TABLE t', 'LOCK'],
    ['CREATE UNIQUE INDEX ON t (a)', 'CREATE INDEX'],
    ['CREATE INDEX concurrently_named ON t (a)', 'CREATE INDEX'],
    ['REINDEX TABLE t', 'REINDEX'],
    ['REINDEX (CONCURRENTLY off) TABLE t', 'REINDEX'],
    ['REFRESH MATERIALIZED VIEW v', 'REFRESH MATERIALIZED VIEW'],
    ['VACUUM FULL t', 'VACUUM FULL'],
    ['VACUUM (ANALYZE, FULL) t', 'VACUUM FULL'],
    ['CLUSTER t USING i', 'CLUSTER'],
  ] as const) {
    it(`is taken by ${sql}`, () => assert.equal(of(sql), command));
  }

  for (const sql of [
    'SELECT 1',
    'ALTER TABLE t DETACH PARTITION p CONCURRENTLY',
    'ALTER ROLE r SET lock_timeout = 1',
    'DROP INDEX CONCURRENTLY i',
    'DROP ROLE r',
    'CREATE INDEX CONCURRENTLY ON t (a)',
    'CREATE TABLE t (a int)',
    'REINDEX (VERBOSE, CONCURRENTLY) TABLE t',
    'REINDEX INDEX CONCURRENTLY i',
    'REFRESH MATERIALIZED VIEW CONCURRENTLY v',
    'VACUUM t',
    'VACUUM (FULL false) t',
    "UPDATE t SET a = 'DROP TABLE t'",
    '',
  ]) {
    it(`is not taken by ${sql === '' ? 'nothing' : sql}`, () => assert.equal(of(sql), undefined));
  }
});

import assert from 'node:assert/strict';
import { explainedStatement, explainText, type ExplainMode } from '../../../src/core/sql/explain/explainText';

function textOf(sql: string, mode: ExplainMode = 'plan'): { sql: string; sourceOffset: (offset: number) => number } {
  const found = explainedStatement(sql);
  if ('code' in found) throw new Error(found.code);
  return explainText(sql, found, mode);
}

describe('Explain', () => {
  it('puts EXPLAIN before the last statement, after what it needs', () => {
    const explained = textOf('SET ROLE bob;\n-- label: x\nSELECT 1');
    assert.equal(explained.sql, 'SET ROLE bob;\n-- label: x\nEXPLAIN (FORMAT JSON, SETTINGS) SELECT 1');
    assert.match(textOf('SELECT 1', 'keep').sql, /^EXPLAIN \(FORMAT JSON, ANALYZE, BUFFERS, SETTINGS\) SELECT 1$/);
  });

  it('maps the positions of errors to the statement in the editor', () => {
    const sql = 'SET ROLE bob; EXPLAIN ANALYZE SELECT nosuch';
    const explained = textOf(sql);
    assert.equal(explained.sourceOffset(explained.sql.indexOf('nosuch')), sql.indexOf('nosuch'));
    assert.equal(explained.sourceOffset(3), 3);
    assert.equal(explained.sourceOffset(explained.sql.indexOf('FORMAT')), sql.indexOf('SELECT'));
  });

  it('replaces an EXPLAIN of the statement’s own, so that an ANALYZE in it runs nothing', () => {
    for (const own of [
      'EXPLAIN',
      'EXPLAIN ANALYZE VERBOSE',
      'EXPLAIN (ANALYZE, FORMAT XML)',
      'explain (costs off)',
      'EXPLAIN VERBOSE',
    ]) {
      assert.equal(textOf(`${own} DELETE FROM t`).sql, 'EXPLAIN (FORMAT JSON, SETTINGS) DELETE FROM t', own);
    }
    assert.equal(textOf('EXPLAIN (SELECT 1)').sql, 'EXPLAIN (FORMAT JSON, SETTINGS) (SELECT 1)');
  });

  it('knows what writes', () => {
    const writes = (sql: string): boolean | string => {
      const found = explainedStatement(sql);
      return 'code' in found ? found.code : found.writes;
    };
    for (const sql of [
      'SELECT 1',
      '(SELECT 1) UNION SELECT 2',
      'VALUES (1)',
      'TABLE t',
      'WITH a AS (SELECT 1) SELECT * FROM a',
      'DECLARE c CURSOR FOR SELECT 1',
    ])
      assert.equal(writes(sql), false, sql);
    for (const sql of [
      'INSERT INTO t VALUES (1)',
      'UPDATE t SET a = 1',
      'DELETE FROM t',
      'MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE',
      'WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d',
      'SELECT * INTO n FROM t',
      'CREATE TABLE n AS SELECT 1',
      'CREATE TEMP TABLE IF NOT EXISTS n (a) WITH (fillfactor = 10) AS TABLE t',
      'CREATE UNLOGGED TABLE n AS VALUES (1)',
      'CREATE MATERIALIZED VIEW v AS SELECT 1',
    ])
      assert.equal(writes(sql), true, sql);
  });

  it('refuses statements without a plan', () => {
    const refused = (sql: string): unknown => {
      const found = explainedStatement(sql);
      return 'code' in found && [found.code, found.params];
    };
    assert.deepEqual(refused('CREATE TABLE t (a int)'), ['explain.noPlan', { command: 'CREATE TABLE' }]);
    assert.deepEqual(refused('ALTER TABLE t ADD a int'), ['explain.noPlan', { command: 'ALTER TABLE' }]);
    assert.deepEqual(refused('CREATE VIEW v AS SELECT 1'), ['explain.noPlan', { command: 'CREATE VIEW' }]);
    assert.deepEqual(refused('VACUUM t'), ['explain.noPlan', { command: 'VACUUM' }]);
    assert.deepEqual(refused('CALL p()'), ['explain.noPlan', { command: 'CALL' }]);
    assert.deepEqual(refused('EXECUTE p'), ['explain.prepared', { command: 'EXECUTE' }]);
    assert.deepEqual(refused('REFRESH MATERIALIZED VIEW v'), [
      'explain.refresh',
      { command: 'REFRESH MATERIALIZED VIEW' },
    ]);
    assert.deepEqual(refused('-- nothing'), ['explain.severalStatements', { count: 0 }]);
  });

  it('quotes the statement that is rolled back with tags that it does not contain', () => {
    const { sql } = textOf('UPDATE t SET a = $sql$ $explain$ $sql$', 'rollBack');
    assert.match(sql, /EXECUTE \$sql_1\$EXPLAIN .* UPDATE t SET a = \$sql\$ \$explain\$ \$sql\$\n\$sql_1\$ INTO plan/);
    assert.match(sql, /^DO LANGUAGE plpgsql \$explain_1\$\n/);
  });
});

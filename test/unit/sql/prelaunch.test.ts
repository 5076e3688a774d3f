import assert from 'node:assert/strict';
import { checkBeforeLaunch } from '../../../src/core/sql/classify/prelaunch';

/** The severity, code, and text of each finding. */
function findings(text: string): [string, string, string][] {
  return checkBeforeLaunch(text).map(({ severity, code, span }) => [
    severity,
    code.replace(/^sql\./, ''),
    text.slice(span.start, span.end),
  ]);
}

describe('checkBeforeLaunch', () => {
  it('finds nothing in texts that work in a worker', () => {
    for (const text of [
      'SELECT 1',
      'CREATE TABLE t (a int); INSERT INTO t VALUES (1); SELECT * FROM t;',
      'UPDATE t SET a = 1 WHERE b; DELETE FROM t USING u WHERE t.a = u.a',
      'VACUUM',
      'CREATE INDEX CONCURRENTLY ON t (a); -- alone, with a comment',
      "COPY t FROM '/srv/t.csv'",
      'DO $$ BEGIN COMMIT; END $$',
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END',
    ]) {
      assert.deepEqual(checkBeforeLaunch(text), [], text);
    }
  });

  it('refuses texts without a statement, which would "succeed" without a tag', () => {
    for (const text of ['', ' \n', ';', '-- SELECT 1', '/* x */ ;', '\ufeff']) {
      assert.deepEqual(findings(text), [['error', 'empty', text]], JSON.stringify(text));
    }
  });

  it('refuses NUL and reports its offset', () => {
    assert.deepEqual(findings("SELECT 'a\0b'"), [['error', 'nulCharacter', '\0']]);
    assert.deepEqual(findings('\0SELECT 1'), [['error', 'nulCharacter', '\0']]);
  });

  it('refuses texts above the server’s limit in bytes of UTF-8', () => {
    assert.equal(checkBeforeLaunch(`SELECT '${'é'.repeat(10)}'`, undefined, 29)[0]?.code, undefined);
    assert.equal(checkBeforeLaunch(`SELECT '${'é'.repeat(10)}'`, undefined, 28)[0]?.code, 'sql.tooLong');
    assert.equal(checkBeforeLaunch('SELECT 1', undefined, 8).length, 0);
    assert.equal(checkBeforeLaunch('SELECT 1', undefined, 7)[0]?.code, 'sql.tooLong');
  });

  it('checks 100 MB in linear time', function () {
    this.timeout(60_000);
    const began = performance.now();
    assert.deepEqual(checkBeforeLaunch(`SELECT '${'x'.repeat(100_000_000)}'`), []);
    assert.ok(performance.now() - began < 20_000, `${performance.now() - began} ms`);
  });

  it('refuses transaction control and reports the command', () => {
    for (const sql of [
      'BEGIN',
      'commit',
      'START TRANSACTION',
      'ROLLBACK TO a',
      "PREPARE TRANSACTION 'x'",
      'SAVEPOINT a',
      'END',
    ]) {
      assert.deepEqual(findings(`SELECT 1 FROM t WHERE a; ${sql};`).at(-1), ['error', 'transactionControl', sql]);
    }
    assert.deepEqual(checkBeforeLaunch('commit')[0]!.params, { command: 'COMMIT' });
  });

  it('refuses COPY with the client and its data', () => {
    assert.deepEqual(findings('COPY t TO STDOUT'), [['error', 'clientCopy', 'COPY t TO STDOUT']]);
    assert.deepEqual(findings('COPY t FROM STDIN;\n1\n\\.\n'), [
      ['error', 'clientCopy', 'COPY t FROM STDIN'],
      ['error', 'copyData', '1\n\\.'],
    ]);
  });

  it('refuses a statement that must run alone if there are others', () => {
    assert.deepEqual(findings('VACUUM t; ANALYZE t'), [['error', 'refusesTransactionBlock', 'VACUUM t']]);
    assert.deepEqual(findings('SELECT a(); CREATE INDEX CONCURRENTLY ON t (a)').slice(1), [
      ['error', 'refusesTransactionBlock', 'CREATE INDEX CONCURRENTLY ON t (a)'],
    ]);
    assert.deepEqual(
      findings('SET a = 1; CREATE INDEX CONCURRENTLY ON t (a)'),
      [],
      'a setting is applied with the launch',
    );
    assert.deepEqual(checkBeforeLaunch('VACUUM; ANALYZE')[0]!.params, { command: 'VACUUM' });
  });

  it('refuses LISTEN, which background processes may not use', () => {
    assert.deepEqual(findings('NOTIFY x; LISTEN x; UNLISTEN *'), [['error', 'listen', 'LISTEN x']]);
  });

  it('refuses LOCK and DECLARE alone, because they end with the transaction', () => {
    for (const sql of [
      'LOCK TABLE t',
      'DECLARE c CURSOR FOR SELECT 1',
      'DECLARE c SCROLL CURSOR WITHOUT HOLD FOR TABLE t',
    ]) {
      assert.deepEqual(findings(sql), [['error', 'needsOtherStatements', sql]]);
      assert.deepEqual(findings(`${sql}; SELECT 1`), []);
    }
    assert.deepEqual(findings('DECLARE c CURSOR WITH HOLD FOR SELECT 1 FOR UPDATE'), []);
  });

  it('refuses psql’s meta-commands', () => {
    assert.deepEqual(findings('\\set x 1\nSELECT 1 \\gset'), [
      ['error', 'metaCommand', '\\set x 1'],
      ['error', 'metaCommand', '\\gset'],
    ]);
    assert.deepEqual(findings('\\q'), [['error', 'metaCommand', '\\q']]);
  });

  it('refuses unclosed strings, names, comments, parentheses, and bodies', () => {
    assert.deepEqual(findings("SELECT 1; SELECT 'a"), [
      ['info', 'onlyLastRows', 'SELECT 1'],
      ['error', 'unterminatedString', "'a"],
    ]);
    assert.deepEqual(findings('SELECT "a'), [['error', 'unterminatedName', '"a']]);
    assert.deepEqual(findings('DO $$ BEGIN'), [['error', 'unterminatedDollarQuote', '$$ BEGIN']]);
    assert.deepEqual(findings('/* SELECT 1'), [['error', 'unterminatedComment', '/* SELECT 1']]);
    assert.deepEqual(findings('SELECT (1'), [['error', 'unclosedParenthesis', '(']]);
    assert.equal(findings('CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;')[0]![1], 'unclosedBody');
  });

  it('confirms a write without WHERE, also in WITH and EXPLAIN ANALYZE', () => {
    assert.deepEqual(findings('UPDATE t SET a = (SELECT 1 WHERE b)'), [
      ['confirm', 'unboundedWrite', 'UPDATE t SET a = (SELECT 1 WHERE b)'],
    ]);
    assert.deepEqual(checkBeforeLaunch('WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d')[0]!.params, {
      command: 'DELETE',
    });
    assert.equal(checkBeforeLaunch('EXPLAIN ANALYZE DELETE FROM t')[0]!.code, 'sql.unboundedWrite');
  });

  it('reports once that only the rows of the last statement are returned', () => {
    assert.deepEqual(findings('SELECT 1; SELECT 2; SELECT 3'), [['info', 'onlyLastRows', 'SELECT 1']]);
    assert.deepEqual(findings('SET a = 1; SELECT 1'), []);
  });

  it('sorts findings by their offset', () => {
    assert.deepEqual(
      checkBeforeLaunch('DELETE FROM t; BEGIN; \\x\nVACUUM; COPY t TO STDOUT').map(({ code }) => code),
      [
        'sql.unboundedWrite',
        'sql.transactionControl',
        'sql.metaCommand',
        'sql.refusesTransactionBlock',
        'sql.clientCopy',
      ],
    );
  });
});

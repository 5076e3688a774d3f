import assert from 'node:assert/strict';
import { normalizedSql, sqlFingerprint } from '../../../src/core/sql/normalizedSql';

describe('normalized SQL', () => {
  it('is equal for texts that differ only in literals, spacing, comments, and case', () => {
    const texts = [
      "SELECT a FROM t WHERE b = 1 AND c = 'x';",
      "select A\n  from T -- comment\n where b = 23.5 and /* x */ c = E'y\\'z'",
      'Select a From t Where b = $1 And c = $$z$$ ; ;',
    ];
    const [first = '', ...others] = texts.map(sqlFingerprint);
    for (const other of others) assert.equal(other, first);
  });

  it('treats lists of literals as one', () => {
    assert.equal(normalizedSql('SELECT 1 WHERE x IN (1, 2, 3)'), normalizedSql('SELECT 1 WHERE x IN (4)'));
    assert.notEqual(normalizedSql('SELECT f(1, a)'), normalizedSql('SELECT f(1)'));
  });

  it('differs for other names, quoted names in another case, and other operators', () => {
    const base = sqlFingerprint('SELECT a FROM t');
    for (const other of ['SELECT b FROM t', 'SELECT "A" FROM t', 'SELECT a + 1 FROM t', 'SELECT a FROM t2']) {
      assert.notEqual(sqlFingerprint(other), base, other);
    }
  });

  it('reads only the beginning of huge texts', () => {
    const huge = `SELECT 'x' ${'+ 1 '.repeat(1_000_000)}`;
    assert.ok(normalizedSql(huge).length < 250_000);
    assert.notEqual(sqlFingerprint(huge), sqlFingerprint(`${huge} + 1`));
  });
});

import assert from 'node:assert/strict';
import { stripPsqlCommands } from '../../../src/core/sql/psql/stripPsqlCommands';
import { splitStatements } from '../../../src/core/sql/split/statements';

/** The text without the removed commands, and the refused commands. */
function skip(text: string): { text: string; skipped: number; refused: string[] } {
  const result = stripPsqlCommands(text);
  assert.equal(result.text.length, text.length, 'offsets do not change');
  return { ...result, refused: result.refused.map(({ start, end }) => text.slice(start, end)) };
}

describe('stripPsqlCommands', () => {
  it('removes commands that only display or configure', () => {
    for (const command of [
      '\\set ON_ERROR_STOP on',
      '\\timing',
      '\\pset pager off',
      '\\echo done; all of it',
      '\\restrict x1Y2',
      '\\unrestrict x1Y2',
      '\\dt+ public.*',
      '\\dS',
      '\\l+',
      '\\sf+ f',
      '\\zSx',
      '\\x',
      '\\?',
      '\\o /tmp/out',
    ]) {
      const { text, skipped, refused } = skip(`${command}\nSELECT 1;\n`);
      assert.deepEqual([text.trim(), skipped, refused], ['SELECT 1;', 1, []], command);
    }
  });

  it('refuses commands whose removal would change the meaning', () => {
    for (const command of [
      '\\connect other',
      '\\c other',
      '\\i more.sql',
      '\\ir more.sql',
      '\\include_relative x',
      '\\if true',
      '\\else',
      '\\endif',
      '\\copy t from x.csv',
      '\\! rm x',
      '\\q',
      '\\r',
      '\\password',
      '\\nosuch',
      '\\',
      '\\lo_import x',
      '\\watch 5',
    ]) {
      const text = `SELECT 1;\n${command}\nSELECT 2;\n`;
      assert.deepEqual(skip(text), { text, skipped: 0, refused: [command] }, command);
    }
    assert.deepEqual(skip('SELECT 1 \\gset x_\nSELECT 2 \\gexec\nSELECT 3 \\gdesc\n').refused, [
      '\\gset x_',
      '\\gexec',
      '\\gdesc',
    ]);
  });

  it('replaces a command that sends a statement by a semicolon', () => {
    assert.equal(
      skip('SELECT 1 \\g\nSELECT 2 \\gx out.txt\nSELECT 3\\;SELECT 4').text,
      'SELECT 1 ; \nSELECT 2 ;          \nSELECT 3 ;SELECT 4',
    );
  });

  it('handles several commands on a line and two backslashes after one', () => {
    assert.equal(skip('\\x\\t on \\\\ SELECT 1; \\x').text.trim(), 'SELECT 1;');
    assert.equal(skip('\\x\\t on \\\\ SELECT 1; \\x').skipped, 3);
  });

  it('does not change statements, strings, and comments', () => {
    for (const text of ["SELECT '\\x'; -- \\x\n/* \\x */", 'SELECT 1 \\echo x\n + 2;', 'SELECT $$\\x$$;']) {
      assert.deepEqual(skip(text), { text, skipped: 0, refused: [] });
    }
  });

  it('keeps the offsets of statements', () => {
    const text = "\\set x 'a;b'\n-- label: one\nSELECT 1 \\g\n\\echo two; three\nSELECT '💥;' \\gx\n\\dt\nSELECT 3;";
    const spans = (sql: string): number[][] => splitStatements(sql).statements.map(({ start, end }) => [start, end]);
    const { text: left } = stripPsqlCommands(text);
    assert.deepEqual(spans(left), spans(text));
    assert.deepEqual(splitStatements(left).problems, []);
  });

  it('takes time linear in the commands', () => {
    const began = performance.now();
    assert.equal(stripPsqlCommands('\\echo x\nSELECT 1;\n'.repeat(100_000)).skipped, 100_000);
    assert.ok(performance.now() - began < 10_000, `${performance.now() - began} ms`);
  });
});

import assert from 'node:assert/strict';
import { labelFor } from '../../../src/core/sql/directives';
import { excerptOf } from '../../../src/core/sql/labels';
import { Lexer, Token } from '../../../src/core/sql/lexer/lexer';
import { shapeOf } from '../../../src/core/sql/classify/statementShape';
import { CORPUS } from './corpus';
import { fuzzSeed, Random } from './random';

describe('automatic labels', () => {
  it('name the command and its objects', () => {
    for (const [sql, label] of [
      ["SELECT id, customer, total FROM orders WHERE token = 'tok_live_9f8e'", 'SELECT … FROM orders WHERE token = …'],
      ['SELECT * FROM t LIMIT 10', 'SELECT * FROM t LIMIT …'],
      ["SELECT pg_sleep(8), 'slow' AS word", 'SELECT pg_sleep(…), … AS word'],
      ["INSERT INTO app.log (at, what) VALUES (now(), 'x'), (now(), 'y')", 'INSERT INTO app.log VALUES …'],
      ['INSERT INTO a SELECT b FROM c', 'INSERT INTO a SELECT b FROM c'],
      [
        "UPDATE users SET hash = crypt('pw', gen_salt('bf')) WHERE id = 7",
        'UPDATE users SET hash = crypt(…, gen_salt(…)) WHERE id = …',
      ],
      ['DELETE FROM t WHERE id IN (1, 2, -3)', 'DELETE FROM t WHERE id IN (…)'],
      ['CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL)', 'CREATE TABLE t (…)'],
      ['CREATE INDEX CONCURRENTLY i ON t (a)', 'CREATE INDEX CONCURRENTLY i ON t (a)'],
      ['WITH a AS (SELECT 1) SELECT x FROM a', 'WITH a AS (…) SELECT x FROM a'],
      ["SET statement_timeout = '5s'; REFRESH MATERIALIZED VIEW sales", 'REFRESH MATERIALIZED VIEW sales'],
      ['SET work_mem = 5', 'SET work_mem = …'],
      ['VACUUM (ANALYZE) "Big Table"', 'VACUUM (ANALYZE) "Big Table"'],
      ["DO $$ BEGIN PERFORM f('x'); END $$", 'DO …'],
      ['SELECT :who AS who, $1 AS n', 'SELECT :who AS who, $1 AS n'],
    ] as const) {
      assert.equal(labelFor(sql), label);
    }
  });

  it('contain no literals', () => {
    for (const sql of [
      "CREATE ROLE r PASSWORD 'hunter2'",
      "ALTER USER r WITH ENCRYPTED PASSWORD E'hunter2'",
      "CREATE USER MAPPING FOR r SERVER s OPTIONS (user 'a', password 'hunter2')",
      "SELECT dblink('host=a password=hunter2', 'SELECT 1')",
      "CREATE SUBSCRIPTION s CONNECTION 'host=a password=hunter2' PUBLICATION p",
      "SELECT login(password => 'hunter2')",
      'ALTER ROLE r PASSWORD $$hunter2$$',
      "ALTER ROLE r PASSWORD U&'hunter2'",
      'ALTER ROLE r PASSWORD "hunter2"',
      'SELECT * FROM t WHERE token = "hunter2"',
      'SELECT 1 -- hunter2',
      'SELECT /* hunter2 */ 1',
      'SET app.token = hunter2',
      'SET SESSION app.token TO hunter2',
      'ALTER DATABASE d SET app.token TO hunter2',
      'COPY t FROM STDIN;\nhunter2\n\\.\n',
      '\\set token hunter2\nSELECT 1',
      "\\copy t from program 'curl hunter2'\nSELECT 1",
      "SELECT 'hunter2",
      'SELECT $a$hunter2',
      "SELECT 'a'\n'hunter2'",
      "SELECT E'\\'hunter2'",
      `SELECT ${'x'.repeat(100)}hunter2`,
      "NOTIFY c, 'hunter2'",
      "SELECT ((('hunter2')))",
    ]) {
      assert.ok(!labelFor(sql).includes('hunter2'), labelFor(sql));
    }
    for (const sql of ['SELECT 4711', 'SELECT -4711.5e3', 'SELECT 0x4711', 'SELECT 47_11, 4711', 'LIMIT 4711']) {
      assert.ok(!/\d/.test(labelFor(sql)), labelFor(sql));
    }
  });

  it('do not depend on the literals of a statement', () => {
    const random = new Random(fuzzSeed());
    for (const sql of CORPUS) {
      for (let round = 0; round < 5; round++) {
        const other = withOtherLiterals(sql, random);
        assert.equal(labelFor(other), labelFor(sql), `${JSON.stringify(sql)} ${JSON.stringify(other)}`);
      }
    }
  });

  it('contain nothing of any literal in the corpus', () => {
    let checked = 0;
    for (const sql of CORPUS) {
      const label = labelFor(sql);
      const { literals, code } = contentsOf(sql);
      for (const content of literals) {
        // A name in the statement may have the same text.
        if (content.length < 3 || code.includes(content)) continue;
        assert.ok(!label.includes(content), `${JSON.stringify(sql)}: ${label}`);
        checked++;
      }
    }
    assert.ok(checked > 100, String(checked));
  });

  it('are made for deeply nested and unclosed texts', () => {
    for (const sql of [
      '('.repeat(50_000),
      'WITH a AS ('.repeat(5000),
      '[{'.repeat(20_000),
      'SELECT (((1',
      ')))',
      "E'",
    ]) {
      assert.ok(shapeOf(sql).length < 200_000);
      assert.ok(Buffer.byteLength(labelFor(sql)) <= 64);
    }
  });

  it('differ from excerpts, which show literals to the author', () => {
    assert.equal(excerptOf('DELETE FROM t -- all\n;'), 'DELETE FROM t');
    assert.equal(excerptOf("UPDATE t SET a = 'x'"), "UPDATE t SET a = 'x'");
    assert.equal(excerptOf("UPDATE t SET password = 'x'"), "UPDATE t SET password = '…'");
  });
});

const LITERALS: ReadonlySet<Token> = new Set([Token.String, Token.DollarString, Token.Number]);

/** The statement with other strings and numbers of the same kind. */
function withOtherLiterals(sql: string, random: Random): string {
  let result = '';
  let from = 0;
  const lexer = new Lexer(sql);
  for (let kind = lexer.next(); kind !== Token.End; kind = lexer.next()) {
    if (!LITERALS.has(kind)) continue;
    const other = String(1000 + random.below(9_000_000));
    result += sql.slice(from, lexer.start);
    if (kind === Token.Number) result += other;
    else if (kind === Token.DollarString) result += `$x$${other}$x$`;
    else result += `'${other}'`;
    // Adjacent strings stay two tokens, and a word after a string stays a separate token.
    from = lexer.end;
    if (/^[\w$']/.test(sql.slice(from, from + 1))) result += ' ';
  }
  return result + sql.slice(from);
}

function contentsOf(sql: string): { readonly literals: readonly string[]; readonly code: string } {
  const literals: string[] = [];
  let code = '';
  const lexer = new Lexer(sql);
  for (let kind = lexer.next(); kind !== Token.End; kind = lexer.next()) {
    const text = lexer.slice();
    if (kind === Token.Number) literals.push(text);
    else if (kind === Token.String) literals.push(text.replace(/^(?:[ebxn]|u&)?'/i, '').slice(0, -1));
    else if (kind === Token.DollarString) literals.push(text.replace(/^\$[^$]*\$/, '').replace(/\$[^$]*\$$/, ''));
    else if (kind === Token.LineComment || kind === Token.BlockComment) literals.push(text);
    else code += ` ${text}`;
  }
  return { literals, code };
}

import assert from 'node:assert/strict';
import { ValueError } from '../../../src/core/sql/faults';
import { findParameters, substituteParameters, type ParameterValue } from '../../../src/core/sql/parameters';
import { splitStatements } from '../../../src/core/sql/split/statements';
import { CORPUS } from './corpus';
import { loadOracle, oracleStatements } from './oracle';
import { Random, fuzzSeed } from './random';

/** The uses as written. */
function uses(text: string): string[] {
  return findParameters(text).map(({ start, end }) => text.slice(start, end));
}

function substituted(text: string, values: Record<string, ParameterValue>): string {
  return substituteParameters(text, new Map(Object.entries(values))).text;
}

describe('findParameters', () => {
  it('finds psql’s three forms and numbered parameters with name, form, and span', () => {
    assert.deepEqual(findParameters("SELECT :a, :'b c', :'b', :\"C_1\", $12, :é"), [
      { name: 'a', form: 'plain', start: 7, end: 9 },
      { name: 'b', form: 'literal', start: 19, end: 23 },
      { name: 'C_1', form: 'identifier', start: 25, end: 31 },
      { name: '$12', form: 'positional', start: 33, end: 36 },
      { name: 'é', form: 'plain', start: 38, end: 40 },
    ]);
  });

  it('finds variables next to operators, casts, and keywords, as psql does', () => {
    assert.deepEqual(uses('SELECT 1+:a-:b, :c::int, x=:d, (:e), ARRAY[:f, [:g]], :::h'), [
      ':a',
      ':b',
      ':c',
      ':d',
      ':e',
      ':f',
      ':g',
      ':h',
    ]);
    assert.deepEqual(uses('SELECT date :\'d\', interval:\'i\' FROM :"s".:"t" LIMIT :n OFFSET $1;'), [
      ":'d'",
      ":'i'",
      ':"s"',
      ':"t"',
      ':n',
      '$1',
    ]);
    assert.deepEqual(uses('SELECT a[:i], a[:i:3], f(x => :v)'), [':i', ':i', ':v']);
  });

  it('ignores strings, quoted names, comments, and dollar quotes', () => {
    assert.deepEqual(uses("SELECT ':a', E'\\':a', \":b\", $$:c $1$$, $x$ :d $x$ -- :e $1\n /* :f /* $2 */ */"), []);
  });

  it('ignores colons and dollars that have a meaning to the server', () => {
    assert.deepEqual(
      uses("SELECT a::b, f(c:=d), a[1:2], a[1:n], a[i:j], a[:2], a[1:], '{1}'::int[], a[f(1):n], a[b[1]:c]"),
      [],
    );
    assert.deepEqual(uses("SELECT JSON_OBJECT('k':v, k:w, 'l' : x), json_objectagg('k':v), a$1, x$a"), []);
    assert.deepEqual(uses('SELECT : a, :, :1a, :\'a b\', :"", $1a, $a'), []);
  });

  it('finds variables as values in JSON_OBJECT', () => {
    assert.deepEqual(uses("SELECT JSON_OBJECT('a': :b, :c:d, 'e' VALUE :f, 'g'::text::text: f(:h))"), [
      ':b',
      ':c',
      ':f',
      ':h',
    ]);
  });

  it('ignores $1 in routines, PREPARE, and EXPLAIN (GENERIC_PLAN), but finds it elsewhere in the same text', () => {
    const text = [
      'CREATE OR REPLACE FUNCTION f(int) RETURNS int BEGIN ATOMIC SELECT $1; SELECT $1 + :a; END;',
      'CREATE PROCEDURE p(int) BEGIN ATOMIC DELETE FROM t WHERE a = $1; END;',
      'PREPARE q AS SELECT $1;',
      'EXPLAIN (COSTS off, GENERIC_PLAN) SELECT $1;',
      'EXPLAIN (COSTS off) SELECT $2; EXPLAIN SELECT $3;',
      'CREATE TABLE t AS SELECT $4',
    ].join('\n');
    assert.deepEqual(uses(text), [':a', '$2', '$3', '$4']);
  });

  it('skips psql’s meta-commands and COPY data', () => {
    const copy = "COPY t FROM stdin;\n:d $1 '\n\\.\n";
    assert.deepEqual(uses(`\\set a :b\nSELECT :c; ${copy}SELECT :e;${copy}SELECT :f`), [':c', ':e', ':f']);
  });

  it('finds only numbered parameters in the corpus', () => {
    for (const sql of CORPUS) {
      const own = /^(PREPARE|EXPLAIN \(GEN)/.test(sql);
      const expected = /^SELECT [^$]*\$\d/.test(sql) && !own && !/[a-zé_]\$/i.test(sql) ? sql.match(/\$\d+/g) : [];
      assert.deepEqual(uses(sql), expected, sql);
    }
  });
});

describe('substituteParameters', () => {
  before(loadOracle);

  it('quotes values according to the form of the use', () => {
    assert.equal(
      substituted('SELECT :a, :\'a\', :"a", $1, :n', { a: 'it\'s "\\', $1: 'x;', n: null }),
      `SELECT E'it''s "\\\\', E'it''s "\\\\', "it's ""\\", 'x;', NULL`,
    );
  });

  it('writes numbers without quotes, and in parentheses if they have a sign', () => {
    assert.equal(
      substituted('SELECT :a, 1 -:b, $1', { a: { number: '1.50' }, b: { number: '-5' }, $1: { number: ' 1e3 ' } }),
      'SELECT 1.50, 1 -(-5), 1e3',
    );
    assert.equal(substituted("SELECT :'a'", { a: { number: '5' } }), "SELECT '5'");
    for (const number of ['', '1;', '1 OR 1', "1'", '--1', 'NaN', '0x1', '1e', '1_0']) {
      assert.throws(() => substituted('SELECT :a', { a: { number } }), /value\.notANumber/, number);
    }
  });

  it('refuses NULL and an empty text as a name, and NUL anywhere', () => {
    assert.throws(() => substituted('TABLE :"a"', { a: null }), /value\.nameRequired/);
    assert.throws(() => substituted('TABLE :"a"', { a: '' }), /value\.nameRequired/);
    assert.throws(() => substituted('SELECT :a', { a: '\0' }), ValueError);
  });

  it('adds no separator if nothing can join', () => {
    assert.equal(substituted("SELECT :a || 'b', (:a)", { a: 'x' }), "SELECT 'x' || 'b', ('x')");
  });

  it('keeps variables without a value', () => {
    assert.equal(substituted('SELECT :a, :b', { b: 'x' }), "SELECT :a, 'x'");
    assert.equal(substituted('SELECT 1', { b: 'x' }), 'SELECT 1');
    assert.equal(substituted('', {}), '');
  });

  it('separates a value from adjacent tokens', () => {
    assert.equal(substituted('SELECT e:a', { a: "\\'" }), "SELECT e E'\\\\'''");
    assert.equal(substituted("SELECT U&:'a'", { a: '\\0041' }), "SELECT U& E'\\\\0041'");
    assert.equal(substituted("SELECT :a'b'", { a: 'x' }), "SELECT 'x'/**/'b'");
    assert.equal(substituted("SELECT 'b':a", { a: 'x' }), "SELECT 'b'/**/'x'");
    assert.equal(substituted('SELECT :"a""b"', { a: 'x' }), 'SELECT "x" "b"');
    assert.equal(substituted('SELECT 1:a', { a: { number: '2' } }), 'SELECT 1 2');
    assert.equal(substituted('SELECT :a::text, a.:"b".c', { a: 'x', b: 'y' }), `SELECT 'x'::text, a. "y" .c`);
  });

  it('prevents two strings on two lines from joining', () => {
    assert.equal(substituted("SELECT :a\n:b\n'c'", { a: '\\', b: 'x' }), "SELECT E'\\\\'/**/\n/**/'x'/**/\n'c'");
    assert.equal(substituted("SELECT E'a'\n:b", { b: 'x' }), "SELECT E'a'\n/**/'x'");
  });

  it('maps offsets of the result to the source', () => {
    const source = 'SELECT :a, é, :b FROM t';
    const { text, sourceOffset } = substituteParameters(
      source,
      new Map<string, ParameterValue>([
        ['a', 'long value'],
        ['b', { number: '1' }],
      ]),
    );
    assert.equal(text, "SELECT 'long value', é, 1 FROM t");
    assert.equal(sourceOffset(0), 0);
    assert.equal(sourceOffset(text.indexOf('value')), source.indexOf(':a'));
    assert.equal(sourceOffset(text.indexOf('é')), source.indexOf('é'));
    assert.equal(sourceOffset(text.indexOf('1')), source.indexOf(':b'));
    assert.equal(sourceOffset(text.indexOf('FROM')), source.indexOf('FROM'));
    assert.equal(sourceOffset(text.length), source.length);
    assert.equal(substituteParameters('', new Map()).sourceOffset(0), 0);
  });

  it('keeps every value one value, without changing statements or structure', () => {
    const random = new Random(fuzzSeed());
    const nasty = ["'", '\\', '"', ';', '--', '/*', '*/', '$$', '\n', ')', ':a', '$1', 'x', ' ', "E'", '🐘'];
    const template = 'SELECT :\'a\', f(:b, $1) AS :"c" FROM :"d".t WHERE x = :b AND y <> $1;SELECT \'after\'';
    const plain = shapeOf(substituted(template, { a: 'a', b: 'b', c: 'c', d: 'd', $1: '1' }));
    for (let round = 0; round < 200; round++) {
      const value = (): string => Array.from({ length: 1 + random.below(6) }, () => random.pick(nasty)).join('');
      const values = { a: value(), b: value(), c: value(), d: value(), $1: value() };
      const text = substituted(template, values);
      assert.equal(splitStatements(text).statements.length, 2, text);
      assert.equal(shapeOf(text), plain, text);
      const tree = JSON.stringify(oracleStatements(text)![0]!.tree);
      for (const expected of Object.values(values))
        assert.ok(tree.includes(JSON.stringify(expected)), `${expected} in ${text}`);
    }
  });
});

/** The parse tree without values and positions. */
function shapeOf(text: string): string {
  return JSON.stringify(oracleStatements(text)?.map(({ tree }) => tree)).replace(
    /"(sval|name|schemaname)":"(\\.|[^"\\])*"|"location":\d+/g,
    '""',
  );
}

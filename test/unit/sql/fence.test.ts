import assert from 'node:assert/strict';
import { FENCE, fenceRefusal, fences, insertAll, settingOf, withoutFences } from '../../../src/core/sql/classify/fence';
import { splitStatements } from '../../../src/core/sql/split/statements';
import { CORPUS } from './corpus';
import { loadOracle, oracleStatements } from './oracle';
import { fuzzSeed, Random } from './random';

/** A text with its fences. */
function fenced(text: string): ReturnType<typeof insertAll> {
  return insertAll(text, fences(text, splitStatements(text)));
}

/** The parse trees of a text, without positions. */
function trees(text: string): string[] {
  const statements = oracleStatements(text);
  assert.ok(statements, text);
  return statements.map(({ node, tree }) =>
    JSON.stringify([node, tree], (key, value: unknown) =>
      /location|stmt_len|list_(start|end)/.test(key) ? undefined : value,
    ),
  );
}

describe('fences', function () {
  this.timeout(30_000);
  before(loadOracle);

  const [fence] = [FENCE];

  /** Checks that the statements are the same with a fence between every two, that lines do not change, and that offsets map back. */
  function assertFenced(text: string): void {
    const { text: sent, toSource } = fenced(text);
    const own = trees(text);
    const expected = own.flatMap((tree, index) => (index === 0 ? [tree] : [...trees(fence), tree]));
    assert.deepEqual(trees(sent), expected, text);
    assert.equal(sent.split('\n').length, text.split('\n').length);
    assert.equal(withoutFences(sent), text);
    const reached = new Set<number>();
    for (let at = 0; at <= sent.length; at++) {
      const source = toSource(at);
      if (source === undefined) continue;
      reached.add(source);
      if (at < sent.length && !sent.startsWith(fence, at)) assert.equal(sent[at], text[source], `${text} at ${at}`);
    }
    assert.equal(reached.size, text.length + 1, 'every offset of the text is covered');
  }

  it('are inserted between every two statements of the corpus, whatever separates them', () => {
    for (const separator of [';', ';\n\n;\r\n', ' /* ; */ ; -- ;\n', ';;', '; ']) {
      for (let index = 0; index + 1 < CORPUS.length; index++) {
        if (/client_encoding|\bNAMES\b/i.test(`${CORPUS[index]}`)) continue;
        assertFenced(`${CORPUS[index]}\n${separator}${CORPUS[index + 1]}\n${separator}-- end; of it`);
      }
    }
  });

  it('are inserted between random statements of the corpus', () => {
    const random = new Random(fuzzSeed());
    const corpus = CORPUS.filter((sql) => !/client_encoding|\bNAMES\b/i.test(sql));
    for (let round = 0; round < 100; round++) {
      const count = 2 + random.below(12);
      const parts = Array.from(
        { length: count },
        () => `${random.pick(corpus)}\n${random.pick([';', ' ;\n', ';-- ;\n', ';;'])}`,
      );
      assertFenced(parts.join(''));
    }
  });

  it('are not inserted into a single statement', () => {
    for (const text of ['SELECT 1', 'SELECT 1;', '-- a;\nSELECT 1 ; -- b;\n;;', '', ';'])
      assert.equal(fenced(text).text, text);
  });

  it('are on the line of the previous statement', () => {
    assert.equal(fenced('SELECT 1; -- one\nSELECT 2').text, 'SELECT 1;SHOW server_version; -- one\nSELECT 2');
    assert.equal(fenced("SELECT ';'\n;\nSELECT 2;").text, "SELECT ';'\n;SHOW server_version;\nSELECT 2;");
  });

  it('restore the worker’s encoding', () => {
    const text = "SET client_encoding = 'LATIN1'; SET NAMES 'x'; SELECT 1";
    const sent = fenced(text).text;
    assert.equal(sent.split("SET client_encoding TO 'UTF8'").length, 3);
    assert.equal(withoutFences(sent), text);
    // A function called later may set it again.
    const changed = [
      "SELECT set_config('client_encoding', 'LATIN1', false)",
      'DO $$ BEGIN SET client_encoding = LATIN1; END $$',
      'SET U&"client_encoding" = LATIN1',
    ];
    for (const change of changed) {
      const { text: again } = fenced(`SELECT 0; ${change}; SELECT 1; SELECT 2`);
      assert.equal(again.split("SET client_encoding TO 'UTF8'").length, 3, change);
    }
  });

  it('map offsets before, in, and after insertions', () => {
    const { text, toSource } = insertAll('abcdef', [
      { at: 2, text: '12' },
      { at: 2, text: '34' },
      { at: 6, text: '!' },
    ]);
    assert.equal(text, 'ab1234cdef!');
    const places = Array.from({ length: text.length + 1 }, (_, at) => toSource(at));
    assert.deepEqual(places, [0, 1, 2, undefined, 2, undefined, 2, 3, 4, 5, 6, 6]);
  });

  it('are refused if they could be inserted in the wrong place', () => {
    const code = (text: string, standard = true): string | undefined =>
      fenceRefusal(text, splitStatements(text), standard)?.fault.code;
    for (const [text, problem] of [
      ["SELECT 1; SELECT 'a", 'sql.unterminatedString'],
      ['SELECT (1; SELECT 2', 'sql.unclosedParenthesis'],
      ['SELECT 1 \\; SELECT 2; SELECT 3', 'sql.metaCommand'],
    ] as const) {
      assert.equal(code(text), problem, text);
    }
    assert.equal(code('SELECT 1; /* SELECT 2'), undefined);
    assert.equal(code("SELECT 'a"), undefined, 'the server reports problems of a single statement');
    assert.equal(code("SELECT 1; SELECT 'a\\'"), undefined);
    assert.equal(code("SELECT 1; SELECT 'a\\'", false), 'sql.backslashStringsInSession');
    assert.equal(code('SELECT 1; SELECT 2', false), undefined);
    for (const set of [
      'SET standard_conforming_strings = off',
      "SET LOCAL standard_conforming_strings TO 'false'",
      "SELECT pg_catalog.set_config('standard_conforming_strings', 'off', false)",
      "SELECT 1, set_config('standard_conforming_strings', 'off', false)",
      'DO $$ BEGIN SET standard_conforming_strings = off; END $$',
    ]) {
      assert.equal(code(`${set}; SELECT 'a\\b'`), 'sql.backslashStringsInText');
      assert.equal(code(`${set}; SELECT 'ab'`), undefined);
    }
    for (const harmless of [
      'SET standard_conforming_strings = on',
      'SHOW standard_conforming_strings',
      "SELECT current_setting('standard_conforming_strings')",
      "SELECT set_config('standard_conforming_strings', 'on', false)",
    ]) {
      assert.equal(code(`${harmless}; SELECT 'a\\b'`), undefined, harmless);
    }
  });

  it('recognize the parameter and value of SET', () => {
    const read = (text: string): unknown => settingOf(text, 0, text.length);
    assert.deepEqual(read("SET LOCAL Work_Mem TO '5MB'"), { name: 'work_mem', value: '5mb' });
    assert.deepEqual(read('SET SESSION my.own = a, b'), { name: 'my.own', value: 'a, b' });
    assert.deepEqual(read('SET "search_path" = x'), { name: 'search_path', value: 'x' });
    assert.equal(read('SELECT 1'), undefined);
  });
});

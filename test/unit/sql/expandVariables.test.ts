import assert from 'node:assert/strict';
import { expandVariables, findParameters, substituteParameters } from '../../../src/core/sql/parameters';
import { PsqlState } from '../../../src/core/sql/psql/psqlState';
import { stripPsqlCommands } from '../../../src/core/sql/psql/stripPsqlCommands';
import { splitStatements } from '../../../src/core/sql/split/statements';

function expanded(script: string, environment: Record<string, string> = {}): ReturnType<typeof expandVariables> {
  const split = splitStatements(script);
  const state = new PsqlState(script, split, (name) => environment[name]);
  return expandVariables(stripPsqlCommands(script, split).text, (name, offset) => state.advance(offset).variable(name));
}

describe('expandVariables', () => {
  it('replaces variables by the value that \\set gave them before each use', () => {
    const { text, replaced } = expanded('\\set x 5\nSELECT :x;\n\\set x 6\nSELECT :x;');
    assert.equal(text.replace(/\s+/g, ' '), ' SELECT 5; SELECT 6;');
    assert.equal(replaced, 2);
  });

  it('keeps variables whose value only psql knows, or that are not set', () => {
    for (const script of [
      '\\set x `date`\nSELECT :x',
      '\\prompt x\nSELECT :x',
      'SELECT 1 AS x \\gset\n\\set y :x\nSELECT :y',
      '\\getenv x NOWHERE\nSELECT :x',
      '\\if :y\n\\set x 5\n\\endif\nSELECT :x',
    ]) {
      const { text } = expanded(script);
      assert.equal(findParameters(text).length, 1, text);
    }
  });

  it('follows an \\if whose condition is known', () => {
    const value = (script: string): string => expanded(script).text.trim().split('\n').at(-1)!.trim();
    assert.equal(value('\\if true\n\\set x 1\n\\else\n\\set x 2\n\\endif\nSELECT :x'), 'SELECT 1');
    assert.equal(value('\\if off\n\\set x 1\n\\elif 1\n\\set x 2\n\\else\n\\set x 3\n\\endif\nSELECT :x'), 'SELECT 2');
    assert.equal(value('\\set x 1\n\\if :{?x}\n\\set x 2\n\\endif\nSELECT :x'), 'SELECT 2');
    assert.equal(value('\\if 0\n\\if 1\n\\set x 1\n\\endif\n\\else\n\\set x 2\n\\endif\nSELECT :x'), 'SELECT 2');
  });

  it('keeps and reports variables that the script removed', () => {
    const { text, unset } = expanded('\\set x 1\n\\unset x\nSELECT :x, :y');
    assert.ok(text.endsWith('SELECT :x, :y'));
    assert.deepEqual([...unset], ['x']);
  });

  it('maps offsets in and after values back to the script', () => {
    const script = '\\set x 12345\nSELECT :x, nosuch';
    const { text, sourceOffset } = expanded(script);
    assert.equal(sourceOffset(text.indexOf('nosuch')), script.indexOf('nosuch'));
    assert.equal(sourceOffset(text.indexOf('345')), script.indexOf(':x'));
  });

  it('limits the length of expanded texts', () => {
    const doubling = Array.from({ length: 60 }, (_, n) => `\\set x${n + 1} :x${n}:x${n}`);
    assert.doesNotThrow(() => expanded('\\set x :x\nSELECT :x'));
    assert.throws(() => {
      const lazily = new Map(doubling.map((line) => line.split(' ').slice(1) as [string, string]));
      expandVariables('SELECT :x60', (name) => ({ kind: 'set', value: lazily.get(name) ?? '0' }));
    }, /value\.expansionTooLong/);
  });
});

describe('ambiguous variables', () => {
  it('ignores bounds of slices and marks uses that may be one', () => {
    const uses = (text: string): [string, boolean][] =>
      findParameters(text).map(({ name, perhapsSlice = false }) => [name, perhapsSlice]);
    assert.deepEqual(uses('SELECT arr[lo :hi], arr[lo:hi], arr[f(x) :n], arr["a" :b], arr[1 :n] FROM t'), []);
    assert.deepEqual(uses('SELECT (f(x))[:n], arr[:n]'), [
      ['n', true],
      ['n', true],
    ]);
    assert.deepEqual(uses('SELECT a[1 + :n], a[CASE WHEN :x THEN :y ELSE :z END], ARRAY[:a, :b]'), [
      ['n', false],
      ['x', false],
      ['y', false],
      ['z', false],
      ['a', false],
      ['b', false],
    ]);
  });

  it('replaces :{?name} by whether the variable has a value', () => {
    assert.equal(
      substituteParameters('SELECT :{?a}, :{?b}, :a', new Map([['a', 'x']])).text,
      "SELECT TRUE, FALSE, 'x'",
    );
  });
});

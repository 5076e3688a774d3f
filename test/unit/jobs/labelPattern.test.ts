import assert from 'node:assert/strict';
import { matchesLabel } from '../../../src/host/launch/labelPattern';

describe('patterns of labels', () => {
  const cases: [pattern: string, label: string, matches: boolean][] = [
    ['*', 'anything', true],
    ['*', '', true],
    ['', 'anything', false],
    ['nightly*', 'nightly report', true],
    ['nightly*', 'not nightly', false],
    ['*report', 'nightly report', true],
    ['*ight*ep*', 'nightly report', true],
    ['job ?', 'job 7', true],
    ['job ?', 'job 17', false],
    ['job ?', 'job 😀', true],
    ['NIGHTLY*', 'nightly report', true],
    // No other character is special, neither those of regular expressions nor those of LIKE.
    ['a.c', 'abc', false],
    ['a.c', 'a.c', true],
    ['a%', 'abc', false],
    ['a_c', 'abc', false],
    ['[ab](c){1}|$^+\\/', '[ab](c){1}|$^+\\/', true],
    ['two*lines', 'two\nlines', true],
    ['*ab', 'aab', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-b-b-', false],
    ['**', '', true],
    ['?', '', false],
    ['*', '*', true],
    ['?*?', 'ab', true],
    ['?*?', 'a', false],
  ];
  for (const [pattern, label, matches] of cases) {
    it(`${JSON.stringify(pattern)} ${matches ? 'matches' : 'does not match'} ${JSON.stringify(label)}`, () => {
      assert.equal(matchesLabel(pattern, label), matches);
    });
  }

  it('are matched without exponential backtracking', () => {
    // A regular expression would need a minute for this pattern.
    assert.equal(matchesLabel('*a*a*a*a*a*a*a*b', 'a'.repeat(64)), false);
  });
});

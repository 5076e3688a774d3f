import assert from 'node:assert/strict';
import { formatRunning, formatSpan } from '../../src/shared/span';

describe('a span of time', () => {
  const cases: readonly (readonly [number, string, string])[] = [
    [-5, '0 ms', '0 s'],
    [0, '0 ms', '0 s'],
    [12.7, '12 ms', '0 s'],
    [999, '999 ms', '0 s'],
    [1000, '1.0 s', '1 s'],
    [3299, '3.2 s', '3 s'],
    [9999, '9.9 s', '9 s'],
    [10_000, '10 s', '10 s'],
    [59_999, '59 s', '59 s'],
    [60_000, '1:00', '1:00'],
    [187_000, '3:07', '3:07'],
    [3_729_000, '1:02:09', '1:02:09'],
    [90_000_000, '25:00:00', '25:00:00'],
  ];
  for (const [ms, ended, running] of cases) {
    it(`of ${ms} ms is “${ended}”, and “${running}” while it runs`, () => {
      assert.equal(formatSpan(ms), ended);
      assert.equal(formatRunning(ms), running);
    });
  }
});

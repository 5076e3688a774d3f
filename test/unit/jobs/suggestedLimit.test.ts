import assert from 'node:assert/strict';
import { suggestedLimitMs } from '../../../src/core/jobs/history/usualDuration';

describe('the suggested time limit', () => {
  it('is twice the usual duration, rounded up to a value that reads well', () => {
    const limit = (highMs: number): number => suggestedLimitMs({ lowMs: 0, highMs, runs: 3 }) / 1000;
    assert.deepEqual([0, 400, 700, 4900].map(limit), [1, 1, 2, 10]);
    assert.deepEqual([7000, 44_000, 200_000, 2_900_000].map(limit), [20, 90, 420, 6000]);
    assert.equal(limit(10_000_000), 21_600);
  });
});

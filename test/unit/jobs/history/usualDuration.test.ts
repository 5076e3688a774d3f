import assert from 'node:assert/strict';
import { isSlowerThanUsual, usualDuration } from '../../../../src/core/jobs/history/usualDuration';

const MINUTE = 60_000;

describe('the usual duration of a job', () => {
  it('is unknown for fewer than three runs', () => {
    assert.equal(usualDuration([]), undefined);
    assert.equal(usualDuration([1000, 2000]), undefined);
    assert.deepEqual(usualDuration([1000, 1000, 1000]), { lowMs: 1000, highMs: 1000, runs: 3 });
  });

  it('ignores a single outlier among many runs, and old runs', () => {
    const usual = usualDuration([...Array.from({ length: 11 }, (_, i) => (3 + i * 0.2) * MINUTE), 60 * MINUTE]);
    assert.ok(usual && usual.lowMs > 3 * MINUTE && usual.highMs < 6 * MINUTE);
    const recent = usualDuration([
      ...Array.from({ length: 20 }, () => MINUTE),
      ...Array.from({ length: 100 }, () => 60 * MINUTE),
    ]);
    assert.deepEqual(recent, { lowMs: MINUTE, highMs: MINUTE, runs: 20 });
  });

  it('calls a run slower only if it is clearly slower', () => {
    const short = { lowMs: 20, highMs: 100, runs: 5 };
    assert.ok(!isSlowerThanUsual(4000, short), 'noise of short jobs');
    assert.ok(isSlowerThanUsual(6000, short));
    const long = { lowMs: 3 * MINUTE, highMs: 5 * MINUTE, runs: 6 };
    assert.ok(!isSlowerThanUsual(7 * MINUTE, long));
    assert.ok(isSlowerThanUsual(8 * MINUTE, long));
  });
});

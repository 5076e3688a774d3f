import assert from 'node:assert/strict';
import { RepeatedRequests } from '../../../src/host/base/repeatedRequests';

describe('something that is requested twice', () => {
  it('is recognized within a second, also a third time', () => {
    let now = 0;
    const repeats = new RepeatedRequests(() => now);
    assert.equal(repeats.isRepeat('a'), false);
    now = 300;
    assert.equal(repeats.isRepeat('a'), true);
    now = 1200;
    assert.equal(repeats.isRepeat('a'), true);
    now = 2200;
    assert.equal(repeats.isRepeat('a'), false);
  });

  it('does not affect other texts', () => {
    const repeats = new RepeatedRequests(() => 0);
    assert.equal(repeats.isRepeat('a'), false);
    assert.equal(repeats.isRepeat('b'), false);
  });
});

import assert from 'node:assert/strict';
import { RepeatedRequests } from '../../../src/host/base/repeatedRequests';

describe('repeated requests', () => {
  it('are detected within a second, including a third one', () => {
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

  it('are detected per key', () => {
    const repeats = new RepeatedRequests(() => 0);
    assert.equal(repeats.isRepeat('a'), false);
    assert.equal(repeats.isRepeat('b'), false);
  });
});

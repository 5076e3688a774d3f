import assert from 'node:assert/strict';
import { MAX_SCROLL_HEIGHT, ScrollMap } from '../../../webview/grid/scrollMap';

describe('ScrollMap', () => {
  it('equals the scroll position while all rows fit', () => {
    const map = new ScrollMap(1_000, 22, 660);
    assert.equal(map.scaled, false);
    assert.equal(map.toTop(123), 123);
    assert.equal(map.toScroll(123), 123);
    assert.equal(map.toTop(1e9), 1_000 * 22 - 660);
  });

  for (const rows of [1_000_000, 100_000_000, 4_000_000_000]) {
    it(`reaches the first and the last of ${rows.toLocaleString('en')} rows in a box of bounded height`, () => {
      const map = new ScrollMap(rows, 22, 671);
      assert.ok(map.boxHeight <= MAX_SCROLL_HEIGHT);
      assert.ok(MAX_SCROLL_HEIGHT * 5 < 2 ** 25);
      assert.equal(map.toTop(0), 0);
      const { last } = map.window(map.toTop(map.maxScroll), 0);
      assert.equal(last, rows - 1);
      // The browser may round the maximum position down.
      assert.equal(map.window(map.toTop(map.maxScroll - 0.9), 0).last, rows - 1);
    });

    it(`keeps a top of ${rows.toLocaleString('en')} rows through the scrollbar, up to the precision of its pixels`, () => {
      const map = new ScrollMap(rows, 22, 671);
      const step = map.maxTop / map.maxScroll;
      for (const part of [0.001, 0.25, 0.5, 0.999]) {
        const top = map.maxTop * part;
        assert.ok(Math.abs(map.toTop(map.toScroll(top)) - top) < step);
      }
    });
  }

  it('scrolls to a row by the shortest distance', () => {
    const map = new ScrollMap(1_000_000, 20, 200);
    assert.equal(map.reveal(5, 0), 0);
    assert.equal(map.reveal(10, 0), 20);
    assert.equal(map.reveal(3, 100), 60);
    assert.equal(map.reveal(999_999, 0), map.maxTop);
    assert.equal(map.center(0), 0);
    assert.equal(map.center(500), 500.5 * 20 - 100);
  });

  it('has an empty window without rows', () => {
    assert.deepEqual(new ScrollMap(0, 22, 600).window(0, 2), { first: 0, last: -1 });
  });
});

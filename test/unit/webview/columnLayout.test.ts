import assert from 'node:assert/strict';
import { ColumnLayout, MAX_COLUMN_WIDTH, MIN_COLUMN_WIDTH } from '../../../webview/grid/columnLayout';

function layoutOf(count: number, view = 1_000): ColumnLayout {
  const layout = new ColumnLayout(count, 100);
  layout.setGutter(50);
  layout.setViewWidth(view);
  return layout;
}

describe('ColumnLayout', () => {
  it('finds the visible ones of very many columns', () => {
    const layout = layoutOf(1_600);
    assert.deepEqual(layout.window(0, 0), { first: 0, last: 9 });
    assert.deepEqual(layout.window(80_000, 1), { first: 799, last: 810 });
    assert.equal(layout.window(1e9, 0).last, 1_599);
    assert.equal(layout.totalWidth, 160_050);
  });

  it('fills the view with the last shown column, and keeps its set width', () => {
    const layout = layoutOf(3);
    assert.deepEqual(
      [0, 1, 2].map((column) => layout.width(column)),
      [100, 100, 750],
    );
    assert.equal(layout.totalWidth, 1_000);
    assert.equal(layout.ownWidth(2), 100);
    layout.setHidden([2]);
    assert.deepEqual([layout.width(1), layout.totalWidth], [850, 1_000]);
    layout.setViewWidth(200);
    assert.deepEqual([layout.width(1), layout.totalWidth], [100, 250]);
  });

  it('puts pinned columns first, and leaves space for the others', () => {
    const layout = layoutOf(10);
    layout.setPinned([7, 3]);
    assert.deepEqual(layout.columns(), [7, 3, 0, 1, 2, 4, 5, 6, 8, 9]);
    assert.equal(layout.stuck, 2);
    assert.equal(layout.stuckWidth, 250);
    assert.equal(layout.window(0, 0).first, 2);
    layout.setViewWidth(300);
    assert.equal(layout.stuck, 0, 'too narrow to hold them');
    assert.equal(layout.window(0, 0).first, 0);
  });

  it('hides columns, but never all', () => {
    const layout = layoutOf(3);
    layout.setHidden([1]);
    assert.deepEqual(layout.columns(), [0, 2]);
    assert.equal(layout.ordinal(1), -1);
    assert.equal(layout.ordinal(2), 1);
    assert.equal(layout.left(1), 150);
    layout.setHidden([0, 1, 2]);
    assert.equal(layout.length, 1);
  });

  it('unpins a hidden column', () => {
    const layout = layoutOf(3);
    layout.setPinned([2]);
    layout.setHidden([2]);
    assert.deepEqual(layout.pins, []);
    assert.equal(layout.stuckWidth, 50);
  });

  it('limits widths, and ignores columns that do not exist', () => {
    const layout = layoutOf(2);
    layout.setWidth(0, 1);
    layout.setWidth(1, 99_999);
    layout.setWidths([[7, 100]]);
    assert.equal(layout.width(0), MIN_COLUMN_WIDTH);
    assert.equal(layout.width(1), MAX_COLUMN_WIDTH);
  });

  it('scrolls to a column', () => {
    const layout = layoutOf(100);
    assert.equal(layout.reveal(3, 0), 0);
    assert.equal(layout.reveal(9, 0), 50);
    assert.equal(layout.reveal(2, 1_000), 200);
    layout.setPinned([50]);
    assert.equal(layout.reveal(0, 700), 700, 'a pinned column is always visible');
    assert.equal(layout.reveal(1, 700), 0);
  });
});

import assert from 'node:assert/strict';
import { copiedRanges, Selection } from '../../../webview/grid/selection';

const at = (row: number, ordinal: number): { row: number; ordinal: number } => ({ row, ordinal });

describe('Selection', () => {
  it('is the active cell while nothing is selected', () => {
    const selection = new Selection();
    selection.moveTo(at(3, 2), false);
    assert.equal(selection.ranges.length, 0);
    assert.deepEqual(selection.resolved(10, 5), [{ top: 3, left: 2, bottom: 3, right: 2 }]);
  });

  it('extends from the anchor in both directions', () => {
    const selection = new Selection();
    selection.moveTo(at(3, 2), false);
    selection.moveTo(at(5, 3), true);
    selection.moveTo(at(1, 0), true);
    assert.deepEqual(selection.ranges, [{ top: 1, left: 0, bottom: 3, right: 2 }]);
    selection.moveTo(at(4, 4), false);
    assert.equal(selection.ranges.length, 0);
  });

  it('adds ranges', () => {
    const selection = new Selection();
    selection.moveTo(at(0, 0), false);
    selection.addAt(at(4, 1));
    selection.moveTo(at(5, 1), true);
    assert.deepEqual(selection.ranges, [
      { top: 0, left: 0, bottom: 0, right: 0 },
      { top: 4, left: 1, bottom: 5, right: 1 },
    ]);
    assert.ok(selection.contains(5, 1));
    assert.ok(!selection.contains(5, 0));
  });

  it('selects whole rows and columns, including those added later', () => {
    const selection = new Selection();
    selection.selectColumns(at(0, 2), false, false);
    assert.ok(selection.contains(1e9, 2));
    assert.deepEqual(selection.resolved(100, 5), [{ top: 0, left: 2, bottom: 99, right: 2 }]);
    selection.selectRows(at(7, 2), false, false);
    selection.selectRows(at(9, 2), true, false);
    assert.deepEqual(selection.resolved(100, 5), [{ top: 7, left: 0, bottom: 9, right: 4 }]);
    selection.selectAll();
    assert.deepEqual(selection.resolved(100, 5), [{ top: 0, left: 0, bottom: 99, right: 4 }]);
    assert.deepEqual(selection.resolved(0, 5), []);
  });

  it('stays within a table that became smaller', () => {
    const selection = new Selection();
    selection.moveTo(at(90, 4), false);
    selection.clamp(10, 3);
    assert.deepEqual(selection.active, { row: 9, ordinal: 2 });
  });
});

describe('copiedRanges', () => {
  const columns = [4, 0, 1, 2, 3];
  const column = (ordinal: number): number => columns[ordinal] ?? -1;

  it('returns the columns in the shown order', () => {
    assert.deepEqual(copiedRanges([{ top: 1, left: 0, bottom: 2, right: 1 }], column), [
      { first: 1, last: 2, columns: [4, 0] },
    ]);
  });

  it('combines several ranges to one table, with each row once', () => {
    const ranges = [
      { top: 5, left: 2, bottom: 6, right: 2 },
      { top: 1, left: 0, bottom: 2, right: 0 },
      { top: 2, left: 0, bottom: 3, right: 0 },
    ];
    assert.deepEqual(copiedRanges(ranges, column), [
      { first: 1, last: 3, columns: [4, 1] },
      { first: 5, last: 6, columns: [4, 1] },
    ]);
  });
});

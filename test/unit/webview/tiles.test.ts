import assert from 'node:assert/strict';
import type { ColumnView } from '../../../src/shared/resultsProtocol';
import type { TileRange } from '../../../src/shared/resultsRequests';
import { TileStore } from '../../../webview/grid/tiles';

const COLUMNS: ColumnView[] = Array.from({ length: 100 }, (_, index) => ({
  name: `c${index}`,
  type: 'text',
  numeric: false,
}));

function storeOf(rows: number): { store: TileStore; asked: TileRange[][]; clock: { now: number }; last: () => number } {
  const asked: TileRange[][] = [];
  const clock = { now: 0 };
  let last = 0;
  const store = new TileStore(
    (request, _view, ranges) => {
      last = request;
      asked.push([...ranges]);
    },
    () => clock.now,
  );
  store.reset(0, COLUMNS);
  store.setRows(rows);
  return { store, asked, clock, last: () => last };
}

const tile = (row: number, column: number, rows: number): { row: number; column: number; cells: string[][] } => ({
  row,
  column,
  cells: Array.from({ length: rows }, (_, r) => Array.from({ length: 64 }, (_unused, c) => `${row + r}/${column + c}`)),
});

describe('TileStore', () => {
  it('requests only the missing visible tiles', () => {
    const { store, asked } = storeOf(1_000);
    store.want(120, 140, [0, 63, 64]);
    assert.deepEqual(asked, [
      [
        { row: 0, rows: 128, column: 0, columns: 64 },
        { row: 0, rows: 128, column: 64, columns: 36 },
        { row: 128, rows: 128, column: 0, columns: 64 },
        { row: 128, rows: 128, column: 64, columns: 36 },
      ],
    ]);
  });

  it('delays a request while another one is pending, then sends the newest', () => {
    const { store, asked, clock, last } = storeOf(1_000_000);
    store.want(0, 10, [0]);
    store.want(5_000, 5_010, [0]);
    store.want(9_000, 9_010, [0]);
    assert.equal(asked.length, 1);
    assert.equal(store.answered(last(), 0), true);
    store.send();
    assert.deepEqual(asked[1], [{ row: 8_960, rows: 128, column: 0, columns: 64 }]);
    clock.now = 1_000;
    store.want(0, 10, [0]);
    assert.equal(asked.length, 3, 'a missing answer does not block requests forever');
    assert.equal(store.answered(2, 0), false, 'an older answer');
    store.reset(0, COLUMNS);
  });

  it('requests the tiles of the next two pages in the direction of travel, but not after a jump', () => {
    const { store, asked, last } = storeOf(1_000_000);
    const tileAt = (row: number): object => ({ row, rows: 128, column: 0, columns: 64 });
    const answer = (row: number): void => {
      assert.deepEqual(asked.pop(), [tileAt(row)]);
      store.answered(last(), 0);
      store.put(tile(row, 0, 128));
    };
    store.want(1_300, 1_329, [0]);
    answer(1_280);
    store.want(1_330, 1_359, [0]);
    answer(1_408);
    store.want(1_300, 1_329, [0]);
    answer(1_152);
    store.want(500_000, 500_029, [0]);
    answer(499_968);
    store.want(500_000, 500_029, [0]);
    store.want(1_300, 1_329, [0]);
    assert.deepEqual(asked, []);
  });

  it('does not request rows beyond the first and the last', () => {
    const { store, asked } = storeOf(100);
    store.put(tile(0, 0, 100));
    store.want(40, 69, [0]);
    store.want(70, 99, [0]);
    store.want(0, 29, [0]);
    assert.deepEqual(asked, []);
  });

  it('returns values, and accepts rows that were added later', () => {
    const { store, asked } = storeOf(50);
    store.put(tile(0, 0, 50));
    assert.equal(store.get(49, 3), '49/3');
    assert.equal(store.get(50, 3), undefined);
    store.want(0, 49, [0]);
    assert.equal(asked.length, 0);
    store.setRows(80);
    store.want(30, 60, [0]);
    assert.deepEqual(asked, [[{ row: 0, rows: 80, column: 0, columns: 64 }]]);
    store.reset(0, COLUMNS);
  });

  it('does not request missing rows repeatedly', () => {
    const { store, asked } = storeOf(100);
    store.put(tile(0, 0, 40));
    store.want(0, 99, [0]);
    assert.equal(asked.length, 0);
  });

  it('drops the tiles of another view', () => {
    const { store } = storeOf(100);
    store.put(tile(0, 0, 100));
    store.reset(1, COLUMNS);
    assert.equal(store.get(0, 0), undefined);
    assert.equal(store.answered(0, 0), false);
  });
});

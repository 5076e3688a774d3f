import assert from 'node:assert/strict';
import { ATTACK, fakeValue } from '../page/fakeRows';
import { type GridPage, Harness } from './support';

const ROWS = 1_000_000;

describe('scrolling in the results grid', () => {
  let harness: Harness;
  let grid: GridPage;

  before(async () => {
    harness = await Harness.start();
  });
  after(async () => {
    await harness.stop();
  });
  afterEach(async () => {
    assert.deepEqual(await grid.problems(), []);
    await grid.close();
  });

  it('shows a million rows with at most 1,000 elements, at rest and after scrolling', async () => {
    grid = await harness.open();
    assert.deepEqual((await grid.seen()).texts[0], '1');
    const nodes = [await grid.nodes()];
    await grid.scrollFor(60, 12_345);
    await grid.settle();
    nodes.push(await grid.nodes());
    await grid.press('Control+End');
    nodes.push(await grid.nodes());
    for (const count of nodes) assert.ok(count <= 1_000, `${count} elements`);
  });

  for (const dpr of [1, 2]) {
    it(`reaches the last row by key and by scrollbar at device-pixel ratio ${dpr}`, async () => {
      grid = await harness.open({}, { dpr });
      await grid.press('Control+End');
      const { row, column, text } = await grid.active();
      assert.deepEqual([row, column], [ROWS - 1, 7]);
      assert.ok(ATTACK.startsWith(text.replace('…', '')) && text.length > 20, text);
      assert.equal((await grid.seen()).last, ROWS - 1);
      await grid.press('Control+Home');
      assert.equal((await grid.seen()).first, 0);
      await grid.page.evaluate(`document.querySelector('.grid').scrollTop = 1e9`);
      await grid.settle();
      const { last, texts } = await grid.seen();
      assert.equal(last, ROWS - 1);
      assert.equal(texts[ROWS - 1], '1000000');
    });
  }

  it('reaches the last of 100,000,000 rows, and each row next to it', async () => {
    grid = await harness.open({ rows: 100_000_000 }, { dpr: 2 });
    await grid.press('Control+End', 'Home');
    assert.equal((await grid.active()).text, '100000000');
    await grid.press('ArrowUp', 'ArrowUp', 'ArrowUp');
    assert.equal((await grid.active()).text, '99999997');
    await grid.press('PageUp');
    const { first, last, texts } = await grid.seen();
    for (let row = first; row <= last; row++) assert.equal(texts[row], `${row + 1}`);
    assert.ok(last - first > 20);
  });

  it('scrolls by pixels with the wheel also if one scrollbar pixel covers many rows', async () => {
    grid = await harness.open({ rows: 100_000_000 });
    await grid.page.mouse.move(600, 400);
    await grid.page.mouse.wheel(0, 44);
    await grid.settle();
    assert.equal((await grid.seen()).first, 2);
    await grid.page.evaluate(`document.querySelector('.grid').scrollTop = 3e6`);
    await grid.settle();
    const { first } = await grid.seen();
    await grid.page.mouse.wheel(0, 220);
    await grid.settle();
    assert.equal((await grid.seen()).first, first + 10);
    await grid.page.mouse.wheel(0, -220);
    await grid.settle();
    assert.equal((await grid.seen()).first, first);
  });

  it('shows the right rows at every scroll position', async () => {
    grid = await harness.open({ delay: 5 });
    for (const part of [0.1, 0.9, 0.333, 0.5001, 0.0001]) {
      await grid.page.evaluate(
        `(() => { const g = document.querySelector('.grid'); g.scrollTop = g.scrollHeight * ${part} })()`,
      );
      await grid.settle();
      const { first, last, texts } = await grid.seen();
      assert.ok(last - first > 20);
      for (let row = first; row <= last; row++) assert.equal(texts[row], fakeValue(row, 0));
    }
  });

  it('has one pending request at a time during fast scrolling, and ends with the right rows', async () => {
    grid = await harness.open({ delay: 30 });
    await grid.scrollFor(90, 40_000);
    await grid.settle();
    const { first, last, texts } = await grid.seen();
    for (let row = first; row <= last; row++) assert.equal(texts[row], fakeValue(row, 0));
    assert.ok((await grid.sent('tiles')).length < 90);
  });
});

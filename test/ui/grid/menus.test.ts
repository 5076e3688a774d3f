import assert from 'node:assert/strict';
import { type GridPage, Harness } from './support';

describe('menus of the grid', () => {
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

  const choose = async (label: string): Promise<void> => {
    await grid.page.getByRole('menuitem', { name: label, exact: true }).click();
    await grid.settle();
  };
  const labels = (): Promise<string[]> => grid.page.locator('.menu-label').allInnerTexts();

  it('copies with the menu of a cell', async () => {
    grid = await harness.open();
    await grid.press('ArrowRight', 'Shift+F10');
    assert.deepEqual((await labels()).slice(1, 8), [
      'Copy',
      'Copy with Headers',
      'Copy as CSV',
      'Copy as JSON',
      'Copy as Markdown',
      'Copy as SQL INSERT',
      'Copy Value',
    ]);
    await grid.page
      .locator('.menu-item')
      .filter({ hasText: /^Copy$|^CopyCtrl/ })
      .first()
      .click();
    await grid.press('Shift+F10');
    await grid.page.getByRole('menuitem', { name: /^Copy with Headers/ }).click();
    assert.deepEqual(
      (await grid.sent('copy')).map(({ format, headers }) => [format, headers]),
      [
        ['tsv', false],
        ['tsv', true],
      ],
    );
    await grid.press('Shift+F10');
    await choose('Copy Column Name');
    await grid.press('ArrowUp', 'Enter');
    await choose('Copy Column Name');
    assert.deepEqual(
      (await grid.sent('copyColumnName')).map(({ column }) => column),
      [1, 1],
    );
  });

  it('filters by the value of a cell, including NULL, and keeps the filters of other columns', async () => {
    grid = await harness.open({ rows: 1_000 });
    await grid.press('ArrowDown', 'ArrowDown', 'Shift+F10');
    await choose('Filter by This Value');
    await grid.until(`document.querySelectorAll('.chip').length === 1`);
    await grid.settle();
    assert.deepEqual((await grid.seen()).texts, { 0: '3' });
    await grid.page.locator('.chip button').last().click();
    await grid.page.locator('.grid').focus();
    await grid.press('Control+Home', 'ArrowRight', 'Shift+F10');
    await choose('Filter by This Value');
    await grid.press('Control+Home', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'Shift+F10');
    const cell = await grid.active();
    await choose('Filter by This Value');
    const last = (await grid.sent('order')).at(-1)!.order.filters;
    assert.deepEqual(last[0], { column: 1, operator: 'equals', value: 'Ada Lovelace' });
    assert.deepEqual(last[1], { column: 3, operator: 'isNull', value: '' }, cell.text);
  });

  it('does not filter by a value that is not fully loaded', async () => {
    grid = await harness.open({ rows: 1_000 });
    for (let row = 0; row < 5; row++) await grid.press('ArrowDown');
    await grid.press('ArrowRight', 'ArrowRight', 'ArrowRight', 'Shift+F10');
    const item = grid.page.getByRole('menuitem', { name: 'Filter by This Value' });
    assert.equal(await item.getAttribute('aria-disabled'), 'true');
    await grid.press('Escape');
  });

  it('shows the number of exported rows, and that they are sorted or filtered', async () => {
    grid = await harness.open({ rows: 1_234 });
    const first = async (): Promise<string> => {
      await grid.press('Control+s');
      const [label = ''] = await labels();
      await grid.press('Escape');
      return label;
    };
    assert.equal(await first(), 'Export 1,234 Rows as CSV…');
    await grid.press('ArrowUp', 'Enter');
    await choose('Sort Descending');
    await grid.page.waitForSelector('.chip');
    assert.equal(await first(), 'Export 1,234 Sorted Rows as CSV…');
    await grid.press('Control+Home', 'Shift+F10');
    await choose('Filter by This Value');
    await grid.until(`document.querySelectorAll('.chip').length === 2`);
    await grid.settle();
    assert.equal(await first(), 'Export 1 Filtered Row as CSV…');
  });

  for (const theme of ['light', 'dark'] as const) {
    it(`highlights matches in the colors of VS Code’s find, and the current match separately (${theme})`, async () => {
      grid = await harness.open({ theme });
      await grid.press('Control+f');
      await grid.page.keyboard.type('1');
      await grid.until(`document.querySelector('.find-count').textContent.startsWith('1 of')`);
      await grid.settle();
      const [all, current, currentText] = await grid.page.evaluate<[string, string, string]>(`(() => {
        const cell = document.querySelector('.grid-body .cell');
        const color = (name) => getComputedStyle(cell, '::highlight(' + name + ')').backgroundColor;
        const [range] = CSS.highlights.get('found-current');
        return [color('found'), color('found-current'), range.startContainer.data];
      })()`);
      assert.equal(currentText, '1');
      assert.equal(all, 'rgba(234, 92, 0, 0.333)');
      assert.equal(current, theme === 'light' ? 'rgb(168, 172, 148)' : 'rgb(158, 106, 3)');
      await grid.press('Enter');
      await grid.until(`document.querySelector('.find-count').textContent.startsWith('2 of')`);
      await grid.settle();
      await grid.page.screenshot({ path: `test-results/grid-${theme}-found.png` });
      assert.equal(
        await grid.page.evaluate(`[...CSS.highlights.get('found-current')][0].startContainer.data`),
        (await grid.active()).text,
      );
      await grid.press('Escape');
      assert.equal(await grid.page.evaluate(`CSS.highlights.has('found-current')`), false);
    });
  }

  it('fills the width with the last column, and keeps its set width', async () => {
    grid = await harness.open({ columns: 2 });
    const edges = (): Promise<[number, number]> =>
      grid.page.evaluate<[number, number]>(`(() => {
        const column = document.querySelector('.column[data-column="1"]').getBoundingClientRect();
        const body = document.querySelector('.grid-body').getBoundingClientRect();
        return [column.right, body.right];
      })()`);
    const [right, bodyRight] = await edges();
    assert.ok(Math.abs(right - bodyRight) < 1, `${right} of ${bodyRight}`);
    assert.equal(
      await grid.page.evaluate(
        `(() => { const g = document.querySelector('.grid'); return g.scrollWidth > g.clientWidth })()`,
      ),
      false,
    );
    await grid.page.setViewportSize({ width: 700, height: 600 });
    await grid.settle();
    const [narrower, narrowerBody] = await edges();
    assert.ok(Math.abs(narrower - narrowerBody) < 1 && narrower <= 700, `${narrower} of ${narrowerBody}`);
  });
});

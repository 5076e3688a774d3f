import assert from 'node:assert/strict';
import { violations } from '../axe';
import { Harness, type GridPage } from './support';

describe('accessibility of the results page', function () {
  this.timeout(120_000);
  let harness: Harness;
  let grid: GridPage;

  before(async () => {
    harness = await Harness.start();
  });
  after(() => harness.stop());
  afterEach(() => grid.close());

  it('passes axe in every tab', async () => {
    grid = await harness.open({ rows: 1000, columns: 12, notices: 3 });
    const tabs = await grid.page.getByRole('tab').all();
    assert.ok(tabs.length >= 4);
    for (const tab of tabs) {
      await tab.click();
      await grid.settle();
      assert.deepEqual(await violations(grid.page), [], (await tab.textContent()) ?? '');
    }
  });

  it('passes axe in a menu, the find bar, and the detail pane', async () => {
    grid = await harness.open({ rows: 1000, columns: 12 });
    await grid.page.locator('.grid-body .cell').first().click();
    await grid.press('Enter');
    assert.deepEqual(await violations(grid.page), [], 'an open value');
    await grid.press('Control+f');
    assert.deepEqual(await violations(grid.page), [], 'the find bar');
    await grid.press('Escape');
    await grid.page.locator('.grid-body .cell').first().click({ button: 'right' });
    await grid.settle();
    assert.deepEqual(await violations(grid.page), [], 'a menu');
  });

  it('copies the raw value with the menu of a cell', async () => {
    grid = await harness.open({ rows: 1000, columns: 12 });
    await grid.page.locator('.grid-body .cell').first().click({ button: 'right' });
    await grid.page.getByRole('menuitem', { name: 'Copy Value' }).click();
    await grid.settle();
    const [copied] = await grid.sent('copyValue');
    assert.deepEqual(copied?.at, { row: 0, column: 0 });
  });
});

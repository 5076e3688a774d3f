import assert from 'node:assert/strict';
import { ATTACK } from '../page/fakeRows';
import { type GridPage, Harness } from './support';

const ROWS = 1_000_000;

describe('results grid', () => {
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

  it('distinguishes NULL, the empty string, and the text NULL, and cuts long and multi-line values', async () => {
    grid = await harness.open();
    const cell = (row: number): ReturnType<GridPage['page']['locator']> =>
      grid.page.locator(`.grid-body [aria-rowindex="${row + 2}"] [aria-colindex="5"]`);
    assert.match((await cell(0).getAttribute('class')) ?? '', /\bnull\b/);
    assert.equal(await cell(0).textContent(), 'NULL');
    assert.equal(await cell(1).textContent(), '');
    assert.equal(await cell(1).getAttribute('aria-label'), 'empty string');
    assert.equal(await cell(2).textContent(), 'NULL');
    assert.doesNotMatch((await cell(2).getAttribute('class')) ?? '', /\bnull\b/);
    assert.equal(await cell(3).textContent(), 'two↵lines');
    assert.match((await cell(5).textContent()) ?? '', /^x{40,300}…$/);
    assert.match((await grid.page.locator('.cell[aria-colindex="2"]').first().getAttribute('class')) ?? '', /numeric/);
  });

  it('shows attacks in values, column names, labels, notices, and SQL as text', async () => {
    grid = await harness.open({ notices: 20, head: { error: { sqlstate: '42601', message: ATTACK, detail: ATTACK } } });
    await grid.press('Control+End', 'Enter');
    await grid.until(`document.querySelector('.detail-content').textContent !== ''`);
    assert.equal(await grid.page.locator('.detail-content').textContent(), ATTACK);
    for (const tab of ['Messages', 'Error', 'Query', 'Details']) {
      await grid.page.getByRole('tab', { name: tab }).click();
      await grid.page.waitForTimeout(50);
      assert.ok((await grid.page.locator(`.view-${tab.toLowerCase()}`).innerText()).includes('<img'), tab);
    }
    assert.equal(await grid.page.locator('img').count(), 0);
    assert.equal(await grid.page.locator('script').count(), 0, 'only the scripts of the page itself have run');
  });

  it('is an ARIA grid that exposes the active cell', async () => {
    grid = await harness.open();
    const element = grid.page.getByRole('grid');
    assert.equal(await element.getAttribute('aria-rowcount'), `${ROWS + 1}`);
    assert.equal(await element.getAttribute('aria-colcount'), '9');
    assert.equal(await element.getAttribute('aria-multiselectable'), 'true');
    await grid.press('ArrowDown', 'ArrowRight', 'Shift+ArrowDown');
    const id = await element.getAttribute('aria-activedescendant');
    const active = grid.page.locator(`[id="${id}"]`);
    assert.equal(await active.getAttribute('role'), 'gridcell');
    assert.equal(await active.getAttribute('aria-selected'), 'true');
    assert.equal(await active.getAttribute('aria-colindex'), '3');
    assert.equal(await active.locator('xpath=ancestor::*[@role="row"]').getAttribute('aria-rowindex'), '4');
    assert.equal(await grid.page.locator('[aria-activedescendant]:focus').count(), 1);
    assert.equal(await grid.page.getByRole('columnheader').first().getAttribute('aria-colindex'), '1');
  });

  it('selects with keys and mouse, and copies exactly the selection', async () => {
    grid = await harness.open();
    await grid.press('ArrowDown', 'Shift+ArrowRight', 'Shift+ArrowDown', 'Control+c');
    await grid.press('Control+a', 'Control+Shift+c');
    await grid.press('Escape', 'Shift+Space', 'Control+c', 'Control+Space', 'Control+c');
    const cells = grid.page.locator('.grid-body [aria-rowindex="6"] .cell');
    await cells.nth(0).click();
    await grid.page.locator('.grid-body [aria-rowindex="8"] [aria-colindex="4"]').click({ modifiers: ['Shift'] });
    await grid.press('Control+c');
    const copies = await grid.sent('copy');
    const all = [0, 1, 2, 3, 4, 5, 6, 7];
    assert.deepEqual(
      copies.map(({ ranges, headers, format }) => ({ ranges, headers, format })),
      [
        { ranges: [{ first: 1, last: 2, columns: [0, 1] }], headers: false, format: 'tsv' },
        { ranges: [{ first: 0, last: ROWS - 1, columns: all }], headers: true, format: 'tsv' },
        { ranges: [{ first: 2, last: 2, columns: all }], headers: false, format: 'tsv' },
        { ranges: [{ first: 0, last: ROWS - 1, columns: [1] }], headers: false, format: 'tsv' },
        { ranges: [{ first: 4, last: 6, columns: [0, 1, 2] }], headers: false, format: 'tsv' },
      ],
    );
  });

  it('finds with a count, and goes to the next and the previous match', async () => {
    grid = await harness.open();
    await grid.press('Control+f');
    await grid.page.keyboard.type('98765');
    await grid.until(`document.querySelector('.find-count').textContent.startsWith('1 of')`);
    await grid.settle();
    assert.equal((await grid.active()).text, '98765');
    assert.equal(await grid.page.locator('.find-count').textContent(), '1 of 20');
    await grid.press('Enter');
    await grid.until(`document.querySelector('.find-count').textContent.startsWith('2 of')`);
    await grid.settle();
    assert.equal((await grid.active()).text, '198765');
    await grid.press('Shift+Enter');
    await grid.until(`document.querySelector('.find-count').textContent.startsWith('1 of')`);
    await grid.press('Escape');
    assert.equal(await grid.page.locator('.find-bar:visible').count(), 0);
    assert.equal(await grid.page.locator('.grid:focus').count(), 1);
    assert.ok((await grid.sent('findCancel')).length > 0);
  });

  it('performs every step of a key that is pressed fast, in a million rows', async () => {
    grid = await harness.open({ delay: 60 });
    await grid.press('Control+f');
    await grid.page.keyboard.type('98765');
    await grid.until(`document.querySelector('.find-count').textContent.startsWith('1 of')`);
    for (const key of ['Enter', 'Enter', 'Enter']) await grid.page.keyboard.press(key);
    await grid.until(`document.querySelector('.find-count').textContent.startsWith('4 of')`);
    await grid.settle();
    assert.equal((await grid.active()).text, '398765');
  });

  it('shows a match beyond the edge of its cell, in a million rows', async () => {
    grid = await harness.open();
    const doc = grid.page.locator('.row[aria-rowindex="2"] .cell').filter({ hasText: 'id' });
    assert.doesNotMatch((await doc.textContent())!, /nested/);
    await grid.press('Control+f');
    await grid.page.keyboard.type('NESTED');
    await grid.until(`[...document.querySelectorAll('.cell')].some((cell) => /^….*"nested"/.test(cell.textContent))`);
    await grid.press('Escape');
    assert.match((await doc.textContent())!, /^\{"id": 1,/);
  });

  it('goes to a row', async () => {
    grid = await harness.open();
    await grid.press('Control+g');
    await grid.page.keyboard.type('654,321');
    await grid.press('Enter');
    assert.equal((await grid.active()).text, '654321');
    assert.equal(await grid.page.locator('.grid:focus').count(), 1);
  });

  it('can be used with the keyboard alone: header menu, sort, filter, value, tabs', async () => {
    grid = await harness.open();
    await grid.press('ArrowUp', 'Enter');
    assert.equal(await grid.page.locator('[role=menuitem]:focus').innerText(), 'Sort Ascending');
    await grid.press('ArrowDown', 'Enter');
    await grid.page.waitForSelector('.chip');
    await grid.settle();
    assert.equal((await grid.seen()).texts[0], '1000000');
    assert.equal(await grid.page.locator('[aria-sort=descending]').count(), 1);
    await grid.press('Control+Home', 'Enter');
    await grid.until(`document.querySelector('.detail-content').textContent === '1000000'`);
    assert.equal(await grid.page.locator('.detail-content:focus').count(), 1);
    await grid.press('Escape');
    assert.equal(await grid.page.locator('.grid:focus').count(), 1);
    await grid.press('ArrowUp', 'Enter', 'f');
    assert.equal(await grid.page.locator('[role=menuitem]:focus').innerText(), 'Filter by id…');
    await grid.press('Enter');
    await grid.page.getByRole('textbox', { name: 'Value' }).and(grid.page.locator(':focus')).waitFor();
    await grid.page.keyboard.type('77');
    await grid.press('Enter');
    await grid.until(`document.querySelectorAll('.chip').length === 2`);
    await grid.settle();
    assert.deepEqual((await grid.seen()).texts, { 0: '77' });
    const orders = await grid.sent('order');
    assert.deepEqual(orders.at(-1)?.order, {
      sort: [{ column: 0, direction: 'descending' }],
      filters: [{ column: 0, operator: 'equals', value: '77' }],
    });
    await grid.press('Shift+Tab', 'Shift+Tab', 'Shift+Tab', 'Shift+Tab', 'Shift+Tab', 'Shift+Tab', 'Shift+Tab');
    await grid.page.getByRole('tab', { name: /Rows/ }).focus();
    await grid.press('ArrowRight');
    assert.equal(await grid.page.locator('[role=tab]:focus').innerText(), 'Query');
  });

  it('shows the limit of rows for sorting', async () => {
    grid = await harness.open({ orderLimit: 1_000 });
    await grid.press('ArrowUp', 'Enter');
    assert.equal(await grid.page.getByText('Sorting and filtering are limited to 1,000 rows').count(), 1);
    assert.equal(
      await grid.page.getByRole('menuitem', { name: 'Sort Ascending' }).getAttribute('aria-disabled'),
      'true',
    );
    await grid.press('Escape');
  });

  it('draws only the visible ones of 1,500 columns, and reaches the last', async () => {
    grid = await harness.open({ columns: 1_500 });
    await grid.press('End');
    assert.deepEqual(await grid.active(), { row: 0, column: 1_499, text: '1499' });
    // Names are bold, and therefore wider than their values.
    const cut = await grid.page.evaluate<string[]>(
      `[...document.querySelectorAll('.column-name')].filter((name) => name.scrollWidth > name.clientWidth).map((name) => name.textContent)`,
    );
    assert.deepEqual(cut, []);
    assert.ok((await grid.nodes()) <= 1_000);
    await grid.press('Control+End');
    assert.equal((await grid.active()).text, `${ROWS * 1_499}`);
    await grid.press('Control+ArrowLeft');
    assert.equal((await grid.active()).text, `${ROWS}`);
  });

  it('hides, pins, resizes, and fits columns', async () => {
    grid = await harness.open();
    const choose = async (label: string | RegExp): Promise<void> => {
      await grid.press('Enter');
      await grid.page.getByRole('menuitem', { name: label }).click();
      await grid.settle();
    };
    await grid.press('ArrowUp', 'ArrowRight');
    await choose('Pin Column');
    await grid.page.evaluate(`document.querySelector('.grid').scrollLeft = 400`);
    await grid.settle();
    const header = grid.page.locator('.column.stuck .column-name');
    assert.equal(await header.textContent(), 'name');
    assert.ok((await header.boundingBox())!.x < 200);
    await grid.press('ArrowRight');
    await choose('Hide Column');
    assert.equal(await grid.page.locator('.column-name', { hasText: 'amount' }).count(), 0);
    await choose(/^Show Hidden Columns/);
    const width = async (): Promise<number> =>
      (await grid.page.locator('.column', { hasText: 'created_at' }).boundingBox())!.width;
    const before = await width();
    await grid.page.locator('.column', { hasText: 'created_at' }).locator('.column-handle').hover();
    await grid.page.mouse.down();
    await grid.page.mouse.move(1_000, 80);
    await grid.page.mouse.up();
    await grid.settle();
    assert.notEqual(await width(), before);
    await grid.page.locator('.column', { hasText: 'created_at' }).locator('.column-handle').dblclick();
    await grid.settle();
    assert.ok(Math.abs((await width()) - before) < 4);
  });

  it('restores its position after a reload', async () => {
    grid = await harness.open();
    await grid.press('Control+g');
    await grid.page.keyboard.type('500000');
    await grid.press('Enter', 'ArrowRight', 'ArrowUp', 'Enter');
    await grid.page.waitForTimeout(400);
    const before = { active: await grid.active(), seen: await grid.seen(1) };
    await grid.page.reload();
    await grid.page.waitForSelector('.grid-body .cell:not(.loading)');
    await grid.settle();
    assert.deepEqual({ active: await grid.active(), seen: await grid.seen(1) }, before);
    assert.equal(await grid.page.locator('.detail:visible').count(), 1);
    await grid.page.getByRole('tab', { name: 'Query' }).click();
    await grid.page.waitForTimeout(400);
    await grid.page.reload();
    await grid.page.waitForSelector('.query');
  });

  it('follows a growing result', async () => {
    grid = await harness.open({ rows: 100, growing: true });
    assert.match(await grid.page.locator('.status-rows').innerText(), /100 rows so far/);
    await grid.send({ type: 'rows', rows: { rows: 100, bytes: 9_000, complete: true, dropped: 7 } });
    assert.match(await grid.page.locator('.rows-note').innerText(), /7 more rows were not kept/);
    await grid.press('Control+End');
    assert.equal((await grid.active()).row, 99);
  });

  it('reports that a limit was reached, and opens its setting', async () => {
    grid = await harness.open({ rows: 100 });
    const change = grid.page.getByRole('button', { name: 'Change Limit…' });
    assert.equal(await change.count(), 0);
    await grid.send({
      type: 'rows',
      rows: { rows: 100, bytes: 9_000, complete: true, dropped: 4900, limit: 'maxRows' },
    });
    assert.match(
      await grid.page.locator('.rows-note').innerText(),
      /Only the first 100 of 5,000 rows were kept because of the limit pgBackground\.results\.maxRows\./,
    );
    await grid.page.screenshot({ path: 'test-results/grid-limit.png' });
    await change.click();
    const [sent] = await grid.sent('changeLimit');
    assert.deepEqual(sent, { type: 'changeLimit', limit: 'maxRows' });
  });

  it('shows state, elapsed time, and progress while the job runs, and cancels it', async () => {
    const now = Date.now();
    grid = await harness.open({
      rows: 0,
      growing: true,
      head: {
        state: 'running',
        stateText: 'Running',
        canCancel: true,
        startedAt: now - 12_000,
        progress: { pct: 42, message: 'counting' },
      },
    });
    await grid.page.waitForSelector('.job-fill');
    assert.equal(await grid.page.getByRole('progressbar').getAttribute('aria-valuenow'), '42');
    assert.match(await grid.page.locator('.job-progress-text').innerText(), /42% · counting/);
    await grid.page.getByRole('button', { name: 'Cancel' }).click();
    assert.equal((await grid.sent('cancel')).length, 1);
  });

  for (const theme of ['dark', 'light', 'hc-dark', 'hc-light'] as const) {
    it(`is readable in the ${theme} theme`, async () => {
      grid = await harness.open({ theme, notices: 12 });
      await grid.press('ArrowDown', 'ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowDown');
      await grid.page.screenshot({ path: `test-results/grid-${theme}-selection.png` });
      const [text, back] = await grid.page.evaluate<[string, string]>(`(() => {
        const style = getComputedStyle(document.querySelector('.cell.selected'));
        return [style.color, style.backgroundImage];
      })()`);
      assert.ok(!back.includes(text), `${text} on ${back}`);
      await grid.press('End', 'ArrowLeft', 'ArrowLeft', 'Enter');
      await grid.until(`document.querySelector('.detail-content').textContent.includes('\\n')`);
      await grid.page.screenshot({ path: `test-results/grid-${theme}-value.png` });
      await grid.page.getByRole('tab', { name: 'Messages' }).click();
      await grid.page.getByText('Times show when messages were received').waitFor();
      await grid.page.screenshot({ path: `test-results/grid-${theme}-messages.png` });
    });
  }

  it('follows a change of the theme, in the rows and in the tabs of the toolkit', async () => {
    // The first rows come after the page has loaded, as in VS Code, and the toolkit after them.
    grid = await harness.open({ theme: 'dark', delay: 300 });
    await grid.until(`document.querySelector('vscode-panel-tab').shadowRoot !== null`);
    const colors = (): Promise<string[]> =>
      grid!.page.evaluate<string[]>(
        `['.cell', 'vscode-panel-tab'].map((part) => getComputedStyle(document.querySelector(part)).color)`,
      );
    const before = await colors();
    await grid.page.evaluate(`harness.setTheme('light')`);
    const text = await grid.page.evaluate<string>(
      `getComputedStyle(document.documentElement).getPropertyValue('--vscode-foreground')`,
    );
    assert.match(text, /^#/);
    await grid.until(
      `['.cell', 'vscode-panel-tab'].every((part) => !${JSON.stringify(before)}.includes(getComputedStyle(document.querySelector(part)).color))`,
    );
  });
});

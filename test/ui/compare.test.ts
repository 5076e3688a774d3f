import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Locator } from 'playwright-core';
import { install, screenshotOnFailure, type Installed } from './installed';
import { ResultsView } from './resultsView';
import type { Workbench } from './workbench';

const EARLIER = `-- label: stock
SELECT i AS id, 'article ' || i AS name, (i * 7 % 90)::numeric(10,2) AS price, CASE WHEN i % 5 > 0 THEN i * 3 % 40 END AS stock,
       timestamptz '2026-01-01 08:00+00' + i * interval '1 hour' AS updated_at,
       'Shelf ' || chr(65 + i % 20) AS shelf, 'old' AS source
  FROM generate_series(1, 20000) AS i;
`;
const LATER = `-- label: stock
SELECT i AS id, CASE WHEN i % 900 = 7 THEN 'Article No. ' || i ELSE 'article ' || i END AS name,
       (i * 7 % 90 + CASE WHEN i % 450 = 7 THEN 0.5 ELSE 0 END)::numeric(10,1) AS price,
       CASE WHEN i % 5 > 0 OR i % 700 = 5 THEN i * 3 % 40 END AS stock,
       timestamptz '2026-01-01 08:00+00' + i * interval '1 hour' AS updated_at,
       'Shelf ' || chr(65 + i % 20) AS shelf, 'new' AS supplier
  FROM generate_series(4, 20012) AS i;
`;

/** Differences between the rows of two jobs, on the packaged VSIX in a real VS Code. Each test continues where the one before it ended. */
describe('a comparison of two results', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;
  let results: ResultsView;

  before(async () => {
    installed = await install({ 'earlier.sql': EARLIER, 'later.sql': LATER }, { connected: true });
    ({ ui } = installed);
    results = new ResultsView(ui);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  const run = async (file: string, rows: string): Promise<void> => {
    await ui.openFile(file);
    await ui.command('pg_background: Run File in Background');
    await ui.row('stock').filter({ hasText: rows }).waitFor({ timeout: 60_000 });
  };
  const quickRow = (text: string | RegExp): Locator =>
    ui.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: text });
  const summary = (): Locator => results.frame.getByText(/^\d+ added, \d+ removed, \d+ changed, [\d,]+ equal$/);

  it('asks for the other job and the key columns, from the row of a job', async () => {
    await run('earlier.sql', '20,000 rows');
    await run('later.sql', '20,009 rows');
    await ui.rowMenu(ui.row('stock').filter({ hasText: '20,009 rows' }), 'Compare Results with…');
    await quickRow('20,000 rows').waitFor();
    await ui.screenshot('compare-job');
    await quickRow('20,000 rows').click();
    await quickRow(/id.*integer.*unique/).waitFor();
    await ui.screenshot('compare-keys');
    await ui.page.keyboard.press('Enter');
    await summary().waitFor();
    assert.equal(await summary().textContent(), '12 added, 3 removed, 74 changed, 19,923 equal');
  });

  it('shows the differences in the grid, with both values of changed cells', async () => {
    await results.focused();
    await results.row(1).getByText('removed').waitFor();
    await results.row(4).getByText('stock').waitFor();
    await results.row(4).getByText('NULL → 15').waitFor();
    await results.frame
      .getByText('Only the earlier result has: source. Only the later result has: supplier.')
      .waitFor();
    assert.deepEqual(
      (await results.frame.getByRole('tab').allTextContents()).map((text) => text.trim()),
      ['Rows (89)', 'Details'],
    );
    await ui.screenshot('compare-rows');
  });

  it('can be searched', async () => {
    await results.press('Control+f');
    await ui.page.keyboard.type('Article No.');
    await results.press('Enter');
    await results.frame.getByText(/^1 of \d+$/).waitFor();
    await results.press('Escape');
  });

  it('describes itself in the Details tab', async () => {
    await results.frame.getByRole('tab', { name: 'Details' }).click();
    await results.frame.getByText('Changed in price').waitFor();
    await ui.screenshot('compare-details');
  });

  for (const [name, theme, shown] of [
    ['dark', 'Default Dark Modern', '.monaco-workbench.vs-dark'],
    ['high-contrast', 'Default High Contrast', '.monaco-workbench.hc-black'],
  ] as const) {
    it(`is gone after a reload, and is readable in the theme "${theme}"`, async () => {
      const file = join(installed.vscode.userDataDir, 'User/settings.json');
      const settings = JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as Record<string, unknown>;
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, JSON.stringify({ ...settings, 'workbench.colorTheme': theme }));
      // In a browser, VS Code reads this file only at startup.
      await ui.reload();
      await ui.page.locator(shown).waitFor();
      await ui.row('stock').first().waitFor();
      assert.equal(await ui.page.getByRole('tab', { name: 'Differences' }).count(), 0);
      await ui.rowMenu(ui.row('stock').filter({ hasText: '20,009 rows' }), 'Compare Results with…');
      await quickRow('20,000 rows').click();
      await quickRow(/id.*integer.*unique/).waitFor();
      await ui.page.keyboard.press('Enter');
      await summary().waitFor();
      await results.row(4).getByText('NULL → 15').waitFor();
      await ui.screenshot(`compare-${name}`);
    });
  }
});

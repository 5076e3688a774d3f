import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Locator } from 'playwright-core';
import type { JobRecord } from '../../src/core/jobs/job';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

const SQL = `-- label: of today
SELECT pg_sleep(0);

-- label: misspelt
SELECT nosuch;

-- label: takes long
SELECT pg_sleep(600);
`;

/** Finding, grouping, and pinning jobs. Each test continues where the one before it ended. */
describe('the history of jobs', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    installed = await install({ 'work.sql': SQL }, { connected: true });
    ({ ui } = installed);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  const message = (text: string | RegExp): Locator =>
    ui.page.locator('.tree-explorer-viewlet-tree-view .message').filter({ hasText: text });
  const gone = (text: string): Promise<void> => ui.row(text).waitFor({ state: 'detached' });

  async function run(line: number): Promise<void> {
    await ui.openFile('work.sql');
    await ui.selectLines(line, line + 1);
    await ui.command('pg_background: Run in Background');
  }

  async function filterInput(): Promise<Locator> {
    // Not that of the palette, which may still be open.
    const input = ui.page.locator('.quick-input-box input[placeholder^="Words to find"]');
    await input.waitFor();
    return input;
  }

  /** Writes copies of the record of a job, which ended at noon some days ago after some milliseconds. */
  async function addEarlier(jobs: Readonly<Record<string, number>>): Promise<void> {
    const files = await readdir(installed.vscode.userDataDir, { recursive: true, withFileTypes: true });
    const folder = files.find(
      ({ name, parentPath }) => name.endsWith('.json') && basename(parentPath) === 'jobs',
    )!.parentPath;
    const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
    const record = texts.map((text) => JSON.parse(text) as JobRecord).find(({ label }) => label === 'of today')!;
    for (const [label, days] of Object.entries(jobs)) {
      const at = new Date();
      at.setHours(12, 0, 0, 0);
      at.setDate(at.getDate() - days);
      const times = { queuedAt: at.getTime(), launchedAt: at.getTime(), finishedAt: at.getTime() + 100 };
      const id = randomUUID();
      await writeFile(join(folder, `${id}.json`), JSON.stringify({ ...record, ...times, id, label }));
    }
  }

  it('groups the finished jobs of earlier days, which are collapsed', async () => {
    await run(1);
    await ui.row('of today').filter({ hasText: '1 row' }).waitFor();
    await run(4);
    await ui.row('misspelt').filter({ hasText: 'nosuch' }).waitFor();
    await addEarlier({ 'day before 1': 1, 'day before 2': 1, 'long ago': 10 });
    await ui.reload();
    await ui.row('Yesterday').filter({ hasText: '2 jobs' }).waitFor();
    await ui.row('of today').waitFor();
    const older = ui.row('1 job').filter({ hasNotText: '2 jobs' });
    assert.ok(await ui.isAbove(ui.row('of today'), ui.row('Yesterday')));
    assert.ok(await ui.isAbove(ui.row('Yesterday'), older));
    assert.equal(await ui.row('day before').count(), 0);
    await ui.row('Yesterday').click();
    await ui.row('day before 2').waitFor();
    await ui.screenshot('history-days');
  });

  it('filters the rows while the user types, and Escape restores the former filter', async () => {
    await ui.page.getByRole('button', { name: 'Filter Jobs…' }).click();
    const input = await filterInput();
    await input.fill('is:failed');
    await message('Filter: is:failed (1 of 5 jobs)').waitFor();
    await gone('of today');
    await ui.row('misspelt').waitFor();
    await input.fill('is:broken');
    await ui.page.locator('.quick-input-list').getByText('Ignored: “is:broken”').waitFor();
    await ui.row('of today').waitFor();
    await ui.page.keyboard.press('Escape');
    await message(/Filter/).waitFor({ state: 'hidden' });
    await ui.row('misspelt').waitFor();
  });

  it('completes terms, shows what it finds in groups, and keeps the filter after a reload', async () => {
    await ui.command('pg_background: Filter Jobs…');
    await (await filterInput()).fill('ago conn');
    // The list is updated together with the message.
    await message('Filter: ago conn (0 of 5 jobs)').waitFor();
    await ui.pick('connection:');
    await message('Filter: ago connection: (').waitFor();
    await ui.pick('connection:work');
    await message('Filter: ago connection:work (').waitFor();
    await ui.page.keyboard.press('Enter');
    // The tree is filtered before the filter is applied, so only the closed list shows that it is.
    await ui.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    await message('Filter: ago connection:work (1 of 5 jobs)').waitFor();
    await ui.row('long ago').waitFor();
    await gone('Yesterday');
    await ui.screenshot('history-filter');
    await ui.reload();
    await message('Filter: ago connection:work (1 of 5 jobs)').waitFor();
    await ui.row('long ago').waitFor();
    assert.equal(await ui.row('of today').count(), 0);
    await ui.page.getByRole('button', { name: 'Clear Filter' }).click();
    await ui.row('of today').waitFor();
  });

  it('shows how long earlier runs took, and that a job is slower', async () => {
    await run(7);
    const row = ui.row('takes long');
    await row.filter({ hasText: 'slower than usual' }).waitFor();
    const tooltip = await ui.rowTooltip(row, /usually/);
    assert.match((await tooltip.textContent())!.replace(/\s/g, ' '), /usually .*ms \(4 runs\) · slower than usual/);
    await ui.page.keyboard.press('Escape');
    await ui.rowMenu(row, 'Cancel');
    await row.filter({ hasText: 'canceled' }).waitFor();
  });

  it('keeps pinned jobs when finished jobs are cleared, until they are cleared by themselves', async () => {
    await ui.rowMenu(ui.row('misspelt'), 'Pin');
    await ui.row('misspelt').filter({ hasText: 'pinned' }).waitFor();
    // With a filter, only what it shows is cleared.
    await ui.command('pg_background: Filter Jobs…');
    await (await filterInput()).fill('is:canceled');
    await message('Filter: is:canceled (1 of 6 jobs)').waitFor();
    await ui.page.keyboard.press('Enter');
    await ui.command('pg_background: Clear Finished Jobs');
    await gone('takes long');
    await ui.command('pg_background: Clear Filter');
    await ui.row('of today').waitFor();
    await ui.command('pg_background: Clear Finished Jobs');
    for (const label of ['of today', 'Yesterday']) await gone(label);
    await ui.reload();
    await ui.row('misspelt').filter({ hasText: 'pinned' }).waitFor();
    await ui.screenshot('history-pinned');
    await ui.rowMenu(ui.row('misspelt'), 'Clear Finished Jobs');
    await gone('misspelt');
  });
});

import type { Locator } from 'playwright-core';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

const SQL = `SELECT 1 AS one;
SELECT count(*) FROM comes_later;
SELECT pg_sleep(600);
`;

/** A batch in the tree. Each test continues where the one before it ended. */
describe('batches in the tree', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    installed = await install(
      {
        'load.sql': SQL,
        'other.sql': '-- label: runs on\nSELECT pg_sleep(601);\n',
        'two.sql': 'SELECT pg_sleep(602);\nSELECT 2 AS two;\n',
      },
      { connected: true },
    );
    ({ ui } = installed);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  const batch = (text: string): Locator => ui.row('load.sql').filter({ hasText: text });
  const inline = async (row: Locator, action: string): Promise<void> => {
    await row.hover();
    await row.getByRole('button', { name: action, exact: true }).click();
  };
  const cancelAll = async (row: Locator): Promise<void> => {
    await inline(row, 'Cancel All');
    await ui.dialog('Cancel “').getByRole('button', { name: 'Cancel 1 Job' }).click();
  };

  it('show how many statements have ended and failed, with the statements below', async () => {
    // It runs all the time, so that its end does not redraw the rows of the connection.
    await ui.openFile('other.sql');
    await ui.selectLines(1, 2);
    await ui.command('pg_background: Run in Background');
    await ui.row('runs on').filter({ hasText: /\d s/ }).waitFor();
    await ui.openFile('load.sql');
    await ui.command('pg_background: Run Each Statement in Background');
    const list = ui.page.locator('.quick-input-list .monaco-list-row');
    await list.filter({ hasText: /Order.*in order/ }).waitFor();
    await ui.pick('If a statement fails');
    await list.filter({ hasText: 'continue with the next statement' }).waitFor();
    await ui.screenshot('batch-options');
    await ui.pick('3 statements, with the options below');
    const row = batch('2 of 3, 1 failed');
    await row.waitFor();
    // A batch counts as one.
    await ui.statusBar('2 jobs').waitFor();
    await row.click();
    await ui.row('SELECT pg_sleep').waitFor();
    await ui.row('SELECT count').filter({ hasText: 'comes_later' }).waitFor();
    await ui.screenshot('batch');
  });

  it('open the first failure', async () => {
    await inline(batch('2 of 3, 1 failed'), 'Show First Failure');
    await ui.results().getByText('relation "comes_later" does not exist').first().waitFor();
  });

  it('cancel what runs and waits', async () => {
    await cancelAll(batch('2 of 3, 1 failed'));
    await batch('3 of 3, 1 failed, 1 canceled').waitFor();
  });

  it('run what failed again, as a new batch, which counts while it is collapsed and another job runs', async () => {
    await installed.server.psql('CREATE TABLE comes_later (n int)', { database: installed.database });
    // A click right after the row has moved would ask for confirmation.
    await ui.rowMenu(batch('1 canceled'), 'Run Failed Again');
    const again = batch('1 of 2');
    await again.waitFor();
    // Its row changes once more when the second statement runs, and a click just then would be lost.
    await again.click();
    await ui.row('SELECT pg_sleep').filter({ hasText: /\d s/, hasNotText: 'canceled' }).waitFor();
    await again.click();
    await cancelAll(again);
    await batch('2 of 2, 1 canceled').waitFor();
  });

  it('are paused by a reload, and continue when the user resumes them; the details name the batch', async () => {
    await ui.openFile('two.sql');
    await ui.command('pg_background: Run Each Statement in Background');
    await ui.pick('2 statements, with the options below');
    const row = ui.row('two.sql').filter({ hasText: '0 of 2' });
    await row.waitFor();
    await row.click();
    await ui.row('SELECT pg_sleep').filter({ hasText: /\d s/ }).first().waitFor();
    // Collapsed, whatever VS Code restores.
    await row.click();
    await ui.row('AS two').waitFor({ state: 'detached' });
    await installed.vscode.killExtensionHost();
    await ui.reload();
    const prompt = ui.notification('1 queued job was not launched before VS Code was reloaded.');
    await prompt.getByRole('button', { name: 'Resume' }).click();
    await installed.server.psql(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(602)%' AND backend_type = 'pg_background'",
    );
    await ui.row('two.sql').filter({ hasText: '2 of 2' }).click();
    const second = ui.row('AS two').filter({ hasText: '1 row' });
    await second.waitFor();
    await second.click();
    const results = ui.results();
    await results.getByRole('tab', { name: 'Details' }).click();
    await results.getByText('two.sql, 2 of 2').waitFor();
  });
});

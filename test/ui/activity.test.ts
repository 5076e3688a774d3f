import type { Client } from 'pg';
import { openSession } from '../server/activity/support';
import { eventually, profileOf } from '../server/support';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

/** What a worker does, on the packaged VSIX in a real VS Code. Each test continues where the one before it ended. */
describe('the activity of workers', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;
  let blocker: Client;

  before(async () => {
    installed = await install(
      {
        'work.sql': '-- label: waits\nLOCK TABLE busy IN SHARE MODE; SELECT 1;\n',
        'again.sql': `-- label: waits again\nDO $$ BEGIN LOOP BEGIN LOCK TABLE busy; EXIT;
EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$;\n`,
      },
      { connected: true },
    );
    ({ ui } = installed);
    await installed.server.psql('CREATE TABLE busy ()', { database: installed.database });
    blocker = await openSession(profileOf(installed.server, installed.database), 'the blocker');
  });
  after(async () => {
    await blocker.end().catch(() => undefined);
    await installed.close();
  });
  afterEach(screenshotOnFailure(() => ui));

  it('is shown in the row of a job, and in its panel with the process that blocks it', async () => {
    await blocker.query('BEGIN; LOCK TABLE busy');
    await ui.openFile('work.sql');
    await ui.selectLines(1, 2);
    await ui.command('pg_background: Run in Background');
    const row = ui.row('waits').filter({ hasText: /waiting for a lock · \d+ s/ });
    await row.waitFor();
    await ui.rowMenu(row, 'Show Activity');
    const page = ui.results();
    await page.getByRole('heading', { name: 'Waiting for a lock' }).waitFor();
    await page.getByText(/^pid \d+ · postgres · the blocker$/).waitFor();
    await page.getByText(/^idle in transaction for/).waitFor();
    await ui.screenshot('activity-blocked');
  });

  it('offers to end the blocker, after a confirmation that says what is lost, and reports the result', async () => {
    const page = ui.results();
    await page.getByRole('button', { name: /^Terminate Session…/ }).click();
    const dialog = ui.dialog(/Terminate the session pid \d+ · postgres · the blocker\?/);
    await dialog.filter({ hasText: /its transaction, open for .*, is rolled back/ }).waitFor();
    await ui.screenshot('activity-terminate');
    await dialog.getByRole('button', { name: 'Terminate Session' }).click();
    await ui.notification(/the blocker was terminated\. It no longer blocks the worker\./).waitFor();
    await page.getByRole('tab', { name: 'Rows (1)' }).waitFor();
    await page.getByRole('tab', { name: 'Activity' }).waitFor({ state: 'detached' });
  });

  it('of a worker that was launched elsewhere is shown with a click, until the worker ends', async () => {
    // After a reload, the order of several panels in the page differs.
    await ui.command('View: Close All Editors');
    const launched = await installed.server.psql(
      `SELECT pid FROM pg_background_launch('SELECT pg_sleep(600)', 0, 'of a colleague')`,
      { database: installed.database },
    );
    const row = ui.row('of a colleague').filter({ hasText: /waiting · \d+ s/ });
    await row.click();
    const page = ui.webview();
    await page.getByRole('heading', { name: `of a colleague (${launched})` }).waitFor();
    await page.getByText('Timeout/PgSleep').first().waitFor();
    await page.getByText('SELECT pg_sleep(600)').waitFor();
    await ui.screenshot('activity-foreign');
    // VS Code in a browser stores its state when it is idle.
    await eventually(async () => {
      const stored = JSON.stringify(await ui.page.context().storageState({ indexedDB: true }));
      return stored.includes(`of a colleague (${launched})`);
    }, 'VS Code has stored the panel');
    await ui.reload();
    await page.getByRole('heading', { name: `of a colleague (${launched})` }).waitFor();
    await page.getByText('SELECT pg_sleep(600)').waitFor();
    await installed.server.psql(`SELECT pg_terminate_backend(${launched})`);
    await page.getByRole('heading', { name: 'The worker has ended.' }).waitFor();
    await ui.reload();
    await page.getByRole('heading', { name: 'The worker has ended.' }).waitFor();
    await ui.screenshot('activity-ended');
  });

  it('explains why a worker does not respond to a cancel, and what holds the lock that it waits for again', async () => {
    const holder = await openSession(profileOf(installed.server, installed.database), 'the holder');
    try {
      await holder.query('BEGIN; LOCK TABLE busy');
      await ui.openFile('again.sql');
      await ui.editorContextMenu('Run in Background');
      const row = ui.row('waits again').filter({ hasText: /waiting for a lock/ });
      await row.hover();
      await row.getByRole('button', { name: 'Cancel', exact: true }).click();
      const warning = ui.notification(/is still running \d s after SIGTERM/);
      await warning
        .filter({ hasText: /waited for the same lock .*Lock\/relation.*, held by pid \d+, postgres, the holder/ })
        .waitFor();
      await ui.screenshot('activity-unresponsive-warning');
      await warning.getByRole('button', { name: 'Show Activity' }).click();
      const page = ui.results();
      await page.getByText(/waited for the same lock/).waitFor();
      await page.getByText(/^pid \d+ · postgres · the holder$/).waitFor();
      await ui.screenshot('activity-unresponsive');
    } finally {
      await holder.end();
    }
    await ui.row('waits again').filter({ hasText: /DO · / }).waitFor();
  });
});

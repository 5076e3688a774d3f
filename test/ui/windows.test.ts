import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withGate } from '../gate';
import { install, screenshotOnFailure, type Installed } from './installed';
import { ResultsView } from './resultsView';
import { launchBrowser, Workbench, type TestBrowser } from './workbench';

const SQL = `-- label: of the first window
SELECT pg_sleep(600);

-- label: ended before
SELECT 'kept' AS word;

-- label: sleeps on
SELECT pg_sleep(600);

-- label: of the second window
SELECT 'from here' AS word;
`;

/** Several windows on one workspace. Each test continues where the one before it ended. */
describe('windows on one workspace', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;
  let other: Workbench;
  const browsers: TestBrowser[] = [];
  let url: string;

  before(async () => {
    const settings = { 'pgBackground.notifyAfterSeconds': 0, 'pgBackground.notifications': 'failures' };
    installed = await install({ 'work.sql': SQL }, { connected: true, settings });
    ({ ui } = installed);
    url = ui.page.url();
  });
  after(async () => {
    for (const browser of browsers) await browser.close();
    await installed.close();
  });
  afterEach(screenshotOnFailure(() => other));

  /** In a browser of its own: VS Code's webviews of two pages in one automated browser block each other. */
  async function openWindow(): Promise<Workbench> {
    const browser = await launchBrowser();
    browsers.push(browser);
    const opened = new Workbench(await browser.context.newPage());
    await opened.open(url);
    return opened;
  }

  async function run(window: Workbench, line: number): Promise<void> {
    await window.openFile('work.sql');
    await window.selectLines(line, line + 1);
    await window.command('pg_background: Run in Background');
  }

  const runs = /\d+ s · \d+/;

  it('each show the jobs of the others, with their rows', async () => {
    await run(ui, 4);
    await run(ui, 1);
    await ui.row('of the first window').filter({ hasText: runs }).waitFor();
    await ui.row('ended before').filter({ hasText: '1 row' }).waitFor();

    other = await openWindow();
    const there = other.row('of the first window');
    await there.filter({ hasText: runs }).waitFor();
    assert.equal(await there.count(), 1, 'the job is listed once, and not as a worker that was launched elsewhere');
    await other.statusBar('1 job').waitFor();
    await other.row('ended before').dblclick();
    await other.results().getByText('kept', { exact: true }).waitFor();
    await other.screenshot('windows');

    await run(other, 10);
    await other.row('of the second window').filter({ hasText: '1 row' }).waitFor();
    await ui.row('of the second window').filter({ hasText: '1 row' }).dblclick();
    await ui.results().getByText('from here', { exact: true }).waitFor();
  });

  it('each show the rows of a job when they arrive', async () => {
    await withGate({ ...installed.server, database: installed.database }, async (gate) => {
      const sql = `SELECT i FROM (SELECT ${gate.wait} OFFSET 0) AS gate, generate_series(1, 1000) AS i`;
      await writeFile(join(installed.workspace, 'rows.sql'), `-- label: rows later\n${sql};\n`);
      await ui.openFile('rows.sql');
      await ui.command('pg_background: Run in Background');
      await other.row('rows later').filter({ hasText: runs }).dblclick();
      const results = new ResultsView(other);
      await results.frame.getByText('No rows yet.').waitFor();
      await gate.open();
      await results.row(1).waitFor();
      await results.status.filter({ hasText: '1,000 rows' }).waitFor();
    });
  });

  it('cancel a job of another window, which both report', async () => {
    const there = other.row('of the first window');
    await other.rowMenu(there, 'Cancel');
    await other.notification(/“of the first window” stopped .* after SIGTERM/).waitFor();
    await there.filter({ hasText: 'canceled' }).waitFor();
    await ui.row('of the first window').filter({ hasText: 'canceled' }).waitFor();
  });

  it('clear jobs of another window in all of them', async () => {
    await ui.rowMenu(ui.row('of the second window'), 'Clear Finished Jobs');
    await ui.row('of the second window').waitFor({ state: 'detached' });
    await other.row('of the second window').waitFor({ state: 'detached' });
    await other.row('ended before').waitFor();
  });

  it('continue to show the jobs of a browser tab that was closed, and notify when they end', async () => {
    const profile = { ...installed.server, database: installed.database };
    await withGate(profile, async (gate) => {
      // Divides when the gate is open, not when the statement is planned.
      const failing = `-- label: fails later\nSELECT 1 / length(w::text) FROM (SELECT ${gate.wait} AS w) AS gate;\n`;
      await writeFile(join(installed.workspace, 'failing.sql'), failing);
      await ui.openFile('failing.sql');
      await ui.command('pg_background: Run in Background');
      await ui.row('fails later').filter({ hasText: runs }).waitFor();
      await run(ui, 7);
      await ui.row('sleeps on').filter({ hasText: runs }).waitFor();
      // As if the machine of the browser lost its power: VS Code waits for hours for the browser to return.
      await installed.browser.close();
      const third = await openWindow();
      await third.row('fails later').filter({ hasText: runs }).waitFor();
      await third.row('sleeps on').filter({ hasText: runs }).waitFor();
      await third.screenshot('windows-closed-tab');
      await gate.open();
      await third.notification(/“fails later” failed after .*division by zero/).waitFor();
      await third.row('fails later').filter({ hasText: 'division by zero' }).waitFor();
      await other.row('fails later').filter({ hasText: 'division by zero' }).waitFor();
      assert.equal(await other.notification(/“fails later”/).count(), 0, 'one window notifies');

      await third.rowMenu(third.row('sleeps on'), 'Cancel');
      await third.row('sleeps on').filter({ hasText: 'canceled' }).waitFor();
      await other.row('sleeps on').filter({ hasText: 'canceled' }).waitFor();
    });
  });
});

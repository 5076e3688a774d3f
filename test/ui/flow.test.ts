import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { JobRecord } from '../../src/core/jobs/job';
import { withGate } from '../gate';
import { install, screenshotOnFailure, type Installed } from './installed';
import { eventually, type TestServer } from '../server/support';
import type { Workbench } from './workbench';

const SQL = `-- label: three rows
SELECT g AS number, 'row ' || g AS text FROM generate_series(1, 3) AS g, pg_sleep(0.1);

-- label: sleeps long
SELECT pg_sleep(600);

-- label: misspelt
SELECT nosuch FROM pg_class;
`;

/** The main flow, on the packaged VSIX in a real VS Code. Each test continues where the one before it ended. */
describe('main flow', function () {
  this.timeout(480_000);
  let server: TestServer;
  let database: string;
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    installed = await install(
      { 'work.sql': SQL },
      {
        connected: false,
        settings: {
          'pgBackground.cancelGraceSeconds': 6,
          'pgBackground.notifyAfterSeconds': 0,
          'pgBackground.history.maxJobs': 0,
        },
      },
    );
    ({ server, database, ui } = installed);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  it('adds a connection from the empty view with a pasted URI', async () => {
    await ui.command('pg_background: Show Jobs and Workers');
    await ui.page.getByRole('button', { name: 'Add Connection' }).first().click();
    const form = ui.webview();
    await form
      .getByRole('textbox', { name: 'URI or DSN' })
      .fill(`postgres://${server.user}@${server.host}:${server.port}/${database}`);
    const name = form.getByRole('textbox', { name: 'Name' });
    // The page sends the URI when its field loses the focus. Then the extension parses it and suggests a name.
    await name.focus();
    await eventually(async () => (await name.inputValue()) !== '', 'the suggested name');
    await name.fill('work');
    await form.getByRole('button', { name: 'Save' }).click();
    await ui.notification(/“work” is ready: PostgreSQL 18.* with pg_background 2/).waitFor();
    await ui.row('work').first().waitFor();
  });

  it('runs a selection from the context menu and shows its label, outcome, and rows', async () => {
    await ui.openFile('work.sql');
    await ui.selectLines(1, 2);
    await ui.editorRightClick('Run in Background');
    const row = ui.row('three rows');
    await row.filter({ hasText: '3 rows' }).waitFor();
    // The SQL sleeps for a moment, because the server may not report the pid of a worker that ends at once.
    assert.match((await row.textContent())!, /three rows\s*3 rows · \d+ m?s · \d+ · \d+:\d\d/);
    await ui.notification(/“three rows” succeeded: 3 rows/).waitFor();
    await row.click();
    const results = ui.results();
    await results.getByText('row 3', { exact: true }).waitFor();
  });

  it('shows a running job with its pid, counts it in the status bar, and cancels it', async () => {
    await ui.openFile('work.sql');
    await ui.selectLines(4, 5);
    await ui.editorContextMenu('Run in Background');
    const row = ui.row('sleeps long');
    await row.filter({ hasText: /sleeps long\s*\d+ s · \d+/ }).waitFor();
    const pid = /sleeps long\s*\d+ s · (\d+)/.exec((await row.textContent())!)![1]!;
    assert.equal(await server.psql(`SELECT backend_type FROM pg_stat_activity WHERE pid = ${pid}`), 'pg_background');
    await ui.statusBar('1 job').waitFor();
    // The panel of a running job shows its state.
    await row.click();
    await ui.results().getByText('Running', { exact: true }).waitFor();
    // The keyboard stays in the tree.
    await ui.page.locator('.monaco-list:focus .monaco-list-row').filter({ hasText: 'sleeps long' }).waitFor();
    // It replaces the panel that was only a preview.
    await ui.page.getByRole('tab', { name: /^three rows/ }).waitFor({ state: 'detached' });
    await ui.results().getByRole('button', { name: 'Cancel', exact: true }).waitFor();
    await row.hover();
    await row.getByRole('button', { name: 'Cancel', exact: true }).click();
    await ui.notification(/“sleeps long” stopped .* after SIGTERM/).waitFor();
    await row.filter({ hasText: 'canceled' }).waitFor();
    assert.equal(await server.psql(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pid}`), '0');
    await ui.statusBar('1 job').waitFor({ state: 'detached' });
  });

  it('shows progress through the grace window, then explains why a worker that catches cancels is still running', async () => {
    const row = ui.row('swallows cancels');
    await withGate({ host: server.host, port: server.port, database, user: server.user }, async (gate) => {
      await writeFile(join(installed.workspace, 'stubborn.sql'), `-- label: swallows cancels\n${gate.swallow};\n`);
      await ui.openFile('stubborn.sql');
      await ui.editorContextMenu('Run in Background');
      await row.filter({ hasText: /\d+ s · \d+/ }).waitFor();
      const asleep = `SELECT count(*) FROM pg_stat_activity WHERE datname = '${database}' AND wait_event = 'PgSleep'`;
      await eventually(
        async () => (await server.psql(asleep)) === '1',
        'the worker sleeps in the block that catches the cancel',
      );
      await row.hover();
      await row.getByRole('button', { name: 'Cancel', exact: true }).click();
      await ui.notification(/Canceling “swallows cancels” \(pid \d+\).* of 6 s/).waitFor();
      await row.filter({ hasText: /canceling · \d of 6 s/ }).waitFor();
      const warning = ui.notification(/is still running 6 s after SIGTERM/);
      await warning.waitFor();
      const text = (await warning.textContent())!;
      assert.match(text, /This extension never kills a worker, because that would restart the whole server/);
      assert.match(text, /statement_timeout or pg_background.worker_timeout/);
      assert.match(text, /catches the cancel/);
      for (const action of ['Keep Waiting', 'Run Again with Timeout…', 'Show Details']) {
        await warning.getByRole('button', { name: action }).waitFor();
      }
      await row.filter({ hasText: /not responding · \d+ s · \d+/ }).waitFor();
      await warning.getByRole('button', { name: 'Keep Waiting' }).click();
    });
    // The job stays listed until its worker ends.
    await row.filter({ hasText: /DO · / }).waitFor();
    await ui.rowMenu(row, 'Show Details');
    const details = ui.results();
    await details.getByText('Succeeded').first().waitFor();
    await details.getByText('SIGTERM sent').waitFor();
  });

  it('shows the error of a failed job in its row', async () => {
    await ui.openFile('work.sql');
    await ui.selectLines(7, 8);
    await ui.editorContextMenu('Run in Background');
    await ui.row('misspelt').filter({ hasText: 'column "nosuch" does not exist' }).waitFor();
  });

  it('restores ended jobs, previews, CodeLenses, and rows after a window reload', async () => {
    await ui.reload();
    await ui.command('pg_background: Show Jobs and Workers');
    for (const label of ['three rows', 'sleeps long', 'misspelt']) await ui.row(label).waitFor();
    // Also the preview panel.
    await ui.page.getByRole('tab', { name: /^sleeps long/ }).waitFor();
    await ui.openFile('work.sql');
    await ui.lens(/^✓ 3 rows/).waitFor();
    await ui.lens(/^✗ column "nosuch" does not exist/).waitFor();
    await ui.page.locator('.squiggly-error').first().waitFor();
    await ui.row('three rows').click();
    const results = ui.results();
    await results.getByText('row 3', { exact: true }).waitFor();
  });

  it('lists 5,000 restored jobs even if the tree is drawn before they are read', async () => {
    const files = await readdir(installed.vscode.userDataDir, { recursive: true, withFileTypes: true });
    const folder = files.find(
      ({ name, parentPath }) => name.endsWith('.json') && basename(parentPath) === 'jobs',
    )!.parentPath;
    const records = await Promise.all(
      (await readdir(folder))
        .filter((name) => name.endsWith('.json'))
        .map((name) => readFile(join(folder, name), 'utf8')),
    );
    const record = records.map((text) => JSON.parse(text) as JobRecord).find(({ label }) => label === 'three rows')!;
    for (let i = 1; i <= 5000; i++) {
      const old = { ...record, id: randomUUID(), label: `old ${i}`, queuedAt: record.queuedAt - i };
      await writeFile(join(folder, `${old.id}.json`), JSON.stringify(old));
    }
    await ui.reload();
    for (const label of ['three rows', 'old 1']) await ui.row(label).first().waitFor();
    // Works although nothing has connected since the reload.
    await ui.command('pg_background: Clear Finished Jobs');
    await ui.row('three rows').waitFor({ state: 'detached' });
  });
});

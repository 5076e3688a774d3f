import assert from 'node:assert/strict';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

const SQL = `-- label: outlives the window
SELECT pg_sleep(600);

-- label: quick one
SELECT 'kept' AS word;

-- label: reads rows
SELECT i, repeat('x', 20000), pg_sleep(0.01) FROM generate_series(1, 60000) AS i;

-- label: waits its turn
SELECT 'at last' AS word;
`;

/** Kills the extension host while jobs are in every state. Each test continues where the one before it ended. */
describe('a killed extension host', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;
  let pid: string;

  before(async () => {
    installed = await install(
      { 'work.sql': SQL },
      { connected: true, settings: { 'pgBackground.maxConcurrentJobs': 2 } },
    );
    ({ ui } = installed);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  async function run(firstLine: number): Promise<void> {
    await ui.openFile('work.sql');
    await ui.selectLines(firstLine, firstLine + 1);
    await ui.editorContextMenu('Run in Background');
  }

  it('restores running jobs as detached and queued jobs as paused, and their workers keep running', async () => {
    await run(4);
    await ui.row('quick one').filter({ hasText: '1 row' }).waitFor();
    await run(1);
    const row = ui.row('outlives the window');
    await row.filter({ hasText: /\d+ s · \d+/ }).waitFor();
    pid = /window\s*\d+ s · (\d+)/.exec((await row.textContent())!)![1]!;
    await run(7);
    await ui.row('reads rows').filter({ hasText: 'reading rows' }).waitFor();
    await run(10);
    await ui.row('waits its turn').filter({ hasText: 'queued, next' }).waitFor();

    assert.ok((await installed.vscode.killExtensionHost()) > 0);
    await ui.reload();
    await row.filter({ hasText: 'detached' }).waitFor();
    assert.ok((await row.textContent())!.includes(pid));
    await ui.row('reads rows').filter({ hasText: 'detached' }).waitFor();
    await ui.row('waits its turn').filter({ hasText: 'paused' }).waitFor();
    assert.equal(await installed.server.psql(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pid}`), '1');
    await ui.notification(/2 jobs were running when VS Code was reloaded.*rows and outcomes are lost/).waitFor();
    // The CodeLens does not offer to run the SQL again while it is running.
    await ui
      .lens(/^Cancel · detached/)
      .first()
      .waitFor();
    await ui.lens(/^✓ 1 row/).waitFor();
    await ui.screenshot('after-a-killed-host');
  });

  it('restores an ended job with its rows', async () => {
    await ui.row('quick one').click();
    const results = ui.results();
    await results.getByText('kept', { exact: true }).waitFor();
  });

  it('lets a paused job that was resumed wait for the workers that still run, because they count for the limit', async () => {
    const question = ui.notification('1 queued job was not launched before VS Code was reloaded.');
    await question.getByRole('button', { name: 'Resume' }).click();
    await ui.row('waits its turn').filter({ hasText: 'paused' }).waitFor({ state: 'detached' });
    await ui.row('waits its turn').filter({ hasText: 'queued' }).waitFor();
  });

  it('cancels a detached job, which ends with an unknown outcome, and the next job runs in its place', async () => {
    const row = ui.row('outlives the window');
    // From the menu, because the tree is being redrawn after the end of another job, and a click on an inline button could miss its row.
    await ui.rowMenu(row, 'Cancel');
    await row.filter({ hasText: 'outcome unknown' }).waitFor();
    await ui.row('waits its turn').filter({ hasText: '1 row' }).waitFor();
    assert.equal(await installed.server.psql(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pid}`), '0');
  });
});

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

/** What is left when the extension host is killed without warning, with workers in every state. */
describe('a killed extension host', function () {
  this.timeout(240_000);
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

  it('the workers run on, and are found again as detached; what was queued waits for a word', async () => {
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
    // The text that runs is not offered to be run again.
    await ui
      .lens(/^Cancel · detached/)
      .first()
      .waitFor();
    await ui.lens(/^✓ 1 row/).waitFor();
    await ui.screenshot('after-a-killed-host');
  });

  it('what had ended is there with its rows', async () => {
    await ui.row('quick one').click();
    const results = ui.results();
    await results.getByText('kept', { exact: true }).waitFor();
  });

  it('the queued one runs on request, once', async () => {
    const question = ui.notification('One job was queued when VS Code was reloaded and was never launched.');
    await question.getByRole('button', { name: 'Run Them' }).click();
    await ui.row('waits its turn').filter({ hasText: '1 row' }).waitFor();
  });

  it('a detached worker can be canceled, and ends as finished with its outcome unknown', async () => {
    const row = ui.row('outlives the window');
    // By the menu: a click on the button that meets the tree while it is drawn anew (the job before has just ended) has no row.
    await ui.rowMenu(row, 'Cancel Worker');
    await row.filter({ hasText: 'outcome unknown' }).waitFor();
    assert.equal(await installed.server.psql(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pid}`), '0');
  });
});

import assert from 'node:assert/strict';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

const SQL = `-- label: outlives the window
SELECT pg_sleep(600);

-- label: quick one
SELECT 'kept' AS word;
`;

/** What is left when the extension host is killed without warning, with a worker running. */
describe('a killed extension host', function () {
  this.timeout(240_000);
  let installed: Installed;
  let ui: Workbench;
  let pid: string;

  before(async () => {
    installed = await install({ 'work.sql': SQL }, { connected: true });
    ({ ui } = installed);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  it('the worker runs on, and is found again as detached with its pid', async () => {
    await ui.openFile('work.sql');
    await ui.selectLines(4, 5);
    await ui.editorContextMenu('Run in Background');
    await ui.row('quick one').filter({ hasText: '1 row' }).waitFor({ timeout: 60_000 });
    await ui.openFile('work.sql');
    await ui.selectLines(1, 2);
    await ui.editorContextMenu('Run in Background');
    const row = ui.row('outlives the window');
    await row.filter({ hasText: /\d+ · \d+ s/ }).waitFor({ timeout: 60_000 });
    pid = /window\s*(\d+)/.exec((await row.textContent())!)![1]!;

    assert.ok((await installed.vscode.killExtensionHost()) > 0);
    await ui.reload();
    await row.filter({ hasText: 'detached' }).waitFor({ timeout: 60_000 });
    assert.ok((await row.textContent())!.includes(pid));
    assert.equal(await installed.server.psql(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pid}`), '1');
  });

  it('what had ended is there with its rows', async () => {
    await ui.row('quick one').click();
    const results = ui.results();
    await results.getByText('kept', { exact: true }).waitFor({ timeout: 60_000 });
  });

  it('a detached worker can be canceled, and ends as finished with its outcome unknown', async () => {
    const row = ui.row('outlives the window');
    await row.hover();
    await row.getByRole('button', { name: 'Cancel Worker' }).click();
    await row.filter({ hasText: 'outcome unknown' }).waitFor({ timeout: 60_000 });
    assert.equal(await installed.server.psql(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pid}`), '0');
  });
});

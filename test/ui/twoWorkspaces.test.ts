import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { install, screenshotOnFailure, type Installed } from './installed';
import { makeWorkspace, Workbench } from './workbench';

const SQL = `-- label: nightly report
SELECT pg_sleep(600);

-- label: ended there
SELECT 'kept there' AS word;
`;

/** Two windows on two workspaces of one user, with the same connection. */
describe('jobs of another workspace', function () {
  this.timeout(480_000);
  let installed: Installed;
  let there: Workbench;
  let here: Workbench;

  before(async () => {
    installed = await install({ 'work.sql': SQL }, { connected: true });
    there = installed.ui;
    for (const line of [4, 1]) {
      await there.openFile('work.sql');
      await there.selectLines(line, line + 1);
      await there.command('pg_background: Run in Background');
    }
    await there.row('ended there').filter({ hasText: '1 row' }).waitFor();
    await there
      .row('nightly report')
      .filter({ hasText: /\d+ s · \d+/ })
      .waitFor();
    const settings = await readFile(join(installed.workspace, '.vscode/settings.json'), 'utf8');
    here = new Workbench(await installed.browser.context.newPage());
    await here.open(installed.vscode.url({ folder: await makeWorkspace({ '.vscode/settings.json': settings }) }));
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => here));

  const name = (): string => installed.workspace.split('/').at(-1)!;

  it('shows its worker with its label and the name of the workspace', async () => {
    const connection = here.row('work').first();
    await connection.hover();
    await connection.getByRole('button', { name: 'Connect', exact: true }).click();
    const worker = here.row('nightly report').filter({ hasText: `in another workspace (${name()})` });
    await worker.waitFor();
    assert.equal(await here.row('ended there').count(), 0);
  });

  it('lists the jobs of the workspace on request, with their rows', async () => {
    await here.command('pg_background: Include Other Workspaces');
    await here.row(name()).filter({ hasText: 'other workspace' }).first().waitFor();
    await here.row('ended there').filter({ hasText: '1 row' }).click();
    await here.results().getByText('kept there').first().waitFor();
    await here.screenshot('two-workspaces');
  });

  it('cancels its worker, and both windows show that', async () => {
    const job = here
      .row('nightly report')
      .filter({ hasText: /running|\d+ s/ })
      .last();
    await job.hover();
    await job.getByRole('button', { name: 'Cancel', exact: true }).click();
    await here.row('nightly report').filter({ hasText: 'canceling statement due to user request' }).waitFor();
    await there.page.bringToFront();
    await there.row('nightly report').filter({ hasText: 'canceling statement due to user request' }).waitFor();
    await here.page.bringToFront();
    await here.command('pg_background: Exclude Other Workspaces');
    await here.row('nightly report').waitFor({ state: 'detached' });
  });
});

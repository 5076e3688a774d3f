import assert from 'node:assert/strict';
import { install, screenshotOnFailure, type Installed } from './installed';
import { Workbench } from './workbench';

const SQL = `-- label: of the first window
SELECT pg_sleep(600);

-- label: ended before
SELECT 'kept' AS word;
`;

/** Two windows on one workspace share its jobs on disk. Neither adopts jobs of the other while both are open. */
describe('two windows on one workspace', function () {
  this.timeout(240_000);
  let installed: Installed;
  let ui: Workbench;
  let other: Workbench;

  before(async () => {
    installed = await install({ 'work.sql': SQL }, { connected: true });
    ({ ui } = installed);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  it('shows a job of the first window as launched elsewhere in the second, and the first keeps tracking it', async () => {
    for (const line of [4, 1]) {
      await ui.openFile('work.sql');
      await ui.selectLines(line, line + 1);
      await ui.command('pg_background: Run in Background');
    }
    const own = ui.row('of the first window').filter({ hasText: /\d+ s · \d+/ });
    await own.waitFor();
    await ui.row('ended before').filter({ hasText: '1 row' }).waitFor();

    other = new Workbench(await installed.browser.context.newPage());
    await other.open(ui.page.url());
    const connection = other.row('work').first();
    await connection.hover();
    await connection.getByRole('button', { name: 'Connect', exact: true }).click();
    const there = other.row('of the first window');
    await there.filter({ hasText: 'launched elsewhere' }).waitFor();
    assert.equal(await there.count(), 1, 'the job is listed once, and not as a job of this window');
    await other.screenshot('two-windows');

    await ui.page.bringToFront();
    await own.waitFor();
    assert.ok(!(await own.textContent())!.includes('detached'));
  });

  it('lets the second window cancel the worker, and the first shows the error from the server', async () => {
    await other.page.bringToFront();
    const there = other.row('of the first window');
    await there.hover();
    await there.getByRole('button', { name: 'Cancel', exact: true }).click();
    await there.waitFor({ state: 'detached' });
    await ui.page.bringToFront();
    await ui
      .row('of the first window')
      .filter({ hasText: /canceling statement due to user request · / })
      .waitFor();
  });
});

import assert from 'node:assert/strict';
import { install, screenshotOnFailure, type Installed } from './installed';
import { Workbench } from './workbench';

const SQL = `-- label: of the first window
SELECT pg_sleep(600);

-- label: ended before
SELECT 'kept' AS word;
`;

/** Two windows on one workspace show the same jobs. Neither adopts jobs of the other while both are open. */
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

  it('shows the jobs of the first window in the second, and the first keeps tracking them', async () => {
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
    const there = other.row('of the first window');
    await there.filter({ hasText: /\d+ s · \d+/ }).waitFor();
    await other.row('ended before').filter({ hasText: '1 row' }).waitFor();
    assert.equal(await there.count(), 1, 'the job is listed once, and not as launched elsewhere');
    await other.screenshot('two-windows');

    await ui.page.bringToFront();
    await own.waitFor();
    assert.ok(!(await own.textContent())!.includes('detached'));
  });

  it('lets the second window cancel the job, which is canceled in both', async () => {
    await other.page.bringToFront();
    const there = other.row('of the first window');
    await there.hover();
    await there.getByRole('button', { name: 'Cancel', exact: true }).click();
    await there.filter({ hasText: 'canceled' }).waitFor();
    await ui.page.bringToFront();
    await ui.row('of the first window').filter({ hasText: 'canceled' }).waitFor();
  });
});

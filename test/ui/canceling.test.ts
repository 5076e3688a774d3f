import assert from 'node:assert/strict';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

/** Two lines per job, so that selecting them runs the job. */
const LABELS = ['nightly a', 'nightly b', 'other c', 'nightly d'];
const SQL = LABELS.map((label) => `-- label: ${label}\nSELECT pg_sleep(600);\n`).join('');

/** The ways to cancel. Each test continues where the one before it ended. */
describe('canceling jobs and workers', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    const settings = { 'pgBackground.cancelGraceSeconds': 10, 'pgBackground.maxConcurrentJobs': 3 };
    installed = await install({ 'work.sql': SQL }, { connected: true, settings });
    ({ ui } = installed);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  async function run(label: string): Promise<void> {
    const line = LABELS.indexOf(label) * 2 + 1;
    await ui.openFile('work.sql');
    await ui.selectLines(line, line + 1);
    // Not from the context menu: CodeLenses of running jobs move the lines under the pointer.
    await ui.command('pg_background: Run in Background');
    await ui.row(label).first().waitFor();
  }

  const running = (label: string) => ui.row(label).filter({ hasText: /\d+ s · \d+/ });

  it('queues jobs beyond the limit of concurrent jobs', async () => {
    for (const label of LABELS) await run(label);
    for (const label of LABELS.slice(0, 3)) await running(label).waitFor();
    await ui.row('nightly d').filter({ hasText: 'queued, next' }).waitFor();
  });

  it('cancels jobs by label after showing the matches, including queued jobs', async () => {
    await ui.command('pg_background: Cancel Jobs by Label…');
    const widget = ui.page.locator('.quick-input-widget');
    await widget.filter({ hasText: 'with * for any text' }).waitFor();
    const input = widget.locator('.quick-input-box input');
    await input.fill('weekly*');
    await widget.filter({ hasText: 'No running or queued job matches.' }).waitFor();
    await input.fill('nightly*');
    await widget.filter({ hasText: 'Will cancel 3 jobs: nightly a, nightly b, nightly d' }).waitFor();
    await ui.screenshot('cancel-by-label');
    await ui.page.keyboard.press('Enter');
    for (const label of ['nightly a', 'nightly b', 'nightly d']) {
      await ui.row(label).filter({ hasText: 'canceled' }).waitFor();
    }
    assert.equal(await running('other c').count(), 1);
  });

  it('cancels several selected rows together', async () => {
    await ui.command('pg_background: Clear Finished');
    await ui.row('nightly').first().waitFor({ state: 'detached' });
    await run('nightly a');
    // What the worker does is known after two samples. A click while VS Code draws that could be lost.
    await running('nightly a').filter({ hasText: 'waiting' }).waitFor();
    for (const label of ['other c', 'nightly a']) await ui.addToSelection(ui.row(label));
    await ui.page.keyboard.press('Shift+F10');
    await ui.chooseMenuItem('Cancel');
    await ui.notification('2 jobs stopped.').waitFor();
    for (const label of ['other c', 'nightly a']) await ui.row(label).filter({ hasText: 'canceled' }).waitFor();
  });

  it('lists a foreign worker, cancels it with a longer grace window, and hides foreign workers on request', async () => {
    const launch = (label: string): Promise<string> =>
      installed.server.psql(`SELECT pid FROM pg_background_launch('SELECT pg_sleep(600)', 0, '${label}')`, {
        database: installed.database,
      });
    const pid = await launch('of a colleague');
    const row = ui.row('of a colleague');
    await row.filter({ hasText: `${pid} · postgres · ${installed.database}` }).waitFor();
    await row.filter({ hasText: 'launched elsewhere' }).waitFor();
    await ui.rowMenu(row, 'Cancel with a Longer Grace Window…');
    await ui.answer('How long to wait for the worker to stop', '45s');
    await ui.notification(/“of a colleague” stopped .* after SIGTERM/).waitFor();
    await row.waitFor({ state: 'detached' });

    await launch('of another');
    const other = ui.row('of another');
    await other.waitFor();
    // In the settings of the workspace, as a user does it.
    await ui.openFile('settings.json');
    await ui.page.keyboard.press('Control+Home');
    await ui.page.keyboard.press('ArrowRight');
    await ui.page.keyboard.insertText('"pgBackground.showForeignWorkers": false, ');
    await ui.page.keyboard.press('Control+s');
    await other.waitFor({ state: 'detached' });
    await ui.row('other c').waitFor();
  });
});

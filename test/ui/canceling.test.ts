import assert from 'node:assert/strict';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

/** Two lines a job, so that each is run by selecting its lines. */
const LABELS = ['nightly a', 'nightly b', 'other c', 'nightly d'];
const SQL = LABELS.map((label) => `-- label: ${label}\nSELECT pg_sleep(600);\n`).join('');

/** Cancel in its forms, as a person meets them: the steps build on each other. */
describe('canceling several', function () {
  this.timeout(240_000);
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
    // Not by the context menu: the lenses of what runs move the lines under the pointer.
    await ui.command('pg_background: Run in Background');
    await ui.row(label).first().waitFor();
  }

  const running = (label: string) => ui.row(label).filter({ hasText: /\d+ s · \d+/ });

  it('more than may run at once wait in line', async () => {
    for (const label of LABELS) await run(label);
    for (const label of LABELS.slice(0, 3)) await running(label).waitFor();
    await ui.row('nightly d').filter({ hasText: 'queued, next' }).waitFor();
  });

  it('by label: what matches is shown before anything happens, queued ones too', async () => {
    await ui.command('pg_background: Cancel Workers by Label…');
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

  it('several rows of the tree, selected', async () => {
    await ui.command('pg_background: Clear Finished');
    await ui.row('nightly').first().waitFor({ state: 'detached' });
    await run('nightly a');
    await running('nightly a').waitFor();
    for (const label of ['other c', 'nightly a']) await ui.row(label).click({ modifiers: ['ControlOrMeta'] });
    await ui.page.keyboard.press('Shift+F10');
    await ui.chooseMenuItem('Cancel Worker');
    await ui.notification('2 workers stopped.').waitFor();
    for (const label of ['other c', 'nightly a']) await ui.row(label).filter({ hasText: 'canceled' }).waitFor();
  });

  it('a worker that somebody else launched: listed, canceled with a longer grace window, and hidden on request', async () => {
    const launch = (label: string): Promise<string> =>
      installed.server.psql(`SELECT pid FROM pg_background_launch('SELECT pg_sleep(600)', 0, '${label}')`, {
        database: installed.database,
      });
    const pid = await launch('of a colleague');
    const row = ui.row('of a colleague');
    await row.filter({ hasText: `${pid} · postgres · ${installed.database}` }).waitFor();
    await row.filter({ hasText: 'launched elsewhere' }).waitFor();
    await ui.rowMenu(row, 'Cancel with a Longer Grace Window…');
    await ui.answer('How long to watch for the worker to stop', '45s');
    await ui.notification(/“of a colleague” stopped .* after SIGTERM/).waitFor();
    await row.waitFor({ state: 'detached' });

    await launch('of another');
    const other = ui.row('of another');
    await other.waitFor();
    // As a person does it: in the settings of the workspace.
    await ui.openFile('settings.json');
    await ui.page.keyboard.press('Control+Home');
    await ui.page.keyboard.press('ArrowRight');
    await ui.page.keyboard.insertText('"pgBackground.showForeignWorkers": false, ');
    await ui.page.keyboard.press('Control+s');
    await other.waitFor({ state: 'detached' });
    await ui.row('other c').waitFor();
  });
});

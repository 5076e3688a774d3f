import assert from 'node:assert/strict';
import { eventually, newServer, type TestServer } from '../server/support';
import { install, screenshotOnFailure, type Installed } from './installed';
import { ResultsView } from './resultsView';
import type { Workbench } from './workbench';

const WORK = `-- label: first
SELECT pg_sleep(600);

-- label: second
SELECT 2 AS two;

-- label: third
SELECT 3 AS three;

-- label: fourth
SELECT 4 AS four -- the last one
`;

/** Jobs that wait behind a running one. Each test continues where the one before it ended. */
describe('the queue, dragged jobs, and links to them', function () {
  this.timeout(480_000);
  let server: TestServer;
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    // A server for this test alone, so that no other workers are listed.
    server = await newServer();
    installed = await install(
      { 'work.sql': WORK, 'notes.sql': '\n' },
      { connected: true, server, settings: { 'pgBackground.maxConcurrentJobs': 1 } },
    );
    ({ ui } = installed);
    await ui.openFile('work.sql');
    for (const line of [2, 5, 8, 11]) {
      await ui.goTo(line, 1);
      await ui.command('pg_background: Run in Background');
      await ui.row(['first', 'second', 'third', 'fourth'][(line - 2) / 3]!).waitFor();
    }
    // What its worker does: the row does not change any more.
    await ui.row('first').filter({ hasText: 'waiting' }).waitFor();
  });
  after(async () => {
    await installed.close();
    await server.stop();
  });
  afterEach(screenshotOnFailure(() => ui));

  it('show the number of jobs on the view’s icon', async () => {
    const icon = ui.page.locator('.activitybar .action-item').filter({ has: ui.page.locator('.badge-content') });
    await icon.filter({ hasText: '4' }).waitFor();
    await ui.page.getByRole('tab', { name: /Background Workers - 1 running, 3 queued/ }).waitFor();
  });

  it('are reordered by dragging a queued job to the place of another one', async () => {
    await ui.row('second').filter({ hasText: 'queued, next' }).waitFor();
    await ui.row('fourth').dragTo(ui.row('second'));
    await ui.row('fourth').filter({ hasText: 'queued, next' }).waitFor();
    await ui.row('second').filter({ hasText: 'queued, position 2' }).waitFor();
    assert.ok(await ui.isAbove(ui.row('third'), ui.row('second')), 'the row of the next one is the lowest');
    assert.ok(await ui.isAbove(ui.row('second'), ui.row('fourth')));
    await ui.screenshot('queue-order');
  });

  it('insert their SQL where they are dropped in an editor', async () => {
    const editor = await ui.openFile('notes.sql');
    // In VS Code, Shift drops into the editor instead of opening what is dragged.
    await ui.row('fourth').hover();
    await ui.page.mouse.down();
    await editor.hover({ position: { x: 200, y: 10 } });
    await ui.page.keyboard.down('Shift');
    await editor.hover({ position: { x: 205, y: 10 } });
    await ui.page.mouse.up();
    await ui.page.keyboard.up('Shift');
    await ui.editorText('SELECT 4 AS four').waitFor();
    await ui.screenshot('dropped-sql');
  });

  it('are opened by the links in the tooltip of the status bar', async () => {
    await ui.statusBar('4 jobs').hover();
    const tooltip = ui.page.locator('.monaco-hover').filter({ hasText: '1 running, 3 queued' });
    await tooltip.waitFor();
    await ui.screenshot('status-tooltip');
    await tooltip.getByText('first', { exact: true }).click();
    await new ResultsView(ui).frame.getByText('first').first().waitFor();
  });

  it('have links that can be copied', async () => {
    await installed.browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await ui.rowMenu(ui.row('third'), 'Copy Link');
    // The menu closes before the command has copied.
    let link = '';
    await eventually(async () => {
      link = await ui.page.evaluate<string>('navigator.clipboard.readText()');
      return link !== '';
    }, 'the link on the clipboard');
    assert.match(link, /^[\w-]+:\/\/pg-background\.pg-background-workers\/job\/[\w-]+$/);
  });
});

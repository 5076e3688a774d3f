import assert from 'node:assert/strict';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

const NIGHTLY = `-- Refreshes the report of the day.
DO $$ BEGIN
  RAISE NOTICE 'refreshing the report of %', current_date;
  RAISE WARNING E'one region has no orders \\x1b[31mfake\\x1b[0m' USING HINT = 'Check the import.';
  PERFORM pg_background_report_progress(60, 'regions');
END $$;
SELECT n, md5(n::text) FROM generate_series(1, 1234) AS n;
`;
const CHECKS = `SELECT count(*) FROM pg_class;
SELECT relname, nosuch
FROM pg_class;
SELECT 3;
`;

const TASKS = {
  version: '2.0.0',
  tasks: [
    { label: 'nightly report', type: 'pgbg', file: 'nightly.sql', timeout: '5min' },
    {
      label: 'checks',
      type: 'pgbg',
      file: 'checks.sql',
      batch: { onFailure: 'continue' },
      dependsOn: 'nightly report',
    },
    { label: 'broken', type: 'pgbg', sql: 'SELECT nosuch', presentation: { panel: 'dedicated' } },
    { label: 'sleeps', type: 'pgbg', sql: 'SELECT pg_sleep(600)', presentation: { panel: 'dedicated' } },
  ],
};

/** What the user sees of a task: its terminal. The steps build on each other. */
describe('tasks', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    installed = await install(
      { 'nightly.sql': NIGHTLY, 'checks.sql': CHECKS, '.vscode/tasks.json': JSON.stringify(TASKS) },
      {
        connected: true,
        // The text of a terminal is in the page only without a canvas.
        settings: {
          'pgBackground.notifications': 'none',
          'terminal.integrated.gpuAcceleration': 'off',
          'task.notifyWindowOnTaskCompletion': 0,
        },
      },
    );
    ({ ui } = installed);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  async function runTask(name: string): Promise<void> {
    await ui.command('Tasks: Run Task');
    await ui.pick(name);
  }

  it('show messages and the outcome in their terminal, with a link to the rows', async () => {
    await runTask('nightly report');
    const terminal = ui.page.locator('.terminal-wrapper.active .xterm-rows');
    await terminal.getByText('Succeeded').waitFor();
    await terminal.getByText('one region has no orders ␛[31mfake␛[0m').waitFor();
    await ui.screenshot('task');
    // The text is below what receives the mouse, and each update of the terminal replaces it.
    const link = terminal.getByText('Show Results');
    let box = await link.boundingBox();
    while (!box) box = await link.boundingBox();
    const { x, y } = box;
    await ui.page.mouse.move(x + 20, y + 8);
    await ui.page.getByText('Follow link').waitFor();
    await ui.page.keyboard.down('Control');
    await ui.page.mouse.click(x + 21, y + 8);
    await ui.page.keyboard.up('Control');
    await ui.results().getByText('1,234 rows').first().waitFor();
  });

  it('show each statement of a batch, and why one failed', async () => {
    await runTask('checks');
    const terminal = ui.page.locator('.terminal-wrapper.active .xterm-rows');
    await terminal.getByText('3 of 3, 1 failed').waitFor();
    await ui.screenshot('task-batch');
    await runTask('broken');
    await terminal.getByText('“broken” on “work”.').waitFor();
    await terminal.getByText('terminated with exit code').waitFor();
    await ui.screenshot('task-failed');
    await runTask('sleeps');
    await terminal.getByText('Running · pid').waitFor();
    await ui.screenshot('task-running');
    await ui.command('Terminal: Focus Terminal');
    await ui.page.keyboard.press('Control+C');
    await terminal.getByText('Canceled', { exact: true }).waitFor();
    await ui.screenshot('task-canceled');
  });

  it('make VS Code show a notification of the system if they end while the window is not in front', async () => {
    await ui.page.evaluate(`{
      window.shown = [];
      window.Notification = class extends EventTarget {
        static requestPermission = async () => 'granted';
        static permission = 'granted';
        constructor(title) {
          super();
          window.shown.push(title);
        }
        close() {}
      };
      document.hasFocus = () => false;
    }`);
    await runTask('broken');
    await ui.page.waitForFunction('window.shown.length > 0');
    assert.match(String(await ui.page.evaluate('window.shown.join()')), /broken/);
  });
});

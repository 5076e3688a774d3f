import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

const SQL = `SELECT 'one' AS n;

-- label: number two
SELECT 'two' AS n;

SELECT
  'third, row ' || g AS n
FROM generate_series(1, 2) AS g;

-- label: takes long
DO $$ BEGIN PERFORM pg_background_report_progress(60, 'on its way'), pg_sleep(600); END $$;

-- label: misspelt
SELECT relname, relkindd
FROM pg_class;
`;

/** SQL editors, on the packaged VSIX in a real VS Code. Each test continues where the one before it ended. */
describe('SQL in the editor', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    installed = await install(
      {
        'work.sql': SQL,
        'nightly.sql': "SELECT 'not seen';\nSELECT 'from the explorer' AS n;\n",
        'notes.txt': 'no SQL\n',
      },
      { connected: true, settings: { 'pgBackground.notifications': 'none', 'editor.minimap.enabled': false } },
    );
    ({ ui } = installed);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  /** A cell of the visible results. */
  async function shown(text: string): Promise<void> {
    await ui.results().getByText(text, { exact: true }).waitFor();
  }

  /** Shows the results of the job in a row of the view. */
  async function openResults(row: Locator): Promise<void> {
    await row.first().click();
    await ui.page.locator('iframe.webview').last().waitFor();
  }

  it('runs the statement at the cursor from the context menu and shows its rows', async () => {
    await ui.openFile('work.sql');
    await ui.goTo(7, 12);
    await ui.editorRightClick('Run in Background');
    const row = ui.row('SELECT … || g AS');
    await row.filter({ hasText: '2 rows' }).waitFor();
    assert.equal(await ui.row(/SELECT|number two/).count(), 1, 'no other statement was run');
    await openResults(row);
    await shown('third, row 1');
    await shown('third, row 2');
  });

  it('shows the result above the statement, where a click shows the rows', async () => {
    await ui.openFile('work.sql');
    const lens = ui.lens(/^✓ 2 rows · [\d.]+ m?s — Show Results$/);
    await lens.waitFor();
    assert.ok(await ui.isAbove(lens, ui.editorText('third, row')), 'the lens is above its statement');
    assert.ok(await ui.isAbove(ui.editorText("'two'"), lens), 'and below the statement before it');
    await lens.click();
    await shown('third, row 2');
  });

  it('runs the statement with Shift+Alt+B', async () => {
    await ui.openFile('work.sql');
    await ui.goTo(4, 3);
    await ui.page.keyboard.press('Shift+Alt+B');
    const row = ui.row('number two').filter({ hasText: '1 row' });
    await row.waitFor();
    await openResults(row);
    await shown('two');
  });

  it('shows time and progress of a running job in its lens, which cancels it', async () => {
    await ui.openFile('work.sql');
    await ui.goTo(11, 1);
    await ui.page.keyboard.press('Shift+Alt+B');
    const lens = ui.lens(/^Cancel · \d\d:\d\d · 60% · on its way$/);
    await lens.waitFor();
    const before = await lens.textContent();
    await lens.filter({ hasNotText: before! }).waitFor();
    // VS Code does not request lenses that changed just before the editor lost the focus.
    for (let i = 0; i < 15; i++) {
      await ui.editorText('SELECT relname').click();
      await ui.row('takes long').click({ modifiers: ['ControlOrMeta'] });
    }
    const since = await lens.textContent();
    await lens.filter({ hasNotText: since! }).waitFor();
    await lens.click();
    await ui.lens(/^⊘ canceled · \d/).waitFor();
    await ui.row('takes long').filter({ hasText: 'canceled' }).waitFor();
    assert.equal(await lens.count(), 0);
  });

  it('shows an error in the Problems panel, which leads to its position and disappears when the statement is edited', async () => {
    await ui.openFile('work.sql');
    await ui.goTo(15, 3);
    await ui.page.keyboard.press('Shift+Alt+B');
    await ui.lens('✗ column "relkindd" does not exist').waitFor();
    await ui.command('Problems: Focus on Problems View');
    const problem = ui.page.locator('.markers-panel .monaco-list-row').filter({ hasText: 'relkindd' }).first();
    await problem.waitFor();
    assert.match(
      (await problem.textContent())!,
      /column "relkindd" does not exist.*pg_background.*42703.*Ln 14, Col 17/,
    );
    await problem.dblclick();
    await ui.statusBar('Ln 14, Col 25 (8 selected)').waitFor();
    // The first click only reveals the position; the second one moves the focus there.
    await ui.page.locator('.editor-instance .monaco-editor.focused').waitFor();
    await ui.page.keyboard.press('ArrowRight');
    await ui.page.keyboard.press('Backspace');
    await problem.waitFor({ state: 'detached' });
    await ui.lens(/^✗ column "relkindd" does not exist · edited since$/).waitFor();
    await ui.page.keyboard.press('Shift+Alt+B');
    await ui.row('misspelt').filter({ hasText: 'rows' }).waitFor();
  });

  it('shows the connection in the status bar only while a SQL editor is active', async () => {
    await ui.openFile('work.sql');
    const item = ui.page.locator('.statusbar-item:visible').filter({ hasText: /^\s*work\s*$/ });
    await item.waitFor();
    await ui.openFile('notes.txt');
    await item.waitFor({ state: 'hidden' });
    await ui.openFile('work.sql');
    await item.waitFor();
    await item.click();
    await ui.page.getByPlaceholder('Connection for the jobs of work.sql').waitFor();
    await ui.page.keyboard.press('Escape');
  });

  it('runs a file from its menu in the explorer', async () => {
    await ui.command('View: Show Explorer');
    const file = ui.page.locator('.explorer-folders-view .monaco-list-row').filter({ hasText: 'nightly.sql' });
    await file.click({ button: 'right' });
    await ui.chooseMenuItem('Run File in Background');
    await ui.command('pg_background: Show Jobs and Workers');
    const row = ui.row('nightly.sql').filter({ hasText: '1 row' });
    await row.waitFor();
    await openResults(row);
    await shown('from the explorer');
  });

  it('opens a new SQL file from the walkthrough', async () => {
    await ui.command('Welcome: Open Walkthrough...');
    await ui.pick('Run SQL in the background');
    const step = ui.page.locator('.getting-started-step').filter({ hasText: 'Run your first SQL' });
    // The earlier tests used the keyboard, menus, and clicks.
    const ticked = ui.page.locator('.getting-started-step .codicon-getting-started-step-checked');
    await ticked.nth(3).waitFor();
    await ui.screenshot('walkthrough');
    await step.first().click();
    await ui.page.getByRole('button', { name: 'New SQL File' }).click();
    await ui.page.locator('.tab.active').filter({ hasText: 'Untitled' }).waitFor();
    await ui.page
      .locator('.statusbar-item:visible')
      .filter({ hasText: /^\s*work\s*$/ })
      .waitFor();
  });
});

import assert from 'node:assert/strict';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

/** The error is in line 28 of the file, which is line 27 of the SQL that is sent, with the comments above the statement. */
const BEFORE = Array.from({ length: 24 }, (_, index) => `-- line ${index + 1}\n`).join('');
const SQL = `SELECT 'other' AS n;\n${BEFORE}SELECT relname,\n  relkind,\n  oid, reltype, relkindd\nFROM pg_class;\n`;
const [LINE, COLUMN] = [28, 17];

/** Navigation from an error to its position, and from a statement to its results. The steps build on each other. */
describe('the position of an error', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    installed = await install(
      { 'sample.sql': SQL },
      { connected: true, settings: { 'pgBackground.notifications': 'none', 'pgBackground.results.openIn': 'beside' } },
    );
    ({ ui } = installed);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  it('is a link to the line of the file in the results, which Shift+Alt+R shows', async () => {
    assert.equal(SQL.split('\n')[LINE - 1]?.indexOf('relkindd'), COLUMN - 1, 'the file has the expected lines');
    await ui.openFile('sample.sql');
    await ui.goTo(1, 3);
    await ui.page.keyboard.press('Shift+Alt+B');
    await ui.lens(/^✓ 1 row/).waitFor();
    await ui.goTo(LINE - 1, 1);
    await ui.page.keyboard.press('Shift+Alt+B');
    await ui.lens('✗ column "relkindd" does not exist').waitFor();
    await ui.goTo(1, 3);
    await ui.page.keyboard.press('Shift+Alt+R');
    await ui.results().getByText('other', { exact: true }).waitFor();
    await ui.command('View: Focus First Editor Group');
    await ui.goTo(LINE - 1, 1);
    await ui.page.keyboard.press('Shift+Alt+R');
    const link = ui.results().getByRole('button', { name: `sample.sql:${LINE}:${COLUMN}` });
    await link.click();
    await ui.statusBar(`Ln ${LINE}, Col ${COLUMN}`).waitFor();
  });

  it('follows the text, and becomes a line of the SQL when the statement is edited', async () => {
    await ui.goTo(1, 1);
    await ui.page.keyboard.press('Enter');
    const link = ui.results().getByRole('button', { name: `sample.sql:${LINE + 1}:${COLUMN}` });
    await link.waitFor();
    await ui.goTo(LINE + 1, COLUMN);
    await ui.page.keyboard.type('x');
    await ui.results().getByText('Line 27, column 17').waitFor();
    assert.equal(await link.count(), 0);
    await ui.page.keyboard.press('Backspace');
    await link.waitFor();
  });

  it('Show Results lists the job of the statement at the cursor first, with state, connection, and time', async () => {
    await ui.goTo(2, 3);
    await ui.command('pg_background: Show Results');
    const rows = ui.page.locator('.quick-input-widget .monaco-list-row');
    await rows
      .filter({ hasText: 'relkindd' })
      .or(rows.filter({ hasText: 'pg_class' }))
      .first()
      .waitFor();
    const [first = '', second = ''] = await rows.allInnerTexts();
    assert.match(
      first.replace(/\s+/g, ' '),
      /AS n ?at the cursor · succeeded · 1 row · .* · \d+:\d\d.* · work · pid \d+/,
    );
    assert.match(second.replace(/\s+/g, ' '), /pg_class.*failed · .* · work/);
    await ui.page.keyboard.press('Escape');
  });
});

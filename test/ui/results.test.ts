import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { install, screenshotOnFailure, type Installed } from './installed';
import { ResultsView } from './resultsView';
import { launchBrowser, Workbench } from './workbench';

const ROWS = 1_000_000;
/** Runs if it is interpreted as markup. */
const ATTACK = '<img src=x onerror=window.attacked=1>';
/** Each row contains an attack, a quote, a line end, and multibyte characters. */
const QUERY = `SELECT g AS id, repeat('x', 90) || lpad(g::text, 10, '0') AS note,
       nullif(g % 4, 0) AS quarter, E'${ATTACK}"é€😀"\\n' || g AS "${ATTACK}",
       jsonb_build_object('number', g, 'html', '<script>window.attacked=1</script>') AS doc
  FROM generate_series(1, ${ROWS}) AS g`;
const SQL = `-- label: ${ATTACK}\n${QUERY};\n`;
const LINES = SQL.split('\n').length - 1;

/** The value of the attacked column on the clipboard. */
const attacked = (row: number): string => `"${ATTACK}""é€😀""\n${row}"`;

/** A million rows of a real worker in the packaged extension and a real VS Code. The steps build on each other. */
describe('a million rows', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;
  let results: ResultsView;
  const dialogs: string[] = [];

  before(async () => {
    installed = await install({ 'million.sql': SQL }, { connected: true });
    ({ ui } = installed);
    watch(ui);
    await installed.browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  function watch(workbench: Workbench): void {
    workbench.page.on('dialog', (dialog) => {
      if (dialog.type() === 'beforeunload') {
        void dialog.accept();
        return;
      }
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
  }

  it('open from a worker in a panel titled with label and pid, using only the keyboard', async () => {
    await ui.openFile('million.sql');
    await ui.selectLines(1, LINES);
    await ui.command('pg_background: Run in Background');
    await ui.row(ATTACK).filter({ hasText: '1,000,000 rows' }).waitFor({ timeout: 120_000 });
    await ui.command('pg_background: Show Results');
    await ui.pick(ATTACK);
    results = new ResultsView(ui);
    await results.focused();
    await results.at(1, '1');
    const pid = /1,000,000 rows · [\d.:]+ s · (\d+)/.exec((await ui.row(ATTACK).textContent())!)![1]!;
    await ui.page.getByRole('tab', { name: `${ATTACK} (${pid})` }).waitFor();
    await results.status.getByText('1,000,000 rows').waitFor();
    await results.frame.getByText('Succeeded').waitFor();
  });

  it('can be scrolled to the last one and back, with keys and scrollbar', async () => {
    await results.press('Control+End');
    await results.at(ROWS, '{"html"');
    assert.equal((await results.seen()).last, ROWS);
    await results.press('Control+Home');
    await results.at(1, '1');
    await scrollToEnd(results);
    await results.press('Control+g');
    await ui.page.keyboard.type('654,321');
    await results.press('Enter');
    await results.at(654_321, '654321');
    await results.press('PageDown', 'ArrowUp', 'End', 'Home');
    const { first, last } = await results.seen();
    assert.ok(first > 654_000 && last < 655_000, `${first} to ${last}`);
  });

  it('can be selected and copied unchanged', async () => {
    await goTo(results, 4);
    await results.press('Shift+ArrowDown', 'Shift+ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowRight');
    await results.status.getByText('2 × 4 selected').waitFor();
    await results.press('Control+c');
    const lines = [4, 5].map((row) => [row, note(row), row === 4 ? '' : '1', attacked(row)].join('\t'));
    assert.equal(await results.copied('Copied 2 rows as TSV.'), lines.join('\n'));
    await results.press('Shift+F10');
    await results.choose('Copy as JSON');
    assert.deepEqual(JSON.parse(await results.copied('Copied 2 rows as JSON.')), [
      { id: 4, note: note(4), quarter: null, [ATTACK]: `${ATTACK}"é€😀"\n4` },
      { id: 5, note: note(5), quarter: 1, [ATTACK]: `${ATTACK}"é€😀"\n5` },
    ]);
  });

  it('can be searched to the last one, with a count', async () => {
    await results.press('Control+Home', 'Control+f');
    await ui.page.keyboard.type('0000777');
    const bar = results.frame.getByRole('search');
    await bar.getByText('1 of 1,111', { exact: true }).waitFor();
    await results.at(777, '0000000777');
    await results.press('Enter');
    await bar.getByText('2 of 1,111', { exact: true }).waitFor();
    await results.at(7770, '0000007770');
    await results.press('Shift+Enter', 'Shift+Enter');
    await bar.getByText('1,111 of 1,111', { exact: true }).waitFor();
    await results.at(777_999, '0000777999');
    await results.press('Escape');
  });

  it('can be sorted, and shown in stored order again', async () => {
    await results.press('Control+Home', 'ArrowUp', 'Enter');
    await results.choose('Sort Descending');
    await results.row(1).getByText(String(ROWS), { exact: true }).waitFor();
    await results.press('Enter');
    await results.choose('Remove Sort');
    await results.press('ArrowDown');
    await results.at(1, '1');
  });

  it('show one whole value, with JSON formatted', async () => {
    await results.press('Control+Home', 'End', 'Enter');
    const pane = results.frame.locator('.detail');
    await pane.getByText('"number": 1', { exact: false }).waitFor();
    assert.match(
      (await pane.locator('.detail-content').textContent())!,
      /^\{\n {2}"html": "<script>.*",\n {2}"number": 1\n\}$/,
    );
    await results.press('Escape');
    await pane.waitFor({ state: 'hidden' });
  });

  it('can be exported to a file that psql imports to an equal table', async () => {
    await results.press('Control+s');
    await results.choose('Export 1,000,000 Rows as CSV…');
    // The dialog offers a file in the workspace, named by the label.
    const dialog = ui.page.locator('.quick-input-widget').filter({ hasText: 'Export Rows' });
    await dialog.locator('.monaco-list-row').filter({ hasText: '.vscode' }).waitFor();
    await ui.page.keyboard.press('Enter');
    const file = join(installed.workspace, 'img_src_x_onerror_window_attacked_1.csv');
    await results.status.getByText('Exported 1,000,000 rows to').waitFor({ timeout: 120_000 });
    const { server, database } = installed;
    const at = ['-h', server.host, '-p', String(server.port), '-U', server.user, '-d', database];
    const difference = '(TABLE original EXCEPT ALL TABLE copied) UNION ALL (TABLE copied EXCEPT ALL TABLE original)';
    const commands = [
      `CREATE UNLOGGED TABLE original AS ${QUERY}; CREATE UNLOGGED TABLE copied (LIKE original)`,
      `\\copy copied FROM '${file}' WITH (FORMAT csv, HEADER match)`,
      `SELECT (SELECT count(*) FROM copied), count(*) FROM (${difference}) AS d`,
    ];
    const psql = promisify(execFile)(join(server.bin, 'psql'), [
      '-X',
      '-qAt',
      ...at,
      ...commands.flatMap((c) => ['-c', c]),
    ]);
    assert.equal((await psql).stdout.trim(), `${ROWS}|0`);
  });

  it('reappear at the same position after a reload of the window', async () => {
    // VS Code's file dialog leaves the focus outside of the panel.
    await results.row(1).locator('.cell').nth(3).click();
    await results.focused();
    await goTo(results, 654_321);
    await results.press('ArrowRight');
    const before = await results.seen();
    await Promise.all([ui.page.waitForEvent('load'), ui.command('Developer: Reload Window')]);
    await ui.page.locator('iframe.webview').first().waitFor({ timeout: 120_000 });
    results = new ResultsView(ui);
    await results.at(654_321, 'xxxx');
    assert.deepEqual(await results.seen(), before);
    await results.status.getByText('1,000,000 rows').waitFor();
  });

  it('can be scrolled to the last one in another window at device-pixel ratio 2', async () => {
    const browser = await launchBrowser(2);
    try {
      const sharp = new Workbench(await browser.context.newPage());
      watch(sharp);
      await sharp.open(installed.vscode.url({ folder: installed.workspace }));
      // The job of the first window.
      const row = sharp.row(ATTACK).filter({ hasText: '1,000,000 rows' });
      // A double click, because a single one may leave the focus in the tree.
      await row.dblclick();
      const view = new ResultsView(sharp);
      await view.focused();
      await view.at(1, '1');
      // The status line is part of the layout.
      await view.status.getByText('1,000,000 rows').waitFor();
      assert.equal(await view.page.evaluate<number>('devicePixelRatio'), 2);
      await view.press('Control+End');
      await view.at(ROWS, '{"html"');
      await view.lastVisible(ROWS);
      await view.press('Control+Home');
      await view.at(1, '1');
      await scrollToEnd(view);
      await nothingRan(sharp);
    } finally {
      await browser.close();
    }
  });

  it('are only text: no attack in a value, a name, or the label runs', async () => {
    await nothingRan(ui);
    assert.equal(await results.frame.locator('img, .grid script').count(), 0);
    assert.ok((await results.frame.locator('.column-name', { hasText: ATTACK }).count()) > 0);
    assert.equal(await results.frame.locator('.job-label').textContent(), ATTACK);
    assert.deepEqual(dialogs, []);
  });

  async function goTo(view: ResultsView, row: number): Promise<void> {
    await view.press('Control+g');
    await view.page.keyboard.type(String(row));
    await view.press('Enter', 'Home');
    await view.at(row, String(row));
  }

  /** Scrolls like dragging the scrollbar to its end. */
  async function scrollToEnd(view: ResultsView): Promise<void> {
    await view.scrollToEnd();
    await view.row(ROWS).getByText(String(ROWS), { exact: true }).waitFor();
    assert.equal((await view.seen()).last, ROWS);
  }

  async function nothingRan(workbench: Workbench): Promise<void> {
    for (const frame of workbench.page.frames())
      assert.equal(await frame.evaluate('typeof window.attacked'), 'undefined');
  }
});

function note(row: number): string {
  return 'x'.repeat(90) + String(row).padStart(10, '0');
}

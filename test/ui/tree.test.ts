import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { eventually, newServer, type TestServer } from '../server/support';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

/** Connections in the tree, on the packaged VSIX in a real VS Code. Each test continues where the one before it ended. */
describe('connections in the tree', function () {
  this.timeout(480_000);
  let server: TestServer;
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    // A server for this test alone: workers left by other tests would be rows here, and a click on their connection would fold them.
    server = await newServer();
    installed = await install(
      (profile) => ({
        'work.sql': 'SELECT pg_sleep(600);\n',
        'commented.sql': '-- connection: shop\nSELECT 1;\n\nSELECT 2;\n',
        '.vscode/settings.json': JSON.stringify(
          {
            'pgBackground.connections': [
              { ...profile, name: 'shop', color: '#3b82f6' },
              { ...profile, name: 'orders', production: true },
              { name: 'away', host: '127.0.0.1', port: 1, user: 'u', database: 'd' },
              { name: 'misspelt', host: '127.0.0.1', port: 'fivefourthreetwo' },
            ],
          },
          undefined,
          2,
        ),
      }),
      { connected: false, server },
    );
    ({ ui } = installed);
  });
  after(async () => {
    await installed.close();
    await server.stop();
  });
  afterEach(screenshotOnFailure(() => ui));

  const inline = async (row: Locator, action: string): Promise<void> => {
    await row.hover();
    await row.getByRole('button', { name: action, exact: true }).click();
  };
  /** The items of a row's context menu, by group. */
  const menuOf = async (row: Locator): Promise<string[][]> => {
    await ui.openRowMenu(row);
    const items = ui.page.locator('.monaco-menu .action-item');
    const groups: string[][] = [[]];
    for (const item of await items.all()) {
      const label = (
        (await item
          .locator('.action-label')
          .getAttribute('aria-label')
          .catch(() => null)) ?? ''
      ).trim();
      if (label === '') groups.push([]);
      else groups.at(-1)?.push(label);
    }
    await ui.screenshot('tree-menu');
    await ui.page.keyboard.press('Escape');
    await items.first().waitFor({ state: 'detached' });
    return groups;
  };

  it('shows the state of each connection, which one is production, and which one is invalid', async () => {
    // The first connection is the default until another one is chosen.
    await ui
      .row('shop')
      .filter({ hasText: /not connected · default/ })
      .waitFor();
    await ui
      .row('orders')
      .filter({ hasText: /production · not connected/ })
      .waitFor();
    await ui.row('misspelt').filter({ hasText: '“port” is invalid. Use a whole number' }).waitFor();
    await ui.screenshot('tree-not-connected');
  });

  it('shows versions and worker slots in the tooltip after connecting', async () => {
    const row = ui.row('shop');
    await inline(row, 'Connect');
    await row.filter({ hasNotText: 'not connected' }).filter({ hasNotText: 'connecting' }).waitFor();
    await row.hover();
    await row.getByRole('button', { name: 'Disconnect' }).waitFor();
    const tooltip = await ui.rowTooltip(row, 'Worker slots');
    // Markdown turns spaces into non-breaking spaces.
    const text = (await tooltip.textContent())!.replace(/\s/g, ' ');
    assert.match(text, /PostgreSQL: 18/);
    assert.match(text, /pg_background: 2/);
    assert.match(text, /Worker slots: \d+ of 64 used/);
    assert.match(text, /Defined in: workspace settings/);
    await ui.screenshot('tree-connected');
    await ui.page.keyboard.press('Escape');
    await tooltip.waitFor({ state: 'detached' });
  });

  it('shows why a connection fails and offers ways to fix it', async () => {
    await inline(ui.row('away'), 'Connect');
    await ui.row('away').filter({ hasText: 'cannot connect' }).waitFor();
    await ui.row('Connection refused by').waitFor();
    await ui.row('Try Again').waitFor();
    await ui.row('Edit Connection…').waitFor();
    await ui.screenshot('tree-error');
    await ui.row('Try Again').click();
    await ui.notification(/“away”: /).waitFor();
  });

  it('lists destructive commands last in the menu of a connection', async () => {
    const groups = await menuOf(ui.row('shop'));
    assert.deepEqual(groups, [
      ['Disconnect', 'Test Connection', 'Edit Connection…', 'Duplicate Connection…'],
      ['Use for This File', 'Set as Default Connection…'],
      ['Copy URI without Password'],
      ['Open psql Here'],
      ['Enter Password…'],
      ['Set Up Durable Jobs…', 'Show Scheduled Runs…'],
      ['Forget Password', 'Purge Durable Jobs…', 'Remove Durable Jobs…', 'Remove Connection'],
    ]);
  });

  it('marks the default connection and writes it to the settings', async () => {
    await ui.rowMenu(ui.row('orders'), 'Set as Default Connection…');
    await ui.notification('“orders” is now the default in this workspace’s settings.').waitFor();
    await ui.row('orders').filter({ hasText: 'default' }).waitFor();
    const settings = await readFile(join(installed.workspace, '.vscode/settings.json'), 'utf8');
    assert.equal((JSON.parse(settings) as Record<string, unknown>)['pgBackground.defaultConnection'], 'orders');
  });

  it('lists a worker that two connections see once, under the default connection while it is connected', async () => {
    const launch = "SELECT pid FROM pg_background_launch('SELECT pg_sleep(600)', 0, 'of a colleague')";
    const pid = await installed.server.psql(launch, { database: installed.database });
    /** The names of the connections under which the worker is listed. */
    const listedUnder = async (): Promise<string> => {
      const rows = await ui.row('').all();
      const texts = await Promise.all(
        rows.map(async (row) => [Number(await row.getAttribute('data-index')), await row.textContent()] as const),
      );
      let over = '';
      const found: string[] = [];
      for (const [, text] of texts.sort(([a], [b]) => a - b)) {
        over = /^(shop|orders|away)/.exec(text ?? '')?.[1] ?? over;
        if (text?.includes('of a colleague')) found.push(over);
      }
      return found.join();
    };
    const become = (name: string): Promise<unknown> =>
      eventually(async () => (await listedUnder()) === name, `the worker to be listed under ${name}`);
    await become('shop');
    // From the menu, because the tree is being redrawn, and a click on an inline button could miss its row.
    await ui.rowMenu(ui.row('orders').first(), 'Connect');
    await become('orders');
    await ui.rowMenu(ui.row('orders').first(), 'Disconnect');
    await become('shop');
    await installed.server.psql(`SELECT pg_terminate_backend(${pid})`);
    await ui.row('of a colleague').waitFor({ state: 'detached' });
  });

  it('shows in the status bar which connection a run uses: from the comment, the file, or the default', async () => {
    const item = (name: string): Locator =>
      ui.page.locator('.statusbar-item:visible').filter({ hasText: new RegExp(`^\\s*${name}\\s*$`) });
    await ui.openFile('commented.sql');
    await ui.goTo(2, 1);
    await item('shop').waitFor();
    await ui.goTo(4, 1);
    await item('orders').waitFor();
    await item('orders').click();
    await ui.pick('away');
    await item('away').waitFor();
    await ui.goTo(2, 1);
    await item('shop').waitFor();
    await item('shop').click();
    await ui.pick('Use the Default Connection');
    await ui.goTo(4, 1);
    await item('orders').waitFor();
  });

  it('asks before disconnecting while a job is running, and its worker keeps running', async () => {
    // From the palette, because the tree may be redrawn, and a command from the menu could miss its row.
    await ui.command('pg_background: Set as Default Connection…');
    await ui.pick('shop');
    await ui.row('shop').filter({ hasText: 'default' }).waitFor();
    await ui.openFile('work.sql');
    await ui.selectLines(1, 1);
    await ui.editorContextMenu('Run in Background');
    await ui
      .row('SELECT pg_sleep(…)')
      .filter({ hasText: /\d+ s · \d+/ })
      .waitFor();
    await inline(ui.row('shop').first(), 'Disconnect');
    const dialog = ui.page.locator('.monaco-dialog-box').filter({ hasText: 'Disconnect anyway?' });
    await dialog.filter({ hasText: 'The workers keep running and commit' }).waitFor();
    await ui.screenshot('tree-disconnect');
    await dialog.getByRole('button', { name: 'Disconnect' }).click();
    await ui.row('SELECT pg_sleep(…)').filter({ hasText: 'detached' }).waitFor();
    await ui.row('shop').filter({ hasText: 'not connected' }).waitFor();
    const running = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_background' AND datname = ";
    assert.equal(await installed.server.psql(`${running}'${installed.database}'`), '1');
    await installed.server.psql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_background' AND datname = '${installed.database}'`,
    );
  });

  it('opens the settings at the invalid value when an invalid connection is clicked', async () => {
    await ui.row('misspelt').click();
    const editor = ui.page.locator('.editor-group-container .monaco-editor.focused, .monaco-editor');
    await editor.locator('.view-line').filter({ hasText: 'fivefourthreetwo' }).waitFor();
    // The invalid value is selected, so that typing replaces it.
    await ui.statusBar(/18 selected/).waitFor();
    await ui.page.locator('.monaco-editor.focused').filter({ hasText: 'fivefourthreetwo' }).waitFor();
    await ui.screenshot('tree-fault');
    await ui.page.keyboard.type('5432');
    await ui.page.keyboard.press('Control+S');
    await ui.row('misspelt').filter({ hasText: 'not connected' }).waitFor();
  });

  for (const [name, theme] of [
    ['light', 'Default Light Modern'],
    ['high-contrast', 'Default High Contrast'],
  ] as const) {
    it(`renders in the theme "${theme}"`, async () => {
      const file = join(installed.vscode.userDataDir, 'User/settings.json');
      const settings = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
      await writeFile(file, JSON.stringify({ ...settings, 'workbench.colorTheme': theme }));
      // In a browser, VS Code reads this file only at startup.
      await ui.reload();
      const shown = name === 'light' ? '.monaco-workbench.vs' : '.monaco-workbench.hc-black';
      await ui.page.locator(shown).waitFor();
      await ui.row('orders').waitFor();
      await ui.screenshot(`tree-${name}`);
    });
  }
});

/** Folders of one workspace that each define connections. */
describe('connections of several folders', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    installed = await install(
      (profile) => {
        const settings = (database: string): string =>
          JSON.stringify({
            'pgBackground.connections': [{ ...profile, database, name: 'dev' }],
            'pgBackground.defaultConnection': 'dev',
          });
        return {
          'all.code-workspace': JSON.stringify({ folders: [{ path: 'one' }, { path: 'two' }] }),
          'one/.vscode/settings.json': settings(profile.database ?? ''),
          'two/.vscode/settings.json': settings('postgres'),
          'one/first.sql': "SELECT 'I am ' || current_database() AS who;\n",
          'two/second.sql': "-- connection: dev\nSELECT 'I am ' || current_database() AS who;\n",
        };
      },
      { connected: false, open: 'all.code-workspace' },
    );
    await installed.server.psql('CREATE EXTENSION IF NOT EXISTS pg_background', { database: 'postgres' });
    ({ ui } = installed);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  it('are listed separately, and each file runs on the connection of its folder', async () => {
    await ui.row('dev (one)').waitFor();
    await ui.row('dev (two)').waitFor();
    for (const [file, folder, database] of [
      ['first.sql', 'one', installed.database],
      ['second.sql', 'two', 'postgres'],
    ] as const) {
      await ui.openFile(file);
      await ui.statusBar(`dev (${folder})`).waitFor();
      await ui.command('pg_background: Run File in Background');
      const row = ui.row(file);
      await row.filter({ hasText: '1 row' }).waitFor();
      await row.click();
      await ui.results().getByText(`I am ${database}`, { exact: true }).waitFor();
    }
    await ui.screenshot('tree-folders');
  });
});

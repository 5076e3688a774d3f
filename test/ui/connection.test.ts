import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FrameLocator, Locator } from 'playwright-core';
import { eventually, newServer, type TestServer } from '../server/support';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

const PASSWORD = 'ri9ht-Wörd';
const WRONG = 'wr0ng-Wörd';
const HBA = `
host all keeper all scram-sha-256
host all all all trust
`;
/** Adds, tests, and edits connections on the packaged VSIX in a real VS Code. Each step builds on the previous ones. */
describe('the connection form and Test Connection', function () {
  this.timeout(480_000);
  this.bail(true);
  let server: TestServer;
  let installed: Installed;
  let ui: Workbench;
  let form: FrameLocator;

  before(async () => {
    server = await newServer({}, HBA);
    await server.psql(`CREATE ROLE keeper LOGIN SUPERUSER PASSWORD '${PASSWORD}'`);
    await server.psql('CREATE DATABASE shop');
    const url = `postgres://keeper:${PASSWORD}@127.0.0.1:${server.port}/shop`;
    installed = await install({ '.env': `DATABASE_URL=${url}\n`, 'work.sql': 'SELECT 1;\n' }, { connected: false });
    ({ ui } = installed);
    form = ui.webview();
  });
  after(async () => {
    await installed.close();
    await server.stop();
  });
  afterEach(screenshotOnFailure(() => ui));

  const box = (name: string): Locator => form.getByRole('textbox', { name, exact: true });
  const button = (name: string | RegExp): Locator =>
    form.getByRole('button', { name, exact: typeof name === 'string' });
  /** Resolves when the element has the keyboard focus. */
  const focused = (target: Locator): Promise<unknown> =>
    target.evaluate(`element => new Promise((done) => {
      const check = () => element.matches(':focus') ? done(true) : requestAnimationFrame(check);
      check();
    })`);
  const finding = (title: string | RegExp): Locator => form.getByRole('listitem').filter({ hasText: title });

  it('opens with the focus in the first field, and names the computer that connections start from', async () => {
    await ui.command('pg_background: Add Connection…');
    await form.getByText('Connections start from the computer that runs the VS Code server').waitFor();
    await focused(box('URI or DSN'));
  });

  it('shows a problem at its field when the field loses the focus, and again on Test', async () => {
    await box('Host').fill('127.0.0.1');
    await box('Port').fill('54x2');
    await ui.page.keyboard.press('Tab');
    const problem = form.getByText('Use a whole number from 1 to 65535, or one per host');
    await problem.waitFor();
    assert.equal(await box('Port').getAttribute('aria-invalid'), 'true');
    assert.match((await box('Port').getAttribute('aria-description'))!, /whole number from 1 to 65535/);
    await button('Test').click();
    await form.getByText('Correct these fields: Port.').waitFor();
    await focused(box('Port'));
    await box('Port').fill(String(server.port));
    await ui.page.keyboard.press('Tab');
    await problem.waitFor({ state: 'hidden' });
  });

  it('works with the keyboard: fields in reading order, then Test, which reports a wrong password', async () => {
    await box('Name').focus();
    const typed = ['shop', undefined, undefined, 'shop', 'keeper'];
    for (const text of typed) {
      if (text !== undefined) await ui.page.keyboard.type(text);
      await ui.page.keyboard.press('Tab');
    }
    // Skips the password source.
    await ui.page.keyboard.press('Tab');
    await ui.page.keyboard.type(WRONG);
    await button('Test').focus();
    await ui.page.keyboard.press('Enter');
    await finding('Authentication failed').waitFor();
    await form.getByText('Authentication failed.', { exact: true }).waitFor();
    await finding('Authentication failed').getByRole('button', { name: 'Enter the password' }).click();
    await focused(box('Password'));
  });

  it('lists every finding with the right password, and shows SQL for what is missing', async () => {
    await box('Password').fill(PASSWORD);
    await button('Test').click();
    await finding('pg_background is not installed in this database')
      .getByText('CREATE EXTENSION pg_background;')
      .waitFor();
    for (const title of ['Reachable', 'PostgreSQL 18', 'No pooling proxy', 'worker slots are free', 'No time limit']) {
      await finding(title).waitFor();
    }
    await ui.screenshot('connection-form');
  });

  it('saves the connection: its row appears and the form closes', async () => {
    await ui.page.keyboard.press('Control+Enter');
    await ui.row('shop').first().waitFor();
    await ui.notification(/“shop”: .*pg_background/).waitFor();
    await ui.page.locator('.tab').filter({ hasText: 'New Connection' }).waitFor({ state: 'detached' });
  });

  it('Test Connection offers CREATE EXTENSION, runs it after a confirmation, and reports success', async () => {
    await ui
      .notification(/“shop”: /)
      .getByRole('button', { name: 'Test Connection' })
      .click();
    const missing = finding('pg_background is not installed in this database');
    await missing.getByRole('button', { name: 'Run: Create it' }).click();
    const dialog = ui.dialog('Run this on “shop”?');
    await dialog.filter({ hasText: 'CREATE EXTENSION pg_background;' }).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal(await extensions(), '0');
    await missing.getByRole('button', { name: 'Run: Create it' }).click();
    await dialog.getByRole('button', { name: 'Run', exact: true }).click();
    await form.getByText(/“shop” is ready: PostgreSQL 18.* with pg_background 2/).waitFor();
    await ui.notification(/“shop” is ready: PostgreSQL 18.* with pg_background 2/).waitFor();
    await finding('You can launch workers').waitFor();
    assert.equal(await extensions(), '1');
    await ui.screenshot('connection-test');
  });

  const extensions = (): Promise<string> =>
    server.psql(`SELECT count(*) FROM pg_extension WHERE extname = 'pg_background'`, { database: 'shop' });

  /** Returns everything that VS Code stores in this browser. */
  const stored = async (): Promise<string> => JSON.stringify(await ui.page.context().storageState({ indexedDB: true }));

  it('edits a connection with its stored password, which the page does not receive', async () => {
    await button('Edit Connection').click();
    await form.getByRole('heading', { name: 'Edit Connection “shop”' }).waitFor();
    assert.equal(await box('Host').inputValue(), '127.0.0.1');
    assert.equal(await box('Password').inputValue(), '');
    assert.equal(await box('Password').getAttribute('placeholder'), 'A password is stored. Leave empty to keep it.');
    await button('Test').click();
    await form
      .getByText(/“shop” is ready/)
      .first()
      .waitFor();
    await box('Application name').waitFor({ state: 'hidden' });
  });

  it('keeps input over a reload, except for the password', async () => {
    await form.getByText('Advanced').click();
    await box('Application name').fill('my shop');
    await box('Password').fill(WRONG);
    // VS Code in a browser stores its state when it is idle.
    await eventually(async () => (await stored()).includes('my shop'), 'VS Code has stored the form');
    assert.doesNotMatch(await stored(), /wr0ng/);
    // The restored page shows that the extension runs again.
    await ui.page.reload();
    await form.getByRole('heading', { name: 'Edit Connection “shop”' }).waitFor();
    await box('Application name').waitFor();
    assert.equal(await box('Application name').inputValue(), 'my shop');
    assert.equal(await box('Password').inputValue(), '');
  });

  it('offers connections from the workspace, and imports a password without showing it', async () => {
    await ui.command('pg_background: Add Connection…');
    await button('Start From…').click();
    await form.getByRole('menuitem', { name: /DATABASE_URL · \.env/ }).click();
    await form.getByText('Password imported.').waitFor();
    assert.equal(await box('Name').inputValue(), 'shop@127.0.0.1');
    assert.equal(await box('Password').inputValue(), '');
    await button('Test').click();
    await form
      .getByText(/“shop@127.0.0.1” is ready/)
      .first()
      .waitFor();
    await button('Forget').click();
    await button('Test').click();
    await finding('No password').waitFor();
  });

  it('Cancel closes the form without saving', async () => {
    await button('Cancel').click();
    await ui.page.locator('.tab').filter({ hasText: 'New Connection' }).waitFor({ state: 'detached' });
    assert.equal(await ui.row('shop@127.0.0.1').count(), 0);
    // The other form becomes visible and takes the focus, which would close the palette.
    await form.getByRole('heading', { name: 'Edit Connection “shop”' }).waitFor();
    await focused(box('Host'));
    await ui.command('pg_background: Add Connection…');
    await box('URI or DSN').waitFor();
  });

  it('leaves no password in the page, its state, settings, or logs', async () => {
    for (const frame of ui.page.frames()) assert.doesNotMatch(await frame.content(), /ri9ht|wr0ng/);
    // In a browser, VS Code stores secrets there too, so only the wrong password must be missing.
    assert.doesNotMatch(await stored(), /wr0ng/);
    const files = await readdir(installed.vscode.userDataDir, { recursive: true, withFileTypes: true });
    let settings = '';
    for (const file of files.filter((entry) => entry.isFile())) {
      const text = await readFile(join(file.parentPath, file.name), 'latin1');
      assert.doesNotMatch(text, /ri9ht|wr0ng/, file.name);
      if (file.name === 'settings.json') settings += text;
    }
    assert.match(settings, /"name": "shop"/);
  });
});

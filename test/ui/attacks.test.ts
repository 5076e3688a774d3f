import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import type { Locator } from 'playwright-core';
import { newServer, type TestServer } from '../server/support';
import { install, screenshotOnFailure, type Installed } from './installed';
import { ResultsView } from './resultsView';
import type { Workbench } from './workbench';

/** An icon that VS Code itself does not show anywhere. */
const ICON = '$(flame)';
const LINK = '[PWN](command:workbench.action.closeWindow)';
const ATTACK = `${LINK} ${ICON} <img src=x> \`\`\` https://x.test`;
/** The same with control characters and right-to-left overrides, which cannot be written into a file directly. */
const HIDDEN = `'${ATTACK}' || chr(8238) || chr(8294) || chr(27) || '[31m' || E'\\n\\n\\n' || chr(7)`;

const SQL = `-- label: fails
DO $$ BEGIN
  RAISE NOTICE '%', ${HIDDEN} || repeat('n', 5000000);
  RAISE EXCEPTION USING message = ${HIDDEN} || repeat('m', 5000000), detail = ${HIDDEN}, hint = ${HIDDEN};
END $$;

-- label: ${ICON} [L](command:x)
SELECT '${LINK} ${ICON}'::pwn."${LINK} ${ICON}" AS U&"${LINK} ${ICON} \\202E";
`;

const PROGRESS = `-- label: reports
DO $$ BEGIN PERFORM pg_background_report_progress(1, ${HIDDEN} || repeat('p', 3000)); PERFORM pg_sleep(600); END $$;
`;

/** Returns elements that a page must not contain, wherever it shows the attack. Runs in the browser, so it is untyped. */
const FINDINGS = `(() => {
  const found = [];
  const own = document.querySelectorAll('.editor-instance .view-lines');
  const isOwn = (element) => [...own].some((one) => one.contains(element));
  for (const element of document.querySelectorAll('*')) {
    if (isOwn(element) || ['STYLE', 'SCRIPT'].includes(element.tagName)) continue;
    const text = element.textContent ?? '';
    const attributes = ['title', 'aria-label'].map((name) => element.getAttribute(name) ?? '');
    if (element.tagName === 'A' && text.includes('PWN') && text.length < 20) found.push('link ' + element.outerHTML);
    if (element.tagName === 'A' && /x\\.test/.test(text) && text.length < 40) found.push('link ' + element.outerHTML);
    if (element.classList.contains('codicon-flame')) found.push('icon ' + element.outerHTML);
    if (element.tagName === 'IMG' && element.getAttribute('src') === 'x') found.push('image');
    for (const part of [...(element.children.length === 0 ? [text] : []), ...attributes]) {
      if (/[\\u202a-\\u202e\\u2066-\\u2069\\x1b\\x07]/.test(part) && part.includes('PWN')) found.push('hidden ' + part.slice(0, 200));
      if (part.length > 30000) found.push('long ' + part.length + ' ' + part.slice(0, 100));
    }
  }
  return found;
})()`;

/** Starts a server that rejects every client before authentication. */
async function refusing(message: string): Promise<Server> {
  const body = Buffer.from(`SFATAL\0VFATAL\0C28000\0M${message}\0D${message}\0H${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(body.length + 4, 1);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      if (chunk.readInt32BE(4) === 80_877_103) socket.write('N');
      else socket.end(Buffer.concat([head, body]));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Shows attacks in every text of a server, in a real VS Code with the packaged VSIX: all must stay text, and rows must stay short. */
describe('a server whose every text is an attack', function () {
  this.timeout(480_000);
  let server: TestServer;
  let refuses: Server;
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    server = await newServer();
    refuses = await refusing(`${ATTACK} \u202E\u001b[31m${'f'.repeat(25_000)}`);
    installed = await install(
      (profile) => ({
        'attacks.sql': SQL,
        'progress.sql': PROGRESS,
        '.vscode/settings.json': JSON.stringify({
          'pgBackground.connections': [
            { ...profile, name: 'work' },
            {
              name: 'refuses',
              host: '127.0.0.1',
              port: (refuses.address() as AddressInfo).port,
              user: 'u',
              database: 'd',
            },
          ],
          'pgBackground.defaultConnection': 'work',
        }),
      }),
      { connected: false, server, settings: { 'pgBackground.notifyAfterSeconds': 0 } },
    );
    ({ ui } = installed);
    const database = installed.database;
    const name = `"${LINK}${ICON}"`;
    await server.psql(`CREATE SCHEMA pwn; CREATE TYPE pwn."${LINK} ${ICON}" AS ENUM ('${LINK} ${ICON}')`, { database });
    await server.psql(`CREATE ROLE ${name} LOGIN SUPERUSER`);
    await server.psql(
      `SET ROLE ${name}; SELECT pg_background_detach(pid, cookie) FROM pg_background_launch('SELECT ''PWN ${ATTACK.replaceAll("'", '')}'', pg_sleep(600)', 65536, '${LINK} ${ICON}')`,
      { database },
    );
  });
  after(async () => {
    await installed.close();
    refuses.close();
    await server.stop();
  });
  afterEach(screenshotOnFailure(() => ui));

  const isShort = async (shown: Locator, maxLength: number): Promise<void> => {
    const text = (await shown.textContent()) ?? '';
    assert.ok(text.length < maxLength, `${text.length} characters: ${text.slice(0, 3000)}`);
  };
  const harmless = async (): Promise<void> => {
    assert.deepEqual(await ui.page.evaluate(FINDINGS), []);
  };
  /** As in {@link Workbench.rowTooltip}: VS Code closes a tooltip while it redraws the row, and then it is opened again. */
  const tooltipOf = async (text: string | RegExp): Promise<string> => {
    for (;;) {
      await ui.row(text).click({ modifiers: ['ControlOrMeta'] });
      await ui.page.keyboard.press('Control+k');
      await ui.page.keyboard.press('Control+i');
      // Read text and findings in one step, because the tooltip disappears when the row is updated.
      const seen = await ui.page
        .waitForFunction(
          `(() => {
            const hover = [...document.querySelectorAll('.monaco-hover')].find((one) => one.textContent.includes('PWN'));
            return hover && { text: hover.textContent, found: ${FINDINGS} };
          })()`,
          undefined,
          { timeout: 5_000 },
        )
        .then(
          (hover) => hover.jsonValue() as Promise<{ text: string; found: string[] }>,
          () => undefined,
        );
      if (!seen) continue;
      assert.deepEqual(seen.found, []);
      await ui.page.keyboard.press('Escape');
      return seen.text;
    }
  };

  it('that rejects before authentication is shown as text in the row and the notification', async () => {
    const row = ui.row('refuses').first();
    await row.hover();
    await row.getByRole('button', { name: 'Connect', exact: true }).click();
    const problem = ui.row('PWN').first();
    await problem.waitFor();
    await isShort(problem, 300);
    await ui.row('Try Again').click();
    const toast = ui.notification('PWN').first();
    await toast.waitFor();
    assert.equal(await toast.locator('.notification-list-item-message a').count(), 0);
    await harmless();
    await ui.screenshot('attacks-refused');
    await ui.command('Notifications: Clear All Notifications');
  });

  it('that sends an error and a message of 5 MB is shown as short text in row, tooltip, Problems, and notification', async () => {
    await ui.openFile('attacks.sql');
    await ui.goTo(3, 1);
    await ui.command('pg_background: Run in Background');
    const row = ui.row('fails');
    await row.filter({ hasText: 'PWN' }).waitFor();
    await isShort(row, 500);
    assert.match((await row.textContent()) ?? '', /PWN.*… \(5 MB more\)/);
    const toast = ui.notification('“fails” failed').first();
    await toast.waitFor();
    await isShort(toast.locator('.notification-list-item-message'), 1000);
    await toast.filter({ hasText: 'MB more)' }).waitFor();
    assert.equal(await toast.locator('.notification-list-item-message a').count(), 0);
    await harmless();
    await ui.screenshot('attacks-notification');
    await ui.command('Notifications: Clear All Notifications');
    assert.ok((await tooltipOf('fails')).length < 8000);
    await ui.command('Problems: Focus on Problems View');
    const problem = ui.page.locator('.markers-panel .monaco-list-row').filter({ hasText: 'PWN' }).first();
    await problem.waitFor();
    await harmless();
    await ui.screenshot('attacks-problems');
  });

  it('has the beginning of long texts in the panel, and a button for the full text', async () => {
    await ui.command('Notifications: Clear All Notifications');
    await ui.row('fails').click();
    const page = ui.results();
    await page.locator('.error-message').filter({ hasText: 'PWN' }).waitFor();
    assert.ok(((await page.locator('.error-message').textContent()) ?? '').length <= 16_384);
    const check = async (): Promise<void> => {
      const found = await page.locator('body').evaluate((_body, code) => (0, eval)(code) as string[], FINDINGS);
      assert.deepEqual(found, []);
    };
    await check();
    await ui.screenshot('attacks-error');
    await page.getByRole('tab', { name: 'Messages (1)' }).click();
    await page.locator('.message-text').filter({ hasText: 'MB more)' }).waitFor();
    await check();
    await page.getByRole('button', { name: 'Show Full Text' }).click();
    await ui.editorText('NOTICE: [PWN]').waitFor();
    await ui.screenshot('attacks-full-text');
  });

  it('has names of columns, types, and enum values that are shown as text', async () => {
    await ui.openFile('attacks.sql');
    await ui.goTo(8, 1);
    await ui.command('pg_background: Run in Background');
    const row = ui.row('[L]').first();
    await row.filter({ hasText: '1 row' }).waitFor();
    await harmless();
    await row.click();
    const results = new ResultsView(ui);
    await results.frame.locator('.column-name').filter({ hasText: 'PWN' }).waitFor();
    await results.row(1).locator('.cell').filter({ hasText: 'PWN' }).waitFor();
    const found = await results.frame.locator('body').evaluate((_body, code) => (0, eval)(code) as string[], FINDINGS);
    assert.deepEqual(found, []);
    await ui.screenshot('attacks-rows');
  });

  it('has progress and names of other roles and workers that are shown as text', async () => {
    await ui.openFile('progress.sql');
    await ui.goTo(2, 1);
    await ui.command('pg_background: Run in Background');
    const row = ui.row('reports');
    await row.filter({ hasText: 'PWN' }).waitFor();
    await isShort(row, 500);
    await ui.row('launched elsewhere').filter({ hasText: 'PWN' }).waitFor();
    await harmless();
    await ui.screenshot('attacks-tree');
    assert.ok((await tooltipOf('launched elsewhere')).length < 8000);
  });
});

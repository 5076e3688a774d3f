import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withGate } from '../gate';
import { eventually } from '../server/support';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

type Texts = Readonly<Record<string, string | undefined>>;

const source = JSON.parse(readFileSync('l10n/bundle.l10n.de.json', 'utf8')) as Texts;
const manifest = JSON.parse(readFileSync('package.nls.de.json', 'utf8')) as Texts;
const english = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Texts;

/** The German translation of a text of src, with its placeholders filled. Fails if it is missing or equal to the English text. */
function german(text: string, ...values: readonly (string | number)[]): string {
  const translation = source[text];
  assert.ok(translation !== undefined && translation !== text, `no German translation: ${text}`);
  return translation.replace(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)]));
}

/** The German translation of a text of src as a pattern. @param values regular expressions for the placeholders */
function germanPattern(text: string, ...values: readonly string[]): RegExp {
  const markers = values.map((_, index) => `\0${index}\0`);
  const parts = german(text, ...markers).split('\0');
  const escape = (part: string): string => part.replace(/[.*+?^$()|[\]{}\\]/g, '\\$&');
  return new RegExp(parts.map((part, index) => (index % 2 === 1 ? values[Number(part)] : escape(part))).join(''));
}

/** The German translation of a text of package.json. */
function title(key: string): string {
  const translation = manifest[key];
  assert.ok(translation !== undefined && translation !== english[key], `no German translation: ${key}`);
  return translation;
}

const SQL = `-- label: drei Zeilen
SELECT g AS zahl, 'Zeile ' || g AS text FROM generate_series(1, 3) AS g, pg_sleep(0.1);

-- label: schläft lange
SELECT pg_sleep(600);

-- label: vertippt
SELECT nosuch FROM pg_class;
`;

/** The main flow with VS Code's display language set to German. Each test continues where the one before it ended. */
describe('main flow in German', function () {
  this.timeout(480_000);
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    installed = await install(
      { 'work.sql': SQL },
      {
        connected: true,
        language: 'de',
        viewName: title('view.workers'),
        settings: { 'pgBackground.cancelGraceSeconds': 6, 'pgBackground.notifyAfterSeconds': 0 },
      },
    );
    ({ ui } = installed);
  });
  after(() => installed.close());
  afterEach(screenshotOnFailure(() => ui));

  it('shows the state of a connection in the tree', async () => {
    await ui
      .row('work')
      .filter({ hasText: german('not connected') })
      .waitFor();
  });

  it('runs a selection and shows its outcome and rows', async () => {
    await ui.openFile('work.sql');
    await ui.selectLines(1, 2);
    await ui.editorRightClick(title('command.runInBackground'));
    const row = ui.row('drei Zeilen');
    await row.filter({ hasText: german('{0} rows', 3) }).waitFor();
    await ui.notification(german('“{0}” succeeded: {1}', 'drei Zeilen', german('{0} rows', 3))).waitFor();
    await row.click();
    await ui.results().getByText('Zeile 3', { exact: true }).waitFor();
  });

  it('cancels a running job from its row', async () => {
    await ui.openFile('work.sql');
    await ui.selectLines(4, 5);
    await ui.editorContextMenu(title('command.runInBackground'));
    const row = ui.row('schläft lange');
    await row.filter({ hasText: /\d+ s · \d+/ }).waitFor();
    await ui.statusBar(german('1 job')).waitFor();
    await row.hover();
    await row.getByRole('button', { name: title('command.cancelJob'), exact: true }).click();
    await ui.notification(germanPattern('“{0}” stopped {1} after SIGTERM.', 'schläft lange', '.*')).waitFor();
    await row.filter({ hasText: german('canceled') }).waitFor();
  });

  it('explains why a worker that catches cancels is still running', async () => {
    const { server, database } = installed;
    const row = ui.row('fängt ab');
    await withGate({ host: server.host, port: server.port, database, user: server.user }, async (gate) => {
      await writeFile(join(installed.workspace, 'stubborn.sql'), `-- label: fängt ab\n${gate.swallow};\n`);
      await ui.openFile('stubborn.sql');
      await ui.editorContextMenu(title('command.runInBackground'));
      await row.filter({ hasText: /\d+ s · \d+/ }).waitFor();
      const asleep = `SELECT count(*) FROM pg_stat_activity WHERE datname = '${database}' AND wait_event = 'PgSleep'`;
      await eventually(
        async () => (await server.psql(asleep)) === '1',
        'the worker sleeps in the block that catches the cancel',
      );
      await ui.rowMenu(row, title('command.cancelJob'));
      await ui.notification(germanPattern('Canceling “{0}” (pid {1})', 'fängt ab', '\\d+')).waitFor();
      const warning = ui.notification(
        german(
          'Its SQL catches the cancel (an EXCEPTION block) and continues; it now waits on {0}.',
          'Timeout/PgSleep',
        ),
      );
      await warning.waitFor();
      await row.filter({ hasText: german('not responding') }).waitFor();
      await warning.getByRole('button', { name: german('Keep Waiting') }).click();
    });
    await row.filter({ hasText: /DO · / }).waitFor();
  });

  it('shows the menu of a connection and the commands in the palette', async () => {
    await ui.openRowMenu(ui.row('work').first());
    for (const key of ['command.disconnectConnection', 'command.testConnection', 'command.removeConnection']) {
      await ui.menuItem(title(key)).waitFor();
    }
    await ui.page.keyboard.press('Escape');
    await ui.command(`pg_background: ${title('command.clearFinishedJobs')}`);
    await ui.row('drei Zeilen').waitFor({ state: 'detached' });
  });
});

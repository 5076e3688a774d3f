import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Locator } from 'playwright-core';
import { newServer, type TestServer } from '../server/support';
import { helperExtension } from './helperExtension';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

/** Quoting, encoding, and escaping change the beginning and the end of these passwords, but never the middle. */
const STORED = 'p"\\% Zq7xKw92Lp \'é€';
const ASKED = 'a&/ Hm4vTr83Bd +ü';
const WRONG = 'w: Yc6nFs51Gj %20';
const CORES = ['Zq7xKw92Lp', 'Hm4vTr83Bd', 'Yc6nFs51Gj'];

const HBA = `
host all keeper all scram-sha-256
host all asker all scram-sha-256
host all all all trust
`;

/** Performs every action with a password in a real VS Code with the packaged VSIX, and then searches for the passwords. */
describe('passwords', function () {
  this.timeout(480_000);
  let server: TestServer;
  let installed: Installed;
  let ui: Workbench;

  before(async () => {
    server = await newServer({}, HBA);
    const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
    await server.psql(`CREATE ROLE keeper LOGIN PASSWORD ${quoted(STORED)}`);
    await server.psql(`CREATE ROLE asker LOGIN PASSWORD ${quoted(ASKED)}`);
    installed = await install(
      ({ host, port, database }) => {
        const at = { host, port, database, user: 'keeper', sslmode: 'disable' };
        const connections = [
          { ...at, name: 'asks', user: 'asker', askPassword: true },
          { ...at, name: 'entered' },
          { ...at, name: 'wrong' },
          { ...at, name: 'commanded', passwordCommand: 'printf %s "$PGBG_TEST_SECRET"' },
          { ...at, name: 'without TLS', sslmode: 'require' },
        ];
        return {
          'work.sql':
            "-- label: does well\nSELECT current_user || ' was here' AS word;\n\n-- label: fails\nSELECT 1 / 0;\n",
          '.vscode/settings.json': JSON.stringify({ 'pgBackground.connections': connections }),
        };
      },
      {
        connected: false,
        server,
        // Log everything.
        trace: true,
        extensions: [await helperExtension()],
        env: ({ host, port, database }) => {
          const user = encodeURIComponent(STORED);
          return {
            PGBG_TEST_SECRET: STORED,
            PGBG_TEST_PROVIDED: JSON.stringify({ name: 'provided', host, port, database, user: 'keeper' }),
            PGBG_TEST_URI: `postgres://keeper:${user}@${host ?? ''}:${port ?? ''}/${database ?? ''}?sslmode=prefer`,
          };
        },
      },
    );
    ({ ui } = installed);
    await server.psql('GRANT pgbackground_role TO keeper, asker', { database: installed.database });
  });
  after(async () => {
    await installed.close();
    await server.stop();
  });
  afterEach(screenshotOnFailure(() => ui));

  const row = (name: string): Locator => ui.row(name).first();
  const choose = (name: string, item: string): Promise<void> => ui.rowMenu(row(name), item);
  async function connected(name: string): Promise<void> {
    await row(name).hover();
    await row(name).getByRole('button', { name: 'Disconnect' }).waitFor();
    await row(name).filter({ hasNotText: 'connecting' }).waitFor();
  }

  it('can be pasted in a URI', async () => {
    await ui.command('Helper: Paste');
    await ui.answer('Shown in the Background Workers view', 'pasted');
    await connected('pasted');
  });

  it('can be entered to be stored, for one session, and wrongly', async () => {
    await choose('entered', 'Enter Password…');
    await ui.answer(/kept in VS Code’s secret storage/, STORED);
    await connected('entered');
    await choose('asks', 'Connect');
    await ui.answer(/Password of asker at/, ASKED);
    await connected('asks');
    await choose('wrong', 'Enter Password…');
    await ui.answer(/kept in VS Code’s secret storage/, WRONG);
    await ui.row(/did not accept the password of the user “keeper”/).waitFor();
  });

  it('can come from a command and from another extension, and are not sent if TLS is missing', async () => {
    await choose('commanded', 'Connect');
    const question = ui.dialog('Use your own passwords for the workspace’s connection “commanded”?');
    await question.filter({ hasText: 'printf %s "$PGBG_TEST_SECRET"' }).waitFor();
    await ui.screenshot('approval');
    await question.getByRole('button', { name: 'Allow' }).click();
    await connected('commanded');
    await choose('provided (Helper)', 'Connect');
    await connected('provided (Helper)');
    await choose('without TLS', 'Enter Password…');
    await ui.answer(/kept in VS Code’s secret storage/, STORED);
    await ui.row(/does not support TLS/).waitFor();
  });

  it('are used by jobs and the connection test, can be forgotten, and are missing in a copied URI', async () => {
    await choose('pasted', 'Set as Default Connection…');
    await ui.pick('Workspace Settings');
    await ui.openFile('work.sql');
    for (const [first, last, outcome] of [
      [1, 2, '1 row'],
      [4, 5, 'division by zero'],
    ] as const) {
      await ui.openFile('work.sql');
      await ui.selectLines(first, last);
      await ui.editorContextMenu('Run in Background');
      await ui.row(outcome).waitFor();
    }
    await ui.row('does well').click();
    await ui.results().getByText('keeper was here', { exact: true }).waitFor();
    await choose('pasted', 'Copy URI without Password');
    await choose('asks', 'Forget Password');
    await ui.notification(/The password of “asks” was deleted/).waitFor();
    await choose('entered', 'Disconnect');
    await row('entered').filter({ hasText: 'not connected' }).waitFor();
    // The last step, because the page takes the keyboard focus when it appears.
    await choose('pasted', 'Test Connection');
    const success = /“pasted” is ready/;
    // The success can be shown in a notification or on the page.
    await Promise.any(
      [ui.notification(success), ui.results().getByText(success)].map((text) => text.first().waitFor()),
    );
    await ui.screenshot('secrets');
  });

  it('are in no file of the editor or the workspace: settings, storage, logs', async () => {
    let logged = '';
    let files = 0;
    for (const folder of [dirname(installed.vscode.userDataDir), installed.workspace]) {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const file = join(entry.parentPath, entry.name);
        const content = await readFile(file);
        for (const form of FORMS) assert.ok(!content.includes(form), `${file} has ${form.toString('latin1')}`);
        if (entry.name.endsWith('.log')) logged += content.toString('utf8');
        files++;
      }
    }
    // Make sure that the search covered the files and the log.
    assert.ok(files > 20, String(files));
    assert.match(logged, /\[debug\].*pasted: Connected to 127\.0\.0\.1/);
    assert.match(logged, /wrong: .*connect\.passwordRejected/);
  });

  it('are on no page, and those that were not stored or wrong are nowhere in the browser', async () => {
    const frames = ui.page.frames();
    assert.ok(frames.length > 1, 'the frames include the results');
    for (const frame of frames) {
      const text = await frame.evaluate(
        `document.documentElement.outerHTML + [...document.querySelectorAll('input, textarea')].map((one) => one.value).join()`,
      );
      for (const core of CORES) assert.ok(!String(text).includes(core), `${frame.url()} has ${core}`);
    }
    // In a browser, VS Code keeps secrets in the browser's storage, so the stored password may be there.
    const kept = JSON.stringify(await ui.page.context().storageState({ indexedDB: true }));
    for (const core of CORES.slice(1)) assert.ok(!kept.includes(core), core);
  });

  it('are in neither the server’s list of sessions nor its log', async () => {
    const shown = await server.psql("SELECT coalesce(string_agg(a::text, chr(10)), '') FROM pg_stat_activity AS a");
    const log = await server.serverLog();
    for (const core of CORES) assert.ok(!`${shown}${log}`.includes(core), core);
  });
});

/** The forms that a password may have in a file: text, UTF-16, and base64 at each alignment. */
const FORMS: readonly Buffer[] = CORES.flatMap((core) => [
  Buffer.from(core),
  Buffer.from(core, 'utf16le'),
  ...[0, 1, 2].map((before) => {
    const encoded = Buffer.from('x'.repeat(before) + core).toString('base64');
    // The first and last characters depend on adjacent bytes.
    return Buffer.from(encoded.slice(before === 0 ? 0 : 4, -4));
  }),
]);

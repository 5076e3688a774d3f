import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Locator } from 'playwright-core';
import { newServer, type TestServer } from '../server/support';
import { helperExtension } from './helperExtension';
import { install, screenshotOnFailure, type Installed } from './installed';
import type { Workbench } from './workbench';

/** In the middle of each stands what no way of writing it changes; around it what quoting, encoding and escaping change. */
const STORED = 'p"\\% Zq7xKw92Lp \'é€';
const ASKED = 'a&/ Hm4vTr83Bd +ü';
const WRONG = 'w: Yc6nFs51Gj %20';
const CORES = ['Zq7xKw92Lp', 'Hm4vTr83Bd', 'Yc6nFs51Gj'];

const HBA = `
host all keeper all scram-sha-256
host all asker all scram-sha-256
host all all all trust
`;

/** After everything that has to do with a password was done, on the packaged VSIX in a real VS Code. */
describe('passwords', function () {
  this.timeout(300_000);
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
        // Everything that is logged at all is to be logged.
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

  it('a URI with a password is pasted', async () => {
    await ui.command('Helper: Paste');
    await ui.answer('Shown in the Background Workers view', 'pasted');
    await connected('pasted');
  });

  it('passwords are entered: the right one, one that is not to be stored, and a wrong one', async () => {
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

  it('one comes from a command, one from another extension, and one is not sent since there is no TLS', async () => {
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
    await ui.row(/does not offer TLS/).waitFor();
  });

  it('jobs run and fail, a connection is examined, duplicated, forgotten, and its URI is copied', async () => {
    await choose('pasted', 'Set as Default Connection…');
    await ui.pick('Workspace Settings');
    await ui.openFile('work.sql');
    for (const [first, last, told] of [
      [1, 2, '1 row'],
      [4, 5, 'division by zero'],
    ] as const) {
      await ui.openFile('work.sql');
      await ui.selectLines(first, last);
      await ui.editorContextMenu('Run in Background');
      await ui.row(told).waitFor();
    }
    await ui.row('does well').click();
    await ui.results().getByText('keeper was here', { exact: true }).waitFor();
    await choose('pasted', 'Copy URI without Password');
    await choose('asks', 'Forget Password');
    await ui.notification(/The password of “asks” is forgotten/).waitFor();
    await choose('entered', 'Disconnect');
    await row('entered').filter({ hasText: 'not connected' }).waitFor();
    // The last one, since its page takes the keyboard when it is there.
    await choose('pasted', 'Test Connection');
    const said = /“pasted” is ready/;
    // Where it is told does not matter here.
    await Promise.any([ui.notification(said), ui.results().getByText(said)].map((one) => one.first().waitFor()));
    await ui.screenshot('secrets');
  });

  it('none is in a file of the editor or the workspace: settings, storage, logs', async () => {
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
    // What was looked through is what there was to look through.
    assert.ok(files > 20, String(files));
    assert.match(logged, /\[debug\].*pasted: Connected to 127\.0\.0\.1/);
    assert.match(logged, /wrong: .*connect\.passwordRejected/);
  });

  it('none is on a page, and what was not to be stored or is wrong is nowhere in the browser', async () => {
    const frames = ui.page.frames();
    assert.ok(frames.length > 1, 'the results are among them');
    for (const frame of frames) {
      const text = await frame.evaluate(
        `document.documentElement.outerHTML + [...document.querySelectorAll('input, textarea')].map((one) => one.value).join()`,
      );
      for (const core of CORES) assert.ok(!String(text).includes(core), `${frame.url()} has ${core}`);
    }
    // A browser has no better place than its own storage for what VS Code keeps as a secret: the right one may be there.
    const kept = JSON.stringify(await ui.page.context().storageState({ indexedDB: true }));
    for (const core of CORES.slice(1)) assert.ok(!kept.includes(core), core);
  });

  it('none is in the server’s list of sessions, or in its log', async () => {
    const shown = await server.psql("SELECT coalesce(string_agg(a::text, chr(10)), '') FROM pg_stat_activity AS a");
    const log = await server.serverLog();
    for (const core of CORES) assert.ok(!`${shown}${log}`.includes(core), core);
  });
});

/** The ways in which a file may hold one: as text, in UTF-16, and in base64, whatever stands before it. */
const FORMS: readonly Buffer[] = CORES.flatMap((core) => [
  Buffer.from(core),
  Buffer.from(core, 'utf16le'),
  ...[0, 1, 2].map((before) => {
    const encoded = Buffer.from('x'.repeat(before) + core).toString('base64');
    // The ends depend on what stands beside it.
    return Buffer.from(encoded.slice(before === 0 ? 0 : 4, -4));
  }),
]);

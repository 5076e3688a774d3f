import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { newServer, type TestServer } from '../server/support';
import { helperExtension } from './helperExtension';
import { install, screenshotOnFailure, tempFile, type Installed } from './installed';
import type { Workbench } from './workbench';

/** A cloned, untrusted workspace in a real VS Code with the packaged VSIX. Each step continues from the previous one. */
describe('an untrusted workspace', function () {
  this.timeout(480_000);
  let server: TestServer;
  let installed: Installed;
  let ui: Workbench;
  let trap: string;

  before(async () => {
    server = await newServer({ log_connections: 'on' });
    trap = await tempFile('pgbg-trap-', 'ran');
    installed = await install(
      (profile) => ({
        'work.sql': "SELECT 'it ran' AS word;\n",
        '.vscode/settings.json': JSON.stringify({
          'pgBackground.connections': [{ ...profile, name: 'theirs', passwordCommand: `touch ${trap}; echo x` }],
          'pgBackground.defaultConnection': 'theirs',
        }),
      }),
      {
        connected: false,
        server,
        workspaceTrust: true,
        extensions: [await helperExtension()],
        env: ({ host, port, database, user }) => ({
          PGBG_TEST_PROVIDED: JSON.stringify({ name: 'provided', host, port, database, user }),
        }),
        settings: {
          'security.workspace.trust.startupPrompt': 'never',
          // The user's own: the workspace's text must not run there either.
          'pgBackground.connections': [{ name: 'mine', host: server.host, port: server.port, user: server.user }],
        },
      },
    );
    ({ ui } = installed);
  });
  after(async () => {
    await installed.close();
    await server.stop();
  });
  afterEach(screenshotOnFailure(() => ui));

  /** Counts connections of the extension in the server's log. */
  const connectionCount = async (): Promise<number> =>
    [...(await server.serverLog()).matchAll(/application_name=pg_background Workers/g)].length;

  it('lists no connections, neither the user’s nor another extension’s, and explains why in the view', async () => {
    await ui.page.getByText('This workspace is not trusted, so nothing connects').waitFor();
    assert.equal(await ui.row(/theirs|mine|provided/).count(), 0);
    await ui.screenshot('trust-untrusted');
  });

  it('runs nothing and connects to nothing, neither the workspace’s connections nor the user’s', async () => {
    await ui.openFile('work.sql');
    await ui.selectLines(1, 1);
    await ui.editorContextMenu('Run in Background');
    await ui.notification(/This workspace is not trusted, so nothing connects and nothing runs/).waitFor();
    await ui.command('pg_background: Refresh');
    assert.equal(await ui.row(/theirs|mine|provided|it ran/).count(), 0);
    assert.equal(await connectionCount(), 0);
    assert.equal(existsSync(trap), false);
  });

  it('lists and uses all connections after it was trusted', async () => {
    await ui.command('Workspaces: Manage Workspace Trust');
    await ui.page.locator('.workspace-trust-editor').getByRole('button', { name: 'Trust', exact: true }).click();
    await ui.row('theirs').waitFor();
    await ui.row('mine').waitFor();
    await ui.row('provided (Helper)').waitFor();
    await ui.openFile('work.sql');
    await ui.command('pg_background: Run File in Background');
    await ui.row('work.sql').filter({ hasText: '1 row' }).waitFor();
    assert.ok((await connectionCount()) > 0);
    // A password command of a workspace does not run before the user allows it, even if the workspace is trusted.
    assert.equal(existsSync(trap), false);
    await ui.screenshot('trust-trusted');
  });
});

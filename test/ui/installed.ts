import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { newDatabase, sharedServer, type TestServer } from '../server/support';
import {
  launchBrowser,
  makeWorkspace,
  repository,
  startVscode,
  tempFolder,
  Workbench,
  type TestBrowser,
  type VscodeServer,
} from './workbench';

const shared = globalThis as { pgbgVsix?: Promise<string> };

/** The packaged extension, made once for all test files. */
function vsix(): Promise<string> {
  shared.pgbgVsix ??= (async () => {
    const file = join(await tempFolder('pgbg-vsix-'), 'extension.vsix');
    execFileSync(process.execPath, ['node_modules/@vscode/vsce/vsce', 'package', '--no-dependencies', '--out', file], {
      cwd: repository,
      stdio: 'ignore',
    });
    return file;
  })();
  return shared.pgbgVsix;
}

/** A VS Code with the VSIX installed, as a user has it, open in a browser on a workspace. */
export interface Installed {
  readonly server: TestServer;
  readonly database: string;
  readonly vscode: VscodeServer;
  readonly browser: TestBrowser;
  readonly ui: Workbench;
  readonly workspace: string;
  close(): Promise<void>;
}

/** @param connected whether the workspace's settings have the connection "work" already */
export async function install(
  files: Record<string, string>,
  options: { settings?: Record<string, unknown>; connected: boolean; deviceScaleFactor?: number },
): Promise<Installed> {
  const server = await sharedServer();
  const profile = await newDatabase(server);
  const vscode = await startVscode({ settings: options.settings ?? {} });
  await vscode.installVsix(await vsix());
  const browser = await launchBrowser(options.deviceScaleFactor);
  const ui = new Workbench(await browser.context.newPage());
  const settings = { 'pgBackground.connections': [{ ...profile, name: 'work' }] };
  const workspace = await makeWorkspace({
    ...files,
    ...(options.connected ? { '.vscode/settings.json': JSON.stringify(settings) } : {}),
  });
  await ui.open(vscode.url({ folder: workspace }));
  return {
    server,
    database: profile.database ?? '',
    vscode,
    browser,
    ui,
    workspace,
    close: async () => {
      await browser.close();
      await vscode.stop();
    },
  };
}

/** For `afterEach`: what was on screen when a test failed. */
export function screenshotOnFailure(ui: () => Workbench): (this: Mocha.Context) => Promise<void> {
  return async function () {
    if (this.currentTest?.state === 'failed')
      await ui().screenshot(`failed-${this.currentTest.title.replace(/\W+/g, '-').slice(0, 60)}`);
  };
}

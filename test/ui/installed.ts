import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
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

/** The packaged extension, built once for all test files. */
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

/** A VS Code with the VSIX installed, open in a browser on a workspace. */
export interface Installed {
  readonly server: TestServer;
  readonly database: string;
  readonly workspace: string;
  readonly vscode: VscodeServer;
  readonly browser: TestBrowser;
  readonly ui: Workbench;
  close(): Promise<void>;
}

export interface InstallOptions {
  readonly settings?: Record<string, unknown>;
  /** Whether the workspace's settings define the connection "work". */
  readonly connected: boolean;
  readonly deviceScaleFactor?: number;
  /** Whether folders start untrusted, as a cloned repository does. */
  readonly workspaceTrust?: boolean;
  /** By default, the server that all tests share. */
  readonly server?: TestServer;
  /** An existing database; by default, a new one. */
  readonly profile?: ConnectionProfile;
  /** Further extensions, as VSIX files. */
  readonly extensions?: readonly string[];
  /** Environment variables of the extension host, in addition to those of this process. */
  readonly env?: (profile: ConnectionProfile) => NodeJS.ProcessEnv;
  /** The .code-workspace file to open instead of the folder. */
  readonly open?: string;
  /** The display language, such as `de`. VS Code's own texts stay in English. */
  readonly language?: string;
  /** The name of our view in that language. */
  readonly viewName?: string;
  /** Whether the extension logs at trace level. */
  readonly trace?: boolean;
}

/** @param given the files of the workspace, or a function that makes them from the profile of a new database */
export async function install(
  given: Record<string, string> | ((profile: ConnectionProfile) => Record<string, string>),
  options: InstallOptions,
): Promise<Installed> {
  const server = options.server ?? (await sharedServer());
  const profile = options.profile ?? (await newDatabase(server));
  const files = typeof given === 'function' ? given(profile) : given;
  const vscode = await startVscode({
    settings: options.settings ?? {},
    ...(options.workspaceTrust === undefined ? {} : { workspaceTrust: options.workspaceTrust }),
    ...(options.language === undefined ? {} : { language: options.language }),
    ...(options.env ? { env: { ...process.env, ...options.env(profile) } } : {}),
  });
  for (const file of [await vsix(), ...(options.extensions ?? [])]) await vscode.installVsix(file);
  const browser = await launchBrowser(options.deviceScaleFactor);
  const ui = new Workbench(await browser.context.newPage(), options.viewName);
  const settings = { 'pgBackground.connections': [{ ...profile, name: 'work' }] };
  const workspace = await makeWorkspace({
    ...files,
    ...(options.connected ? { '.vscode/settings.json': JSON.stringify(settings) } : {}),
  });
  await ui.open(
    vscode.url({
      folder: options.open === undefined ? workspace : join(workspace, options.open),
      ...(options.trace === true ? { logLevel: 'pg-background.pg-background-workers:trace' } : {}),
    }),
  );
  return {
    server,
    database: profile.database ?? '',
    workspace,
    vscode,
    browser,
    ui,
    close: async () => {
      await browser.close();
      await vscode.stop();
    },
  };
}

/** The path of a file that does not exist yet, in a new folder. */
export async function tempFile(prefix: string, name: string): Promise<string> {
  return join(await tempFolder(prefix), name);
}

/** For `afterEach`: takes screenshots of all windows if the test failed. */
export function screenshotOnFailure(ui: () => Workbench): (this: Mocha.Context) => Promise<void> {
  return async function () {
    if (this.currentTest?.state !== 'failed') return;
    const title = this.currentTest.title.replace(/\W+/g, '-').slice(0, 60);
    for (const [index, page] of ui().page.context().pages().entries())
      await new Workbench(page).screenshot(`failed-${title}${index > 0 ? `-window-${index + 1}` : ''}`);
  };
}

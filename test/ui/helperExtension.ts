import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repository, tempFolder } from './workbench';

/**
 * Another extension that uses our API: it provides a connection with a password, and adds a connection from a URI. The values are in
 * the environment, so that no file contains them.
 */
const MAIN = `
const vscode = require('vscode');
exports.activate = async (context) => {
  const api = await vscode.extensions.getExtension('pg-background.pg-background-workers').activate();
  const { PGBG_TEST_PROVIDED: provided, PGBG_TEST_SECRET: secret, PGBG_TEST_URI: uri } = process.env;
  context.subscriptions.push(
    api.registerConnectionProvider({
      id: 'test.helper',
      label: 'Helper',
      connections: () => [JSON.parse(provided)],
      password: async () => secret,
    }),
    vscode.commands.registerCommand('helper.paste', () => vscode.commands.executeCommand('pgBackground.addConnection', uri)),
  );
};
`;

const MANIFEST = {
  name: 'helper',
  publisher: 'test',
  version: '1.0.0',
  engines: { vscode: '^1.100.0' },
  main: './main.js',
  activationEvents: ['onStartupFinished'],
  // It also runs in an untrusted workspace, to test what our extension does there.
  capabilities: { untrustedWorkspaces: { supported: true } },
  contributes: { commands: [{ command: 'helper.paste', title: 'Helper: Paste' }] },
};

/** @returns the path of its VSIX */
export function helperExtension(): Promise<string> {
  return packExtension(MANIFEST, MAIN);
}

/** Packages an extension of one file, `main.js`. @returns the path of its VSIX */
export async function packExtension(manifest: object, main: string): Promise<string> {
  const folder = join(await tempFolder('pgbg-helper-'), 'helper');
  await mkdir(folder);
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(folder, 'main.js'), main);
  const vsix = join(folder, '..', 'helper.vsix');
  const vsce = join(repository, 'node_modules/@vscode/vsce/vsce');
  const options = ['--no-dependencies', '--allow-missing-repository', '--skip-license', '--out', vsix];
  execFileSync(process.execPath, [vsce, 'package', ...options], { cwd: folder, stdio: 'ignore' });
  return vsix;
}

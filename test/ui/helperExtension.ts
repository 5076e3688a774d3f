import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repository, tempFolder } from './workbench';

/**
 * Another extension, as its own VSIX, that uses ours: it provides a connection whose password it knows, and pastes a URI. What
 * it does that with stands in the environment, so that no file has it.
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
  // It runs where nobody vouches for the workspace, too: what ours does then is the question.
  capabilities: { untrustedWorkspaces: { supported: true } },
  contributes: { commands: [{ command: 'helper.paste', title: 'Helper: Paste' }] },
};

/** @returns the VSIX */
export async function helperExtension(): Promise<string> {
  const folder = join(await tempFolder('pgbg-helper-'), 'helper');
  await mkdir(folder);
  await writeFile(join(folder, 'package.json'), JSON.stringify(MANIFEST));
  await writeFile(join(folder, 'main.js'), MAIN);
  const vsix = join(folder, '..', 'helper.vsix');
  const vsce = join(repository, 'node_modules/@vscode/vsce/vsce');
  const options = ['--no-dependencies', '--allow-missing-repository', '--skip-license', '--out', vsix];
  execFileSync(process.execPath, [vsce, 'package', ...options], { cwd: folder, stdio: 'ignore' });
  return vsix;
}

/**
 * Runs in the extension host. Measures how long the extension takes to load, how long activate() takes, and how long VS Code takes for
 * both including its own work, such as opening storages. Writes the numbers to a file.
 */
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as vscode from 'vscode';

interface Code {
  activate(context: vscode.ExtensionContext): Promise<unknown>;
  deactivate(): Promise<void>;
}

export async function run(): Promise<void> {
  const extension = vscode.extensions.getExtension('pg-background.pg-background-workers');
  if (!extension) throw new Error('The extension is not installed.');
  const file = join(extension.extensionPath, 'dist/extension.js');
  if (extension.isActive || require.cache[file]) throw new Error('The extension was loaded before the measurement.');
  await untilIdle();
  const start = performance.now();
  // The same loader as VS Code's.
  const code = createRequire(file)(file) as Code;
  const loading = performance.now() - start;
  const loaded = require.cache[file] as NodeJS.Module | undefined;
  if (!loaded) throw new Error('The extension was not loaded.');
  let activating = 0;
  loaded.exports = {
    deactivate: () => code.deactivate(),
    activate: async (context: vscode.ExtensionContext) => {
      const begin = performance.now();
      const api = await code.activate(context);
      activating = performance.now() - begin;
      return api;
    },
  } satisfies Code;
  await extension.activate();
  const all = performance.now() - start;
  appendFileSync(process.env['PGBG_BENCH_OUT'] ?? '', `${JSON.stringify({ loading, activating, all })}\n`);
}

/** Waits until other extensions are loaded, because the extension is activated after startup (`onStartupFinished`). */
async function untilIdle(): Promise<void> {
  const until = performance.now() + 30_000;
  for (let inTime = 0; inTime < 100 && performance.now() < until;) {
    const asked = performance.now();
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
    inTime = performance.now() - asked < 15 ? inTime + 1 : 0;
  }
}

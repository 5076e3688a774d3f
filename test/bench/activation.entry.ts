/** Runs in the extension host: how long VS Code takes to load and activate the extension. Leaves the number in a file. */
import { appendFileSync } from 'node:fs';
import * as vscode from 'vscode';

export async function run(): Promise<void> {
  const extension = vscode.extensions.getExtension('pg-background.pg-background-workers');
  if (!extension) throw new Error('The extension is not there.');
  if (extension.isActive) throw new Error('The extension was active before it could be measured.');
  const start = performance.now();
  await extension.activate();
  appendFileSync(process.env['PGBG_BENCH_OUT'] ?? '', `${performance.now() - start}\n`);
}

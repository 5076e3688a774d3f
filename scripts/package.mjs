// Makes the VSIX: `npm run package`. The production build, then vsce, then a look at the sizes that DESIGN.md allows.
import { readdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { spawnSync } from 'node:child_process';
import { ensureDependencies } from './ensure-deps.mjs';
import { repoRoot } from './lib/cache.mjs';
import { log } from './lib/process.mjs';

const LIMITS = { 'dist/extension.js': 400_000, vsix: 1_500_000 };

/** @param {string[]} args */
function node(args) {
  const { status } = spawnSync(process.execPath, args, { cwd: repoRoot, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * @param {string} what
 * @param {string} file
 * @param {number} limit
 */
async function check(what, file, limit) {
  const { size } = await stat(resolve(repoRoot, file));
  log(`${what}: ${(size / 1000).toFixed(0)} kB of ${limit / 1000} kB.`);
  if (size <= limit) return;
  log(`${what} is too large.`);
  process.exit(1);
}

await ensureDependencies({ log });
node(['scripts/build.mjs', '--production']);
const out = process.argv[2] ?? 'pg-background-workers.vsix';
node(['node_modules/@vscode/vsce/vsce', 'package', '--no-dependencies', '--out', out]);
await check('dist/extension.js', 'dist/extension.js', LIMITS['dist/extension.js']);
await check('The VSIX', out, LIMITS.vsix);
for (const name of await readdir(resolve(repoRoot, 'dist/webview'))) log(`  webview/${name}`);

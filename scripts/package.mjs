// Creates the VSIX: `npm run package`. Runs the production build, writes the third-party notices, runs vsce, and checks the sizes.
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { spawnSync } from 'node:child_process';
import { ensureDependencies } from './ensure-deps.mjs';
import { repoRoot } from './lib/cache.mjs';
import { noticesOf } from './lib/thirdPartyNotices.mjs';
import { log } from './lib/process.mjs';

const NOTICES = 'ThirdPartyNotices.txt';
const LIMITS = { 'dist/extension.js': 500_000, vsix: 1_500_000 };

/** @param {string[]} args */
function node(args) {
  const { status } = spawnSync(process.execPath, args, { cwd: repoRoot, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * @param {string} what
 * @param {number} size
 * @param {number} limit
 */
function check(what, size, limit) {
  log(`${what}: ${(size / 1000).toFixed(0)} kB of ${limit / 1000} kB.`);
  if (size <= limit) return;
  log(`${what} is too large.`);
  process.exit(1);
}

await ensureDependencies({ log });
node(['scripts/build.mjs', '--production']);
const packages = JSON.parse(await readFile(resolve(repoRoot, 'dist/packages.json'), 'utf8'));
await writeFile(resolve(repoRoot, NOTICES), await noticesOf(repoRoot, packages));
const out = process.argv[2] ?? 'pg-background-workers.vsix';
node(['node_modules/@vscode/vsce/vsce', 'package', '--no-dependencies', '--out', out]);
check('dist/extension.js', (await stat(resolve(repoRoot, 'dist/extension.js'))).size, LIMITS['dist/extension.js']);
// File names are not compressed in a ZIP file.
if (!(await readFile(resolve(repoRoot, out))).includes(`extension/${NOTICES}`)) {
  log(`${NOTICES} is missing from the VSIX.`);
  process.exit(1);
}
log(`${NOTICES}: ${packages.length} packages.`);
check('The VSIX', (await stat(resolve(repoRoot, out))).size, LIMITS.vsix);
for (const name of await readdir(resolve(repoRoot, 'dist/webview'))) log(`  webview/${name}`);

// `npm run l10n`: writes every text that src passes to `l10n.t` to l10n/bundle.l10n.json, and brings the translations in line:
// their order is the bundle's, texts that src no longer has are removed, and missing ones are listed. Run it after changing a text.
// test/unit/l10n.test.ts fails if the bundle is not up to date.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import l10nDev from '@vscode/l10n-dev';
import { repoRoot } from './lib/cache.mjs';
import { log, runScript } from './lib/process.mjs';

const FOLDER = path.join(repoRoot, 'l10n');
const BUNDLE = path.join(FOLDER, 'bundle.l10n.json');

/** @returns {Promise<Record<string, string>>} the texts of src, sorted, each with itself as its value */
async function exportTexts() {
  const entries = await readdir(path.join(repoRoot, 'src'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
  const contents = await Promise.all(
    files.map(({ parentPath, name }) => readFile(path.join(parentPath, name), 'utf8')),
  );
  const used = contents.filter((text) => text.includes('l10n'));
  const bundle = await l10nDev.getL10nJson(used.map((text) => ({ extension: '.ts', contents: text })));
  /** @type {Record<string, string>} */
  const texts = {};
  for (const key of Object.keys(bundle).sort()) texts[key] = key;
  return texts;
}

/**
 * @param {string} file
 * @param {Record<string, string>} texts
 */
async function writeJson(file, texts) {
  await writeFile(file, `${JSON.stringify(texts, null, 2)}\n`);
}

/**
 * @param {string} file
 * @param {Record<string, string>} texts the exported ones
 */
async function updateTranslation(file, texts) {
  /** @type {Record<string, string>} */
  const before = JSON.parse(await readFile(file, 'utf8'));
  /** @type {Record<string, string>} */
  const after = {};
  const missing = [];
  for (const key of Object.keys(texts)) {
    if (before[key] === undefined) missing.push(key);
    else after[key] = before[key];
  }
  await writeJson(file, after);
  for (const key of Object.keys(before)) if (texts[key] === undefined) log(`  removed: ${JSON.stringify(key)}`);
  for (const key of missing) log(`  missing: ${JSON.stringify(key)}`);
  log(`${path.basename(file)}: ${Object.keys(after).length} texts, ${missing.length} missing.`);
}

runScript(async () => {
  const texts = await exportTexts();
  await writeJson(BUNDLE, texts);
  log(`${path.basename(BUNDLE)}: ${Object.keys(texts).length} texts.`);
  for (const name of (await readdir(FOLDER)).sort()) {
    if (/^bundle\.l10n\..+\.json$/.test(name)) await updateTranslation(path.join(FOLDER, name), texts);
  }
});

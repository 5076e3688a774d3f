// Third-party notices: the license text of every package with code in the bundles.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** @typedef {Pick<import('esbuild').Metafile, 'outputs'>} Bundled */

/**
 * Returns the folders of packages with code in esbuild's outputs, relative to the root.
 *
 * @param {readonly Bundled[]} metafiles
 * @returns {string[]}
 */
export function bundledPackages(metafiles) {
  const folders = new Set();
  for (const { outputs } of metafiles) {
    for (const { inputs } of Object.values(outputs)) {
      for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
        const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [];
        if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
      }
    }
  }
  return [...folders].sort();
}

/**
 * Returns the text of ThirdPartyNotices.txt.
 *
 * @param {string} root
 * @param {readonly string[]} folders from {@link bundledPackages}
 * @returns {Promise<string>} rejects with the names of packages without a license text
 */
export async function noticesOf(root, folders) {
  const texts = new Map();
  const missing = [];
  const notices = await noticesOfOthers(root, folders);
  for (const folder of folders) {
    const { name, version, license, repository, homepage } = JSON.parse(
      await readFile(join(root, folder, 'package.json'), 'utf8'),
    );
    const text = (await licenseIn(join(root, folder))) ?? notices.get(name);
    if (text === undefined) missing.push(folder);
    const address = homepage ?? (typeof repository === 'string' ? repository : repository?.url) ?? '';
    texts.set(`${name} ${version} (${license})`, [address, text?.trim()].filter(Boolean).join('\n\n'));
  }
  if (missing.length > 0) throw new Error(`No license text was found for ${missing.join(', ')}.`);
  const head =
    'pg_background Workers contains parts of the following packages. Their licenses:\n\n' +
    [...texts.keys()].map((title) => `  ${title}`).join('\n');
  const line = '-'.repeat(78);
  return [head, ...[...texts].map(([title, text]) => `${line}\n\n${title}\n${text}`)].join('\n\n') + '\n';
}

/**
 * Finds the license of a package: a file, or a section of its README.
 *
 * @param {string} folder
 * @returns {Promise<string | undefined>}
 */
async function licenseIn(folder) {
  const names = await readdir(folder);
  const files = names.filter((name) => /^(licen[cs]e|copying)(\.(md|txt))?$/i.test(name));
  if (files.length > 0) {
    return (await Promise.all(files.sort().map((name) => readFile(join(folder, name), 'utf8')))).join('\n\n');
  }
  const readme = names.find((name) => /^readme(\.md)?$/i.test(name));
  if (readme === undefined) return undefined;
  const [, section] = /^#+ *licen[cs]e[^\n]*\n([\s\S]*)$/im.exec(await readFile(join(folder, readme), 'utf8')) ?? [];
  // A link alone is not a license text.
  return section !== undefined && /permission is hereby granted/i.test(section) ? section : undefined;
}

/**
 * Reads the notices in packages, which contain licenses of other packages that come without a license text: sections between lines of
 * dashes, each of which begins with a name and a version.
 *
 * @param {string} root
 * @param {readonly string[]} folders
 * @returns {Promise<Map<string, string>>}
 */
async function noticesOfOthers(root, folders) {
  const found = new Map();
  for (const folder of folders) {
    for (const name of await readdir(join(root, folder))) {
      if (!/^(notices?|thirdpartynotices?)(\.(md|txt))?$/i.test(name)) continue;
      const text = await readFile(join(root, folder, name), 'utf8');
      for (const section of text.split(/^-{3,}\s*$/m)) {
        const [, packageName] = /^\s*(\S+) \d\S* - /.exec(section) ?? [];
        if (packageName !== undefined && /permission/i.test(section)) found.set(packageName, section);
      }
    }
  }
  return found;
}

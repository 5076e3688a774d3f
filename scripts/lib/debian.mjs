// Unpacks packages of a newer Debian release into a folder: nothing is installed, and root is not needed. apt-get checks every
// signature and checksum; it uses separate lists, status, and cache.
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { findInPath, run } from './process.mjs';

/** @typedef {import('./cache.mjs').Log} Log */

const KEYRINGS = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
  '/etc/apt/trusted.gpg.d/debian-archive-keyring.gpg',
];

/**
 * @typedef {object} Architecture
 * @property {string} name Debian's name of it
 * @property {string} triplet name of its folder for libraries
 * @property {string} loader path of the dynamic loader below the root
 */

/** @type {Record<string, Architecture>} */
const ARCHITECTURES = {
  x64: { name: 'amd64', triplet: 'x86_64-linux-gnu', loader: 'usr/lib64/ld-linux-x86-64.so.2' },
  arm64: { name: 'arm64', triplet: 'aarch64-linux-gnu', loader: 'usr/lib/ld-linux-aarch64.so.1' },
};

/**
 * @param {string} instead what a developer can do on a machine that cannot unpack packages
 * @returns {Architecture} of this machine
 */
export function debianArchitecture(instead) {
  const architecture = ARCHITECTURES[process.arch];
  for (const tool of ['apt-get', 'dpkg']) {
    if (!findInPath(tool))
      throw new Error(`This machine has no ${tool}, so Debian's packages cannot be used. Instead, ${instead}.`);
  }
  if (!architecture) {
    throw new Error(`Only x64 and arm64 are supported, and this machine is ${process.arch}. Instead, ${instead}.`);
  }
  return architecture;
}

/**
 * Downloads packages with their dependencies and unpacks them into one folder.
 *
 * @param {object} options
 * @param {string} options.root the target folder; created if it is missing
 * @param {string} options.work a folder for apt-get's files; removed at the end
 * @param {readonly string[]} options.packages
 * @param {boolean} [options.alone] without the packages on which they depend
 * @param {readonly string[]} options.suites releases to try, in this order
 * @param {Architecture} options.architecture
 * @param {string} options.instead what a developer can do if it fails
 * @param {Log} options.log
 */
export async function unpackDebianPackages({ root, work, packages, alone, suites, architecture, instead, log }) {
  try {
    const mirror = await debianMirror(path.join(work, 'system'));
    const archives = await downloadFromFirstSuite({ mirror, work, packages, alone, suites, architecture, log });
    log(`Unpacking ${archives.length} packages …`);
    await mkdir(root, { recursive: true });
    await eachInParallel(archives, (archive) => run('dpkg', ['-x', archive, root]));
    await rm(work, { recursive: true, force: true });
  } catch (error) {
    throw new Error(`Debian's packages (${packages.join(', ')}) could not be downloaded. Instead, ${instead}.`, {
      cause: error,
    });
  }
}

/**
 * @param {{ mirror: string, work: string, packages: readonly string[], alone: boolean | undefined, suites: readonly string[],
 *   architecture: Architecture, log: Log }} options
 * @returns {Promise<string[]>} the downloaded archives
 */
async function downloadFromFirstSuite({ mirror, work, packages, alone, suites, architecture, log }) {
  /** @type {unknown} */
  let failure;
  for (const suite of suites) {
    const folder = path.join(work, suite);
    try {
      log(`Downloading ${packages.join(', ')} from Debian ${suite} …`);
      const apt = await privateApt(folder, sourcesLine(mirror, suite, architecture));
      await run('apt-get', [...apt, 'update', '--error-on=any']);
      const archives = path.join(folder, 'cache', 'archives');
      if (alone) await run('apt-get', [...apt, 'download', ...packages], { cwd: archives });
      else await run('apt-get', [...apt, 'install', '--download-only', '--no-install-recommends', '-y', ...packages]);
      const names = await readdir(archives);
      return names.filter((name) => name.endsWith('.deb')).map((name) => path.join(archives, name));
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/**
 * @param {string} mirror
 * @param {string} suite
 * @param {Architecture} architecture
 * @returns {string} a line for apt's list of sources
 */
function sourcesLine(mirror, suite, architecture) {
  const keyring = KEYRINGS.find((file) => existsSync(file));
  const signedBy = keyring ? ` signed-by=${keyring}` : '';
  return `deb [arch=${architecture.name}${signedBy}] ${mirror} ${suite} main\n`;
}

/**
 * Finds the mirror that this machine's apt uses.
 *
 * @param {string} work a folder for package lists, if the machine (for example a fresh container) has not downloaded its own yet
 * @returns {Promise<string>}
 */
async function debianMirror(work) {
  const known = await mirrorAmongTargets([]);
  if (known) return known;
  const apt = await privateApt(work);
  await run('apt-get', [...apt, 'update']);
  const found = await mirrorAmongTargets(apt);
  if (found) return found;
  throw new Error("apt's sources contain no mirror of a Debian release");
}

/**
 * @param {string[]} apt options for apt-get
 * @returns {Promise<string | undefined>}
 */
async function mirrorAmongTargets(apt) {
  const format = '$(REPO_URI) $(ORIGIN) $(CODENAME)';
  const { stdout } = await run('apt-get', [...apt, 'indextargets', '--format', format]);
  for (const line of stdout.split('\n')) {
    const [address, origin, codename] = line.split(' ');
    // Only a plain codename: the mirror of "bookworm-security", for example, has no other suites.
    if (origin === 'Debian' && /^[a-z]+$/.test(codename ?? '')) return address;
  }
  return undefined;
}

/**
 * Returns options that give apt-get a separate state, as if nothing were installed.
 *
 * @param {string} folder
 * @param {string} [sources] the sources to use instead of the system's
 * @returns {Promise<string[]>}
 */
async function privateApt(folder, sources) {
  await mkdir(path.join(folder, 'lists', 'partial'), { recursive: true });
  await mkdir(path.join(folder, 'cache', 'archives', 'partial'), { recursive: true });
  await writeFile(path.join(folder, 'status'), '');
  /** @type {Record<string, string>} */
  const options = {
    'Dir::State': folder,
    'Dir::State::Lists': path.join(folder, 'lists'),
    'Dir::State::status': path.join(folder, 'status'),
    'Dir::Cache': path.join(folder, 'cache'),
    'Debug::NoLocking': '1',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'APT::Default-Release': '',
  };
  if (sources !== undefined) {
    await writeFile(path.join(folder, 'sources.list'), sources);
    options['Dir::Etc::sourcelist'] = path.join(folder, 'sources.list');
    options['Dir::Etc::sourceparts'] = '-';
    // The system's pins apply to the system's release.
    options['Dir::Etc::preferences'] = '/dev/null';
    options['Dir::Etc::preferencesparts'] = '-';
  }
  // apt downloads as an unprivileged user, who cannot write here.
  if (process.getuid?.() === 0) options['APT::Sandbox::User'] = 'root';
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/**
 * @template T
 * @param {T[]} items
 * @param {(item: T) => Promise<unknown>} work
 */
async function eachInParallel(items, work) {
  const rest = [...items];
  const lane = async () => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: os.availableParallelism() + 1 }, lane));
}

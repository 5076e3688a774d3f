// Debian's packages of a newer release, unpacked beside the system: nothing is installed, and no root is needed.
// apt-get checks every signature and checksum; it works here on lists, a status and a cache of its own.
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
 * @property {string} name as Debian calls it
 * @property {string} triplet the name of its folder of libraries
 * @property {string} loader the path of the dynamic loader below a root
 */

/** @type {Record<string, Architecture>} */
const ARCHITECTURES = {
  x64: { name: 'amd64', triplet: 'x86_64-linux-gnu', loader: 'usr/lib64/ld-linux-x86-64.so.2' },
  arm64: { name: 'arm64', triplet: 'aarch64-linux-gnu', loader: 'usr/lib/ld-linux-aarch64.so.1' },
};

/**
 * @param {string} instead what a developer can do where this machine cannot unpack packages
 * @returns {Architecture} this machine's
 */
export function debianArchitecture(instead) {
  const architecture = ARCHITECTURES[process.arch];
  for (const tool of ['apt-get', 'dpkg']) {
    if (!findInPath(tool))
      throw new Error(`This machine has no ${tool}, so Debian's packages cannot be had: ${instead}.`);
  }
  if (!architecture) {
    throw new Error(`Only x86-64 and arm64 are provided for, and this machine is ${process.arch}: ${instead}.`);
  }
  return architecture;
}

/**
 * Downloads packages with all they depend on and unpacks them below one folder.
 *
 * @param {object} options
 * @param {string} options.root where to; made where it is missing
 * @param {string} options.work a folder for apt-get's own files; removed at the end
 * @param {readonly string[]} options.packages
 * @param {readonly string[]} options.suites the releases to try, in this order
 * @param {Architecture} options.architecture
 * @param {string} options.instead what a developer can do where it fails
 * @param {Log} options.log
 */
export async function unpackDebianPackages({ root, work, packages, suites, architecture, instead, log }) {
  try {
    const mirror = await debianMirror(path.join(work, 'system'));
    const archives = await downloadFromFirstSuite({ mirror, work, packages, suites, architecture, log });
    log(`Unpacking ${archives.length} packages …`);
    await mkdir(root, { recursive: true });
    await eachInParallel(archives, (archive) => run('dpkg', ['-x', archive, root]));
    await rm(work, { recursive: true, force: true });
  } catch (error) {
    throw new Error(`Debian's packages (${packages.join(', ')}) could not be had: ${instead}.`, { cause: error });
  }
}

/**
 * @param {{ mirror: string, work: string, packages: readonly string[], suites: readonly string[],
 *   architecture: Architecture, log: Log }} options
 * @returns {Promise<string[]>} the downloaded archives
 */
async function downloadFromFirstSuite({ mirror, work, packages, suites, architecture, log }) {
  /** @type {unknown} */
  let failure;
  for (const suite of suites) {
    const folder = path.join(work, suite);
    try {
      log(`Downloading ${packages.join(', ')} from Debian ${suite} …`);
      const apt = await privateApt(folder, sourcesLine(mirror, suite, architecture));
      await run('apt-get', [...apt, 'update', '--error-on=any']);
      await run('apt-get', [...apt, 'install', '--download-only', '--no-install-recommends', '-y', ...packages]);
      const archives = path.join(folder, 'cache', 'archives');
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
 * The address that this machine itself takes Debian's packages from.
 *
 * @param {string} work a folder for lists, for a machine (such as a fresh container) that has not fetched its own yet
 * @returns {Promise<string>}
 */
async function debianMirror(work) {
  const known = await mirrorAmongTargets([]);
  if (known) return known;
  const apt = await privateApt(work);
  await run('apt-get', [...apt, 'update']);
  const found = await mirrorAmongTargets(apt);
  if (found) return found;
  throw new Error("apt's sources name no mirror of a Debian release");
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
    // A plain codename: not "bookworm-security", whose mirror has no other suites.
    if (origin === 'Debian' && /^[a-z]+$/.test(codename ?? '')) return address;
  }
  return undefined;
}

/**
 * Options that give apt-get a state of its own, as if nothing were installed.
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
    // The system's pins are about the system's release.
    options['Dir::Etc::preferences'] = '/dev/null';
    options['Dir::Etc::preferencesparts'] = '-';
  }
  // apt drops root's rights for downloads, to a user who may not write here.
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

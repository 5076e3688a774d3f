// Installs the packages of package-lock.json, unless they are installed. Runs before any package is available, so it uses Node's
// modules only.
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { cacheRoot, lock, repoRoot } from './lib/cache.mjs';
import { runNpm } from './lib/process.mjs';

/** @typedef {import('./lib/cache.mjs').Log} Log */
/** @typedef {{ version?: string, integrity?: string, optional?: boolean }} LockedPackage */

const OLDEST_NODE = [20, 19];

/** @throws {Error} if this Node is too old */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Error(
    `Node ${OLDEST_NODE.join('.')} or newer is required, and this is ${process.versions.node}. Install a newer one.`,
  );
}

/**
 * Runs `npm ci`, unless node_modules matches package-lock.json.
 *
 * @param {{ log: Log }} options
 */
export async function ensureDependencies({ log }) {
  checkNode();
  if (await areInstalled()) return;
  await mkdir(cacheRoot, { recursive: true });
  const unlock = await lock(path.join(cacheRoot, 'npm-ci.lock'), () =>
    log('Waiting for another process that runs npm ci …'),
  );
  try {
    if (await areInstalled()) return;
    log('Installing dependencies (npm ci) …');
    await runNpm(['ci', '--no-audit', '--no-fund'], { cwd: repoRoot });
    log('Installed the dependencies.');
  } catch (error) {
    throw new Error('The dependencies could not be installed. Run `npm ci` to see why.', { cause: error });
  } finally {
    await unlock();
  }
}

/**
 * Compares package-lock.json with the list of installed packages that npm writes into node_modules. This is more reliable than
 * modification times, and works if `npm ci` was run by hand.
 *
 * @returns {Promise<boolean>}
 */
async function areInstalled() {
  const [wanted, present] = await Promise.all([
    lockedPackages(path.join(repoRoot, 'package-lock.json')),
    lockedPackages(path.join(repoRoot, 'node_modules', '.package-lock.json')).catch(() => undefined),
  ]);
  if (!present) return false;
  return Object.entries(wanted).every(([name, { version, integrity, optional }]) => {
    if (name === '') return true;
    const installed = present[name];
    // An optional package may be for another platform.
    if (!installed) return optional === true;
    return installed.version === version && installed.integrity === integrity;
  });
}

/**
 * @param {string} file
 * @returns {Promise<Record<string, LockedPackage>>}
 */
async function lockedPackages(file) {
  return JSON.parse(await readFile(file, 'utf8')).packages;
}

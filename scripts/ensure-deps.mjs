// Installs what package-lock.json asks for, where it is not installed already. Runs before anything is: Node's own modules only.
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { cacheRoot, lock, repoRoot } from './lib/cache.mjs';
import { runNpm } from './lib/process.mjs';

/** @typedef {import('./lib/cache.mjs').Log} Log */
/** @typedef {{ version?: string, integrity?: string, optional?: boolean }} LockedPackage */

const OLDEST_NODE = [20, 19];

/** Throws one clear sentence where this Node is too old. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Error(
    `Node ${OLDEST_NODE.join('.')} or newer is needed, and this is ${process.versions.node}: install a newer one.`,
  );
}

/**
 * Runs `npm ci`, unless node_modules is what package-lock.json describes.
 *
 * @param {{ log: Log }} options
 */
export async function ensureDependencies({ log }) {
  checkNode();
  if (await areInstalled()) return;
  await mkdir(cacheRoot, { recursive: true });
  const unlock = await lock(path.join(cacheRoot, 'npm-ci.lock'), () => log('Waiting for another npm ci …'));
  try {
    if (await areInstalled()) return;
    log('Installing dependencies (npm ci) …');
    await runNpm(['ci', '--no-audit', '--no-fund'], { cwd: repoRoot });
    log('Dependencies are installed.');
  } catch (error) {
    throw new Error('The dependencies could not be installed: run `npm ci` to see why.', { cause: error });
  } finally {
    await unlock();
  }
}

/**
 * npm writes what it has installed into node_modules when it is done, in the form of the lock file. Comparing the two tells
 * more than dates and asks no stamp of whoever runs `npm ci` by hand.
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
    // What is optional may be for another platform.
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

// PostgreSQL and PgBouncer refuse to run as root. If this is root, they run as the user "nobody", on files that this user can access.
import { execFileSync } from 'node:child_process';
import { chown, mkdir, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { cacheRoot } from './cache.mjs';
import { run } from './process.mjs';

export const isRoot = process.getuid?.() === 0;

/** Options for setpriv to switch from root to nobody; none for other users. */
export const AS_NOBODY = isRoot ? ['--reuid=nobody', '--regid=nogroup', '--clear-groups'] : [];

/**
 * Wraps a command so that it does not run as root.
 *
 * @param {string} command
 * @param {string[]} args
 * @returns {[string, string[]]}
 */
export function asOrdinaryUser(command, args) {
  return isRoot ? ['setpriv', [...AS_NOBODY, '--', command, ...args]] : [command, args];
}

/**
 * Makes the user that the server runs as the owner of a file or folder.
 *
 * @param {string} file
 */
export async function giveToServer(file) {
  if (!isRoot) return;
  const id = (/** @type {string} */ flag) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  await chown(file, id('-u'), id('-g'));
}

/**
 * @returns {Promise<string>} the cache folder, or, if the server's user cannot access the checkout (for example in root's home), a
 *   folder below the system's folder for temporary files
 */
export async function reachableCacheRoot() {
  await mkdir(cacheRoot, { recursive: true });
  if (await canEnter(cacheRoot)) return cacheRoot;
  const folder = path.join(await reachableTempRoot(), `pg-background-workers-cache-${process.getuid?.() ?? 0}`);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  // Any user can create a folder there. Programs are not run from a folder that belongs to another user.
  if ((await stat(folder)).uid !== process.getuid?.()) throw new Error(`${folder} belongs to another user. Remove it.`);
  return folder;
}

/** @returns {Promise<string>} a folder for temporary files that the server's user can access */
export async function reachableTempRoot() {
  for (const folder of [os.tmpdir(), '/tmp', '/var/tmp']) if (await canEnter(folder)) return folder;
  throw new Error(
    'Not every user can access the folder for temporary files. Set TMPDIR to one that every user can access.',
  );
}

/**
 * @param {string} folder
 * @returns {Promise<boolean>}
 */
async function canEnter(folder) {
  if (!isRoot) return true;
  return run(...asOrdinaryUser('test', ['-x', folder])).then(
    () => true,
    () => false,
  );
}

// PostgreSQL and PgBouncer refuse to run as root. As root they run as "nobody", on files that nobody may reach.
import { execFileSync } from 'node:child_process';
import { chown, mkdir, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { cacheRoot } from './cache.mjs';
import { run } from './process.mjs';

export const isRoot = process.getuid?.() === 0;

/** setpriv's options that turn root into nobody; for anybody else none. */
export const AS_NOBODY = isRoot ? ['--reuid=nobody', '--regid=nogroup', '--clear-groups'] : [];

/**
 * A command as somebody whom PostgreSQL accepts.
 *
 * @param {string} command
 * @param {string[]} args
 * @returns {[string, string[]]}
 */
export function asOrdinaryUser(command, args) {
  return isRoot ? ['setpriv', [...AS_NOBODY, '--', command, ...args]] : [command, args];
}

/**
 * Gives a file or folder to the user the server runs as.
 *
 * @param {string} file
 */
export async function giveToServer(file) {
  if (!isRoot) return;
  const id = (/** @type {string} */ flag) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  await chown(file, id('-u'), id('-g'));
}

/**
 * @returns {Promise<string>} the cache folder or, where the checkout lies in a folder that the server's user may not enter
 *   (such as root's home), one of ours below the system's folder for temporary files
 */
export async function reachableCacheRoot() {
  await mkdir(cacheRoot, { recursive: true });
  if (await canEnter(cacheRoot)) return cacheRoot;
  const folder = path.join(await reachableTempRoot(), `pg-background-workers-cache-${process.getuid?.() ?? 0}`);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  // Anybody can make a folder there: one that is not ours is not to be trusted with programs that we run.
  if ((await stat(folder)).uid !== process.getuid?.())
    throw new Error(`${folder} belongs to somebody else: remove it.`);
  return folder;
}

/** @returns {Promise<string>} a folder for temporary files that the server's user may enter */
export async function reachableTempRoot() {
  for (const folder of [os.tmpdir(), '/tmp', '/var/tmp']) if (await canEnter(folder)) return folder;
  throw new Error('The folder for temporary files cannot be entered by everybody: set TMPDIR to one that can.');
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

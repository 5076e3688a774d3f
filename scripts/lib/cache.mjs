// What the scripts download or unpack is prepared once, in a folder that git ignores, and found ready by every later run.
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { onExit } from './cleanup.mjs';

/** @typedef {(message: string) => void} Log */

/** The folder of the checkout. */
export const repoRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Where prepared things are kept: `PGBG_CACHE`, otherwise `.cache` in the checkout. */
export const cacheRoot = path.resolve(process.env['PGBG_CACHE'] || path.join(repoRoot, '.cache'));

/** The name of the file that says which recipe made a prepared folder. It is written last, so a folder with it is whole. */
const STAMP = '.stamp';
const HEARTBEAT_MS = 2_000;
/** A lock whose owner has not touched it for this long is nobody's any more. */
const STALE_LOCK_MS = 20_000;
const LOCK_POLL_MS = 150;

/**
 * Gives a prepared folder, making it first where it is missing or where another version of its recipe made it. The folder
 * appears whole or not at all, and of several processes that want it at once one prepares it while the others wait.
 *
 * @param {object} options
 * @param {string} options.folder the folder to give
 * @param {string} options.version names the recipe; a changed name makes the folder anew
 * @param {string} options.what what it is, for the progress message ("PostgreSQL 18")
 * @param {Log} options.log
 * @param {(folder: string) => Promise<void>} options.prepare fills the (temporary) folder it is given
 * @returns {Promise<string>} the folder
 */
export async function prepareOnce({ folder, version, what, log, prepare }) {
  if (await isPrepared(folder, version)) return folder;
  await mkdir(path.dirname(folder), { recursive: true });
  const unlock = await lock(`${folder}.lock`, () => log(`Waiting for another process that prepares ${what} …`));
  try {
    if (await isPrepared(folder, version)) return folder;
    await removeLeftovers(folder);
    const started = Date.now();
    await prepareAside(folder, version, prepare);
    log(`${what} is prepared (${((Date.now() - started) / 1000).toFixed(1)} s).`);
    return folder;
  } finally {
    await unlock();
  }
}

/**
 * A new folder for this run alone, gone when the process ends, however it ends.
 *
 * @param {string} [prefix] the start of its name
 * @param {string} [parent] where it is made, by default the system's folder for temporary files
 * @returns {Promise<string>}
 */
export async function makeTempFolder(prefix = 'pgbg-', parent = os.tmpdir()) {
  const folder = await mkdtemp(path.join(parent, prefix));
  removeAtExit(folder);
  return folder;
}

/**
 * Removes a folder at the end of this process, unless the returned function is called first.
 *
 * @param {string} folder
 * @returns {() => void}
 */
export function removeAtExit(folder) {
  // Retries: a process that was just stopped may still be writing its last file.
  const how = { recursive: true, force: true, maxRetries: 5, retryDelay: 100 };
  return onExit({ stop: () => rm(folder, how), stopNow: () => rmSync(folder, how) });
}

/**
 * @param {string} folder
 * @param {string} version
 * @returns {Promise<boolean>}
 */
async function isPrepared(folder, version) {
  const stamp = await readFile(path.join(folder, STAMP), 'utf8').catch(() => undefined);
  return stamp === version;
}

/**
 * @param {string} folder
 * @param {string} version
 * @param {(folder: string) => Promise<void>} prepare
 */
async function prepareAside(folder, version, prepare) {
  const aside = `${folder}.new-${randomBytes(4).toString('hex')}`;
  await mkdir(aside);
  const forget = removeAtExit(aside);
  try {
    await prepare(aside);
    await writeFile(path.join(aside, STAMP), version);
    const old = `${folder}.old-${randomBytes(4).toString('hex')}`;
    const hadOld = await rename(folder, old).then(
      () => true,
      () => false,
    );
    await rename(aside, folder);
    if (hadOld) await rm(old, { recursive: true, force: true });
  } finally {
    await rm(aside, { recursive: true, force: true });
    forget();
  }
}

/**
 * Removes what a process that was killed while preparing has left. Only for the lock's owner.
 *
 * @param {string} folder
 */
async function removeLeftovers(folder) {
  const base = path.basename(folder);
  for (const name of await readdir(path.dirname(folder))) {
    if (!name.startsWith(`${base}.new-`) && !name.startsWith(`${base}.old-`)) continue;
    await rm(path.join(path.dirname(folder), name), { recursive: true, force: true });
  }
}

/**
 * Takes a lock between processes: a file that only one can create. Its owner touches it every other second, so that a lock
 * whose owner was killed is noticed, even from another container where the owner's process id means nothing.
 *
 * @param {string} file
 * @param {() => void} onWait called once, when somebody else holds the lock
 * @returns {Promise<() => Promise<void>>} releases it
 */
export async function lock(file, onWait) {
  const owner = `${os.hostname()} ${process.pid} ${randomBytes(8).toString('hex')}`;
  let told = false;
  while (!(await createExclusively(file, owner))) {
    if (await removeIfStale(file)) continue;
    if (!told) onWait();
    told = true;
    await delay(LOCK_POLL_MS);
  }
  const heartbeat = setInterval(() => void utimes(file, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS);
  heartbeat.unref();
  const forget = onExit({
    stop: () => unlink(file).catch(() => {}),
    stopNow: () => rmSync(file, { force: true }),
  });
  return async () => {
    clearInterval(heartbeat);
    forget();
    await unlink(file).catch(() => {});
  };
}

/**
 * @param {string} file
 * @param {string} content
 * @returns {Promise<boolean>} whether this call created it
 */
async function createExclusively(file, content) {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(content);
    await handle.close();
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a lock whose owner is gone. Two waiters may come to this at once, so the file is moved away first, which only one
 * of them can do, and what was moved is looked at again: if it is a new owner's lock, it is put back.
 *
 * @param {string} file
 * @returns {Promise<boolean>} whether it was removed
 */
async function removeIfStale(file) {
  const seen = await lockOwner(file);
  if (seen === undefined || !seen.stale) return seen === undefined;
  const aside = `${file}.stale-${randomBytes(4).toString('hex')}`;
  try {
    await rename(file, aside);
  } catch {
    return true;
  }
  const moved = await lockOwner(aside);
  if (moved !== undefined && !moved.stale) {
    await rename(aside, file);
    return false;
  }
  await unlink(aside).catch(() => {});
  return true;
}

/**
 * @param {string} file
 * @returns {Promise<{ stale: boolean } | undefined>} undefined: there is no lock
 */
async function lockOwner(file) {
  try {
    const [host, pid] = (await readFile(file, 'utf8')).split(' ');
    const untouchedMs = Date.now() - (await stat(file)).mtimeMs;
    const dead = host === os.hostname() && pid !== undefined && !isAlive(Number(pid));
    return { stale: dead || untouchedMs > STALE_LOCK_MS };
  } catch {
    return undefined;
  }
}

/**
 * @param {number} pid
 * @returns {boolean}
 */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and is another user's.
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

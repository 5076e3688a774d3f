// Downloaded or unpacked files are prepared once, in a folder that git ignores, and reused by every later run.
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

/** The folder for prepared files: `PGBG_CACHE`, otherwise `.cache` in the checkout. */
export const cacheRoot = path.resolve(process.env['PGBG_CACHE'] || path.join(repoRoot, '.cache'));

/** Name of the file with the version of a prepared folder. It is written last, so a folder that has it is complete. */
const STAMP = '.stamp';
const HEARTBEAT_MS = 2_000;
/** A lock that its owner has not touched for this long is stale. */
const STALE_LOCK_MS = 20_000;
const LOCK_POLL_MS = 150;

/**
 * Returns a prepared folder. Prepares it first if it is missing or was prepared by another version. The folder appears complete or not
 * at all. If several processes need it at the same time, one prepares it and the others wait.
 *
 * @param {object} options
 * @param {string} options.folder
 * @param {string} options.version a different version prepares the folder again
 * @param {string} options.what name for progress messages ("PostgreSQL 18")
 * @param {Log} options.log
 * @param {(folder: string) => Promise<void>} options.prepare fills the temporary folder that it receives
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
    log(`${what} is ready (${((Date.now() - started) / 1000).toFixed(1)} s).`);
    return folder;
  } finally {
    await unlock();
  }
}

/**
 * Creates a folder that is removed when the process ends, however it ends.
 *
 * @param {string} [prefix] of its name
 * @param {string} [parent] by default the system's folder for temporary files
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
  // Retry, because a process that was just stopped may still be writing.
  const options = { recursive: true, force: true, maxRetries: 5, retryDelay: 100 };
  return onExit({ stop: () => rm(folder, options), stopNow: () => rmSync(folder, options) });
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
  const unregister = removeAtExit(aside);
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
    unregister();
  }
}

/**
 * Removes leftovers of a process that was killed while preparing. Only for the owner of the lock.
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
 * Acquires a lock between processes: a file that only one can create. The owner touches it every two seconds, so that the lock of a
 * killed owner becomes stale, also for another container, where the owner's pid means nothing.
 *
 * @param {string} file
 * @param {() => void} onWait called once, if another process holds the lock
 * @returns {Promise<() => Promise<void>>} releases it
 */
export async function lock(file, onWait) {
  const owner = `${os.hostname()} ${process.pid} ${randomBytes(8).toString('hex')}`;
  let waiting = false;
  while (!(await createExclusively(file, owner))) {
    if (await removeIfStale(file)) continue;
    if (!waiting) onWait();
    waiting = true;
    await delay(LOCK_POLL_MS);
  }
  const heartbeat = setInterval(() => void utimes(file, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS);
  heartbeat.unref();
  const unregister = onExit({
    stop: () => unlink(file).catch(() => {}),
    stopNow: () => rmSync(file, { force: true }),
  });
  return async () => {
    clearInterval(heartbeat);
    unregister();
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
 * Removes a stale lock. Two processes may try this at the same time, so the file is first renamed, which only one of them can do, and
 * then checked again: if it is the lock of a new owner, it is put back.
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
 * @returns {Promise<{ stale: boolean } | undefined>} undefined if there is no lock
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
    // EPERM: it exists and belongs to another user.
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

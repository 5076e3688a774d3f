// Headless Chromium for UI tests, screenshots, and the workbench of the VS Code server in vscode.mjs.
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { cacheRoot, lock, makeTempFolder } from './cache.mjs';
import { onExit } from './cleanup.mjs';
import { isRoot } from './nobody.mjs';
import { findInPath, run } from './process.mjs';

/** @typedef {import('./cache.mjs').Log} Log */

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** No sandbox (it does not work as root), no GPU, and no connections to other machines. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A container's /dev/shm is often too small for a page of this size.
  '--disable-dev-shm-usage',
];

/**
 * Finds Chromium or Chrome, and installs it if it is missing: from Debian's packages as root on Debian, otherwise from Playwright.
 *
 * @param {{ log: Log }} options
 * @returns {Promise<string>} the path of the executable
 */
export async function ensureChromium({ log }) {
  const chosen = process.env['CHROME_PATH'];
  if (chosen) {
    if (!existsSync(chosen)) throw new Error(`CHROME_PATH is ${chosen}, which does not exist. Correct or unset it.`);
    return chosen;
  }
  const found = await findChromium();
  if (found) return found;
  // Two installations at the same time would fail on each other's locks.
  await mkdir(cacheRoot, { recursive: true });
  const unlock = await lock(path.join(cacheRoot, 'chromium.lock'), () =>
    log('Waiting for another process that installs Chromium …'),
  );
  try {
    const installedMeanwhile = await findChromium();
    if (installedMeanwhile) return installedMeanwhile;
    await installChromium(log);
  } catch (error) {
    throw new Error('Chromium could not be installed. Install Chromium or Chrome, or set CHROME_PATH.', {
      cause: error,
    });
  } finally {
    await unlock();
  }
  const installed = await findChromium();
  if (!installed) throw new Error('Chromium was installed but not found. Set CHROME_PATH.');
  return installed;
}

/** @returns {Promise<string | undefined>} */
async function findChromium() {
  for (const name of NAMES) {
    const file = findInPath(name);
    if (file) return file;
  }
  const { chromium } = await import('playwright-core');
  const downloaded = chromium.executablePath();
  return existsSync(downloaded) ? downloaded : undefined;
}

/** @param {Log} log */
async function installChromium(log) {
  const system = await readFile('/etc/os-release', 'utf8').catch(() => '');
  if (isRoot && /^ID=debian$/m.test(system) && findInPath('apt-get')) {
    log('Installing Chromium from Debian …');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const aptOptions = ['-o', 'DPkg::Lock::Timeout=600', '-o', 'Acquire::Retries=3'];
    // An unrelated package source may be unreachable. If Debian's is, the installation fails.
    await run('apt-get', [...aptOptions, 'update'], { env }).catch(() => {});
    await run('apt-get', [...aptOptions, 'install', '-y', '--no-install-recommends', 'chromium'], { env });
    return;
  }
  log('Downloading Chromium from Playwright …');
  const cli = path.join(path.dirname(createRequire(import.meta.url).resolve('playwright-core/package.json')), 'cli.js');
  await run(process.execPath, [cli, 'install', 'chromium']);
}

/**
 * @typedef {object} Browser
 * @property {import('playwright-core').BrowserContext} context with a fresh profile; `newPage()` opens pages
 * @property {() => Promise<void>} close closes the browser and removes the profile
 */

/**
 * @param {object} options
 * @param {Log} options.log
 * @param {number} [options.deviceScaleFactor]
 * @param {{ width: number, height: number }} [options.viewport]
 * @returns {Promise<Browser>}
 */
export async function launchBrowser({ log, deviceScaleFactor = 1, viewport = { width: 1440, height: 900 } }) {
  const executablePath = await ensureChromium({ log });
  const { chromium } = await import('playwright-core');
  const profile = await makeTempFolder('pgbg-browser-');
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [...ARGUMENTS, `--crash-dumps-dir=${profile}`],
    // A killed browser does not remove its temporary files, so they are kept in the profile, which is removed.
    env: { ...process.env, TMPDIR: profile },
    viewport,
    deviceScaleFactor,
    // cleanup.mjs stops the browser. Playwright's handlers would end this script before the servers are stopped.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  const close = async () => {
    unregister();
    // Fails if the browser has crashed.
    await context.close().catch(() => {});
  };
  // When the process exits, Playwright kills the browser.
  const unregister = onExit({ stop: close, stopNow: () => {} });
  return { context, close };
}

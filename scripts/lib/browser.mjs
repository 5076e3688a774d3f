// A Chromium without a window, for tests in the UI, for screenshots, and for the workbench of the VS Code in vscode.mjs.
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

/** No sandbox (root has none), no GPU, and nothing that looks for a network beyond this machine. */
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
 * Finds a Chromium or Chrome, and gets one where there is none: from Debian where this is root on Debian, otherwise from
 * Playwright.
 *
 * @param {{ log: Log }} options
 * @returns {Promise<string>} the path of the program
 */
export async function ensureChromium({ log }) {
  const chosen = process.env['CHROME_PATH'];
  if (chosen) {
    if (!existsSync(chosen)) throw new Error(`CHROME_PATH names ${chosen}, which does not exist: correct or unset it.`);
    return chosen;
  }
  const found = await findChromium();
  if (found) return found;
  // Two installations at once would only wait for each other's locks, or fail on them.
  await mkdir(cacheRoot, { recursive: true });
  const unlock = await lock(path.join(cacheRoot, 'chromium.lock'), () =>
    log('Waiting for another installation of Chromium …'),
  );
  try {
    const meanwhile = await findChromium();
    if (meanwhile) return meanwhile;
    await installChromium(log);
  } catch (error) {
    throw new Error('No Chromium could be had: install Chromium or Chrome, or set CHROME_PATH to one.', {
      cause: error,
    });
  } finally {
    await unlock();
  }
  const installed = await findChromium();
  if (!installed) throw new Error('Chromium was installed but not found: set CHROME_PATH to it.');
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
    log("Installing Debian's chromium …");
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const patience = ['-o', 'DPkg::Lock::Timeout=600', '-o', 'Acquire::Retries=3'];
    // Some other source of the system's may be out of reach; Debian's own decides, at the installation.
    await run('apt-get', [...patience, 'update'], { env }).catch(() => {});
    await run('apt-get', [...patience, 'install', '-y', '--no-install-recommends', 'chromium'], { env });
    return;
  }
  log("Downloading Playwright's Chromium …");
  const cli = path.join(path.dirname(createRequire(import.meta.url).resolve('playwright-core/package.json')), 'cli.js');
  await run(process.execPath, [cli, 'install', 'chromium']);
}

/**
 * @typedef {object} Browser
 * @property {import('playwright-core').BrowserContext} context a fresh profile; make pages with `newPage()`
 * @property {() => Promise<void>} close closes it and removes the profile
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
    // A browser that is killed leaves its temporary files behind: they go with the profile.
    env: { ...process.env, TMPDIR: profile },
    viewport,
    deviceScaleFactor,
    // The one registry stops it. Playwright's own handlers would end this script before the servers are stopped.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  const close = async () => {
    forget();
    // A browser that crashed is closed already.
    await context.close().catch(() => {});
  };
  // At the last moment Playwright kills the browser by itself.
  const forget = onExit({ stop: close, stopNow: () => {} });
  return { context, close };
}

#!/usr/bin/env node
// Replaces a desktop VS Code: pass it to `runTests` of @vscode/test-electron as `vscodeExecutablePath`. It accepts the command line of
// the desktop build, runs the tests in the extension host of a VS Code server with a headless Chromium as its window, prints their
// output, and exits with their exit code.
//   PGBG_VSCODE_VERSION      version (see lib/vscode.mjs); by default the newest
//   PGBG_VSCODE_VERBOSE      if set, also prints the output of the workbench
//   PGBG_VSCODE_TIMEOUT_MS   time limit for the tests; by default ten minutes
import { mkdir } from 'node:fs/promises';
import { formatWithOptions } from 'node:util';
import { fileURLToPath } from 'node:url';
import { launchBrowser } from './lib/browser.mjs';
import { isLeaving } from './lib/cleanup.mjs';
import { log, runScript } from './lib/process.mjs';
import { makeTempFolder } from './lib/cache.mjs';
import { NEWEST_VSCODE, startVscode, vscodeVersion } from './lib/vscode.mjs';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./lib/vscode.mjs').VscodeServer} VscodeServer */

const DEFAULT_TIMEOUT_MS = 600_000;

/** Output of the workbench about itself and missing services, which arrives on the same channel as that of the tests. */
const NOISE = [
  /^Resolv(ing|ed) connection token|^Creating a socket|^\[reconnection-grace-time\]/,
  /^(Updating|Ignoring fetching) additional builtin extensions/,
  /^\[(AgentHost|AccountPolicyGate|Service Worker|remote-connection)/,
  /^Timed out waiting for authentication provider 'github'/,
];

/** Options of the desktop build that take a value, possibly as the next argument. All others are flags. */
const WITH_VALUE = new Set([
  'extensionDevelopmentPath',
  'extensionTestsPath',
  'user-data-dir',
  'extensions-dir',
  'folder-uri',
  'file-uri',
  'locale',
  'log',
  'profile',
  'inspect-extensions',
  'inspect-brk-extensions',
]);

/**
 * @typedef {object} CommandLine
 * @property {string[]} extensionDevelopmentPath
 * @property {string | undefined} extensionTestsPath
 * @property {string | undefined} folder
 * @property {string | undefined} userDataDir
 * @property {string | undefined} extensionsDir
 * @property {boolean} workspaceTrust
 */

/**
 * @param {string[]} args arguments for a desktop VS Code
 * @returns {CommandLine} the relevant ones
 */
function parseCommandLine(args) {
  /** @type {Map<string, string[]>} */
  const options = new Map();
  /** @type {string[]} */
  const rest = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? '';
    const match = /^--([^=]+)(?:=(.*))?$/s.exec(arg);
    if (!match) rest.push(arg);
    else {
      const name = match[1] ?? '';
      const value = match[2] ?? (WITH_VALUE.has(name) ? (args[(index += 1)] ?? '') : '');
      options.set(name, [...(options.get(name) ?? []), value]);
    }
  }
  const last = (/** @type {string} */ name) => options.get(name)?.at(-1);
  const uri = last('folder-uri');
  return {
    extensionDevelopmentPath: (options.get('extensionDevelopmentPath') ?? []).map(toPath),
    extensionTestsPath: options.has('extensionTestsPath') ? toPath(last('extensionTestsPath') ?? '') : undefined,
    folder: uri ? toPath(uri) : rest.find((arg) => !arg.startsWith('-')),
    userDataDir: last('user-data-dir'),
    extensionsDir: last('extensions-dir'),
    workspaceTrust: !options.has('disable-workspace-trust'),
  };
}

/**
 * @param {string} pathOrUri
 * @returns {string}
 */
function toPath(pathOrUri) {
  return pathOrUri.startsWith('file:') ? fileURLToPath(pathOrUri) : pathOrUri;
}

/**
 * Opens the window in which the workbench starts the tests, and waits until they have ended.
 *
 * @param {Page} page
 * @param {VscodeServer} server
 * @param {string} url
 * @returns {Promise<number>} the tests' exit code
 */
function runInPage(page, server, url) {
  return new Promise((resolve, reject) => {
    const timeoutMs = Number(process.env['PGBG_VSCODE_TIMEOUT_MS'] ?? DEFAULT_TIMEOUT_MS);
    const timer = setTimeout(() => reject(new Error(`The tests did not end within ${timeoutMs / 1000} s.`)), timeoutMs);
    page.once('crash', () => reject(new Error("VS Code's window crashed.")));
    page.once('close', () => reject(new Error("VS Code's window was closed before the tests ended.")));
    void server.process.exited.then(() => reject(new Error(`VS Code's server ended:\n${server.process.tail()}`)));
    const open = async () => {
      let ended = false;
      await page.exposeFunction('codeAutomationLog', (/** @type {string} */ type, /** @type {unknown[]} */ args) => {
        if (!ended) printLine(type, args);
      });
      await page.exposeFunction('codeAutomationExit', (/** @type {number} */ code) => {
        clearTimeout(timer);
        ended = true;
        throwIfHostCrashed(server).then(() => resolve(code), reject);
      });
      await page.goto(url);
    };
    open().catch(reject);
  });
}

/**
 * Checks how the extension host ended. The window sees a killed one as a normal end with exit code 0; only the server's output shows
 * the difference.
 *
 * @param {VscodeServer} server
 */
async function throwIfHostCrashed(server) {
  const exit = /Extension Host Process exited with code: (\S+), signal: (\S+)\./;
  const [, code, signal] = await server.process.waitForLine(exit, 5_000);
  if (code === '0') return;
  throw new Error(`The extension host crashed before the tests ended (code ${code}, signal ${signal}).`);
}

/**
 * Prints what the tests write with `console`, as the workbench forwards it.
 *
 * @param {string} type method of `console`
 * @param {unknown[]} args
 */
function printLine(type, args) {
  const isNoise = NOISE.some((pattern) => pattern.test(String(args[0])));
  if (isNoise && !process.env['PGBG_VSCODE_VERBOSE']) return;
  const stream = type === 'error' || type === 'warn' ? process.stderr : process.stdout;
  stream.write(`${formatWithOptions({ colors: stream.isTTY }, ...args)}\n`);
}

/**
 * @param {CommandLine} commandLine
 * @returns {Promise<number>}
 */
async function main({ extensionDevelopmentPath, extensionTestsPath, folder, ...rest }) {
  if (extensionDevelopmentPath.length === 0 || !extensionTestsPath) {
    throw new Error('This only runs tests: pass --extensionDevelopmentPath=… and --extensionTestsPath=….');
  }
  const version = vscodeVersion(process.env['PGBG_VSCODE_VERSION'] || NEWEST_VSCODE);
  if (rest.userDataDir) await mkdir(rest.userDataDir, { recursive: true });
  const [server, browser] = await Promise.all([
    startVscode({ log, version, testDriver: true, ...rest }),
    launchBrowser({ log }),
  ]);
  const page = await browser.context.newPage();
  const url = server.url({
    folder: folder ?? (await makeTempFolder('pgbg-empty-')),
    extensionDevelopmentPath,
    extensionTestsPath,
  });
  try {
    return await runInPage(page, server, url);
  } catch (error) {
    if (!isLeaving()) log(`The end of the server's output:\n${server.process.tail()}`);
    throw error;
  }
}

runScript(() => main(parseCommandLine(process.argv.slice(2))));

// A real VS Code without a desktop: the server in the npm package code-server. Its workbench runs in a browser, and its extension host is
// a Node process, as in any VS Code.
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheRoot, makeTempFolder, prepareOnce } from './cache.mjs';
import { freePort, run, runNpm, startProcess } from './process.mjs';

/** @typedef {import('./cache.mjs').Log} Log */
/** @typedef {import('./process.mjs').ManagedProcess} ManagedProcess */

/**
 * Supported versions of code-server: the newest, and the one with the oldest supported VS Code (1.100). `node` is the Node of the server
 * and its extension host; the desktop build of that release has the same major version.
 */
const VERSIONS = {
  '4.139.1': { vscode: '1.139.1', node: '24.21.0' },
  '4.100.3': { vscode: '1.100.3', node: '20.20.2' },
};

/** @typedef {keyof typeof VERSIONS} VscodeVersion */

/** @type {VscodeVersion} */
export const NEWEST_VSCODE = '4.139.1';
/** @type {VscodeVersion} */
export const OLDEST_VSCODE = '4.100.3';

const RECIPE = '2';
const HOST = '127.0.0.1';
const START_MS = 60_000;
const LOCATION = path.join('lib', 'vscode');

/** Nothing may connect to a service, show a popup, or take the focus while a user or a test works. */
const QUIET_SETTINGS = {
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'update.showReleaseNotes': false,
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.settings.enableNaturalLanguageSearch': false,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'git.openRepositoryInParentFolders': 'never',
  'remote.autoForwardPorts': false,
};

/**
 * @param {string} name
 * @returns {VscodeVersion}
 */
export function vscodeVersion(name) {
  if (name in VERSIONS) return /** @type {VscodeVersion} */ (name);
  throw new Error(`Unknown VS Code version ${name}. Use ${Object.keys(VERSIONS).join(' or ')}.`);
}

/**
 * @param {VscodeVersion} version
 * @param {{ log: Log }} options
 * @returns {Promise<{ root: string, node: string, vscodeVersion: string }>} the server's folder, the Node that
 *   runs it, and the release of VS Code
 */
export async function prepareVscode(version, { log }) {
  const { vscode, node: nodeVersion } = VERSIONS[version];
  const node = await prepareNode(nodeVersion, log);
  const folder = await prepareOnce({
    folder: path.join(cacheRoot, `vscode-${vscode}`),
    version: RECIPE,
    what: `VS Code ${vscode}`,
    log,
    prepare: async (into) => {
      log(`Downloading VS Code ${vscode} …`);
      await unpackFromNpm(`code-server@${version}`, into, ['package/lib/vscode']);
      const root = path.join(into, LOCATION);
      // Without install scripts no compiler is needed. Of the native modules that are then not built, the extension host needs a
      // logger and a watchdog. The shrinkwrap pins all versions, so this Node's npm, with this machine's configuration, can install.
      await npmInFolder(['install', '--omit=dev', '--ignore-scripts', '--engine-strict=false'], root);
      await installStandIns(path.join(root, 'node_modules'));
    },
  });
  return { root: path.join(folder, LOCATION), node, vscodeVersion: vscode };
}

/**
 * @param {string} nodeModules
 */
async function installStandIns(nodeModules) {
  for (const name of ['@vscode/spdlog', '@vscode/native-watchdog', 'native-watchdog']) {
    const main = path.join(nodeModules, name, 'index.js');
    // The older release has another name for one of them.
    if (existsSync(main)) await copyFile(new URL(`./stand-ins/${path.basename(name)}.cjs`, import.meta.url), main);
  }
}

/**
 * @param {string} version
 * @param {Log} log
 * @returns {Promise<string>} a Node of that major version: this process's, if it matches
 */
async function prepareNode(version, log) {
  const major = version.split('.')[0];
  if (process.versions.node.split('.')[0] === major) return process.execPath;
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    log(`VS Code runs with Node ${process.versions.node} instead of ${version} here.`);
    return process.execPath;
  }
  const name = `node-linux-${process.arch}`;
  const folder = await prepareOnce({
    folder: path.join(cacheRoot, `node-${major}`),
    version,
    what: `Node ${version}`,
    log,
    prepare: async (into) => {
      log(`Downloading Node ${version} …`);
      await unpackFromNpm(`${name}@${version}`, into, ['package/bin/node']);
    },
  });
  return path.join(folder, 'bin', 'node');
}

/**
 * @param {string} specification a package and its version
 * @param {string} into
 * @param {string[]} members paths to unpack
 */
async function unpackFromNpm(specification, into, members) {
  const aside = path.join(into, '.download');
  await mkdir(aside);
  await npmInFolder(['pack', specification, '--pack-destination', aside], aside);
  const [archive] = (await readdir(aside)).filter((name) => name.endsWith('.tgz'));
  if (!archive) throw new Error(`npm pack ${specification} created no archive.`);
  const how = ['--strip-components=1', '--no-same-owner'];
  await run('tar', ['-xzf', path.join(aside, archive), '-C', into, ...how, ...members]);
  await rm(aside, { recursive: true });
}

/**
 * @param {string[]} args
 * @param {string} cwd
 */
async function npmInFolder(args, cwd) {
  // Variables that `npm run` has set describe this project, not that folder.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_(package|lifecycle)_|npm_config_local_prefix$)/.test(name)),
  );
  try {
    await runNpm([...args, '--no-audit', '--no-fund'], { cwd, env });
  } catch (error) {
    throw new Error('VS Code could not be downloaded from the npm registry. Check that `npm ping` works.', {
      cause: error,
    });
  }
}

/**
 * @typedef {object} VscodeOptions
 * @property {Log} log
 * @property {VscodeVersion} [version]
 * @property {boolean} [testDriver] whether a URL may name an extension under development and its tests. VS Code then shows no
 *   notifications and confirms every dialog by itself (measured with 1.100 and 1.139), so it does not behave as for users.
 * @property {boolean} [workspaceTrust] whether folders start untrusted; by default everything is trusted
 * @property {Record<string, unknown>} [settings] user settings, which override the quiet defaults and those in userDataDir
 * @property {string} [extensionsDir] by default a temporary folder
 * @property {string} [userDataDir] by default a temporary folder
 * @property {number} [port] by default any free port
 * @property {string} [language] the display language, such as `de`. VS Code's own texts stay in English; ours are in that language.
 * @property {NodeJS.ProcessEnv} [env] environment of the extension host; by default that of this process
 */

/**
 * @typedef {object} VscodeTarget all paths are on the server's machine
 * @property {string} [folder] a folder or a .code-workspace file; by default the window is empty
 * @property {string} [openFile] a file to open
 * @property {string | string[]} [extensionDevelopmentPath]
 * @property {string} [extensionTestsPath]
 * @property {string} [logLevel] of the window, or of one extension: `publisher.name:trace`
 */

/**
 * @typedef {object} VscodeServer
 * @property {number} port
 * @property {string} origin
 * @property {string} vscodeVersion
 * @property {string} userDataDir
 * @property {string} extensionsDir
 * @property {ManagedProcess} process of the server
 * @property {(target: VscodeTarget) => string} url of a window
 * @property {(vsix: string) => Promise<void>} installVsix installs as a user would, also while the server is running
 * @property {() => Promise<number[]>} extensionHosts pids of the extension hosts, one per open window
 * @property {() => Promise<number>} killExtensionHost kills them with SIGKILL, as a crash would; returns their number
 * @property {() => Promise<void>} stop
 */

/**
 * Starts a VS Code server on 127.0.0.1. It and its temporary folders are removed when this script ends.
 *
 * @param {VscodeOptions} options
 * @returns {Promise<VscodeServer>}
 */
export async function startVscode(options) {
  const { root, node, vscodeVersion } = await prepareVscode(options.version ?? NEWEST_VSCODE, options);
  const own = await makeTempFolder('pgbg-vscode-');
  const userDataDir = path.resolve(options.userDataDir ?? path.join(own, 'user'));
  const extensionsDir = path.resolve(options.extensionsDir ?? path.join(own, 'extensions'));
  await mkdir(extensionsDir, { recursive: true });
  await mkdir(path.join(own, 'tmp'));
  await writeSettings(userDataDir, options.settings ?? {});
  const folders = ['--user-data-dir', userDataDir, '--extensions-dir', extensionsDir];
  folders.push('--server-data-dir', path.join(own, 'server'));
  const main = path.join(root, 'out', 'server-main.js');
  const args = ['--without-connection-token', '--accept-server-license-terms', '--disable-telemetry', ...folders];
  if (options.testDriver) args.push('--enable-smoke-test-driver');
  if (!options.workspaceTrust) args.push('--disable-workspace-trust');
  if (options.language) args.push('--locale', await addLanguagePack(userDataDir, options.language));
  const env = serverEnv(options.env ?? process.env, path.join(own, 'tmp'));
  const launchAt = (/** @type {number} */ at) =>
    launch(node, [main, '--host', HOST, '--port', String(at), ...args], { cwd: own, env });
  const { process: server, port } = await launchOnPort(options.port, launchAt);
  const origin = `http://${HOST}:${port}`;
  server.unref();
  options.log(`VS Code ${vscodeVersion} is running on port ${port}.`);
  const extensionHosts = () => extensionHostsOf(server.pid);
  return {
    port,
    origin,
    vscodeVersion,
    userDataDir,
    extensionsDir,
    process: server,
    url: (target) => windowUrl(origin, target),
    installVsix: async (vsix) => {
      await run(node, [main, ...folders, '--install-extension', path.resolve(vsix), '--force'], { cwd: own, env });
    },
    extensionHosts,
    killExtensionHost: async () => {
      const pids = await extensionHosts();
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      return pids.length;
    },
    stop: async () => {
      await server.stop();
      await rm(own, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/**
 * @param {number | undefined} wanted
 * @param {(port: number) => Promise<ManagedProcess | undefined>} launchAt resolves to undefined if the port is in use
 * @returns {Promise<{ process: ManagedProcess, port: number }>}
 */
async function launchOnPort(wanted, launchAt) {
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const port = wanted ?? (await freePort());
    const process = await launchAt(port);
    if (process) return { process, port };
    if (wanted) throw new Error(`Port ${wanted} is in use. Choose another.`);
  }
  throw new Error('Found no free port for VS Code.');
}

/**
 * @param {string} node
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<ManagedProcess | undefined>} the server, when it listens; undefined if its port is in use
 */
async function launch(node, args, options) {
  const server = await startProcess(node, args, { ...options, name: 'VS Code', parentDeathSignal: 'SIGTERM' });
  try {
    const [printed] = await server.waitForLine(/Extension host agent listening on|EADDRINUSE/, START_MS);
    if (printed !== 'EADDRINUSE') return server;
    await server.stop();
    return undefined;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/**
 * @param {string} userDataDir
 * @param {Record<string, unknown>} settings
 */
async function writeSettings(userDataDir, settings) {
  const file = path.join(userDataDir, 'User', 'settings.json');
  await mkdir(path.dirname(file), { recursive: true });
  /** @type {Record<string, unknown>} */
  const present = JSON.parse(await readFile(file, 'utf8').catch(() => '{}'));
  await writeFile(`${file}.new`, JSON.stringify({ ...QUIET_SETTINGS, ...present, ...settings }, null, 2));
  await rename(`${file}.new`, file);
}

/**
 * Registers an empty language pack. VS Code accepts a display language only if there is a language pack for it, and only its
 * Marketplace has real ones.
 *
 * @param {string} userDataDir
 * @param {string} language
 * @returns {Promise<string>} the language
 */
async function addLanguagePack(userDataDir, language) {
  const translations = path.join(userDataDir, 'language-pack.json');
  await writeFile(translations, JSON.stringify({ version: '1.0.0', contents: {} }));
  const pack = {
    hash: 'empty',
    label: language,
    extensions: [{ extensionIdentifier: { id: 'test.language-pack' }, version: '1.0.0' }],
    translations: { vscode: translations },
  };
  // The list of installed language packs, in the format in which VS Code writes it.
  await writeFile(path.join(userDataDir, 'languagepacks.json'), JSON.stringify({ [language]: pack }));
  return language;
}

/**
 * Returns the environment of the server and its extension host: the caller's, with three changes. Variables of a VS Code terminal, from
 * which the script may have been started, are removed, because the server would assume to be part of that VS Code. The folder for
 * temporary files is one that is removed, because VS Code leaves sockets there. No marketplace is used, so that built-in extensions
 * are not updated.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} temporary
 * @returns {NodeJS.ProcessEnv}
 */
function serverEnv(env, temporary) {
  const kept = Object.entries(env).filter(([name]) => !/^(VSCODE_|ELECTRON_|XDG_RUNTIME_DIR$)/.test(name));
  return { ...Object.fromEntries(kept), TMPDIR: temporary, EXTENSIONS_GALLERY: '{}' };
}

/**
 * @param {string} origin
 * @param {VscodeTarget} target
 * @returns {string}
 */
function windowUrl(origin, { folder, openFile, extensionDevelopmentPath = [], extensionTestsPath, logLevel }) {
  const remote = (/** @type {string} */ file) =>
    `vscode-remote://${new URL(origin).host}${pathToFileURL(path.resolve(file)).pathname}`;
  /** @type {[string, string][]} */
  const payload = [extensionDevelopmentPath].flat().map((file) => ['extensionDevelopmentPath', remote(file)]);
  if (openFile) payload.push(['openFile', remote(openFile)]);
  if (extensionTestsPath) payload.push(['extensionTestsPath', remote(extensionTestsPath)]);
  if (logLevel) payload.push(['logLevel', logLevel]);
  const url = new URL(origin);
  if (folder) url.searchParams.set(folder.endsWith('.code-workspace') ? 'workspace' : 'folder', path.resolve(folder));
  else url.searchParams.set('ew', 'true');
  if (payload.length > 0) url.searchParams.set('payload', JSON.stringify(payload));
  return url.href;
}

/**
 * @param {number} server
 * @returns {Promise<number[]>}
 */
async function extensionHostsOf(server) {
  const all = process.platform === 'linux' ? await processesOfLinux() : await processesOfPs();
  return all
    .filter(({ parent, command }) => parent === server && command.includes('--type=extensionHost'))
    .map(({ pid }) => pid);
}

/** @typedef {{ pid: number, parent: number, command: string }} ProcessRow */

/** @returns {Promise<ProcessRow[]>} */
async function processesOfLinux() {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const rows = pids.map(async (pid) => {
    try {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
      // "pid (name) state parent …", and a name may hold anything.
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      return { pid: Number(pid), parent, command: command.replaceAll('\0', ' ') };
    } catch {
      return undefined;
    }
  });
  return (await Promise.all(rows)).filter((row) => row !== undefined);
}

/** @returns {Promise<ProcessRow[]>} */
async function processesOfPs() {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,command=']);
  return stdout.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    return match ? [{ pid: Number(match[1]), parent: Number(match[2]), command: match[3] ?? '' }] : [];
  });
}

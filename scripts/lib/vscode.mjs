// A real VS Code without a desktop: the server inside the npm package code-server, whose workbench runs in a browser and whose
// extension host is the same Node process as everywhere.
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheRoot, makeTempFolder, prepareOnce } from './cache.mjs';
import { freePort, run, startProcess } from './process.mjs';

/** @typedef {import('./cache.mjs').Log} Log */
/** @typedef {import('./process.mjs').ManagedProcess} ManagedProcess */

/**
 * The versions of code-server that are provided for: the newest, and the one that holds the oldest VS Code we support
 * (1.100). `node` is the Node of the server and so of its extension host; VS Code's own desktop build of that release has
 * the same major version inside.
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

/** Nothing may call home, pop up or take the focus while somebody (or a test) works. */
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
  throw new Error(`There is no VS Code ${name} here: choose ${Object.keys(VERSIONS).join(' or ')}.`);
}

/**
 * @param {VscodeVersion} version
 * @param {{ log: Log }} options
 * @returns {Promise<{ root: string, node: string, vscodeVersion: string }>} the server's folder, the Node to run it with, and
 *   the release of VS Code it is
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
      // Without scripts no compiler is needed. Of what stays unbuilt the extension host wants a logger and a watchdog.
      // Its shrinkwrap fixes the versions, so this Node's npm will do, and it knows the configuration of this machine.
      await runNpm(['install', '--omit=dev', '--ignore-scripts', '--engine-strict=false'], root);
      await putStandIns(path.join(root, 'node_modules'));
    },
  });
  return { root: path.join(folder, LOCATION), node, vscodeVersion: vscode };
}

/**
 * @param {string} nodeModules
 */
async function putStandIns(nodeModules) {
  for (const name of ['@vscode/spdlog', '@vscode/native-watchdog', 'native-watchdog']) {
    const main = path.join(nodeModules, name, 'index.js');
    // The older release knows one of them by another name.
    if (existsSync(main)) await copyFile(new URL(`./stand-ins/${path.basename(name)}.cjs`, import.meta.url), main);
  }
}

/**
 * @param {string} version
 * @param {Log} log
 * @returns {Promise<string>} a Node of that major version: this process's own where it fits
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
 * @param {string[]} members what to take of it
 */
async function unpackFromNpm(specification, into, members) {
  const aside = path.join(into, '.download');
  await mkdir(aside);
  await runNpm(['pack', specification, '--pack-destination', aside], aside);
  const [archive] = (await readdir(aside)).filter((name) => name.endsWith('.tgz'));
  if (!archive) throw new Error(`npm pack ${specification} gave no archive.`);
  const how = ['--strip-components=1', '--no-same-owner'];
  await run('tar', ['-xzf', path.join(aside, archive), '-C', into, ...how, ...members]);
  await rm(aside, { recursive: true });
}

/**
 * @param {string[]} args
 * @param {string} cwd
 */
async function runNpm(args, cwd) {
  // What `npm run` has told this script about its own project is not about this folder.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_(package|lifecycle)_|npm_config_local_prefix$)/.test(name)),
  );
  try {
    await run('npm', [...args, '--no-audit', '--no-fund'], { cwd, env });
  } catch (error) {
    throw new Error("VS Code could not be had from npm's registry: check that `npm ping` works here.", {
      cause: error,
    });
  }
}

/**
 * @typedef {object} VscodeOptions
 * @property {Log} log
 * @property {VscodeVersion} [version]
 * @property {boolean} [testDriver] whether an address may name an extension under development and its tests. Then VS Code shows no
 *   notification and confirms every dialog by itself (measured with 1.100 and 1.139), so it is not for looking at.
 * @property {boolean} [workspaceTrust] whether folders start untrusted; by default everything is trusted
 * @property {Record<string, unknown>} [settings] the user's settings, over the quiet defaults and over those in userDataDir
 * @property {string} [extensionsDir] by default a temporary folder
 * @property {string} [userDataDir] by default a temporary folder
 * @property {number} [port] by default any free one
 * @property {string} [language] the display language, such as `de`. VS Code's own texts stay in English; ours are in that language.
 * @property {NodeJS.ProcessEnv} [env] what the extension host finds in its environment; by default what this process has
 */

/**
 * @typedef {object} VscodeTarget all paths of the server's machine
 * @property {string} [folder] a folder or a .code-workspace file; by default the window is empty
 * @property {string} [openFile] a file to open in an editor
 * @property {string | string[]} [extensionDevelopmentPath]
 * @property {string} [extensionTestsPath]
 * @property {string} [logLevel] of the window's logs, or of one extension's: `publisher.name:trace`
 */

/**
 * @typedef {object} VscodeServer
 * @property {number} port
 * @property {string} origin
 * @property {string} vscodeVersion
 * @property {string} userDataDir
 * @property {string} extensionsDir
 * @property {ManagedProcess} process the server's
 * @property {(target: VscodeTarget) => string} url the address of a window
 * @property {(vsix: string) => Promise<void>} installVsix as a user would, also while the server runs
 * @property {() => Promise<number[]>} extensionHosts the process ids of the extension hosts, one for each open window
 * @property {() => Promise<number>} killExtensionHost kills them without warning (SIGKILL), as a crash would; gives how many
 * @property {() => Promise<void>} stop
 */

/**
 * Starts a VS Code server on 127.0.0.1. It and its temporary folders are gone when this script ends.
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
  server.letGo();
  options.log(`VS Code ${vscodeVersion} runs on port ${port}.`);
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
 * @param {(port: number) => Promise<ManagedProcess | undefined>} launchAt gives nothing where the port is taken
 * @returns {Promise<{ process: ManagedProcess, port: number }>}
 */
async function launchOnPort(wanted, launchAt) {
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const port = wanted ?? (await freePort());
    const process = await launchAt(port);
    if (process) return { process, port };
    if (wanted) throw new Error(`Port ${wanted} is taken: choose another.`);
  }
  throw new Error('No free port was found for VS Code.');
}

/**
 * @param {string} node
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<ManagedProcess | undefined>} the server, once it listens; nothing where its port is taken
 */
async function launch(node, args, options) {
  const server = await startProcess(node, args, { ...options, name: 'VS Code', parentDeathSignal: 'SIGTERM' });
  try {
    const [said] = await server.waitForLine(/Extension host agent listening on|EADDRINUSE/, START_MS);
    if (said !== 'EADDRINUSE') return server;
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
 * The environment of the server and its extension host: the caller's, but for three things. A script that is itself started
 * from a VS Code terminal has variables that would make the new server believe it was part of that one. VS Code leaves
 * sockets behind in the folder for temporary files, so it gets one that is removed. And no marketplace is to be asked for
 * updates of the extensions that come with VS Code.
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

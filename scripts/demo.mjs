// `npm run demo`: starts a PostgreSQL with pg_background and a VS Code with this extension, to try everything out.
//   npm run demo [-- --port N] [-- --desktop]
//   --port N    port of VS Code in the browser; by default a free one
//   --desktop   uses the desktop VS Code whose `code` command is in PATH
//   PGBG_SERVER_URL=postgres://user@host:port/database   uses this server instead of a new one
// Works right after `git clone`: it installs whatever is missing. Ctrl+C stops and removes everything that it started.
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkNode, ensureDependencies } from './ensure-deps.mjs';
import { makeTempFolder, repoRoot } from './lib/cache.mjs';
import { onExit } from './lib/cleanup.mjs';
import { parseServerUrl } from './lib/externalServer.mjs';
import { isRoot } from './lib/nobody.mjs';
import { createDatabase, startPostgres } from './lib/postgres.mjs';
import { describeEnd, findInPath, log, run, runScript, startProcess } from './lib/process.mjs';
import { NEWEST_VSCODE, prepareVscode, startVscode } from './lib/vscode.mjs';

/** @typedef {{ name: string, host: string, port: number, database: string, user: string }} Connection */

const DATABASE = 'demo';
const DESKTOPS = ['code', 'code-insiders', 'codium'];

async function main() {
  checkNode();
  const { values } = parseArgs({ options: { port: { type: 'string' }, desktop: { type: 'boolean', default: false } } });
  const port = values.port === undefined ? undefined : portNumber(values.port);
  const desktop = values.desktop ? findDesktop() : undefined;
  log('Preparing. This takes about a minute the first time, and some seconds later.');
  const [connection] = await Promise.all([
    connect(),
    buildExtension(),
    desktop ? undefined : prepareVscode(NEWEST_VSCODE, { log }),
  ]);
  const workspace = await makeWorkspace(connection);
  if (desktop) return runDesktop(desktop, workspace);
  return runInBrowser(workspace, port, connection);
}

/**
 * @param {string} text
 * @returns {number}
 */
function portNumber(text) {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Error(`--port ${text} is not a port. Use a number from 1 to 65535.`);
}

/** @returns {string} */
function findDesktop() {
  for (const name of DESKTOPS) {
    const file = findInPath(name);
    if (file) return file;
  }
  throw new Error(
    '--desktop needs the `code` command of a desktop VS Code in PATH. Without --desktop, a browser is used.',
  );
}

/** @returns {Promise<Connection>} */
async function connect() {
  const url = process.env['PGBG_SERVER_URL'];
  if (url) return connectionTo(url);
  const server = await startPostgres({ log });
  await createDatabase(server, DATABASE);
  await server.psql('CREATE EXTENSION plpython3u', { database: DATABASE });
  return { name: 'demo', host: server.host, port: server.port, database: DATABASE, user: server.user };
}

/**
 * @param {string} text a server address
 * @returns {Connection}
 */
function connectionTo(text) {
  const { host, port, database, user } = parseServerUrl(text);
  log(`Using the server at ${host}. If it needs a password, VS Code asks for it.`);
  return { name: 'demo', host, port, database, user };
}

/**
 * @param {Connection} connection
 * @returns {string} a command for any shell; psql prompts for a password if the server asks for one
 */
function psqlCommand({ host, port, user, database }) {
  const quoted = (/** @type {string} */ text) =>
    /^[\w.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  return `psql -h ${quoted(host)} -p ${port} -U ${quoted(user)} -d ${quoted(database)}`;
}

async function buildExtension() {
  await ensureDependencies({ log });
  await run(process.execPath, [path.join(repoRoot, 'scripts', 'build.mjs')], { cwd: repoRoot });
  log('Built the extension.');
}

/**
 * @param {Connection} connection
 * @returns {Promise<string>} a copy of the sample workspace, with the connection in its settings
 */
async function makeWorkspace(connection) {
  const workspace = path.join(await makeTempFolder('pgbg-demo-'), 'pg_background demo');
  await cp(path.join(repoRoot, 'scripts', 'demo-workspace'), workspace, { recursive: true });
  const file = path.join(workspace, '.vscode', 'settings.json');
  await mkdir(path.dirname(file), { recursive: true });
  const settings = JSON.parse(await readFile(file, 'utf8').catch(() => '{}'));
  settings['pgBackground.connections'] = [connection];
  await writeFile(file, `${JSON.stringify(settings, null, 2)}\n`);
  return workspace;
}

/**
 * Installs the files that the package would contain, without packing and unpacking it, which takes half a minute. (The VS Code server
 * runs an extension under development only with its test driver, which hides all notifications.)
 *
 * @returns {Promise<string>} the folder for extensions
 */
async function installExtension() {
  const read = (/** @type {string} */ file) => readFile(path.join(repoRoot, file), 'utf8');
  const { publisher, name, version } = JSON.parse(await read('package.json'));
  const folder = await makeTempFolder('pgbg-extensions-');
  const installed = path.join(folder, `${publisher}.${name}-${version}`);
  const wanted = (await read('.vscodeignore')).match(/(?<=^!)[^*\r\n]+/gm) ?? [];
  for (const file of wanted) {
    const source = path.join(repoRoot, file);
    if (existsSync(source)) await cp(source, path.join(installed, file), { recursive: true });
  }
  return folder;
}

/**
 * @param {string} workspace
 * @param {number | undefined} port
 * @param {Connection} connection
 */
async function runInBrowser(workspace, port, connection) {
  const server = await startVscode({ log, port, extensionsDir: await installExtension() });
  const url = server.url({ folder: workspace, openFile: path.join(workspace, 'sample.sql') });
  log('Ready. Ctrl+C stops everything. Open in a browser:');
  process.stdout.write(`\n  ${url}\n\n`);
  process.stdout.write(`To connect to the same database with psql:\n\n  ${psqlCommand(connection)}\n\n`);
  // The server does not keep this script alive.
  const alive = setInterval(() => {}, 60_000);
  const end = await server.process.exited;
  clearInterval(alive);
  throw new Error(`VS Code ended unexpectedly (${describeEnd(end)}). The end of its output:\n${server.process.tail()}`);
}

/**
 * @param {string} code the command
 * @param {string} workspace
 */
async function runDesktop(code, workspace) {
  const folder = await makeTempFolder('pgbg-desktop-');
  const userDataDir = path.join(folder, 'user');
  const args = ['--new-window', '--wait', '--user-data-dir', userDataDir];
  args.push('--extensions-dir', path.join(folder, 'extensions'), `--extensionDevelopmentPath=${repoRoot}`);
  args.push('--disable-workspace-trust', '--skip-welcome', '--skip-release-notes', '--disable-updates');
  if (isRoot) args.push('--no-sandbox');
  onExit({ stop: () => stopDesktop(userDataDir), stopNow: () => {} });
  const window = await startProcess(code, [...args, workspace, path.join(workspace, 'sample.sql')]);
  log('Opening VS Code. Ctrl+C, or closing its window, stops everything.');
  const end = await window.exited;
  if (end.code !== 0) throw new Error(`VS Code failed (${describeEnd(end)}):\n${window.tail()}`);
}

/**
 * Stops the desktop VS Code. The `code` command is not the parent of its process, which writes its pid into the user data folder.
 *
 * @param {string} userDataDir
 */
async function stopDesktop(userDataDir) {
  const pid = Number(await readFile(path.join(userDataDir, 'code.lock'), 'utf8').catch(() => ''));
  if (!(pid > 1)) return;
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It has already been closed.
  }
}

runScript(main);

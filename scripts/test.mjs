// Runs the tests: `node scripts/test.mjs [unit] [server] [extension] [ui] [--coverage] [--grep TEXT]`, by default all levels. Coverage is
// available for the levels that run in Node alone: unit and server. Works right after a clone: it installs whatever is missing. The last
// line of the output is the count.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spawn } from 'node:child_process';
import { ensureDependencies } from './ensure-deps.mjs';
import { makeTempFolder, repoRoot } from './lib/cache.mjs';
import { exitAfterCleanUp } from './lib/cleanup.mjs';
import { reportCoverage } from './lib/coverage.mjs';
import { externalServer } from './lib/externalServer.mjs';
import { describeError, log } from './lib/process.mjs';
import { summarizeTests } from './lib/testSummary.mjs';

const LEVELS = /** @type {const} */ (['unit', 'server', 'extension', 'ui']);
/** @typedef {typeof LEVELS[number]} Level */

/**
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} its exit code
 */
function run(command, args, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: repoRoot, stdio: ['ignore', 'inherit', 'inherit'], env });
    const forward = () => child.kill('SIGTERM');
    process.once('SIGTERM', forward);
    process.once('SIGINT', forward);
    child.on('error', reject);
    child.on('exit', (code) => {
      process.removeListener('SIGTERM', forward);
      process.removeListener('SIGINT', forward);
      resolve(code ?? 1);
    });
  });
}

/**
 * @param {Level} level
 * @param {{ coverage: boolean, grep: string | undefined, counts: string }} options
 * @returns {Promise<number>}
 */
async function mocha(level, { coverage, grep, counts }) {
  const bin = (/** @type {string} */ name) => join(repoRoot, 'node_modules', name);
  const args = [
    '--enable-source-maps',
    bin('mocha/bin/mocha.js'),
    '--reporter',
    join(repoRoot, 'scripts/lib/countingReporter.cjs'),
    // Processes that tests started are stopped by scripts/lib/cleanup.mjs when this process exits.
    '--exit',
    // Some unit tests need POSIX file modes or a disk that root can mount. On a server that is not ours, some server tests
    // cannot run. Everything else must not be skipped.
    ...(level === 'unit' || (level === 'server' && process.env['PGBG_SERVER_URL'])
      ? ['--no-config', '--timeout', '60000', '--forbid-only']
      : []),
    ...(grep === undefined ? [] : ['--grep', grep]),
    `dist/test/${level}/**/*.test.js`,
  ];
  const env = { ...process.env, PGBG_TEST_COUNTS: counts, PGBG_TEST_RUN: level };
  if (!coverage) return run(process.execPath, args, env);
  const folder = await makeTempFolder('pgbg-coverage-');
  const code = await run(process.execPath, args, { ...env, NODE_V8_COVERAGE: folder });
  await reportCoverage(folder, level, repoRoot);
  return code;
}

/**
 * Downloads whatever a level needs before its tests begin, so that a slow download shows progress and does not make a test time out.
 *
 * @param {Level} level
 */
async function prepare(level) {
  if (level === 'unit' || (level === 'server' && process.env['PGBG_SERVER_URL'])) return;
  if (!process.env['PGBG_SERVER_URL'] || level === 'ui') {
    const { preparePostgres } = await import('./lib/postgres.mjs');
    await preparePostgres({ log });
  }
  if (level === 'server') return;
  const { NEWEST_VSCODE, OLDEST_VSCODE, prepareVscode } = await import('./lib/vscode.mjs');
  if (level === 'ui') {
    await prepareVscode(NEWEST_VSCODE, { log });
    const { ensureChromium } = await import('./lib/browser.mjs');
    await ensureChromium({ log });
  } else if (!process.env['PGBG_VSCODE']) {
    for (const version of [NEWEST_VSCODE, OLDEST_VSCODE]) await prepareVscode(version, { log });
  }
}

/**
 * Runs the extension tests inside VS Code: the newest and the oldest supported release, or the desktop build that PGBG_VSCODE selects
 * (a path, `download`, or `download:VERSION`).
 *
 * @param {string} counts
 * @param {string | undefined} grep
 * @returns {Promise<number>}
 */
async function extension(counts, grep) {
  const { runTests, downloadAndUnzipVSCode } = await import('@vscode/test-electron');
  const { NEWEST_VSCODE, OLDEST_VSCODE } = await import('./lib/vscode.mjs');
  const desktop = process.env['PGBG_VSCODE'];
  const [, download, release] = /^(download)(?::(.+))?$/.exec(desktop ?? '') ?? [];
  const launcher = fileURLToPath(new URL('./vscode-launcher.mjs', import.meta.url));
  const hosts = desktop
    ? [{ name: release ?? 'desktop', path: download ? await downloadAndUnzipVSCode(release) : desktop, version: '' }]
    : [NEWEST_VSCODE, OLDEST_VSCODE].map((version) => ({ name: version, path: launcher, version }));
  const { createDatabase } = await import('./lib/postgres.mjs');
  const server = await extensionServer();
  let worst = 0;
  for (const [index, host] of hosts.entries()) {
    log(`Extension tests in VS Code (${host.name}).`);
    const folder = await makeTempFolder('pgbg-extension-test-');
    const workspace = join(folder, 'workspace');
    const database = `pgbg_extension_${process.pid}_${index}`;
    await createDatabase(server, database);
    const connection = { name: 'test', host: server.host, port: server.port, database, user: server.user };
    await mkdir(join(workspace, '.vscode'), { recursive: true });
    await writeFile(
      join(workspace, '.vscode/settings.json'),
      JSON.stringify({ 'pgBackground.connections': [connection] }),
    );
    try {
      worst = Math.max(
        worst,
        await runTests({
          vscodeExecutablePath: host.path,
          extensionDevelopmentPath: repoRoot,
          extensionTestsPath: join(repoRoot, 'dist/test/extension/index.entry.js'),
          launchArgs: [
            workspace,
            `--user-data-dir=${join(folder, 'user')}`,
            `--extensions-dir=${join(folder, 'extensions')}`,
          ],
          extensionTestsEnv: {
            ...(host.version === '' ? {} : { PGBG_VSCODE_VERSION: host.version }),
            ...(grep === undefined ? {} : { PGBG_TEST_GREP: grep }),
            PGBG_TEST_COUNTS: counts,
            PGBG_TEST_RUN: `extension in VS Code ${host.name}`,
            PGBG_TEST_DATABASE_URL: `postgres://${server.user}@${server.host}:${server.port}/${database}`,
            PGBG_TEST_REPOSITORY: repoRoot,
          },
        }),
      );
    } catch (error) {
      log(describeError(error));
      worst = 1;
    } finally {
      await server.drop(database);
    }
  }
  await server.stop();
  return worst;
}

/**
 * The server for the extension tests: the one that PGBG_SERVER_URL names, which must accept its user without a password, or a
 * new one.
 */
async function extensionServer() {
  const url = process.env['PGBG_SERVER_URL'];
  if (url) {
    const server = externalServer(url);
    const drop = (/** @type {string} */ database) => server.psql(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    return { ...server, drop, stop: async () => {} };
  }
  const { startPostgres } = await import('./lib/postgres.mjs');
  const server = await startPostgres({ log: () => undefined, settings: { max_worker_processes: 64 } });
  return { ...server, drop: async () => {} };
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { coverage: { type: 'boolean', default: false }, grep: { type: 'string' } },
  });
  const unknown = positionals.filter((name) => !LEVELS.some((level) => level === name));
  if (unknown.length > 0)
    throw new Error(`Unknown test level "${unknown.join(', ')}". The levels are ${LEVELS.join(', ')}.`);
  const wanted = LEVELS.filter((level) => positionals.length === 0 || positionals.includes(level));

  await ensureDependencies({ log });
  const counts = join(await makeTempFolder('pgbg-counts-'), 'counts.ndjson');
  await writeFile(counts, '');
  if ((await run(process.execPath, ['scripts/build.mjs', '--tests', ...(values.coverage ? ['--coverage'] : [])])) !== 0)
    throw new Error('The build failed.');
  let failed = false;
  for (const level of wanted) {
    await prepare(level);
    log(`Tests: ${level}.`);
    const code =
      level === 'extension'
        ? await extension(counts, values.grep)
        : await mocha(level, { coverage: values.coverage && level !== 'ui', grep: values.grep, counts });
    if (code !== 0) failed = true;
  }
  const lines = (await readFile(counts, 'utf8')).split('\n').filter(Boolean);
  process.stdout.write(
    summarizeTests(
      lines.map((line) => JSON.parse(line)),
      failed,
    ),
  );
  return failed ? 1 : 0;
}

let code = 1;
try {
  code = await main();
} catch (error) {
  log(describeError(error));
  process.stdout.write('0 passed, 1 failed\n');
}
await exitAfterCleanUp(code);

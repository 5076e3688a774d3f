// A real PostgreSQL with pg_background for tests and the demo: Debian's packages, a cluster for each start, nothing installed.
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeTempFolder, prepareOnce } from './cache.mjs';
import { debianArchitecture, unpackDebianPackages } from './debian.mjs';
import { asOrdinaryUser, AS_NOBODY, giveToServer, reachableCacheRoot, reachableTempRoot } from './nobody.mjs';
import { sqlToBecome } from './oldPgBackground.mjs';
import { describeEnd, freePort, run, startProcess, waitForPort, waitUntil } from './process.mjs';

/** @typedef {import('./cache.mjs').Log} Log */
/** @typedef {import('./process.mjs').ManagedProcess} ManagedProcess */
/** @typedef {'smart' | 'fast' | 'immediate'} StopMode */

const MAJOR = '18';
const PACKAGES = [
  `postgresql-${MAJOR}`,
  `postgresql-${MAJOR}-pg-background`,
  `postgresql-plpython3-${MAJOR}`,
  'pgbouncer',
];
/** The releases that carry these packages, the more settled one first. */
const SUITES = ['forky', 'sid'];
const BIN = `usr/lib/postgresql/${MAJOR}/bin`;
const PROGRAMS = ['postgres', 'initdb', 'pg_ctl', 'psql', 'pgbench', 'pg_dump'].map((name) => `${BIN}/${name}`);
const RECIPE = '1';
const INSTEAD = 'set PGBG_SERVER_URL to the address of a PostgreSQL server of your own that has pg_background';

const START_MS = 30_000;
const STOP_SECONDS = { smart: 10, fast: 5, immediate: 10 };
const HOST = '127.0.0.1';

/** @type {Readonly<Record<string, string | number>>} */
const DEFAULT_SETTINGS = {
  max_worker_processes: 32,
  // The cluster is thrown away: surviving a power cut would only cost time. What was committed must survive an immediate stop,
  // so synchronous_commit stays on.
  fsync: 'off',
  full_page_writes: 'off',
};

/**
 * PostgreSQL's programs, ready to be run from a folder. They need a newer libc than this system may have, so a wrapper in
 * place of each starts it with the loader and the libraries that came with it.
 *
 * @param {{ log: Log }} options
 * @returns {Promise<{ root: string, bin: string }>} the root of the unpacked packages and its folder of programs
 */
export async function preparePostgres({ log }) {
  const architecture = debianArchitecture(INSTEAD);
  const cache = await reachableCacheRoot();
  const root = await prepareOnce({
    folder: path.join(cache, `postgresql-${MAJOR}-${architecture.name}`),
    version: RECIPE,
    what: `PostgreSQL ${MAJOR}`,
    log,
    prepare: async (folder) => {
      const work = path.join(folder, '.apt');
      const instead = INSTEAD;
      await unpackDebianPackages({
        root: folder,
        work,
        packages: PACKAGES,
        suites: SUITES,
        architecture,
        instead,
        log,
      });
      for (const program of [...PROGRAMS, 'usr/sbin/pgbouncer']) await wrap(folder, program, architecture);
      await chmod(folder, 0o755);
    },
  });
  return { root, bin: path.join(root, BIN) };
}

/**
 * Puts a wrapper in a program's place. It finds the root from its own path, so that the root can be moved, and passes that
 * path on as argv[0], from which PostgreSQL finds its own files.
 *
 * @param {string} root
 * @param {string} program its path below the root
 * @param {import('./debian.mjs').Architecture} architecture
 */
async function wrap(root, program, { triplet, loader }) {
  const file = path.join(root, program);
  await rename(file, `${file}.bin`);
  const up = path.relative(path.dirname(program), '.');
  const script = [
    '#!/bin/sh',
    `root="\${0%/*}/${up}"`,
    `lib="$root/usr/lib/${triplet}"`,
    // PL/Python looks for its standard library here. A PYTHONPATH of the caller's is about another Python.
    ...(program.endsWith('/postgres') ? ['export PYTHONHOME="$root/usr"', 'unset PYTHONPATH'] : []),
    `exec "$root/${loader}" --library-path "$lib:$lib/systemd" --argv0 "$0" "$0.bin" "$@"`,
  ];
  await writeFile(file, `${script.join('\n')}\n`, { mode: 0o755 });
  await chmod(file, 0o755);
}

/**
 * @typedef {object} PostgresOptions
 * @property {Log} log
 * @property {Record<string, string | number>} [settings] for postgresql.conf, over the defaults
 * @property {string[]} [initdbArgs] further arguments for initdb, after the defaults
 * @property {string} [hba] pg_hba.conf instead of trust for everybody; the superuser on the socket stays trusted, for psql()
 * @property {string} [messages] the locale of the server's messages, such as `de_DE.UTF-8`; made with localedef (Debian: locales)
 */

/**
 * @typedef {object} PostgresServer
 * @property {string} url of the database "postgres", as the superuser
 * @property {string} host
 * @property {number} port the same after a restart
 * @property {string} socketDir
 * @property {string} user
 * @property {string} dataDir
 * @property {string} bin the folder of psql, pgbench, pg_dump …
 * @property {string} root the root of the unpacked packages
 * @property {(sql: string, options?: { database?: string }) => Promise<string>} psql the rows, unaligned, fields parted by "|"
 * @property {(mode?: StopMode) => Promise<void>} stop fast by default; a stop that takes too long becomes an immediate one
 * @property {() => Promise<void>} start after a stop
 * @property {(mode?: StopMode) => Promise<void>} restart
 * @property {() => Promise<string>} serverLog all the server has logged
 * @property {() => Promise<number>} crashes how often the server has restarted itself because a process of its crashed
 * @property {(name: string, content: string, mode?: number) => Promise<string>} addFile writes a file (a certificate, a
 *   key) into the data folder, owned by the server's user, and gives its path
 */

/**
 * Starts a server of its own on a free port of 127.0.0.1. It and its data are gone when this script ends.
 *
 * @param {PostgresOptions} options
 * @returns {Promise<PostgresServer>}
 */
export async function startPostgres({ log, settings = {}, initdbArgs = [], hba, messages }) {
  const { root, bin } = await preparePostgres({ log });
  const folder = await makeTempFolder('pgbg-', await reachableTempRoot());
  const dataDir = path.join(folder, 'data');
  const socketDir = path.join(folder, 'socket');
  const logFile = path.join(dataDir, 'server.log');
  const locale = messages === undefined ? undefined : await makeLocale(folder, messages);
  const at = { bin, dataDir, socketDir, folder, logFile, env: { ...serverEnv(), ...(locale && { LOCPATH: locale }) } };
  await giveToServer(folder);
  await mkdir(socketDir);
  await giveToServer(socketDir);
  /** @type {Record<string, string>} */
  const language = messages === undefined ? {} : { lc_messages: messages };
  await initialize(at, { ...DEFAULT_SETTINGS, ...language, ...settings }, initdbArgs, hba);

  let { process: server, port } = await launchOnFreePort(at);
  const stop = (/** @type {StopMode} */ mode = 'fast') => stopServer(at, server, mode);
  const start = async () => {
    server = await launch(at, port);
  };
  log(`PostgreSQL runs on port ${port}.`);
  return {
    url: `postgres://postgres@${HOST}:${port}/postgres`,
    host: HOST,
    port,
    socketDir,
    user: 'postgres',
    dataDir,
    bin,
    root,
    psql: (sql, { database = 'postgres' } = {}) => psql(at, port, sql, database),
    stop,
    start,
    restart: async (mode) => {
      await stop(mode);
      await start();
    },
    serverLog: () => readFile(logFile, 'utf8'),
    crashes: async () => (await readFile(logFile, 'utf8')).split('all server processes terminated; reinit').length - 1,
    addFile: async (name, content, mode = 0o600) => {
      const file = path.join(dataDir, name);
      await writeFile(file, content, { mode });
      await giveToServer(file);
      return file;
    },
  };
}

/**
 * @typedef {{ bin: string, dataDir: string, socketDir: string, folder: string, logFile: string, env: NodeJS.ProcessEnv }} Cluster
 */

/**
 * A locale for the server's messages: the packages bring the translations, but no locale.
 *
 * @param {string} folder
 * @param {string} name such as `de_DE.UTF-8`
 * @returns {Promise<string>} the folder for LOCPATH
 */
async function makeLocale(folder, name) {
  const locales = path.join(folder, 'locales');
  await mkdir(locales);
  const [language = '', charset = ''] = name.split('.');
  await run('localedef', ['-i', language, '-f', charset, path.join(locales, name)]);
  return locales;
}

/**
 * @param {Cluster} at
 * @param {Record<string, string | number>} settings
 * @param {string[]} initdbArgs
 * @param {string | undefined} hba
 */
async function initialize(at, settings, initdbArgs, hba) {
  const locale = ['--encoding=UTF8', '--locale=C.UTF-8'];
  const args = ['-D', at.dataDir, '-A', 'trust', '-U', 'postgres', '--no-sync', ...locale, ...initdbArgs];
  await run(...asOrdinaryUser(path.join(at.bin, 'initdb'), args), { cwd: at.folder, env: serverEnv() });
  const all = { listen_addresses: HOST, unix_socket_directories: at.socketDir, ...settings };
  const lines = Object.entries(all).map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'`);
  await writeFile(path.join(at.dataDir, 'postgresql.conf'), `\n${lines.join('\n')}\n`, { flag: 'a' });
  const trusted = 'local all postgres trust\n';
  if (hba !== undefined) await writeFile(path.join(at.dataDir, 'pg_hba.conf'), `${trusted}${hba}\n`);
  await writeFile(at.logFile, '');
  await giveToServer(at.logFile);
}

/**
 * @param {Cluster} at
 * @returns {Promise<{ process: ManagedProcess, port: number }>}
 */
async function launchOnFreePort(at) {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return { process: await launch(at, port), port };
    } catch (error) {
      const taken = error instanceof Error && error.message.includes('Address already in use');
      if (!taken || attempt === 3) throw error;
    }
  }
}

/**
 * @param {Cluster} at
 * @param {number} port
 * @returns {Promise<ManagedProcess>} once the server accepts connections
 */
async function launch(at, port) {
  const file = await open(at.logFile, 'a');
  /** @type {ManagedProcess} */
  let server;
  try {
    server = await startProcess(path.join(at.bin, 'postgres'), ['-D', at.dataDir, '-p', String(port)], {
      name: 'PostgreSQL',
      cwd: at.folder,
      env: at.env,
      outputFile: file.fd,
      setpriv: AS_NOBODY,
      parentDeathSignal: 'SIGQUIT',
      stop: () => stopServer(at, server, 'fast'),
      stopNow: () => {
        spawnSync(...pgCtlStop(at, 'immediate'), { cwd: at.folder, stdio: 'ignore' });
      },
    });
  } finally {
    await file.close();
  }
  server.letGo();
  try {
    await waitUntil(() => isReady(at), { what: 'PostgreSQL to be ready', timeoutMs: START_MS, exited: server.exited });
  } catch (error) {
    await server.stop();
    const tail = (await readFile(at.logFile, 'utf8')).slice(-4_000);
    throw new Error(`PostgreSQL did not start. Its log ends with:\n${tail}`, { cause: error });
  }
  return server;
}

/**
 * The postmaster writes its state into the last line of its pid file.
 *
 * @param {Cluster} at
 * @returns {Promise<boolean>}
 */
async function isReady(at) {
  const text = await readFile(path.join(at.dataDir, 'postmaster.pid'), 'utf8').catch(() => '');
  return text.trimEnd().split('\n')[7]?.trim() === 'ready';
}

/**
 * @param {Cluster} at
 * @param {ManagedProcess} server
 * @param {StopMode} mode
 */
async function stopServer(at, server, mode) {
  const [command, args] = pgCtlStop(at, mode);
  try {
    await run(command, args, { cwd: at.folder });
  } catch (error) {
    const running = await readFile(path.join(at.dataDir, 'postmaster.pid')).then(
      () => true,
      () => false,
    );
    if (!running) return;
    if (mode === 'immediate') throw error;
    // A worker that never checks for interrupts keeps a polite stop waiting for ever.
    await run(...pgCtlStop(at, 'immediate'), { cwd: at.folder });
  }
  await server.exited;
}

/**
 * @param {Cluster} at
 * @param {StopMode} mode
 * @returns {[string, string[]]}
 */
function pgCtlStop(at, mode) {
  const args = ['stop', '-D', at.dataDir, '-m', mode, '-w', '-t', String(STOP_SECONDS[mode])];
  return asOrdinaryUser(path.join(at.bin, 'pg_ctl'), args);
}

/**
 * @param {Cluster} at
 * @param {number} port
 * @param {string} sql
 * @param {string} database
 * @returns {Promise<string>}
 */
async function psql(at, port, sql, database) {
  const to = ['-h', at.socketDir, '-p', String(port), '-U', 'postgres', '-d', database];
  const how = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1'];
  const { stdout } = await run(path.join(at.bin, 'psql'), [...how, ...to], { env: serverEnv(), input: sql });
  return stdout.trimEnd();
}

/**
 * @returns {NodeJS.ProcessEnv} this environment without what would change what PostgreSQL's programs do
 */
function serverEnv() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PG[A-Z]|LC_|LANG)/.test(name)));
}

/**
 * Makes a database with pg_background in it.
 *
 * @param {{ psql: (sql: string, options?: { database?: string }) => Promise<unknown> }} server
 * @param {string} name
 * @param {object} [options]
 * @param {boolean} [options.extension] whether with pg_background; by default yes
 * @param {string} [options.schema] where pg_background goes, made where it is missing; by default public
 * @param {import('./oldPgBackground.mjs').OldVersion} [options.version] with the names, arguments and columns of a 1.x
 */
export async function createDatabase(server, name, { extension = true, schema = 'public', version } = {}) {
  await server.psql(`CREATE DATABASE ${quoteIdentifier(name)}`);
  if (!extension) return;
  const quoted = quoteIdentifier(schema);
  const create = `CREATE SCHEMA IF NOT EXISTS ${quoted}; CREATE EXTENSION pg_background SCHEMA ${quoted};`;
  const become = version === undefined ? '' : sqlToBecome(version, quoted);
  await server.psql(`SET client_min_messages = warning; ${create} ${become}`, { database: name });
}

/**
 * @param {string} name
 * @returns {string}
 */
function quoteIdentifier(name) {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Starts a PgBouncer in front of a server, with every database of it.
 *
 * @param {object} options
 * @param {PostgresServer} options.server
 * @param {Log} options.log
 * @param {'session' | 'transaction' | 'statement'} [options.poolMode]
 * @returns {Promise<{ url: string, host: string, port: number, stop: () => Promise<void> }>}
 */
export async function startPgbouncer({ server, log, poolMode = 'transaction' }) {
  const folder = await makeTempFolder('pgbg-bouncer-', await reachableTempRoot());
  const port = await freePort();
  const users = path.join(folder, 'users.txt');
  const config = path.join(folder, 'pgbouncer.ini');
  await writeFile(users, `"${server.user}" ""\n`);
  const lines = [
    '[databases]',
    `* = host=${server.host} port=${server.port}`,
    '[pgbouncer]',
    `listen_addr = ${HOST}`,
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = trust',
    `auth_file = ${users}`,
    `pool_mode = ${poolMode}`,
    'ignore_startup_parameters = extra_float_digits,options',
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  for (const file of [folder, users, config]) await giveToServer(file);
  const process = await startProcess(path.join(server.root, 'usr/sbin/pgbouncer'), [config], {
    name: 'PgBouncer',
    cwd: folder,
    setpriv: AS_NOBODY,
  });
  process.letGo();
  await waitForPort(port, { timeoutMs: START_MS, exited: process.exited }).catch(async (error) => {
    await process.stop();
    throw new Error(`PgBouncer did not start (${describeEnd(await process.exited)}):\n${process.tail()}`, {
      cause: error,
    });
  });
  log(`PgBouncer runs on port ${port}, pooling by ${poolMode}.`);
  return { url: `postgres://${server.user}@${HOST}:${port}/postgres`, host: HOST, port, stop: process.stop };
}

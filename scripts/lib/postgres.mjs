// A real PostgreSQL with pg_background for tests and the demo, from Debian's packages: a new cluster per start, nothing installed.
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
/** Debian releases with these packages, the more stable one first. */
const SUITES = ['forky', 'sid'];
const BIN = `usr/lib/postgresql/${MAJOR}/bin`;
const PROGRAMS = ['postgres', 'initdb', 'pg_ctl', 'psql', 'pgbench', 'pg_dump'].map((name) => `${BIN}/${name}`);
const RECIPE = '1';
const INSTEAD =
  'start a server with pg_background, for example with compose.yaml, and set PGBG_SERVER_URL to its address';

const START_MS = 30_000;
const STOP_SECONDS = { smart: 10, fast: 5, immediate: 10 };
const HOST = '127.0.0.1';

/** @type {Readonly<Record<string, string | number>>} */
const DEFAULT_SETTINGS = {
  max_worker_processes: 32,
  // The cluster is temporary, so protection from a power failure would only cost time. Commits must survive an immediate stop, so
  // synchronous_commit stays on.
  fsync: 'off',
  full_page_writes: 'off',
};

/**
 * Prepares PostgreSQL's programs to run from a folder. They may need a newer libc than the system has, so each is replaced by a wrapper
 * that starts it with the loader and libraries of its packages.
 *
 * @param {{ log: Log }} options
 * @returns {Promise<{ root: string, bin: string }>} the root of the unpacked packages, and the folder of programs
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
 * Replaces a program by a wrapper. The wrapper derives the root from its path, so the root can be moved, and passes that path as
 * argv[0], from which PostgreSQL derives the paths of its files.
 *
 * @param {string} root
 * @param {string} program path below the root
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
    // Where PL/Python finds its standard library. The caller's PYTHONPATH is for another Python.
    ...(program.endsWith('/postgres') ? ['export PYTHONHOME="$root/usr"', 'unset PYTHONPATH'] : []),
    `exec "$root/${loader}" --library-path "$lib:$lib/systemd" --argv0 "$0" "$0.bin" "$@"`,
  ];
  await writeFile(file, `${script.join('\n')}\n`, { mode: 0o755 });
  await chmod(file, 0o755);
}

/**
 * @typedef {object} PostgresOptions
 * @property {Log} log
 * @property {number} [port] by default a free one
 * @property {Record<string, string | number>} [settings] for postgresql.conf, over the defaults
 * @property {string[]} [initdbArgs] more arguments for initdb, after the defaults
 * @property {string} [hba] pg_hba.conf, instead of trust for all users; the superuser on the socket is always trusted, for psql()
 * @property {string} [messages] locale of the server's messages, for example `de_DE.UTF-8`; created with localedef (Debian package: locales)
 */

/**
 * @typedef {object} PostgresServer
 * @property {string} url of the database "postgres", as the superuser
 * @property {string} host
 * @property {number} port stays the same after a restart
 * @property {string} socketDir
 * @property {string} user
 * @property {string} dataDir
 * @property {string} bin the folder of psql, pgbench, pg_dump …
 * @property {string} root the root of the unpacked packages
 * @property {(sql: string, options?: { database?: string }) => Promise<string>} psql returns the rows, unaligned, with "|" between fields
 * @property {(mode?: StopMode) => Promise<void>} stop by default fast; immediate if that takes too long
 * @property {() => Promise<void>} start after a stop
 * @property {(mode?: StopMode) => Promise<void>} restart
 * @property {() => Promise<string>} serverLog the server's whole log
 * @property {() => Promise<number>} crashes how many times the server restarted because one of its processes crashed
 * @property {(name: string, content: string, mode?: number) => Promise<string>} addFile writes a file (a
 *   certificate, a key) into the data folder, owned by the server's user, and returns its path
 */

/**
 * Starts a new server on a free port of 127.0.0.1. The server and its data are removed when this script ends.
 *
 * @param {PostgresOptions} options
 * @returns {Promise<PostgresServer>}
 */
export async function startPostgres({ log, port: wantedPort, settings = {}, initdbArgs = [], hba, messages }) {
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

  let { process: server, port } =
    wantedPort === undefined ? await launchOnFreePort(at) : { process: await launch(at, wantedPort), port: wantedPort };
  const stop = (/** @type {StopMode} */ mode = 'fast') => stopServer(at, server, mode);
  const start = async () => {
    server = await launch(at, port);
  };
  log(`PostgreSQL is running on port ${port}.`);
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
 * Creates a locale for the server's messages. The packages have the translations, but no locales.
 *
 * @param {string} folder
 * @param {string} name for example `de_DE.UTF-8`
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
 * @returns {Promise<ManagedProcess>} when the server accepts connections
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
  server.unref();
  try {
    await waitUntil(() => isReady(at), { what: 'PostgreSQL to be ready', timeoutMs: START_MS, exited: server.exited });
  } catch (error) {
    await server.stop();
    const tail = (await readFile(at.logFile, 'utf8')).slice(-4_000);
    throw new Error(`PostgreSQL did not start. The end of its log:\n${tail}`, { cause: error });
  }
  return server;
}

/**
 * Reads the server's state, which the postmaster writes into the last line of its pid file.
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
    // A worker that never checks for interrupts delays a smart or fast stop forever.
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
 * @returns {NodeJS.ProcessEnv} the environment without variables that affect PostgreSQL's programs
 */
function serverEnv() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PG[A-Z]|LC_|LANG)/.test(name)));
}

/**
 * Creates a database with pg_background.
 *
 * @param {{ psql: (sql: string, options?: { database?: string }) => Promise<unknown> }} server
 * @param {string} name
 * @param {object} [options]
 * @param {boolean} [options.extension] whether to create the extension; by default true
 * @param {string} [options.schema] schema of pg_background, created if it is missing; by default public
 * @param {import('./oldPgBackground.mjs').OldVersion} [options.version] with the names, arguments, and columns of this 1.x version
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
 * Starts a PgBouncer in front of a server, for all its databases.
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
  process.unref();
  await waitForPort(port, { timeoutMs: START_MS, exited: process.exited }).catch(async (error) => {
    await process.stop();
    throw new Error(`PgBouncer did not start (${describeEnd(await process.exited)}):\n${process.tail()}`, {
      cause: error,
    });
  });
  log(`PgBouncer is running on port ${port} (pool mode ${poolMode}).`);
  return { url: `postgres://${server.user}@${HOST}:${port}/postgres`, host: HOST, port, stop: process.stop };
}

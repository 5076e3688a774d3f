// Child processes that never outlive this one, and waiting for what they do: a line, a port, an answer.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { exitAfterCleanUp, isLeaving, onExit } from './cleanup.mjs';

/** How much of a process's last output is kept to explain a failure. */
const TAIL_CHARACTERS = 8_000;
const POLL_MS = 25;
const STOP_MS = 5_000;
/** Windows has no process groups; there a detached process would open a console window. */
const OWN_GROUP = process.platform !== 'win32';

const startedAt = Date.now();

/**
 * One line of progress with the seconds since the script began, on standard error: standard output belongs to results.
 *
 * @param {string} message
 */
export function log(message) {
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1).padStart(5);
  process.stderr.write(`[${seconds} s] ${message}\n`);
}

/**
 * @param {unknown} error
 * @returns {string} its message, and those of what caused it
 */
export function describeError(error) {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n${describeError(error.cause)}`;
}

/**
 * Runs a script's main function to its end and ends the process, whatever is still running or open.
 *
 * @param {() => Promise<number | void>} main gives the exit code, by default 0; what it throws is told in words, and gives 1
 */
export function runScript(main) {
  main().then(
    (code) => exitAfterCleanUp(code ?? 0),
    (error) => {
      // What was stopped because of a Ctrl+C did not fail.
      if (!isLeaving()) log(describeError(error));
      return exitAfterCleanUp(1);
    },
  );
}

/**
 * @typedef {object} ManagedProcess
 * @property {number} pid
 * @property {Promise<ProcessEnd>} exited settles when the process has ended, and never rejects
 * @property {() => string} tail the last output, for error messages
 * @property {(pattern: RegExp, timeoutMs: number) => Promise<RegExpExecArray>} waitForLine a line of output that matches,
 *   said already or to come
 * @property {() => Promise<void>} stop SIGTERM to the process and its children, SIGKILL to what is left after a while
 * @property {() => void} letGo stops holding this script's event loop open for the process
 */

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null }} ProcessEnd */

/**
 * @typedef {object} ProcessOptions
 * @property {string} [name] what messages call it
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [outputFile] an open file that takes the output, instead of a pipe: it never makes the process wait for
 *   this one to read
 * @property {string[]} [setpriv] further options for setpriv, to run as somebody else
 * @property {NodeJS.Signals} [parentDeathSignal] what the process gets when this one is killed without a chance to clean up
 * @property {(line: string) => void} [onLine] called with every line of output
 * @property {() => Promise<void>} [stop] another orderly way to stop it
 * @property {() => void} [stopNow] another synchronous way to stop it
 */

/**
 * Starts a process in a group of its own (so that a Ctrl+C in the terminal reaches only this script, which then stops its
 * children in order) and has it stopped, with its own children, when this script ends.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {ProcessOptions} [options]
 * @returns {Promise<ManagedProcess>} once it has been started; rejects where it cannot be
 */
export async function startProcess(command, args, options = {}) {
  const name = options.name ?? path.basename(command);
  const output = options.outputFile ?? 'pipe';
  const [program, programArgs] = throughSetpriv(command, args, options);
  const child = spawn(program, programArgs, {
    cwd: options.cwd,
    env: options.env,
    detached: OWN_GROUP,
    stdio: ['ignore', output, output],
  });
  /** @type {Promise<ProcessEnd>} */
  const exited = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
  await new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(undefined));
    child.once('error', (error) => reject(new Error(`${name} could not be started: ${error.message}`)));
  });
  const lines = new OutputLines(child, options.onLine);
  const pid = /** @type {number} */ (child.pid);
  const stop = async () => {
    child.ref();
    await (options.stop ?? (() => stopGroup(pid, exited)))();
    await exited;
  };
  const forget = onExit({ stop, stopNow: options.stopNow ?? (() => killGroup(pid, 'SIGKILL')) });
  void exited.then(() => {
    if (OWN_GROUP) killGroup(pid, 'SIGKILL');
    forget();
  });
  return {
    pid,
    exited,
    tail: () => lines.tail,
    waitForLine: (pattern, timeoutMs) => lines.waitFor(pattern, timeoutMs, name, exited),
    stop,
    letGo: () => {
      child.unref();
      for (const stream of [child.stdout, child.stderr]) /** @type {net.Socket | null} */ (stream)?.unref();
    },
  };
}

/**
 * Runs a command to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {string} [options.input] given on standard input
 * @param {number} [options.timeoutMs] after which it is killed; by default ten minutes
 * @returns {Promise<{ stdout: string, stderr: string }>} rejects, with the end of its output, where it fails
 */
export async function run(command, args, { cwd, env, input, timeoutMs = 600_000 } = {}) {
  const cleansUp = isLeaving();
  const child = spawn(command, args, { cwd, env, detached: OWN_GROUP, stdio: 'pipe' });
  const forget = onExit({
    stop: async () => killGroup(child.pid, 'SIGKILL'),
    stopNow: () => killGroup(child.pid, 'SIGKILL'),
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid, 'SIGKILL');
  }, timeoutMs);
  try {
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => (stderr += text));
    // A command may end before it has read its input; its exit status says what matters.
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    /** @type {ProcessEnd} */
    const end = await new Promise((resolve, reject) => {
      child.once('error', (error) => reject(new Error(`${command} could not be started: ${error.message}`)));
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    if (end.code === 0) return { stdout, stderr };
    // Nobody is to try another way, or to report a failure, because of a Ctrl+C: this script ends in a moment. (What is run to clean
    // up is another matter: there a failure is what the next attempt waits for.)
    if (isLeaving() && !cleansUp) await new Promise(() => {});
    const how = timedOut ? `took longer than ${timeoutMs / 1000} s` : `failed (${describeEnd(end)})`;
    throw new Error(`${path.basename(command)} ${how}:\n${`${stdout}\n${stderr}`.trim().slice(-TAIL_CHARACTERS)}`);
  } finally {
    clearTimeout(timer);
    forget();
  }
}

/**
 * Runs npm. On Windows `npm` is a script, which Node starts only through a shell, so npm's own program is used if it is found.
 *
 * @param {string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 */
export async function runNpm(args, options) {
  const candidates = [
    process.env['npm_execpath'] ?? '',
    path.join(path.dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ];
  const cli = candidates.find((file) => path.basename(file) === 'npm-cli.js' && existsSync(file));
  await (cli === undefined ? run('npm', args, options) : run(process.execPath, [cli, ...args], options));
}

/**
 * @param {ProcessEnd} end
 * @returns {string} "exit code 1" or "signal SIGKILL"
 */
export function describeEnd({ code, signal }) {
  return signal ? `signal ${signal}` : `exit code ${code ?? 'unknown'}`;
}

/**
 * A port on 127.0.0.1 that nobody listens on. Somebody may take it before the caller does: starts that fail for that reason
 * are to be tried again with another.
 *
 * @returns {Promise<number>}
 */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/**
 * Asks again until the answer is true; gives up when time is over or the process that should bring it about has ended.
 *
 * @param {() => Promise<boolean>} isTrue
 * @param {object} options
 * @param {string} options.what what is waited for, in words
 * @param {number} options.timeoutMs
 * @param {Promise<ProcessEnd>} [options.exited]
 */
export async function waitUntil(isTrue, { what, timeoutMs, exited }) {
  /** @type {ProcessEnd | undefined} */
  let end;
  void exited?.then((value) => (end = value));
  const deadline = Date.now() + timeoutMs;
  while (!(await isTrue())) {
    if (end) throw new Error(`Ended (${describeEnd(end)}) while waiting for ${what}.`);
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s in vain for ${what}.`);
    await delay(POLL_MS);
  }
}

/**
 * @param {number} port on 127.0.0.1
 * @param {{ timeoutMs: number, exited?: Promise<ProcessEnd> }} options
 */
export async function waitForPort(port, options) {
  await waitUntil(() => accepts(port), { ...options, what: `port ${port} to answer` });
}

/**
 * @param {string} url
 * @param {{ timeoutMs: number, exited?: Promise<ProcessEnd> }} options
 */
export async function waitForHttp(url, options) {
  const answers = () =>
    fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
      async (response) => {
        await response.body?.cancel();
        return response.ok;
      },
      () => false,
    );
  await waitUntil(answers, { ...options, what: `${url} to answer` });
}

/**
 * @param {string} name
 * @returns {string | undefined} the program's path, where there is one of that name in PATH
 */
export function findInPath(name) {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (folder) return file;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/**
 * The kernel can signal a child when its parent is killed: the only way to leave nothing behind after a SIGKILL of this
 * process. Elsewhere than on Linux the command is started as it is.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {ProcessOptions} options
 * @returns {[string, string[]]}
 */
function throughSetpriv(command, args, { parentDeathSignal = 'SIGKILL', setpriv = [] }) {
  const program = process.platform === 'linux' ? findInPath('setpriv') : undefined;
  if (!program) return [command, args];
  return [program, [...setpriv, '--pdeathsig', parentDeathSignal.slice(3), '--', command, ...args]];
}

/**
 * @param {number} pid the leader of the group
 * @param {Promise<ProcessEnd>} exited
 */
async function stopGroup(pid, exited) {
  killGroup(pid, 'SIGTERM');
  const timeout = new AbortController();
  await Promise.race([exited, delay(STOP_MS, undefined, { signal: timeout.signal }).catch(() => {})]);
  timeout.abort();
  killGroup(pid, 'SIGKILL');
}

/**
 * @param {number | undefined} pid
 * @param {NodeJS.Signals} signal
 */
function killGroup(pid, signal) {
  if (pid === undefined) return;
  if (!OWN_GROUP) {
    // Windows has no SIGTERM either: this ends the process and its children at once.
    spawnSync('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore' });
    return;
  }
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}

/** The lines a process writes: handed on, waited for, and the last of them kept. */
class OutputLines {
  tail = '';
  /** @type {Set<(line: string) => void>} */
  #listeners = new Set();

  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {((line: string) => void) | undefined} onLine
   */
  constructor(child, onLine) {
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        this.tail = (this.tail + text).slice(-TAIL_CHARACTERS);
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          onLine?.(line);
          for (const listener of this.#listeners) listener(line);
        }
      });
    }
  }

  /**
   * @param {RegExp} pattern
   * @param {number} timeoutMs
   * @param {string} name
   * @param {Promise<ProcessEnd>} exited
   * @returns {Promise<RegExpExecArray>}
   */
  async waitFor(pattern, timeoutMs, name, exited) {
    for (const line of this.tail.split('\n')) {
      const match = pattern.exec(line);
      if (match) return match;
    }
    /** @type {(line: string) => void} */
    let listener = () => {};
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    try {
      return await new Promise((resolve, reject) => {
        const fail = (/** @type {string} */ why) => reject(new Error(`${name} ${why}:\n${this.tail.trim()}`));
        listener = (line) => {
          const match = pattern.exec(line);
          if (match) resolve(match);
        };
        this.#listeners.add(listener);
        timer = setTimeout(() => fail(`did not say ${pattern} within ${timeoutMs / 1000} s`), timeoutMs);
        void exited.then((end) => fail(`ended (${describeEnd(end)}) before it said ${pattern}`));
      });
    } finally {
      clearTimeout(timer);
      this.#listeners.delete(listener);
    }
  }
}

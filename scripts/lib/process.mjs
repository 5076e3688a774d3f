// Child processes that never outlive this one, and waiting for their output, a port, or a response.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { exitAfterCleanUp, isLeaving, onExit } from './cleanup.mjs';

/** How much of a process's output is kept, from its end, to explain a failure. */
const TAIL_CHARACTERS = 8_000;
const POLL_MS = 25;
const STOP_MS = 5_000;
/** Windows has no process groups; there a detached process would open a console window. */
const OWN_GROUP = process.platform !== 'win32';

const startedAt = Date.now();

/**
 * Logs a line of progress with the seconds since the script started, to standard error. Standard output is for results.
 *
 * @param {string} message
 */
export function log(message) {
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1).padStart(5);
  process.stderr.write(`[${seconds} s] ${message}\n`);
}

/**
 * @param {unknown} error
 * @returns {string} its message and those of its causes
 */
export function describeError(error) {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n${describeError(error.cause)}`;
}

/**
 * Runs the main function of a script, then ends the process, whatever is still running or open.
 *
 * @param {() => Promise<number | void>} main returns the exit code, by default 0; an error is logged and exits with 1
 */
export function runScript(main) {
  main().then(
    (code) => exitAfterCleanUp(code ?? 0),
    (error) => {
      // A process that was stopped by Ctrl+C did not fail.
      if (!isLeaving()) log(describeError(error));
      return exitAfterCleanUp(1);
    },
  );
}

/**
 * @typedef {object} ManagedProcess
 * @property {number} pid
 * @property {Promise<ProcessEnd>} exited resolves when the process has ended; never rejects
 * @property {() => string} tail the end of the output, for error messages
 * @property {(pattern: RegExp, timeoutMs: number) => Promise<RegExpExecArray>} waitForLine finds a line of output that matches, past or
 *   future
 * @property {() => Promise<void>} stop SIGTERM to the process and its children, then SIGKILL to those left after 5 s
 * @property {() => void} unref lets this script's event loop end although the process is running
 */

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null }} ProcessEnd */

/**
 * @typedef {object} ProcessOptions
 * @property {string} [name] for messages
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [outputFile] an open file for the output, instead of a pipe, so that the process never waits for this one to
 *   read
 * @property {string[]} [setpriv] more options for setpriv, to run as another user
 * @property {NodeJS.Signals} [parentDeathSignal] sent to the process when this one is killed without a chance to clean up
 * @property {(line: string) => void} [onLine] called with every line of output
 * @property {() => Promise<void>} [stop] replaces the way to stop it gracefully
 * @property {() => void} [stopNow] replaces the synchronous way to stop it
 */

/**
 * Starts a process in a separate process group, so that Ctrl+C in the terminal reaches only this script, which then stops its children
 * in order. The process and its children are stopped when this script ends.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {ProcessOptions} [options]
 * @returns {Promise<ManagedProcess>} when it has started; rejects if it cannot be started
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
  const unregister = onExit({ stop, stopNow: options.stopNow ?? (() => killGroup(pid, 'SIGKILL')) });
  void exited.then(() => {
    if (OWN_GROUP) killGroup(pid, 'SIGKILL');
    unregister();
  });
  return {
    pid,
    exited,
    tail: () => lines.tail,
    waitForLine: (pattern, timeoutMs) => lines.waitFor(pattern, timeoutMs, name, exited),
    stop,
    unref: () => {
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
 * @param {string} [options.input] for standard input
 * @param {number} [options.timeoutMs] after which it is killed; by default ten minutes
 * @returns {Promise<{ stdout: string, stderr: string }>} rejects with the end of the output if the command fails
 */
export async function run(command, args, { cwd, env, input, timeoutMs = 600_000 } = {}) {
  const cleansUp = isLeaving();
  const child = spawn(command, args, { cwd, env, detached: OWN_GROUP, stdio: 'pipe' });
  const unregister = onExit({
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
    // A command may end before it has read its input. Only its exit code matters.
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    /** @type {ProcessEnd} */
    const end = await new Promise((resolve, reject) => {
      child.once('error', (error) => reject(new Error(`${command} could not be started: ${error.message}`)));
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    if (end.code === 0) return { stdout, stderr };
    // After Ctrl+C this script ends in a moment: callers must neither retry nor report a failure. (Commands of the cleanup itself do
    // report failures, because it has fallbacks.)
    if (isLeaving() && !cleansUp) await new Promise(() => {});
    const how = timedOut ? `took longer than ${timeoutMs / 1000} s` : `failed (${describeEnd(end)})`;
    throw new Error(`${path.basename(command)} ${how}:\n${`${stdout}\n${stderr}`.trim().slice(-TAIL_CHARACTERS)}`);
  } finally {
    clearTimeout(timer);
    unregister();
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
 * Finds a free port on 127.0.0.1. Another process may take it before the caller does, so retry with another port if that happens.
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
 * Polls until a condition is true. Rejects after the timeout, or when the process that should make it true has ended.
 *
 * @param {() => Promise<boolean>} isTrue
 * @param {object} options
 * @param {string} options.what the condition, for the error message
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
    if (Date.now() > deadline) throw new Error(`Timed out after ${timeoutMs / 1000} s while waiting for ${what}.`);
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
 * @returns {string | undefined} the path of the program of that name in PATH
 */
export function findInPath(name) {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (folder) return file;
    } catch {
      // Not in this folder.
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
 * Makes the kernel signal a child when its parent is killed, the only way to leave no process running after a SIGKILL of this one. On
 * systems other than Linux the command is not changed.
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
    // The group has no more processes.
  }
}

/** Lines of output of a process: passes them on, waits for them, keeps the last ones. */
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
        timer = setTimeout(() => fail(`did not print ${pattern} within ${timeoutMs / 1000} s`), timeoutMs);
        void exited.then((end) => fail(`ended (${describeEnd(end)}) before it printed ${pattern}`));
      });
    } finally {
      clearTimeout(timer);
      this.#listeners.delete(listener);
    }
  }
}

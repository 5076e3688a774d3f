/** Windows that share a store, each in a process that can be suspended and killed. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../src/core/base/clock';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { repository } from './support';

/** The engine's clock, except that it looks for closed windows more often. */
export const IMPATIENT: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  after: (ms, call) => systemClock.after(ms === 25_000 ? 100 : ms, call),
};

/** A window that seems to be on the given host, so that only its heartbeat shows whether it is alive. */
export function onHost(host: string) {
  return { identity: { pid: process.pid, host }, heartbeatMs: 150, staleMs: 500 };
}

/** The SQL of a job whose launches are counted. */
export function counted(key: string): string {
  return `INSERT INTO launches VALUES ('${key}')`;
}

/** What the parent sends to window.entry.ts. */
export interface Request {
  /** Runs counted SQL. */
  readonly run?: readonly string[];
  /** Runs any SQL. */
  readonly sql?: string;
  /** Runs statements as a batch, in order; it continues after failures. */
  readonly batch?: readonly string[];
  /** Launches a durable job. */
  readonly durable?: string;
  /** Resumes held jobs whenever there are some, as a hasty user would. */
  readonly resume?: boolean;
  /** Cancels one of the jobs that have not ended, also one of another window. The number chooses it. */
  readonly cancel?: number;
  /** Asks for the jobs. */
  readonly list?: boolean;
}

/** The jobs of a window: SQL, state, and whether another window drives it. */
export type Listed = readonly (readonly [string, string, boolean])[];

/** A process that runs window.entry.ts. */
export class WindowProcess {
  suspended = false;
  readonly #child: ChildProcess;
  #errors = '';

  constructor(child: ChildProcess) {
    this.#child = child;

    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
  }

  /** @param host a host name of its own, or undefined for this host */
  static async start(file: string, profile: ConnectionProfile, folder: string, host?: string): Promise<WindowProcess> {
    const child = fork(file, [JSON.stringify(profile), folder, host ?? ''], {
      cwd: repository,
      env: { ...process.env, NODE_PATH: join(repository, 'node_modules') },
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    const window = new WindowProcess(child);
    await Promise.race([once(child, 'message'), once(child, 'exit')]);
    window.#requireAlive();
    return window;
  }

  /** @throws if the process has ended by itself */
  send(request: Request): void {
    this.#requireAlive();
    this.#child.send(request);
  }

  async list(): Promise<Listed> {
    const answer = once(this.#child, 'message');
    this.send({ list: true });
    const [listed] = (await answer) as [Listed];
    return listed;
  }

  suspend(): void {
    this.suspended = true;
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.suspended = false;
    this.#child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  /** Says how the process ended, instead of that its channel is closed. */
  #requireAlive(): void {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return;
    throw new Error(`A window ended with ${exitCode ?? signalCode}: ${this.#errors}`);
  }
}

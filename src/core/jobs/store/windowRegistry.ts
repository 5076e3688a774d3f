import { mkdir, readdir, readFile, rm, rmdir, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { elapses, type Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { errorCode, PRIVATE } from '../../base/files';

/** How often a window refreshes the time of its file, and from which age its process id may belong to another process. Milliseconds. */
const HEARTBEAT_MS = 5000;
const STALE_MS = 20_000;
/** The lock is held for a moment only; an older one was left by a crash. Milliseconds. */
const LOCK_MS = 10_000;
const LOCK_RETRY_MS = 20;

/**
 * The windows that share one folder of jobs. Each has a file there with its process id, so that no window adopts the jobs of another that
 * is alive.
 */
export class WindowRegistry {
  #heartbeat: Disposable | undefined;

  readonly #folder: string;
  readonly #windowId: string;
  readonly #clock: Clock;

  /** @param windowId unique to this window and session */
  constructor(folder: string, windowId: string, clock: Clock) {
    this.#folder = folder;
    this.#windowId = windowId;
    this.#clock = clock;
  }

  /** Registers this window. Creates the folder and its missing parents, private to the user. */
  async enter(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#write();
    this.#beatLater();
  }

  async leave(): Promise<void> {
    this.#heartbeat?.dispose();
    await rm(this.#file(this.#windowId), { force: true });
  }

  /** The other windows that are alive, and those that died without leaving, whose files are removed. */
  async others(): Promise<{ readonly living: ReadonlySet<string>; readonly dead: ReadonlySet<string> }> {
    const names = (await readdir(this.#folder)).filter((name) => name !== this.#windowId);
    const first = await Promise.all(names.map((name) => this.#stateOf(name)));
    // After the machine has slept, every window is stale for a moment, so it gets the time for another heartbeat.
    if (first.includes('stale')) await elapses(this.#clock, HEARTBEAT_MS * 1.5, []);
    const living = new Set<string>();
    const dead = new Set<string>();
    for (const [index, name] of names.entries()) {
      const state = first[index] === 'stale' ? await this.#stateOf(name) : first[index];
      if (state === 'alive') {
        living.add(name);
      } else {
        dead.add(name);
        await unlink(this.#file(name)).catch(() => undefined);
      }
    }
    return { living, dead };
  }

  /** Runs the work while no other window runs work in the same folder. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const lock = `${this.#folder}.lock`;
    const started = this.#clock.monotonic();
    for (;;) {
      try {
        await mkdir(lock);
        break;
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error;
        const old = await stat(lock).then(
          ({ mtimeMs }) => this.#clock.now() - mtimeMs > LOCK_MS,
          () => false,
        );
        if (old || this.#clock.monotonic() - started > 2 * LOCK_MS) await rmdir(lock).catch(() => undefined);
        else await elapses(this.#clock, LOCK_RETRY_MS, []);
      }
    }
    try {
      return await work();
    } finally {
      await rmdir(lock).catch(() => undefined);
    }
  }

  #file(windowId: string): string {
    return join(this.#folder, windowId);
  }

  #write(): Promise<void> {
    return writeFile(this.#file(this.#windowId), JSON.stringify({ pid: process.pid }), { mode: PRIVATE });
  }

  #beatLater(): void {
    this.#heartbeat = this.#clock.after(HEARTBEAT_MS, () => {
      const seconds = this.#clock.now() / 1000;
      utimes(this.#file(this.#windowId), seconds, seconds).catch(() => this.#write().catch(() => undefined));
      this.#beatLater();
    });
  }

  /** `stale`: the process exists but its heartbeat is old, so the process may be another one with the same id. */
  async #stateOf(windowId: string): Promise<'alive' | 'stale' | 'dead'> {
    try {
      const file = this.#file(windowId);
      const { mtimeMs } = await stat(file);
      const { pid } = JSON.parse(await readFile(file, 'utf8')) as { pid: number };
      if (!isRunning(pid)) return 'dead';
      return this.#clock.now() - mtimeMs > STALE_MS ? 'stale' : 'alive';
    } catch {
      return 'dead';
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process exists but belongs to another user.
    return errorCode(error) === 'EPERM';
  }
}

import { mkdir, readdir, readFile, rm, rmdir, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** How often a window says that it is alive, and after how long without a word its process may be another's. Milliseconds. */
const HEARTBEAT_MS = 5000;
const SILENT_MS = 20_000;
/** Who takes up jobs holds a lock for a moment; an older one was left behind by a crash. Milliseconds. */
const LOCK_MS = 10_000;

/**
 * The windows that share one folder of jobs: each keeps a file there with its process id, so that none adopts the living jobs of
 * another.
 */
export class Windows {
  #heartbeat: NodeJS.Timeout | undefined;

  readonly #folder: string;
  readonly #windowId: string;

  /** @param windowId unique to this window's life */
  constructor(folder: string, windowId: string) {
    this.#folder = folder;
    this.#windowId = windowId;
  }

  /** Makes the folder, and those above it that are missing: private to the user. */
  async enter(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = join(this.#folder, this.#windowId);
    const write = (): Promise<void> => writeFile(file, JSON.stringify({ pid: process.pid }), { mode: 0o600 });
    await write();
    this.#heartbeat = setInterval(() => {
      const now = new Date();
      utimes(file, now, now).catch(() => write().catch(() => undefined));
    }, HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  async leave(): Promise<void> {
    clearInterval(this.#heartbeat);
    await rm(join(this.#folder, this.#windowId), { force: true });
  }

  /** The other windows that are alive, and those that died without leaving, whose files are removed. */
  async others(): Promise<{ readonly living: ReadonlySet<string>; readonly dead: ReadonlySet<string> }> {
    const names = (await readdir(this.#folder)).filter((name) => name !== this.#windowId);
    const first = await Promise.all(names.map((name) => lookAt(join(this.#folder, name))));
    // After a sleep of the machine every window is silent for a moment, so a silent one gets the time for one more word.
    if (first.includes('silent')) await pause(HEARTBEAT_MS * 1.5);
    const living = new Set<string>();
    const dead = new Set<string>();
    for (const [index, name] of names.entries()) {
      const file = join(this.#folder, name);
      const state = first[index] === 'silent' ? await lookAt(file) : first[index];
      if (state === 'alive') {
        living.add(name);
      } else {
        dead.add(name);
        await unlink(file).catch(() => undefined);
      }
    }
    return { living, dead };
  }

  /** Runs the work while no other window does the same. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const lock = `${this.#folder}.lock`;
    const started = Date.now();
    for (;;) {
      try {
        await mkdir(lock);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        const old = await stat(lock).then(
          ({ mtimeMs }) => Date.now() - mtimeMs > LOCK_MS,
          () => false,
        );
        if (old || Date.now() - started > 2 * LOCK_MS) await rmdir(lock).catch(() => undefined);
        else await pause(20);
      }
    }
    try {
      return await work();
    } finally {
      await rmdir(lock).catch(() => undefined);
    }
  }
}

/** `silent`: its process is there but has not said a word for long: it may be another's that got the same id. */
async function lookAt(file: string): Promise<'alive' | 'silent' | 'dead'> {
  try {
    const { mtimeMs } = await stat(file);
    const { pid } = JSON.parse(await readFile(file, 'utf8')) as { pid: number };
    if (!isRunning(pid)) return 'dead';
    return Date.now() - mtimeMs > SILENT_MS ? 'silent' : 'alive';
  } catch {
    return 'dead';
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: a process of somebody else, so it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobNotice } from '../../api';
import type { JobRecord } from './job';
import type { Logger } from './ports';

/** How often a window says that it is alive, and after how long without a word it counts as dead. Milliseconds. */
const HEARTBEAT_MS = 5000;
const DEAD_AFTER_MS = 20_000;

export interface LoadedJob {
  readonly record: JobRecord;
  readonly notices: readonly JobNotice[];
}

/**
 * Jobs on disk: `<id>.json` for the record, `<id>.notices.json` for its messages, both private to the user and replaced
 * whole, so that a crash leaves the old or the new one. A file that cannot be read is set aside as `.corrupt`, and said.
 *
 * Windows share the folder: each keeps a file in `windows/`, so that none adopts the living jobs of another.
 */
export class JobHistory {
  readonly #queues = new Map<string, Promise<void>>();
  #heartbeat: NodeJS.Timeout | undefined;

  /**
   * @param folder a folder of our own; made when missing
   * @param windowId unique to this window's life
   */
  constructor(
    readonly folder: string,
    readonly windowId: string,
    private readonly log: Logger,
  ) {}

  /** Takes the folder into use. Rejects where it cannot be written. */
  async open(): Promise<void> {
    await mkdir(join(this.folder, 'windows'), { recursive: true, mode: 0o700 });
    const file = this.#windowFile(this.windowId);
    await writeFile(file, JSON.stringify({ pid: process.pid }), { mode: 0o600 });
    this.#heartbeat = setInterval(() => {
      const now = new Date();
      utimes(file, now, now).catch(() => writeFile(file, JSON.stringify({ pid: process.pid })).catch(() => undefined));
    }, HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /** Writes a record; writes of one job follow each other, and only the newest of those that wait is written. */
  save(record: JobRecord, notices: readonly JobNotice[]): Promise<void> {
    const json = JSON.stringify(record);
    const messages = notices.length === 0 ? undefined : JSON.stringify(notices);
    return this.#inTurn(record.id, async () => {
      await this.#replace(`${record.id}.json`, json);
      if (messages !== undefined) await this.#replace(`${record.id}.notices.json`, messages);
    });
  }

  remove(id: string): Promise<void> {
    return this.#inTurn(id, async () => {
      await rm(join(this.folder, `${id}.json`), { force: true });
      await rm(join(this.folder, `${id}.notices.json`), { force: true });
    });
  }

  /** Every record that no other living window looks after, oldest first. */
  async load(): Promise<readonly LoadedJob[]> {
    const living = await this.#livingWindows();
    const jobs: LoadedJob[] = [];
    for (const name of await readdir(this.folder)) {
      if (!name.endsWith('.json') || name.endsWith('.notices.json')) continue;
      const id = name.slice(0, -'.json'.length);
      try {
        const record = checked(JSON.parse(await readFile(join(this.folder, name), 'utf8')), id);
        if (living.has(record.owner)) continue;
        jobs.push({ record, notices: await this.#notices(id) });
      } catch (error) {
        this.log.error(`The record ${name} cannot be read and was set aside: ${String(error)}`);
        await rename(join(this.folder, name), join(this.folder, `${name}.corrupt`)).catch(() => undefined);
      }
    }
    return jobs.sort((a, b) => a.record.queuedAt - b.record.queuedAt);
  }

  /** Ids of all records in the folder, other windows' too. */
  async ids(): Promise<ReadonlySet<string>> {
    const names = await readdir(this.folder);
    return new Set(names.filter((name) => /^[^.]+\.json$/.test(name)).map((name) => name.slice(0, -'.json'.length)));
  }

  /** Waits for what is being written, and leaves the window's place. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    await Promise.allSettled(this.#queues.values());
    await rm(this.#windowFile(this.windowId), { force: true });
  }

  async #notices(id: string): Promise<readonly JobNotice[]> {
    try {
      return JSON.parse(await readFile(join(this.folder, `${id}.notices.json`), 'utf8')) as JobNotice[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.log.error(`The messages of job ${id} cannot be read: ${String(error)}`);
      }
      return [];
    }
  }

  async #livingWindows(): Promise<ReadonlySet<string>> {
    const folder = join(this.folder, 'windows');
    const living = new Set<string>();
    for (const name of await readdir(folder)) {
      const file = join(folder, name);
      const alive = await isAlive(file);
      if (alive && name !== this.windowId) living.add(name);
      else if (!alive) await unlink(file).catch(() => undefined);
    }
    return living;
  }

  #windowFile(id: string): string {
    return join(this.folder, 'windows', id);
  }

  async #replace(name: string, text: string): Promise<void> {
    const temporary = join(this.folder, `${name}.${randomUUID()}.tmp`);
    try {
      await writeFile(temporary, text, { mode: 0o600 });
      await rename(temporary, join(this.folder, name));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  #inTurn(id: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#queues.get(id) ?? Promise.resolve()).catch(() => undefined).then(work);
    this.#queues.set(id, turn);
    const forget = (): void => {
      if (this.#queues.get(id) === turn) this.#queues.delete(id);
    };
    turn.then(forget, forget);
    return turn;
  }
}

/** A window is alive while its process is there and it said so lately: either alone can be wrong (a reused pid, a sleep). */
async function isAlive(file: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(file);
    const { pid } = JSON.parse(await readFile(file, 'utf8')) as { pid: number };
    if (Date.now() - mtimeMs > DEAD_AFTER_MS) return false;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: a process of somebody else, so it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function checked(value: unknown, id: string): JobRecord {
  if (typeof value !== 'object' || value === null) throw new Error('not an object');
  const record = value as Partial<JobRecord>;
  if (record.version !== 1) throw new Error(`version ${String(record.version)} is unknown`);
  if (record.id !== id) throw new Error('its id is not its name');
  if (typeof record.request?.sql !== 'string' || typeof record.label !== 'string' || typeof record.state !== 'string') {
    throw new Error('a field is missing');
  }
  return record as JobRecord;
}

/**
 * The limit of jobs that run at once, across all windows that share a folder.
 *
 * Each running job of a connection occupies one of its slots, a file `slots/<key>/<n>` that only one window can create. Slots of windows that
 * have died are freed by the others.
 */
import { createHash } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, PRIVATE, temporaryName } from '../../base/files';

/** A slot that a job occupies. */
export interface Slot {
  release(): Promise<void>;
}

interface Occupant {
  readonly owner: string;
  readonly jobId: string;
}

export class Slots {
  readonly #folder: string;
  readonly #owner: string;
  readonly #isDead: (owner: string) => Promise<boolean>;

  /**
   * @param folder created with the first slot
   * @param owner the id of this window
   * @param isDead whether a window has ended without releasing its slots
   */
  constructor(folder: string, owner: string, isDead: (owner: string) => Promise<boolean>) {
    this.#folder = folder;
    this.#owner = owner;
    this.#isDead = isDead;
  }

  /** The folder of a connection's slots: it changes whenever one is taken or released. */
  folderOf(connection: string): string {
    return join(this.#folder, createHash('sha256').update(connection).digest('hex').slice(0, 24));
  }

  /**
   * Takes a free slot of a connection.
   *
   * @param max the number of slots
   * @returns undefined if all are occupied
   */
  async take(connection: string, jobId: string, max: number): Promise<Slot | undefined> {
    const folder = this.folderOf(connection);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const occupant: Occupant = { owner: this.#owner, jobId };
    for (const freed of [false, true]) {
      // A limit that was lowered counts: slots beyond it are occupied until they are released.
      const occupied = new Set(await slotNames(folder));
      if (occupied.size < max) {
        for (let n = 0; n < max; n++) {
          const name = String(n);
          if (!occupied.has(name) && (await create(join(folder, name), JSON.stringify(occupant)))) {
            return { release: () => this.#release(join(folder, name), jobId) };
          }
        }
      }
      if (freed || !(await this.#freeDead(folder, occupied))) return undefined;
    }
    return undefined;
  }

  /** Removes the slot, unless it was taken from this window while it counted as dead. */
  async #release(file: string, jobId: string): Promise<void> {
    const occupant = await occupantOf(file);
    if (occupant?.owner === this.#owner && occupant.jobId === jobId) await rm(file, { force: true });
  }

  /** Removes slots whose windows have died. @returns whether any was removed */
  async #freeDead(folder: string, names: Iterable<string>): Promise<boolean> {
    let removed = false;
    for (const name of names) {
      const file = join(folder, name);
      const owner = (await occupantOf(file))?.owner;
      if (owner === undefined || owner === this.#owner || !(await this.#isDead(owner))) continue;
      // Another window may have freed and taken the slot meanwhile. Renaming it first makes sure what is removed.
      const aside = temporaryName(file);
      await rename(file, aside).catch(() => undefined);
      const moved = await occupantOf(aside);
      if (moved !== undefined && moved.owner !== owner) await link(aside, file).catch(() => undefined);
      else removed = true;
      await rm(aside, { force: true });
    }
    return removed;
  }
}

async function slotNames(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^\d+$/.test(name));
}

/** @returns false if the file exists */
async function create(file: string, content: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', PRIVATE);
    try {
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** @returns undefined if the slot is free, or is being written */
async function occupantOf(file: string): Promise<Occupant | undefined> {
  try {
    const { owner, jobId } = JSON.parse(await readFile(file, 'utf8')) as Partial<Occupant>;
    return typeof owner === 'string' && typeof jobId === 'string' ? { owner, jobId } : undefined;
  } catch {
    return undefined;
  }
}

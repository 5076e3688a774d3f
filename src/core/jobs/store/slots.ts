/**
 * The limit of jobs that run at once, across all windows that share a folder.
 *
 * Each running job of a connection occupies one of its slots, a file `<key>/<n>` that only one window can create. A slot that no running
 * job needs any more is freed by the window that wants one. A window that waits announces the job that waits longest in a file
 * `<key>/waiting-<window>`, so that other windows let older jobs go first.
 */
import { createHash } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, PRIVATE, temporaryName } from '../../base/files';

/** A slot that a job occupies. */
export interface Slot {
  release(): Promise<void>;
  /** Another window drives the job: its slot is freed when the job has ended. */
  leave(): void;
}

/** Why a job got no slot. */
export interface NoSlot {
  /** Slots that jobs of other windows occupy. */
  readonly elsewhere: number;
  /** A slot is free, but a job of another window has waited longer. */
  readonly yields: boolean;
}

/** The job that occupies a slot. */
export interface Occupant {
  /** The window that took the slot. */
  readonly owner: string;
  readonly jobId: string;
}

/** A job that wants a slot. */
export interface SlotRequest {
  readonly connection: string;
  readonly jobId: string;
  readonly queuedAt: number;
  /** The number of slots. */
  readonly max: number;
}

export interface SlotsOptions {
  /** Created with the first slot. */
  readonly folder: string;
  /** The id of this window. */
  readonly owner: string;
  /** Of these occupants of a connection's slots, those that need no slot any more. This window's current ones are not among them. */
  stale(occupants: readonly Occupant[]): Promise<ReadonlySet<Occupant>>;
  isAlive(owner: string): Promise<boolean>;
}

const WAITING = 'waiting-';
/** A slot without content is being written, or is left from a crash if it is older than this. Milliseconds. */
const BEING_WRITTEN_MS = 10_000;

export class Slots {
  readonly #options: SlotsOptions;
  /** The files of the slots that jobs of this window occupy. */
  readonly #held = new Set<string>();

  constructor(options: SlotsOptions) {
    this.#options = options;
  }

  /** The folder of a connection's slots: it changes whenever one is taken or released. Exists once {@link take} was called. */
  folderOf(connection: string): string {
    return join(this.#options.folder, createHash('sha256').update(connection).digest('hex').slice(0, 24));
  }

  /**
   * Takes a free slot of a connection.
   *
   * @param patient the job has let older ones go first for long enough
   * @throws if the folder cannot be read or written
   */
  async take(request: SlotRequest, patient = false): Promise<Slot | NoSlot> {
    const folder = this.folderOf(request.connection);
    let names = await namesIn(folder);
    for (const freed of [false, true]) {
      // A limit that was lowered counts: slots beyond it are occupied until they are released.
      const occupied = names.filter(isSlot);
      if (occupied.length < request.max) {
        if (!patient && (await this.#olderWaits(folder, names, request))) return this.#none(folder, occupied, true);
        const slot = await this.#create(folder, new Set(occupied), request);
        if (slot) return slot;
      }
      if (freed || !(await this.#freeStale(folder, occupied))) break;
      names = await namesIn(folder);
    }
    return this.#none(folder, (await namesIn(folder)).filter(isSlot), false);
  }

  /** Announces that a job of this window waits for a slot, and since when. */
  async announce(connection: string, queuedAt: number): Promise<void> {
    const file = join(this.folderOf(connection), WAITING + this.#options.owner);
    await writeFile(file, String(queuedAt), { mode: PRIVATE });
  }

  /** No job of this window waits for a slot any more. */
  async withdraw(connection: string): Promise<void> {
    await rm(join(this.folderOf(connection), WAITING + this.#options.owner), { force: true });
  }

  async #create(folder: string, occupied: ReadonlySet<string>, { jobId, max }: SlotRequest): Promise<Slot | undefined> {
    const content = JSON.stringify({ owner: this.#options.owner, jobId } satisfies Occupant);
    for (let n = 0; n < max; n++) {
      const file = join(folder, String(n));
      if (occupied.has(String(n)) || !(await create(file, content))) continue;
      this.#held.add(file);
      return { release: () => this.#release(file, jobId), leave: () => void this.#held.delete(file) };
    }
    return undefined;
  }

  async #none(folder: string, slots: readonly string[], yields: boolean): Promise<NoSlot> {
    const occupants = await Promise.all(slots.map((name) => occupantOf(join(folder, name))));
    return { elsewhere: occupants.filter((found) => found && found.owner !== this.#options.owner).length, yields };
  }

  /** Whether a living window announced a job that waits longer than this one. Removes announcements of dead windows. */
  async #olderWaits(folder: string, names: readonly string[], { queuedAt }: SlotRequest): Promise<boolean> {
    const { owner } = this.#options;
    for (const name of names) {
      const other = name.startsWith(WAITING) ? name.slice(WAITING.length) : owner;
      if (other === owner) continue;
      const since = Number(await readFile(join(folder, name), 'utf8').catch(() => NaN));
      if (!(since < queuedAt)) continue;
      if (await this.#options.isAlive(other)) return true;
      await rm(join(folder, name), { force: true });
    }
    return false;
  }

  /** Removes the slot, unless another window has taken it since. */
  async #release(file: string, jobId: string): Promise<void> {
    const occupant = await occupantOf(file);
    if (occupant?.owner === this.#options.owner && occupant.jobId === jobId) await removeSlot(file, occupant);
    this.#held.delete(file);
  }

  /** Removes the slots of jobs that need none any more. @returns whether any was removed */
  async #freeStale(folder: string, names: readonly string[]): Promise<boolean> {
    let removed = false;
    const occupants = new Map<Occupant, string>();
    for (const name of names) {
      const file = join(folder, name);
      const occupant = await occupantOf(file);
      if (!occupant && (await isLeftEmpty(file)) && (await removeSlot(file))) removed = true;
      const isOurs = occupant?.owner === this.#options.owner && this.#held.has(file);
      if (occupant && !isOurs) occupants.set(occupant, file);
    }
    if (occupants.size === 0) return removed;
    for (const occupant of await this.#options.stale([...occupants.keys()])) {
      const file = occupants.get(occupant);
      if (file !== undefined && (await removeSlot(file, occupant))) removed = true;
    }
    return removed;
  }
}

/**
 * Removes a slot if it still has this occupant, or none. Another window may have freed and taken it meanwhile.
 *
 * @throws if it cannot be removed, e.g. on a read-only disk: jobs that wait for it would wait forever
 */
async function removeSlot(file: string, occupant?: Occupant): Promise<boolean> {
  // Renaming it first makes sure what is removed.
  const aside = temporaryName(file);
  await rename(file, aside).catch((error: unknown) => {
    // Windows refuses it while another process reads the file.
    if (errorCode(error) !== 'ENOENT' && process.platform !== 'win32') throw error;
  });
  const moved = await occupantOf(aside);
  const isOther = moved !== undefined && (moved.owner !== occupant?.owner || moved.jobId !== occupant.jobId);
  if (isOther) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
  return !isOther;
}

async function isLeftEmpty(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > BEING_WRITTEN_MS;
}

function isSlot(name: string): boolean {
  return /^\d+$/.test(name);
}

/** The names of the files in a folder, which is created if it is missing. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return [];
  }
}

/** @returns false if the file exists */
async function create(file: string, content: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', PRIVATE);
    try {
      // Not synced: after a crash of the machine nothing runs.
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

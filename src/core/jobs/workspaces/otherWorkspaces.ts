import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TimeSlice } from '../../base/timeSlice';
import { isWorkerOf } from '../findWorker';
import type { JobRecord } from '../job';
import type { ActiveWorker } from '../ports';
import type { ServerIdentity } from '../serverIdentity';
import { isFinal } from '../states';
import { highestEpochs, recordFileName } from '../store/epochs';
import { parseRecord } from '../store/parseRecord';
import { workspacesIn, type Workspace } from './workspaceList';

/** While records are read, other work gets a turn after this time. Milliseconds. */
const SLICE_MS = 8;
/** Records that are read at once. */
const AT_ONCE = 16;

/** A job of another workspace. It can be read, and never changed. */
export interface OtherJob {
  readonly workspace: Workspace;
  readonly record: JobRecord;
}

/** A folder that changed more recently may change again without a new time. Milliseconds. */
const SETTLED_MS = 2000;

interface ReadRecord {
  readonly record: JobRecord;
  /** Changes whenever the file is replaced; missing if it may have changed while it was read. */
  readonly version?: string | undefined;
}

/** What was read of one workspace. */
interface ReadWorkspace {
  readonly workspace: Workspace;
  /** By the names of their files. */
  readonly records: ReadonlyMap<string, ReadRecord>;
  /** The time of the folder of jobs, which changes whenever a record is created, replaced, or removed; missing if it may change unnoticed. */
  readonly mtimeMs?: number | undefined;
}

/**
 * The jobs of the user's other workspaces, read from their folders. Reads only when asked to, writes nothing, and adopts nothing; a
 * workspace whose folder disappears has no jobs.
 */
export class OtherWorkspaces {
  /** By the keys of the workspaces. */
  #read: ReadonlyMap<string, ReadWorkspace> = new Map();
  #jobs: readonly OtherJob[] = [];
  #byId: ReadonlyMap<string, OtherJob> = new Map();
  #refreshing: Promise<void> | undefined;

  readonly #parent: string;
  readonly #ownKey: string;

  /** @param parent the folder of all workspaces */
  constructor(parent: string, ownKey: string) {
    this.#parent = parent;
    this.#ownKey = ownKey;
  }

  /** Every job that {@link refresh} found, the oldest first. The same array until something changes. */
  get jobs(): readonly OtherJob[] {
    return this.#jobs;
  }

  get(id: string): OtherJob | undefined {
    return this.#byId.get(id);
  }

  /** The job that a worker belongs to, if it is one of another workspace. */
  jobOf(worker: Pick<ActiveWorker, 'pid' | 'backendStart'>, server: ServerIdentity): OtherJob | undefined {
    return this.#jobs.find(({ record }) => {
      // Without its start and its server, a pid proves nothing.
      const known = record.backendStart !== undefined && (record.server ?? record.serverStart) !== undefined;
      return known && record.pid === worker.pid && isWorkerOf(record, worker, server);
    });
  }

  /** Reads what has changed. Concurrent callers share one reading. Never rejects. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const before = this.#read;
    const now = new Map<string, ReadWorkspace>();
    for (const workspace of await workspacesIn(this.#parent)) {
      const { key } = workspace;
      if (key !== this.#ownKey) now.set(key, await readWorkspace(workspace, before.get(key)));
    }
    this.#read = now;
    if (now.size === before.size && [...now].every(([key, read]) => isSame(read, before.get(key)))) return;
    this.#jobs = [...now.values()]
      .flatMap(({ workspace, records }) => [...records.values()].map(({ record }) => ({ workspace, record })))
      .sort((a, b) => a.record.queuedAt - b.record.queuedAt);
    this.#byId = new Map(this.#jobs.map((job) => [job.record.id, job]));
  }
}

/** Reads the records that may have changed. */
async function readWorkspace(workspace: Workspace, before?: ReadWorkspace): Promise<ReadWorkspace> {
  const jobs = join(workspace.folder, 'jobs');
  const now = Date.now();
  const mtimeMs = await stat(jobs).then(
    (found) => found.mtimeMs,
    () => undefined,
  );
  if (before?.workspace.folder === workspace.folder && mtimeMs !== undefined && mtimeMs === before.mtimeMs) {
    return { ...before, workspace };
  }
  const names = await readdir(jobs).catch(() => []);
  const records = new Map<string, ReadRecord>();
  const slice = new TimeSlice(SLICE_MS);
  const epochs = [...highestEpochs(names)];
  for (let at = 0; at < epochs.length; at += AT_ONCE) {
    if (slice.over) await slice.pause();
    await Promise.all(
      epochs.slice(at, at + AT_ONCE).map(async ([id, epoch]) => {
        const name = recordFileName(id, epoch);
        const known = before?.records.get(name);
        // A job that has ended never changes again.
        const found = known && isFinal(known.record.state) ? known : await read(join(jobs, name), id, known);
        if (found) records.set(name, found);
      }),
    );
  }
  return { workspace, records, ...(mtimeMs !== undefined && now - mtimeMs > SETTLED_MS && { mtimeMs }) };
}

/** @returns what is known if the record has not changed, or cannot be read */
async function read(file: string, id: string, known?: ReadRecord): Promise<ReadRecord | undefined> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    const version = `${mtimeMs}/${size}/${ino}`;
    if (version === known?.version) return known;
    return { record: parseRecord(JSON.parse(await readFile(file, 'utf8')), id), version };
  } catch {
    return known;
  }
}

/** Whether two readings of a workspace show the same. */
function isSame({ workspace, records }: ReadWorkspace, before?: ReadWorkspace): boolean {
  if (before?.workspace.name !== workspace.name || before.workspace.folder !== workspace.folder) return false;
  if (records === before.records) return true;
  return (
    records.size === before.records.size &&
    [...records].every(([name, { record }]) => before.records.get(name)?.record === record)
  );
}

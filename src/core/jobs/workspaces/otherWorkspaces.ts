import { readdir, readFile } from 'node:fs/promises';
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

/** The records of one workspace, by the names of their files. */
type Records = ReadonlyMap<string, JobRecord>;

/**
 * The jobs of the user's other workspaces, read from their folders. Reads only when asked to, writes nothing, and adopts nothing; a
 * workspace whose folder disappears has no jobs.
 */
export class OtherWorkspaces {
  #records: ReadonlyMap<Workspace, Records> = new Map();
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

  /** Every job that {@link refresh} found, the oldest first. */
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
    const before = new Map([...this.#records].map(([{ key }, records]) => [key, records]));
    const now = new Map<Workspace, Records>();
    for (const workspace of await workspacesIn(this.#parent)) {
      if (workspace.key === this.#ownKey) continue;
      now.set(workspace, await recordsOf(workspace, before.get(workspace.key)));
    }
    this.#records = now;
    this.#jobs = [...now]
      .flatMap(([workspace, records]) => [...records.values()].map((record) => ({ workspace, record })))
      .sort((a, b) => a.record.queuedAt - b.record.queuedAt);
    this.#byId = new Map(this.#jobs.map((job) => [job.record.id, job]));
  }
}

async function recordsOf({ folder }: Workspace, before: Records = new Map()): Promise<Records> {
  const jobs = join(folder, 'jobs');
  const names = await readdir(jobs).catch(() => []);
  const found = new Map<string, JobRecord>();
  const slice = new TimeSlice(SLICE_MS);
  const epochs = [...highestEpochs(names)];
  for (let at = 0; at < epochs.length; at += AT_ONCE) {
    if (slice.over) await slice.pause();
    await Promise.all(
      epochs.slice(at, at + AT_ONCE).map(async ([id, epoch]) => {
        const name = recordFileName(id, epoch);
        const known = before.get(name);
        // A job that has ended never changes again.
        const record = known && isFinal(known.state) ? known : ((await read(join(jobs, name), id)) ?? known);
        if (record) found.set(name, record);
      }),
    );
  }
  return found;
}

/** @returns undefined if the record was removed, or cannot be read */
async function read(file: string, id: string): Promise<JobRecord | undefined> {
  try {
    return parseRecord(JSON.parse(await readFile(file, 'utf8')), id);
  } catch {
    return undefined;
  }
}

import { join } from 'node:path';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { messageOf } from '../../base/errors';
import { isTemporary } from '../../base/files';
import type { Logger } from '../../base/logger';
import type { Job, JobRecord } from '../job';
import type { NoPlace, Place, Places } from '../scheduler/places';
import { isFinal } from '../states';
import { FolderWatch } from './folderWatch';
import { Slots, type Occupant } from './slots';

/** What is needed to know about the windows and the jobs in the folder. */
export interface SharedFolder {
  readonly folder: string;
  readonly windowId: string;
  /** Never rejects. */
  register(): Promise<void>;
  isAlive(windowId: string): Promise<boolean>;
  /** The newest records of these jobs on disk. */
  newestRecords(ids: readonly string[]): ReadonlyMap<string, JobRecord>;
}

export interface JobPlacesOptions {
  readonly history: SharedFolder;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The limit of jobs that run at once per connection, in all windows that share a folder of jobs.
 *
 * A job has a place from before its launch until it has ended, waits again, or is detached. A job that a closed window left running keeps
 * its place until its worker has ended or cannot be watched, because the connection leads to another server.
 */
export class JobPlaces implements Places {
  readonly #slots: Slots;
  readonly #options: JobPlacesOptions;
  /** Places cannot be taken, which was logged. */
  #failed = false;

  constructor(options: JobPlacesOptions) {
    this.#options = options;
    const { history } = options;
    this.#slots = new Slots({
      folder: join(history.folder, 'slots'),
      owner: history.windowId,
      stale: (occupants) => this.#stale(occupants),
      isAlive: (owner) => history.isAlive(owner),
    });
  }

  async take(job: Job, limit: number, patient: boolean): Promise<Place | NoPlace> {
    const { connection, queuedAt } = job.record;
    try {
      // Otherwise the others take this window for dead.
      await this.#options.history.register();
      const taken = await this.#slots.take({ connection, jobId: job.id, queuedAt, max: limit }, patient);
      this.#failed = false;
      if ('elsewhere' in taken) return taken;
      return { release: () => this.#try(() => taken.release()), leave: () => taken.leave() };
    } catch (error) {
      this.#report(error);
      return UNLIMITED;
    }
  }

  announce({ record }: Job): Promise<void> {
    return this.#try(() => this.#slots.announce(record.connection, record.queuedAt));
  }

  withdraw(connection: string): Promise<void> {
    return this.#try(() => this.#slots.withdraw(connection));
  }

  watch(connection: string, changed: () => void): Disposable {
    const { clock } = this.#options;
    const folder = this.#slots.folderOf(connection);
    return new FolderWatch({ folder, clock, relevant: (name) => !isTemporary(name), changed });
  }

  async #stale(occupants: readonly Occupant[]): Promise<ReadonlySet<Occupant>> {
    const { history } = this.#options;
    const records = history.newestRecords(occupants.map(({ jobId }) => jobId));
    const stale = new Set<Occupant>();
    for (const occupant of occupants) {
      const record = records.get(occupant.jobId);
      if (record && needsPlace(record, occupant.owner)) continue;
      // A job that is about to be launched may not be on disk yet, or as one that waits.
      const mayLaunch = record === undefined || (record.owner === occupant.owner && !isFinal(record.state));
      if (mayLaunch && occupant.owner !== history.windowId && (await history.isAlive(occupant.owner))) continue;
      stale.add(occupant);
    }
    return stale;
  }

  async #try(call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    const { history, log } = this.#options;
    log.warn(`Jobs of other windows do not count for the limit, because ${history.folder} fails: ${messageOf(error)}`);
  }
}

const UNLIMITED: Place = { release: () => Promise.resolve(), leave: () => undefined };

/** @param owner the window that took the place */
function needsPlace({ state, reason, adopting, owner: drivenBy, sessionLost }: JobRecord, owner: string): boolean {
  if (isFinal(state) || state === 'queued') return false;
  if (reason?.code === 'jobs.onOtherServer' || reason?.code === 'jobs.trackingStopped') return false;
  // A window that adopted and launched the job has taken another place for it.
  return drivenBy === owner || sessionLost || adopting === true;
}

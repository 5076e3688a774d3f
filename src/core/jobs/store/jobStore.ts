import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { Emitter } from '../../base/emitter';
import { messageOf } from '../../base/errors';
import { FaultError } from '../../base/fault';
import type { Logger } from '../../base/logger';
import type { JobFault } from '../faults';
import { DurationIndex } from '../history/durationIndex';
import type { UsualDuration } from '../history/usualDuration';
import { Job, type JobOwner, type JobRecord } from '../job';
import { JobEvents } from '../jobEvents';
import type { JobFiles } from '../ports';
import type { JobSettings, Restored } from '../serviceTypes';
import type { JobHistory } from './jobFolder';
import { restoreJob, type RestoredAs } from './restoreJob';
import { expiredJobs } from './retention';

/** How often to check for closed windows whose jobs must be adopted. Milliseconds. */
const ADOPT_INTERVAL_MS = 25_000;

export interface JobStoreOptions {
  readonly history: JobHistory;
  readonly files: JobFiles;
  readonly clock: Clock;
  readonly log: Logger;
  settings(): Pick<JobSettings, 'keepFinishedJobs' | 'keepFinishedDays'>;
  /** Called for each restored job that has not ended: it waits or is detached. */
  restored(job: Job, as: 'held' | 'detached'): void;
}

/** All jobs of this window, in memory and on disk: lists, saves, restores, adopts, and removes them. */
export class JobStore {
  readonly #jobs = new Map<string, Job>();
  readonly #events: JobEvents;
  readonly #removed: Emitter<readonly string[]>;
  readonly #durations: DurationIndex;
  #adoptTimer: Disposable | undefined;
  /** This window is closing, so sessions that are lost from now on were closed by us. */
  #closing = false;

  readonly #options: JobStoreOptions;

  constructor(options: JobStoreOptions) {
    this.#options = options;

    this.#events = new JobEvents(options.clock, options.log);
    this.#removed = new Emitter(options.log);
    this.#durations = new DurationIndex(() => options.clock.monotonic());
    this.#events.onDidChange((job) => this.#durations.add(job));
  }

  /** Every job, oldest first. */
  get jobs(): readonly Job[] {
    return [...this.#jobs.values()];
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** @throws FaultError if there is no such job */
  require(id: string): Job {
    const job = this.#jobs.get(id);
    if (!job) throw new FaultError<JobFault>({ code: 'jobs.unknownJob', params: { id } });
    return job;
  }

  onDidChange(listener: (job: Job) => void): Disposable {
    return this.#events.onDidChange(listener);
  }

  onDidRemove(listener: (ids: readonly string[]) => void): Disposable {
    return this.#removed.add(listener);
  }

  /** How long previous runs of a job's SQL on its connection took; undefined if there are too few. */
  usualDuration(job: Job): UsualDuration | undefined {
    return this.#durations.usual(job);
  }

  /** Lists a job; listeners are not notified yet. */
  add(record: JobRecord, pinned = false): Job {
    const { history } = this.#options;
    const owner: JobOwner = {
      save: (changed) => this.#save(changed),
      changed: (changed, kind) => {
        if (kind === 'transition') this.#events.emitNow(changed);
        else this.#events.emitSoon(changed);
      },
      storeNotice: (changed, notice, fullText) =>
        this.#jobs.has(changed.id) ? history.addNotice(changed.id, notice, fullText) : { kept: false },
      storeLongError: (changed, fullText) => history.keepError(changed.id, fullText),
      loadNotices: (id, limit) => history.notices(id, limit),
    };
    const job = new Job(record, owner, pinned);
    this.#jobs.set(record.id, job);
    this.#durations.add(job);
    return job;
  }

  /** Saves a new job and notifies the listeners. */
  publish(job: Job): void {
    job.save();
    this.#events.emitNow(job);
  }

  /** Pins or unpins a job: a pinned one is only removed by {@link clearFinished} with its id. @throws if it cannot be stored */
  async setPinned(job: Job, pinned: boolean): Promise<void> {
    await this.#options.history.setPinned(job.id, pinned);
    job.notePinned(pinned);
  }

  /** Removes the finished jobs with these ids, or all that are not pinned, and their files. @returns how many */
  async clearFinished(ids?: readonly string[]): Promise<number> {
    const chosen = this.jobs.filter((job) => job.final && (ids === undefined ? !job.pinned : ids.includes(job.id)));
    await this.#remove(chosen.map((job) => job.id));
    return chosen.length;
  }

  /** Removes the finished jobs that exceed the number or the age in the settings. */
  async prune(): Promise<void> {
    if (this.#closing) return;
    const { clock, log } = this.#options;
    const expired = expiredJobs(this.jobs, this.#options.settings(), clock.now());
    await this.#remove(expired.map((job) => job.id)).catch((error: unknown) => {
      log.warn(`Files of old jobs could not be removed: ${messageOf(error)}`);
    });
  }

  /** Restores the jobs of earlier sessions of this window, and from then on adopts those of windows that were closed. */
  async restore(): Promise<Restored> {
    const { found, others } = await this.#restoreFrom();
    this.#adoptLater(others);
    return found;
  }

  /** Saves the jobs as they are now. After that only outcomes that the server reported are saved. Resolves when all are on disk. */
  async close(): Promise<void> {
    const unfinished = this.jobs.filter((job) => !job.final);
    for (const job of unfinished) job.save();
    this.#closing = true;
    this.#adoptTimer?.dispose();
    await Promise.all(unfinished.map((job) => job.saved));
  }

  /** Stops notifying listeners. */
  dispose(): void {
    this.#events.dispose();
    this.#removed.clear();
  }

  /** @param owners only the jobs of these windows */
  async #restoreFrom(
    owners?: ReadonlySet<string>,
  ): Promise<{ readonly found: Restored; readonly others: ReadonlySet<string> }> {
    const { history, clock } = this.#options;
    const { jobs, corrupt, pinned, others } = await history.load(owners);
    const counts: Record<RestoredAs, number> = { final: 0, held: 0, detached: 0, lost: 0 };
    for (const record of jobs) {
      if (this.#closing || this.#jobs.has(record.id)) continue;
      const job = this.add(record, pinned.has(record.id));
      const as = restoreJob(job, clock.now());
      counts[as]++;
      if (as === 'final' && owners) this.#events.emitNow(job);
      if (as === 'held' || as === 'detached') this.#options.restored(job, as);
      await job.saved;
    }
    await this.prune();
    return { found: { held: counts.held, detached: counts.detached, corrupt }, others };
  }

  /**
   * Adopts the jobs of other windows with the same folder when those are gone: the window before a reload may outlive the start of this
   * one for a moment, and the window of a browser tab may have been closed hours ago.
   */
  #adoptLater(known: ReadonlySet<string>): void {
    if (this.#closing) return;
    this.#adoptTimer = this.#options.clock.after(ADOPT_INTERVAL_MS, () => {
      void this.#adopt(known).then((alive) => this.#adoptLater(alive));
    });
  }

  /** @returns the windows that are alive */
  async #adopt(known: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    try {
      const { living, dead } = await this.#options.history.others();
      const gone = new Set([...known, ...dead].filter((name) => !living.has(name)));
      if (gone.size > 0 && !this.#closing) await this.#restoreFrom(gone);
      return living;
    } catch (error) {
      this.#options.log.error(`The jobs of closed windows could not be adopted: ${messageOf(error)}`);
      return known;
    }
  }

  async #save(job: Job): Promise<void> {
    if (!this.#jobs.has(job.id)) return;
    // A session that we close ourselves does not affect its job; an outcome that the server reported does.
    const { state, record } = job;
    const reported = state === 'succeeded' || state === 'canceled' || (record.error?.sqlstate ?? '') !== '';
    if (this.#closing && !(job.final && reported)) return;
    const { history, log } = this.#options;
    try {
      await history.save(record);
      if (job.final && history.noticesWritten(job.id)) job.releaseNotices();
    } catch (error) {
      log.error(`Job ${job.id} could not be written to disk, so a reload would lose it: ${messageOf(error)}`);
    }
  }

  async #remove(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    for (const id of ids) {
      this.#jobs.delete(id);
      this.#durations.remove(id);
      this.#events.discard(id);
    }
    this.#removed.emit(ids);
    const { history, files } = this.#options;
    await Promise.all(ids.map((id) => Promise.all([history.remove(id), files.remove(id)])));
  }
}

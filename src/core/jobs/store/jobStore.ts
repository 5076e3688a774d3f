import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { Emitter } from '../../base/emitter';
import { messageOf } from '../../base/errors';
import { FaultError } from '../../base/fault';
import type { Logger } from '../../base/logger';
import type { JobFault } from '../faults';
import { BatchIndex } from '../batches/batchIndex';
import { DurationIndex } from '../history/durationIndex';
import { Job, type JobOwner, type JobRecord } from '../job';
import { JobEvents } from '../jobEvents';
import type { JobFiles } from '../ports';
import type { JobSettings, Restored } from '../serviceTypes';
import type { JobHistory } from './jobFolder';
import { expiredJobs } from './retention';
import { SharedJobs } from './sharedJobs';

export interface JobStoreOptions {
  readonly history: JobHistory;
  readonly files: JobFiles;
  readonly clock: Clock;
  readonly log: Logger;
  settings(): Pick<JobSettings, 'keepFinishedJobs' | 'keepFinishedDays'>;
  /** Called for each restored or adopted job that has not ended: it waits or is detached. */
  restored(job: Job, as: 'held' | 'detached'): void;
  /** Called when another window has adopted or removed the job: it must no longer be driven. */
  lost(job: Job): void;
  /** Called when another window has sent a command for a job of this one. */
  commanded(job: Job): void;
  /** See {@link JobOwner.beforeOutcome}. */
  beforeOutcome?(job: Job): Promise<void>;
}

/** All jobs of this workspace, in memory and on disk: those of this window and, mirrored, those of others. */
export class JobStore {
  #jobs = new Map<string, Job>();
  readonly batches = new BatchIndex((id) => this.#jobs.get(id));
  readonly #events: JobEvents;
  readonly #removed: Emitter<readonly string[]>;
  /** How long previous runs took. */
  readonly durations: DurationIndex;
  readonly #shared: SharedJobs;
  /** Jobs that this window removed, whose files may still be there. */
  readonly #removedIds = new Set<string>();
  /** Jobs that have a warning that they could not be saved. */
  readonly #warned = new Set<string>();
  /** This window is closing, so sessions that are lost from now on were closed by us. */
  #closing = false;

  readonly #options: JobStoreOptions;

  constructor(options: JobStoreOptions) {
    this.#options = options;

    this.#events = new JobEvents(options.clock, options.log);
    this.#removed = new Emitter(options.log);
    this.durations = new DurationIndex(() => options.clock.monotonic());
    this.#events.onDidChange((job) => this.durations.add(job));
    this.#shared = new SharedJobs(
      {
        ...{ add: this.add.bind(this), get: this.get.bind(this), prune: this.prune.bind(this) },
        jobs: () => this.jobs,
        sort: () => this.#sort(),
        emitNow: (job) => this.#events.emitNow(job),
        wasRemoved: (id) => this.#removedIds.has(id),
        drop: (job) => this.#drop(job),
      },
      options,
    );
    options.history.listen({
      lost: (id) => this.#lose(id),
      adopted: (id, older) => this.#adopted(id, older),
      damaged: (id) => this.get(id)?.save(),
    });
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

  /** Lists a job; listeners are not notified yet. */
  add(record: JobRecord, pinned = false, mirrored = false): Job {
    const { history } = this.#options;
    const owner: JobOwner = {
      save: (changed) => this.#save(changed),
      changed: (changed, kind) => {
        if (this.#jobs.get(changed.id) !== changed) return;
        this.#shared.changed(changed);
        if (kind === 'transition') this.#events.emitNow(changed);
        else this.#events.emitSoon(changed);
      },
      storeNotice: (changed, notice, fullText) =>
        this.#jobs.has(changed.id) ? history.addNotice(changed.id, notice, fullText) : { kept: false },
      storeLongError: (changed, fullText) => history.keepError(changed.id, fullText),
      beforeOutcome: async (changed) => this.#options.beforeOutcome?.(changed),
      loadNotices: (id, limit) => history.notices(id, limit),
    };
    const job = new Job(record, owner, pinned, mirrored);
    this.#jobs.set(record.id, job);
    this.batches.add(job);
    this.durations.add(job);
    return job;
  }

  /** Saves a new job and notifies the listeners. */
  publish(job: Job): void {
    job.save();
    this.#events.emitNow(job);
    this.#shared.activate(job.saved);
  }

  /** Pins or unpins a job: a pinned one is only removed by {@link clearFinished} with its id. @throws if it cannot be stored */
  async setPinned(job: Job, pinned: boolean): Promise<void> {
    await this.#options.history.setPinned(job.id, pinned);
    job.notePinned(pinned);
  }

  /**
   * Removes the finished jobs with these ids, or all that are not pinned, and their files. Those of a batch are kept until it has ended, because
   * its other jobs depend on them.
   *
   * @returns how many
   */
  async clearFinished(ids?: readonly string[]): Promise<number> {
    const wanted = ids && new Set(ids);
    const chosen = this.jobs.filter(
      (job) => job.final && (wanted ? wanted.has(job.id) : !this.#isPinned(job)) && !this.batches.isUnfinished(job),
    );
    await this.#remove(chosen.map((job) => job.id));
    // There may be space now.
    void this.#options.history.retryNow();
    return chosen.length;
  }

  /** Removes the finished jobs that exceed the number or the age in the settings. */
  async prune(): Promise<void> {
    if (this.#closing) return;
    const { clock, log } = this.#options;
    const batchOf = (job: Job): string | undefined => this.batches.idOf(job);
    const expired = expiredJobs(this.jobs, this.#options.settings(), clock.now(), batchOf).filter(
      (job) => !this.#isPinned(job),
    );
    await this.#remove(expired.map((job) => job.id)).catch((error: unknown) => {
      log.warn(`Files of old jobs could not be removed: ${messageOf(error)}`);
    });
  }

  /**
   * Restores the jobs of earlier sessions of this window, and mirrors those of other windows. From then on, follows other windows and adopts
   * the jobs of those that were closed. A window that finds only finished jobs of closed windows creates no file and no timer.
   *
   * Rejects only if the folder exists and cannot be read.
   */
  async restore(): Promise<Restored> {
    try {
      return await this.#shared.restore();
    } finally {
      this.batches.restored();
    }
  }

  /** Adopts a job that waits in the queue of a window that does not react. @returns whether it still waited */
  takeQueued(job: Job): Promise<boolean> {
    return this.#shared.takeQueued(job);
  }

  /** Saves the jobs as they are now. After that only outcomes that the server reported are saved. Resolves when all are on disk. */
  async close(): Promise<void> {
    const unfinished = this.jobs.filter((job) => !job.final && !job.mirrored);
    for (const job of unfinished) job.save();
    this.#closing = true;
    await Promise.all([this.#shared.close(), ...unfinished.map((job) => job.saved)]);
  }

  /** Stops notifying listeners. */
  dispose(): void {
    this.#events.dispose();
    this.#removed.clear();
  }

  /** A job that could not be adopted when it was restored is adopted now: its owner may have gone on meanwhile. */
  #adopted(id: string, older: JobRecord): void {
    const job = this.#jobs.get(id);
    const { launchSentAt, pid } = older;
    if (job?.state !== 'queued' || (launchSentAt === undefined && pid === undefined)) return;
    const reason: JobFault = { code: 'jobs.reloadedDuringLaunch' };
    job.transition('lose', { finishedAt: this.#options.clock.now(), reason });
    this.#options.lost(job);
  }

  /** Another window adopted or removed the job. */
  #lose(id: string): void {
    const job = this.#jobs.get(id);
    if (job) this.#shared.lose(job);
  }

  /** Another window may have pinned it just now. */
  #isPinned(job: Job): boolean {
    return job.pinned || this.#options.history.isPinned(job.id);
  }

  /** The files of the job are gone. */
  #drop(job: Job): void {
    const { id } = job;
    this.batches.remove(job);
    this.#jobs.delete(id);
    this.durations.remove(id);
    this.#events.discard(id);
    this.#shared.forget(id);
    job.drop();
    this.#removed.emit([id]);
  }

  /** The user may have run jobs before the older ones were restored. */
  #sort(): void {
    this.#jobs = new Map([...this.#jobs].sort(([, a], [, b]) => a.record.queuedAt - b.record.queuedAt));
  }

  async #save(job: Job): Promise<void> {
    if (this.#jobs.get(job.id) !== job) return;
    // A session that we close ourselves does not affect its job; an outcome that the server reported does.
    const { state, record } = job;
    const reported = state === 'succeeded' || state === 'canceled' || (record.error?.sqlstate ?? '') !== '';
    if (this.#closing && !(job.final && reported)) return;
    const { history } = this.#options;
    try {
      await history.save(record);
      this.#warned.delete(job.id);
      if (job.final && history.noticesWritten(job.id)) job.releaseNotices();
    } catch (error) {
      // The history reports and retries it.
      this.#warn(job, error);
    }
  }

  /** Adds a warning to the messages of a job that is not on disk, once. */
  #warn(job: Job, error: unknown): void {
    if (this.#warned.has(job.id) || this.#closing || this.#jobs.get(job.id) !== job) return;
    this.#warned.add(job.id);
    const fault: JobFault = { code: 'jobs.notSaved', params: { message: messageOf(error) } };
    void job.addWarning(fault, this.#options.clock.now());
  }

  async #remove(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    for (const id of ids) {
      const job = this.#jobs.get(id);
      if (job) this.batches.remove(job);
      this.#jobs.delete(id);
      this.durations.remove(id);
      this.#events.discard(id);
      this.#warned.delete(id);
      this.#removedIds.add(id);
      this.#shared.forget(id);
    }
    this.#removed.emit(ids);
    const { history, files } = this.#options;
    await Promise.all(ids.map((id) => Promise.all([history.remove(id), files.remove(id)])));
  }
}

import type { JobInfo, JobNotice, RunRequest } from '../../api';
import { cancelWorker, type CancelResult } from './cancel';
import { watchDetached } from './detached';
import type { JobHistory } from './history';
import { Job, type JobRecord } from './job';
import type { ActiveWorker, Clock, Disposable, JobFiles, Links, Logger } from './ports';
import { JobQueue } from './queue';
import { JobRunner } from './runner';
import { isFinal, mayHaveWorker } from './states';

/** What the user may set; asked for at each use. */
export interface JobSettings {
  /** Jobs that run at once on one connection; 0 = no limit. */
  readonly maxConcurrentJobs: number;
  /** Milliseconds. */
  readonly graceMs: number;
  /** Finished jobs kept; 0 = no limit. */
  readonly keepFinishedJobs: number;
  /** Days that a finished job is kept; 0 = no limit. */
  readonly keepFinishedDays: number;
}

export interface JobServiceOptions {
  readonly links: Links;
  readonly history: JobHistory;
  readonly files: JobFiles;
  readonly clock: Clock;
  readonly log: Logger;
  settings(): JobSettings;
  newId(): string;
}

export interface NewJob extends RunRequest {
  readonly label: string;
  readonly connection: string;
}

const DAY_MS = 86_400_000;

/** All jobs of this window: queues them, runs them, cancels them, keeps them. */
export class JobService {
  readonly #jobs = new Map<string, Job>();
  readonly #runners = new Map<string, JobRunner>();
  readonly #queues = new Map<string, JobQueue>();
  readonly #watches = new Map<string, Disposable>();
  readonly #retries = new Set<Disposable>();
  readonly #listeners = new Set<(job: Job) => void>();
  readonly #removed = new Set<(ids: readonly string[]) => void>();
  readonly #runs = new Set<Promise<void>>();
  #disposed = false;

  constructor(private readonly options: JobServiceOptions) {}

  /** Every job, oldest first. */
  get jobs(): readonly Job[] {
    return [...this.#jobs.values()];
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** Fires at every change of a job, also of its progress and its messages. */
  onDidChange(listener: (job: Job) => void): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

  onDidRemove(listener: (ids: readonly string[]) => void): Disposable {
    this.#removed.add(listener);
    return { dispose: () => this.#removed.delete(listener) };
  }

  /** Lists a job and runs it when its turn comes. */
  run(request: NewJob): Job {
    this.options.links.link(request.connection);
    const record: JobRecord = {
      version: 1,
      id: this.options.newId(),
      label: request.label,
      request,
      connection: request.connection,
      owner: this.options.history.windowId,
      state: 'queued',
      queuedAt: this.options.clock.now(),
      noticeCount: 0,
      detached: false,
      held: false,
    };
    const job = this.#list(record, []);
    this.#queue(job.record.connection).add(job.id);
    void this.#save(job);
    this.#changed(job);
    this.#pump(job.record.connection);
    return job;
  }

  /**
   * Cancels a job. @param graceMs the setting's when missing
   * @returns see {@link cancelWorker}
   * @throws where there is no such job, or SIGTERM could not be sent
   */
  async cancel(id: string, graceMs = this.options.settings().graceMs): Promise<CancelResult> {
    const job = this.#need(id);
    if (job.final) return 'stopped';
    if (job.state === 'queued') {
      this.#queue(job.record.connection).remove(id);
      job.apply('cancel', { finishedAt: this.options.clock.now(), reason: 'It was canceled before it was launched.' });
      await this.#save(job);
      return 'stopped';
    }
    const { links, clock, log } = this.options;
    const link = links.link(job.record.connection);
    return cancelWorker(job, this.#runners.get(id), graceMs, { link, clock, log, save: (one) => this.#save(one) });
  }

  /** Stops tracking a job: the worker runs on, and only its end will be seen. */
  detach(id: string): void {
    this.#runners.get(this.#need(id).id)?.stopTracking();
  }

  /** Makes a queued job the next one of its connection. */
  runNext(id: string): void {
    const job = this.#need(id);
    if (!this.#queue(job.record.connection).runNext(id)) return;
    this.#unhold(job);
    this.#pump(job.record.connection);
  }

  /** Lets jobs run that were queued before a reload. */
  resumeHeld(): void {
    for (const job of this.jobs) {
      if (!job.record.held || job.state !== 'queued') continue;
      this.#queue(job.record.connection).release(job.id);
      this.#unhold(job);
    }
    for (const connection of this.#queues.keys()) this.#pump(connection);
  }

  /** Tries at once what waits for a slot or a server. */
  hurry(): void {
    for (const [connection, queue] of this.#queues) {
      queue.hurry();
      this.#pump(connection);
    }
  }

  /** Position in the queue of its connection, from 1; undefined where it does not wait. */
  place(id: string): number | undefined {
    const job = this.#jobs.get(id);
    const index = job ? this.#queue(job.record.connection).waiting.indexOf(id) : -1;
    return index < 0 ? undefined : index + 1;
  }

  /** The job's worker in the newest snapshot of its server. */
  activity(job: Job): ActiveWorker | undefined {
    const { connection, pid, backendStart } = job.record;
    if (pid === undefined || !mayHaveWorker(job.state)) return undefined;
    try {
      const { snapshot } = this.options.links.link(connection);
      return snapshot?.workers.find((one) => one.pid === pid && one.backendStart === backendStart);
    } catch {
      // The connection was removed; the job is listed until it is cleared.
      return undefined;
    }
  }

  notices(id: string): readonly JobNotice[] {
    return this.#need(id).notices;
  }

  /** Resolves when the job has ended. */
  async waitFor(id: string): Promise<JobInfo> {
    const job = this.#need(id);
    await job.ended;
    return job.info();
  }

  /** Removes finished jobs and their files. */
  async clearFinished(ids?: readonly string[]): Promise<number> {
    const chosen = this.jobs.filter((job) => job.final && (ids === undefined || ids.includes(job.id)));
    await this.#forget(chosen.map((job) => job.id));
    return chosen.length;
  }

  /** Takes up what earlier lives of this window left behind. Returns the jobs that wait for the user's word. */
  async restore(): Promise<{ held: number; detached: number }> {
    let held = 0;
    let detached = 0;
    for (const { record, notices } of await this.options.history.load()) {
      const job = this.#list({ ...record, owner: this.options.history.windowId }, notices);
      if (isFinal(record.state)) continue;
      if (record.state === 'queued') {
        held++;
        job.note({ held: true, reason: 'VS Code was reloaded before its turn came.' });
        this.#queue(record.connection).add(record.id, true);
      } else if (record.pid !== undefined) {
        detached++;
        this.#adopt(job);
      } else {
        this.#looseEnd(
          job,
          'VS Code stopped during its launch, so the SQL may or may not run: look for it among the other workers.',
        );
      }
      await this.#save(job);
    }
    await this.#prune();
    return { held, detached };
  }

  /** Stops everything of ours; workers run on. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    for (const retry of this.#retries) retry.dispose();
    for (const watch of this.#watches.values()) watch.dispose();
    // As they were: the next life of this window takes them up.
    await Promise.allSettled(this.jobs.filter((job) => !job.final).map((job) => this.#save(job)));
    this.#listeners.clear();
    this.#removed.clear();
  }

  /** Resolves when every run under way has come to an end: after the connections were closed, soon. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#runs);
  }

  #need(id: string): Job {
    const job = this.#jobs.get(id);
    if (!job) throw new Error(`There is no job ${id}.`);
    return job;
  }

  #list(record: JobRecord, notices: readonly JobNotice[]): Job {
    const job = new Job(record, (changed, stateChanged) => {
      if (stateChanged) void this.#save(changed);
      this.#changed(changed);
    });
    job.notices.push(...notices);
    this.#jobs.set(record.id, job);
    return job;
  }

  #changed(job: Job): void {
    if (this.#disposed) return;
    for (const listener of [...this.#listeners]) listener(job);
  }

  async #save(job: Job): Promise<void> {
    // A session that breaks because we close it says nothing about its job.
    if (this.#disposed && job.state === 'detached') return;
    try {
      await this.options.history.save(job.record, job.notices);
    } catch (error) {
      this.options.log.error(
        `Job ${job.id} could not be written to disk, so a reload would forget it: ${String(error)}`,
      );
    }
  }

  #queue(connection: string): JobQueue {
    let queue = this.#queues.get(connection);
    if (!queue) {
      queue = new JobQueue();
      this.#queues.set(connection, queue);
    }
    return queue;
  }

  #pump(connection: string): void {
    const queue = this.#queue(connection);
    for (;;) {
      if (this.#disposed) return;
      const next = queue.take(this.options.clock.now(), this.options.settings().maxConcurrentJobs);
      const job = next && this.#jobs.get(next.id);
      if (!next || !job) return;
      const run = this.#start(job, next.refusals).catch((error: unknown) => {
        this.options.log.error(
          `Job ${job.id}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
      });
      this.#runs.add(run);
      void run.finally(() => this.#runs.delete(run));
    }
  }

  async #start(job: Job, refusals: number): Promise<void> {
    const { links, files, clock, log } = this.options;
    const queue = this.#queue(job.record.connection);
    delete job.record.reason;
    job.apply('launch');
    const runner = new JobRunner(job, {
      link: links.link(job.record.connection),
      files,
      clock,
      log,
      save: (one) => this.#save(one),
    });
    this.#runners.set(job.id, runner);
    const end = await runner.run();
    this.#runners.delete(job.id);
    if (end === 'noSlot' && job.state === 'queued') {
      const pause = queue.refuse(job.id, clock.now(), refusals);
      const retry = clock.after(pause, () => {
        this.#retries.delete(retry);
        this.#pump(job.record.connection);
      });
      this.#retries.add(retry);
    } else {
      queue.done(job.id);
    }
    if (end === 'detached' && !this.#disposed) this.#watchDetached(job);
    await this.#save(job);
    if (job.final) await this.#prune();
    this.#pump(job.record.connection);
  }

  #unhold(job: Job): void {
    delete job.record.reason;
    job.note({ held: false });
    void this.#save(job);
  }

  /** A job of an earlier life that had a worker: the server tells whether it still runs. */
  #adopt(job: Job): void {
    const { record } = job;
    const reason =
      'VS Code was reloaded while it ran: it can be watched and canceled, but its rows and outcome are lost.';
    if (record.state === 'running' || record.state === 'reading' || record.state === 'launching') {
      job.apply('detach', { detached: true, reason });
    } else {
      job.note({ detached: true, reason });
    }
    this.#watchDetached(job);
  }

  #watchDetached(job: Job): void {
    const { links, clock, log } = this.options;
    const watch = watchDetached(job, { links, clock, log, save: (one) => this.#save(one) });
    this.#watches.set(job.id, watch);
    void job.ended.then(() => {
      watch.dispose();
      this.#watches.delete(job.id);
    });
  }

  #looseEnd(job: Job, reason: string): void {
    job.apply('lose', { finishedAt: this.options.clock.now(), reason });
  }

  /** Finished jobs are kept up to a number and an age. */
  async #prune(): Promise<void> {
    const { keepFinishedJobs, keepFinishedDays } = this.options.settings();
    const finished = this.jobs.filter((job) => job.final);
    const oldest = keepFinishedDays > 0 ? this.options.clock.now() - keepFinishedDays * DAY_MS : -Infinity;
    const excess = keepFinishedJobs > 0 ? Math.max(0, finished.length - keepFinishedJobs) : 0;
    const drop = finished.filter(
      (job, index) => index < excess || (job.record.finishedAt ?? job.record.queuedAt) < oldest,
    );
    await this.#forget(drop.map((job) => job.id));
  }

  async #forget(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    for (const id of ids) this.#jobs.delete(id);
    for (const listener of [...this.#removed]) listener(ids);
    await Promise.all(ids.map((id) => Promise.all([this.options.history.remove(id), this.options.files.remove(id)])));
  }
}

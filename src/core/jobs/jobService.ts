import { elapses } from '../base/clock';
import { both, type Disposable } from '../base/disposable';
import { messageOf } from '../base/errors';
import { cancelJob, type CancelResult } from './cancel/cancelJob';
import { takeOver } from './batches/batchSession';
import type { BatchOptions, OnFailure } from './batches/batchPart';
import { batchRequests, requestsAfter, type BatchStatement } from './batches/newBatch';
import { BackendControl } from './cancel/workerControl';
import { DurableSource } from './durable/durableSource';
import type { Launched } from './durable/launched';
import { findWorker } from './findWorker';
import type { UsualDuration } from './history/usualDuration';
import { newRecord, type Job, type NewJob } from './job';
import type { ActiveWorker } from './ports';
import { DetachedWatch } from './run/detachedWatch';
import { noneAfter, notDetachable, notTracked, whileReading } from './refusals';
import { neverLaunched } from './run/attempts';
import type { RunEnd } from './run/runnerContext';
import { Scheduler } from './scheduler/scheduler';
import type { JobServiceOptions, Restored } from './serviceTypes';
import { mayHaveWorker } from './states';
import type { StorageFault } from './store/jobFolder';
import { JobStore } from './store/jobStore';
import type { JobFileNames } from './store/recordFile';
import type { KeptNotice } from './textBudget';
import { cancelElsewhere } from './windows/cancelElsewhere';
import { OwnerCommands } from './windows/ownerCommands';
import { sqlFingerprint } from '../sql/normalizedSql';

export type { NewJob } from './job';

/** A window that closes waits at most this long until the requested cancels are sent. Milliseconds. */
const CLOSE_CANCELS_MS = 2000;

/**
 * All jobs of this workspace, and the durable jobs of its connections. Those that another window drives are mirrored, and commands for
 * them are sent to that window. A façade: {@link JobStore} keeps them, {@link Scheduler} decides when they run, a `JobRunner` runs each
 * job, `cancelJob` cancels a job, and a {@link DetachedWatch} watches a worker whose session is lost. {@link DurableSource} does all of
 * that for durable jobs.
 */
export class JobService {
  readonly #store: JobStore;
  readonly durable: DurableSource;
  readonly #scheduler: Scheduler;
  readonly #commands: OwnerCommands;
  readonly #watches = new Map<string, DetachedWatch>();
  readonly #cancels = new Set<Promise<unknown>>();
  #close!: () => void;
  readonly #closing = new Promise<void>((resolve) => {
    this.#close = resolve;
  });
  #disposed = false;
  /** Milliseconds since 1970, with fractions. */
  #lastQueuedAt = 0;

  readonly #options: JobServiceOptions;

  constructor(options: JobServiceOptions) {
    this.#options = options;

    const { history, files, links, clock, log } = options;
    const { cleared } = options;
    const window = history.windowId;
    this.durable = new DurableSource({ links, files, clock, log, cleared, window, closing: this.#closing });
    this.#store = new JobStore({
      history,
      files,
      clock,
      log,
      settings: () => options.settings(),
      lost: (job) => {
        this.#scheduler.abandon(job);
        this.#unwatch(job);
      },
      commanded: (job) => void this.#commands.execute(job),
      beforeOutcome: (job) => this.#commands.noteCancels(job),
      restored: (job, as) => (as === 'held' ? this.#scheduler.add(job) : this.#watchDetached(job)),
    });
    files.drivenElsewhere?.((id) => {
      const job = this.#store.get(id);
      return job?.mirrored === true && !job.final;
    });
    const { batches } = this.#store;
    this.#scheduler = new Scheduler({
      links,
      files,
      clock,
      log,
      places: options.places,
      maxConcurrentJobs: () => options.settings().maxConcurrentJobs,
      turns: () => batches.turns(),
      beforeLaunch: (job) => {
        const { batch } = job.record;
        const facts = batch?.session && takeOver(job, batches.jobs(batch.id));
        if (facts) job.update(facts, { durable: false });
      },
      mayLaunch: async (job) => {
        const permit = await history.mayLaunch(job.id);
        if (permit === 'yes') await this.#commands.noteCancels(job);
        return permit;
      },
      runEnded: (job, end) => this.#runEnded(job, end),
    });
    this.#store.onDidChange((job) => {
      const batch = job.final ? this.batchOf(job) : [];
      if (batch.length > 0) this.#scheduler.wake(batch.map(({ record }) => record.connection));
    });
    this.#store.onDidRemove(() => this.#scheduler.wake());
    const { durations } = this.#store;
    this.durable.onDidChange((job) => durations.add(job));
    this.durable.onDidRemove((ids) => ids.forEach((id) => durations.remove(id)));
    this.#commands = new OwnerCommands({
      ...{ files: history.commands, clock, log },
      cancel: (id, graceMs) => this.cancel(id, graceMs),
      detach: (id) => this.detach(id),
      runNext: (id) => this.runNext(id),
      resumeHeld: () => this.#scheduler.resumeHeld(),
    });
  }

  /** Every job, oldest first. */
  get jobs(): readonly Job[] {
    return this.durable.mergedWith(this.#store.jobs);
  }

  get(id: string): Job | undefined {
    return this.#store.get(id) ?? this.durable.get(id);
  }

  /** Fires at every change of a job, including its progress and its messages (those at most every 50 ms). */
  onDidChange(listener: (job: Job) => void): Disposable {
    return both(this.#store.onDidChange(listener), this.durable.onDidChange(listener));
  }

  onDidRemove(listener: (ids: readonly string[]) => void): Disposable {
    return both(this.#store.onDidRemove(listener), this.durable.onDidRemove(listener));
  }

  /** Fires if the folder of jobs cannot be written, once until it can be written again. Jobs continue, and writes are retried. */
  onStorageFault(listener: (fault: StorageFault) => void): Disposable {
    return this.#options.history.onDidFail(listener);
  }

  /** Runs a job, or launches a durable one. @throws if its connection does not exist, or a durable job cannot be launched */
  async launch(request: NewJob): Promise<Launched> {
    return request.durable === true ? this.durable.launch(request) : { job: this.run(request), notices: [] };
  }

  /** Adds a job to the queue of its connection. @throws if its connection does not exist */
  run(request: NewJob): Job {
    const [job] = this.#runAll([request]);
    if (!job) throw new Error('No job was added.');
    return job;
  }

  /** Adds the statements of a batch to the queues of their connections. @throws if a connection does not exist; then nothing runs */
  runBatch(statements: readonly BatchStatement[], options: BatchOptions): readonly Job[] {
    return this.#runAll(batchRequests(this.#options.newId(), statements, options));
  }

  /**
   * Adds jobs that run one after the other after a job has ended, or has succeeded.
   *
   * @throws FaultError if the job has ended or is part of a batch, and if a connection does not exist
   */
  runAfter(id: string, requests: readonly NewJob[], onFailure: OnFailure): readonly Job[] {
    const first = this.#store.require(id);
    const { label, batch } = first.record;
    if (first.final || batch) throw noneAfter(label, first.final);
    return this.#runAll(requestsAfter(first, this.batchOf(first), requests, onFailure));
  }

  /** The jobs of a job's batch, in its order; none if it is not part of one. */
  batchOf(job: Job): readonly Job[] {
    if (job.record.durable) return this.durable.batchOf(job);
    const id = this.#store.batches.idOf(job);
    return id === undefined ? [] : this.#store.batches.jobs(id);
  }

  /**
   * Cancels a job, also one of another window.
   *
   * @param graceMs default: the setting
   * @returns see {@link cancelJob}
   * @throws if there is no such job, or SIGTERM could not be sent
   */
  async cancel(id: string, graceMs = this.#options.settings().graceMs): Promise<CancelResult> {
    const job = this.#require(id);
    if (job.final) return 'stopped';
    if (job.record.durable) return this.#untilSent(this.durable.cancel(id, graceMs));
    if (job.mirrored) return this.#cancelElsewhere(job, graceMs);
    const { links, clock, log } = this.#options;
    if (job.state === 'queued') {
      this.#scheduler.remove(job);
      job.transition('cancel', { finishedAt: clock.now(), reason: neverLaunched(job) });
      await job.saved;
      return 'stopped';
    }
    const link = links.link(job.record.connection);
    // The session of a job that was just detached no longer knows its worker.
    const runner = job.record.sessionLost ? undefined : this.#scheduler.runner(id);
    const control = runner?.control ?? new BackendControl(job, link);
    return this.#untilSent(cancelJob(job, control, graceMs, { link, clock, log, closing: this.#closing }));
  }

  /**
   * Stops tracking a job: the worker keeps running, and only the fact that it ended will be noticed.
   *
   * @throws FaultError if the job is not being tracked, or its rows are being read and would be lost
   */
  detach(id: string): void {
    const job = this.#require(id);
    const { label, sessionLost, durable } = job.record;
    if (durable) throw notDetachable(label);
    if (job.mirrored) {
      if (!mayHaveWorker(job.state) || sessionLost) throw notTracked(label);
      if (job.state === 'reading') throw whileReading(label);
      this.#command(job, 'detach');
      return;
    }
    const runner = this.#scheduler.runner(id);
    if (!runner || sessionLost) throw notTracked(label);
    if (runner.reading) throw whileReading(label);
    runner.stopTracking();
  }

  /** Makes a queued job the next one of its connection. */
  runNext(id: string): void {
    const job = this.#require(id);
    if (job.record.durable) return;
    if (!job.mirrored) this.#scheduler.runNext(job);
    else if (job.state === 'queued') this.#command(job, 'runNext');
  }

  /**
   * Moves queued jobs of this window to the place of another one in the queue of its connection.
   * @returns false if nothing moves: one of them does not wait there
   */
  moveQueued(ids: readonly string[], to: string): boolean {
    const target = this.#require(to);
    const waiting = new Set(this.queue(target.record.connection));
    const jobs = ids.map((id) => this.#require(id));
    return jobs.every(({ id }) => waiting.has(id)) && this.#scheduler.move(jobs, target);
  }

  /** The ids of this window's queued jobs of a connection, in the order in which they will run. */
  queue(connection: string): readonly string[] {
    return this.#scheduler.waiting(connection);
  }

  /** Holds the queued jobs of a connection that the user disconnects, and those that return to its queue, until the user resumes them. */
  hold(connection: string): void {
    this.#scheduler.hold(connection);
  }

  /** Resumes held jobs: those queued before a reload, or on a connection that was disconnected. */
  resumeHeld(): void {
    this.#scheduler.resumeHeld();
    const held = this.#store.jobs.filter(
      ({ mirrored, state, record }) => mirrored && state === 'queued' && record.held,
    );
    // One command for each window.
    for (const job of new Map(held.map((job) => [job.record.owner, job])).values()) this.#command(job, 'resume');
  }

  /** Retries the jobs that wait for a worker slot or a server now. */
  retryNow(): void {
    this.#scheduler.retryNow();
    for (const watch of this.#watches.values()) watch.retryNow();
  }

  /** Position in the queue of its connection, from 1; undefined if the job does not wait. */
  queuePosition(id: string): number | undefined {
    const job = this.#store.get(id);
    return job && this.#scheduler.position(job);
  }

  /** The job's worker in the newest snapshot of its server. */
  activity(job: Job): ActiveWorker | undefined {
    const { connection, pid, backendStart } = job.record;
    if (pid === undefined || backendStart === undefined || !mayHaveWorker(job.state)) return undefined;
    try {
      return findWorker(this.#options.links.link(connection, false).snapshot, job.record);
    } catch {
      // The connection was removed; the job is listed until it is cleared.
      return undefined;
    }
  }

  /** The newest messages of a job; {@link noticesFile} has all. */
  notices(id: string): readonly KeptNotice[] {
    return this.#require(id).notices;
  }

  /** The file with the messages of a job, one JSON object per line, with the beginnings of long ones. Missing if there are no messages. */
  noticesFile(id: string): string {
    return this.filesOf(id).notices;
  }

  /** The files that hold a job's record and its long texts. */
  filesOf(id: string): JobFileNames {
    return this.#options.history.files(this.#require(id).id);
  }

  /** Resolves when the job has ended. @throws if another window removes it first */
  async waitFor(id: string): Promise<Job> {
    const job = this.#require(id);
    await job.ended;
    return job.final ? job : this.#require(id);
  }

  /** This window has received the focus. */
  noteFocus(): void {
    void this.#options.history.noteFocus();
  }

  /** Whether this window had the focus last among the open windows of the workspace. */
  isLastFocused(): Promise<boolean> {
    return this.#options.history.isLastFocused();
  }

  /** How long previous runs of a job's SQL on its connection took; undefined if there are too few. */
  usualDuration(job: Job): UsualDuration | undefined {
    return this.#store.durations.usual(job);
  }

  /** Pins or unpins a job: a pinned one is only removed by {@link clearFinished} with its id. @throws if it cannot be stored */
  async setPinned(id: string, pinned: boolean): Promise<void> {
    const job = this.#require(id);
    await (job.record.durable ? this.durable.setPinned(id, pinned) : this.#store.setPinned(job, pinned));
  }

  /**
   * Removes the finished jobs with these ids, or all that are not pinned, and their files. Durable jobs are only hidden here.
   * @returns how many were removed
   */
  async clearFinished(ids?: readonly string[]): Promise<number> {
    const counts = await Promise.all([this.#store.clearFinished(ids), this.durable.clear(ids)]);
    return counts[0] + counts[1];
  }

  /** Restores the jobs of earlier sessions of this window. */
  restore(): Promise<Restored> {
    // Jobs of batches waited until all others are known.
    return this.#store.restore().finally(() => this.#scheduler.wake());
  }

  /** Stops everything on our side; workers keep running. Cancels that were requested are sent first. */
  async dispose(): Promise<void> {
    const saved = this.#store.close();
    this.#disposed = true;
    this.#close();
    this.#scheduler.dispose();
    for (const watch of this.#watches.values()) watch.dispose();
    this.#watches.clear();
    await saved;
    await elapses(this.#options.clock, CLOSE_CANCELS_MS, [Promise.allSettled(this.#cancels)]);
    await this.durable.close();
    this.#store.dispose();
  }

  /** Resolves when every current run is over: soon, after the connections were closed. */
  settled(): Promise<void> {
    return this.#scheduler.settled();
  }

  #runAll(requests: readonly NewJob[]): readonly Job[] {
    const { links, history, clock } = this.#options;
    const connections = new Set(requests.map(({ connection }) => connection));
    for (const connection of connections) links.link(connection);
    const jobs = requests.map((request) => {
      const record = newRecord(this.#options.newId(), request, history.windowId, this.#nextTime(clock.now()));
      const job = this.#store.add({ ...record, fingerprint: sqlFingerprint(request.sql) });
      this.#scheduler.add(job);
      return job;
    });
    for (const job of jobs) this.#store.publish(job);
    for (const connection of connections) this.#scheduler.start(connection);
    return jobs;
  }

  /** @throws FaultError if there is no such job */
  #require(id: string): Job {
    return this.durable.get(id) ?? this.#store.require(id);
  }

  /** Orders jobs that are queued within one millisecond, also after a reload. A clock that is set back is followed. */
  #nextTime(now: number): number {
    this.#lastQueuedAt = now <= this.#lastQueuedAt && this.#lastQueuedAt - now < 1 ? this.#lastQueuedAt + 0.001 : now;
    return this.#lastQueuedAt;
  }

  /** A window that closes waits for a short time until a cancel is sent. */
  async #untilSent<T>(canceling: Promise<T>): Promise<T> {
    this.#cancels.add(canceling);
    try {
      return await canceling;
    } finally {
      this.#cancels.delete(canceling);
    }
  }

  async #cancelElsewhere(job: Job, graceMs: number): Promise<CancelResult> {
    const { links, clock, history } = this.#options;
    const canceling = cancelElsewhere(job, graceMs, {
      ...{ commands: history.commands, clock, closing: this.#closing },
      link: () => links.link(job.record.connection),
      onDidChange: (listener) => this.#store.onDidChange(listener),
      takeQueued: (queued) => this.#store.takeQueued(queued),
    });
    const result = await this.#untilSent(canceling);
    return result === 'taken' ? this.cancel(job.id, graceMs) : result;
  }

  /** Asks the window that drives a job to do something. */
  #command(job: Job, command: 'detach' | 'runNext' | 'resume'): void {
    const { history, clock, log } = this.#options;
    history.commands.send(job.id, { command, at: clock.now() }).catch((error: unknown) => {
      log.warn(`Job ${job.id}: the command ${command} cannot be sent to its window: ${messageOf(error)}`);
    });
  }

  async #runEnded(job: Job, end: RunEnd): Promise<void> {
    if (end === 'detached' && !this.#disposed && !job.final) this.#watchDetached(job);
    await job.saved;
    if (job.final) await this.#store.prune();
  }

  #watchDetached(job: Job): void {
    const { links, clock, log } = this.#options;
    const watch = new DetachedWatch(job, { links, clock, log });
    this.#watches.set(job.id, watch);
    watch.retryNow();
    void job.ended.then(() => {
      this.#unwatch(job);
      return this.#store.prune();
    });
  }

  #unwatch(job: Job): void {
    this.#watches.get(job.id)?.dispose();
    this.#watches.delete(job.id);
  }
}

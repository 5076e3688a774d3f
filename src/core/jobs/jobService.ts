import type { JobInfo } from '../../api';
import type { KeptNotice } from './textBudget';
import { Changes } from './jobEvents';
import { cancelWorker, type CancelResult } from './cancel/cancelJob';
import { lasts } from '../base/clock';
import { DetachedWatch } from './run/detachedWatch';
import { Job, newRecord, type JobRecord } from './job';
import type { JobFileNames } from './store/recordFile';
import { Emitter } from '../base/emitter';
import { messageOf, stackOf } from '../base/errors';
import type { ActiveWorker } from './ports';
import type { Disposable } from '../base/disposable';
import { JobQueue, type Waiting } from './scheduler/queue';
import { JobRunner, type RunEnd } from './run/jobRunner';
import type { JobServiceOptions, NewJob, Restored } from './serviceTypes';
import { findWorker } from './serverIdentity';
import { mayHaveWorker } from './states';
import { takeUp } from './store/restoreJob';
import { tooMany } from './store/retention';

export type { NewJob } from './serviceTypes';

/** So often it is looked whether another window is gone, so that nobody looks after its jobs. Milliseconds. */
const OTHERS_MS = 25_000;
/** So often a session may break before the launch, until it counts as the SQL's fault. */
const BREAKS_BORNE = 3;
/** A window that closes waits this long at the most until the cancels that were asked for are sent. Milliseconds. */
const CANCELS_MS = 2000;

/** All jobs of this window: queues them, runs them, cancels them, keeps them. */
export class JobService {
  readonly #jobs = new Map<string, Job>();
  readonly #runners = new Map<string, JobRunner>();
  readonly #queues = new Map<string, JobQueue>();
  readonly #watches = new Map<string, DetachedWatch>();
  /** Timers that end with the service. */
  readonly #timers = new Set<Disposable>();
  readonly #breaks = new Map<string, number>();
  /** Connections that were disconnected, until the user runs something on them. */
  readonly #onHold = new Set<string>();
  readonly #changes: Changes;
  readonly #removed: Emitter<readonly string[]>;
  readonly #runs = new Set<Promise<void>>();
  readonly #cancels = new Set<Promise<CancelResult>>();
  #close!: () => void;
  readonly #closing = new Promise<void>((resolve) => {
    this.#close = resolve;
  });
  #disposed = false;

  readonly #options: JobServiceOptions;

  constructor(options: JobServiceOptions) {
    this.#options = options;

    this.#changes = new Changes(options.clock, options.log);
    this.#removed = new Emitter(options.log);
  }

  /** Every job, oldest first. */
  get jobs(): readonly Job[] {
    return [...this.#jobs.values()];
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** Fires at every change of a job, also of its progress and its messages (those at most every 50 ms). */
  onDidChange(listener: (job: Job) => void): Disposable {
    return this.#changes.onDidChange(listener);
  }

  onDidRemove(listener: (ids: readonly string[]) => void): Disposable {
    return this.#removed.add(listener);
  }

  /** Lists a job and runs it when its turn comes. Throws where its connection does not exist. */
  run(request: NewJob): Job {
    this.#options.links.link(request.connection);
    this.#onHold.delete(request.connection);
    const { history, clock } = this.#options;
    const job = this.#list(newRecord(this.#options.newId(), request, history.windowId, clock.now()));
    this.#queue(request.connection).add(job.id);
    void this.#save(job);
    this.#changes.tell(job, true);
    this.#pump(request.connection);
    return job;
  }

  /**
   * Cancels a job. @param graceMs the setting's when missing
   * @returns see {@link cancelWorker}
   * @throws where there is no such job, or SIGTERM could not be sent
   */
  async cancel(id: string, graceMs = this.#options.settings().graceMs): Promise<CancelResult> {
    const job = this.#need(id);
    if (job.final) return 'stopped';
    const { links, clock, log } = this.#options;
    if (job.state === 'queued') {
      this.#queue(job.record.connection).remove(id);
      job.apply('cancel', { finishedAt: clock.now(), reason: 'It was canceled before it was launched.' });
      await this.#save(job);
      return 'stopped';
    }
    const link = links.link(job.record.connection);
    const closing = this.#closing;
    // The session of a job that was just let go no longer knows its worker.
    const runner = job.record.detached ? undefined : this.#runners.get(id);
    const canceling = cancelWorker(job, runner, graceMs, {
      link,
      clock,
      log,
      closing,
      save: (one) => this.#save(one),
    });
    this.#cancels.add(canceling);
    try {
      return await canceling;
    } finally {
      this.#cancels.delete(canceling);
    }
  }

  /**
   * Stops tracking a job: the worker runs on, and only its end will be seen.
   * @throws where it has no worker that is tracked, or its rows are being read, which cannot be given up without losing them
   */
  detach(id: string): void {
    const job = this.#need(id);
    const runner = this.#runners.get(id);
    if (!runner || job.record.detached) throw new Error(`“${job.record.label}” is not being tracked.`);
    if (runner.reading) {
      throw new Error(
        `“${job.record.label}” cannot be let go while its rows are being read. Cancel it, or wait for its end.`,
      );
    }
    runner.stopTracking();
  }

  /** Makes a queued job the next one of its connection. */
  runNext(id: string): void {
    const job = this.#need(id);
    if (!this.#queue(job.record.connection).runNext(id)) return;
    this.#onHold.delete(job.record.connection);
    this.#unhold(job);
    this.#pump(job.record.connection);
  }

  /** What waits on a connection that the user disconnects, or comes back to its queue, waits from now on for the user's word. */
  hold(connection: string): void {
    this.#onHold.add(connection);
    for (const job of this.jobs) if (job.record.connection === connection) this.#hold(job);
  }

  /** Lets jobs run that wait for the user's word: queued before a reload, or on a connection that was disconnected. */
  resumeHeld(): void {
    this.#onHold.clear();
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
    for (const watch of this.#watches.values()) watch.hurry();
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
    if (pid === undefined || backendStart === undefined || !mayHaveWorker(job.state)) return undefined;
    try {
      const { snapshot } = this.#options.links.link(connection, false);
      return findWorker(job.record, snapshot);
    } catch {
      // The connection was removed; the job is listed until it is cleared.
      return undefined;
    }
  }

  /** The newest messages of a job; {@link noticesFile} has all. */
  notices(id: string): readonly KeptNotice[] {
    return this.#need(id).notices;
  }

  /** The file with the messages of a job, a JSON object a line, of long ones the beginning; there is none where no message came. */
  noticesFile(id: string): string {
    return this.#options.history.noticesFile(this.#need(id).id);
  }

  /** The files beside a job's record, for the whole of long texts. */
  filesOf(id: string): JobFileNames {
    return this.#options.history.files(this.#need(id).id);
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

  /** Takes up what earlier lives of this window left behind. */
  async restore(owners?: ReadonlySet<string>): Promise<Restored> {
    const { jobs, corrupt, others } = await this.#options.history.load(owners);
    const found = { held: 0, detached: 0, corrupt };
    for (const record of jobs) {
      if (this.#disposed || this.#jobs.has(record.id)) continue;
      const job = this.#list(record);
      const kind = takeUp(job, this.#options.clock.now());
      if (kind === 'final') {
        if (owners) this.#changes.tell(job, true);
        continue;
      }
      if (kind === 'held') this.#queue(record.connection).add(record.id, true);
      if (kind === 'detached') this.#watchDetached(job);
      if (kind !== 'lost') found[kind]++;
      await this.#save(job);
    }
    await this.#prune();
    if (owners === undefined) this.#lookAtOthers(others);
    return found;
  }

  /**
   * Takes up the jobs of other windows on the same folder when those are gone: the window before a reload may live a little longer
   * than this one's start, and that of a browser's tab that was closed for hours.
   */
  #lookAtOthers(known: ReadonlySet<string>): void {
    this.#after(OTHERS_MS, () => {
      void this.#takeOver(known).then((living) => this.#lookAtOthers(living));
    });
  }

  /** @returns the windows that are alive */
  async #takeOver(known: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    try {
      const { living, dead } = await this.#options.history.others();
      const gone = new Set([...known, ...dead].filter((name) => !living.has(name)));
      if (gone.size > 0 && !this.#disposed) await this.restore(gone);
      return living;
    } catch (error) {
      this.#options.log.error(`The jobs of other windows could not be taken up: ${messageOf(error)}`);
      return known;
    }
  }

  /** Stops everything of ours; workers run on. A cancel that was asked for is sent first. */
  async dispose(): Promise<void> {
    // As they are now: what breaks from here on breaks because we close it, and says nothing about a job.
    const saved = this.jobs.filter((job) => !job.final).map((job) => this.#save(job));
    this.#disposed = true;
    this.#close();
    for (const one of [...this.#timers, ...this.#watches.values()]) one.dispose();
    this.#timers.clear();
    this.#watches.clear();
    await Promise.allSettled(saved);
    await lasts(this.#options.clock, CANCELS_MS, [Promise.allSettled(this.#cancels)]);
    this.#changes.dispose();
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

  #list(record: JobRecord): Job {
    const { history } = this.#options;
    const job = new Job(record, {
      changed: (changed, stateChanged) => {
        if (stateChanged) void this.#save(changed);
        this.#changes.tell(changed, stateChanged);
      },
      noticed: (changed, notice, fullText) =>
        this.#jobs.has(changed.id) ? history.addNotice(changed.id, notice, fullText) : { kept: false },
      longError: (changed, fullText) => history.keepError(changed.id, fullText),
      loadNotices: (id, limit) => history.notices(id, limit),
    });
    this.#jobs.set(record.id, job);
    return job;
  }

  async #save(job: Job): Promise<void> {
    if (!this.#jobs.has(job.id)) return;
    // A session that breaks because we close it says nothing about its job; what the server told does.
    const told = job.state === 'succeeded' || job.state === 'canceled' || (job.record.error?.sqlstate ?? '') !== '';
    if (this.#disposed && !(job.final && told)) return;
    try {
      await this.#options.history.save(job.record);
      if (job.final && this.#options.history.noticesWritten(job.id)) job.releaseNotices();
    } catch (error) {
      this.#options.log.error(
        `Job ${job.id} could not be written to disk, so a reload would forget it: ${messageOf(error)}`,
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
      const next = queue.take(this.#options.settings().maxConcurrentJobs);
      const job = next && this.#jobs.get(next.id);
      if (!next || !job) return;
      const run = this.#start(job, next, queue)
        .catch((error: unknown) => this.#options.log.error(`Job ${job.id}: ${stackOf(error)}`))
        .finally(() => {
          this.#runs.delete(run);
          this.#pump(connection);
        });
      this.#runs.add(run);
    }
  }

  async #start(job: Job, { refusals }: Waiting, queue: JobQueue): Promise<void> {
    const { links, files, clock, log } = this.#options;
    job.apply('launch');
    let end: RunEnd = 'ended';
    try {
      const breaks = this.#breaks.get(job.id) ?? 0;
      const runner = new JobRunner(job, {
        link: links.link(job.record.connection),
        files,
        clock,
        log,
        mayRetry: breaks < BREAKS_BORNE,
        running: () => queue.running,
        save: (one) => this.#save(one),
      });
      this.#runners.set(job.id, runner);
      void runner.launched.then(() => {
        queue.launched(job.id);
        if (refusals > 0) this.#pump(job.record.connection);
      });
      end = await runner.run();
      if (end === 'broken') this.#breaks.set(job.id, breaks + 1);
      else this.#breaks.delete(job.id);
    } catch (error) {
      // Its connection is gone.
      if (job.final) throw error;
      job.apply('fail', { finishedAt: clock.now(), error: { sqlstate: '', message: messageOf(error) } });
    } finally {
      this.#runners.delete(job.id);
      if ((end === 'noSlot' || end === 'broken') && job.state === 'queued') {
        const { pauseMs, refusals: now } = queue.refuse(job.id);
        this.#after(pauseMs, () => {
          queue.due(job.id, now);
          this.#pump(job.record.connection);
        });
        if (this.#onHold.has(job.record.connection)) this.#hold(job);
      } else {
        queue.done(job.id);
      }
    }
    if (end === 'detached' && !this.#disposed && !job.final) this.#watchDetached(job);
    await this.#save(job);
    if (job.final) await this.#prune();
  }

  #hold(job: Job): void {
    if (job.state !== 'queued' || job.record.held) return;
    this.#queue(job.record.connection).hold(job.id);
    job.note({ held: true, reason: 'Its connection was disconnected before its turn came.' });
    void this.#save(job);
  }

  #unhold(job: Job): void {
    delete job.record.reason;
    job.note({ held: false });
    void this.#save(job);
  }

  #watchDetached(job: Job): void {
    const { links, clock, log } = this.#options;
    const watch = new DetachedWatch(job, { links, clock, log, save: (one) => this.#save(one) });
    this.#watches.set(job.id, watch);
    watch.hurry();
    void job.ended.then(() => {
      watch.dispose();
      this.#watches.delete(job.id);
      return this.#prune();
    });
  }

  /** Calls once later, unless the service is disposed before. */
  #after(ms: number, call: () => void): void {
    if (this.#disposed) return;
    const timer = this.#options.clock.after(ms, () => {
      this.#timers.delete(timer);
      call();
    });
    this.#timers.add(timer);
  }

  /** Finished jobs are kept up to a number and an age. */
  async #prune(): Promise<void> {
    if (this.#disposed) return;
    const drop = tooMany(this.jobs, this.#options.settings(), this.#options.clock.now());
    await this.#forget(drop.map((job) => job.id)).catch((error: unknown) => {
      this.#options.log.warn(`Files of old jobs could not be removed: ${messageOf(error)}`);
    });
  }

  async #forget(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    for (const id of ids) {
      this.#jobs.delete(id);
      this.#changes.forget(id);
    }
    this.#removed.emit(ids);
    await Promise.all(ids.map((id) => Promise.all([this.#options.history.remove(id), this.#options.files.remove(id)])));
  }
}

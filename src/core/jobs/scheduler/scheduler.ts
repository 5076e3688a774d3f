import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { stackOf } from '../../base/errors';
import { faultOf } from '../../base/fault';
import type { Logger } from '../../base/logger';
import { errorOfFault } from '../errors';
import type { Job } from '../job';
import type { JobFiles, ServerLinks } from '../ports';
import { JobRunner } from '../run/jobRunner';
import { retryPauseMs } from '../run/attempts';
import type { LaunchPermit, RunEnd } from '../run/runnerContext';
import type { JobFault } from '../faults';
import { PlaceWait } from './placeWait';
import type { NoPlace, Place, Places } from './places';
import { JobQueue, type QueueEntry } from './queue';
import { stoppedReason, type BatchTurn } from '../batches/batchRules';

/** Retries after a session breaks before the launch. After that the job fails, because its SQL may break the session. */
const MAX_SESSION_BREAKS = 3;

/** Why jobs are held if the user knows, when resuming them, that the outcome of others may be unknown. */
const INTERRUPTIONS = new Set<string | undefined>([
  'jobs.heldReloaded',
  'jobs.batchUnknown',
] satisfies JobFault['code'][]);

/** One attempt to run a job. */
interface Run {
  /** Another window took the job meanwhile. */
  abandoned: boolean;
  over: Promise<void>;
}

export interface SchedulerOptions {
  readonly links: ServerLinks;
  readonly files: JobFiles;
  readonly clock: Clock;
  readonly log: Logger;
  /** Counts the jobs of other windows. Without it, the limit counts for this window alone. */
  readonly places?: Places | undefined;
  /** Returns a function that decides whether a waiting job may start; see batchRules.ts. Valid until a job changes. */
  turns?(): (job: Job) => BatchTurn;
  /** Called when a job leaves its queue to be launched. */
  beforeLaunch?(job: Job): void;
  /** How many jobs run at once per connection; 0 = no limit. Read at each use. */
  maxConcurrentJobs(): number;
  /** Whether this window may launch the job; called when `launchSentAt` is on disk. */
  mayLaunch(job: Job): Promise<LaunchPermit>;
  /** Called when a run is over: the job has ended, waits again, or is detached. */
  runEnded(job: Job, end: RunEnd): Promise<void>;
}

/** Decides when jobs run: one queue per connection, retries after refused launches, and jobs that wait for the user. */
export class Scheduler {
  readonly #queues = new Map<string, JobQueue>();
  /** The jobs that wait or run. */
  readonly #jobs = new Map<string, Job>();
  readonly #runners = new Map<string, JobRunner>();
  readonly #runs = new Set<Promise<void>>();
  /** The current run of each running job. */
  readonly #running = new Map<string, Run>();
  readonly #timers = new Set<Disposable>();
  /** How often the session of a job broke before the launch. */
  readonly #sessionBreaks = new Map<string, number>();
  /** Jobs in the pause before another attempt, with the attempt. Others of their connection run meanwhile. */
  readonly #pausing = new Map<string, number>();
  /** Connections that the user disconnected and has not used since: jobs that return to their queue are held. */
  readonly #disconnected = new Set<string>();
  /** The places of running jobs. */
  readonly #places = new Map<string, Place>();
  /** Connections whose next job waits for a place, because jobs of other windows have all of them. */
  readonly #waits = new Map<string, PlaceWait>();
  /** Connections whose queues are checked soon, because jobs have ended for which others wait. */
  readonly #woken = new Set<string>();
  #disposed = false;

  readonly #options: SchedulerOptions;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Adds a job to the queue of its connection; {@link start} runs it. */
  add(job: Job): void {
    const earlier = this.#running.get(job.id);
    if (earlier?.abandoned === true) {
      // The job came back before that run was over, which then frees what belongs to the id of the job.
      void earlier.over.then(() => {
        if (job.state !== 'queued' || job.mirrored) return;
        this.add(job);
        this.#pump(job.record.connection);
      });
      return;
    }
    this.#jobs.set(job.id, job);
    this.#queue(job.record.connection).add(job.id);
  }

  /** Runs jobs of a connection that the user uses, as far as they may run now. */
  start(connection: string): void {
    this.#disconnected.delete(connection);
    this.#pump(connection);
  }

  /** Removes a job that waits. */
  remove(job: Job): void {
    this.#pausing.delete(job.id);
    if (this.#queue(job.record.connection).remove(job.id)) this.#jobs.delete(job.id);
  }

  /** Stops driving a job that another window owns now. */
  abandon(job: Job): void {
    this.remove(job);
    this.#runners.get(job.id)?.abandon();
    const run = this.#running.get(job.id);
    if (run) run.abandoned = true;
  }

  /** Makes a waiting job the next one of its connection. */
  runNext(job: Job): void {
    const { connection } = job.record;
    if (!this.#queue(connection).runNext(job.id)) return;
    this.#pausing.delete(job.id);
    this.#resume(job);
    this.start(connection);
  }

  /** Moves waiting jobs of one connection to the place of another one. @returns false if nothing moves */
  move(jobs: readonly Job[], to: Job): boolean {
    const { connection } = to.record;
    const moved = this.#queue(connection).move(new Set(jobs.map(({ id }) => id)), to.id);
    if (moved) this.#pump(connection);
    return moved;
  }

  /** Holds the jobs of a connection that wait, and those that return to its queue, until the user resumes them. */
  hold(connection: string): void {
    this.#disconnected.add(connection);
    for (const job of this.#waiting(connection)) this.#hold(job);
  }

  /** Resumes all held jobs. */
  resumeHeld(): void {
    this.#disconnected.clear();
    for (const connection of this.#queues.keys()) {
      for (const job of this.#waiting(connection)) if (job.record.held) this.#resume(job);
    }
    for (const connection of this.#queues.keys()) this.#pump(connection);
  }

  /** Retries the jobs that wait for a worker slot or a server now. */
  retryNow(): void {
    this.#pausing.clear();
    for (const [connection, queue] of this.#queues) {
      queue.retryNow();
      this.#pump(connection);
    }
  }

  /**
   * Jobs have ended for which those of these connections may have waited. Looks at all of them once, soon: a batch that stops ends many jobs at
   * once.
   *
   * @param connections default: all
   */
  wake(connections: Iterable<string> = this.#queues.keys()): void {
    if (this.#woken.size === 0) {
      queueMicrotask(() => {
        const woken = [...this.#woken];
        this.#woken.clear();
        for (const connection of woken) this.#pump(connection);
      });
    }
    for (const connection of connections) this.#woken.add(connection);
  }

  /** The ids of the jobs of a connection that wait, in the order in which they will run. */
  waiting(connection: string): readonly string[] {
    return this.#queue(connection).waiting;
  }

  /** Position in the queue of its connection, from 1; undefined if the job does not wait. */
  position(job: Job): number | undefined {
    const index = this.#queue(job.record.connection).waiting.indexOf(job.id);
    return index < 0 ? undefined : index + 1;
  }

  /** The runner of a running job. */
  runner(id: string): JobRunner | undefined {
    return this.#runners.get(id);
  }

  /** Resolves when every current run is over: soon, after the connections were closed. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#runs);
  }

  /** Starts no more jobs. Current runs continue until their connections are closed. */
  dispose(): void {
    this.#disposed = true;
    for (const timer of this.#timers) timer.dispose();
    this.#timers.clear();
    for (const connection of [...this.#waits.keys()]) this.#endWait(connection);
  }

  #queue(connection: string): JobQueue {
    let queue = this.#queues.get(connection);
    if (!queue) {
      queue = new JobQueue();
      this.#queues.set(connection, queue);
    }
    return queue;
  }

  #waiting(connection: string): readonly Job[] {
    return this.#queue(connection).waiting.flatMap((id) => this.#jobs.get(id) ?? []);
  }

  /** Whether a job may not start now: it waits for the user, or for other jobs of its batch. */
  #isBlocked(): (id: string) => boolean {
    const turns = this.#options.turns?.();
    return (id) => {
      const job = this.#jobs.get(id);
      return (
        job !== undefined &&
        (job.record.held || this.#pausing.has(id) || (turns !== undefined && turns(job) !== 'start'))
      );
    };
  }

  /** Ends the waiting jobs of batches that have stopped, and holds those that only the user can continue. They were never launched. */
  #stopBatches(connection: string): void {
    const turns = this.#options.turns?.();
    if (!turns) return;
    for (const job of this.#waiting(connection)) {
      const turn = turns(job);
      if (typeof turn === 'string' || job.state !== 'queued') continue;
      if (!turn.stoppedBy) {
        this.#hold(job, { code: 'jobs.batchUnknown', params: { label: turn.heldBy.label } });
        continue;
      }
      this.remove(job);
      job.transition('cancel', { finishedAt: this.#options.clock.now(), reason: stoppedReason(turn.stoppedBy) });
    }
  }

  #hold(job: Job, reason: JobFault = { code: 'jobs.heldDisconnected' }): void {
    if (job.record.held) return;
    job.update({ held: true, reason }, { durable: true });
  }

  #resume(job: Job): void {
    const { batch, reason } = job.record;
    const resumed = batch && INTERRUPTIONS.has(reason?.code) ? { batch: { ...batch, resumed: true } as const } : {};
    job.update({ held: false, reason: undefined, ...resumed }, { durable: true });
  }

  #pump(connection: string): void {
    const queue = this.#queue(connection);
    if (!this.#disposed) this.#stopBatches(connection);
    for (;;) {
      if (this.#disposed) return;
      const wait = this.#waits.get(connection);
      if (wait && !wait.ready) {
        wait.check();
        return;
      }
      const entry = queue.take(this.#options.maxConcurrentJobs(), this.#isBlocked());
      const job = entry && this.#jobs.get(entry.id);
      if (!job) return;
      const run: Run = { abandoned: false, over: Promise.resolve() };
      this.#running.set(job.id, run);
      const over = this.#run(job, entry, queue, run)
        .catch((error: unknown) => this.#options.log.error(`Job ${job.id}: ${stackOf(error)}`))
        .finally(() => {
          this.#runs.delete(over);
          // A job that waits again may run again already.
          if (this.#running.get(job.id) === run) this.#running.delete(job.id);
          this.#pump(connection);
        });
      run.over = over;
      this.#runs.add(over);
    }
  }

  async #run(job: Job, entry: QueueEntry, queue: JobQueue, run: Run): Promise<void> {
    let end: RunEnd = 'ended';
    try {
      this.#options.beforeLaunch?.(job);
      job.transition('launch');
      end = await this.#runOnce(job, entry, queue);
    } finally {
      this.#runners.delete(job.id);
      await this.#freePlace(job, run.abandoned ? 'abandoned' : end);
      const waits = job.state === 'queued' && !job.mirrored && !run.abandoned;
      if (end === 'noPlace' && waits) this.#waitForPlace(job, queue);
      else if (end === 'lockTimeout' && waits) this.#retryLater(job, queue);
      else if ((end === 'noSlot' || end === 'broken') && waits) this.#waitAgain(job, queue);
      else {
        queue.done(job.id);
        this.#jobs.delete(job.id);
      }
    }
    await this.#options.runEnded(job, end);
  }

  async #runOnce(job: Job, { refusals }: QueueEntry, queue: JobQueue): Promise<RunEnd> {
    const { links, files, clock, log } = this.#options;
    const { connection } = job.record;
    const breaks = this.#sessionBreaks.get(job.id) ?? 0;
    try {
      const runner = new JobRunner(job, {
        link: links.link(connection),
        files,
        clock,
        log,
        mayRetry: breaks < MAX_SESSION_BREAKS,
        running: () => queue.running,
        takePlace: this.#options.places && (() => this.#takePlace(job)),
        closing: () => this.#disposed,
        mayLaunch: (launching) => this.#options.mayLaunch(launching),
      });
      this.#runners.set(job.id, runner);
      void runner.launched.then(() => {
        queue.launched(job.id);
        if (refusals > 0) this.#pump(connection);
      });
      const end = await runner.run();
      if (end === 'broken') this.#sessionBreaks.set(job.id, breaks + 1);
      else this.#sessionBreaks.delete(job.id);
      return end;
    } catch (error) {
      // The connection was removed.
      if (job.final) throw error;
      job.transition('fail', { finishedAt: clock.now(), error: errorOfFault(faultOf(error)) });
      return 'ended';
    }
  }

  #waitAgain(job: Job, queue: JobQueue): void {
    const { connection } = job.record;
    const { pauseMs, refusals } = queue.refuse(job.id);
    this.#after(pauseMs, () => {
      queue.pauseOver(job.id, refusals);
      this.#pump(connection);
    });
    if (this.#disconnected.has(connection)) this.#hold(job);
  }

  /** Puts a job back whose attempt was rolled back. */
  #retryLater(job: Job, queue: JobQueue): void {
    const { connection, attempt = 2 } = job.record;
    queue.putBack(job.id);
    this.#pausing.set(job.id, attempt);
    this.#after(retryPauseMs(attempt), () => {
      if (this.#pausing.get(job.id) === attempt) this.#pausing.delete(job.id);
      this.#pump(connection);
    });
    if (this.#disconnected.has(connection)) this.#hold(job);
  }

  /** @returns why there is no place for the job */
  async #takePlace(job: Job): Promise<JobFault | undefined> {
    const { places } = this.#options;
    const limit = this.#options.maxConcurrentJobs();
    if (!places || limit === 0) return undefined;
    const taken = this.#waits.get(job.record.connection)?.use(job.id) ?? (await places.take(job, limit, false));
    if ('elsewhere' in taken) return noPlace(taken, limit);
    this.#places.set(job.id, taken);
    return undefined;
  }

  async #freePlace(job: Job, end: RunEnd): Promise<void> {
    const place = this.#places.get(job.id);
    if (!place) return;
    this.#places.delete(job.id);
    if (end === 'abandoned') place.leave();
    // A job that is left running when the window closes keeps its place.
    else if (end !== 'detached' || !this.#disposed) await place.release();
  }

  #waitForPlace(job: Job, queue: JobQueue): void {
    const { connection } = job.record;
    queue.putBack(job.id);
    if (this.#disconnected.has(connection)) this.#hold(job);
    const { places, clock, log } = this.#options;
    if (!places || this.#disposed || this.#waits.has(connection)) return;
    const limit = (): number => this.#options.maxConcurrentJobs();
    const wait = new PlaceWait({
      connection,
      places,
      clock,
      limit,
      next: () => this.#jobs.get(queue.next(limit(), this.#isBlocked())?.id ?? ''),
      gained: () => this.#pump(connection),
      noPlace: (next, why) => this.#noteNoPlace(next, noPlace(why, limit())),
      over: () => {
        this.#endWait(connection);
        this.#pump(connection);
      },
      failed: (error) => log.error(`Jobs of ${connection} wait for a place: ${stackOf(error)}`),
    });
    this.#waits.set(connection, wait);
  }

  #noteNoPlace(job: Job, reason: JobFault): void {
    if (job.state !== 'queued' || job.record.held || job.mirrored) return;
    if (JSON.stringify(job.record.reason) !== JSON.stringify(reason)) job.update({ reason }, { durable: false });
  }

  #endWait(connection: string): void {
    const wait = this.#waits.get(connection);
    if (!wait) return;
    this.#waits.delete(connection);
    const disposing = wait.dispose().finally(() => this.#runs.delete(disposing));
    this.#runs.add(disposing);
  }

  /** Calls once later, unless the scheduler is disposed before. */
  #after(ms: number, call: () => void): void {
    if (this.#disposed) return;
    const timer = this.#options.clock.after(ms, () => {
      this.#timers.delete(timer);
      call();
    });
    this.#timers.add(timer);
  }
}

function noPlace({ elsewhere, yields }: NoPlace, limit: number): JobFault {
  return { code: 'jobs.noPlace', params: { elsewhere: yields ? 0 : elsewhere, limit } };
}

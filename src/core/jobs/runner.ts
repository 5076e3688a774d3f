import { Writable } from 'node:stream';
import type { JobError } from '../../api';
import type { Job } from './job';
import { decideOutcome, type Outcome, type WorkerReport } from './outcome';
import {
  LaunchError,
  SessionLostError,
  UnreachableError,
  WorkerFailedError,
  type ActiveWorker,
  type Clock,
  type Disposable,
  type JobFiles,
  type Logger,
  type RowPlan,
  type RowSink,
  type ServerLink,
  type WorkerHandle,
  type WorkerSession,
} from './ports';
import { QUEUE_FULL } from './why';

/** How long a worker counts as young: it is asked about often, since most work is short. Milliseconds. */
const YOUNG_MS = 1500;
/** A connection that brings no rows for this long while its worker is gone is dead. Milliseconds. */
const STALLED_MS = 30_000;

/** Short while a worker is young, so that a full queue is noticed at once; the end of a worker always ends the wait. */
function sliceMs(ageMs: number): number {
  if (ageMs < YOUNG_MS) return 50;
  return ageMs < 20_000 ? 250 : 1000;
}

export interface RunnerContext {
  readonly link: ServerLink;
  readonly files: JobFiles;
  readonly clock: Clock;
  readonly log: Logger;
  /** Writes the record; resolves when it is on disk. */
  save(job: Job): Promise<void>;
}

/** What became of a run, for the service: ended, without a slot, or alive without its session. */
export type RunEnd = 'ended' | 'noSlot' | 'detached';

/** Carries one job from launch to outcome. One use. */
export class JobRunner {
  #session: WorkerSession | undefined;
  #worker: WorkerHandle | undefined;
  #plan: RowPlan | undefined;
  #queueFull = false;
  #seenActive = false;
  #giveUp = false;
  #ended = false;
  #launched!: () => void;
  /** Resolves when the worker is attached, or when the run has ended without one. */
  readonly launched = new Promise<void>((resolve) => {
    this.#launched = resolve;
  });

  constructor(
    private readonly job: Job,
    private readonly context: RunnerContext,
  ) {}

  get worker(): WorkerHandle | undefined {
    return this.#worker;
  }

  /** False while nothing but the run itself can be asked of the session: rows are read, or it is gone. */
  get sessionFree(): boolean {
    return this.#session !== undefined && !this.#session.closed && !this.#session.reading;
  }

  get seenActive(): boolean {
    return this.#seenActive;
  }

  /** True once the server said that the worker has stopped. */
  get workerEnded(): boolean {
    return this.#ended;
  }

  async signal(): Promise<void> {
    if (this.#session && this.#worker) await this.#session.cancelWorker(this.#worker);
  }

  /** Stops tracking: the worker runs on. */
  stopTracking(): void {
    this.#giveUp = true;
  }

  async run(): Promise<RunEnd> {
    const { job, context } = this;
    const watches: Disposable[] = [];
    try {
      const session = await context.link.acquire();
      this.#session = session;
      watches.push(
        session.onNotice((notice) => job.addNotice({ at: context.clock.now(), ...notice })),
        ...this.#watchActivity(),
      );
      return await this.#launchAndWatch(session);
    } catch (error) {
      return this.#broken(error);
    } finally {
      this.#launched();
      for (const watch of watches) watch.dispose();
      this.#session?.release();
    }
  }

  /** Snapshots tell when the worker began, that its queue is full, and, with the pid, who it is. */
  #watchActivity(): Disposable[] {
    const { link, clock } = this.context;
    const fast = link.watch('fast');
    return [
      fast,
      link.watch('steady'),
      clock.after(YOUNG_MS, () => fast.dispose()),
      link.onSnapshot((snapshot) => {
        const worker = snapshot.workers.find((one) => this.#isOurs(one));
        if (worker) this.#see(worker, snapshot.serverStart);
        else this.#dropStalled();
      }),
    ];
  }

  #isOurs(worker: ActiveWorker): boolean {
    const ours = this.#worker;
    if (ours?.pid !== worker.pid) return false;
    return this.job.record.backendStart === undefined || this.job.record.backendStart === worker.backendStart;
  }

  #see(worker: ActiveWorker, serverStart: string): void {
    const { record } = this.job;
    if (record.backendStart === undefined || record.serverStart === undefined) {
      this.job.note({ backendStart: worker.backendStart, serverStart });
      void this.context.save(this.job);
    }
    if (worker.state === 'active') this.#seenActive = true;
    if (worker.waitEvent === QUEUE_FULL) this.#queueFull = true;
  }

  #dropStalled(): void {
    const session = this.#session;
    if (session?.reading && session.idleMs() > STALLED_MS) session.destroy();
  }

  async #launchAndWatch(session: WorkerSession): Promise<RunEnd> {
    const { job, context } = this;
    const { request } = job.record;
    const plan = await session.describe(request.sql);
    this.#plan = plan;
    if (plan.notice !== undefined) {
      job.addNotice({ at: context.clock.now(), severity: 'WARNING', message: plan.notice });
    }
    // On disk before the launch: whatever happens next, the run is not forgotten.
    await context.save(job);
    if (job.state === 'canceling') {
      job.apply('cancelSettled', {
        finishedAt: context.clock.now(),
        reason: 'It was canceled before it was launched.',
      });
      return 'ended';
    }
    let worker: WorkerHandle;
    try {
      worker = await session.launch({
        sql: plan.sql,
        label: job.record.label,
        readable: plan.mode !== 'none',
        ...(request.queueSizeBytes === undefined ? {} : { queueSizeBytes: request.queueSizeBytes }),
        ...(request.statementTimeoutMs === undefined ? {} : { statementTimeoutMs: request.statementTimeoutMs }),
        ...(request.workerTimeoutMs === undefined ? {} : { workerTimeoutMs: request.workerTimeoutMs }),
      });
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error;
      if (error.noSlot) {
        job.apply('noSlot', { reason: error.message });
        return 'noSlot';
      }
      this.#settle({ event: 'fail', error: error.error });
      return 'ended';
    }
    this.#worker = worker;
    job.apply('launched', {
      pid: worker.pid,
      launchedAt: context.clock.now(),
      ...(worker.backendStart === undefined ? {} : { backendStart: worker.backendStart }),
    });
    void context.save(job);
    this.#launched();
    return this.#watch(session, worker, plan);
  }

  async #watch(session: WorkerSession, worker: WorkerHandle, plan: RowPlan): Promise<RunEnd> {
    const { job, context } = this;
    const started = context.clock.now();
    for (;;) {
      if (this.#giveUp) return this.#detach(session, worker, 'You stopped tracking it. It runs on.');
      if (this.#queueFull) {
        if (plan.mode !== 'none') return this.#readEarly(session, worker, plan);
        return this.#detach(
          session,
          worker,
          'Its queue is full and its rows cannot be read, so it was let go. It runs on.',
        );
      }
      const { stopped, progress } = await session.wait(worker, sliceMs(context.clock.now() - started));
      const known = job.record.progress;
      if (progress && (progress.pct !== known?.pct || progress.message !== known.message)) job.note({ progress });
      if (stopped) break;
    }
    this.#ended = true;
    const report = await session.report(worker);
    if (!report) return this.#readEarly(session, worker, plan);
    return this.#readAfter(session, worker, plan, report);
  }

  /** The worker has ended and told how: its rows, its messages and the place of its error are still to be read. */
  async #readAfter(session: WorkerSession, worker: WorkerHandle, plan: RowPlan, report: WorkerReport): Promise<RunEnd> {
    const outcome = decideOutcome(report, this.job.record.cancel !== undefined);
    if (plan.mode === 'none') {
      await session.detach(worker);
      this.#settle(outcome);
      return 'ended';
    }
    if (outcome.event === 'succeed') {
      const read = await this.#read(session, worker, plan);
      this.#settle(
        'error' in read
          ? unreadable(outcome, read.error)
          : { ...outcome, rowCount: Math.max(outcome.rowCount, read.rows) },
      );
      return 'ended';
    }
    // Reading raises the error once more, with its position, and brings the messages that came before it.
    const again = await this.#read(session, worker, plan, discard());
    if (outcome.event === 'fail' && 'error' in again && again.error.position !== undefined) {
      this.#settle({ event: 'fail', error: { ...outcome.error, position: again.error.position } });
    } else {
      this.#settle(outcome);
    }
    return 'ended';
  }

  /** The worker waits on its full queue, or this version cannot tell its outcome: reading tells how it ends. */
  async #readEarly(session: WorkerSession, worker: WorkerHandle, plan: RowPlan): Promise<RunEnd> {
    const read = await this.#read(session, worker, plan);
    this.#ended = true;
    const canceled = this.job.record.cancel !== undefined;
    if ('error' in read) {
      this.#settle(
        decideOutcome({ completed: true, hasError: true, commandTag: '', rowCount: 0, error: read.error }, canceled),
      );
    } else {
      this.#settle(
        decideOutcome({ completed: true, hasError: false, commandTag: read.tag, rowCount: read.rows }, canceled),
      );
    }
    return 'ended';
  }

  async #read(
    session: WorkerSession,
    worker: WorkerHandle,
    plan: RowPlan,
    into?: Writable,
  ): Promise<{ rows: number; tag: string } | { error: JobError }> {
    const { job } = this;
    if (job.state === 'running') job.apply('read');
    const keep = plan.mode === 'rows' || plan.mode === 'unfold';
    const tag = collectTag();
    let sink: RowSink | undefined;
    try {
      if (into) {
        await session.read(worker, plan, into);
        return { rows: 0, tag: '' };
      }
      if (!keep) {
        await session.read(worker, plan, tag.stream);
        return { rows: rowsOfTag(tag.text()), tag: tag.text() };
      }
      sink = await this.#openSink(plan);
      const { rows } = await session.read(worker, plan, sink.stream);
      return { rows, tag: plan.tag };
    } catch (error) {
      if (!(error instanceof WorkerFailedError)) throw error;
      return { error: error.error };
    } finally {
      if (sink) {
        const kept = await sink.finish();
        job.note({ rows: kept });
        if (kept.message !== undefined) {
          job.addNotice({ at: this.context.clock.now(), severity: 'WARNING', message: kept.message });
        }
      }
    }
  }

  async #openSink(plan: RowPlan): Promise<RowSink> {
    const { job, context } = this;
    job.note({ columns: plan.columns });
    return context.files.createRows(job.id, plan.columns, plan.mode === 'unfold', (columns) => job.note({ columns }));
  }

  async #detach(session: WorkerSession, worker: WorkerHandle, reason: string): Promise<RunEnd> {
    await session.detach(worker);
    this.job.apply('detach', { detached: true, reason });
    return 'detached';
  }

  #settle(outcome: Outcome): void {
    const finishedAt = this.context.clock.now();
    switch (outcome.event) {
      case 'succeed':
        this.job.apply('succeed', {
          finishedAt,
          commandTag: outcome.commandTag,
          rowCount: outcome.rowCount,
          ...(outcome.reason === undefined ? {} : { reason: outcome.reason }),
        });
        break;
      case 'fail':
        this.job.apply('fail', { finishedAt, error: outcome.error });
        break;
      case 'cancelSettled':
        this.job.apply('cancelSettled', {
          finishedAt,
          ...(outcome.reason === undefined ? {} : { reason: outcome.reason }),
        });
        break;
      case 'lose':
        this.job.apply('lose', { finishedAt, reason: outcome.reason });
        break;
    }
  }

  /** The session broke, or something of ours did: what is known decides what the job is now. */
  #broken(error: unknown): RunEnd {
    const { job, context } = this;
    const message = error instanceof Error ? error.message : String(error);
    context.log.warn(`Job ${job.id} (${job.record.label}): ${message}`);
    if (job.final) return 'ended';
    const finishedAt = context.clock.now();
    if (error instanceof UnreachableError) {
      job.apply('noSlot', { reason: message });
      return 'noSlot';
    }
    if (this.#worker) {
      job.apply('detach', {
        detached: true,
        reason: `${message} The worker may run on; its rows and outcome are lost.`,
      });
      return 'detached';
    }
    if (this.#plan && error instanceof SessionLostError) {
      const reason = `${message} It happened during the launch, so the SQL may or may not run: look for it among the other workers.`;
      job.apply('lose', { finishedAt, reason });
    } else {
      job.apply('fail', { finishedAt, error: { sqlstate: '', message } });
    }
    return 'ended';
  }
}

/** A success whose rows could not be read: the work is done, and that is what counts; the loss is said. */
function unreadable(outcome: Extract<Outcome, { event: 'succeed' }>, error: JobError): Outcome {
  return { ...outcome, reason: `Its rows could not be read: ${error.message}` };
}

function discard(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/** A statement without rows answers with its command tag, as the one row of one column. */
function collectTag(): { stream: Writable; text(): string } {
  let text = '';
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text = (text + chunk.toString('utf8')).slice(0, 200);
      done();
    },
  });
  return { stream, text: () => text.split('\n')[0] ?? '' };
}

/** The count at the end of `INSERT 0 5` or `UPDATE 5`. */
function rowsOfTag(tag: string): number {
  return Number(/\d+$/.exec(tag)?.[0] ?? 0);
}

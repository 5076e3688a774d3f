import type { Writable } from 'node:stream';
import type { JobError } from '../../../api';
import type { Job } from '../job';
import { launchText } from '../../sql/settings/launchSettings';
import { launchOptions } from './launchLimits';
import { messageOf } from '../../base/errors';
import { describeFault } from '../../base/fault';
import { bareTag, decideOutcome, endsWorker, rowsOfTag, SERVER_CRASHED, WORKER_GONE, type Outcome } from '../outcome';
import type { WorkerReport } from '../workerReport';
import { LaunchError, SessionLostError, UnreachableError } from '../errors';
import type {
  ActiveWorker,
  ActivitySnapshot,
  JobFiles,
  RowPlan,
  ServerLink,
  WorkerHandle,
  WorkerSession,
} from '../ports';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import type { Logger } from '../../base/logger';
import { collectTag, discard, readRows, type ReadRows } from './resultReader';
import { compareServers, findWorker, serverOfSnapshot } from '../serverIdentity';
import { looksAtQueue, sliceMs } from '../scheduler/waitInterval';
import { noSlotReason, QUEUE_FULL } from '../cancel/stuckReason';

/** How long a worker counts as young: it is asked about often, since most work is short. Milliseconds. */
const YOUNG_MS = 1500;
/** A connection that brings no rows for this long while its worker is gone is dead. Milliseconds. */
const STALLED_MS = 30_000;

export interface RunnerContext {
  readonly link: ServerLink;
  readonly files: JobFiles;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether a session that breaks before the launch leads to another try: not for ever, should it be the SQL that breaks it. */
  readonly mayRetry: boolean;
  /** How many jobs of the connection run now. */
  running(): number;
  /** Writes the record; resolves when it is on disk. */
  save(job: Job): Promise<void>;
}

/**
 * What became of a run, for the service: ended, without a slot or a server, with its session broken before the launch, or
 * alive without its session.
 */
export type RunEnd = 'ended' | 'noSlot' | 'broken' | 'detached';

/** Carries one job from launch to outcome. One use. */
export class JobRunner {
  #session: WorkerSession | undefined;
  #worker: WorkerHandle | undefined;
  #launchSent = false;
  #queueFull = false;
  #seenActive = false;
  /** By the monotonic clock: when the launch was sent, and when the worker was attached. */
  #sentAt: number | undefined;
  #attachedAt: number | undefined;
  #signaledMs: number | undefined;
  #giveUp = false;
  #letGo = false;
  #ended = false;
  #reading = false;
  readonly #watches: Disposable[] = [];
  #fast: Disposable | undefined;
  #launched!: () => void;
  /** Resolves when the worker is attached, or when the run has ended without one. */
  readonly launched = new Promise<void>((resolve) => {
    this.#launched = resolve;
  });

  readonly #job: Job;
  readonly #context: RunnerContext;

  constructor(job: Job, context: RunnerContext) {
    this.#job = job;
    this.#context = context;
  }

  /** False while nothing but the run itself can be asked of the session: rows are read, or it is gone. */
  get sessionFree(): boolean {
    return this.#session !== undefined && !this.#session.closed && !this.#session.reading && !this.#letGo;
  }

  get reading(): boolean {
    return this.#reading;
  }

  /** Milliseconds since the worker was attached. */
  get workerAge(): number {
    return this.#attachedAt === undefined ? 0 : this.#context.clock.monotonic() - this.#attachedAt;
  }

  /** SIGTERM is being sent. */
  noteSignal(): void {
    this.#signaledMs = this.workerAge;
  }

  get seenActive(): boolean {
    return this.#seenActive;
  }

  /** True once the server said that the worker has stopped. */
  get workerEnded(): boolean {
    return this.#ended;
  }

  /** Sends SIGTERM through the session, which knows its worker by a cookie. False if there is none to be signaled. */
  async signal(): Promise<boolean> {
    if (!this.#session || !this.#worker) return false;
    await this.#session.cancelWorker(this.#worker);
    return true;
  }

  /** Stops tracking: the worker runs on. */
  stopTracking(): void {
    this.#giveUp = true;
    this.#session?.wake();
  }

  async run(): Promise<RunEnd> {
    const job = this.#job;
    const context = this.#context;
    try {
      const session = await context.link.acquire();
      this.#session = session;
      this.#watches.push(session.onNotice((notice) => job.addNotice({ at: context.clock.now(), ...notice })));
      return await this.#launchAndWatch(session);
    } catch (error) {
      return this.#broken(error);
    } finally {
      this.#launched();
      for (const watch of this.#watches) watch.dispose();
      this.#session?.release();
    }
  }

  /** Snapshots tell when the worker began, that its queue is full, and, with the pid, who it is. */
  #watchActivity(): Disposable[] {
    const { link, clock } = this.#context;
    const fast = link.watch('fast');
    this.#fast = fast;
    return [
      fast,
      link.watch('steady'),
      clock.after(YOUNG_MS, () => fast.dispose()),
      link.onSnapshot((snapshot) => {
        const worker = this.#findIn(snapshot);
        if (worker) this.#see(worker, snapshot.serverStart);
      }),
    ];
  }

  #findIn(snapshot: ActivitySnapshot): ActiveWorker | undefined {
    const pid = this.#worker?.processId;
    return pid === undefined ? undefined : findWorker({ ...this.#job.record, pid }, snapshot);
  }

  #see(worker: ActiveWorker, serverStart: string): void {
    const { record } = this.#job;
    if (record.backendStart === undefined || record.serverStart === undefined) {
      this.#job.note({ backendStart: worker.backendStart, serverStart });
      void this.#context.save(this.#job);
    }
    if (worker.state === 'active') this.#seenActive = true;
    if (worker.waitEvent === QUEUE_FULL && !this.#queueFull) {
      this.#queueFull = true;
      this.#session?.wake();
    }
  }

  async #launchAndWatch(session: WorkerSession): Promise<RunEnd> {
    const job = this.#job;
    const context = this.#context;
    const { label, request } = job.record;
    const text = launchText(request.sql);
    job.note({ launchSentAt: context.clock.now() });
    let plan: RowPlan;
    try {
      // On disk before the launch: whatever happens next, the run is not forgotten. The disk and the server work at the same time.
      [plan] = await Promise.all([
        session.describe(text.sql, { ...request.settings, ...text.settings }),
        context.save(job),
      ]);
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error;
      delete job.record.launchSentAt;
      this.#settle({ event: 'fail', error: error.error });
      return 'ended';
    }
    for (const { name } of text.ineffective) {
      await job.addNotice({ at: context.clock.now(), severity: 'WARNING', message: ineffectiveNotice(name) });
    }
    if (plan.notice !== undefined) {
      await job.addNotice({ at: context.clock.now(), severity: 'WARNING', message: describeFault(plan.notice) });
    }
    if (job.state === 'canceling') {
      this.#settle({ event: 'cancelSettled', reason: NEVER_LAUNCHED });
      return 'ended';
    }
    let worker: WorkerHandle;
    try {
      this.#launchSent = true;
      this.#sentAt = context.clock.monotonic();
      const queueSizeBytes = greatest(request.queueSizeBytes, plan.queueSizeBytes);
      worker = await session.launch({
        sql: plan.sql,
        label,
        ...launchOptions(request, text),
        ...(queueSizeBytes === undefined ? {} : { queueSizeBytes }),
      });
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error;
      delete job.record.launchSentAt;
      if (error.noSlot) return await this.#noSlot(error);
      if (error.withdrawn) return this.#again('noSlot', withdrawnReason(error.error));
      this.#settle({ event: 'fail', error: error.error });
      return 'ended';
    }
    this.#worker = worker;
    this.#attachedAt = context.clock.monotonic();
    const { processId, backendStart, serverStart } = worker;
    job.apply('launched', {
      ...(processId === undefined ? {} : { pid: processId }),
      launchedAt: context.clock.now(),
      ...(worker.limits === undefined ? {} : { limits: worker.limits }),
      ...(backendStart === undefined ? {} : { backendStart }),
      ...(serverStart === undefined ? {} : { serverStart }),
      ...(worker.server === undefined ? {} : { server: worker.server }),
    });
    if (worker.replacedLabel !== undefined) {
      const message = `The database's encoding cannot hold the label “${job.record.label}”, so the server shows it as “${worker.replacedLabel}”.`;
      await job.addNotice({ at: context.clock.now(), severity: 'WARNING', message });
    }
    this.#launched();
    // Not before: the launch has not to share the server with questions that nobody needs yet.
    this.#watches.push(...this.#watchActivity());
    if (worker.elsewhere === true) throw new SessionLostError(PROXY);
    return this.#watch(session, worker, plan);
  }

  async #noSlot(error: LaunchError): Promise<RunEnd> {
    const snapshot = await this.#context.link.refresh().catch(() => this.#context.link.snapshot);
    return this.#again('noSlot', noSlotReason(error.error, snapshot));
  }

  /** Back to the queue; a job that was to be canceled has not to wait there. */
  #again(end: 'noSlot' | 'broken', reason: string): RunEnd {
    if (this.#job.state === 'canceling') {
      this.#settle({ event: 'cancelSettled', reason: NEVER_LAUNCHED });
      return 'ended';
    }
    delete this.#job.record.launchSentAt;
    this.#job.apply('noSlot', { reason });
    return end;
  }

  async #watch(session: WorkerSession, worker: WorkerHandle, plan: RowPlan): Promise<RunEnd> {
    const job = this.#job;
    const context = this.#context;
    const started = context.clock.monotonic();
    for (;;) {
      if (this.#giveUp) return this.#detach(session, worker, 'You stopped tracking it. It runs on.');
      if (this.#queueFull) {
        if (plan.mode !== 'none') return this.#readEarly(session, worker, plan);
        const reason = 'Its queue is full and its rows cannot be read, so it was let go. It runs on.';
        return this.#detach(session, worker, reason);
      }
      const age = context.clock.monotonic() - started;
      const running = context.running();
      const { stopped, queueFull, progress } = await session.wait(
        worker,
        sliceMs(age, running),
        looksAtQueue(age, running),
      );
      if (queueFull === true) this.#queueFull = true;
      const known = job.record.progress;
      if (progress && (progress.pct !== known?.pct || progress.message !== known.message)) job.note({ progress });
      if (stopped) break;
    }
    this.#ended = true;
    const report = await session.report(worker);
    return report ? this.#readAfter(session, worker, plan, report) : this.#readEarly(session, worker, plan);
  }

  /** The worker has ended and told how: its rows, its messages and its complete error are still to be read. */
  async #readAfter(session: WorkerSession, worker: WorkerHandle, plan: RowPlan, report: WorkerReport): Promise<RunEnd> {
    const outcome = this.#decide(report, plan);
    const { definitionWithoutTags } = plan;
    if (outcome.event === 'succeed' && definitionWithoutTags !== undefined) {
      const read = await this.#read(session, worker, { ...plan, definition: definitionWithoutTags }, discard());
      const ended = 'error' in read && endsWorker(read.error.sqlstate);
      this.#settle(ended ? this.#decide(withError(report, read), plan) : outcome);
      return 'ended';
    }
    if (outcome.event === 'succeed' && plan.mode !== 'none') {
      const read = await this.#read(session, worker, plan);
      if ('error' in read && endsWorker(read.error.sqlstate)) {
        // Old versions do not tell that the server ended the worker: they report the tag of an earlier statement.
        this.#settle(this.#decide(withError(report, read), plan));
        return 'ended';
      }
      // The work is done, and that is what counts; that its rows could not be read is said.
      const reason = 'error' in read ? `Its rows could not be read: ${read.error.message}` : read.problem;
      // A folded result has a line that is no row, which the server counts.
      const counted = plan.mode === 'unfold' ? 0 : outcome.rowCount;
      const rowCount = 'error' in read ? outcome.rowCount : Math.max(counted, read.rows);
      this.#settle({ ...outcome, rowCount, ...(reason === undefined ? {} : { reason }) });
      return 'ended';
    }
    // Reading brings the messages, and raises the error once more, complete and with its position. Rows that cannot be read end it.
    const again = await this.#read(session, worker, plan, discard());
    if (!('error' in again)) this.#settle(outcome);
    else if (report.hasError && again.error.sqlstate === report.error?.sqlstate) {
      this.#settle(this.#decide(withError(report, again), plan));
    } else if (outcome.event === 'lose' && endsWorker(again.error.sqlstate) && again.error.sqlstate !== WORKER_GONE) {
      // The server ended it, and only the error says so.
      this.#settle(this.#decide(withError(report, again), plan));
    } else this.#settle(outcome);
    return 'ended';
  }

  /** The worker waits on its full queue, or this version cannot tell its outcome: reading tells how it ends. */
  async #readEarly(session: WorkerSession, worker: WorkerHandle, plan: RowPlan): Promise<RunEnd> {
    const read = await this.#read(session, worker, plan);
    if ('error' in read && read.unreadable) {
      // The session gave the worker up over it, and the worker goes on.
      this.#letGo = true;
      const reason = `What it sent is not valid text (${read.error.message}), so its rows and outcome are lost. It runs on if it has not ended.`;
      this.#job.apply('detach', { detached: true, reason });
      return 'detached';
    }
    this.#ended = true;
    const known = { completed: true, rowCount: 0, commandTag: '', hasError: false };
    if ('error' in read && plan.mode === 'none' && read.error.sqlstate === MISMATCH) {
      const reason = 'This version of pg_background cannot tell how a worker ended whose rows cannot be read.';
      this.#settle({ event: 'finish', reason });
      return 'ended';
    }
    if ('error' in read) {
      this.#settle(this.#decide(withError(known, read), plan));
      return 'ended';
    }
    const outcome = this.#decide({ ...known, commandTag: read.tag, rowCount: read.rows }, plan);
    const said = outcome.event === 'succeed' && read.problem !== undefined ? { reason: read.problem } : {};
    this.#settle({ ...outcome, ...said });
    return 'ended';
  }

  #decide(report: WorkerReport, plan: RowPlan): Outcome {
    const { limits, cancel } = this.#job.record;
    const outcome = decideOutcome(report, cancel !== undefined, {
      ...(limits === undefined ? {} : { limits }),
      ...(this.#sentAt === undefined ? {} : { ranMs: this.#context.clock.monotonic() - this.#sentAt }),
      ...(this.#signaledMs === undefined ? {} : { signaledMs: this.#signaledMs }),
    });
    return ofUsersStatement(outcome, plan);
  }

  async #read(session: WorkerSession, worker: WorkerHandle, plan: RowPlan, into?: Writable): Promise<ReadRows> {
    const job = this.#job;
    const context = this.#context;
    if (job.state === 'running') job.apply('read');
    this.#reading = true;
    // There is nothing left to be seen soon, and the server has its hands full.
    this.#fast?.dispose();
    const stall = this.#watchStall(session);
    try {
      if (into || plan.mode === 'none') {
        return await readRows(session, worker, plan, into ?? discard(), (rows) => ({ tag: plan.tag, rows }));
      }
      if (plan.mode === 'tag') {
        const tag = collectTag();
        return await readRows(session, worker, plan, tag.stream, () => ({
          tag: bareTag(tag.text()),
          rows: rowsOfTag(tag.text()),
        }));
      }
      return await this.#keepRows(session, worker, plan);
    } finally {
      this.#reading = false;
      stall.dispose();
      void context.save(job);
    }
  }

  async #keepRows(session: WorkerSession, worker: WorkerHandle, plan: RowPlan): Promise<ReadRows> {
    const job = this.#job;
    const context = this.#context;
    const columns = (known: RowPlan['columns']): void => job.note({ columns: known });
    let sink;
    try {
      sink = await context.files.createRows(job.id, plan.columns, plan.mode === 'unfold', columns);
    } catch (error) {
      const problem = `Its rows could not be kept: ${messageOf(error)}`;
      const read = await readRows(session, worker, plan, discard(), (rows) => ({ tag: plan.tag, rows }));
      return 'error' in read ? read : { ...read, problem };
    }
    // Only now: whoever hears of columns looks for the rows.
    if (job.record.columns === undefined) columns(plan.columns);
    try {
      const rowsOf = (lines: number): number => lines - (sink.notRows?.() ?? 0);
      return await readRows(session, worker, plan, sink.stream, (lines) => ({ tag: plan.tag, rows: rowsOf(lines) }));
    } finally {
      const kept = await sink.finish();
      job.note({ rows: kept });
      if (kept.fault !== undefined) {
        await job.addNotice({ at: context.clock.now(), severity: 'WARNING', message: describeFault(kept.fault) });
      }
    }
  }

  /**
   * A dead connection brings no rows and no end. It is given up if its server answers and has no such worker any more, and still
   * nothing comes: a server that answers nobody is waited for.
   */
  #watchStall(session: WorkerSession): Disposable {
    const { clock, link } = this.#context;
    const idle = (ms: number): boolean => session.reading && session.idleMs() > ms;
    let timer: Disposable | undefined;
    /** When the server first said that the worker has ended although nothing comes. Milliseconds since 1970. */
    let suspectedAt: number | undefined;
    const look = (): void => {
      timer = clock.after(STALLED_MS / 2, look);
      if (!idle(STALLED_MS)) {
        suspectedAt = undefined;
        return;
      }
      link.refresh().then(
        (snapshot) => {
          if (!idle(STALLED_MS) || !this.#isOurServer(snapshot) || this.#findIn(snapshot)) return;
          // Both may just have come back: the rows have the time until the next look.
          if (suspectedAt !== undefined && idle(clock.now() - suspectedAt)) session.destroy();
          suspectedAt ??= clock.now();
        },
        () => undefined,
      );
    };
    timer = clock.after(STALLED_MS, look);
    return { dispose: () => timer?.dispose() };
  }

  /** False for a snapshot of another server: that one never had this worker. */
  #isOurServer(snapshot: ActivitySnapshot): boolean {
    const { server } = this.#job.record;
    return server === undefined || compareServers(server, serverOfSnapshot(snapshot)) !== 'other';
  }

  async #detach(session: WorkerSession, worker: WorkerHandle, reason: string): Promise<RunEnd> {
    await session.detach(worker);
    // From now on the session does not know the worker.
    this.#letGo = true;
    this.#job.apply('detach', { detached: true, reason });
    return 'detached';
  }

  #settle({ event, ...facts }: Outcome): void {
    this.#job.apply(event, { finishedAt: this.#context.clock.now(), ...facts });
  }

  /** The session broke, or something of ours did: what is known decides what the job is now. */
  #broken(error: unknown): RunEnd {
    const job = this.#job;
    const context = this.#context;
    const message = messageOf(error);
    context.log.warn(`Job ${job.id} (${job.record.label}): ${message}`);
    if (job.final) return 'ended';
    if (this.#worker && error instanceof SessionLostError && error.serverCrashed) {
      this.#settle({ event: 'lose', reason: SERVER_CRASHED });
      return 'ended';
    }
    if (this.#worker) {
      // A worker that is attached but read by nobody would stop at its full queue: without its session it runs on.
      this.#session?.destroy();
      const reason = `${message} The worker may run on; its rows and outcome are lost.`;
      job.apply('detach', { detached: true, reason, sessionLostBecause: message });
      return 'detached';
    }
    if (this.#launchSent) {
      const reason = `${message} It happened during the launch, so the SQL may or may not run: look for it among the other workers.`;
      this.#settle({ event: 'lose', reason });
      return 'ended';
    }
    if (error instanceof UnreachableError) return this.#again('noSlot', message);
    if (error instanceof SessionLostError && context.mayRetry) return this.#again('broken', message);
    if (job.state === 'canceling') this.#settle({ event: 'cancelSettled', reason: NEVER_LAUNCHED });
    else this.#settle({ event: 'fail', error: { sqlstate: '', message } });
    return 'ended';
  }
}

function withError(report: WorkerReport, { error, interrupted }: Extract<ReadRows, { error: unknown }>): WorkerReport {
  return { ...report, hasError: true, error, ...(interrupted === undefined ? {} : { interrupted }) };
}

/** SQLSTATE datatype_mismatch: the rows are not what the column list says. */
const MISMATCH = '42804';

const NEVER_LAUNCHED = 'It was canceled before it was launched.';

/** Why a job waits that could have been launched a moment ago. */
function withdrawnReason({ message, hint }: JobError): string {
  return `${message}${hint === undefined ? '' : ` ${hint}`} It is tried again by itself.`;
}

const PROXY =
  'A pooling proxy in transaction mode (such as PgBouncer) stands between VS Code and the server, so the worker was launched by another session: connect to PostgreSQL directly, or use the proxy in session mode.';

/** What a limit set in the middle of a text does: nothing. */
function ineffectiveNotice(name: string): string {
  return `${name} has no effect here: a worker’s limits are set when it is launched. Set it at the start of the text.`;
}

/** If the last statement runs inside of one of ours, its end is reported as if the user's own had run alone. */
function ofUsersStatement(outcome: Outcome, { inner, tag }: RowPlan): Outcome {
  if (inner === undefined) return outcome;
  if (outcome.event === 'succeed') return { ...outcome, commandTag: tag };
  if (outcome.event !== 'fail' || outcome.error.context === undefined) return outcome;
  const { context, ...error } = outcome.error;
  const own = inner.context(context);
  if (own === undefined) return outcome;
  return { event: 'fail', error: { ...error, ...(own === '' ? {} : { context: own }) } };
}

/** The largest of the sizes that are given. */
function greatest(...sizes: readonly (number | undefined)[]): number | undefined {
  const given = sizes.filter((size) => size !== undefined);
  return given.length === 0 ? undefined : Math.max(...given);
}

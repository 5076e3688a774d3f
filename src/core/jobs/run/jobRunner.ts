import { setImmediate } from 'node:timers/promises';
import type { Disposable } from '../../base/disposable';
import { messageOf } from '../../base/errors';
import { faultOf, type Fault } from '../../base/fault';
import { SQLSTATE } from '../../base/sqlstate';
import { launchText, type LaunchText } from '../../sql/settings/launchSettings';
import { QUEUE_FULL } from '../queueFull';
import { BackendControl, SessionControl, type RunningWorker, type WorkerControl } from '../cancel/workerControl';
import { errorOfFault, faultOfError, LaunchError, SessionLostError, UnreachableError } from '../errors';
import type { JobFault } from '../faults';
import { findWorker } from '../findWorker';
import type { Job, JobFacts } from '../job';
import { decideOutcome, endsWorker, withError, WORKER_GONE, type Outcome } from '../outcome';
import type { ActiveWorker, RowPlan, WorkerHandle, WorkerSession } from '../ports';
import { noSlotReason } from '../scheduler/noSlotReason';
import { checksQueue, pollMs } from './pollInterval';
import { launchOptions, maxSize } from './launchLimits';
import type { ReportIndexes } from './indexWatch';
import { neverLaunched } from './attempts';
import { ResultReader, type ReadResult } from './resultReader';
import type { RunEnd, RunnerContext } from './runnerContext';
import { ofUsersStatement } from './usersStatement';
import type { WaitTimes } from './waitTimes';
import type { WorkerReport } from '../workerReport';

/** How long after its launch a worker is polled often, because most work is short. Milliseconds. */
const YOUNG_MS = 1500;

/** A launched worker with everything needed to watch it. */
interface Launched {
  readonly session: WorkerSession;
  readonly worker: WorkerHandle;
  readonly plan: RowPlan;
  readonly reader: ResultReader;
}

/** Runs one job from launch to outcome: launch, watch, read, settle. For a single use. */
export class JobRunner implements RunningWorker {
  #session: WorkerSession | undefined;
  #worker: WorkerHandle | undefined;
  #reader: ResultReader | undefined;
  #launchSent = false;
  #queueFull = false;
  #seenActive = false;
  /** By the monotonic clock: when the launch was sent, and when the worker was attached. Milliseconds. */
  #sentAt: number | undefined;
  #attachedAt: number | undefined;
  #signaledMs: number | undefined;
  #stopRequested = false;
  /** Another window owns the job: nothing may be sent or recorded any more. */
  #abandoned = false;
  /** The session no longer knows the worker, or soon: a cancel must not ask it. */
  #detached = false;
  #workerEnded = false;
  /** Loaded when the worker runs: a launch does not need it. */
  #waits: WaitTimes | undefined;
  /** Set if the text builds an index concurrently. */
  #reportIndexes: ReportIndexes | undefined;
  readonly #watches: Disposable[] = [];
  #fastWatch: Disposable | undefined;
  #resolveLaunched!: () => void;
  readonly launched = new Promise<void>((resolve) => {
    this.#resolveLaunched = resolve;
  });
  /** Cancels the worker. */
  readonly control: WorkerControl;

  readonly #job: Job;
  readonly #context: RunnerContext;

  constructor(job: Job, context: RunnerContext) {
    this.#job = job;
    this.#context = context;

    this.control = new SessionControl(this, new BackendControl(job, context.link));
  }

  get sessionFree(): boolean {
    return this.#session !== undefined && !this.#session.closed && !this.#session.reading && !this.#detached;
  }

  get reading(): boolean {
    return this.#reader?.reading === true;
  }

  get workerAge(): number {
    return this.#attachedAt === undefined ? 0 : this.#context.clock.monotonic() - this.#attachedAt;
  }

  get seenActive(): boolean {
    return this.#seenActive;
  }

  get workerEnded(): boolean {
    return this.#workerEnded;
  }

  noteSignal(): void {
    this.#signaledMs = this.workerAge;
  }

  async signalInSession(): Promise<boolean> {
    return this.#session && this.#worker ? this.#session.cancelWorker(this.#worker) : false;
  }

  /** Stops tracking: the worker keeps running. */
  stopTracking(): void {
    this.#stopRequested = true;
    this.#session?.wake();
  }

  /** Stops driving the job, because another window owns it. A worker that was launched keeps running. */
  abandon(): void {
    this.#abandoned = true;
    for (const watch of this.#watches) watch.dispose();
    this.#session?.destroy();
  }

  async run(): Promise<RunEnd> {
    const { link, clock, files, takePlace } = this.#context;
    try {
      const full = await takePlace?.();
      if (full && !this.#abandoned) return this.#requeue('noPlace', full);
      await files.prepare?.();
      const session = await link.acquire();
      this.#session = session;
      if (this.#abandoned) return 'abandoned';
      if (this.#context.closing()) return 'closing';
      this.#watches.push(session.onNotice((notice) => this.#job.addNotice({ at: clock.now(), ...notice })));
      return await this.#runIn(session);
    } catch (error) {
      return this.#broken(error);
    } finally {
      this.#resolveLaunched();
      for (const watch of this.#watches) watch.dispose();
      this.#session?.release();
    }
  }

  async #runIn(session: WorkerSession): Promise<RunEnd> {
    const launched = await this.#launch(session);
    if (typeof launched === 'string') return launched;
    this.#resolveLaunched();
    // Polling starts only after the launch, so that it does not compete with the launch.
    this.#watchActivity();
    if (launched.worker.elsewhere === true) {
      throw new SessionLostError({ code: 'jobs.transactionPooler' } satisfies JobFault);
    }
    return this.#watch(launched);
  }

  async #launch(session: WorkerSession): Promise<Launched | RunEnd> {
    const job = this.#job;
    const { clock, link, files } = this.#context;
    const text = launchText(job.record.request.sql);
    let plan: RowPlan;
    let worker: WorkerHandle;
    try {
      const prepared = await this.#prepare(session, text);
      if (typeof prepared === 'string') return prepared;
      plan = prepared;
      if (job.state === 'canceling') return this.#settle({ event: 'cancelSettled', reason: neverLaunched(job) });
      worker = await this.#sendLaunch(session, plan, text);
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error;
      return this.#refused(error);
    }
    this.#worker = worker;
    this.#attachedAt = clock.monotonic();
    const { processId, limits, backendStart, serverStart, server, replacedLabel } = worker;
    job.transition('launched', {
      pid: processId,
      launchedAt: clock.now(),
      limits,
      backendStart,
      serverStart,
      server,
    });
    if (replacedLabel !== undefined) {
      const params = { label: job.record.label, shown: replacedLabel };
      await this.#warn({ code: 'jobs.labelReplaced', params });
    }
    const reader = new ResultReader({ job, session, worker, link, files, clock });
    this.#reader = reader;
    return { session, worker, plan, reader };
  }

  async #prepare(session: WorkerSession, text: LaunchText): Promise<RowPlan | RunEnd> {
    const job = this.#job;
    // On disk before the launch, so that the run is never forgotten and no other window launches the job: a window that adopts it claims
    // it first and reads this afterwards, and we write this first and check for a claim afterwards. The disk and the server work at the
    // same time; the disk, which takes longer, starts before we analyze the text.
    job.update({ launchSentAt: this.#context.clock.now() }, { durable: true });
    await setImmediate();
    const { request } = job.record;
    if (/concurrently/i.test(request.sql)) {
      const { watchIndexes } = await import('./indexWatch');
      this.#reportIndexes = await watchIndexes(session, request.sql).catch(() => undefined);
    }
    const { settings } = launchOptions(request, text);
    const [plan, permit] = await Promise.all([
      session.describe(text.sql, settings, request.into),
      job.saved.then(() => this.#context.mayLaunch(job)),
    ]);
    if (permit === 'lost' || this.#abandoned) return 'abandoned';
    if (permit === 'unclaimed') return this.#requeue('noSlot', { code: 'jobs.notAdopted' } satisfies JobFault);
    for (const { name } of text.ineffective) await this.#warn({ code: 'jobs.limitIneffective', params: { name } });
    if (plan.notice !== undefined) await this.#warn(plan.notice);
    return plan;
  }

  #sendLaunch(session: WorkerSession, plan: RowPlan, text: LaunchText): Promise<WorkerHandle> {
    const { label, request } = this.#job.record;
    this.#launchSent = true;
    this.#sentAt = this.#context.clock.monotonic();
    const queueSizeBytes = maxSize(request.queueSizeBytes, plan.queueSizeBytes);
    return session.launch({
      sql: plan.sql,
      label,
      ...launchOptions(request, text),
      ...(queueSizeBytes === undefined ? {} : { queueSizeBytes }),
    });
  }

  /** The server refused the launch: the job fails, or waits for a retry. */
  async #refused({ error, noSlot, withdrawn }: LaunchError): Promise<RunEnd> {
    const { link } = this.#context;
    if (noSlot) {
      const snapshot = await link.refresh().catch(() => link.snapshot);
      return this.#requeue('noSlot', noSlotReason(error, snapshot));
    }
    if (withdrawn) return this.#requeue('noSlot', { code: 'jobs.withdrawn', cause: faultOfError(error, error.hint) });
    this.#job.update({ launchSentAt: undefined }, { durable: false });
    return this.#settle({ event: 'fail', error });
  }

  /** Returns the job to the queue, unless a cancel was requested. */
  #requeue(end: 'noSlot' | 'noPlace' | 'broken', reason: Fault): RunEnd {
    if (this.#job.state === 'canceling') {
      return this.#settle({ event: 'cancelSettled', reason: neverLaunched(this.#job) });
    }
    this.#job.transition('requeue', { launchSentAt: undefined, reason });
    return end;
  }

  /** Snapshots show when the worker begins, whether its queue is full, and, by its pid, its start time. */
  #watchActivity(): void {
    const { link, clock, log } = this.#context;
    import('./waitTimes').then(
      (loaded) => (this.#waits = new loaded.WaitTimes()),
      (error: unknown) => log.warn(`What the job waits for is not recorded: ${messageOf(error)}`),
    );
    const fast = link.watch('fast');
    this.#fastWatch = fast;
    this.#watches.push(
      fast,
      link.watch('steady'),
      clock.after(YOUNG_MS, () => fast.dispose()),
      link.onSnapshot((snapshot) => {
        const worker = findWorker(snapshot, this.#job.record);
        if (!worker) return;
        this.#waits?.sample(snapshot.at, worker);
        this.#workerShown(worker, snapshot.serverStart);
      }),
    );
  }

  #workerShown(worker: ActiveWorker, serverStart: string): void {
    const { record } = this.#job;
    if (record.backendStart === undefined || record.serverStart === undefined) {
      this.#job.update({ backendStart: worker.backendStart, serverStart }, { durable: true });
    }
    if (worker.state === 'active') this.#seenActive = true;
    if (worker.waitEvent === QUEUE_FULL && !this.#queueFull) {
      this.#queueFull = true;
      this.#session?.wake();
    }
  }

  async #watch(launched: Launched): Promise<RunEnd> {
    const { session, worker, plan } = launched;
    const job = this.#job;
    const { clock } = this.#context;
    const started = clock.monotonic();
    for (;;) {
      if (this.#stopRequested) return this.#detach(launched, { code: 'jobs.trackingStopped' });
      if (this.#queueFull) {
        return plan.mode === 'none' ? this.#detach(launched, { code: 'jobs.queueFull' }) : this.#readEarly(launched);
      }
      const age = clock.monotonic() - started;
      const count = this.#context.running();
      const wait = await session.wait(worker, pollMs(age, count), checksQueue(age, count));
      if (wait.queueFull === true) this.#queueFull = true;
      const { progress } = wait;
      const known = job.record.progress;
      if (progress && (progress.pct !== known?.pct || progress.message !== known.message)) {
        job.update({ progress }, { durable: false });
      }
      if (wait.stopped) break;
    }
    this.#workerEnded = true;
    await job.beforeOutcome();
    const report = await session.report(worker);
    return report ? this.#readAfter(launched, report) : this.#readEarly(launched);
  }

  /** The worker has ended and its outcome is reported: reads its rows, its messages, and its complete error. */
  async #readAfter({ plan, reader }: Launched, report: WorkerReport): Promise<RunEnd> {
    const outcome = this.#decide(report, plan);
    const { definitionWithoutTags } = plan;
    if (outcome.event === 'succeed' && definitionWithoutTags !== undefined) {
      const read = await this.#read(reader, { ...plan, definition: definitionWithoutTags }, { keepRows: false });
      const ended = 'error' in read && endsWorker(read.error.sqlstate);
      return this.#settle(ended ? this.#decide(withError(report, read), plan) : outcome);
    }
    if (outcome.event === 'succeed' && plan.mode !== 'none') {
      const read = await this.#read(reader, plan);
      if ('error' in read) {
        // Old versions do not report that the server ended the worker, but the tag of an earlier statement.
        if (endsWorker(read.error.sqlstate)) return this.#settle(this.#decide(withError(report, read), plan));
        // The work is done, so the job succeeded; the failure to read its rows is recorded.
        const reason: JobFault = { code: 'jobs.rowsNotRead', cause: faultOfError(read.error) };
        return this.#settle({ ...outcome, reason });
      }
      // A folded result has one line that is not a row, which the server counts.
      const rowCount = Math.max(plan.mode === 'unfold' ? 0 : outcome.rowCount, read.rows);
      return this.#settle({ ...outcome, rowCount, ...(read.problem && { reason: read.problem }) });
    }
    // Reading returns the messages, and raises the error again, complete and with its position. Unreadable rows end it early.
    const again = await this.#read(reader, plan, { keepRows: false });
    if (!('error' in again)) return this.#retryOrSettle(outcome, { reported: report.hasError });
    const { sqlstate } = again.error;
    const sameError = report.hasError && sqlstate === report.error?.sqlstate;
    // Only the error shows that the server ended the worker.
    const endedByServer = outcome.event === 'lose' && endsWorker(sqlstate) && sqlstate !== WORKER_GONE;
    const known = sameError || endedByServer ? this.#decide(withError(report, again), plan) : outcome;
    return this.#retryOrSettle(known, { reported: report.hasError });
  }

  /** The worker is blocked on its full queue, or this version cannot report its outcome: reading shows how it ends. */
  async #readEarly({ plan, reader }: Launched): Promise<RunEnd> {
    const read = await this.#read(reader, plan);
    if ('error' in read && read.unreadable) {
      // The session detached from the worker, which keeps running.
      const { message } = read.error;
      return this.#becomeDetached({ code: 'jobs.unreadableOutput', params: { message } });
    }
    this.#workerEnded = true;
    await this.#job.beforeOutcome();
    const report = { completed: true, rowCount: 0, commandTag: '', hasError: false };
    if ('error' in read) {
      if (plan.mode === 'none' && read.error.sqlstate === SQLSTATE.datatypeMismatch) {
        return this.#settle({ event: 'finish', reason: { code: 'jobs.outcomeUnsupported' } });
      }
      return this.#retryOrSettle(this.#decide(withError(report, read), plan), { reported: false });
    }
    const outcome = this.#decide({ ...report, commandTag: read.tag, rowCount: read.rows }, plan);
    return this.#settle(outcome.event === 'succeed' && read.problem ? { ...outcome, reason: read.problem } : outcome);
  }

  #read(reader: ResultReader, plan: RowPlan, options?: { readonly keepRows: boolean }): Promise<ReadResult> {
    // Nothing new will be shown soon, and the server is busy sending.
    this.#fastWatch?.dispose();
    return reader.read(plan, options);
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

  async #detach({ session, worker }: Launched, reason: JobFault): Promise<RunEnd> {
    this.#detached = true;
    await session.detach(worker);
    return this.#becomeDetached(reason);
  }

  #becomeDetached(reason: JobFault, sessionLostBecause?: Fault): RunEnd {
    this.#detached = true;
    this.#job.transition('detach', { sessionLost: true, reason, ...(sessionLostBecause && { sessionLostBecause }) });
    return 'detached';
  }

  async #retryOrSettle(outcome: Outcome, { reported }: { readonly reported: boolean }): Promise<RunEnd> {
    const left = (await this.#reportIndexes?.(this.#job, this.#context)) ?? {};
    if (outcome.event !== 'fail' || this.#job.record.request.retryOnLockTimeout === undefined) {
      return this.#settle(outcome, left);
    }
    const { afterFailure } = await import('./lockRetry');
    const after = afterFailure(this.#job, outcome, reported);
    const warning = 'retry' in after ? after.retry.reason : after.warning;
    if (warning) await this.#warn(warning);
    // A cancel may have arrived in the meantime.
    if (!('retry' in after) || this.#job.state === 'canceling' || this.#abandoned) return this.#settle(outcome, left);
    this.#job.transition('retry', after.retry);
    return 'lockTimeout';
  }

  #settle({ event, ...facts }: Outcome, more: JobFacts = {}): RunEnd {
    const waited = this.#waits?.mainWait();
    const finishedAt = this.#context.clock.now();
    this.#job.transition(event, { finishedAt, ...facts, ...more, ...(waited && { waited }) });
    return 'ended';
  }

  async #warn(fault: Fault): Promise<void> {
    await this.#job.addWarning(fault, this.#context.clock.now());
  }

  /** Decides the state of the job after its session was lost or an operation on our side failed. */
  #broken(error: unknown): RunEnd {
    const job = this.#job;
    const { log, mayRetry } = this.#context;
    const cause = faultOf(error);
    if (this.#abandoned) return 'abandoned';
    log.warn(`Job ${job.id} (${job.record.label}): ${messageOf(error)}`);
    if (job.final) return 'ended';
    if (this.#worker) {
      if (error instanceof SessionLostError && error.serverCrashed) {
        return this.#settle({ event: 'lose', reason: { code: 'jobs.serverCrashed' } });
      }
      // An attached worker whose queue nothing reads would block when the queue is full. Without its session it keeps running.
      this.#session?.destroy();
      return this.#becomeDetached({ code: 'jobs.sessionLost', cause }, cause);
    }
    if (this.#launchSent) return this.#settle({ event: 'lose', reason: { code: 'jobs.lostDuringLaunch', cause } });
    if (error instanceof UnreachableError) return this.#requeue('noSlot', cause);
    if (error instanceof SessionLostError && mayRetry) return this.#requeue('broken', cause);
    if (job.state === 'canceling') return this.#settle({ event: 'cancelSettled', reason: neverLaunched(job) });
    return this.#settle({ event: 'fail', error: errorOfFault(cause) });
  }
}

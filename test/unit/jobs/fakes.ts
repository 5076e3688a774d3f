/** Fakes for the dependencies of the engine, for conditions that a real server cannot produce on demand. */
import type { Writable } from 'node:stream';
import { discard } from '../../../src/core/jobs/run/resultReader';
import type { JobHistory } from '../../../src/core/jobs/store/jobFolder';
import { JobService } from '../../../src/core/jobs/jobService';
import type { Job } from '../../../src/core/jobs/job';
import type {
  ActivitySnapshot,
  JobFiles,
  RowPlan,
  ServerLink,
  WorkerHandle,
  WorkerSession,
} from '../../../src/core/jobs/ports';
import { SessionLostError } from '../../../src/core/jobs/errors';
import type { Clock } from '../../../src/core/base/clock';
import type { WorkerReport } from '../../../src/core/jobs/workerReport';

/** A clock whose time changes only with {@link move}. */
export class FakeClock implements Clock {
  #now = 1000;
  readonly timers = new Set<{ at: number; call: () => void }>();

  /** The correction of the wall clock, in milliseconds. */
  step = 0;

  now(): number {
    return this.#now + this.step;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): { dispose(): void } {
    const timer = { at: this.#now + ms, call };
    this.timers.add(timer);
    return { dispose: () => this.timers.delete(timer) };
  }

  /** Advances the time from timer to timer, and settles pending promises in between. */
  async move(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const [next] = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.call();
    }
    this.#now = end;
    await settle();
  }
}

export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

export const SELECT: RowPlan = {
  sql: 'SELECT 1',
  mode: 'rows',
  columns: [{ name: 'a', type: 'integer' }],
  tag: 'SELECT',
  definition: 'c1 integer',
  position: () => undefined,
};

export const GOOD: WorkerReport = { completed: true, hasError: false, commandTag: 'SELECT', rowCount: 1 };

/** A session whose worker succeeds, unless a test changes it. */
export class FakeSession implements WorkerSession {
  reading = false;
  closed = false;
  released = false;
  signals = 0;
  idle = 0;
  /** The result of the next wait. */
  stopped = true;
  plan: RowPlan = SELECT;
  workerReport: WorkerReport | undefined = GOOD;
  handle: WorkerHandle = { launchId: 7, processId: 7, cookie: '1', backendStart: 'b', serverStart: 's' };
  onDescribe: () => void | Promise<void> = () => undefined;
  onLaunch: () => void | Promise<void> = () => undefined;
  onRead: (sink: Writable) => Promise<{ rows: number; sinkError?: Error }> = () => Promise.resolve({ rows: 1 });
  #wake: (() => void)[] = [];
  #fail: ((error: Error) => void)[] = [];

  async describe(): Promise<RowPlan> {
    await this.onDescribe();
    return this.plan;
  }

  async launch(): Promise<WorkerHandle> {
    await this.onLaunch();
    return this.handle;
  }

  async wait(): Promise<{ stopped: boolean }> {
    if (!this.stopped) {
      await new Promise<void>((resolve, reject) => {
        this.#wake.push(resolve);
        this.#fail.push(reject);
      });
    }
    return { stopped: this.stopped };
  }

  /** Resolves pending waits, by default without reporting that the worker has stopped. */
  wake(stopped = this.stopped): void {
    this.stopped = stopped;
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Rejects pending waits. */
  break(error: Error): void {
    this.closed = true;
    for (const fail of this.#fail.splice(0)) fail(error);
  }

  report(): Promise<WorkerReport | undefined> {
    return Promise.resolve(this.workerReport);
  }

  async read(_worker: WorkerHandle, _plan: RowPlan, sink: Writable): Promise<{ rows: number; sinkError?: Error }> {
    this.reading = true;
    try {
      return await this.onRead(sink);
    } finally {
      this.reading = false;
    }
  }

  cancelWorker(): Promise<boolean> {
    this.signals++;
    return Promise.resolve(true);
  }

  detach(): Promise<void> {
    return Promise.resolve();
  }

  onNotice(): { dispose(): void } {
    return { dispose: () => undefined };
  }

  idleMs(): number {
    return this.idle;
  }

  release(): void {
    this.released = true;
  }

  destroy(): void {
    this.closed = true;
  }
}

export class FakeLink implements ServerLink {
  readonly listeners = new Set<(snapshot: ActivitySnapshot) => void>();
  /** The sessions that the pool returns, in order. An error is thrown instead. */
  readonly next: (FakeSession | Error)[] = [];
  acquired = 0;
  readonly watching = new Set<{ readonly pace: 'fast' | 'steady' }>();
  snapshot: ActivitySnapshot | undefined;
  onRefresh: () => Promise<ActivitySnapshot> = () => Promise.reject(new Error('away'));
  onTerminate: () => Promise<boolean> = () => Promise.resolve(true);

  async acquire(): Promise<WorkerSession> {
    this.acquired++;
    await Promise.resolve();
    const next = this.next.shift() ?? new FakeSession();
    if (next instanceof Error) throw next;
    return next;
  }

  onSnapshot(listener: (snapshot: ActivitySnapshot) => void): { dispose(): void } {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  }

  show(snapshot: Partial<ActivitySnapshot>): void {
    this.snapshot = snapshotOf(snapshot);
    for (const listener of [...this.listeners]) listener(this.snapshot);
  }

  watch(pace: 'fast' | 'steady'): { dispose(): void } {
    const watch = { pace };
    this.watching.add(watch);
    return { dispose: () => this.watching.delete(watch) };
  }

  refresh(): Promise<ActivitySnapshot> {
    return this.onRefresh();
  }

  terminate(): Promise<boolean> {
    return this.onTerminate();
  }
}

export function snapshotOf(facts: Partial<ActivitySnapshot>): ActivitySnapshot {
  return { at: Infinity, serverStart: 's', workers: [], slotsUsed: 1, slotsTotal: 8, ...facts };
}

export const OURS = { pid: 7, backendStart: 'b', label: 'l', state: 'active', blockers: [] };

/** Creates an engine with fakes. */
export function newWorld(clock = new FakeClock()) {
  const link = new FakeLink();
  const logged: string[] = [];
  const saved: string[] = [];
  const disk = { write: (_record: Job['record']): Promise<void> => Promise.resolve() };
  const add = (message: string): number => logged.push(message);
  const log = { debug: add, info: add, warn: add, error: add };
  const files: JobFiles = {
    createRows: () => {
      const kept = { rows: 1, bytes: 1, dropped: 0 };
      return Promise.resolve({ stream: discard(), status: () => kept, finish: () => Promise.resolve(kept) });
    },
    remove: () => Promise.resolve(),
  };
  const world = { link: (): ServerLink => link };
  const history = {
    windowId: 'w',
    listen: () => undefined,
    mayLaunch: () => Promise.resolve('yes'),
    retryNow: () => Promise.resolve(),
    save: (record: Job['record']) => {
      saved.push(`${record.id}:${record.state}`);
      return disk.write(record);
    },
    remove: () => Promise.resolve(),
    addNotice: () => ({ kept: true }),
    keepError: () => undefined,
    others: () => Promise.resolve({ living: new Set(), dead: new Set(), remote: false }),
    watch: () => ({ startPolling: () => undefined, setRemote: () => undefined, dispose: () => undefined }),
    commands: { expected: () => Promise.resolve(false), pending: () => Promise.resolve([]) },
    noticesWritten: () => true,
    isPinned: () => false,
    notices: () => [],
  } as unknown as JobHistory;
  let ids = 0;
  const jobs = new JobService({
    links: { link: () => world.link() },
    history,
    files,
    clock,
    log,
    newId: () => `j${++ids}`,
    settings: () => ({ maxConcurrentJobs: 1, graceMs: 5000, keepFinishedJobs: 0, keepFinishedDays: 0 }),
  });
  const run = (sql = 'SELECT 1'): Job => jobs.run({ sql, label: 'l', connection: 'c' });
  return { clock, link, logged, saved, disk, files, world, jobs, run };
}

/** Creates a job whose session was lost while its worker was running. */
export async function detached(link: FakeLink, run: () => Job): Promise<Job> {
  const session = new FakeSession();
  session.stopped = false;
  link.next.push(session);
  const job = run();
  await settle();
  session.break(new SessionLostError('gone.'));
  await settle();
  return job;
}

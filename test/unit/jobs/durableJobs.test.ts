import assert from 'node:assert/strict';
import type { Disposable } from '../../../src/core/base/disposable';
import { FaultError, type Fault } from '../../../src/core/base/fault';
import { DurableJobs } from '../../../src/core/jobs/durable/durableJobs';
import type { DurableList, DurableRecord, DurableServer } from '../../../src/core/jobs/durable/ports';
import { hasEnded, toRecord } from '../../../src/core/jobs/durable/toRecord';
import type { Job } from '../../../src/core/jobs/job';
import type { ActivitySnapshot, JobFiles, ServerLink } from '../../../src/core/jobs/ports';
import { FakeClock, settle } from './fakes';

const RECORD: DurableRecord = {
  id: '7',
  owner: 'alice',
  own: true,
  label: 'nightly',
  sql: 'SELECT 1',
  cut: false,
  state: 'running',
  reason: null,
  gated: true,
  here: true,
  queuedAt: '2026-01-01T00:00:00.000000Z',
  startedAt: '2026-01-01T00:00:01.000000Z',
  finishedAt: null,
  keeperPid: 10,
  keeperStart: 'k',
  workerPid: 11,
  workerStart: 'w',
  workerXid: '900',
  commandTag: null,
  rowCount: null,
  progress: null,
  error: null,
  columns: null,
  folded: false,
  unlogged: false,
  rowsTable: null,
  rowsOid: null,
  rowsState: null,
  rowsError: null,
  cancelRequested: false,
  canceledBy: null,
  seen: false,
  pinned: false,
  requested: null,
  batch: null,
  stoppedBy: null,
};
const SUCCEEDED: DurableRecord = { ...RECORD, state: 'succeeded', finishedAt: '2026-01-01T00:00:05.000000Z' };

describe('the record of a durable job', () => {
  const show = (record: Partial<DurableRecord>, local = {}): ReturnType<typeof toRecord> =>
    toRecord({ ...RECORD, ...record }, { id: 'id', connection: 'c', clockOffset: 1000 }, local);

  it('has the states of other jobs, and is never detached', () => {
    const cancel = { requestedAt: 1, graceMs: 1 };
    const shown = [
      show({ state: 'queued' }),
      show({}),
      show({ cancelRequested: true }),
      show({}, { cancel }),
      show({}, { cancel, unresponsive: true }),
      show({ state: 'canceled' }, { cancel, unresponsive: true }),
      show({ state: 'succeeded' }),
      show({ state: 'failed' }),
      show({ state: 'unknown', reason: 'worker_lost' }),
      show({ here: false }),
    ].map(({ state, reason }) => [state, reason?.code]);
    assert.deepEqual(shown, [
      ['launching', undefined],
      ['running', undefined],
      ['canceling', undefined],
      ['canceling', undefined],
      ['unresponsive', undefined],
      ['canceled', undefined],
      ['succeeded', undefined],
      ['failed', undefined],
      ['finished', 'durableJobs.workerLost'],
      ['finished', 'durableJobs.otherCluster'],
    ]);
    assert.equal(hasEnded({ state: 'running', here: false }), true);
  });

  it('has no time that is not a date, whatever its owner has written', () => {
    for (const finishedAt of ['infinity', '', '294276-01-01T00:00:00.000000Z']) {
      const { finishedAt: shown, queuedAt, serverMs } = show({ ...SUCCEEDED, finishedAt });
      assert.deepEqual([shown, serverMs === undefined || serverMs <= 0], [queuedAt, true]);
    }
  });

  it('has the times of this computer’s clock', () => {
    const { queuedAt, launchedAt, finishedAt, serverMs } = show(SUCCEEDED);
    const start = Date.parse('2026-01-01T00:00:00Z') + 1000;
    assert.deepEqual([queuedAt, launchedAt, finishedAt, serverMs], [start, start + 1000, start + 5000, 4000]);
  });

  it('says that rows were not kept, with the reason, and has columns only if there are rows to read', () => {
    const columns = [{ name: 'a', type: 'integer', typeOid: 23 }];
    const lost = show({ ...SUCCEEDED, columns, rowsState: 'lost', rowsError: 'no space', reason: 'keeper_lost' });
    assert.deepEqual(lost.reason, {
      code: 'durableJobs.rowsNotKept',
      params: { message: 'no space' },
      cause: { code: 'durableJobs.keeperLost' },
    });
    assert.equal(lost.columns, undefined);
    assert.deepEqual(show({ ...SUCCEEDED, columns, rowsState: 'stored' }).columns, columns);
    assert.deepEqual(show({ ...SUCCEEDED, folded: true, rowsState: 'stored' }).columns, []);
  });

  it('ignores what its owner forged in the request', () => {
    const requested = { statementTimeoutMs: 'x', workerTimeoutMs: 5, settings: { 'a; b': 'c' }, into: 3, sql: 'DROP' };
    const { request } = show({ requested });
    const expected = { sql: 'SELECT 1', label: 'nightly', connection: 'c', durable: true, workerTimeoutMs: 5 };
    assert.deepEqual(request, expected);
    assert.deepEqual(show({ requested: 'x' }).request.workerTimeoutMs, undefined);
  });

  it('has the place in its batch, waits as queued there, and names the cause if it never began', () => {
    const options = { label: 'load', count: 3, parallel: 1, onFailure: 'stop' };
    const batch = { key: '-5', index: 2, after: null, options };
    const queued = show({ state: 'queued', startedAt: null, batch });
    assert.equal(queued.state, 'queued');
    assert.deepEqual([queued.batch?.id.endsWith('b-5'), queued.batch?.index, queued.batch?.label], [true, 2, 'load']);
    assert.equal(show({ batch: { ...batch, after: '7' } }).batch?.id.endsWith('7'), true);
    const stoppedBy = { label: 'first', state: 'unknown' };
    const stopped = show({ state: 'canceled', startedAt: null, reason: 'batch_stopped', batch, stoppedBy });
    assert.deepEqual(stopped.reason, { code: 'jobs.batchStopped', params: { label: 'first', state: 'finished' } });
    // What the owner recorded may be anything.
    for (const wrong of [null, 'x', { ...options, parallel: 0 }, { ...options, onFailure: 'retry' }]) {
      assert.equal(show({ batch: { ...batch, options: wrong } }).batch, undefined);
    }
  });
});

/** A server with records, whose notifications a test sends. */
class FakeServer implements DurableServer {
  jobs: DurableRecord[] = [];
  key = 'key';
  from: string | undefined;
  readonly reads: (readonly string[])[] = [];
  resolved = 0;
  seen: readonly string[] = [];
  notify: (payload: string) => void = () => undefined;
  lists = 0;
  /** Why nothing can be read. */
  refusal: Fault | undefined;
  open = () => Promise.resolve(this.refusal);
  resolve = (): Promise<void> => {
    this.resolved++;
    return Promise.resolve();
  };
  launch = () => Promise.reject(new Error('not used'));
  launchBatch = () => Promise.reject(new Error('not used'));
  cancel = () => Promise.resolve('requested' as const);
  copyRows = () => Promise.reject(new Error('not used'));

  pin(id: string, pinned: boolean): Promise<boolean> {
    this.jobs = this.jobs.map((job) => (job.id === id ? { ...job, pinned } : job));
    return Promise.resolve(this.jobs.some((job) => job.id === id));
  }

  list(): Promise<DurableList> {
    this.lists++;
    return Promise.resolve(this.#list(this.jobs));
  }

  read(ids: readonly string[], whole = false): Promise<DurableList> {
    if (this.refusal) return Promise.reject(new FaultError(this.refusal));
    this.reads.push(ids);
    const found = this.jobs.filter(({ id }) => ids.includes(id));
    return Promise.resolve(this.#list(found.map((job) => (whole ? { ...job, cut: false, sql: 'whole' } : job))));
  }

  markSeen(ids: readonly string[]): Promise<void> {
    this.seen = ids;
    return Promise.resolve();
  }

  onNotify(listener: (payload: string) => void): Disposable {
    this.notify = listener;
    return { dispose: () => undefined };
  }

  #list(jobs: readonly DurableRecord[]): DurableList {
    return {
      key: this.key,
      now: '2026-01-01T00:00:10.000000Z',
      jobs,
      ...(this.from !== undefined && { from: this.from }),
    };
  }
}

class FakeLink {
  readonly server = new FakeServer();
  watches = 0;
  snapshot: (snapshot: ActivitySnapshot) => void = () => undefined;
  durable = () => Promise.resolve(this.server);

  watch(): Disposable {
    this.watches++;
    return { dispose: () => this.watches-- };
  }

  onSnapshot(listener: (snapshot: ActivitySnapshot) => void): Disposable {
    this.snapshot = listener;
    return { dispose: () => (this.snapshot = () => undefined) };
  }
}

describe('the list of durable jobs', () => {
  let clock: FakeClock;
  let one: FakeLink;
  let two: FakeLink;
  let jobs: DurableJobs;
  let changes: string[];
  let cleared: readonly string[];

  const found = (name: string): Promise<void> =>
    jobs.found(name, (name === 'one' ? one : two) as unknown as ServerLink);
  const listed = (): string[] => jobs.jobs.map(({ id, state, record }) => `${record.connection} ${id} ${state}`);

  beforeEach(() => {
    [clock, one, two, changes, cleared] = [new FakeClock(), new FakeLink(), new FakeLink(), [], []];
    const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    jobs = new DurableJobs({
      links: { link: (name) => (name === 'one' ? one : two) as unknown as ServerLink },
      files: { remove: () => Promise.resolve() } as unknown as JobFiles,
      ...{ clock, log, window: 'window' },
      cleared: { get: () => cleared, set: (ids) => (cleared = ids) },
      closing: new Promise(() => undefined),
      changed: (job: Job) => changes.push(job.state),
      removed: (ids) => changes.push(`removed ${ids.join(' ')}`),
    });
  });

  it('lists a job below one of two connections to its database, preferably that of its role', async () => {
    one.server.jobs = [
      { ...RECORD, own: false },
      { ...RECORD, id: '8' },
    ];
    two.server.jobs = [RECORD, { ...RECORD, id: '8', own: false }];
    await found('one');
    await found('two');
    assert.deepEqual(listed(), ['two durable-key-7 running', 'one durable-key-8 running']);
  });

  it('reads the jobs that notifications name, many at once, and ignores other payloads', async () => {
    await found('one');
    one.server.jobs = [RECORD];
    for (const payload of ['7', 'x', '7', '9; DROP', '-1', '8']) one.server.notify(payload);
    await settle();
    for (let i = 0; i < 50; i++) one.server.notify(String(i));
    await clock.move(1000);
    assert.deepEqual(
      one.server.reads.map(({ length }) => length),
      [1, 50],
    );
    assert.deepEqual(listed(), ['one durable-key-7 running']);
  });

  it('shows the times of all jobs by one difference of the clocks, however long an answer takes, until a clock is set', async () => {
    await found('one');
    one.server.jobs = ['7', '8', '9'].map((id) => ({ ...RECORD, id }));
    const queuedAt = new Map<string, number>();
    for (const [id, ms] of [
      ['8', 30],
      ['7', 70],
      ['9', 60_000],
    ] as const) {
      await clock.move(ms);
      one.server.notify(id);
      await settle();
      queuedAt.set(id, jobs.get(`durable-key-${id}`)!.record.queuedAt);
      await clock.move(100);
    }
    assert.equal(queuedAt.get('7'), queuedAt.get('8'));
    assert.ok(queuedAt.get('9')! - queuedAt.get('8')! >= 60_000);
  });

  it('are refused with a retry, which only a window can do, alone and in a batch', async () => {
    const request = { sql: 'LOCK TABLE t', label: 'l', connection: 'one', durable: true, retryOnLockTimeout: 2 };
    const refusal = { fault: { code: 'jobs.retryNotDurable' } };
    await assert.rejects(jobs.launch(request), refusal);
    const options = { label: 'b', parallel: 1, onFailure: 'stop' } as const;
    await assert.rejects(jobs.launchBatch([{ request }], options), refusal);
  });

  it('reads all jobs at once, and not often, if very many are named', async () => {
    await found('one');
    one.server.jobs = [RECORD];
    for (let i = 0; i < 100_000; i++) one.server.notify(String(1_000_000 + i));
    for (let second = 0; second < 10; second++) {
      for (let i = 0; i < 2000; i++) one.server.notify(String(i));
      await clock.move(1000);
    }
    assert.ok(one.server.lists <= 12, String(one.server.lists));
    assert.ok(one.server.reads.length <= 12, String(one.server.reads.length));
    assert.deepEqual(listed(), ['one durable-key-7 running']);
  });

  it('drops all jobs when it is notified that the setup was removed, or finds it out', async () => {
    const gone: Fault = { code: 'durable.notSetUp', params: { database: 'd' } };
    for (const payload of ['setup', '7']) {
      one.server.refusal = undefined;
      one.server.jobs = [RECORD];
      await found('one');
      assert.equal(listed().length, 1);
      one.server.refusal = gone;
      one.server.notify(payload);
      await clock.move(2000);
      assert.deepEqual(listed(), [], payload);
    }
    // Anything else that prevents reading proves nothing.
    one.server.refusal = undefined;
    await found('one');
    one.server.refusal = { code: 'durable.useDenied', params: { role: 'r' } };
    one.server.notify('7');
    one.server.notify('setup');
    await clock.move(2000);
    assert.equal(listed().length, 1);
  });

  it('looks for the outcome of a job whose keeper the server no longer shows, less and less often', async () => {
    one.server.jobs = [RECORD];
    await found('one');
    const snapshot = (...workers: object[]): ActivitySnapshot =>
      ({ at: clock.monotonic(), workers }) as unknown as ActivitySnapshot;
    await clock.move(10);
    one.snapshot(snapshot({ pid: 10, backendStart: 'k' }));
    const resolved = (): number => one.server.resolved;
    assert.equal(resolved(), 0);
    for (let second = 0; second < 60; second++) {
      one.snapshot(snapshot({ pid: 10, backendStart: 'another process' }));
      await clock.move(1000);
    }
    // After 0, 1, 3, 7, 15, 25, 35, 45, and 55 seconds.
    assert.equal(resolved(), 9);
  });

  it('follows the activity only while a job runs', async () => {
    one.server.jobs = [SUCCEEDED];
    await found('one');
    assert.deepEqual([one.watches, clock.timers.size], [0, 0]);
    one.server.jobs = [RECORD];
    await found('one');
    assert.equal(one.watches, 1);
    one.server.jobs = [SUCCEEDED];
    one.server.notify('7');
    await clock.move(100);
    assert.deepEqual([one.watches, clock.timers.size], [0, 0]);
  });

  it('changes only if the record has changed', async () => {
    one.server.jobs = [RECORD];
    await found('one');
    one.server.notify('7');
    await clock.move(1000);
    one.server.notify('7');
    await clock.move(1000);
    const before = changes.length;
    one.server.notify('7');
    await clock.move(1000);
    assert.equal(changes.length, before);
  });

  it('drops purged jobs, and keeps those that are too old to be listed', async () => {
    const old = { ...RECORD, id: '0' };
    one.server.jobs = [old, { ...SUCCEEDED, id: '1' }, { ...SUCCEEDED, id: '5' }, SUCCEEDED];
    await found('one');
    // The old one is listed because it has not ended.
    one.server.jobs = [old, SUCCEEDED];
    one.server.from = '7';
    await found('one');
    assert.equal(jobs.jobs.length, 4);
    one.server.notify('5');
    await clock.move(100);
    assert.equal(jobs.jobs.length, 3);
    one.server.from = undefined;
    await found('one');
    assert.deepEqual(listed(), ['one durable-key-0 running', 'one durable-key-7 succeeded']);
  });

  it('drops the jobs of another database when the connection leads to it', async () => {
    one.server.jobs = [SUCCEEDED];
    await found('one');
    one.server.key = 'other';
    await found('one');
    assert.deepEqual(listed(), ['one durable-other-7 succeeded']);
  });

  it('hides cleared jobs until they are purged; those of other roles only if they are chosen', async () => {
    one.server.jobs = [SUCCEEDED, { ...SUCCEEDED, id: '8', own: false }];
    await found('one');
    assert.equal(await jobs.clear(undefined), 1);
    assert.deepEqual([listed(), one.server.seen], [['one durable-key-8 succeeded'], ['7']]);
    assert.equal(await jobs.clear(['durable-key-8']), 1);
    assert.equal(cleared.length, 2);
    one.server.jobs = [SUCCEEDED];
    await found('one');
    assert.deepEqual([listed(), cleared], [[], ['durable-key-7']]);
  });

  it('keeps pinned jobs when all are cleared, and reports one that was purged before', async () => {
    one.server.jobs = [SUCCEEDED, { ...SUCCEEDED, id: '8', pinned: true }];
    await found('one');
    const pinned = (): boolean[] => jobs.jobs.map((job) => job.pinned);
    assert.deepEqual(pinned(), [false, true]);
    await jobs.setPinned('durable-key-7', true);
    await jobs.setPinned('durable-key-8', false);
    assert.deepEqual(pinned(), [true, false]);
    assert.equal(await jobs.clear(undefined), 1);
    assert.deepEqual(listed(), ['one durable-key-7 succeeded']);
    one.server.jobs = [];
    await assert.rejects(jobs.setPinned('durable-key-7', true), {
      fault: { code: 'durableJobs.purged', params: { label: 'nightly' } },
    });
    assert.equal(await jobs.clear(['durable-key-7']), 1);
  });

  it('reads long texts whole on request, and keeps them', async () => {
    one.server.jobs = [{ ...SUCCEEDED, sql: 'who', cut: true }];
    await found('one');
    await jobs.whole('durable-key-7');
    assert.equal(jobs.get('durable-key-7')?.record.request.sql, 'whole');
    one.server.notify('7');
    await clock.move(100);
    assert.equal(jobs.get('durable-key-7')?.record.request.sql, 'whole');
  });

  it('takes a cancel back if it could not be sent', async () => {
    one.server.jobs = [RECORD];
    await found('one');
    one.server.cancel = () => Promise.reject(new Error('no connection'));
    await assert.rejects(jobs.cancel('durable-key-7', 100), /no connection/);
    assert.deepEqual(listed(), ['one durable-key-7 running']);
  });
});

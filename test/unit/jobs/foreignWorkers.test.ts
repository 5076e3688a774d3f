import assert from 'node:assert/strict';
import { ForeignWorkers, listOnce, type SeenWorkers } from '../../../src/core/jobs/cancel/foreignWorkers';
import type { Job } from '../../../src/core/jobs/job';
import type { ActiveWorker, ActivitySnapshot } from '../../../src/core/jobs/ports';

const snapshot = (at: number, ...pids: number[]): ActivitySnapshot => ({
  at,
  serverStart: 's',
  workers: pids.map((pid) => ({ pid, backendStart: `start of ${pid}` }) as ActiveWorker),
  slotsUsed: 0,
  slotsTotal: 8,
});

describe('foreign workers', () => {
  let jobs: Job[];
  let notify: (job: Job) => void;
  let foreign: ForeignWorkers;

  const job = (pid: number, finishedAt?: number): Job =>
    ({
      final: finishedAt !== undefined,
      record: { connection: 'work', pid, backendStart: `start of ${pid}`, finishedAt },
    }) as unknown as Job;
  const pids = (at: number, ...shown: number[]): number[] =>
    foreign.of('work', snapshot(at, ...shown)).map(({ pid }) => pid);

  beforeEach(() => {
    jobs = [];
    let now = 0;
    const known = {
      get jobs() {
        return jobs;
      },
      onDidChange: (listener: (job: Job) => void) => {
        notify = (changed) => {
          now = changed.record.finishedAt ?? now;
          listener(changed);
        };
        return { dispose: () => undefined };
      },
    };
    foreign = new ForeignWorkers(known, { monotonic: () => now });
  });

  it('are the workers that run none of our jobs', () => {
    jobs = [job(1)];
    assert.deepEqual(pids(10, 1, 2), [2]);
    assert.deepEqual(foreign.of('work', undefined), []);
  });

  it('do not include our workers in a snapshot from before their end, even if their jobs were removed', () => {
    jobs = [job(1, 100)];
    notify(jobs[0]!);
    assert.deepEqual(pids(50, 1, 2), [2]);
    jobs = [];
    assert.deepEqual(pids(50, 1, 2), [2]);
    assert.deepEqual(pids(900, 1, 2), [2], 'its process may still be exiting');
  });

  it('include our workers that are still shown long after their jobs ended', () => {
    notify(job(1, 100));
    assert.deepEqual(pids(2000, 1), [1]);
  });

  it('include workers of another server that have the pid of one of our jobs', () => {
    const server = { start: '2026-01-02', system: '1', timeline: '1' };
    const other = { start: '2026-01-02', system: '2', timeline: '1' };
    const young = job(1);
    Object.assign(young.record, { server, backendStart: undefined });
    jobs = [young];
    assert.deepEqual(foreign.of('work', { ...snapshot(10, 1), server }), []);
    assert.deepEqual(foreign.of('another name of it', { ...snapshot(10, 1), server }), []);
    assert.equal(foreign.of('work', { ...snapshot(10, 1), server: other }).length, 1);
    const unknown = job(1);
    jobs = [unknown];
    assert.equal(foreign.of('work', snapshot(10, 1)).length, 0);
    assert.equal(foreign.of('other', snapshot(10, 1)).length, 1);
  });

  it('include workers that reuse the pid of one of our workers, or are on another connection', () => {
    notify(job(1, 100));
    const later = { ...snapshot(50, 1), workers: [{ pid: 1, backendStart: 'another start' } as ActiveWorker] };
    assert.equal(foreign.of('work', later).length, 1);
    assert.equal(foreign.of('other', snapshot(50, 1)).length, 1);
  });
});

describe('workers that several connections see', () => {
  const SERVER = { start: '2026-01-02', system: '1' };
  const seen = (connection: string, server: typeof SERVER, ...pids: number[]): SeenWorkers => {
    const own = { ...snapshot(10, ...pids), server, serverStart: server.start };
    return { connection, snapshot: own, workers: own.workers };
  };
  const listed = (...all: SeenWorkers[]): unknown =>
    [...listOnce(all)].map(([connection, workers]) => [connection, ...workers.map(({ pid }) => pid)]);

  it('are listed once, under the first connection that shows them', () => {
    assert.deepEqual(listed(seen('first', SERVER, 1, 2), seen('second', SERVER, 1, 2, 3), seen('third', SERVER, 3)), [
      ['first', 1, 2],
      ['second', 3],
      ['third'],
    ]);
  });

  it('are different workers on another server and after a restart, even with the same pid', () => {
    assert.deepEqual(
      listed(
        seen('one', SERVER, 1),
        seen('another', { ...SERVER, system: '2' }, 1),
        seen('restarted', { ...SERVER, start: '2026-01-03' }, 1),
      ),
      [
        ['one', 1],
        ['another', 1],
        ['restarted', 1],
      ],
    );
  });

  it('are different workers if they began at another time', () => {
    const later = seen('second', SERVER, 1);
    const workers = [{ pid: 1, backendStart: 'another start' } as ActiveWorker];
    assert.deepEqual(listed(seen('first', SERVER, 1), { ...later, workers }), [
      ['first', 1],
      ['second', 1],
    ]);
  });
});

import assert from 'node:assert/strict';
import { ActivityHistory } from '../../../../src/core/jobs/activity/activityHistory';
import type { ActiveWorker } from '../../../../src/core/jobs/ports';

const WORKER: ActiveWorker = { pid: 7, backendStart: 'start', label: '', state: 'active', blockers: [] };
const READS = { waitEventType: 'IO', waitEvent: 'DataFileRead' };
const LOCK = { waitEventType: 'Lock', waitEvent: 'relation' };

describe('the history of workers', () => {
  let history: ActivityHistory;
  let at: number;

  beforeEach(() => {
    history = new ActivityHistory();
    at = 1_000_000;
  });

  const addAll = (workers: readonly ActiveWorker[], afterMs = 1000): readonly ActiveWorker[] => {
    at += afterMs;
    return history.add({ at, serverStart: '', slotsUsed: 0, slotsTotal: 8, workers }).workers;
  };
  const add = (facts: Partial<ActiveWorker> = {}, afterMs?: number): ActiveWorker | undefined =>
    addAll([{ ...WORKER, ...facts }], afterMs)[0];

  it('shows a kind once two samples agree, and another one only once two agree on it', () => {
    assert.equal(add()?.kind, undefined);
    assert.equal(add()?.kind, 'cpu');
    assert.equal(add(READS)?.kind, 'cpu');
    assert.equal(add()?.kind, 'cpu');
    assert.equal(add(READS)?.kind, 'cpu');
    assert.equal(add(READS)?.kind, 'reading');
  });

  it('shows the more frequent of three samples of a worker that alternates', () => {
    add(READS);
    assert.equal(add()?.kind, undefined);
    assert.equal(add(READS)?.kind, 'reading');
    assert.equal(add()?.kind, 'reading');
  });

  it('takes one sample per second, however often snapshots arrive', () => {
    for (let i = 0; i < 100; i++) add({}, 40);
    assert.equal(history.of(WORKER).length, 5);
  });

  it('keeps the newest 60 samples', () => {
    for (let i = 0; i < 100; i++) add(i === 99 ? LOCK : {});
    const samples = history.of(WORKER);
    assert.equal(samples.length, 60);
    assert.deepEqual(samples.at(-1), { at, kind: 'lock', ...LOCK, blockers: [] });
    assert.equal(samples[0]?.at, at - 59_000);
  });

  it('forgets a worker with the first snapshot that does not show it, and does not mix up two with the same pid', () => {
    add();
    add();
    add({ backendStart: 'later' });
    assert.equal(history.of(WORKER).length, 0);
    assert.equal(history.of({ pid: 7, backendStart: 'later' }).length, 1);
    addAll([]);
    assert.equal(history.of({ pid: 7, backendStart: 'later' }).length, 0);
  });

  it('reports those that have waited for a worker for 5 s, not a sequence of short waits', () => {
    assert.equal(add({ blocks: [1, 2] })?.blocking, undefined);
    for (let i = 0; i < 4; i++) assert.equal(add({ blocks: [1, i] })?.blocking, undefined);
    assert.deepEqual(add({ blocks: [1, 9] })?.blocking, [1]);
    assert.equal(add({})?.blocking, undefined);
    assert.equal(add({ blocks: [1] })?.blocking, undefined);
  });
});

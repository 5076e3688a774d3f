import assert from 'node:assert/strict';
import type { ActiveWorker } from '../../../src/core/jobs/ports';
import { WaitTimes } from '../../../src/core/jobs/run/waitTimes';

const BASE = { pid: 1, backendStart: 'b', label: 'l', blockers: [] };
const CPU: ActiveWorker = BASE;
const LOCK: ActiveWorker = {
  ...{ ...BASE, waitEventType: 'Lock', waitEvent: 'relation' },
  blockers: [{ pid: 5, user: 'bob', application: 'psql' }],
};
const QUEUE: ActiveWorker = { ...BASE, waitEventType: 'IPC', waitEvent: 'MessageQueuePutMessage' };

function mainWait(...samples: readonly (readonly [at: number, worker: ActiveWorker])[]): unknown {
  const waits = new WaitTimes();
  for (const [at, worker] of samples) waits.sample(at, worker);
  return waits.mainWait();
}

describe('what a job waited for', () => {
  it('is the event of more than half of the time, with the holder of the lock', () => {
    assert.deepEqual(mainWait([0, CPU], [2000, LOCK], [5000, LOCK], [8000, CPU]), {
      ...{ on: 'Lock/relation', ms: 6000, ofMs: 8000, blocker: 'pid 5, bob, psql' },
    });
    assert.equal(mainWait([0, CPU], [4000, LOCK], [8000, CPU]), undefined, 'half of the time');
  });

  it('is nothing for a short job, for one that ran, and for one whose rows were read', () => {
    assert.equal(mainWait([0, LOCK], [4000, CPU]), undefined);
    assert.equal(mainWait([0, CPU], [4000, CPU], [9000, CPU]), undefined);
    assert.equal(mainWait([0, QUEUE], [4000, QUEUE], [9000, QUEUE]), undefined);
  });

  it('does not count a time without samples', () => {
    assert.equal(mainWait([0, LOCK], [600_000, CPU], [605_000, CPU], [610_000, CPU]), undefined);
  });
});

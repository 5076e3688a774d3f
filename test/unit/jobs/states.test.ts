import assert from 'node:assert/strict';
import type { JobState } from '../../../src/api';
import { isFinal, JOB_STATES, mayHaveWorker, nextState, type JobEvent } from '../../../src/core/jobs/states';

const EVENTS = [
  'launch',
  'requeue',
  'retry',
  'launched',
  'read',
  'cancel',
  'graceOver',
  'resumeRunning',
  'resumeReading',
  'resumeDetached',
  'resumeUnresponsive',
  'detach',
  'succeed',
  'fail',
  'cancelSettled',
  'lose',
  'finish',
] as const satisfies readonly JobEvent[];

// Written by hand, independently of the table in the source. A row is a state, a column an event in the order above.
const EXPECTED: Record<JobState, string> = {
  queued: 'launching - - - - canceled - - - - - - - failed - lost -',
  launching: '- queued - running - canceling - - - - - detached succeeded failed canceled lost -',
  running: '- - queued - reading canceling - - - - - detached succeeded failed canceled lost finished',
  reading: '- - queued - - canceling - - - - - detached succeeded failed canceled lost finished',
  canceling:
    '- canceled - canceling canceling canceling unresponsive running reading detached unresponsive canceling succeeded failed canceled lost finished',
  unresponsive: '- - - - unresponsive canceling - - - - - unresponsive succeeded failed canceled lost finished',
  detached: '- - - - - canceling - - - - - - - - - lost finished',
  succeeded: '- - - - - - - - - - - - - - - - -',
  failed: '- - - - - - - - - - - - - - - - -',
  canceled: '- - - - - - - - - - - - - - - - -',
  lost: '- - - - - - - - - - - - - - - - -',
  finished: '- - - - - - - - - - - - - - - - -',
};

describe('job states', () => {
  it('knows every state', () => {
    assert.deepEqual([...JOB_STATES].sort(), Object.keys(EXPECTED).sort());
  });

  for (const [state, row] of Object.entries(EXPECTED) as [JobState, string][]) {
    it(`${state}: every event`, () => {
      const expected = row.split(' ').map((next) => (next === '-' ? undefined : next));
      assert.equal(expected.length, EVENTS.length);
      assert.deepEqual(
        EVENTS.map((event) => nextState(state, event)),
        expected,
      );
    });
  }

  it('knows which states are final and which may have a worker', () => {
    const final = JOB_STATES.filter(isFinal);
    assert.deepEqual(final, ['succeeded', 'failed', 'canceled', 'lost', 'finished']);
    assert.deepEqual(JOB_STATES.filter(mayHaveWorker), [
      'launching',
      'running',
      'reading',
      'canceling',
      'unresponsive',
      'detached',
    ]);
  });
});

import assert from 'node:assert/strict';
import { BackendControl, SessionControl, type RunningWorker } from '../../../src/core/jobs/cancel/workerControl';
import { NoAnswerError, SessionLostError } from '../../../src/core/jobs/errors';
import { Job, newRecord, type JobFacts } from '../../../src/core/jobs/job';
import { FakeLink, OURS, snapshotOf } from './fakes';
import { IDLE_OWNER } from './idleOwner';

const OWNER = IDLE_OWNER;

function newJob(facts: JobFacts): Job {
  return new Job({ ...newRecord('j', { sql: '', label: 'l', connection: 'c' }, 'w', 1), ...facts } as never, OWNER);
}

/** A run whose session accepts signals, unless a test changes it. */
class FakeRun implements RunningWorker {
  readonly launched = Promise.resolve();
  seenActive = false;
  workerAge = 0;
  workerEnded = false;
  reading = false;
  sessionFree = true;
  notedSignals = 0;
  sessionSignals = 0;
  onSignal: () => Promise<boolean> = () => Promise.resolve(true);

  noteSignal(): void {
    this.notedSignals++;
  }

  signalInSession(): Promise<boolean> {
    this.sessionSignals++;
    return this.onSignal();
  }
}

describe('worker control: a session that is free', () => {
  function newControl(): { run: FakeRun; terminated: () => number; control: SessionControl } {
    const link = new FakeLink();
    let terminated = 0;
    link.onTerminate = () => Promise.resolve(++terminated > 0);
    const run = new FakeRun();
    const job = newJob({ pid: OURS.pid, backendStart: OURS.backendStart });
    return { run, terminated: () => terminated, control: new SessionControl(run, new BackendControl(job, link)) };
  }

  it('sends the first signal through the session, and every later one through the backend', async () => {
    const { run, terminated, control } = newControl();
    assert.equal(await control.signal(), true);
    assert.deepEqual([run.sessionSignals, terminated()], [1, 0]);
    assert.equal(await control.signal(), true);
    assert.deepEqual([run.sessionSignals, terminated(), run.notedSignals], [1, 1, 2]);
  });

  it('signals through the backend if the session is busy, is lost during the call, or has no worker', async () => {
    for (const change of [
      (run: FakeRun) => (run.sessionFree = false),
      (run: FakeRun) => (run.onSignal = () => Promise.reject(new SessionLostError('gone'))),
      (run: FakeRun) => (run.onSignal = () => Promise.resolve(false)),
    ]) {
      const { run, terminated, control } = newControl();
      change(run);
      assert.equal(await control.signal(), true);
      assert.equal(terminated(), 1);
    }
  });

  it('signals through the session again after a signal that was not answered', async () => {
    const { run, terminated, control } = newControl();
    run.onSignal = () => Promise.reject(new NoAnswerError('late'));
    await assert.rejects(control.signal(), NoAnswerError);
    run.onSignal = () => Promise.resolve(true);
    assert.equal(await control.signal(), true);
    assert.deepEqual([run.sessionSignals, terminated()], [2, 0]);
  });
});

describe('worker control: a worker without a session', () => {
  it('asks the server for the start of a worker that was not shown yet', async () => {
    const link = new FakeLink();
    const terminated: unknown[] = [];
    link.terminate = (...worker: unknown[]) => Promise.resolve(terminated.push(worker) > 0);
    link.onRefresh = () => Promise.resolve(snapshotOf({ workers: [OURS] }));
    assert.equal(await new BackendControl(newJob({ pid: OURS.pid }), link).signal(), true);
    assert.deepEqual(terminated, [[OURS.pid, OURS.backendStart, undefined]]);
  });

  it('signals nothing if the worker is not known, or no longer shown', async () => {
    const link = new FakeLink();
    link.onTerminate = () => assert.fail('must not signal');
    link.onRefresh = () => Promise.resolve(snapshotOf({ workers: [] }));
    assert.equal(await new BackendControl(newJob({}), link).signal(), false);
    assert.equal(await new BackendControl(newJob({ pid: OURS.pid }), link).signal(), false);
  });

  it('shows the worker as active only if the newest snapshot does', () => {
    const link = new FakeLink();
    const control = new BackendControl(newJob({ pid: OURS.pid, backendStart: OURS.backendStart }), link);
    assert.equal(control.seenActive, false);
    link.show({ workers: [{ ...OURS, state: 'starting' }] });
    assert.equal(control.seenActive, false);
    link.show({ workers: [OURS] });
    assert.equal(control.seenActive, true);
  });
});

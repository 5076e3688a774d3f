import assert from 'node:assert/strict';
import { cancelForeign } from '../../../src/core/jobs/cancel/cancelForeign';
import { SessionLostError } from '../../../src/core/jobs/errors';
import { reasonOf } from '../../reasonOf';
import { FakeSession, newWorld, OURS, settle, detached, snapshotOf } from './fakes';

describe('engine: cancel', () => {
  it('sends SIGTERM once the worker was seen active, or after one second', async () => {
    const { link, jobs, run, clock } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    const result = jobs.cancel(job.id);
    link.show({ workers: [{ ...OURS, state: 'starting' }] });
    await clock.move(900);
    assert.equal(session.signals, 0);
    await clock.move(200);
    assert.equal(session.signals, 1);
    session.workerReport = { ...session.workerReport!, hasError: true, error: { sqlstate: '57014', message: 'm' } };
    session.wake(true);
    assert.equal(await result, 'stopped');
    assert.equal(job.state, 'canceled');
  });

  it('returns the job to its former state if SIGTERM could not be sent', async () => {
    const { link, jobs, run } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    link.show({ workers: [OURS] });
    session.cancelWorker = () => Promise.reject(new Error('denied'));
    await assert.rejects(jobs.cancel(job.id), /denied/);
    assert.deepEqual([job.state, job.record.cancel], ['running', undefined]);
    session.break(new SessionLostError('gone.'));
    await settle();
    assert.equal(job.state, 'detached');
    link.onTerminate = () => Promise.reject(new Error('unreachable'));
    await assert.rejects(jobs.cancel(job.id), /unreachable/);
    assert.equal(job.state, 'detached');
    assert.match(reasonOf(job), /gone\./);
  });

  it('updates the reason of an unresponsive job when two samples agree, and counts samples only when they have doubled', async () => {
    const { link, jobs, run, clock } = newWorld();
    const job = await detached(link, run);
    const at = (): number => clock.monotonic();
    link.onRefresh = () => Promise.resolve(snapshotOf({ at: at(), workers: [OURS] }));
    link.show({ at: at(), workers: [OURS] });
    const canceling = jobs.cancel(job.id, 1000);
    await clock.move(1000);
    assert.equal(await canceling, 'unresponsive');
    assert.equal(reasonOf(job), 'jobs.stuckOnCpu');
    const reasons: string[] = [];
    const listener = jobs.onDidChange(() => reasons.push(reasonOf(job)));
    const sleeps = { ...OURS, waitEventType: 'Timeout', waitEvent: 'PgSleep' };
    const second = async (worker: typeof OURS): Promise<void> => {
      await clock.move(1000);
      link.show({ at: at(), workers: [worker] });
      // A snapshot that follows at once is no sample.
      link.show({ at: at() + 40, workers: [worker] });
    };
    for (let i = 0; i < 14; i++) await second(OURS);
    assert.deepEqual(reasons.splice(0), ['jobs.stuckComputing (samples=4)', 'jobs.stuckComputing (samples=8)']);
    await second(sleeps);
    assert.deepEqual(reasons, [], 'one sample is not enough');
    await second(sleeps);
    for (let i = 0; i < 100; i++) await second(OURS);
    assert.deepEqual(reasons.splice(0), [
      'jobs.stuckCatchesCancel (wait=Timeout/PgSleep)',
      'jobs.stuckCaughtCancel (wait=Timeout/PgSleep)',
    ]);
    listener.dispose();
    link.show({ at: at(), workers: [] });
    await settle();
    assert.equal(job.state, 'finished');
    await jobs.dispose();
    assert.equal(link.watching.size + link.listeners.size, 0);
  });

  it('does not replace the reason why the session of an unresponsive job was lost', async () => {
    const { link, jobs, run, clock } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    const show = (): void => link.show({ at: clock.monotonic(), workers: [OURS] });
    link.onRefresh = () => Promise.resolve(snapshotOf({ at: clock.monotonic(), workers: [OURS] }));
    show();
    const canceling = jobs.cancel(job.id, 1000);
    await clock.move(1000);
    assert.equal(await canceling, 'unresponsive');
    session.break(new SessionLostError('gone.'));
    await settle();
    const reason = reasonOf(job);
    assert.match(reason, /gone\./);
    for (let i = 0; i < 5; i++) {
      await clock.move(1000);
      show();
    }
    assert.deepEqual([job.state, reasonOf(job)], ['unresponsive', reason]);
    await jobs.dispose();
  });

  it('cancels a job that was detached just now without its session, which no longer knows the worker', async () => {
    const { link, jobs, run } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    link.show({ workers: [OURS] });
    let terminated = 0;
    link.onTerminate = () => Promise.resolve(++terminated > 0);
    const canceling: Promise<unknown>[] = [];
    const listener = jobs.onDidChange(() => {
      if (job.state === 'detached') canceling.push(jobs.cancel(job.id));
    });
    jobs.detach(job.id);
    session.wake(false);
    await settle();
    listener.dispose();
    assert.equal(canceling.length, 1);
    assert.deepEqual([session.signals, terminated, job.state], [0, 1, 'canceling']);
    link.show({ workers: [] });
    await Promise.all(canceling);
    assert.equal(job.state, 'finished');
  });

  it('cancels a job while it is being detached without its session', async () => {
    const { link, jobs, run } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    link.show({ workers: [OURS] });
    let terminated = 0;
    link.onTerminate = () => Promise.resolve(++terminated > 0);
    let detached!: () => void;
    session.detach = () => new Promise((resolve) => (detached = resolve));
    jobs.detach(job.id);
    session.wake(false);
    await settle();
    assert.equal(job.state, 'running');
    const canceling = jobs.cancel(job.id);
    await settle();
    assert.deepEqual([session.signals, terminated], [0, 1]);
    detached();
    await settle();
    assert.deepEqual([job.state, job.record.sessionLost], ['canceling', true]);
    link.show({ workers: [] });
    assert.equal(await canceling, 'stopped');
    assert.equal(job.state, 'finished');
  });

  it('sends SIGTERM to a foreign worker once it was seen active, or after one second, and reports one that is gone as stopped', async () => {
    const { link, clock } = newWorld();
    let signals = 0;
    link.onTerminate = () => Promise.resolve(++signals > 0);
    const starting = { ...OURS, state: 'starting' };
    link.show({ workers: [starting] });
    const seen = cancelForeign({ link, worker: starting, graceMs: 5000 }, clock);
    await clock.move(500);
    assert.equal(signals, 0);
    link.show({ workers: [OURS] });
    await settle();
    assert.equal(signals, 1);
    link.show({ workers: [] });
    assert.deepEqual(await seen, { result: 'stopped', sent: true, last: undefined, settledAt: 2000 });
    link.show({ workers: [starting] });
    const unseen = cancelForeign({ link, worker: starting, graceMs: 3000 }, clock);
    await clock.move(1100);
    assert.equal(signals, 2);
    await clock.move(3000);
    assert.deepEqual(await unseen, { result: 'unresponsive', sent: true, last: starting, settledAt: 3000 });
    assert.equal(clock.timers.size + link.watching.size + link.listeners.size, 0);
  });

  it('reports a signal that reaches no process as not sent, and returns the job to its former state', async () => {
    const { link, clock, jobs, run } = newWorld();
    const job = await detached(link, run);
    link.show({ workers: [OURS] });
    link.onTerminate = () => Promise.resolve(false);
    const canceled = assert.rejects(jobs.cancel(job.id, 0), /jobs\.noWorkerToSignal/);
    await clock.move(10_000);
    await canceled;
    assert.equal(job.state, 'detached');
    assert.equal(job.record.cancel, undefined, 'nothing was sent');
    assert.deepEqual(await cancelForeign({ link, worker: OURS, graceMs: 5000 }, clock), {
      result: 'stopped',
      sent: false,
      last: undefined,
      settledAt: clock.monotonic() + 500,
    });
    await jobs.dispose();
  });

  it('leaves no timer, watch, or pending promise after dispose', async () => {
    const { link, jobs, run, clock, saved } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const job = run();
    const waiting = run();
    await settle();
    link.show({ workers: [OURS] });
    const canceled = jobs.cancel(job.id);
    await settle();
    await jobs.dispose();
    assert.equal(await canceled, 'unresponsive');
    saved.length = 0;
    session.break(new SessionLostError('closed'));
    await jobs.settled();
    assert.deepEqual(saved, [], 'a session that is lost because we close it proves nothing');
    assert.equal(waiting.state, 'queued');
    assert.equal(clock.timers.size, 0);
    assert.deepEqual([link.watching.size, link.listeners.size], [0, 0]);
  });

  it('sends a requested cancel before the window closes, and waits at most two seconds for it', async () => {
    for (const arrives of [true, false]) {
      const { link, jobs, run, clock } = newWorld();
      const session = new FakeSession();
      session.stopped = false;
      let sent: (sent: boolean) => void = () => undefined;
      session.cancelWorker = () => new Promise((resolve) => (sent = resolve));
      link.next.push(session);
      const job = run();
      await settle();
      link.show({ workers: [OURS] });
      const canceled = jobs.cancel(job.id);
      await settle();
      let closed = false;
      const closing = jobs.dispose().then(() => (closed = true));
      await clock.move(1999);
      assert.ok(!closed, 'the signal is being sent');
      if (arrives) sent(true);
      else await clock.move(1);
      await closing;
      assert.equal(job.state, 'canceling');
      assert.equal(clock.timers.size, 0);
      if (arrives) assert.equal(await canceled, 'unresponsive');
    }
  });
});

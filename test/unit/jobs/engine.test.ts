import { reasonOf } from '../../reasonOf';
import assert from 'node:assert/strict';
import type { Job } from '../../../src/core/jobs/job';
import { LaunchError, SessionLostError, UnreachableError, WorkerFailedError } from '../../../src/core/jobs/errors';
import { cancelForeign } from '../../../src/core/jobs/cancel/cancelForeign';
import { looksAtQueue, waitMs } from '../../../src/core/jobs/scheduler/waitInterval';
import { FakeLink, FakeSession, newWorld, OURS, settle, snapshotOf } from './fakes';

describe('the engine among stand-ins', () => {
  it('a worker that stopped without a word is lost; canceled where that was asked for', async () => {
    const { link, jobs, run, clock } = newWorld();
    const silent = new FakeSession();
    silent.told = { completed: true, hasError: false, commandTag: '', rowCount: 0 };
    link.next.push(silent);
    const job = run();
    await job.ended;
    assert.equal(job.state, 'lost');
    assert.match(reasonOf(job), /^jobs\.noOutcome$/);

    const early = new FakeSession();
    Object.assign(early, { told: silent.told, stopped: false });
    link.next.push(early);
    const canceled = run();
    await settle();
    const result = jobs.cancel(canceled.id);
    link.show({ workers: [OURS] });
    await settle();
    assert.equal(early.signals, 1);
    early.wake(true);
    assert.equal(await result, 'stopped');
    assert.equal(canceled.state, 'canceled');
    await clock.move(10_000);
  });

  it('SIGTERM waits until the worker was seen at work, at most a second', async () => {
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
    session.told = { ...session.told!, hasError: true, error: { sqlstate: '57014', message: 'm' } };
    session.wake(true);
    assert.equal(await result, 'stopped');
    assert.equal(job.state, 'canceled');
  });

  it('a number that is no process id is not shown as one, and whoever has it is not taken for the worker', async () => {
    const { link, run } = newWorld();
    const odd = new FakeSession();
    odd.handle = { launchId: OURS.pid, cookie: '1' };
    odd.stopped = false;
    link.next.push(odd);
    const job = run();
    await settle();
    link.show({ workers: [OURS] });
    assert.deepEqual([job.state, job.record.pid, job.record.backendStart], ['running', undefined, undefined]);
    odd.stopped = true;
    odd.wake();
    await job.ended;
    assert.deepEqual([job.state, job.record.pid], ['succeeded', undefined]);
  });

  it('a launch that may have happened is never repeated', async () => {
    const { link, run, clock } = newWorld();
    const broken = new FakeSession();
    broken.onLaunch = () => Promise.reject(new SessionLostError('gone'));
    link.next.push(broken);
    const job = run();
    await clock.move(60_000);
    assert.equal(job.state, 'lost');
    assert.match(reasonOf(job), /^jobs\.lostDuringLaunch/);
    assert.equal(link.acquired, 1);
  });

  it('a session that breaks before the launch leads to another try, but not for ever', async () => {
    const { link, run, clock } = newWorld();
    const broken = () =>
      Object.assign(new FakeSession(), { onDescribe: () => Promise.reject(new SessionLostError('gone')) });
    link.next.push(broken(), broken());
    const job = run();
    await clock.move(60_000);
    assert.equal(job.state, 'succeeded');
    assert.equal(link.acquired, 3);
    link.next.push(...Array.from({ length: 9 }, broken));
    const bad = run();
    await clock.move(600_000);
    assert.equal(bad.state, 'failed');
    assert.equal(link.acquired, 7);
  });

  it('without a slot, or a server: it waits, says why, and can be canceled meanwhile', async () => {
    const { link, jobs, run, clock } = newWorld();
    const full = new FakeSession();
    full.onLaunch = () => Promise.reject(new LaunchError({ sqlstate: '53400', message: 'too many' }, true));
    link.next.push(full, new UnreachableError('away'));
    const job = run();
    await settle();
    assert.equal(job.state, 'queued');
    assert.match(reasonOf(job), /^jobs\.sessionLimit .*too many/);
    await clock.move(600);
    assert.deepEqual([job.state, reasonOf(job)], ['queued', 'away']);
    await clock.move(1100);
    assert.equal(job.state, 'succeeded');
    assert.equal(job.record.reason, undefined);

    link.next.push(new UnreachableError('away'));
    const other = run();
    const canceled = jobs.cancel(other.id);
    assert.equal(other.state, 'canceling');
    assert.equal(await canceled, 'stopped');
    assert.equal(other.state, 'canceled');
    assert.ok(other.record.finishedAt !== undefined);
  });

  it('a refusal that is no matter of slots has failed', async () => {
    const { link, run } = newWorld();
    const refused = new FakeSession();
    refused.onLaunch = () => Promise.reject(new LaunchError({ sqlstate: '42501', message: 'denied' }, false));
    link.next.push(refused);
    const job = run();
    await job.ended;
    await settle();
    assert.deepEqual([job.state, job.record.error?.message], ['failed', 'denied']);
    assert.equal(refused.released, true);
  });

  it('rows that could not be kept: the job has succeeded, and it is said', async () => {
    const { link, run, files } = newWorld();
    const session = new FakeSession();
    session.onRead = () => Promise.resolve({ rows: 3, sinkError: new Error('torn') });
    link.next.push(session);
    const torn = run();
    await torn.ended;
    assert.deepEqual([torn.state, torn.record.rowCount], ['succeeded', 3]);
    assert.match(reasonOf(torn), /torn/);
    files.createRows = () => Promise.reject(new Error('read-only'));
    const refused = run();
    await refused.ended;
    assert.deepEqual([refused.state, refused.record.columns], ['succeeded', undefined]);
    assert.match(reasonOf(refused), /read-only/);
  });

  it('a worker that another backend launched is let go, and the proxy named', async () => {
    const { link, run } = newWorld();
    const session = new FakeSession();
    session.handle = { ...session.handle, elsewhere: true };
    link.next.push(session);
    const job = run();
    await settle();
    assert.equal(job.state, 'detached');
    assert.match(reasonOf(job), /jobs\.transactionPooler/);
    assert.equal(session.closed, true);
  });

  it('a version that cannot tell, and rows that cannot be read: finished, outcome unknown', async () => {
    const { link, run } = newWorld();
    const session = new FakeSession();
    const blind = { told: undefined, plan: { ...session.plan, mode: 'none' } };
    const read = (sqlstate: string) => ({
      onRead: () => Promise.reject(new WorkerFailedError({ sqlstate, message: 'm' })),
    });
    link.next.push(Object.assign(session, blind, read('42804')));
    const job = run();
    await job.ended;
    assert.equal(job.state, 'finished');
    assert.match(reasonOf(job), /^jobs\.outcomeUnsupported$/);
    link.next.push(Object.assign(new FakeSession(), blind, read('22012')), Object.assign(new FakeSession(), blind));
    const [failed, told] = [run(), run()];
    await told.ended;
    assert.deepEqual([failed.state, failed.record.error?.sqlstate], ['failed', '22012']);
    assert.deepEqual([told.state, told.record.commandTag], ['succeeded', 'SELECT'], 'its one column was text');
  });

  it('a connection that is gone fails the job and frees its place', async () => {
    const { world, run, link } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    run();
    const second = run();
    const third = run();
    await settle();
    const { link: before } = world;
    let asked = 0;
    world.link = () => {
      if (asked++ === 0) throw new Error('There is no connection "c".');
      return before();
    };
    session.wake(true);
    await third.ended;
    assert.deepEqual([second.state, second.record.error?.message], ['failed', 'There is no connection "c".']);
    assert.equal(third.state, 'succeeded');
  });

  it('jobs of a connection that is disconnected wait for the user’s word, also one that comes back to its queue', async () => {
    const { link, jobs, run, clock } = newWorld();
    link.next.push(new UnreachableError('closed'));
    const launching = run();
    jobs.hold(launching.record.connection);
    await clock.move(120_000);
    assert.deepEqual([launching.state, launching.record.held, link.acquired], ['queued', true, 1]);
    assert.match(reasonOf(launching), /^jobs\.heldDisconnected$/);
    // A new run is a word for itself alone.
    const fresh = run();
    await fresh.ended;
    assert.deepEqual([fresh.state, launching.state], ['succeeded', 'queued']);
    jobs.resumeHeld();
    await launching.ended;
    assert.deepEqual([launching.state, launching.record.held], ['succeeded', false]);
  });

  it('a listener that throws harms nobody', async () => {
    const { jobs, run, logged } = newWorld();
    jobs.onDidChange(() => {
      throw new Error('bad listener');
    });
    let told = 0;
    jobs.onDidChange(() => told++);
    const job = run();
    await job.ended;
    assert.equal(job.state, 'succeeded');
    assert.ok(told > 2 && logged.some((line) => line.includes('bad listener')));
  });

  it('SIGTERM that could not be sent leaves the job as it was', async () => {
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

  it('a job that was let go this instant is canceled without its session, which no longer knows the worker', async () => {
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

  it('a detached job is judged only by what was asked for afterwards', async () => {
    const { link, jobs, run, clock } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    jobs.detach(job.id);
    await settle();
    assert.equal(job.state, 'detached', 'the wait under way was ended');
    link.show({ at: clock.now() - 1 });
    assert.equal(job.state, 'detached', 'an older answer proves nothing');
    link.show({ workers: [OURS] });
    assert.equal(job.state, 'detached');
    link.show({ workers: [{ ...OURS, backendStart: 'another with the same pid' }] });
    assert.equal(job.state, 'finished');
  });

  it('a detached job follows its connection, and claims nothing about another server', async () => {
    const { link, world, run, clock, logged } = newWorld();
    const job = await detached(link, run);
    world.link = () => {
      throw new Error('removed');
    };
    await clock.move(10_000);
    assert.equal(job.state, 'detached', 'a connection that was removed says nothing about the worker');
    assert.equal(logged.filter((line) => line.includes('removed')).length, 1);
    assert.equal(link.watching.size, 0);
    const other = new FakeLink();
    world.link = () => other;
    await clock.move(3000);
    other.show({ workers: [OURS], serverStart: 'another' });
    await settle();
    assert.equal(job.state, 'finished');
    assert.match(reasonOf(job), /^jobs\.connectionEdited/);
    assert.equal(other.watching.size, 0);
  });

  it('a detached job is lost with its server', async () => {
    const { link, run } = newWorld();
    const job = await detached(link, run);
    link.show({ serverStart: 'later' });
    await settle();
    assert.equal(job.state, 'lost');
    assert.match(reasonOf(job), /^jobs\.serverRestarted/);
    assert.equal(link.watching.size, 0);
  });

  it('a detached job is lost where the server’s processes are younger than its worker', async () => {
    for (const [processesSince, state] of [
      ['a', 'finished'],
      ['c', 'lost'],
      [undefined, 'finished'],
    ] as const) {
      const { link, run } = newWorld();
      const job = await detached(link, run);
      const since = processesSince === undefined ? {} : { processesSince };
      link.show({ workers: [OURS], ...since });
      assert.equal(job.state, 'detached', 'one that is shown runs');
      link.show(since);
      assert.equal(job.state, state);
      if (state === 'lost') assert.match(reasonOf(job), /^jobs\.serverCrashed/);
    }
  });

  it('rows that stop coming from a worker that is gone: the session is given up', async () => {
    const { link, run, clock } = newWorld();
    const session = new FakeSession();
    session.onRead = () =>
      new Promise((_resolve, reject) => (session.destroy = () => reject(new SessionLostError('cut.'))));
    session.idle = 40_000;
    link.next.push(session);
    link.onRefresh = () => Promise.resolve(snapshotOf({ workers: [OURS] }));
    const job = run();
    await clock.move(35_000);
    assert.equal(job.state, 'reading', 'the worker is there, so rows may come');
    link.onRefresh = () => Promise.resolve(snapshotOf({}));
    await clock.move(60_000);
    assert.notEqual(job.state, 'reading');
  });

  it('rows that stop coming while the server is away too are waited for: nothing says that they are lost', async () => {
    const { link, run, clock } = newWorld();
    const session = new FakeSession();
    session.onRead = () =>
      new Promise((_resolve, reject) => (session.destroy = () => reject(new SessionLostError('cut.'))));
    session.idle = 40_000;
    link.next.push(session);
    const job = run();
    await clock.move(50_000);
    assert.equal(job.state, 'reading');
    session.idle = 300_000;
    await clock.move(250_000);
    assert.equal(job.state, 'reading');
  });

  it('a full queue ends the wait, so that reading begins', async () => {
    const { link, run } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    link.show({ workers: [OURS] });
    await settle();
    assert.equal(job.state, 'running');
    const paces = (): string[] => [...link.watching].map(({ pace }) => pace);
    assert.deepEqual(paces(), ['fast', 'steady']);
    const read = session.onRead;
    let whileReading: string[] = [];
    session.onRead = (...given) => {
      whileReading = paces();
      return read(...given);
    };
    link.show({ workers: [{ ...OURS, waitEventType: 'IPC', waitEvent: 'MessageQueuePutMessage' }] });
    await job.ended;
    assert.deepEqual(whileReading, ['steady'], 'a server that sends rows is not asked more than it must');
    assert.equal(job.state, 'succeeded');
    assert.ok(job.record.rows !== undefined);
  });

  it('many jobs together ask for their progress no more often than few', () => {
    const asked = (running: number, age: number): number => (running * 1000) / waitMs(age, running);
    assert.deepEqual([waitMs(0, 1), waitMs(80, 1)], [1, 10]);
    assert.deepEqual([waitMs(100, 1), waitMs(19_999, 1), waitMs(20_000, 1)], [250, 250, 1000]);
    assert.deepEqual([looksAtQueue(0, 4), looksAtQueue(0, 5), looksAtQueue(100, 1)], [true, false, false]);
    for (const running of [40, 100, 200]) assert.ok(asked(running, 60_000) <= 40, `${running}`);
    for (const running of [10, 40, 100, 200]) assert.ok(asked(running, 0) <= 40, `${running} young ones`);
    assert.equal(waitMs(60_000, 10_000), 5000);
  });

  it('a foreign worker gets SIGTERM once it was seen at work, at most a second later; one that is gone has stopped', async () => {
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
    assert.deepEqual(await seen, { result: 'stopped', sent: true, last: undefined });
    link.show({ workers: [starting] });
    const unseen = cancelForeign({ link, worker: starting, graceMs: 3000 }, clock);
    await clock.move(1100);
    assert.equal(signals, 2);
    await clock.move(3000);
    assert.deepEqual(await unseen, { result: 'unresponsive', sent: true, last: starting });
    assert.equal(clock.timers.size + link.watching.size + link.listeners.size, 0);
  });

  it('a signal that reaches no process is reported as not sent, and the job is what it was', async () => {
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
    });
    await jobs.dispose();
  });

  it('a detached job of another server is neither lost nor finished, and is found again on its own', async () => {
    const { link, run } = newWorld();
    const session = new FakeSession();
    const home = { start: '2026-01-02', system: '1', timeline: '1' };
    session.handle = { ...session.handle, backendStart: '2026-01-03', serverStart: home.start, server: home };
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    session.break(new SessionLostError('cut.'));
    await settle();
    const worker = { ...OURS, backendStart: '2026-01-03' };
    const others = [
      { ...home, system: '2', start: '2026-02-01' },
      { ...home, timeline: '2', start: '2026-02-01' },
      { ...home, start: '2026-01-02T12' },
      { start: '2026-02-01', system: '1' },
    ];
    for (const server of others) {
      link.show({ server, serverStart: server.start, workers: [worker], processesSince: '2026-03-01' });
      assert.equal(job.state, 'detached', JSON.stringify(server));
      assert.match(reasonOf(job), /^jobs\.onOtherServer .*cut\./);
    }
    link.show({ server: home, serverStart: home.start, workers: [worker] });
    assert.match(reasonOf(job), /^jobs\.backOnServer/);
    link.show({ server: { ...home, start: '2026-02-01' }, serverStart: '2026-02-01' });
    assert.equal(job.state, 'lost');
    assert.match(reasonOf(job), /^jobs\.serverRestarted: cut\./);
  });

  it('nothing is left after dispose, and nobody waits for ever', async () => {
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
    assert.deepEqual(saved, [], 'what breaks because we close it says nothing');
    assert.equal(waiting.state, 'queued');
    assert.equal(clock.timers.size, 0);
    assert.deepEqual([link.watching.size, link.listeners.size], [0, 0]);
  });

  it('a cancel that was asked for is sent before the window closes, which waits at most two seconds for it', async () => {
    for (const arrives of [true, false]) {
      const { link, jobs, run, clock } = newWorld();
      const session = new FakeSession();
      session.stopped = false;
      let sent: () => void = () => undefined;
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
      assert.ok(!closed, 'it is on its way');
      if (arrives) sent();
      else await clock.move(1);
      await closing;
      assert.equal(job.state, 'canceling');
      assert.equal(clock.timers.size, 0);
      if (arrives) assert.equal(await canceled, 'unresponsive');
    }
  });
});

/** A job whose session has broken while its worker ran. */
async function detached(link: FakeLink, run: () => Job): Promise<Job> {
  const session = new FakeSession();
  session.stopped = false;
  link.next.push(session);
  const job = run();
  await settle();
  session.break(new SessionLostError('gone.'));
  await settle();
  return job;
}

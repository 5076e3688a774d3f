import assert from 'node:assert/strict';
import { LaunchError, SessionLostError, UnreachableError } from '../../../src/core/jobs/ports';
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
    assert.match(job.record.reason!, /nothing is known to be committed/);

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

  it('a number that is no process id is not shown as one', async () => {
    const { link, run } = newWorld();
    const odd = new FakeSession();
    odd.handle = { pid: -435_705_099, cookie: '1' };
    link.next.push(odd);
    const job = run();
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
    assert.match(job.record.reason!, /may or may not run/);
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
    assert.match(job.record.reason!, /max_workers\): too many/);
    await clock.move(600);
    assert.deepEqual([job.state, job.record.reason], ['queued', 'away']);
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
    assert.match(torn.record.reason!, /torn/);
    files.createRows = () => Promise.reject(new Error('read-only'));
    const refused = run();
    await refused.ended;
    assert.deepEqual([refused.state, refused.record.columns], ['succeeded', undefined]);
    assert.match(refused.record.reason!, /read-only/);
  });

  it('a worker that another backend launched is let go, and the proxy named', async () => {
    const { link, run } = newWorld();
    const session = new FakeSession();
    session.handle = { ...session.handle, elsewhere: true };
    link.next.push(session);
    const job = run();
    await settle();
    assert.equal(job.state, 'detached');
    assert.match(job.record.reason!, /PgBouncer/);
    assert.equal(session.closed, true);
  });

  it('a version that cannot tell, and rows that cannot be read: finished, outcome unknown', async () => {
    const { link, run } = newWorld();
    const session = new FakeSession();
    Object.assign(session, { told: undefined, plan: { ...session.plan, mode: 'none', definition: '' } });
    link.next.push(session);
    const job = run();
    await job.ended;
    assert.equal(job.state, 'finished');
    assert.match(job.record.reason!, /cannot tell/);
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
    assert.match(job.record.reason!, /gone\./);
  });

  it('a detached job is judged only by what was asked for afterwards', async () => {
    const { link, jobs, run, clock } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    jobs.detach(job.id);
    session.wake(false);
    await settle();
    assert.equal(job.state, 'detached');
    link.show({ at: clock.now() - 1 });
    assert.equal(job.state, 'detached', 'an older answer proves nothing');
    link.show({ workers: [OURS] });
    assert.equal(job.state, 'detached');
    link.show({ workers: [{ ...OURS, backendStart: 'another with the same pid' }] });
    assert.equal(job.state, 'finished');
  });

  it('a detached job follows its connection, and is lost with the server', async () => {
    const { link, world, run, clock, logged } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    session.break(new SessionLostError('gone.'));
    await settle();
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
    other.show({ workers: [OURS], serverStart: 'later' });
    await settle();
    assert.equal(job.state, 'lost');
    assert.equal(other.watching.size, 0);
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
});

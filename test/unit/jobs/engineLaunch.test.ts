import assert from 'node:assert/strict';
import { LaunchError, SessionLostError, UnreachableError } from '../../../src/core/jobs/errors';
import { checksQueue, pollMs } from '../../../src/core/jobs/run/pollInterval';
import { reasonOf } from '../../reasonOf';
import { FakeSession, newWorld, OURS, settle } from './fakes';

describe('engine: launch', () => {
  it('does not show an id that is not a process id, and does not mistake the process with that pid for the worker', async () => {
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

  it('orders jobs by the time at which they are queued, also within one millisecond', () => {
    const { run, clock } = newWorld();
    const times = [run(), run(), run()].map(({ record }) => record.queuedAt);
    assert.deepEqual([...new Set(times)].sort(), times);
    assert.deepEqual(new Set(times.map(Math.floor)), new Set([clock.now()]));
  });

  it('sends the launch only when its record is on disk, and describes the statement meanwhile', async () => {
    const { link, run, disk } = newWorld();
    const session = new FakeSession();
    const order: string[] = [];
    let written!: () => void;
    let described!: () => void;
    const describing = new Promise<void>((resolve) => (described = resolve));
    disk.write = (record) => {
      if (record.launchSentAt === undefined || record.launchedAt !== undefined) return Promise.resolve();
      order.push('write');
      return new Promise((resolve) => (written = resolve));
    };
    session.onDescribe = () => {
      order.push('describe');
      described();
    };
    session.onLaunch = () => void order.push('launch');
    link.next.push(session);
    const job = run();
    await describing;
    await settle();
    assert.deepEqual(order, ['write', 'describe']);
    order.push('on disk');
    written();
    await job.ended;
    assert.deepEqual(order, ['write', 'describe', 'on disk', 'launch']);
  });

  it('launches nothing while the window closes, because its record would not show the launch', async () => {
    const { link, run, jobs, saved } = newWorld();
    const session = new FakeSession();
    let launches = 0;
    session.onLaunch = () => {
      launches++;
    };
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    link.acquire = () => opened.then(() => session);
    const job = run();
    await settle();
    await jobs.dispose();
    open();
    await jobs.settled();
    assert.deepEqual([job.record.launchSentAt, launches, session.released], [undefined, 0, true]);
    assert.equal(saved.at(-1), 'j1:launching');
  });

  it('sends a launch whose record was saved just before the window closes', async () => {
    const { link, run, jobs, disk } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    let launches = 0;
    session.onLaunch = () => {
      launches++;
    };
    let written!: () => void;
    const onDisk = new Promise<void>((resolve) => (written = resolve));
    disk.write = (record) => (record.launchSentAt === undefined ? Promise.resolve() : onDisk);
    link.next.push(session);
    const job = run();
    await settle();
    assert.notEqual(job.record.launchSentAt, undefined);
    const disposed = jobs.dispose();
    written();
    await disposed;
    await settle();
    assert.equal(launches, 1);
    session.break(new SessionLostError('closed'));
    await jobs.settled();
  });

  it('never repeats a launch that may have happened', async () => {
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

  it('retries a session that breaks before the launch, but only a few times', async () => {
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

  it('waits with a reason if there is no slot or no server, and can be canceled meanwhile', async () => {
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

  it('fails a job whose launch is refused for another reason than a slot', async () => {
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

  it('fails a job whose connection was removed, and runs the next one', async () => {
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

  it('holds the jobs of a disconnected connection, including one that returns to its queue', async () => {
    const { link, jobs, run, clock } = newWorld();
    link.next.push(new UnreachableError('closed'));
    const launching = run();
    jobs.hold(launching.record.connection);
    await clock.move(120_000);
    assert.deepEqual([launching.state, launching.record.held, link.acquired], ['queued', true, 1]);
    assert.match(reasonOf(launching), /^jobs\.heldDisconnected$/);
    // A new job does not resume the held ones.
    const fresh = run();
    await fresh.ended;
    assert.deepEqual([fresh.state, launching.state], ['succeeded', 'queued']);
    jobs.resumeHeld();
    await launching.ended;
    assert.deepEqual([launching.state, launching.record.held], ['succeeded', false]);
  });

  it('polls no more often for many jobs together than for few', () => {
    const asked = (running: number, age: number): number => (running * 1000) / pollMs(age, running);
    assert.deepEqual([pollMs(0, 1), pollMs(80, 1)], [1, 10]);
    assert.deepEqual([pollMs(100, 1), pollMs(19_999, 1), pollMs(20_000, 1)], [250, 250, 1000]);
    assert.deepEqual([checksQueue(0, 4), checksQueue(0, 5), checksQueue(100, 1)], [true, false, false]);
    for (const running of [40, 100, 200]) assert.ok(asked(running, 60_000) <= 40, `${running}`);
    for (const running of [10, 40, 100, 200]) assert.ok(asked(running, 0) <= 40, `${running} young ones`);
    assert.equal(pollMs(60_000, 10_000), 5000);
  });
});

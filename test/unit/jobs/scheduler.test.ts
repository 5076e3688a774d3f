import assert from 'node:assert/strict';
import type { Disposable } from '../../../src/core/base/disposable';
import { LaunchError, SessionLostError, UnreachableError } from '../../../src/core/jobs/errors';
import { Job, newRecord } from '../../../src/core/jobs/job';
import { discard } from '../../../src/core/jobs/run/resultReader';
import type { RunEnd } from '../../../src/core/jobs/run/runnerContext';
import type { NoPlace, Place, Places } from '../../../src/core/jobs/scheduler/places';
import { Scheduler } from '../../../src/core/jobs/scheduler/scheduler';
import { fuzzSeed, Random } from '../sql/random';
import { FakeClock, FakeLink, FakeSession, settle } from './fakes';
import { IDLE_OWNER } from './idleOwner';

/** A scheduler with fakes for one connection. */
function newScheduler(
  clock = new FakeClock(),
  maxConcurrentJobs = 1,
  places?: Places,
  logError: (message: string) => void = (message) => assert.fail(message),
) {
  const link = new FakeLink();
  const ends: RunEnd[] = [];
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: logError,
  };
  const kept = { rows: 1, bytes: 1, dropped: 0 };
  const sink = { stream: discard(), status: () => kept, finish: () => Promise.resolve(kept) };
  const world = { link: () => link };
  const scheduler = new Scheduler({
    links: { link: () => world.link() },
    files: { createRows: () => Promise.resolve(sink), remove: () => Promise.resolve() },
    clock,
    log,
    mayLaunch: () => Promise.resolve('yes'),
    places,
    maxConcurrentJobs: () => maxConcurrentJobs,
    runEnded: (_job, end) => Promise.resolve(void ends.push(end)),
  });
  let ids = 0;
  const newJob = (): Job =>
    new Job(newRecord(`j${++ids}`, { sql: 'SELECT 1', label: 'l', connection: 'c' }, 'w', ids), IDLE_OWNER);
  const add = (): Job => {
    const job = newJob();
    scheduler.add(job);
    return job;
  };
  return { clock, link, ends, world, scheduler, add };
}

const states = (jobs: readonly Job[]): readonly string[] => jobs.map(({ state }) => state);

describe('scheduler', () => {
  it('runs the jobs of a connection in order, as many at once as allowed', async () => {
    const { link, scheduler, add } = newScheduler(new FakeClock(), 2);
    const sessions = [new FakeSession(), new FakeSession(), new FakeSession()];
    for (const session of sessions) session.stopped = false;
    link.next.push(...sessions);
    const jobs = [add(), add(), add()];
    scheduler.start('c');
    await settle();
    assert.deepEqual(states(jobs), ['running', 'running', 'queued']);
    assert.deepEqual(
      jobs.map((job) => scheduler.position(job)),
      [undefined, undefined, 1],
    );
    sessions[1]!.wake(true);
    await settle();
    assert.deepEqual(states(jobs), ['running', 'succeeded', 'running']);
  });

  it('holds the jobs of a disconnected connection until they are resumed, and starts none of them before', async () => {
    const { link, scheduler, add, clock } = newScheduler();
    const jobs = [add(), add()];
    scheduler.hold('c');
    scheduler.retryNow();
    await clock.move(60_000);
    assert.deepEqual([states(jobs), link.acquired], [['queued', 'queued'], 0]);
    assert.deepEqual(
      jobs.map(({ record }) => [record.held, record.reason?.code]),
      [
        [true, 'jobs.heldDisconnected'],
        [true, 'jobs.heldDisconnected'],
      ],
    );
    scheduler.runNext(jobs[1]!);
    await settle();
    assert.deepEqual(states(jobs), ['queued', 'succeeded'], 'the user chose one of them');
    scheduler.resumeHeld();
    await settle();
    assert.deepEqual(states(jobs), ['succeeded', 'succeeded']);
    assert.deepEqual([jobs[0]!.record.held, jobs[0]!.record.reason], [false, undefined]);
  });

  it('holds a job that returns to the queue of a disconnected connection', async () => {
    const { link, scheduler, add, clock } = newScheduler();
    link.next.push(new UnreachableError('closed'));
    const job = add();
    scheduler.start('c');
    scheduler.hold('c');
    await clock.move(120_000);
    assert.deepEqual([job.state, job.record.held, link.acquired], ['queued', true, 1]);
  });

  it('runs a job again that another window took and gave back before its run here was over', async () => {
    const { link, ends, scheduler, add, clock } = newScheduler();
    const first = new FakeSession();
    first.stopped = false;
    link.next.push(first);
    const [job, next] = [add(), add()];
    scheduler.start('c');
    await settle();
    scheduler.abandon(job);
    job.mirror({ ...job.record, owner: 'other' });
    job.own({ ...newRecord(job.id, { ...job.record.request, label: 'l', connection: 'c' }, 'w', 1), held: true });
    scheduler.add(job);
    await settle();
    assert.deepEqual([job.state, next.state, ends], ['queued', 'queued', []], 'its session is not closed yet');
    first.break(new SessionLostError('closed'));
    await clock.move(0);
    assert.deepEqual(
      [job.state, scheduler.position(job), next.state, ends[0]],
      ['queued', 1, 'succeeded', 'abandoned'],
    );
    scheduler.resumeHeld();
    await clock.move(0);
    assert.deepEqual(states([job, add()]), ['succeeded', 'queued']);
    scheduler.start('c');
    await clock.move(0);
    assert.equal(ends.length, 4, 'the queue goes on');
  });

  it('does not run a job that came back and was canceled before its run here was over', async () => {
    const { link, ends, scheduler, add, clock } = newScheduler();
    const first = new FakeSession();
    first.stopped = false;
    link.next.push(first);
    const job = add();
    scheduler.start('c');
    await settle();
    scheduler.abandon(job);
    job.own(newRecord(job.id, { ...job.record.request, label: 'l', connection: 'c' }, 'w', 1));
    scheduler.add(job);
    scheduler.remove(job);
    job.transition('cancel', { finishedAt: 1 });
    first.break(new SessionLostError('closed'));
    await clock.move(0);
    assert.deepEqual([job.state, ends, link.acquired], ['canceled', ['abandoned'], 1]);
  });

  it('fails a job whose connection was removed, and runs the next one', async () => {
    const { scheduler, add, world } = newScheduler();
    const { link } = world;
    let calls = 0;
    world.link = () => {
      if (calls++ === 0) throw new Error('There is no connection "c".');
      return link();
    };
    const jobs = [add(), add()];
    scheduler.start('c');
    await settle();
    assert.deepEqual(states(jobs), ['failed', 'succeeded']);
    assert.equal(jobs[0]!.record.error?.message, 'There is no connection "c".');
  });

  it('reports how each run ended, and starts nothing after it was disposed', async () => {
    const { link, ends, scheduler, add, clock } = newScheduler();
    link.next.push(new UnreachableError('away'));
    const job = add();
    scheduler.start('c');
    await settle();
    assert.deepEqual(ends, ['noSlot']);
    scheduler.dispose();
    scheduler.retryNow();
    await clock.move(120_000);
    assert.deepEqual([job.state, link.acquired, clock.timers.size], ['queued', 1, 0]);
  });
});

/** Places that jobs of other windows may have. */
class FakePlaces implements Places {
  elsewhere = 0;
  yields = false;
  broken = false;
  /** Jobs of this window that have a place. */
  readonly held = new Set<string>();
  readonly left: string[] = [];
  readonly announced = new Map<string, string>();
  readonly watches = new Set<() => void>();

  take({ id }: Job, limit: number, patient: boolean): Promise<Place | NoPlace> {
    const { elsewhere, held, left } = this;
    const yields = this.yields && !patient;
    if (this.broken) return Promise.reject(new Error('broken'));
    if (yields || elsewhere + held.size >= limit) return Promise.resolve({ elsewhere, yields });
    held.add(id);
    return Promise.resolve({
      release: () => Promise.resolve(void held.delete(id)),
      leave: () => void left.push(id),
    });
  }

  announce({ id, record }: Job): Promise<void> {
    return Promise.resolve(void this.announced.set(record.connection, id));
  }

  withdraw(connection: string): Promise<void> {
    return Promise.resolve(void this.announced.delete(connection));
  }

  watch(_connection: string, changed: () => void): Disposable {
    this.watches.add(changed);
    return { dispose: () => this.watches.delete(changed) };
  }
}

describe('scheduler: places across windows', () => {
  /** One running job, one that waits. */
  async function busy(elsewhere: number, logError?: (message: string) => void) {
    const places = new FakePlaces();
    const subject = newScheduler(new FakeClock(), 2, places, logError);
    places.elsewhere = elsewhere;
    const [first, second] = [new FakeSession(), new FakeSession()];
    first.stopped = false;
    second.stopped = false;
    subject.link.next.push(first, second);
    const jobs = [subject.add(), subject.add()];
    subject.scheduler.start('c');
    await subject.clock.move(0);
    return { ...subject, places, first, second, jobs };
  }

  it('runs no more jobs than there are places, and says why the next one waits', async () => {
    const { places, jobs, first, link, clock } = await busy(1);
    assert.deepEqual(states(jobs), ['running', 'queued']);
    assert.deepEqual(jobs[1]!.record.reason, { code: 'jobs.noPlace', params: { elsewhere: 1, limit: 2 } });
    assert.equal(link.acquired, 1, 'a job without a place opens no session');
    assert.equal(places.announced.get('c'), jobs[1]!.id);
    first.wake(true);
    await clock.move(0);
    assert.deepEqual(states(jobs), ['succeeded', 'running'], 'its own place is used again');
    assert.equal(jobs[1]!.record.reason, undefined);
  });

  it('starts the next job on an event, or soon without one, and then watches no more', async () => {
    for (const event of [true, false]) {
      const { places, jobs, clock } = await busy(1);
      places.elsewhere = 0;
      if (event) for (const changed of places.watches) changed();
      await clock.move(event ? 0 : 300);
      assert.deepEqual(states(jobs), ['running', 'running']);
      assert.deepEqual([places.watches.size, places.announced.size], [0, 0]);
    }
  });

  it('waits on after an unexpected error, which is logged', async () => {
    const logged: string[] = [];
    const { places, jobs, clock } = await busy(1, (message) => logged.push(message));
    places.broken = true;
    await clock.move(300);
    assert.match(logged.join('\n'), /^Jobs of c wait for a place: Error: broken/);
    places.broken = false;
    places.elsewhere = 0;
    await clock.move(300);
    assert.deepEqual(states(jobs), ['running', 'running']);
  });

  it('lets an older job of another window go first, but not for ever', async () => {
    const { places, jobs, clock } = await busy(1);
    places.elsewhere = 0;
    places.yields = true;
    await clock.move(300);
    assert.deepEqual(jobs[1]!.record.reason?.params, { elsewhere: 0, limit: 2 });
    await clock.move(600);
    assert.deepEqual(states(jobs), ['running', 'running']);
  });

  it('gives places back: of jobs that end, are refused, or are canceled while they wait', async () => {
    const { places, jobs, first, clock, link, scheduler, add } = await busy(0);
    first.wake(true);
    const refused = new FakeSession();
    refused.onLaunch = () => Promise.reject(new LaunchError({ sqlstate: '53000', message: 'full' }, true));
    link.next.push(refused);
    const waiting = add();
    scheduler.start('c');
    await clock.move(0);
    assert.deepEqual([...places.held], [jobs[1]!.id]);
    assert.equal(waiting.state, 'queued');
    places.elsewhere = 1;
    await clock.move(1000);
    assert.equal(waiting.record.reason?.code, 'jobs.noPlace');
    scheduler.remove(waiting);
    places.elsewhere = 0;
    await clock.move(1000);
    assert.deepEqual([[...places.held], places.watches.size], [[jobs[1]!.id], 0]);
  });

  it('leaves the place of a job that another window drives now, and keeps that of one that runs when the window closes', async () => {
    const { places, jobs, scheduler, first, second, clock } = await busy(0);
    scheduler.abandon(jobs[0]!);
    first.break(new SessionLostError('gone'));
    scheduler.dispose();
    second.break(new SessionLostError('closed'));
    await clock.move(0);
    await scheduler.settled();
    assert.deepEqual(places.left, [jobs[0]!.id]);
    assert.ok(places.held.has(jobs[1]!.id));
    assert.equal(clock.timers.size, 0);
  });

  it('takes no place if there is no limit', async () => {
    const places = new FakePlaces();
    const { scheduler, add, clock } = newScheduler(new FakeClock(), 0, places);
    places.elsewhere = 100;
    const job = add();
    scheduler.start('c');
    await clock.move(0);
    assert.deepEqual([job.state, places.held.size], ['succeeded', 0]);
  });
});

/** A clock whose timers fire a little early or late, as real ones do. */
class RoughClock extends FakeClock {
  readonly #random: Random;

  constructor(random: Random) {
    super();
    this.#random = random;
  }

  override after(ms: number, call: () => void): Disposable {
    return super.after(Math.max(0, ms + this.#random.pick([-1, 0, 25])), call);
  }
}

describe('scheduler: every job that waits is woken by something', () => {
  it('runs all jobs in the end, whatever is refused, held, resumed, removed, or moved to the front', async () => {
    for (let round = 0; round < 40; round++) {
      const random = new Random(fuzzSeed() + round);
      const places = new FakePlaces();
      const subject = newScheduler(new RoughClock(random), random.below(3), random.pick([undefined, places]));
      const { link, scheduler, add, clock } = subject;
      const jobs = [add(), add(), add(), add(), add()];
      for (let refusals = random.below(10); refusals > 0; refusals--) {
        const refused = new FakeSession();
        refused.onLaunch = () => Promise.reject(new LaunchError({ sqlstate: '53000', message: 'full' }, true));
        const broken = new FakeSession();
        broken.onDescribe = () => Promise.reject(new SessionLostError('gone'));
        // Only once, because a job fails after several lost sessions.
        link.next.push(random.pick([refused, refusals === 1 ? broken : refused, new UnreachableError('away')]));
      }
      scheduler.start('c');
      const removed = new Set<Job>();
      for (let step = 0; step < 8; step++) {
        await clock.move(random.below(3000));
        const job = random.pick(jobs);
        places.elsewhere = random.below(3);
        places.yields = random.below(3) === 0;
        if (random.below(2) === 0) for (const changed of places.watches) changed();
        const act = random.pick([
          () => scheduler.retryNow(),
          () => scheduler.hold('c'),
          () => scheduler.resumeHeld(),
          () => scheduler.runNext(job),
          () => {
            if (scheduler.position(job) === undefined || removed.size > 0) return;
            scheduler.remove(job);
            removed.add(job);
          },
        ]);
        act();
      }
      places.elsewhere = 0;
      scheduler.resumeHeld();
      await clock.move(20 * 60_000);
      assert.deepEqual([places.held.size, places.watches.size, places.announced.size], [0, 0, 0]);
      const expected = jobs.map((job) => (removed.has(job) ? 'queued' : 'succeeded'));
      assert.deepEqual(states(jobs), expected, `seed ${random.seed}`);
    }
  });
});

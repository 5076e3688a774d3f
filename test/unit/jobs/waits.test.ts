import assert from 'node:assert/strict';
import type { Job } from '../../../src/core/jobs/job';
import { LaunchError, UnreachableError } from '../../../src/core/jobs/errors';
import { fuzzSeed, Random } from '../sql/random';
import { FakeClock, FakeSession, newWorld, settle, snapshotOf } from './fakes';

/** A realistic clock: timers fire a little early or late, and the wall clock is corrected now and then. */
class RoughClock extends FakeClock {
  readonly #random: Random;

  constructor(random: Random) {
    super();
    this.#random = random;
  }

  override after(ms: number, call: () => void): { dispose(): void } {
    if (this.#random.chance(20)) this.step += this.#random.pick([-3_600_000, -1, 1, 3_600_000]);
    return super.after(Math.max(0, ms + this.#random.pick([-1, -1, 0, 25])), call);
  }
}

describe('engine: every job that waits is woken by something', () => {
  it('runs all refused jobs in the end, with imprecise timers and a wall clock that is changed', async () => {
    for (let round = 0; round < 40; round++) {
      const random = new Random(fuzzSeed() + round);
      const world = newWorld(new RoughClock(random));
      const jobs: Job[] = [];
      for (let i = 0; i < 6; i++) jobs.push(world.run());
      for (let refusals = random.below(12); refusals > 0; refusals--) {
        if (random.chance(50)) {
          world.link.next.push(new UnreachableError('away'));
          continue;
        }
        const full = new FakeSession();
        full.onLaunch = () => Promise.reject(new LaunchError({ sqlstate: '53000', message: 'full' }, true));
        world.link.next.push(full);
      }
      for (let i = 0; i < 8; i++) {
        await world.clock.move(random.below(3000));
        world.clock.step -= random.below(10_000);
        if (random.chance(20)) world.jobs.retryNow();
        const waiting = random.pick(jobs);
        if (random.chance(20) && !waiting.final) world.jobs.runNext(waiting.id);
      }
      await world.clock.move(20 * 60_000);
      assert.deepEqual(
        jobs.map(({ state }) => state),
        jobs.map(() => 'succeeded'),
        `seed ${random.seed}`,
      );
    }
  });

  it('wakes a job whose timer fires a millisecond early', async () => {
    const clock = new FakeClock();
    const world = newWorld(clock);
    const after = clock.after.bind(clock);
    clock.after = (ms, call) => after(Math.max(0, ms - 1), call);
    world.link.next.push(new UnreachableError('away'));
    const job = world.run();
    await settle();
    assert.equal(job.state, 'queued');
    await clock.move(600);
    assert.equal(job.state, 'succeeded');
  });

  it('is not delayed by a wall clock that is set back, neither in a cancel nor at the end of a detached job', async () => {
    const world = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    world.link.next.push(session);
    const job = world.run();
    await settle();
    world.clock.step = -3_600_000;
    const canceling = world.jobs.cancel(job.id);
    await world.clock.move(1001);
    assert.equal(session.signals, 1);
    session.wake(true);
    await canceling;

    const lost = new FakeSession();
    lost.stopped = false;
    world.link.next.push(lost);
    const detached = world.run();
    await settle();
    world.jobs.detach(detached.id);
    lost.wake(false);
    await settle();
    assert.equal(detached.state, 'detached');
    world.clock.step = -7_200_000;
    world.link.show(snapshotOf({ at: world.clock.monotonic(), workers: [] }));
    assert.equal(detached.state, 'finished');
  });
});

import assert from 'node:assert/strict';
import { startDeadConnectionTimeout, startResponseTimeout } from '../../../src/core/postgres/client/responseTimeout';
import { FakeClock, settle } from '../jobs/fakes';

/** A clock whose timers fire late, like after a sleep of the machine. */
class SleepyClock extends FakeClock {
  #sleptMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.#sleptMs;
  }

  sleep(ms: number): void {
    this.#sleptMs += ms;
  }
}

describe('response timeout', () => {
  it('fires once, after its time', async () => {
    const clock = new FakeClock();
    let fired = 0;
    startResponseTimeout(clock, 1000, () => fired++);
    await clock.move(999);
    assert.equal(fired, 0);
    await clock.move(1);
    assert.equal(fired, 1);
    await clock.move(10_000);
    assert.equal(fired, 1);
  });

  it('does not fire after disposal', async () => {
    const clock = new FakeClock();
    startResponseTimeout(clock, 1000, () => assert.fail('fired')).dispose();
    await clock.move(10_000);
  });

  it('starts again after the machine has slept', async () => {
    const clock = new SleepyClock();
    let fired = 0;
    startResponseTimeout(clock, 1000, () => fired++);
    clock.sleep(60_000);
    await clock.move(1000);
    assert.equal(fired, 0, 'the answer may have arrived during the sleep');
    await clock.move(1000);
    assert.equal(fired, 1);
  });

  it('can be disposed after it started again', async () => {
    const clock = new SleepyClock();
    const timeout = startResponseTimeout(clock, 1000, () => assert.fail('fired'));
    clock.sleep(60_000);
    await clock.move(1000);
    timeout.dispose();
    await clock.move(10_000);
    assert.equal(clock.timers.size, 0);
  });
});

describe('dead connection timeout', () => {
  it('waits for the full timeout, at most 5 s, after the server has responded on another connection', async () => {
    for (const [ms, lastChance] of [
      [1000, 1000],
      [30_000, 5000],
    ] as const) {
      const clock = new FakeClock();
      let dead = 0;
      startDeadConnectionTimeout(
        clock,
        ms,
        () => Promise.resolve(true),
        () => dead++,
      );
      await clock.move(ms + lastChance - 1);
      assert.equal(dead, 0);
      await clock.move(1);
      assert.equal(dead, 1);
    }
  });

  it('does nothing after it was disposed during the check', async () => {
    const clock = new FakeClock();
    let answer: ((answered: boolean) => void) | undefined;
    const timeout = startDeadConnectionTimeout(
      clock,
      1000,
      () => new Promise((resolve) => (answer = resolve)),
      () => assert.fail('fired'),
    );
    await clock.move(1000);
    timeout.dispose();
    answer?.(true);
    await settle();
    await clock.move(60_000);
    assert.equal(clock.timers.size, 0);
  });
});

import assert from 'node:assert/strict';
import { ActivityPoller } from '../../../src/core/postgres/server/activityPoller';
import type { ActivitySnapshot } from '../../../src/core/jobs/ports';
import { FakeClock, settle } from '../jobs/fakes';

interface SlowServer {
  readonly poller: ActivityPoller;
  readonly clock: FakeClock;
  readonly asked: () => number;
  readonly answer: (error?: Error) => Promise<void>;
}

/** A server whose answers come when the test says so; `at` counts the questions. */
function slowServer(): SlowServer {
  const open: { resolve(snapshot: ActivitySnapshot): void; reject(error: Error): void; at: number }[] = [];
  const clock = new FakeClock();
  let asked = 0;
  const poller = new ActivityPoller(
    () =>
      new Promise((resolve, reject) => {
        open.push({ resolve, reject, at: ++asked });
      }),
    clock,
    () => undefined,
    { error: (message) => assert.fail(message) },
  );
  return {
    poller,
    clock,
    asked: () => asked,
    answer: async (error) => {
      await settle();
      const question = open.shift();
      assert.ok(question, 'nothing was asked');
      if (error) question.reject(error);
      else question.resolve({ at: question.at, serverStart: '', workers: [], slotsUsed: 0, slotsTotal: 8 });
      await settle();
    },
  };
}

describe('the poller of a server’s activity', () => {
  it('answers a refresh with what was asked after it, never with a question that was under way', async () => {
    const { poller, asked, answer } = slowServer();
    const first = poller.refresh();
    const later = [poller.refresh(), poller.refresh()];
    await answer();
    assert.equal((await first).at, 1);
    await answer();
    assert.deepEqual(
      (await Promise.all(later)).map(({ at }) => at),
      [2, 2],
    );
    assert.equal(asked(), 2, 'those who ask meanwhile share one question');
  });

  it('asks anew where the question under way fails', async () => {
    const { poller, answer } = slowServer();
    const first = poller.refresh();
    const later = poller.refresh();
    await answer(new Error('gone'));
    await assert.rejects(first, /gone/);
    await answer();
    assert.equal((await later).at, 2);
  });

  it('never asks twice at once, however many watch', async () => {
    const { poller, clock, asked, answer } = slowServer();
    const watches = [poller.watch('fast'), poller.watch('steady')];
    await clock.move(500);
    assert.equal(asked(), 1);
    await answer();
    await clock.move(40);
    assert.equal(asked(), 2);
    await answer();
    for (const watch of watches) watch.dispose();
    await clock.move(60_000);
    assert.equal(asked(), 2, 'nobody watches any more');
    assert.equal(clock.timers.size, 0);
  });
});

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

/** A server that answers when the test calls `answer`. `at` counts the queries. */
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
      assert.ok(question, 'no query was sent');
      if (error) question.reject(error);
      else question.resolve({ at: question.at, serverStart: '', workers: [], slotsUsed: 0, slotsTotal: 8 });
      await settle();
    },
  };
}

describe('ActivityPoller', () => {
  it('answers a refresh with a query sent after it, never with one that was already under way', async () => {
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
    assert.equal(asked(), 2, 'concurrent callers share one query');
  });

  it('sends another query for a refresh if the one under way fails', async () => {
    const { poller, answer } = slowServer();
    const first = poller.refresh();
    const later = poller.refresh();
    await answer(new Error('gone'));
    await assert.rejects(first, /gone/);
    await answer();
    assert.equal((await later).at, 2);
  });

  it('sends one query at a time, whatever the number of watchers', async () => {
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
    assert.equal(asked(), 2, 'no watchers are left');
    assert.equal(clock.timers.size, 0);
  });
});

import assert from 'node:assert/strict';
import '../../vscodeStandIn';
import { endedTogether, Gatherer, MIN_GROUP, TOGETHER_MS } from '../../../src/host/jobs/endedTogether';
import { FakeClock } from '../jobs/fakes';

describe('notifications about jobs that end together', () => {
  function gather(): { clock: FakeClock; gatherer: Gatherer<number>; reports: string[] } {
    const clock = new FakeClock();
    const reports: string[] = [];
    const gatherer = new Gatherer<number>(clock, (items, isGroup) => {
      reports.push(`${isGroup ? 'group' : 'each'} ${items.join()}`);
    });
    return { clock, gatherer, reports };
  }

  it('are one notification if there are many, and one for each if there are few', async () => {
    const { clock, gatherer, reports } = gather();
    for (let job = 1; job < MIN_GROUP; job++) gatherer.add(job);
    assert.deepEqual(reports, []);
    await clock.move(TOGETHER_MS);
    assert.deepEqual(reports, ['each 1,2,3']);
    for (let job = 1; job <= 5; job++) gatherer.add(job);
    await clock.move(TOGETHER_MS);
    gatherer.add(6);
    await clock.move(TOGETHER_MS);
    await clock.move(TOGETHER_MS);
    assert.deepEqual(reports.slice(1), ['group 1,2,3,4,5,6']);
    gatherer.add(7);
    await clock.move(TOGETHER_MS);
    assert.deepEqual(reports.slice(2), ['each 7']);
  });

  it('say how many failed', () => {
    const many = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
    assert.deepEqual(endedTogether([...many(10, 'succeeded' as const), 'failed', 'failed']), {
      text: '12 jobs ended, 2 failed',
      worst: 'failed',
    });
    assert.deepEqual(endedTogether([...many(4, 'succeeded' as const), 'lost']), {
      text: '5 jobs ended, 1 unknown',
      worst: 'unknown',
    });
    assert.deepEqual(endedTogether(many(4, 'succeeded')), { text: '4 jobs ended, all succeeded', worst: undefined });
  });
});

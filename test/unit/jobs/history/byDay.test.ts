import assert from 'node:assert/strict';
import { groupByDay } from '../../../../src/core/jobs/history/byDay';

describe('groups by day', () => {
  it('follow the local calendar and keep the order', () => {
    const times = [new Date(2026, 10, 26, 0, 0), new Date(2026, 10, 26, 23, 59), new Date(2026, 10, 25, 23, 59)];
    const groups = groupByDay(times, (time) => time.getTime());
    assert.deepEqual(
      groups.map(({ day, items }) => [new Date(day).getDate(), items.length]),
      [
        [26, 2],
        [25, 1],
      ],
    );
  });
});

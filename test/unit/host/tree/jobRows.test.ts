import '../../../vscodeStandIn';
import assert from 'node:assert/strict';
import { parseJobFilter } from '../../../../src/core/jobs/history/jobFilter';
import { Job, newRecord, type JobRecord } from '../../../../src/core/jobs/job';
import { groupKey, JobRows } from '../../../../src/host/tree/jobRows';

const NOON = new Date().setHours(12, 0, 0, 0);

/** Noon some days ago. */
function daysAgo(days: number): number {
  const at = new Date(NOON);
  at.setDate(at.getDate() - days);
  return at.getTime();
}

function job(id: string, facts: Partial<JobRecord> = {}): Job {
  const owner = {
    save: () => Promise.resolve(),
    changed: () => undefined,
    storeNotice: () => ({ kept: true }),
    storeLongError: () => undefined,
    loadNotices: () => [],
  };
  return new Job(
    { ...newRecord(id, { sql: '', label: id, connection: 'c' }, 'w', facts.finishedAt ?? NOON), ...facts },
    owner,
  );
}

const ended = (id: string, days: number): Job => job(id, { state: 'succeeded', finishedAt: daysAgo(days) });
const ids = (jobs: readonly Job[]): string => jobs.map(({ id }) => id).join(' ');

describe('rows of the jobs of a connection', () => {
  const of = (jobs: readonly Job[], matches: (job: Job) => boolean = () => true, text = '') =>
    new JobRows({ jobs }, { matches, filter: parseJobFilter(text, NOON) });

  it('groups finished jobs of earlier days, newest first, and lists those of today before', () => {
    const jobs = [
      ended('older', 8),
      ended('y1', 1),
      ended('y2', 1),
      ended('today', 0),
      job('runs', { state: 'running' }),
    ];
    const rows = of(jobs);
    const { upper, finished, days } = rows.list('c');
    assert.deepEqual(
      [ids(upper), ids(finished), days.map((day) => ids(day.jobs))],
      ['runs', 'today', ['y2 y1', 'older']],
    );
    assert.deepEqual(rows.groups('c'), days.map(groupKey));
    assert.equal(rows.dayOf(jobs[0]!), days[1]);
    assert.equal(rows.dayOf(jobs[3]!), undefined);
    assert.equal(rows.list('c').days[0], days[0], 'the same row after a redraw');
  });

  it('does not group a job that runs since an earlier day', () => {
    const long = job('long', { state: 'running', queuedAt: daysAgo(3) });
    const rows = of([long]);
    assert.equal(rows.dayOf(long), undefined);
    assert.equal(ids(rows.list('c').upper), 'long');
  });

  it('lists only what matches the filter, in expanded groups', () => {
    const jobs = [ended('a1', 2), ended('b1', 2), ended('a2', 0), ended('b2', 0)];
    const rows = of(jobs, ({ id }) => id.startsWith('a'), 'label:a');
    const { finished, days } = rows.list('c');
    assert.deepEqual([ids(finished), days.map((day) => [ids(day.jobs), day.filtered])], ['a2', [['a1', true]]]);
    assert.deepEqual(
      jobs.map((one) => rows.isListed(one)),
      [true, false, true, false],
    );
  });
});

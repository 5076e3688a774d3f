import '../../../vscodeStandIn';
import assert from 'node:assert/strict';
import { parseJobFilter } from '../../../../src/core/jobs/history/jobFilter';
import { Job, newRecord, type JobRecord } from '../../../../src/core/jobs/job';
import { BatchRedraws } from '../../../../src/host/tree/batchRedraws';
import { BatchNode } from '../../../../src/host/tree/nodes/batchNode';
import { groupKey, JobRows } from '../../../../src/host/tree/jobRows';
import { IDLE_OWNER } from '../../jobs/idleOwner';

const NOON = new Date().setHours(12, 0, 0, 0);

/** Noon some days ago. */
function daysAgo(days: number): number {
  const at = new Date(NOON);
  at.setDate(at.getDate() - days);
  return at.getTime();
}

function job(id: string, facts: Partial<JobRecord> = {}): Job {
  return new Job(
    { ...newRecord(id, { sql: '', label: id, connection: 'c' }, 'w', facts.finishedAt ?? NOON), ...facts },
    IDLE_OWNER,
  );
}

const ended = (id: string, days: number): Job => job(id, { state: 'succeeded', finishedAt: daysAgo(days) });
const ids = (jobs: readonly { readonly id: string }[]): string => jobs.map(({ id }) => id).join(' ');

describe('rows of the jobs of a connection', () => {
  const batches: (readonly Job[])[] = [];
  let queue: readonly string[] = [];
  afterEach(() => {
    batches.splice(0);
    queue = [];
  });

  const of = (jobs: readonly Job[], matches: (job: Job) => boolean = () => true, text = '') =>
    new JobRows(
      {
        jobs,
        batchOf: ({ id }) => batches.find((batch) => batch.some((one) => one.id === id)) ?? [],
        queue: () => queue,
      },
      { matches, filter: parseJobFilter(text, NOON) },
    );

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
      [ids(upper), ids(finished), days.map((day) => ids(day.rows))],
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
    assert.deepEqual([ids(finished), days.map((day) => [ids(day.rows), day.filtered])], ['a2', [['a1', true]]]);
    assert.deepEqual(
      jobs.map((one) => rows.isListed(one)),
      [true, false, true, false],
    );
  });

  it('lists queued jobs in the order of the queue, the last one first, and leaves all others at their places', () => {
    queue = ['b', 'd', 'a'];
    const queued = (id: string): Job => job(id, { state: 'queued' });
    const rows = of([queued('a'), queued('b'), job('runs', { state: 'running' }), queued('d'), ended('e', 0)]);
    const { upper, finished } = rows.list('c');
    assert.deepEqual([ids(upper), ids(finished)], ['a runs d b', 'e']);
  });

  describe('of a batch', () => {
    const part = (index: number) => ({ id: 'b', index, count: 3, label: 'B', parallel: 1, onFailure: 'stop' as const });
    const member = (index: number, facts: Partial<JobRecord> = {}): Job =>
      job(`m${index}`, { batch: part(index), ...facts });
    const batchIn = (listed: readonly unknown[]): BatchNode => {
      const [row] = listed;
      assert.ok(row instanceof BatchNode);
      return row;
    };

    it('are one row at the place of its first job, with its statements below in their order', () => {
      const before = job('before');
      const members = [member(0), member(1), member(2)];
      batches.push(members);
      const rows = of([before, members[0]!, members[2]!, members[1]!, job('after')]);
      const { upper } = rows.list('c');
      assert.equal(ids(upper), 'after batch:b before');
      assert.equal(ids(batchIn(upper.slice(1)).jobs), 'm0 m1 m2');
      assert.equal(rows.batchOf(members[1]!), upper[1]);
      assert.equal(rows.list('c').upper[1], upper[1], 'the same row after a redraw');
      assert.ok(members.every((one) => rows.isListed(one)));
    });

    it('list only what matches the filter, expanded', () => {
      const members = [member(0), member(1)];
      batches.push(members);
      const rows = of(members, ({ id }) => id === 'm1', 'label:m1');
      const batch = batchIn(rows.list('c').upper);
      assert.deepEqual([ids(batch.jobs), batch.filtered], ['m1', true]);
      assert.deepEqual(
        members.map((one) => rows.isListed(one)),
        [false, true],
      );
      assert.equal(ids(of(members, () => false, 'label:x').list('c').upper), '');
    });

    it('are grouped on the day of its last end', () => {
      const members = [
        member(0, { state: 'succeeded', finishedAt: daysAgo(2) }),
        member(1, { state: 'succeeded', finishedAt: daysAgo(1) }),
      ];
      batches.push(members);
      const rows = of(members);
      const [day] = rows.list('c').days;
      assert.equal(ids(day!.rows), 'batch:b');
      assert.equal(rows.dayOf(batchIn(day!.rows)), day);
    });

    for (const [name, states, expected, words] of [
      ['that waits', ['queued', 'queued', 'queued'], '0 of 3 · queued', 'batch unpinned batchCancelable'],
      [
        'that runs',
        ['succeeded', 'failed', 'running'],
        '2 of 3, 1 failed',
        'batch unpinned batchFailure batchCancelable',
      ],
      [
        'that has a lost job',
        ['succeeded', 'lost', 'running'],
        '2 of 3, 1 unknown',
        'batch unpinned batchFailure batchCancelable',
      ],
      [
        'that stopped',
        ['succeeded', 'failed', 'canceled'],
        '2 of 3, 1 failed, 1 not run',
        'batch unpinned batchFailure finished batchRerunnable',
      ],
      ['that succeeded', ['succeeded', 'succeeded', 'succeeded'], '3 of 3', 'batch unpinned finished'],
    ] as const) {
      it(`describe one ${name}`, () => {
        const members = states.map((state, index) => member(index, { state }));
        batches.push(members);
        const batch = batchIn(of(members).list('c').upper.concat(of(members).list('c').finished));
        const item = batch.item();
        assert.equal(
          String(item.description).split(' · ').slice(0, expected.split(' · ').length).join(' · '),
          expected,
        );
        assert.equal(item.contextValue, words);
        assert.equal(batch.outdated, false);
      });
    }

    it('are outdated only if they look different', () => {
      const running = member(1, { state: 'running' });
      const members = [member(0, { state: 'succeeded' }), running];
      batches.push(members);
      const batch = batchIn(of(members).list('c').upper);
      batch.item();
      running.update({ progress: { pct: 5, message: 'on its way' } }, { durable: false });
      assert.equal(batch.outdated, false);
      running.transition('fail');
      assert.equal(batch.outdated, true);
    });
  });
});

describe('redraws of batches', () => {
  it('are at most one per second for many rows, and the last state is always drawn', () => {
    let now = 0;
    const drawn: number[] = [];
    const redraws = new BatchRedraws<{ outdated: boolean; final: boolean; jobs: { length: number } }>(
      () => drawn.push(now),
      () => now,
    );
    const many = { outdated: true, final: false, jobs: { length: 1000 } };
    const few = { ...many, jobs: { length: 3 } };
    assert.deepEqual([...redraws.changed([many, few, many])], [many, few]);
    now = 10;
    assert.deepEqual([...redraws.changed([many, few])], [few]);
    now = 20;
    many.final = true;
    assert.deepEqual([...redraws.changed([many])], [many]);
    assert.deepEqual(drawn, [0, 0, 10, 20]);
    redraws.dispose();
  });
});

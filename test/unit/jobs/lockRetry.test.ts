import assert from 'node:assert/strict';
import { retryPauseMs } from '../../../src/core/jobs/run/attempts';
import type { Job } from '../../../src/core/jobs/job';
import { commitsItself } from '../../../src/core/sql/classify/commitsItself';
import { reasonOf } from '../../reasonOf';
import { FakeSession, newWorld, settle } from './fakes';

const ERROR = { sqlstate: '55P03', message: 'canceling statement due to lock timeout' };

const OWN = { label: 'l', connection: 'c' };

/** A session whose worker gets no lock. */
function failing(sqlstate = '55P03'): FakeSession {
  const session = new FakeSession();
  const error = { ...ERROR, sqlstate };
  return Object.assign(session, {
    workerReport: { completed: true, hasError: true, commandTag: '', rowCount: 0, error },
  });
}

function warnings(job: Job): string[] {
  return job.notices.flatMap(({ fault }) => fault?.code ?? []);
}

describe('retries after a lock timeout', () => {
  it('pause 1, 2, 4, … s, at most 60 s', () => {
    assert.deepEqual([2, 3, 4, 7, 8, 9, 100].map(retryPauseMs), [1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('launch the job again until it succeeds, and list each attempt', async () => {
    const { link, jobs, clock } = newWorld();
    const sessions = [failing(), failing(), new FakeSession()];
    link.next.push(...sessions);
    const job = jobs.run({ ...OWN, sql: 'ALTER TABLE t ADD a int', retryOnLockTimeout: 5 });
    await settle();
    assert.deepEqual([job.state, job.record.attempt, job.record.pid], ['queued', 2, undefined]);
    assert.match(reasonOf(job), /^jobs\.lockTimeout/);
    assert.equal(job.record.launchSentAt, undefined, 'a reload restores it as a job that was not launched');
    await clock.move(999);
    assert.equal(job.state, 'queued');
    await clock.move(1);
    assert.deepEqual([job.state, job.record.attempt], ['queued', 3]);
    await clock.move(2000);
    await job.ended;
    assert.deepEqual([job.state, job.record.attempt], ['succeeded', 3]);
    assert.deepEqual(warnings(job), ['jobs.lockTimeout', 'jobs.lockTimeout']);
  });

  it('end with the error of the last attempt', async () => {
    const { link, jobs, clock } = newWorld();
    link.next.push(failing(), failing());
    const job = jobs.run({ ...OWN, sql: 'LOCK TABLE t', retryOnLockTimeout: 2 });
    await settle();
    await clock.move(1000);
    await job.ended;
    assert.deepEqual([job.state, job.record.error?.sqlstate, job.record.attempt], ['failed', '55P03', 2]);
  });

  it('let other jobs run in the pause', async () => {
    const { link, jobs, run, clock } = newWorld();
    link.next.push(failing(), new FakeSession(), new FakeSession());
    const job = jobs.run({ ...OWN, sql: 'LOCK TABLE t', retryOnLockTimeout: 2 });
    const other = run();
    await other.ended;
    assert.deepEqual([other.state, job.state], ['succeeded', 'queued']);
    await clock.move(1000);
    await job.ended;
    assert.equal(job.state, 'succeeded');
  });

  it('end at once with a cancel in the pause', async () => {
    const { link, jobs, clock } = newWorld();
    link.next.push(failing());
    const job = jobs.run({ ...OWN, sql: 'LOCK TABLE t', retryOnLockTimeout: 5 });
    await settle();
    assert.equal(await jobs.cancel(job.id), 'stopped');
    assert.equal(job.state, 'canceled');
    assert.equal(reasonOf(job), 'jobs.canceledBeforeRetry (attempt=2)');
    await clock.move(120_000);
    assert.equal(job.state, 'canceled');
  });

  it('begin at once if the user asks for it', async () => {
    const { link, jobs } = newWorld();
    link.next.push(failing(), new FakeSession());
    const job = jobs.run({ ...OWN, sql: 'LOCK TABLE t', retryOnLockTimeout: 2 });
    await settle();
    jobs.runNext(job.id);
    await job.ended;
    assert.equal(job.state, 'succeeded');
  });

  it('need a request, a lock timeout, and a failure that undoes everything', async () => {
    const { link, jobs } = newWorld();
    for (const [request, sqlstate, warned] of [
      [{ sql: 'LOCK TABLE t' }, '55P03', []],
      [{ sql: 'LOCK TABLE t', retryOnLockTimeout: 1 }, '55P03', []],
      [{ sql: 'LOCK TABLE t', retryOnLockTimeout: 5 }, '23505', []],
      [{ sql: 'CREATE INDEX CONCURRENTLY ON t (a)', retryOnLockTimeout: 5 }, '55P03', ['jobs.notRetried']],
    ] as const) {
      link.next.push(failing(sqlstate));
      const job = jobs.run({ ...OWN, ...request });
      await job.ended;
      assert.deepEqual([job.state, job.record.attempt, warnings(job)], ['failed', undefined, warned], request.sql);
    }
  });

  it('know what may commit by itself', () => {
    for (const sql of [
      'CALL p()',
      'DO $$BEGIN COMMIT; END$$',
      'VACUUM t',
      'REINDEX TABLE t',
      'CLUSTER t',
      'ANALYZE',
      'DROP INDEX CONCURRENTLY i',
      "SET lock_timeout = '1s'; CREATE INDEX CONCURRENTLY ON t (a)",
      'ALTER TABLE t DETACH PARTITION p CONCURRENTLY',
    ])
      assert.ok(commitsItself(sql), sql);
    for (const sql of ['ALTER TABLE t ADD a int', 'SELECT f()', "SET lock_timeout = '1s'; DO $$BEGIN END$$; SELECT 1"])
      assert.equal(commitsItself(sql), undefined, sql);
  });
});

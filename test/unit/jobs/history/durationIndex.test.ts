import assert from 'node:assert/strict';
import { DurationIndex } from '../../../../src/core/jobs/history/durationIndex';
import { Job, newRecord, type JobRecord } from '../../../../src/core/jobs/job';
import { sqlFingerprint } from '../../../../src/core/sql/normalizedSql';
import { IDLE_OWNER } from '../idleOwner';

const OWNER = IDLE_OWNER;

describe('the usual duration by earlier jobs', () => {
  let ids = 0;
  let now = 0;
  const job = (sql: string, durationMs: number, facts: Partial<JobRecord> = {}): Job => {
    const queuedAt = ++ids * 1000;
    const record = newRecord(`j${ids}`, { sql, label: 'l', connection: facts.connection ?? 'c' }, 'w', queuedAt);
    const times = { launchedAt: queuedAt, finishedAt: queuedAt + durationMs };
    return new Job({ ...record, state: 'succeeded', fingerprint: sqlFingerprint(sql), ...times, ...facts }, OWNER);
  };
  const without = ({ record }: Job): Job => {
    const { fingerprint, ...old } = record;
    assert.ok(fingerprint !== undefined);
    return new Job(old, OWNER);
  };

  it('counts successful runs of the same normalized SQL on the same connection', () => {
    const index = new DurationIndex(() => now);
    for (const id of [1, 2, 3]) index.add(job(`SELECT * FROM t WHERE id = ${id}`, 100));
    index.add(job('SELECT * FROM t WHERE id = 4', 900, { connection: 'other' }));
    index.add(job('SELECT * FROM t WHERE id = 5', 900, { state: 'failed' }));
    index.add(job('SELECT * FROM u WHERE id = 6', 900));
    const next = job('select *  from t where id = 7', 1, { state: 'running' });
    assert.deepEqual(index.usual(next), { lowMs: 100, highMs: 100, runs: 3 });
    assert.equal(index.usual(job('SELECT 1', 1)), undefined);
  });

  it('uses only the runs before a job, and not the job itself', () => {
    const index = new DurationIndex(() => now);
    const jobs = [10, 20, 30, 40].map((ms) => job('SELECT 1', ms));
    // In any order, as records are read from disk.
    for (const one of jobs.toReversed()) index.add(one);
    assert.equal(index.usual(jobs[2]!), undefined);
    assert.equal(index.usual(jobs[3]!)?.runs, 3);
    index.add(jobs[3]!);
    assert.equal(index.usual(job('SELECT 1', 5))?.runs, 4);
  });

  it('counts durable jobs of the own role whose SQL is complete and whose end is known', () => {
    const index = new DurationIndex(() => now);
    const durable = { id: '1', owner: 'a', own: true, proven: true, seen: true };
    const reason = { code: 'durableJobs.keeperLost' };
    for (const ms of [100, 200, 300]) index.add(without(job('SELECT 1', ms, { durable })));
    for (const facts of [
      { durable: { ...durable, own: false } },
      { durable: { ...durable, cut: true } },
      { durable, reason },
    ])
      index.add(job('SELECT 1', 9000, facts));
    assert.deepEqual(index.usual(job('SELECT 2', 1, { durable })), { lowMs: 120, highMs: 280, runs: 3 });
    assert.equal(index.usual(job('SELECT 2', 1, { durable: { ...durable, cut: true } })), undefined);
  });

  it('forgets the runs of jobs that were removed', () => {
    const index = new DurationIndex(() => now);
    const jobs = [10, 20, 30].map((ms) => job('SELECT 1', ms));
    for (const one of jobs) index.add(one);
    index.remove(jobs[0]!.id);
    assert.equal(index.usual(job('SELECT 1', 5)), undefined);
  });

  it('computes the fingerprints of records of older versions, a part per second', () => {
    const index = new DurationIndex(() => now);
    const padding = `/* ${'x'.repeat(300_000)} */`;
    for (let i = 0; i < 6; i++) index.add(without(job(`SELECT ${i} ${padding}`, 10)));
    const next = without(job(`SELECT 7 ${padding}`, 5, { state: 'running' }));
    assert.equal(index.usual(next), undefined, 'two were read');
    assert.equal(index.usual(next), undefined, 'no more in this second');
    now += 1000;
    assert.equal(index.usual(next), undefined, 'two more');
    now += 1000;
    index.usual(next);
    now += 1000;
    assert.equal(index.usual(next)?.runs, 6);
  });
});

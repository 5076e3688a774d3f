import assert from 'node:assert/strict';
import type { JobState } from '../../../src/api';
import type { BatchPart, OnFailure } from '../../../src/core/jobs/batches/batchPart';
import { BatchRules, type BatchMember } from '../../../src/core/jobs/batches/batchRules';
import { ownRequest, standaloneRequest, statementAgain } from '../../../src/core/jobs/batches/batchSession';
import type { Job } from '../../../src/core/jobs/job';
import { parseRecord } from '../../../src/core/jobs/store/parseRecord';
import { expiredJobs } from '../../../src/core/jobs/store/retention';
import { FakeClock, FakeSession, newWorld, settle } from './fakes';

const SHORT: Readonly<Record<string, JobState>> = {
  q: 'queued',
  r: 'running',
  s: 'succeeded',
  f: 'failed',
  c: 'canceled',
  u: 'finished',
  d: 'detached',
  l: 'lost',
};

/** @param states one letter of {@link SHORT} per statement; upper case: ended because the batch stopped; `.`: not listed */
function rules(states: string, complete = true): BatchRules {
  const members = Array.from(states).flatMap((letter, index): BatchMember[] => {
    const state = SHORT[letter.toLowerCase()];
    return state ? [{ index, label: `s${index}`, state, stopped: letter !== letter.toLowerCase() }] : [];
  });
  return new BatchRules(members, complete);
}

/** What the waiting statements do: `+` start, `-` wait, `h` held, or the index of the statement that ends them. */
function turns(states: string, parallel: number, onFailure: OnFailure, complete = true): string {
  return Array.from(states)
    .map((letter, index) => {
      if (letter !== 'q') return letter;
      const turn = rules(states, complete).turnOf({ index, parallel, onFailure });
      return typeof turn === 'object' ? String(turn.stoppedBy?.index ?? 'h') : { start: '+', wait: '-' }[turn];
    })
    .join('');
}

describe('rules of a batch', () => {
  for (const [states, parallel, onFailure, expected] of [
    // In order.
    ['qqq', 1, 'stop', '+--'],
    ['rqq', 1, 'stop', 'r--'],
    ['sqq', 1, 'stop', 's+-'],
    ['sfqq', 1, 'stop', 'sf11'],
    ['sfqq', 1, 'continue', 'sf+-'],
    // Canceled while it waited: the statements before it still run, those after it do not.
    ['sqcq', 1, 'stop', 's+c2'],
    ['sqcq', 1, 'continue', 's+c-'],
    // Its outcome is unknown once it has ended: the user decides, unless another one failed.
    ['sdq', 1, 'stop', 'sd-'],
    ['suq', 1, 'stop', 'suh'],
    ['ufq', 2, 'stop', 'uf1'],
    ['slq', 1, 'stop', 'sl1'],
    ['suq', 1, 'continue', 'su+'],
    // At most two at a time.
    ['qqqq', 2, 'stop', '++--'],
    ['rqqq', 2, 'stop', 'r+--'],
    ['rrqq', 2, 'stop', 'rr--'],
    ['rsqq', 2, 'stop', 'rs+-'],
    ['rfqq', 2, 'stop', 'rf11'],
    ['qfqq', 2, 'stop', '1f11'],
    ['rfqq', 2, 'continue', 'rf+-'],
    ['qqqq', 9, 'stop', '++++'],
    // A statement that was removed has ended.
    ['.qq', 1, 'stop', '.+-'],
    // The cause is named, not one that ended for the same cause.
    ['CqfC', 1, 'stop', 'C2fC'],
  ] as const) {
    it(`${states}, ${parallel} at a time, ${onFailure}: ${expected}`, () => {
      assert.equal(turns(states, parallel, onFailure), expected);
    });
  }

  it('start a statement that the user has resumed although an outcome is unknown, but not after a failure', () => {
    const part = { index: 2, parallel: 1, onFailure: 'stop', resumed: true } as const;
    assert.equal(rules('suq').turnOf(part), 'start');
    assert.deepEqual(rules('ufq').turnOf(part), {
      stoppedBy: { index: 1, label: 's1', state: 'failed', stopped: false },
    });
  });

  it('start nothing while statements may not be listed yet, but end what has stopped', () => {
    assert.equal(turns('.qq', 1, 'stop', false), '.--');
    assert.equal(turns('fqq', 1, 'stop', false), 'f00');
  });

  it('never let more than the limit run, whatever each of several windows has seen', () => {
    // Each window may start a job as soon as the rule allows it with an older state of the jobs of the others.
    for (let seed = 1; seed <= 200; seed++) {
      let random = seed;
      const next = (below: number): number => {
        random = (random * 1103515245 + 12345) % 2147483648;
        return Math.floor((random / 2147483648) * below);
      };
      const now = Array.from({ length: 8 }, () => 'q');
      const seen = [[...now], [...now]];
      for (let step = 0; step < 60; step++) {
        const window = next(2);
        const index = next(8);
        // A window sees its own jobs at once, and those of the other one at some time.
        if (next(3) === 0) seen[window] = [...now];
        if (now[index] === 'r' && next(2) === 0) now[index] = 's';
        else if (now[index] === 'q' && index % 2 === window) {
          const known = seen[window]!.map((state, job) => (job % 2 === window ? now[job] : state)).join('');
          if (rules(known).turnOf({ index, parallel: 3, onFailure: 'continue' }) === 'start') now[index] = 'r';
        }
        assert.ok(now.filter((state) => state === 'r').length <= 3, `seed ${seed}: ${now.join('')}`);
      }
    }
  });
});

describe('batches', () => {
  const request = (sql: string) => ({ request: { sql, label: sql, connection: 'c' } });

  /** Starts a batch whose workers run until they are woken. */
  function start(count: number, options: Partial<Pick<BatchPart, 'parallel' | 'onFailure'>> = {}) {
    const world = newWorld(new FakeClock(), 4);
    const sessions = Array.from({ length: count }, () => new FakeSession());
    for (const session of sessions) session.stopped = false;
    world.link.next.push(...sessions);
    const statements = Array.from({ length: count }, (_, index) => request(`SELECT ${index}`));
    const jobs = world.jobs.runBatch(statements, { label: 'b', parallel: 1, onFailure: 'stop', ...options });
    return { ...world, sessions, jobs, service: world.jobs };
  }

  const states = (jobs: readonly Job[]): string => jobs.map(({ state }) => state).join(' ');
  const FAILED = {
    completed: false,
    hasError: true,
    commandTag: '',
    rowCount: 0,
    error: { sqlstate: '22012', message: 'division by zero' },
  };

  it('run in order, and other jobs of the connection run beside them', async () => {
    const { jobs, sessions, run } = start(3);
    const other = run();
    await settle();
    assert.equal(states([...jobs, other]), 'running queued queued running');
    sessions[0]!.wake(true);
    await settle();
    assert.equal(states(jobs), 'succeeded running queued');
    // The other job has the second session.
    for (const session of sessions) session.wake(true);
    await settle();
    assert.equal(states(jobs), 'succeeded succeeded succeeded');
  });

  it('run as many at once as requested', async () => {
    const { jobs, sessions } = start(4, { parallel: 2 });
    await settle();
    assert.equal(states(jobs), 'running running queued queued');
    sessions[1]!.wake(true);
    await settle();
    assert.equal(states(jobs), 'running succeeded running queued');
  });

  it('stop at a failure: the rest is canceled, never launched, and names the statement', async () => {
    const { jobs, sessions, link } = start(3);
    sessions[0]!.workerReport = FAILED;
    await settle();
    sessions[0]!.wake(true);
    await settle();
    assert.equal(states(jobs), 'failed canceled canceled');
    assert.equal(link.acquired, 1);
    for (const { record } of jobs.slice(1)) {
      assert.equal(record.launchSentAt, undefined);
      assert.deepEqual(record.reason, { code: 'jobs.batchStopped', params: { label: 'SELECT 0', state: 'failed' } });
    }
  });

  it('continue after a failure if requested', async () => {
    const { jobs, sessions } = start(2, { onFailure: 'continue' });
    sessions[0]!.workerReport = FAILED;
    await settle();
    sessions[0]!.wake(true);
    await settle();
    assert.equal(states(jobs), 'failed running');
  });

  it('stop thousands of waiting statements at once', async () => {
    const { jobs, sessions, service } = start(3000);
    await settle();
    sessions[0]!.workerReport = FAILED;
    sessions[0]!.wake(true);
    await settle();
    assert.ok(jobs.slice(1).every(({ state }) => state === 'canceled'));
    assert.equal(service.jobs.filter(({ final }) => !final).length, 0);
  });

  it('start nothing more when the first waiting statements are canceled one by one', async () => {
    const { jobs, service, link } = start(3);
    await settle();
    for (const job of jobs.slice(1).toReversed()) await service.cancel(job.id);
    assert.equal(states(jobs), 'running canceled canceled');
    assert.equal(link.acquired, 1);
  });

  it('run a job after another one: if it succeeds, or always', async () => {
    for (const [onFailure, report, expected] of [
      ['stop', undefined, 'succeeded succeeded'],
      ['stop', FAILED, 'failed canceled'],
      ['continue', FAILED, 'failed succeeded'],
    ] as const) {
      const { jobs, link, run } = newWorld();
      const session = new FakeSession();
      session.stopped = false;
      if (report) session.workerReport = report;
      link.next.push(session);
      const first = run();
      const [second] = jobs.runAfter(first.id, [request('SELECT 2').request], onFailure);
      await settle();
      assert.equal(states([first, second!]), 'running queued');
      assert.deepEqual(jobs.batchOf(first), [first, second]);
      session.wake(true);
      await settle();
      assert.equal(states([first, second!]), expected);
    }
  });

  it('run jobs after those that already wait for the same job', async () => {
    const { jobs, link, run } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const first = run();
    const second = jobs.runAfter(first.id, [request('a').request], 'stop');
    const third = jobs.runAfter(first.id, [request('b').request, request('c').request], 'continue');
    assert.deepEqual(
      [...second, ...third].map(({ record }) => [record.batch?.id, record.batch?.index]),
      [
        [first.id, 1],
        [first.id, 2],
        [first.id, 3],
      ],
    );
    await settle();
    assert.throws(() => jobs.runAfter(third[0]!.id, [], 'stop'), {
      fault: { code: 'jobs.noneAfter', params: { label: 'b', ended: false } },
    });
    session.wake(true);
    await settle();
    assert.throws(() => jobs.runAfter(first.id, [], 'stop'), { name: 'FaultError' });
  });

  it('keep their ended statements until all have ended', async () => {
    const { jobs, sessions, service } = start(2);
    await settle();
    sessions[0]!.wake(true);
    await settle();
    assert.equal(await service.clearFinished(), 0);
    assert.equal(await service.clearFinished([jobs[0]!.id]), 0);
    sessions[1]!.wake(true);
    await settle();
    assert.equal(await service.clearFinished(), 2);
  });

  it('count as one job for the retention, and are removed as a whole', async () => {
    const { jobs, sessions, service, run } = start(2);
    for (const session of sessions) session.wake(true);
    await settle();
    const later = run();
    await settle();
    assert.equal(states([...jobs, later]), 'succeeded succeeded succeeded');
    const batchOf = (job: Job): string | undefined => job.record.batch?.id;
    const expired = (keepFinishedJobs: number): readonly string[] =>
      expiredJobs(service.jobs, { keepFinishedJobs, keepFinishedDays: 0 }, 0, batchOf).map(({ id }) => id);
    assert.deepEqual(expired(2), []);
    assert.deepEqual(expired(1), [jobs[0]!.id, jobs[1]!.id]);
  });

  describe('share settings', () => {
    const session = { key: 0 };
    const statement = (sql: string, settings?: Record<string, string>) => ({
      request: { ...request(sql).request, ...(settings && { settings }) },
      session,
    });

    it('as the statements of a session in psql: a failed one sets nothing', async () => {
      const { jobs, link } = newWorld();
      const failing = new FakeSession();
      failing.workerReport = FAILED;
      link.next.push(new FakeSession(), failing);
      const [, , third, fourth] = jobs.runBatch(
        [
          statement("SET work_mem = '1MB'"),
          statement("SET search_path = 'nowhere'"),
          statement('SET ROLE auditor'),
          statement('SELECT 1', { work_mem: '2MB', lock_timeout: '1s' }),
        ],
        { label: 'b', parallel: 1, onFailure: 'continue' },
      );
      assert.deepEqual(fourth!.record.request.sql, 'SELECT 1', 'nothing is taken over before the launch');
      await settle();
      assert.deepEqual(third!.record.request.settings, { work_mem: '1MB' });
      assert.deepEqual(fourth!.record.request, {
        ...request('SELECT 1').request,
        sql: 'SET LOCAL ROLE "auditor"; SELECT 1',
        settings: { work_mem: '2MB', lock_timeout: '1s' },
      });
      assert.deepEqual(ownRequest(fourth!.record), {
        ...request('SELECT 1').request,
        settings: { work_mem: '2MB', lock_timeout: '1s' },
      });
    });

    it('also with a statement that is run again alone, whether it was launched or not', async () => {
      const { jobs, link } = newWorld();
      const failing = new FakeSession();
      failing.workerReport = FAILED;
      link.next.push(new FakeSession(), failing);
      const all = jobs.runBatch(
        [statement("SET work_mem = '1MB'"), statement('SELECT nosuch'), statement('SELECT 1')],
        { label: 'b', parallel: 1, onFailure: 'stop' },
      );
      await settle();
      assert.equal(states(all), 'succeeded failed canceled');
      for (const job of all.slice(1)) assert.deepEqual(standaloneRequest(job, all).settings, { work_mem: '1MB' });
    });

    it('when they run again in a new batch, also after the statement that set them was removed', async () => {
      const { jobs, link } = newWorld();
      const failing = new FakeSession();
      failing.workerReport = FAILED;
      link.next.push(new FakeSession(), failing);
      const all = jobs.runBatch([statement("SET work_mem = '1MB'"), statement('SELECT nosuch')], {
        label: 'b',
        parallel: 1,
        onFailure: 'stop',
      });
      await settle();
      const [, failed] = all;
      const again = statementAgain(failed!, all);
      assert.equal(again.request.settings, undefined);
      assert.equal(again.session?.before?.length, 1);
      const left = statementAgain(failed!, all.slice(1));
      assert.deepEqual([left.request.settings, left.session], [{ work_mem: '1MB' }, undefined]);
    });
  });
});

describe('records of batches', () => {
  const record = { version: 1, id: 'a', label: 'l', request: { sql: 'x' }, connection: 'c', owner: 'w' };
  const stored = { ...record, state: 'queued', queuedAt: 1, noticeCount: 0, sessionLost: false, held: false };
  const batch: BatchPart = { id: 'b', index: 0, count: 2, label: 'l', parallel: 1, onFailure: 'stop' };

  it('keep the part of the job, and records without one load', () => {
    assert.equal(parseRecord(stored, 'a').batch, undefined);
    const session = { key: 0, before: [{ kind: 'role', role: 'r' }], applied: { prefix: 3 } } as const;
    const parsed = parseRecord({ ...stored, batch: { ...batch, session } }, 'a');
    assert.deepEqual(parsed.batch, { ...batch, session });
  });

  for (const [name, broken] of Object.entries({
    'no order': { ...batch, parallel: 0 },
    'an unknown rule': { ...batch, onFailure: 'retry' },
    'no index': { ...batch, index: undefined },
    'an unknown effect': { ...batch, session: { key: 0, before: [{ kind: 'magic' }] } },
  })) {
    it(`are damaged with ${name}`, () => {
      assert.throws(() => parseRecord({ ...stored, batch: broken }, 'a'), /batch/);
    });
  }
});

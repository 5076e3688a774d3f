import assert from 'node:assert/strict';
import { describeFault } from '../../../src/core/base/fault';
import { bareTag, decideOutcome, rowsOfTag } from '../../../src/core/jobs/outcome';
import type { ActiveWorker } from '../../../src/core/jobs/ports';
import { JobQueue } from '../../../src/core/jobs/scheduler/queue';
import { noSlotReason } from '../../../src/core/jobs/scheduler/noSlotReason';
import { sampleOf, stuckReasonOf } from '../../../src/core/jobs/cancel/stuckReason';
import { labelOf } from '../../../src/core/postgres/pgBackground/workerLabel';

describe('outcome', () => {
  const report = { completed: true, hasError: false, commandTag: 'SELECT', rowCount: 3 };
  const error = (sqlstate: string, message = 'm') => ({
    ...report,
    commandTag: '',
    hasError: true,
    error: { sqlstate, message },
  });

  it('is a success if the worker completed with a tag, even if a cancel came too late', () => {
    const success = { event: 'succeed', commandTag: 'SELECT', rowCount: 3 };
    assert.deepEqual(decideOutcome(report, false), success);
    assert.deepEqual(decideOutcome(report, true), success);
  });

  it('is no success without a tag: canceled if a cancel was requested, otherwise lost', () => {
    const silent = { ...report, commandTag: '' };
    assert.equal(decideOutcome(silent, true).event, 'cancelSettled');
    assert.equal(decideOutcome(silent, false).event, 'lose');
    assert.equal(decideOutcome({ ...report, completed: false }, false).event, 'lose');
  });

  it('is a failure if the worker raised an error, except for a requested cancel', () => {
    assert.equal(decideOutcome(error('57014'), true).event, 'cancelSettled');
    assert.equal(decideOutcome(error('57P01'), true).event, 'cancelSettled');
    assert.equal(decideOutcome(error('08006'), true).event, 'cancelSettled');
    assert.equal(decideOutcome(error('57014'), false).event, 'fail');
    assert.equal(decideOutcome(error('57P01'), false).event, 'fail');
    assert.equal(decideOutcome(error('08006'), false).event, 'lose');
    assert.equal(decideOutcome(error('22012'), true).event, 'fail');
    assert.equal(decideOutcome({ ...report, hasError: true }, false).event, 'fail');
  });

  describe('a timeout and a cancel have the same SQLSTATE: the times distinguish them, never the message', () => {
    const limits = { statementTimeoutMs: 300, workerTimeoutMs: 0 };
    const ended = (ran: number, canceled: boolean, facts = {}) =>
      decideOutcome({ ...error('57014', 'storniere Anfrage'), serverMs: ran }, canceled, { limits, ...facts });
    const by = (outcome: ReturnType<typeof decideOutcome>) => ('stop' in outcome ? outcome.stop : outcome.event);
    const timeout = { by: 'limit', limit: { name: 'statement_timeout', ms: 300 } };

    it('is a timeout if the worker ran as long as its limit', () => {
      assert.deepEqual(by(ended(300.258, false)), timeout);
      assert.deepEqual(by(ended(2000, false)), timeout, 'the worker checked for interrupts only later');
      assert.deepEqual(by(decideOutcome(error('57014'), false, { limits, ranMs: 350 })), timeout, 'by our clock');
    });

    it('is a cancel if SIGTERM was sent before the limit was reached', () => {
      assert.equal(by(ended(120, true, { signaledMs: 100 })), 'cancelSettled');
      assert.equal(by(ended(120, true)), 'cancelSettled', 'SIGTERM was not sent yet, so another cause came first');
    });

    it('is whichever came last before the end, because the SQL caught the earlier one', () => {
      assert.deepEqual(by(ended(301, true, { signaledMs: 100 })), timeout);
      assert.equal(by(ended(900, true, { signaledMs: 890 })), 'cancelSettled');
      assert.deepEqual(by(ended(301, true, { signaledMs: 310 })), timeout, 'the worker had ended before SIGTERM');
    });

    it('applies the worker’s own limit first, and treats 0 as no limit', () => {
      const worker = { statementTimeoutMs: 300, workerTimeoutMs: 700 };
      assert.deepEqual(by(ended(400, false, { limits: worker })), { by: 'outside' });
      const name = 'pg_background.worker_timeout';
      assert.deepEqual(by(ended(700, false, { limits: worker })), { by: 'limit', limit: { name, ms: 700 } });
      assert.deepEqual(by(ended(400, false, { limits: { statementTimeoutMs: 0, workerTimeoutMs: 0 } })), {
        by: 'outside',
      });
    });

    it('is neither if SQL raised an error with the same SQLSTATE', () => {
      const raised = { ...error('57014', 'mine'), serverMs: 400, interrupted: false };
      assert.equal(by(decideOutcome(raised, false, { limits })), 'fail');
    });

    it('is a failure with a reason if the worker was terminated from outside', () => {
      const outcome = ended(120, false);
      assert.equal(outcome.event === 'fail' ? outcome.reason?.code : outcome.event, 'jobs.stoppedFromOutside');
    });
  });

  it('splits command tags into the command and the row count', () => {
    assert.deepEqual(['INSERT 0 5', 'UPDATE 7', 'CREATE TABLE', ''].map(bareTag), [
      'INSERT',
      'UPDATE',
      'CREATE TABLE',
      '',
    ]);
    assert.deepEqual(['INSERT 0 5', 'UPDATE 7', 'CREATE TABLE', ''].map(rowsOfTag), [5, 7, 0, 0]);
  });
});

describe('queue', () => {
  const take = (queue: JobQueue, limit = 0) => queue.take(limit)?.id;

  it('runs jobs in order, as many at once as allowed', () => {
    const queue = new JobQueue();
    ['a', 'b', 'c'].forEach((id) => queue.add(id));
    assert.deepEqual([take(queue, 2), take(queue, 2), take(queue, 2)], ['a', 'b', undefined]);
    queue.done('a');
    assert.equal(take(queue, 2), 'c');
    assert.equal(queue.running, 2);
    queue.done('unknown');
    assert.equal(queue.running, 2);
  });

  it('moves a job to the front, removes jobs, and skips held jobs', () => {
    const queue = new JobQueue();
    ['a', 'b', 'c'].forEach((id) => queue.add(id));
    queue.add('held');
    const held = new Set(['held']);
    const takeFree = () => queue.take(0, (id) => held.has(id))?.id;
    assert.ok(queue.runNext('c') && !queue.runNext('none'));
    assert.ok(queue.remove('a') && !queue.remove('a'));
    assert.deepEqual(queue.waiting, ['c', 'b', 'held']);
    assert.ok(queue.runNext('b'));
    assert.deepEqual([takeFree(), takeFree(), takeFree()], ['b', 'c', undefined]);
    held.clear();
    assert.equal(takeFree(), 'held');
  });

  it('moves jobs to the place of another one, before it or behind it, and keeps their order', () => {
    const moved = (ids: string, to: string): string => {
      const queue = new JobQueue();
      for (const id of 'abcdef') queue.add(id);
      const did = queue.move(new Set(ids), to);
      return `${queue.waiting.join('')}${did ? '' : ' unmoved'}`;
    };
    assert.equal(moved('e', 'b'), 'aebcdf');
    assert.equal(moved('b', 'e'), 'acdebf');
    assert.equal(moved('bd', 'f'), 'acefbd');
    assert.equal(moved('fd', 'a'), 'dfabce');
    assert.equal(moved('a', 'a'), 'abcdef unmoved');
    assert.equal(moved('a', 'x'), 'abcdef unmoved');
    assert.equal(moved('x', 'a'), 'abcdef unmoved');
  });

  it('keeps the new order when a moved job is refused, and for jobs that are added later', () => {
    const queue = new JobQueue();
    for (const id of 'abc') queue.add(id);
    queue.move(new Set('c'), 'a');
    assert.equal(take(queue, 0), 'c');
    queue.refuse('c');
    queue.add('d');
    queue.runNext('b');
    assert.deepEqual(queue.waiting, ['b', 'c', 'a', 'd']);
  });

  it('keeps the order of refused jobs, with growing pauses', () => {
    const queue = new JobQueue();
    ['a', 'b', 'c'].forEach((id) => queue.add(id));
    assert.deepEqual([take(queue), take(queue)], ['a', 'b']);
    assert.deepEqual([queue.refuse('a').pauseMs, queue.refuse('b').pauseMs], [500, 500]);
    assert.deepEqual(queue.waiting, ['a', 'b', 'c']);
    assert.equal(take(queue), undefined, 'later jobs would be refused too');
    queue.pauseOver('a', 1);
    queue.pauseOver('b', 1);
    assert.equal(take(queue), 'a');
    assert.equal(take(queue), undefined, 'one job tries whether a slot is free');
    assert.deepEqual(queue.refuse('a'), { pauseMs: 1000, refusals: 2 });
    queue.pauseOver('a', 1);
    assert.equal(take(queue), undefined, 'the timer of an earlier pause does not end this one');
    queue.pauseOver('a', 2);
    assert.equal(take(queue), 'a');
    queue.launched('a');
    assert.equal(take(queue), 'b', 'a slot was free');
    for (let i = 0; i < 20; i++) {
      const { pauseMs, refusals } = queue.refuse('b');
      assert.ok(pauseMs <= 30_000);
      queue.pauseOver('b', refusals);
      assert.equal(take(queue), 'b');
    }
  });

  it('ends a pause when a slot becomes free or the user asks for a retry', () => {
    const queue = new JobQueue();
    ['a', 'b'].forEach((id) => queue.add(id));
    take(queue);
    take(queue);
    queue.refuse('b');
    assert.equal(take(queue), undefined);
    queue.done('a');
    assert.equal(take(queue), 'b');
    queue.refuse('b');
    queue.retryNow();
    assert.equal(take(queue), 'b');
  });
});

describe('why a worker is still running', () => {
  const worker: ActiveWorker = { pid: 1, backendStart: 's', label: 'l', state: 'active', blockers: [] };

  it('is derived from what the server shows', () => {
    const lock = { ...worker, waitEventType: 'Lock', waitEvent: 'relation' };
    const cases: [ActiveWorker | undefined | null, RegExp][] = [
      [null, /^jobs\.stuckUnknown$/],
      [undefined, /^jobs\.stuckEnding$/],
      [worker, /^jobs\.stuckOnCpu$/],
      [{ ...worker, state: 'starting' }, /^jobs\.stuckUnknown$/],
      [lock, /^jobs\.stuckOnLock$/],
      [{ ...lock, blockers: [{ pid: 7, user: 'u', application: 'psql' }] }, /^jobs\.stuckOnLock .*pid 7, u, psql/],
      [{ ...worker, waitEventType: 'IPC', waitEvent: 'MessageQueuePutMessage' }, /^jobs\.stuckOnQueue$/],
      [{ ...worker, waitEventType: 'Timeout', waitEvent: 'PgSleep' }, /^jobs\.stuckCatchesCancel .*Timeout\/PgSleep/],
    ];
    for (const [shown, text] of cases) {
      assert.match(describeFault(stuckReasonOf(shown)), text);
    }
  });

  it('explains an unresponsive worker by several samples', () => {
    const computes = { pid: 7, backendStart: 'b', label: 'l', state: 'active', blockers: [] };
    const sleeps = { ...computes, waitEventType: 'Timeout', waitEvent: 'PgSleep' };
    const reads = { ...computes, waitEventType: 'IO', waitEvent: 'DataFileRead' };
    const reason = (...samples: ActiveWorker[]): string =>
      describeFault(stuckReasonOf(samples.at(-1), samples.slice(0, -1).map(sampleOf)));
    assert.equal(reason(computes, computes), 'jobs.stuckOnCpu');
    assert.match(reason(computes, computes, computes), /^jobs\.stuckComputing .*3/);
    assert.match(reason(computes, sleeps, computes), /^jobs\.stuckCaughtCancel .*Timeout\/PgSleep/);
    assert.match(reason(computes, computes, reads), /^jobs\.stuckInWait .*IO\/DataFileRead/);
    assert.equal(reason(reads, computes, computes), 'jobs.stuckOnCpu');
  });

  it('distinguishes a worker that waits for the same lock in all samples from one that waits for several locks', () => {
    const base: ActiveWorker = { pid: 7, backendStart: 'b', label: 'l', state: 'active', blockers: [] };
    const locked = (waitEvent: string, ...pids: number[]): ActiveWorker => ({
      ...base,
      waitEventType: 'Lock',
      waitEvent,
      blockers: pids.map((pid) => ({ pid, user: 'u', application: `a${pid}` })),
    });
    const reason = (...samples: ActiveWorker[]): string =>
      describeFault(stuckReasonOf(samples.at(-1), samples.slice(0, -1).map(sampleOf)));
    const same = locked('relation', 3, 4);
    assert.match(
      reason(same, locked('relation', 4), locked('relation', 5, 4)),
      /^jobs\.stuckOnSameLock .*Lock\/relation.*3.*pid 4, u, a4/,
    );
    assert.match(reason(same, same), /^jobs\.stuckOnLock .*pid 3/, 'too few samples');
    assert.match(reason(same, same, locked('relation', 9)), /^jobs\.stuckOnLock .*pid 9/, 'another blocker');
    assert.match(reason(same, same, locked('transactionid', 3)), /^jobs\.stuckOnLock .*pid 3/, 'another lock');
    assert.match(reason(same, base, same, same), /^jobs\.stuckOnLock/, 'it computed in between');
    const prepared = locked('relation');
    assert.match(reason(prepared, prepared, prepared), /^jobs\.stuckOnSameLock (?!.*pid)/);
  });

  it('distinguishes a queue that is not read from one that is only full at times', () => {
    const base: ActiveWorker = { pid: 7, backendStart: 'b', label: 'l', state: 'active', blockers: [] };
    const full = { ...base, waitEventType: 'IPC', waitEvent: 'MessageQueuePutMessage' };
    const reason = (...samples: ActiveWorker[]): string =>
      describeFault(stuckReasonOf(samples.at(-1), samples.slice(0, -1).map(sampleOf)));
    assert.match(reason(full, full, full), /^jobs\.stuckOnUnreadQueue .*3/);
    assert.equal(reason(full, full), 'jobs.stuckOnQueue');
    assert.equal(reason(full, base, full, full), 'jobs.stuckOnQueue');
  });

  it('includes the used and the total slots if no slot is free', () => {
    const snapshot = { at: 0, serverStart: '', workers: [], slotsUsed: 6, slotsTotal: 8 };
    const full = { sqlstate: '53000', message: 'm' };
    assert.deepEqual(noSlotReason(full, snapshot), {
      code: 'jobs.noSlot',
      params: { message: 'm', used: 6, total: 8 },
    });
    assert.deepEqual(noSlotReason(full, undefined), { code: 'jobs.noSlot', params: { message: 'm' } });
    assert.deepEqual(noSlotReason({ sqlstate: '53400', message: 'm' }, snapshot), {
      code: 'jobs.sessionLimit',
      params: { message: 'm' },
    });
  });
});

describe('labels in application names', () => {
  it('are read with and without a cut-off end', () => {
    assert.equal(labelOf('pg_background:my label:42', 42), 'my label');
    assert.equal(labelOf('pg_background:a:b:42', 42), 'a:b');
    assert.equal(labelOf('pg_background:not cut:4', 42), 'not cut:4');
    assert.equal(labelOf('pg_background:4242', 4242), '');
    assert.equal(labelOf('pg_background:4242:4242', 4242), '4242');
    // PostgreSQL cuts names at 63 bytes, so part of the pid, the whole pid, or also the end of the label is missing.
    for (const length of [44, 45, 46, 47, 48]) {
      const label = 'd'.repeat(length);
      assert.equal(labelOf(`pg_background:${label}:12345`.slice(0, 63), 12345), label, `${length}`);
    }
    assert.equal(labelOf(`pg_background:${'d'.repeat(60)}:12345`.slice(0, 63), 12345), 'd'.repeat(49));
    assert.equal(labelOf(`pg_background:${'d'.repeat(42)}day:12`, 123), `${'d'.repeat(42)}day:12`);
  });

  it('are read with the escapes of PostgreSQL 16 and newer', () => {
    assert.equal(labelOf('pg_background:caf\\xc3\\xa9 \\xe2\\x98\\x83:42', 42), 'café ☃');
    assert.equal(labelOf('pg_background:caf\\xe9:42', 42), 'caf\\xe9', 'not UTF-8');
    assert.equal(labelOf('pg_background:C:\\x41 \\xZZ:42', 42), 'C:\\x41 \\xZZ');
    for (let length = 63; length > 50; length--) {
      const label = labelOf(`pg_background:${'a'.repeat(63 - length)}${'\\xc3\\xa9'.repeat(20)}`.slice(0, 63), 42);
      assert.match(label, /^a*é+$/);
    }
    assert.equal(labelOf('', 42), '');
    assert.equal(labelOf('pg_background::42', 42), '');
  });
});

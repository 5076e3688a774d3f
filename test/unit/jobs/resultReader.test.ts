import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { SessionLostError, WorkerFailedError } from '../../../src/core/jobs/errors';
import { Job, newRecord } from '../../../src/core/jobs/job';
import type { JobFiles, RowsKept } from '../../../src/core/jobs/ports';
import { ResultReader } from '../../../src/core/jobs/run/resultReader';
import { FakeClock, FakeLink, FakeSession, OURS, SELECT, settle, snapshotOf } from './fakes';
import { IDLE_OWNER } from './idleOwner';

/** A result reader of a running job. */
function newReader({ kept = {}, notRows = 0 }: { kept?: Partial<RowsKept>; notRows?: number } = {}) {
  const session = new FakeSession();
  const link = new FakeLink();
  const clock = new FakeClock();
  const written: string[] = [];
  const job = new Job(newRecord('j', { sql: 'SELECT 1', label: 'l', connection: 'c' }, 'w', 1), IDLE_OWNER);
  job.transition('launch');
  job.transition('launched', { pid: OURS.pid, backendStart: OURS.backendStart });
  const rows = { rows: 2, bytes: 4, dropped: 0, ...kept };
  const files: JobFiles = {
    createRows: () =>
      Promise.resolve({
        stream: new Writable({ write: (chunk, _encoding, done) => done(void written.push(String(chunk))) }),
        status: () => rows,
        notRows: () => notRows,
        finish: () => Promise.resolve(rows),
      }),
    remove: () => Promise.resolve(),
  };
  const reader = new ResultReader({ job, session, worker: session.handle, link, files, clock });
  return { session, link, clock, written, job, files, reader };
}

describe('result reader', () => {
  it('stores the rows, and counts them without the lines that are not rows', async () => {
    const { session, written, job, reader } = newReader({ notRows: 1 });
    session.onRead = (sink) => {
      assert.deepEqual([reader.reading, job.state], [true, 'reading']);
      sink.write('1\n2\n');
      return Promise.resolve({ rows: 3 });
    };
    assert.deepEqual(await reader.read(SELECT), { rows: 2, tag: 'SELECT' });
    assert.deepEqual([written, job.record.columns, job.record.rows?.rows], [['1\n2\n'], SELECT.columns, 2]);
    assert.equal(reader.reading, false);
  });

  it('warns in the messages why rows were not kept', async () => {
    const { job, reader } = newReader({ kept: { dropped: 5, fault: { code: 'results.limit' } } });
    await reader.read(SELECT);
    assert.deepEqual(
      job.notices.map(({ severity, fault }) => [severity, fault?.code]),
      [['WARNING', 'results.limit']],
    );
  });

  it('reads on without a place for the rows, and reports the problem', async () => {
    const { job, files, reader } = newReader();
    files.createRows = () => Promise.reject(new Error('read-only'));
    const read = await reader.read(SELECT);
    assert.deepEqual(read, {
      rows: 1,
      tag: 'SELECT',
      problem: { code: 'jobs.rowsNotKept', cause: { code: 'text', params: { text: 'read-only' } } },
    });
    assert.equal(job.record.columns, undefined);
  });

  it('keeps the last of many tags', async () => {
    const { session, reader } = newReader();
    session.onRead = (sink) => {
      for (const tag of ['INSERT 0 1', 'CREATE TABLE', 'UPDATE 7']) sink.write(`${tag}\n`);
      return Promise.resolve({ rows: 3 });
    };
    assert.deepEqual(await reader.read({ ...SELECT, mode: 'tag' }), { rows: 7, tag: 'UPDATE' });
  });

  it('returns the worker’s error as an answer, and rejects if the session is lost', async () => {
    const { session, reader } = newReader();
    const error = { sqlstate: '22012', message: 'division by zero' };
    session.onRead = () => Promise.reject(new WorkerFailedError(error, { interrupted: false }));
    assert.deepEqual(await reader.read(SELECT), { error, unreadable: false, interrupted: false });
    session.onRead = () => Promise.reject(new SessionLostError('gone'));
    await assert.rejects(reader.read(SELECT), SessionLostError);
    assert.equal(reader.reading, false);
  });

  it('stores nothing if only the messages are wanted', async () => {
    const { files, job, reader } = newReader();
    files.createRows = () => assert.fail('must not store rows');
    assert.deepEqual(await reader.read(SELECT, { keepRows: false }), { rows: 1, tag: 'SELECT' });
    assert.equal(job.record.columns, undefined);
  });

  it('destroys a stalled session only if the server answers twice without showing the worker', async () => {
    const { session, link, clock, reader } = newReader();
    session.onRead = () =>
      new Promise((_, reject) => (session.destroy = () => reject(new SessionLostError('stalled'))));
    const rejected: unknown[] = [];
    const reading = reader.read(SELECT).catch((error: unknown) => rejected.push(error));
    await settle();
    session.idle = 60_000;
    await clock.move(120_000);
    assert.equal(rejected.length, 0, 'the server does not answer');
    link.onRefresh = () => Promise.resolve(snapshotOf({ workers: [OURS] }));
    await clock.move(60_000);
    assert.equal(rejected.length, 0, 'the worker is shown');
    link.onRefresh = () => Promise.resolve(snapshotOf({}));
    await clock.move(15_000);
    assert.equal(rejected.length, 0, 'the first answer without it');
    clock.step = -3_600_000;
    await clock.move(15_000);
    await reading;
    assert.ok(rejected[0] instanceof SessionLostError, 'although the wall clock was set back');
    assert.equal(clock.timers.size, 0);
  });
});

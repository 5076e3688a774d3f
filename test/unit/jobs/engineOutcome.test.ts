import assert from 'node:assert/strict';
import { SessionLostError, WorkerFailedError } from '../../../src/core/jobs/errors';
import { reasonOf } from '../../reasonOf';
import { FakeSession, newWorld, OURS, settle, snapshotOf } from './fakes';

describe('engine: rows and outcome', () => {
  it('settles a worker that stopped without an outcome as lost, or as canceled if a cancel was requested', async () => {
    const { link, jobs, run, clock } = newWorld();
    const silent = new FakeSession();
    silent.workerReport = { completed: true, hasError: false, commandTag: '', rowCount: 0 };
    link.next.push(silent);
    const job = run();
    await job.ended;
    assert.equal(job.state, 'lost');
    assert.match(reasonOf(job), /^jobs\.noOutcome$/);

    const early = new FakeSession();
    Object.assign(early, { workerReport: silent.workerReport, stopped: false });
    link.next.push(early);
    const canceled = run();
    await settle();
    const result = jobs.cancel(canceled.id);
    link.show({ workers: [OURS] });
    await settle();
    assert.equal(early.signals, 1);
    early.wake(true);
    assert.equal(await result, 'stopped');
    assert.equal(canceled.state, 'canceled');
    await clock.move(10_000);
  });

  it('succeeds although its rows could not be kept, and reports why', async () => {
    const { link, run, files } = newWorld();
    const session = new FakeSession();
    session.onRead = () => Promise.resolve({ rows: 3, sinkError: new Error('torn') });
    link.next.push(session);
    const torn = run();
    await torn.ended;
    assert.deepEqual([torn.state, torn.record.rowCount], ['succeeded', 3]);
    assert.match(reasonOf(torn), /torn/);
    files.createRows = () => Promise.reject(new Error('read-only'));
    const refused = run();
    await refused.ended;
    assert.deepEqual([refused.state, refused.record.columns], ['succeeded', undefined]);
    assert.match(reasonOf(refused), /read-only/);
  });

  it('fails without a launch if what keeps rows cannot be loaded', async () => {
    const { link, run, files } = newWorld();
    const session = new FakeSession();
    link.next.push(session);
    files.prepare = () => Promise.reject(new Error('file not found'));
    const job = run();
    await job.ended;
    assert.deepEqual([job.state, job.record.error?.message], ['failed', 'file not found']);
    assert.deepEqual(link.next, [session], 'no session was taken');
  });

  it('finishes with an unknown outcome if the version cannot report it and the rows cannot be read', async () => {
    const { link, run } = newWorld();
    const session = new FakeSession();
    const blind = { workerReport: undefined, plan: { ...session.plan, mode: 'none' } };
    const read = (sqlstate: string) => ({
      onRead: () => Promise.reject(new WorkerFailedError({ sqlstate, message: 'm' })),
    });
    link.next.push(Object.assign(session, blind, read('42804')));
    const job = run();
    await job.ended;
    assert.equal(job.state, 'finished');
    assert.match(reasonOf(job), /^jobs\.outcomeUnsupported$/);
    link.next.push(Object.assign(new FakeSession(), blind, read('22012')), Object.assign(new FakeSession(), blind));
    const [failed, succeeded] = [run(), run()];
    await succeeded.ended;
    assert.deepEqual([failed.state, failed.record.error?.sqlstate], ['failed', '22012']);
    assert.deepEqual(
      [succeeded.state, succeeded.record.commandTag],
      ['succeeded', 'SELECT'],
      'its one column was text',
    );
  });

  it('is not affected by a listener that throws', async () => {
    const { jobs, run, logged } = newWorld();
    jobs.onDidChange(() => {
      throw new Error('bad listener');
    });
    let changes = 0;
    jobs.onDidChange(() => changes++);
    const job = run();
    await job.ended;
    assert.equal(job.state, 'succeeded');
    assert.ok(changes > 2 && logged.some((line) => line.includes('bad listener')));
  });

  it('gives up a session over which no rows arrive although its worker is gone', async () => {
    const { link, run, clock } = newWorld();
    const session = new FakeSession();
    session.onRead = () =>
      new Promise((_resolve, reject) => (session.destroy = () => reject(new SessionLostError('cut.'))));
    session.idle = 40_000;
    link.next.push(session);
    link.onRefresh = () => Promise.resolve(snapshotOf({ workers: [OURS] }));
    const job = run();
    await clock.move(35_000);
    assert.equal(job.state, 'reading', 'the worker exists, so rows may still arrive');
    link.onRefresh = () => Promise.resolve(snapshotOf({}));
    await clock.move(60_000);
    assert.notEqual(job.state, 'reading');
  });

  it('waits for rows that stop arriving while the server does not answer either', async () => {
    const { link, run, clock } = newWorld();
    const session = new FakeSession();
    session.onRead = () =>
      new Promise((_resolve, reject) => (session.destroy = () => reject(new SessionLostError('cut.'))));
    session.idle = 40_000;
    link.next.push(session);
    const job = run();
    await clock.move(50_000);
    assert.equal(job.state, 'reading');
    session.idle = 300_000;
    await clock.move(250_000);
    assert.equal(job.state, 'reading');
  });

  it('ends the wait when the queue is full, so that reading begins', async () => {
    const { link, run } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    link.show({ workers: [OURS] });
    await settle();
    assert.equal(job.state, 'running');
    const paces = (): string[] => [...link.watching].map(({ pace }) => pace);
    assert.deepEqual(paces(), ['fast', 'steady']);
    const read = session.onRead;
    let whileReading: string[] = [];
    session.onRead = (...given) => {
      whileReading = paces();
      return read(...given);
    };
    link.show({ workers: [{ ...OURS, waitEventType: 'IPC', waitEvent: 'MessageQueuePutMessage' }] });
    await job.ended;
    assert.deepEqual(whileReading, ['steady'], 'a server that sends rows gets no additional queries');
    assert.equal(job.state, 'succeeded');
    assert.ok(job.record.rows !== undefined);
  });
});

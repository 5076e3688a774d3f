import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultError } from '../../../src/core/base/fault';
import { newRecord, type Job, type JobRecord } from '../../../src/core/jobs/job';
import { JobHistory } from '../../../src/core/jobs/store/jobFolder';
import { JobStore } from '../../../src/core/jobs/store/jobStore';
import { FakeClock } from './fakes';

describe('job store', () => {
  let folder: string;
  const opened: JobHistory[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-store-'));
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((history) => history.close()));
    await rm(folder, { recursive: true, force: true });
  });

  function open(windowId: string, keepFinishedJobs = 0) {
    const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    const history = new JobHistory(folder, windowId, log);
    opened.push(history);
    const clock = new FakeClock();
    const restored: string[] = [];
    const lost: string[] = [];
    const wait = { restored: (): void => undefined };
    const store = new JobStore({
      history,
      files: { createRows: () => Promise.reject(new Error('unused')), remove: () => Promise.resolve() },
      clock,
      log,
      settings: () => ({ keepFinishedJobs, keepFinishedDays: 0 }),
      lost: (job) => lost.push(job.id),
      commanded: () => undefined,
      restored: (job, as) => {
        restored.push(`${job.id}:${as}`);
        wait.restored();
      },
    });
    const add = (id: string): Job => {
      const job = store.add(newRecord(id, { sql: 'SELECT 1', label: id, connection: 'c' }, windowId, clock.now()));
      store.publish(job);
      return job;
    };
    return { store, history, clock, restored, lost, wait, add };
  }

  const onDisk = async (id: string): Promise<JobRecord> =>
    JSON.parse(await readFile(join(folder, `${id}.json`), 'utf8')) as JobRecord;

  it('saves each transition and durable fact, and progress only with the next of them', async () => {
    const { add } = open('w');
    const job = add('a');
    job.transition('launch');
    job.update({ launchSentAt: 5 }, { durable: true });
    await job.saved;
    job.update({ progress: { pct: 50, message: 'half' } }, { durable: false });
    assert.deepEqual([(await onDisk('a')).launchSentAt, (await onDisk('a')).progress], [5, undefined]);
    job.transition('launched', { pid: 7 });
    await job.saved;
    assert.deepEqual([(await onDisk('a')).state, (await onDisk('a')).progress?.pct], ['running', 50]);
  });

  it('clears a fact that is set to undefined, and the reason with the state that it explains', async () => {
    const { add } = open('w');
    const job = add('a');
    job.transition('launch', { launchSentAt: 1 });
    job.transition('requeue', { launchSentAt: undefined, reason: { code: 'jobs.noOutcome' } });
    assert.ok(!('launchSentAt' in job.record) && job.record.reason?.code === 'jobs.noOutcome');
    job.transition('launch');
    await job.saved;
    assert.equal((await onDisk('a')).reason, undefined);
    assert.throws(() => job.transition('finish'), /launching cannot finish/);
  });

  it('restores what waits and what ran, and removes finished jobs beyond the limit with their files', async () => {
    const first = open('w');
    for (const id of ['old', 'new', 'waits', 'ran']) {
      first.add(id);
      await first.clock.move(1);
    }
    const [old, young, , ran] = first.store.jobs;
    for (const job of [old!, young!]) job.transition('cancel', { finishedAt: 1 });
    ran!.transition('launch');
    ran!.transition('launched', { pid: 7 });
    await first.store.close();
    await Promise.all(first.store.jobs.map((job) => job.saved));
    await first.history.close();

    const second = open('w2', 1);
    assert.deepEqual(await second.store.restore(), { held: 1, detached: 1, corrupt: 0 });
    assert.deepEqual(second.restored.sort(), ['ran:detached', 'waits:held']);
    assert.deepEqual(second.store.jobs.map(({ id }) => id).sort(), ['new', 'ran', 'waits']);
    assert.ok(!(await readdir(folder)).includes('old.json'));
    await second.store.close();
  });

  it('adopts the jobs of a window that was closed meanwhile', async () => {
    const other = open('other');
    const { store, clock, restored, wait } = open('w');
    await other.add('theirs').saved;
    assert.deepEqual(await store.restore(), { held: 0, detached: 0, corrupt: 0 });
    assert.deepEqual(
      store.jobs.map(({ id, mirrored }) => [id, mirrored]),
      [['theirs', true]],
      'the other window is alive',
    );
    await other.history.close();
    const adopted = new Promise<void>((resolve) => (wait.restored = resolve));
    await clock.move(25_000);
    await adopted;
    assert.deepEqual([store.jobs.map(({ mirrored }) => mirrored), restored], [[false], ['theirs:held']]);
    await store.close();
  });

  it('saves after it was closed only an outcome that the server reported', async () => {
    const { store, add } = open('w');
    const [broken, done] = [add('broken'), add('done')];
    for (const job of [broken, done]) {
      job.transition('launch');
      job.transition('launched', { pid: 7 });
    }
    await store.close();
    broken.transition('detach', { sessionLost: true });
    done.transition('succeed', { commandTag: 'SELECT' });
    await Promise.all([broken.saved, done.saved]);
    assert.deepEqual([(await onDisk('broken')).state, (await onDisk('done')).state], ['running', 'succeeded']);
  });

  it('keeps pinned jobs beyond the limit and after a reload, until they are cleared by their id', async () => {
    const first = open('w');
    const jobs: Job[] = [];
    for (const id of ['pinned', 'loose', 'newest']) {
      jobs.push(first.add(id));
      await first.clock.move(1);
    }
    for (const job of jobs) job.transition('cancel', { finishedAt: 1 });
    await first.store.setPinned(jobs[0]!, true);
    await first.store.setPinned(jobs[1]!, true);
    await first.store.setPinned(jobs[1]!, false);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.endsWith('.pinned')),
      ['pinned.pinned'],
    );
    await first.store.close();
    await Promise.all(jobs.map((job) => job.saved));
    await first.history.close();

    const { store } = open('w2', 1);
    await store.restore();
    assert.deepEqual(
      store.jobs.map(({ id, pinned }) => [id, pinned]),
      [
        ['pinned', true],
        ['newest', false],
      ],
    );
    assert.equal(await store.clearFinished(), 1);
    assert.deepEqual(
      store.jobs.map(({ id }) => id),
      ['pinned'],
    );
    assert.equal(await store.clearFinished(['pinned']), 1);
    assert.deepEqual(await readdir(folder), ['windows']);
    await store.close();
  });

  it('notifies listeners when a job is pinned, and not if the marker cannot be written', async () => {
    const { store, clock, add } = open('w');
    const job = add('a');
    await clock.move(100);
    const changed = new Promise<boolean>((resolve) => store.onDidChange(({ pinned }) => pinned && resolve(pinned)));
    await store.setPinned(job, true);
    await clock.move(100);
    assert.equal(await changed, true);
    const other = add('missing/folder');
    await assert.rejects(store.setPinned(other, true));
    assert.equal(other.pinned, false);
    await store.close();
  });

  it('throws a fault for a job that it does not know', () => {
    const { store } = open('w');
    assert.throws(
      () => store.require('none'),
      (error) => error instanceof FaultError && (error as FaultError).fault.code === 'jobs.unknownJob',
    );
  });

  it('reads the records of older versions, whose reasons are texts', async () => {
    const { store, history } = open('w');
    const { sessionLost, ...record } = newRecord('a', { sql: '', label: 'a', connection: 'c' }, 'gone', 1);
    assert.equal(sessionLost, false);
    const old = { ...record, state: 'finished', detached: true, reason: 'It ended.', sessionLostBecause: 'Cut.' };
    const rows = { rows: 1, bytes: 1, dropped: 1, message: 'The disk is full.' };
    await writeFile(history.files('a').record, JSON.stringify({ ...old, rows }));
    await store.restore();
    const restored = store.require('a').record;
    const text = (value: string) => ({ code: 'text', params: { text: value } });
    assert.deepEqual(
      [restored.sessionLost, restored.reason, restored.sessionLostBecause, restored.rows],
      [true, text('It ended.'), text('Cut.'), { rows: 1, bytes: 1, dropped: 1, fault: text('The disk is full.') }],
    );
    assert.ok(!('detached' in restored));
    await store.close();
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { newRecord, type Job, type JobRecord } from '../../../src/core/jobs/job';
import { JobHistory } from '../../../src/core/jobs/store/jobFolder';
import { JobStore } from '../../../src/core/jobs/store/jobStore';
import { FakeClock } from './fakes';

describe('ownership of jobs on disk', () => {
  let parent: string;
  let folder: string;
  const opened: { readonly history: JobHistory; readonly store: JobStore }[] = [];
  const logged: string[] = [];

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'pgbg-ownership-'));
    folder = join(parent, 'jobs');
    logged.length = 0;
  });
  afterEach(async () => {
    for (const { history, store } of opened.splice(0)) {
      await store.close();
      await history.close();
    }
    await rm(parent, { recursive: true, force: true });
  });

  function open(windowId: string) {
    const clock = new FakeClock();
    const add = (message: string): number => logged.push(message);
    const log = { debug: add, info: add, warn: add, error: add };
    const history = new JobHistory(folder, windowId, log, clock);
    const lost: string[] = [];
    const restored: string[] = [];
    const store = new JobStore({
      history,
      files: { createRows: () => Promise.reject(new Error('unused')), remove: () => Promise.resolve() },
      clock,
      log,
      settings: () => ({ keepFinishedJobs: 0, keepFinishedDays: 0 }),
      restored: (job, as) => restored.push(`${job.id}:${as}`),
      lost: (job) => lost.push(job.id),
      commanded: () => undefined,
    });
    opened.push({ history, store });
    const run = (id: string): Job => {
      const job = store.add(recordOf(id, windowId));
      store.publish(job);
      return job;
    };
    return { clock, history, store, lost, restored, run };
  }

  const onDisk = async (name: string): Promise<JobRecord> =>
    JSON.parse(await readFile(join(folder, name), 'utf8')) as JobRecord;
  const stored = async (history: JobHistory, id: string) =>
    (await history.load()).records.find(({ record }) => record.id === id)!;

  it('needs no file and no timer in a window without jobs', async () => {
    const { store, history, clock } = open('w');
    assert.deepEqual(await store.restore(), { held: 0, detached: 0, corrupt: 0 });
    await store.close();
    await history.close();
    assert.deepEqual([await readdir(parent), clock.timers.size], [[], 0]);
  });

  it('needs no registration to list finished jobs', async () => {
    const first = open('first');
    first.run('done').transition('cancel', { finishedAt: 1 });
    await first.store.require('done').saved;
    await first.store.close();
    await first.history.close();
    const second = open('second');
    await second.store.restore();
    assert.deepEqual([second.store.jobs.length, second.clock.timers.size], [1, 0]);
    assert.deepEqual(await readdir(join(folder, 'windows')), []);
  });

  it('watches a window that is closing, and then keeps its finished jobs', async () => {
    const first = open('first');
    const done = first.run('done');
    done.transition('cancel', { finishedAt: 1 });
    await done.saved;
    const second = open('second');
    await second.store.restore();
    const listed = () => second.store.jobs.map(({ id, state, mirrored }) => [id, state, mirrored]);
    assert.deepEqual(listed(), [['done', 'canceled', true]], 'the first window is alive');
    const changed = new Promise<void>((resolve) => {
      second.store.onDidChange(({ mirrored }) => !mirrored && resolve());
    });
    await first.history.close();
    await second.clock.move(25_000);
    await changed;
    assert.deepEqual(listed(), [['done', 'canceled', false]]);
    await second.store.close();
  });

  it('finishes an adoption that is running when the window closes, and is gone then', async () => {
    const first = open('first');
    await first.run('a').saved;
    const second = open('second');
    await second.store.restore();
    const adopt = second.history.adopt.bind(second.history);
    const events: string[] = [];
    const adopting = new Promise<void>((started) => {
      second.history.adopt = async (found) => {
        started();
        for (let turn = 0; turn < 20; turn++) await setImmediate();
        const adopted = await adopt(found);
        events.push('adopted');
        return adopted;
      };
    });
    await first.history.close();
    await second.clock.move(25_000);
    await adopting;
    await second.store.close();
    await second.history.close();
    events.push('closed');
    assert.deepEqual(events, ['adopted', 'closed']);
    assert.deepEqual(await readdir(join(folder, 'windows')), []);
    assert.equal((await onDisk('a.1.json')).owner, 'second');
  });

  it('takes a job from a window that was replaced: it is only mirrored there, not launched or written', async () => {
    const one = open('one');
    const job = one.run('a');
    await job.saved;
    const two = open('two');
    const adopted = await two.history.adopt(await stored(two.history, 'a'));
    assert.equal(adopted?.owner, 'two');
    await two.history.save({ ...adopted, label: 'adopted' });
    assert.equal(await one.history.mayLaunch('a'), 'lost');
    assert.deepEqual([one.lost, job.mirrored, job.record.label, job.record.owner], [['a'], true, 'adopted', 'two']);
    assert.throws(() => job.transition('launch'), /belongs to another window/);
    assert.throws(() => job.update({ held: true }, { durable: true }), /belongs to another window/);
    assert.throws(() => job.addNotice({ at: 1, severity: 'NOTICE', message: 'late' }), /belongs to another window/);
    assert.equal(await one.history.mayLaunch('a'), 'lost', 'and it stays lost');
    assert.deepEqual([(await onDisk('a.json')).state, (await onDisk('a.1.json')).label], ['queued', 'adopted']);
    assert.ok(!(await readdir(folder)).includes('a.notices.ndjson'));
    assert.equal(await two.history.mayLaunch('a'), 'yes');
  });

  it('is noticed at the next write, also if the files were removed meanwhile', async () => {
    const one = open('one');
    const [adopted, removed] = [one.run('adopted'), one.run('removed')];
    await Promise.all([adopted.saved, removed.saved]);
    const two = open('two');
    await two.history.adopt(await stored(two.history, 'adopted'));
    await two.history.adopt(await stored(two.history, 'removed'));
    await two.history.remove('removed');
    for (const job of [adopted, removed]) job.transition('launch');
    await Promise.all([adopted.saved, removed.saved]);
    assert.deepEqual(one.lost.sort(), ['adopted', 'removed']);
    assert.deepEqual(
      one.store.jobs.map(({ id, mirrored }) => [id, mirrored]),
      [['adopted', true]],
    );
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('removed')),
      ['removed.removed'],
    );
  });

  it('is lost if another window removed the job in the middle of the write before its launch', async () => {
    const [one, two, three] = [open('one'), open('two'), open('three')];
    const job = one.run('a');
    await job.saved;
    await two.history.adopt(await stored(two.history, 'a'));
    const { record } = await stored(two.history, 'a');
    await two.history.remove('a');
    // The write had begun before the other window adopted the job.
    await writeFile(
      join(folder, 'a.json'),
      JSON.stringify({ ...record, owner: 'one', state: 'launching', launchSentAt: 1 }),
    );
    assert.deepEqual((await three.history.load()).records, []);
    assert.equal(three.history.newest('a'), 'missing');
    assert.equal(await one.history.mayLaunch('a'), 'lost');
    assert.deepEqual([one.lost, one.store.jobs.length], [['a'], 0]);
    assert.deepEqual((await readdir(folder)).sort(), ['a.removed', 'windows']);
  });

  it('leaves no mark of a removed job that only one window had', async () => {
    const one = open('one');
    const job = one.run('a');
    job.transition('cancel', { finishedAt: 1 });
    await job.saved;
    await one.history.remove('a');
    assert.deepEqual(await readdir(folder), ['windows']);
  });

  it('is kept if a job is canceled while its launch waits for the record', async () => {
    const one = open('one');
    const job = one.run('a');
    await job.saved;
    const sent = { ...job.record, launchSentAt: 1 };
    const saved = [
      one.history.save({ ...sent, state: 'launching' }),
      one.history.save({ ...sent, state: 'canceling' }),
    ];
    assert.equal(await one.history.mayLaunch('a'), 'yes');
    await Promise.all(saved);
    assert.deepEqual([(await onDisk('a.json')).state, one.lost], ['canceling', []]);
  });

  it('keeps an outcome that the owner recorded just before the claim', async () => {
    const one = open('one');
    const job = one.run('a');
    await job.saved;
    const two = open('two');
    const loaded = await two.history.load();
    job.transition('cancel', { finishedAt: 1 });
    await job.saved;
    await one.store.close();
    await one.history.close();
    two.history.load = () => Promise.resolve(loaded);
    await two.store.restore();
    await two.store.require('a').saved;
    const { state, adopting, owner } = await onDisk('a.1.json');
    assert.deepEqual([state, adopting, owner], ['canceled', undefined, 'two']);
    await two.store.close();
  });

  it('does not fall back to an older record if the newest one is damaged', async () => {
    const one = open('one');
    await one.run('a').saved;
    await writeFile(join(folder, 'a.1.json'), 'half');
    await utimes(join(folder, 'a.1.json'), 0, 0);
    const { history, clock } = open('two');
    await clock.move(120_000);
    assert.deepEqual([(await history.load()).corrupt, (await history.load()).records], [1, []]);
  });

  it('is checked after this process was suspended', async () => {
    const one = open('one');
    await one.run('a').saved;
    const two = open('two');
    await two.history.adopt(await stored(two.history, 'a'));
    await one.history.checkOwnership();
    assert.deepEqual(one.lost, ['a']);
  });

  it('uses the record before a claim whose window died before it decided', async () => {
    const one = open('one');
    await one.run('a').saved;
    const two = open('two');
    await two.history.adopt(await stored(two.history, 'a'));
    // The first window went on before it noticed, and the second one died before it saved anything.
    const sent = { ...recordOf('a', 'one'), state: 'launching', launchSentAt: 5 };
    await writeFile(join(folder, 'a.json'), JSON.stringify(sent));
    const three = open('three');
    const claim = await stored(three.history, 'a');
    assert.equal(claim.record.launchSentAt, undefined);
    const adopted = await three.history.adopt(claim);
    assert.deepEqual([adopted?.launchSentAt, adopted?.adopting, adopted?.owner], [5, undefined, 'three']);
  });

  describe('if the disk cannot be written', () => {
    /** A file in place of the folder of windows: nothing can be written, whatever the user's rights are. */
    const block = async (): Promise<void> => {
      await rm(join(folder, 'windows'), { recursive: true, force: true });
      await writeFile(join(folder, 'windows'), '');
    };
    /** The same, noticed by a window that is open. */
    const blockFor = async ({ clock, history }: ReturnType<typeof open>): Promise<void> => {
      await block();
      await clock.move(5000);
      while (!logged.some((line) => line.includes('cannot be written'))) {
        await setImmediate();
        await history.register();
      }
    };
    const unblock = (): Promise<void> => rm(join(folder, 'windows'));

    it('lists what can be read, and adopts it once it can be written', async () => {
      const one = open('one');
      await one.run('waits').saved;
      const done = one.run('done');
      done.transition('cancel', { finishedAt: 1 });
      await done.saved;
      await one.history.close();
      await block();

      const two = open('two');
      const faults: string[] = [];
      two.history.onDidFail((fault) => faults.push(fault.folder));
      // Not reached through `others`, whose folder is the one that is blocked.
      two.history.others = () => Promise.resolve({ living: new Set<string>(), dead: new Set<string>(), remote: false });
      assert.deepEqual(await two.store.restore(), { held: 1, detached: 0, corrupt: 0 });
      assert.deepEqual(two.store.jobs.map(({ state }) => state).sort(), ['canceled', 'queued']);
      assert.equal(await two.history.mayLaunch('waits'), 'unclaimed');
      await unblock();
      await two.history.retryNow();
      assert.equal(await two.history.mayLaunch('waits'), 'yes');
      assert.deepEqual([(await onDisk('waits.1.json')).held, faults], [true, [folder]]);
    });

    it('loses a job that its owner launched before it could be adopted', async () => {
      const one = open('one');
      await one.run('a').saved;
      await one.history.close();
      await block();
      const two = open('two');
      two.history.others = () => Promise.resolve({ living: new Set<string>(), dead: new Set<string>(), remote: false });
      await two.store.restore();
      const sent = { ...recordOf('a', 'one'), state: 'launching', launchSentAt: 5 };
      await writeFile(join(folder, 'a.json'), JSON.stringify(sent));
      await unblock();
      await two.history.retryNow();
      await two.store.require('a').ended;
      await two.store.require('a').saved;
      assert.equal(two.store.require('a').record.reason?.code, 'jobs.reloadedDuringLaunch');
      assert.equal((await onDisk('a.1.json')).state, 'lost');
    });

    it('keeps records and messages, warns once, and writes them when it can be written again', async () => {
      const window = open('w');
      const { history, store, clock, run } = window;
      const faults: string[] = [];
      history.onDidFail((fault) => faults.push(fault.folder));
      await run('first').saved;
      await blockFor(window);
      const [a, b] = [run('a'), run('b')];
      await Promise.all([a.saved, b.saved]);
      for (let i = 0; i < 20_000; i++) void a.addNotice({ at: i, severity: 'NOTICE', message: `m${i}` });
      a.transition('cancel', { finishedAt: 1 });
      await a.saved;
      assert.deepEqual(
        [a, b].map((job) => job.notices.filter(({ fault }) => fault?.code === 'jobs.notSaved').length),
        [0, 1],
        'the newest messages are held',
      );
      assert.equal(a.record.noticeCount, 20_001);
      assert.deepEqual(faults, [folder]);
      assert.ok(!(await readdir(folder)).some((name) => name.startsWith('a.')));
      await clock.move(3000);
      assert.deepEqual(faults, [folder], 'one warning per episode');
      await unblock();
      await clock.move(60_000);
      await history.retryNow();
      assert.equal((await onDisk('a.json')).state, 'canceled');
      assert.equal((await onDisk('b.json')).state, 'queued');
      assert.equal((await readFile(join(folder, 'a.notices.ndjson'), 'utf8')).split('\n').length, 20_002);
      assert.ok(logged.some((line) => line.includes('can be written again')));
      await store.close();
    });

    it('launches a job, but leaves no record that would let another window launch it too', async () => {
      const window = open('w');
      const { history, run } = window;
      const job = run('a');
      await job.saved;
      await blockFor(window);
      job.transition('launch', { launchSentAt: 5 });
      await job.saved;
      assert.equal((await onDisk('a.json')).launchSentAt, undefined);
      const two = open('two');
      const before = await stored(two.history, 'a');
      assert.equal(await history.mayLaunch('a'), 'yes');
      assert.deepEqual(await readdir(folder), ['windows']);
      await unblock();
      assert.equal(
        await two.history.adopt(before),
        undefined,
        'not by a window that has read the record before either',
      );
      await history.retryNow();
      assert.equal((await onDisk('a.json')).launchSentAt, 5);
    });

    it('writes what is pending when the window is closed', async () => {
      const window = open('w');
      const { history, run } = window;
      await run('first').saved;
      await blockFor(window);
      await run('a').saved;
      await unblock();
      await history.close();
      assert.equal((await onDisk('a.json')).state, 'queued');
    });
  });
});

function recordOf(id: string, owner: string): JobRecord {
  return newRecord(id, { sql: 'SELECT 1', label: id, connection: 'c' }, owner, 1);
}

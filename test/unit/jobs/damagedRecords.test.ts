import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobRecord } from '../../../src/core/jobs/job';
import { openWindows, type OpenWindow } from './openWindows';

describe('damaged records', () => {
  let parent: string;
  let folder: string;
  let open: (windowId: string) => OpenWindow;
  let closeAll: () => Promise<void>;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'pgbg-damaged-'));
    folder = join(parent, 'jobs');
    ({ open, closeAll } = openWindows(folder));
  });
  afterEach(async () => {
    await closeAll();
    await rm(parent, { recursive: true, force: true });
  });

  const onDisk = async (name: string): Promise<JobRecord | undefined> => {
    try {
      return JSON.parse(await readFile(join(folder, name), 'utf8')) as JobRecord;
    } catch {
      return undefined;
    }
  };
  const damage = (name = 'a.json'): Promise<void> => writeFile(join(folder, name), '{"version":1,');
  const corrupt = async (): Promise<readonly string[]> =>
    (await readdir(folder)).filter((name) => name.endsWith('.corrupt'));
  /** Resolves when the record can be read again. */
  const intact = async (name = 'a.json'): Promise<JobRecord> => {
    for (;;) {
      const record = await onDisk(name);
      if (record) return record;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const running = async (window: OpenWindow) => {
    const job = await window.run('a');
    job.transition('launch');
    job.transition('launched', { pid: 7 });
    await job.saved;
    return job;
  };

  it('of a running job are written again by its owner, while all windows keep showing it', async () => {
    const [one, two] = [open('one'), open('two')];
    const job = await running(one);
    await two.store.restore();
    const mirror = two.store.require('a');
    await damage();
    const { state, pid } = await intact();
    assert.deepEqual([state, pid], ['running', 7]);
    job.transition('succeed', { finishedAt: 5, commandTag: 'SELECT' });
    await mirror.ended;
    assert.deepEqual([mirror.state, two.removed, one.removed, one.lost], ['succeeded', [], [], []]);
  });

  it('that a third window sets aside are written again too, and no window loses the job', async () => {
    const [one, two, three] = [open('one'), open('two'), open('three')];
    const job = await running(one);
    await two.store.restore();
    // As if no window noticed the damage before the third one reads the folder.
    one.hold();
    two.hold();
    await damage();
    assert.deepEqual(await three.store.restore(), { held: 0, detached: 0, corrupt: 0 }, 'nothing is lost');
    assert.deepEqual(await corrupt(), ['a.json.corrupt']);
    one.release();
    two.release();
    await three.sees(() => three.store.get('a')?.state === 'running');
    job.transition('succeed', { finishedAt: 5, commandTag: 'SELECT' });
    await Promise.all([two.store.require('a').ended, three.store.require('a').ended]);
    await job.saved;
    assert.deepEqual([one.lost, one.removed, two.removed], [[], [], []]);
    assert.equal((await onDisk('a.json'))?.state, 'succeeded');
    await one.close();
    assert.deepEqual(await corrupt(), [], 'what was set aside is no longer needed');
  });

  it('of an adopted job are written again in its epoch', async () => {
    const one = open('one');
    await running(one);
    await one.close();
    const two = open('two');
    await two.store.restore();
    await two.store.require('a').saved;
    await damage('a.1.json');
    assert.equal((await intact('a.1.json')).state, 'detached');
    assert.deepEqual([two.lost, two.removed], [[], []]);
  });

  it('of a finished job without an owner are written again by a window that lists it', async () => {
    const one = open('one');
    (await one.run('a')).transition('cancel', { finishedAt: 1 });
    await one.close();
    const two = open('two');
    await two.store.restore();
    await damage();
    assert.equal((await intact()).state, 'canceled');
    assert.deepEqual(two.removed, []);
  });

  it('whose owner is gone are reported as lost by a window that knows the job, which does not launch it', async () => {
    const [one, two] = [open('one'), open('two')];
    const waits = await one.run('a');
    const done = await one.run('b');
    done.transition('cancel', { finishedAt: 1 });
    await Promise.all([waits.saved, done.saved]);
    await two.store.restore();
    one.hold();
    await damage('a.json');
    await damage('b.json');
    await one.die();
    const job = two.store.require('a');
    await job.ended;
    assert.deepEqual(
      [job.state, job.record.reason?.code, job.mirrored, two.restored],
      ['lost', 'jobs.recordDamaged', false, []],
    );
    await Promise.all(two.store.jobs.map(({ saved }) => saved));
    const three = open('three');
    await three.store.restore();
    assert.deepEqual(
      three.store.jobs.map(({ id, state }) => [id, state]),
      [
        ['a', 'lost'],
        ['b', 'canceled'],
      ],
    );
  });

  it('and their rows are kept until their owner has written them again', async () => {
    const one = open('one');
    await running(one);
    one.hold();
    await damage();
    const two = open('two');
    await two.store.restore();
    assert.equal(await two.history.idsIfAlone(), undefined, 'another window may have jobs that are not on disk');
    await one.die();
    const three = open('three');
    await two.close();
    assert.deepEqual([...((await three.history.idsIfAlone()) ?? [])], ['a']);
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canMount, withSmallDisk } from '../smallDisk';
import { openWindows, type OpenWindow } from './openWindows';

describe('mirrored jobs', () => {
  let parent: string;
  let folder: string;
  let open: (windowId: string) => OpenWindow;
  let closeAll: () => Promise<void>;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'pgbg-mirrors-'));
    folder = join(parent, 'workspaces', 'w', 'jobs');
    ({ open, closeAll } = openWindows(folder));
  });
  afterEach(async () => {
    await closeAll();
    await rm(parent, { recursive: true, force: true });
  });

  it('show a job with its state, its progress, and its messages, as another window changes them', async () => {
    const [one, two] = [open('one'), open('two')];
    const before = await one.run('before');
    await two.store.restore();
    const mirror = two.store.require('before');
    assert.equal(mirror.mirrored, true);
    before.transition('launch');
    before.transition('launched', { pid: 7 });
    await two.sees(() => mirror.state === 'running' && mirror.record.pid === 7);
    before.update({ progress: { pct: 50, message: 'half' } }, { durable: false });
    await two.sees(() => mirror.record.progress?.pct === 50);
    void before.addNotice({ at: 1, severity: 'NOTICE', message: 'hello' });
    await two.sees(() => mirror.record.noticeCount === 1 && mirror.notices[0]?.message === 'hello');
    before.transition('succeed', { finishedAt: 5, commandTag: 'SELECT' });
    await two.sees(() => mirror.state === 'succeeded');
    await mirror.ended;
    const later = await one.run('later');
    await two.sees(() => two.store.get('later')?.state === 'queued');
    later.transition('cancel', { finishedAt: 1 });
    await two.store.require('later').ended;
    await one.close();
    assert.deepEqual(
      (await readdir(folder)).filter((name) => !name.endsWith('.json')).sort(),
      ['before.notices.ndjson', 'windows'],
      'no file of live facts is left',
    );
  });

  it('appear in a window that has found no folder, which until then creates nothing', async () => {
    const two = open('two');
    await two.store.restore();
    assert.deepEqual(await readdir(parent), []);
    const one = open('one');
    const job = await one.run('a');
    await two.sees(() => two.store.get('a')?.mirrored === true);
    job.transition('cancel', { finishedAt: 1 });
    await two.store.require('a').ended;
  });

  it('appear in a window that has found only finished jobs', async () => {
    const gone = open('gone');
    (await gone.run('old')).transition('cancel', { finishedAt: 1 });
    await gone.close();
    const two = open('two');
    await two.store.restore();
    assert.deepEqual(await readdir(join(folder, 'windows')), []);
    await open('one').run('new');
    await two.sees(() => two.store.get('new')?.mirrored === true);
    assert.deepEqual(
      two.store.jobs.map(({ id, mirrored }) => [id, mirrored]),
      [
        ['old', false],
        ['new', true],
      ],
    );
  });

  it('are pinned and cleared in all windows', async () => {
    const [one, two] = [open('one'), open('two')];
    const job = await one.run('a');
    job.transition('cancel', { finishedAt: 1 });
    await job.saved;
    await two.store.restore();
    await two.store.setPinned(two.store.require('a'), true);
    await one.sees(() => job.pinned);
    await one.store.setPinned(job, false);
    await two.sees(() => !two.store.require('a').pinned);
    // The other window has not noticed it yet.
    await one.store.setPinned(job, true);
    assert.equal(await two.store.clearFinished(), 0);
    await one.store.setPinned(job, false);
    await two.sees(() => !two.store.require('a').pinned);
    assert.equal(await two.store.clearFinished(), 1);
    await one.sees(() => one.store.jobs.length === 0);
    await two.sees(() => two.store.jobs.length === 0);
    assert.deepEqual(await readdir(folder), ['windows']);
  });

  it('are handed over to exactly one window when their owner exits', async () => {
    const [one, two, three] = [open('one'), open('two'), open('three')];
    await one.run('waits');
    const ran = await one.run('ran');
    ran.transition('launch');
    ran.transition('launched', { pid: 7 });
    await ran.saved;
    for (const { store } of [two, three]) await store.restore();
    await one.close();
    const windows = [two, three];
    const ownersOf = (id: string) => windows.filter(({ store }) => store.get(id)?.mirrored === false);
    const adopted = (): boolean => {
      const [a = [], b = []] = windows.map(({ store }) =>
        store.jobs.map(({ record }) => `${record.owner} ${record.state}`),
      );
      return ![...a, ...b].some((record) => record.startsWith('one ')) && a.join() === b.join();
    };
    // Both windows see the same, whichever of them adopted which job.
    await Promise.all(windows.map(({ sees }) => sees(adopted)));
    assert.deepEqual([ownersOf('waits').length, ownersOf('ran').length], [1, 1]);
    assert.deepEqual(
      windows.map(({ store }) => store.require('ran').state),
      ['detached', 'detached'],
    );
    const [owner] = ownersOf('waits');
    const other = owner === two ? three : two;
    owner!.store.require('waits').transition('cancel', { finishedAt: 1 });
    await other.store.require('waits').ended;
  });

  it('become mirrored in a window that was replaced, and show what its successor writes', async () => {
    const one = open('one');
    const job = await one.run('a');
    const two = open('two');
    await two.store.restore();
    const mirror = two.store.require('a');
    assert.equal(await two.store.takeQueued(mirror), true);
    await one.sees(() => one.lost.includes('a'));
    mirror.transition('cancel', { finishedAt: 1 });
    await job.ended;
    assert.deepEqual([job.mirrored, job.state, job.record.owner], [true, 'canceled', 'two']);
  });

  it('reach their owner with commands, which it removes', async () => {
    const [one, two] = [open('one'), open('two')];
    await one.run('a');
    await two.store.restore();
    await two.history.commands.send('a', { command: 'cancel', graceMs: 5, at: 3 });
    await one.sees(() => one.commands.includes('a'));
    const [command, ...others] = await one.history.commands.pending('a');
    assert.deepEqual([command?.command, command?.graceMs, command?.by, others], ['cancel', 5, 'two', []]);
    await one.history.commands.remove(command!.file);
    for (const name of ['a.x.command', 'a.y.command', 'a.y-kill-5.command']) {
      await writeFile(join(folder, name), name.startsWith('a.x') ? 'damaged' : '');
    }
    assert.deepEqual(await one.history.commands.pending('a'), []);
    assert.ok(!(await readdir(folder)).some((name) => name.endsWith('.command')));
  });

  // Reported as skipped without permission to mount.
  (canMount() ? it : it.skip)('reach their owner on a full disk too', async () => {
    await withSmallDisk(async (disk) => {
      const small = openWindows(disk);
      const [one, two] = [small.open('one'), small.open('two')];
      await one.run('a');
      await two.store.restore();
      await writeFile(join(disk, 'other'), Buffer.alloc(2_000_000)).catch(() => undefined);
      const commands = ['cancel', 'detach', 'runNext', 'resume'] as const;
      for (const command of commands) {
        await two.history.commands.send('a', { command, at: 1, ...(command === 'cancel' && { graceMs: 5 }) });
      }
      await one.sees(() => one.commands.includes('a'));
      const pending = await one.history.commands.pending('a');
      assert.deepEqual(pending.map(({ command }) => command).sort(), [...commands].sort());
      assert.equal(pending.find(({ command }) => command === 'cancel')?.graceMs, 5);
      assert.deepEqual(await one.history.commands.pending('b'), []);
      await rm(join(disk, 'other'));
      await small.closeAll();
    });
  });
});

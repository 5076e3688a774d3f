import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownIdentity } from '../../../src/core/jobs/store/processIdentity';
import { WindowRegistry } from '../../../src/core/jobs/store/windowRegistry';
import { FakeClock } from './fakes';

/** A process id that no process has: beyond Linux's largest. */
const NO_PROCESS = 2 ** 30;

describe('window registry', () => {
  let parent: string;
  let folder: string;
  let clock: FakeClock;
  const opened: WindowRegistry[] = [];

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'pgbg-registry-'));
    folder = join(parent, 'jobs', 'windows');
    clock = new FakeClock();
    clock.step = Date.now() - clock.monotonic();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((registry) => registry.leave()));
    await rm(parent, { recursive: true, force: true });
  });

  function open(windowId: string, resumed?: () => void): WindowRegistry {
    const registry = new WindowRegistry({ folder, windowId, clock, ...(resumed && { resumed }) });
    opened.push(registry);
    return registry;
  }

  const write = async (name: string, content: unknown, ageMs = 0): Promise<void> => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), JSON.stringify(content));
    const time = (clock.now() - ageMs) / 1000;
    await utimes(join(folder, name), time, time);
  };

  it('creates nothing before the window is registered, and leaves nothing', async () => {
    const registry = open('w');
    assert.equal((await registry.others()).living.size, 0);
    assert.deepEqual([await readdir(parent), clock.timers.size], [[], 0]);
    await registry.enter();
    const identity = JSON.parse(await readFile(join(folder, 'w'), 'utf8')) as object;
    assert.deepEqual(identity, { ...(await ownIdentity()) });
    assert.equal(clock.timers.size, 1);
    await registry.leave();
    assert.deepEqual([await readdir(folder), clock.timers.size], [[], 0]);
  });

  it('stays gone after it left, whatever was being written', async () => {
    const registry = open('w');
    await registry.enter();
    await rm(join(folder, 'w'));
    // The heartbeat finds no file and writes it again.
    await clock.move(5000);
    const focused = registry.noteFocus();
    assert.equal(await registry.leave(), true);
    await focused;
    await assert.rejects(registry.enter(), /has closed/);
    assert.deepEqual([await readdir(folder), clock.timers.size], [[], 0]);
  });

  it('judges a window of this host by its process, however old its heartbeat is', async () => {
    const own = await ownIdentity();
    await write('suspended', own, 3_600_000);
    await write('ended', { ...own, pid: NO_PROCESS });
    if (own.startTime !== undefined) await write('reused', { ...own, startTime: '1' });
    const { living, dead, checkAgainMs } = await open('w').others();
    assert.deepEqual([[...living], checkAgainMs], [['suspended'], undefined]);
    assert.ok(dead.has('ended') && dead.has('reused') === (own.startTime !== undefined));
    assert.deepEqual(await readdir(folder), ['suspended']);
  });

  it('understands the files of older versions, which have only a process id', async () => {
    await write('alive', { pid: process.pid }, 60_000);
    await write('ended', { pid: NO_PROCESS });
    const { living, dead } = await open('w').others();
    assert.deepEqual([[...living], [...dead]], [['alive'], ['ended']]);
  });

  it('judges a window of another host by its heartbeat, after it had the time for another one', async () => {
    const elsewhere = { pid: process.pid, host: 'another-host' };
    await write('fresh', elsewhere, 10_000);
    await write('silent', elsewhere, 30_000);
    await write('slept', elsewhere, 30_000);
    const registry = open('w');
    const first = await registry.others();
    assert.deepEqual([...first.living].sort(), ['fresh', 'silent', 'slept']);
    assert.equal(first.checkAgainMs, 7500);
    await clock.move(7500);
    await write('fresh', elsewhere);
    await write('slept', elsewhere);
    const second = await registry.others();
    assert.deepEqual([[...second.living].sort(), [...second.dead]], [['fresh', 'slept'], ['silent']]);
  });

  it('does not take a heartbeat from the future for a fresh one', async () => {
    const elsewhere = { pid: process.pid, host: 'another-host' };
    const ahead = -3_600_000;
    await write('gone', elsewhere, ahead);
    await write('fast', elsewhere, ahead);
    const registry = open('w');
    assert.deepEqual([...(await registry.others()).living].sort(), ['fast', 'gone']);
    await clock.move(7500);
    await write('fast', elsewhere, ahead);
    const { living, dead } = await registry.others();
    assert.deepEqual([[...living], [...dead]], [['fast'], ['gone']]);
  });

  it('gives a window whose file is damaged the same time', async () => {
    await write('damaged', 5, 30_000);
    const registry = open('w');
    assert.equal((await registry.others()).checkAgainMs, 7500);
    await clock.move(7500);
    assert.deepEqual([...(await registry.others()).dead], ['damaged']);
  });

  it('reports when this process was suspended, and registers again if its file was removed', async () => {
    let resumed = 0;
    const registry = open('w', () => resumed++);
    await registry.enter();
    await clock.move(20_000);
    assert.equal(resumed, 0);
    await rm(join(folder, 'w'));
    clock.step += 60_000;
    await clock.move(5000);
    assert.equal(resumed, 1);
    while (!(await readdir(folder)).includes('w')) await new Promise((resolve) => setImmediate(resolve));
  });

  it('finds the window that had the focus last, and creates nothing for an unregistered one', async () => {
    const [first, second, unregistered] = [open('first'), open('second'), open('unregistered')];
    await first.enter();
    await second.enter();
    const lastFocused = async (): Promise<boolean[]> =>
      Promise.all([first, second, unregistered].map((registry) => registry.isLastFocused()));
    await second.noteFocus();
    assert.deepEqual(await lastFocused(), [false, true, false]);
    await clock.move(1);
    await first.noteFocus();
    assert.deepEqual(await lastFocused(), [true, false, false]);
    await clock.move(1);
    await unregistered.noteFocus();
    assert.deepEqual((await readdir(folder)).sort(), ['first', 'second']);
    await first.leave();
    assert.equal(await second.isLastFocused(), true);
  });

  it('chooses one window if none had the focus, or several had it at the same time', async () => {
    const [first, second] = [open('first'), open('second')];
    await first.enter();
    await second.enter();
    assert.deepEqual([await first.isLastFocused(), await second.isLastFocused()], [true, false]);
    await first.noteFocus();
    await second.noteFocus();
    assert.deepEqual([await first.isLastFocused(), await second.isLastFocused()], [true, false]);
  });
});

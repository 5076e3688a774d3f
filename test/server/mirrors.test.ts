import assert from 'node:assert/strict';
import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job } from '../../src/core/jobs/job';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import { bundled } from './child';
import { IMPATIENT, WindowProcess } from './sharedStore';
import { eventually, newDatabase, newEngine, sharedServer, type Engine, type TestServer } from './support';

describe('jobs of another window', function () {
  this.timeout(120_000);
  let server: TestServer;
  let profile: ConnectionProfile;
  let folder: string;
  let file: string;
  let one: WindowProcess;
  let two: Engine;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-mirrors-'));
    file = await bundled('window.entry.ts', folder);
    one = await WindowProcess.start(file, profile, folder);
    two = await newEngine(profile, { folder, clock: IMPATIENT, graceMs: 20_000 });
    await two.jobs.restore();
  });
  afterEach(async () => {
    await one.kill();
    await two.close();
  });

  /** Resolves when a condition holds, which is checked whenever a job changes in the second window. */
  const sees = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        for (const listener of listeners) listener.dispose();
        resolve();
      };
      const listeners = [two.jobs.onDidChange(check), two.jobs.onDidRemove(check)];
      check();
    });
  /** The first job in the second window, in one of the states. */
  const mirror = async (...states: string[]): Promise<Job> => {
    await sees(() => two.jobs.jobs.some(({ state }) => states.includes(state)));
    const [job] = two.jobs.jobs;
    assert.equal(job!.mirrored, true);
    return job!;
  };
  const inOwner = async (): Promise<readonly string[]> => (await one.list()).map(([, state]) => state);
  const command = async (): Promise<string[]> =>
    (await readdir(join(folder, 'jobs'))).filter((name) => name.endsWith('.command'));

  it('are shown with progress, messages, and outcome', async () => {
    await withGate(profile, async (gate) => {
      one.send({
        sql: `DO $$BEGIN PERFORM pg_background_report_progress(40, 'half'); RAISE NOTICE 'begun'; END$$;
              SELECT g, ${gate.wait} FROM generate_series(1, 3) AS g`,
      });
      const job = await mirror('running', 'reading');
      await sees(() => job.record.progress?.pct === 40);
      await gate.open();
      assert.equal((await two.jobs.waitFor(job.id)).state, 'succeeded');
      assert.equal(job.record.rowCount, 3);
      assert.deepEqual(
        job.notices.map(({ message }) => message),
        ['begun'],
      );
      assert.deepEqual((await two.rows(job)).length, 3);
    });
  });

  it('stay listed if their record is damaged, also in a window that opens then: their owner writes it again', async () => {
    await withGate(profile, async (gate) => {
      one.send({ sql: `SELECT g, ${gate.wait} FROM generate_series(1, 3) AS g` });
      const job = await mirror('running', 'reading');
      const removed: string[] = [];
      two.jobs.onDidRemove((ids) => removed.push(...ids));
      await writeFile(two.history.files(job.id).record, 'damaged');
      const three = await newEngine(profile, { folder, clock: IMPATIENT });
      assert.equal((await three.jobs.restore()).corrupt, 0);
      await eventually(() => Promise.resolve(three.jobs.get(job.id) !== undefined), 'the third window lists it');
      await gate.open();
      await Promise.all([job.ended, three.jobs.waitFor(job.id)]);
      assert.deepEqual([job.state, three.jobs.get(job.id)?.state, removed], ['succeeded', 'succeeded', []]);
      assert.equal((await three.rows(three.jobs.get(job.id)!)).length, 3);
      await three.close({ keep: true });
    });
  });

  it('show their rows while they arrive', async function () {
    // Without SIGSTOP, nothing could be certain while they arrive.
    if (process.platform === 'win32') return;
    one.send({ sql: "SELECT repeat('x', 100) FROM generate_series(1, 1000000) AS g" });
    const job = await mirror('reading');
    await sees(() => job.record.columns !== undefined);
    const reader = await two.files.open(job.id, job.record.columns);
    try {
      while ((await reader.status()).rows === 0) await new Promise(setImmediate);
      one.suspend();
      const { rows, complete, stopped } = await reader.status();
      assert.deepEqual([complete, stopped, rows < 1_000_000], [false, undefined, true]);
      assert.equal((await reader.rows(rows - 1, 1))[0]?.[0], 'x'.repeat(100));
      one.resume();
      await job.ended;
      const status = await reader.status();
      assert.deepEqual([status.rows, status.complete], [1_000_000, true]);
    } finally {
      await reader.close();
    }
  });

  it('are canceled by their owner', async () => {
    one.send({ sql: 'SELECT pg_sleep(100)' });
    const job = await mirror('running');
    assert.equal(await two.jobs.cancel(job.id), 'stopped');
    assert.equal(job.state, 'canceled');
    assert.deepEqual([await inOwner(), await command()], [['canceled'], []]);
  });

  it('are canceled in the queue of their owner', async () => {
    for (let i = 0; i < 3; i++) one.send({ sql: `SELECT pg_sleep(100), ${i}` });
    await sees(() => two.jobs.jobs.filter(({ state }) => state === 'running').length === 2);
    const job = two.jobs.jobs.find(({ state }) => state === 'queued')!;
    assert.equal(await two.jobs.cancel(job.id), 'stopped');
    assert.deepEqual([job.state, job.record.reason?.code], ['canceled', 'jobs.canceledBeforeLaunch']);
  });

  if (process.platform !== 'win32') {
    it('are canceled while their owner is suspended, which then reports them as canceled', async () => {
      one.send({ sql: 'SELECT pg_sleep(100)' });
      const job = await mirror('running');
      one.suspend();
      assert.equal(await two.jobs.cancel(job.id), 'stopped');
      assert.equal(job.state, 'running', 'only its owner knows the outcome');
      one.resume();
      await job.ended;
      assert.deepEqual(
        [job.state, job.record.stop, await inOwner(), await command()],
        ['canceled', undefined, ['canceled'], []],
      );
    });

    it('are taken out of the queue of an owner that is suspended', async () => {
      for (let i = 0; i < 3; i++) one.send({ sql: `SELECT pg_sleep(100), ${i}` });
      await sees(() => two.jobs.jobs.filter(({ state }) => state === 'running').length === 2);
      const job = two.jobs.jobs.find(({ state }) => state === 'queued')!;
      one.suspend();
      assert.equal(await two.jobs.cancel(job.id), 'stopped');
      assert.deepEqual([job.state, job.mirrored], ['canceled', false]);
      one.resume();
      await eventually(async () => (await inOwner())[2] === 'canceled', 'the owner shows it');
    });
  }

  it('are no longer tracked by their owner on request', async () => {
    await withGate(profile, async (gate) => {
      one.send({ sql: `SELECT ${gate.wait}` });
      const job = await mirror('running');
      two.jobs.detach(job.id);
      await sees(() => job.state === 'detached');
      assert.deepEqual(await inOwner(), ['detached']);
      await gate.open();
      await job.ended;
    });
  });

  it('are pinned and cleared from here', async () => {
    one.send({ sql: 'SELECT 1' });
    const job = await mirror('succeeded');
    await two.jobs.setPinned(job.id, true);
    assert.equal(await two.jobs.clearFinished(), 0);
    assert.equal(await two.jobs.clearFinished([job.id]), 1);
    await eventually(async () => (await one.list()).length === 0, 'the owner drops it');
    assert.deepEqual(await readdir(join(folder, 'rows')), []);
  });

  it('are adopted when their owner is gone', async () => {
    await withGate(profile, async (gate) => {
      one.send({ sql: `SELECT ${gate.wait}` });
      const job = await mirror('running');
      await one.kill();
      await sees(() => !job.mirrored);
      assert.equal(job.state, 'detached');
      await gate.open();
      await job.ended;
      assert.equal(job.state, 'finished');
    });
  });

  it('run next, and are resumed, on request', async () => {
    await two.close({ keep: true });
    await one.kill();
    // Held, because its first owner is gone.
    const first = await WindowProcess.start(file, profile, folder);
    for (let i = 0; i < 4; i++) first.send({ sql: `SELECT pg_sleep(100), ${i}` });
    await eventually(async () => (await first.list()).filter(([, state]) => state === 'running').length === 2, 'runs');
    await first.kill();
    one = await WindowProcess.start(file, profile, folder);
    two = await newEngine(profile, { folder, clock: IMPATIENT });
    await two.jobs.restore();
    await sees(() => two.jobs.jobs.filter(({ record }) => record.held).length === 2);
    const [third, last] = two.jobs.jobs.filter(({ record }) => record.held);
    assert.deepEqual([third?.mirrored, last?.mirrored], [true, true]);
    // Their places are free when their workers have ended.
    const detached = two.jobs.jobs.filter(({ state }) => state === 'detached');
    await Promise.all(detached.map(({ id }) => two.jobs.cancel(id)));
    two.jobs.runNext(last!.id);
    await sees(() => last!.state === 'running');
    assert.equal(third!.state, 'queued');
    two.jobs.resumeHeld();
    await sees(() => third!.state === 'running');
    await Promise.all(two.jobs.jobs.map((job) => two.jobs.cancel(job.id)));
  });

  it('are seen on another host, whose windows only show a heartbeat', async () => {
    const far = await WindowProcess.start(file, profile, folder, 'far');
    try {
      far.send({ sql: 'SELECT pg_sleep(100)' });
      const job = await mirror('running');
      assert.equal((await two.history.others()).remote, true);
      assert.equal(await two.jobs.cancel(job.id), 'stopped');
      assert.equal(job.state, 'canceled');
    } finally {
      await far.kill();
    }
  });
});

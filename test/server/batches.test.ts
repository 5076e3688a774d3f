import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchOptions } from '../../src/core/jobs/batches/batchPart';
import type { Job } from '../../src/core/jobs/job';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import { bundled } from './child';
import { counted, IMPATIENT, WindowProcess } from './sharedStore';
import {
  atWork,
  eventually,
  newDatabase,
  newEngine,
  sharedServer,
  until,
  reaches,
  type Engine,
  type TestServer,
} from './support';

describe('batches', function () {
  this.timeout(120_000);
  let server: TestServer;
  let profile: ConnectionProfile;
  let folder: string;
  const engines: Engine[] = [];
  const windows: WindowProcess[] = [];

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    await server.psql('CREATE TABLE launches (job text, n serial)', { database: profile.database! });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-batches-'));
    await server.psql('TRUNCATE launches', { database: profile.database! });
  });
  afterEach(async () => {
    await Promise.all(windows.splice(0).map((window) => window.kill()));
    await Promise.all(engines.splice(0).map((engine) => engine.close({ keep: true })));
    await rm(folder, { recursive: true, force: true });
  });

  async function open(maxConcurrentJobs = 4): Promise<Engine> {
    const engine = await newEngine(profile, { folder, clock: IMPATIENT, maxConcurrentJobs });
    engines.push(engine);
    return engine;
  }

  async function close(engine: Engine): Promise<void> {
    engines.splice(engines.indexOf(engine), 1);
    await engine.close({ keep: true });
  }

  /** Starts a batch whose statements share a session. */
  function start(engine: Engine, texts: readonly string[], options: Partial<BatchOptions> = {}): readonly Job[] {
    const statements = texts.map((sql) => ({
      request: { sql, label: sql.slice(0, 20), connection: profile.name },
      session: { key: 0 },
    }));
    return engine.jobs.runBatch(statements, { label: 'batch', parallel: 1, onFailure: 'stop', ...options });
  }

  const launched = async (): Promise<readonly string[]> => {
    const listed = await server.psql("SELECT coalesce(string_agg(job, ',' ORDER BY n), '') FROM launches", {
      database: profile.database!,
    });
    return listed === '' ? [] : listed.split(',');
  };
  const states = (jobs: readonly Job[]): readonly string[] => jobs.map(({ state }) => state);
  const runs = ({ state }: Job): boolean => ['launching', 'running', 'reading'].includes(state);

  it('run in order, one at a time, while other jobs run beside them', async () => {
    const engine = await open();
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    let maxRunning = 0;
    let jobs: readonly Job[] = [];
    engine.jobs.onDidChange(() => (maxRunning = Math.max(maxRunning, jobs.filter(runs).length)));
    await withGate(profile, async (gate) => {
      const beside = engine.run(`SELECT ${gate.wait}`);
      jobs = start(engine, keys.map(counted));
      await Promise.all(jobs.map(({ ended }) => ended));
      assert.equal(beside.final, false);
    });
    assert.ok(jobs.every(({ state }) => state === 'succeeded'));
    assert.deepEqual([await launched(), maxRunning], [keys, 1]);
  });

  it('run as many at a time as requested, and no more than the connection allows', async () => {
    for (const [limit, parallel] of [
      [4, 3],
      [2, 5],
    ] as const) {
      const engine = await open(limit);
      await withGate(profile, async (gate) => {
        const jobs = start(engine, Array(6).fill(`SELECT ${gate.wait}`) as string[], { parallel });
        let maxRunning = 0;
        engine.jobs.onDidChange(() => (maxRunning = Math.max(maxRunning, jobs.filter(runs).length)));
        const allowed = Math.min(limit, parallel);
        await Promise.all(jobs.slice(0, allowed).map((job) => reaches(engine.jobs, job, 'running')));
        assert.deepEqual(states(jobs.slice(allowed)), Array(6 - allowed).fill('queued'));
        await gate.open();
        await Promise.all(jobs.map(({ ended }) => ended));
        assert.ok(jobs.every(({ state }) => state === 'succeeded'));
        assert.equal(maxRunning, allowed);
      });
      await close(engine);
    }
  });

  it('stop at a failure: the rest is never launched, also after a reload', async () => {
    const engine = await open();
    const jobs = start(engine, [counted('a'), 'SELECT 1/0', counted('b'), counted('c')]);
    await Promise.all(jobs.map(({ ended }) => ended));
    const expected = { code: 'jobs.batchStopped', params: { label: 'SELECT 1/0', state: 'failed' } };
    assert.deepEqual(states(jobs), ['succeeded', 'failed', 'canceled', 'canceled']);
    assert.deepEqual(
      jobs.slice(2).map(({ record }) => [record.launchSentAt, record.reason]),
      [
        [undefined, expected],
        [undefined, expected],
      ],
    );
    await close(engine);
    const again = await open();
    await again.jobs.restore();
    assert.deepEqual(states(again.jobs.jobs), states(jobs));
    assert.deepEqual(await launched(), ['a']);
    assert.deepEqual(
      again.jobs.batchOf(again.jobs.jobs[2]!).map(({ record }) => record.batch?.index),
      [0, 1, 2, 3],
    );
  });

  it('continue after a failure if requested, with the settings of the statements that succeeded', async () => {
    const engine = await open();
    await server.psql('CREATE ROLE batch_role; GRANT batch_role TO CURRENT_USER', { database: profile.database! });
    const jobs = start(
      engine,
      [
        "SET work_mem = '5MB'",
        "SET search_path = 'a'; SELECT 1/0",
        'SET ROLE batch_role',
        "SELECT current_setting('work_mem'), current_setting('search_path'), current_user",
        'SELECT nosuch',
      ],
      { onFailure: 'continue' },
    );
    await Promise.all(jobs.map(({ ended }) => ended));
    assert.deepEqual(states(jobs), ['succeeded', 'failed', 'succeeded', 'succeeded', 'failed']);
    assert.deepEqual(await engine.rows(jobs[3]!), [['5MB', '"$user", public', 'batch_role']]);
    const { request, error } = jobs[4]!.record;
    assert.equal(request.sql.slice(error!.position), 'nosuch');
  });

  it('are held by a reload, and then wait for the statement that still runs', async () => {
    await withGate(profile, async (gate) => {
      const first = await open();
      const jobs = start(first, [counted('a'), `SELECT ${gate.wait}`, counted('b'), counted('c')], {
        onFailure: 'continue',
      });
      await atWork(first, jobs[1]!);
      await close(first);
      const second = await open();
      assert.deepEqual(await second.jobs.restore(), { held: 2, detached: 1, corrupt: 0 });
      const again = second.jobs.batchOf(second.jobs.get(jobs[0]!.id)!);
      second.jobs.resumeHeld();
      await second.ended('SELECT 1');
      assert.deepEqual(states(again), ['succeeded', 'detached', 'queued', 'queued']);
      await gate.open();
      await Promise.all(again.map(({ ended }) => ended));
      assert.deepEqual(states(again), ['succeeded', 'finished', 'succeeded', 'succeeded']);
      assert.deepEqual(await launched(), ['a', 'b', 'c']);
    });
  });

  it('wait for the user if the outcome of a statement is unknown, e.g. after a reload', async () => {
    await withGate(profile, async (gate) => {
      const first = await open();
      const jobs = start(first, [`SELECT ${gate.wait}`, counted('b')]);
      await atWork(first, jobs[0]!);
      await close(first);
      const second = await open();
      await second.jobs.restore();
      const again = second.jobs.batchOf(second.jobs.get(jobs[0]!.id)!);
      await gate.open();
      await again[0]!.ended;
      await second.ended('SELECT 1');
      assert.deepEqual(states(again), ['finished', 'queued']);
      assert.deepEqual([again[1]!.record.held, await launched()], [true, []]);
      second.jobs.resumeHeld();
      await again[1]!.ended;
    });
    assert.deepEqual(await launched(), ['b']);
  });

  it('wait for the user if tracking of a statement was stopped, so that its outcome is unknown', async () => {
    const engine = await open();
    await withGate(profile, async (gate) => {
      const jobs = start(engine, [`SELECT ${gate.wait}`, counted('b'), counted('c')]);
      await atWork(engine, jobs[0]!);
      engine.jobs.detach(jobs[0]!.id);
      await gate.open();
      await until(engine.jobs, jobs[2]!, () => jobs[2]!.record.held);
      assert.deepEqual(states(jobs), ['finished', 'queued', 'queued']);
      assert.deepEqual(jobs[2]!.record.reason, {
        code: 'jobs.batchUnknown',
        params: { label: jobs[0]!.record.label },
      });
      engine.jobs.resumeHeld();
      await Promise.all(jobs.map(({ ended }) => ended));
    });
    assert.deepEqual(await launched(), ['b', 'c']);
  });

  it('run a job after another one, also after one of another window', async () => {
    const file = await bundled('window.entry.ts', folder);
    const one = await WindowProcess.start(file, profile, folder);
    windows.push(one);
    const two = await open();
    await two.jobs.restore();
    await withGate(profile, async (gate) => {
      one.send({ sql: `SELECT ${gate.wait}` });
      await eventually(
        () => Promise.resolve(two.jobs.jobs[0]?.state === 'running'),
        'the job of the other window runs',
      );
      const [first] = two.jobs.jobs;
      const [after] = two.jobs.runAfter(
        first!.id,
        [{ sql: counted('after'), label: 'after', connection: profile.name }],
        'stop',
      );
      await two.ended('SELECT 1');
      assert.equal(after!.state, 'queued');
      await gate.open();
      await after!.ended;
      assert.deepEqual([first!.state, after!.state, await launched()], ['succeeded', 'succeeded', ['after']]);
    });
  });

  if (process.platform !== 'win32') {
    it('are shown in other windows, which continue them in order when their window is killed, each statement once', async () => {
      const file = await bundled('window.entry.ts', folder);
      const one = await WindowProcess.start(file, profile, folder);
      const others = [
        await WindowProcess.start(file, profile, folder),
        await WindowProcess.start(file, profile, folder),
      ];
      windows.push(one, ...others);
      const watching = await open();
      await watching.jobs.restore();
      for (const other of others) other.send({ resume: true });
      const keys = Array.from({ length: 30 }, (_, index) => `s${index}`);
      one.send({ batch: keys.map(counted) });
      await eventually(
        () => Promise.resolve(watching.jobs.jobs.filter(({ final }) => final).length >= 5),
        'some have ended',
      );
      await one.kill();
      const jobs = watching.jobs.jobs;
      assert.equal(watching.jobs.batchOf(jobs[0]!).length, 30);
      watching.jobs.resumeHeld();
      const resume = watching.jobs.onDidChange(() => watching.jobs.resumeHeld());
      await Promise.all(jobs.map(({ ended }) => ended));
      resume.dispose();
      // A launch that was cut off is never repeated, and only its own outcome is unknown.
      const unknown = jobs.filter(({ state }) => state !== 'succeeded');
      assert.ok(unknown.length <= 1, states(jobs).join());
      const known = new Set(jobs.filter(({ state }) => state === 'succeeded').map(({ record }) => record.request.sql));
      const found = await launched();
      assert.equal(new Set(found).size, found.length);
      assert.deepEqual(
        found.filter((key) => known.has(counted(key))),
        keys.filter((key) => known.has(counted(key))),
      );
    });
  }
});

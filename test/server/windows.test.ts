import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import { fuzzSeed, Random } from '../unit/sql/random';
import { bundled } from './child';
import { counted, IMPATIENT, onHost, WindowProcess } from './sharedStore';
import { eventually, newDatabase, newEngine, sharedServer, until, type Engine, type TestServer } from './support';

/** Random moments at which windows are suspended, resumed, killed, and started; set PGBG_WINDOW_MOMENTS=200 for the long form. */
const MOMENTS = Number(process.env['PGBG_WINDOW_MOMENTS'] ?? 20);
const MAX_WINDOWS = 4;

describe('windows that share a store', function () {
  // Without SIGSTOP there is nothing to test.
  if (process.platform === 'win32') return;
  // It only ends a test that hangs.
  this.timeout(300_000 + MOMENTS * 15_000);
  let server: TestServer;
  let profile: ConnectionProfile;
  let folder: string;
  let file: string;
  const windows: WindowProcess[] = [];

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    await server.psql('CREATE TABLE launches (job text)', { database: profile.database! });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-windows-'));
    file = await bundled('window.entry.ts', folder);
  });
  afterEach(async () => {
    await Promise.all(windows.splice(0).map((window) => window.kill()));
    await rm(folder, { recursive: true, force: true });
  });

  const start = async (host?: string): Promise<WindowProcess> => {
    const window = await WindowProcess.start(file, profile, folder, host);
    windows.push(window);
    return window;
  };
  const open = (host?: string): Promise<Engine> =>
    newEngine(profile, { folder, clock: IMPATIENT, ...(host !== undefined && { registry: onHost(host) }) });
  const launches = async (key: string): Promise<number> =>
    Number(await server.psql(`SELECT count(*) FROM launches WHERE job LIKE '${key}'`, { database: profile.database! }));
  /** The most launches of any one job. */
  const maxLaunches = async (): Promise<number> =>
    Number(
      await server.psql('SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM launches GROUP BY job) AS counts', {
        database: profile.database!,
      }),
    );

  it('do not replace a window of this host that is suspended', async () => {
    await withGate(profile, async (gate) => {
      const one = await start();
      one.send({ sql: `SELECT ${gate.wait}` });
      one.send({ sql: `SELECT ${gate.wait}` });
      one.send({ run: ['kept'] });
      await eventually(async () => (await one.list()).filter(([, state]) => state === 'running').length === 2, 'runs');
      one.suspend();
      const two = await open();
      // As if the window had been silent for an hour.
      const { living, dead } = await two.history.others();
      assert.deepEqual([living.size, dead.size], [1, 0]);
      assert.deepEqual(await two.jobs.restore(), { held: 0, detached: 0, corrupt: 0 });
      one.resume();
      await gate.open();
      await eventually(async () => (await launches('kept')) === 1, 'the suspended window launches its job');
      await two.close({ keep: true });
    });
  });

  it('replace a suspended window of another host, which then launches and writes nothing', async () => {
    await withGate(profile, async (gate) => {
      const one = await start('a');
      one.send({ sql: `SELECT ${gate.wait}` });
      one.send({ sql: `SELECT ${gate.wait}` });
      one.send({ run: ['moved'] });
      await eventually(async () => (await one.list()).filter(([, state]) => state === 'running').length === 2, 'runs');
      one.suspend();
      const two = await open('b');
      await two.jobs.restore();
      await eventually(() => Promise.resolve(two.jobs.jobs.every(({ mirrored }) => !mirrored)), 'the jobs are adopted');
      const moved = two.jobs.jobs.find(({ record }) => record.request.sql === counted('moved'))!;
      assert.deepEqual(
        two.jobs.jobs.map(({ state }) => state),
        ['detached', 'detached', 'queued'],
      );
      two.jobs.resumeHeld();
      await moved.ended;
      assert.equal(moved.state, 'succeeded');
      one.resume();
      await gate.open();
      await eventually(
        async () => (await one.list()).every(([, , mirrored]) => mirrored),
        'the replaced window only shows the jobs',
      );
      await Promise.all(two.jobs.jobs.map((job) => job.ended));
      assert.deepEqual(two.jobs.jobs.map(({ state }) => state).sort(), ['finished', 'finished', 'succeeded']);
      assert.equal(await launches('moved'), 1);
      await two.close({ keep: true });
    });
  });

  it('run at most as many jobs of a connection together as one window alone', async () => {
    await server.psql('CREATE TABLE spans (began timestamptz, ended timestamptz)', { database: profile.database! });
    const both = [await start(), await start()];
    /** The states of the jobs, each from the window that drives it. */
    const states = async (): Promise<string[]> =>
      (await Promise.all(both.map((window) => window.list())))
        .flat()
        .flatMap(([, state, mirrored]) => (mirrored ? [] : [state]));
    await withGate(profile, async (gate) => {
      for (let i = 0; i < 3; i++) {
        for (const window of both) {
          window.send({
            sql: `WITH b AS MATERIALIZED (SELECT clock_timestamp() AS began, ${gate.wait} AS waited)
                  INSERT INTO spans SELECT began, clock_timestamp() FROM b WHERE waited IS NOT NULL`,
          });
        }
      }
      const count = (found: readonly string[], state: string): number => found.filter((one) => one === state).length;
      await eventually(async () => {
        const found = await states();
        return count(found, 'running') === 2 && count(found, 'queued') === 4;
      }, 'two jobs run, and the others wait');
      const waiting = `SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database
                       WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()`;
      await eventually(
        async () => (await server.psql(waiting, { database: profile.database! })) === '2',
        'both have begun their SQL',
      );
      await gate.open();
      await eventually(async () => count(await states(), 'succeeded') === 6, 'all jobs of both windows run');
    });
    const overlapping = `SELECT max((SELECT count(*) FROM spans AS b WHERE b.began <= a.began AND b.ended > a.began)) FROM spans AS a`;
    assert.equal(await server.psql(overlapping, { database: profile.database! }), '2');
  });

  it('count the jobs that a killed window left running until their workers have ended', async () => {
    await withGate(profile, async (gate) => {
      const one = await start();
      for (let i = 0; i < 2; i++) one.send({ sql: `SELECT ${gate.wait}` });
      await eventually(async () => (await one.list()).filter(([, state]) => state === 'running').length === 2, 'runs');
      const two = await newEngine(profile, { folder, clock: IMPATIENT, maxConcurrentJobs: 2 });
      const job = two.run(counted('later'));
      await until(two.jobs, job, () => job.record.reason?.code === 'jobs.noPlace');
      assert.deepEqual([job.state, job.record.reason?.params], ['queued', { elsewhere: 2, limit: 2 }]);
      await one.kill();
      const own = (): number => two.jobs.jobs.filter(({ mirrored }) => !mirrored).length;
      await eventually(() => Promise.resolve(own() === 3), 'its jobs are adopted');
      assert.deepEqual(two.jobs.jobs.map(({ state }) => state).sort(), ['detached', 'detached', 'queued']);
      await gate.open();
      await job.ended;
      assert.equal(job.state, 'succeeded');
      assert.ok(
        two.jobs.jobs.some(({ state }) => state === 'finished'),
        'it waited for one of the workers',
      );
      await two.close({ keep: true });
    });
  });

  it(`never launch a job twice, whatever is suspended, resumed, killed, and started (${MOMENTS} moments)`, async () => {
    const seed = fuzzSeed();
    const random = new Random(seed);
    let jobs = 0;
    let hosts = 0;
    const alive: WindowProcess[] = [];
    const newWindow = async (): Promise<void> => {
      const window = await start(`host-${++hosts}`);
      window.send({ resume: true });
      alive.push(window);
    };
    const submit = (window: WindowProcess): void => {
      window.send({ run: Array.from({ length: 1 + random.below(3) }, () => `random-${++jobs}`) });
    };
    await newWindow();
    for (let moment = 0; moment < MOMENTS; moment++) {
      const awake = alive.filter((window) => !window.suspended);
      for (const window of awake) submit(window);
      if (random.below(4) === 0) awake[0]?.send({ cancel: random.below(100) });
      // Within the time of a launch.
      await pause(random.below(80));
      const target = alive[random.below(alive.length)];
      const action = random.below(4);
      if (target && action === 0 && alive.length > 1) {
        alive.splice(alive.indexOf(target), 1);
        await target.kill();
      } else if (target?.suspended === false && action !== 3) target.suspend();
      else if (target?.suspended === true) target.resume();
      if (alive.length < MAX_WINDOWS && alive.every((window) => window.suspended)) await newWindow();
      else if (alive.every((window) => window.suspended)) alive[0]?.resume();
      // Sometimes long enough that a suspended window is replaced.
      if (random.below(3) === 0) await pause(1200);
    }
    for (const window of alive) window.resume();
    await endsBySteps(async () => {
      const listed = (await Promise.all(alive.map((window) => window.list()))).flat();
      return listed.filter(([, state]) => ['queued', 'launching', 'running', 'reading'].includes(state));
    }, `the jobs of all windows (seed ${seed})`);
    await Promise.all(alive.map((window) => window.kill()));
    // What is left waits for a window.
    const last = await open('last');
    await last.jobs.restore();
    await eventually(async () => (await last.history.others()).living.size === 0, 'no other window is alive');
    await pause(500);
    last.jobs.resumeHeld();
    await endsBySteps(
      () =>
        Promise.resolve(
          last.jobs.jobs.filter((job) => !job.final && job.state !== 'detached').map(({ record }) => record),
        ),
      `what was left (seed ${seed})`,
    );
    await last.close({ keep: true });
    assert.equal(await maxLaunches(), 1, `seed ${seed}`);
    assert.ok((await launches('random-%')) > jobs / 4, `most jobs run (seed ${seed})`);
  });
});

/** Waits until nothing is left. On a slow machine that may take long, so it fails only if nothing changes for a minute. */
async function endsBySteps(left: () => Promise<readonly unknown[]>, what: string): Promise<void> {
  for (let before = '[]', since = Date.now(); ;) {
    const now = JSON.stringify(await left());
    if (now === '[]') return;
    if (now !== before) since = Date.now();
    else if (Date.now() - since > 60_000)
      throw new Error(`Nothing has changed for a minute: ${what}: ${now.slice(0, 5000)}`);
    before = now;
    await pause(100);
  }
}

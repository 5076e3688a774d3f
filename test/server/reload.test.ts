import { reasonOf } from '../reasonOf';
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../src/core/base/clock';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import { bundled } from './child';
import {
  atWork,
  eventually,
  newDatabase,
  newEngine,
  outcomeOf,
  repository,
  sharedServer,
  type TestServer,
} from './support';

describe('reload', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let folder: string;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-reload-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const open = (settings = {}) => newEngine(profile, { folder, graceMs: 20_000, ...settings });

  it('restores finished jobs with their outcome, rows, and messages', async () => {
    const first = await open();
    const good = await first.ended(
      "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'hello'; RETURN 5; END $$; SELECT pg_temp.f() AS five",
      { label: 'good' },
    );
    const bad = await first.ended('SELECT 1/0', { label: 'bad' });
    const stopped = first.run('SELECT pg_sleep(60)');
    await atWork(first, stopped);
    await first.jobs.cancel(stopped.id);
    await first.close({ keep: true });

    const second = await open();
    assert.deepEqual(await second.jobs.restore(), { held: 0, detached: 0, corrupt: 0 });
    assert.deepEqual(
      second.jobs.jobs.map((job) => job.record),
      [good.record, bad.record, stopped.record],
    );
    const again = second.jobs.get(good.id)!;
    assert.deepEqual(outcomeOf(again), ['succeeded', 'SELECT', 1, undefined]);
    assert.deepEqual(await second.rows(again), [['5']]);
    assert.deepEqual(
      again.notices.map(({ message }) => message),
      ['hello'],
    );
    assert.equal((await second.jobs.waitFor(bad.id)).record.error?.sqlstate, '22012');
    assert.equal(await second.jobs.clearFinished([good.id]), 1);
    assert.ok(
      ![...(await readdir(join(folder, 'jobs'))), ...(await readdir(join(folder, 'rows')))].join().includes(good.id),
    );
    await second.close({ keep: true });

    const third = await open({ keepFinishedJobs: 1 });
    await third.jobs.restore();
    assert.deepEqual(
      third.jobs.jobs.map((job) => job.id),
      [stopped.id],
    );
    await third.close({ keep: true });
  });

  it('detaches running jobs, which can be canceled and end as finished, and holds queued jobs', async () => {
    const { second, workers, queued } = await withGate(profile, async (gate) => {
      const first = await open({ maxConcurrentJobs: 3 });
      const short = first.run(`SELECT ${gate.wait}`);
      const long = first.run('SELECT pg_sleep(60)');
      const stubborn = first.run(gate.swallow);
      const last = first.run('SELECT 4 AS four');
      await Promise.all([atWork(first, short), atWork(first, long), atWork(first, stubborn, 'PgSleep')]);
      assert.equal(await first.jobs.cancel(stubborn.id, 100), 'unresponsive');
      await first.close({ keep: true });

      const again = await open({ maxConcurrentJobs: 3 });
      assert.deepEqual(await again.jobs.restore(), { held: 1, detached: 3, corrupt: 0 });
      const found = (id: string) => again.jobs.get(id)!;
      assert.deepEqual(
        [short, long, stubborn, last].map(({ id }) => found(id).state),
        ['detached', 'detached', 'unresponsive', 'queued'],
      );
      assert.equal(found(last.id).record.held, true);
      assert.match(reasonOf(found(short.id)), /^jobs\.reloaded/);
      assert.equal(await again.jobs.cancel(long.id), 'stopped');
      return { second: again, workers: [short, long, stubborn], queued: last };
    });
    const at = (id: string) => second.jobs.get(id)!;
    await Promise.all(workers.map(({ id }) => at(id).ended));
    assert.ok(workers.every(({ id }) => at(id).state === 'finished'));
    assert.equal(at(queued.id).state, 'queued');
    second.jobs.resumeHeld();
    await at(queued.id).ended;
    assert.deepEqual(outcomeOf(at(queued.id)), ['succeeded', 'SELECT', 1, undefined]);
    await second.close({ keep: true });
  });

  it('restores the jobs of a killed extension host', async () => {
    const child = fork(await bundled('child.entry.ts', folder), [JSON.stringify(profile), folder], {
      cwd: repository,
      env: { ...process.env, NODE_PATH: join(repository, 'node_modules') },
    });
    const ids = await new Promise<Record<string, string>>((resolve, reject) => {
      child.once('message', (message) => resolve(message as Record<string, string>));
      child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)));
    });
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;

    const engine = await open();
    const { held, detached, corrupt } = await engine.jobs.restore();
    assert.deepEqual({ held, detached, corrupt }, { held: 1, detached: 2, corrupt: 0 });
    const at = (name: string) => engine.jobs.get(ids[name]!)!;
    assert.deepEqual(outcomeOf(at('done')), ['succeeded', 'SELECT', 1, undefined]);
    assert.deepEqual(await engine.rows(at('done')), [['1']]);
    assert.deepEqual(
      [at('running').state, at('reading').state, at('queued').state],
      ['detached', 'detached', 'queued'],
    );
    assert.deepEqual(await engine.rows(at('reading')), [], 'the server sends rows only after the worker has ended');
    await Promise.all([engine.jobs.cancel(at('running').id), engine.jobs.cancel(at('reading').id)]);
    assert.deepEqual([at('running').state, at('reading').state], ['finished', 'finished']);
    await engine.close({ keep: true });
  });

  it('only shows the jobs of another window that is alive', async () => {
    const first = await open();
    const job = first.run('SELECT pg_sleep(60)');
    await atWork(first, job);
    const second = await open();
    assert.deepEqual(await second.jobs.restore(), { held: 0, detached: 0, corrupt: 0 });
    assert.deepEqual(
      second.jobs.jobs.map(({ id, mirrored }) => [id, mirrored]),
      [[job.id, true]],
    );
    await first.jobs.cancel(job.id);
    assert.equal(job.state, 'canceled');
    assert.equal((await second.jobs.waitFor(job.id)).state, 'canceled');
    await second.close({ keep: true });
    await first.close({ keep: true });
  });

  it('adopts the jobs of a window that is closed later, including finished ones', async () => {
    const first = await open();
    const job = first.run('SELECT pg_sleep(60)');
    const done = await first.ended("SELECT 'kept' AS word");
    await atWork(first, job);
    // Like the other window, but it checks for dead windows more often.
    const clock: Clock = {
      now: () => systemClock.now(),
      monotonic: () => systemClock.monotonic(),
      after: (ms, call) => systemClock.after(ms === 25_000 ? 100 : ms, call),
    };
    const second = await open({ clock });
    assert.deepEqual(await second.jobs.restore(), { held: 0, detached: 0, corrupt: 0 });
    assert.ok(
      second.jobs.jobs.every(({ mirrored }) => mirrored),
      'the jobs belong to another window',
    );
    const adopted = new Promise<void>((resolve) => {
      second.jobs.onDidChange(() => {
        if (second.jobs.get(job.id)?.state === 'detached') resolve();
      });
    });
    await first.close({ keep: true });
    await adopted;
    await eventually(
      () => Promise.resolve(second.jobs.get(done.id)?.mirrored === false),
      'the finished job is adopted too',
    );
    assert.deepEqual(await second.rows(second.jobs.get(done.id)!), [['kept']]);
    assert.equal(await second.jobs.cancel(job.id), 'stopped');
    assert.equal(second.jobs.get(job.id)!.state, 'finished');
    await second.close({ keep: true });
  });

  it('adopts a job in only one of two windows that open at once', async () => {
    const first = await open();
    const job = first.run('SELECT pg_sleep(60)');
    await atWork(first, job);
    await first.close({ keep: true });
    const both = await Promise.all([open(), open()]);
    const found = await Promise.all(both.map((engine) => engine.jobs.restore()));
    assert.equal(found[0]!.detached + found[1]!.detached, 1);
    const owner = both.find((engine) => engine.jobs.jobs.length === 1)!;
    assert.equal(await owner.jobs.cancel(job.id), 'stopped');
    for (const engine of both) await engine.close({ keep: true });
  });

  it('leaves no timer, connection, or pending write when it is closed at work, so that its process ends', async () => {
    const child = fork(await bundled('leaver.entry.ts', folder), [JSON.stringify(profile), folder], {
      cwd: repository,
      env: { ...process.env, NODE_PATH: join(repository, 'node_modules') },
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const left = await new Promise<Left>((resolve, reject) => {
      child.once('message', (message) => resolve(message as Left));
      child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)));
    });
    assert.deepEqual(left.before, ['running', 'canceling', 'detached', 'reading', 'launching']);
    assert.equal(left.timers, 0);
    assert.deepEqual(
      left.resources.filter((name) => /TCP|Timeout|FS/.test(name)),
      [],
    );
    assert.equal(await exited, 0);
    assert.deepEqual(await readdir(join(folder, 'jobs', 'windows')), [], 'the leaver ended');
    const sessions = `SELECT count(*) FROM pg_stat_activity WHERE datname = '${profile.database!}' AND backend_type = 'client backend'`;
    const worker = `SELECT count(*) FROM pg_stat_activity WHERE pid = ${left.canceled}`;
    await eventually(async () => (await server.psql(worker)) === '0', 'the cancel was sent before the window closed');
    // A session that waits for its worker notices only after the wait that its client is gone.
    await eventually(async () => (await server.psql(sessions)) === '0', 'no session is left');
    await server.psql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${profile.database!}' AND backend_type = 'pg_background'`,
    );
  });
});

/** The message of leaver.entry.ts. */
interface Left {
  readonly before: readonly string[];
  /** The pid of the worker whose cancel was requested just before. */
  readonly canceled: number;
  readonly timers: number;
  readonly resources: readonly string[];
}

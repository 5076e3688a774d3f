import { reasonOf } from '../reasonOf';
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import { bundled } from './child';
import { startNetwork, type Network } from './network';
import {
  atWork,
  eventually,
  newDatabase,
  newEngine,
  outcomeOf,
  reaches,
  repository,
  sharedServer,
  until,
  type Engine,
  type TestServer,
} from './support';

/** Shorter than in the product, so that a dead network is given up while a test waits. */
const SILENCE = { controlMs: 2000, sessionMs: 2500 };

describe('networks that fail', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let network: Network;
  let engine: Engine;

  before(async () => {
    server = await sharedServer();
  });
  beforeEach(async () => {
    profile = await newDatabase(server);
    await server.psql('CREATE TABLE runs (n int)', { database: profile.database! });
    network = await startNetwork(server);
    engine = await newEngine(
      { ...profile, host: network.host, port: network.port, connectTimeoutSeconds: 4 },
      { maxConcurrentJobs: 1, silence: SILENCE, graceMs: 20_000 },
    );
  });
  afterEach(async () => {
    await engine.close();
    await network.close();
  });

  const runs = () => server.psql('SELECT n, count(*) FROM runs GROUP BY n ORDER BY n', { database: profile.database! });

  it('goes silent under a running job: detached, found again, canceled; the queue goes on, nothing runs twice', async () => {
    const job = engine.run('INSERT INTO runs VALUES (1); SELECT pg_sleep(60)');
    const queued = engine.run('INSERT INTO runs VALUES (2)');
    await atWork(engine, job);
    network.hold();
    // Nobody is answered, so it may all come back: nothing is given up, and a cancel cannot be said to have been sent.
    await assert.rejects(engine.jobs.cancel(job.id), /server\.cancelUnanswered/);
    assert.equal(job.state, 'running');
    network.replace();
    assert.equal(await reaches(engine.jobs, job, 'detached'), 'detached');
    assert.match(reasonOf(job), /^jobs\.sessionLost: server\.connectionLost/);
    // The place of the job is free.
    engine.jobs.retryNow();
    await queued.ended;
    assert.deepEqual(outcomeOf(queued), ['succeeded', 'INSERT', 1, undefined]);
    assert.equal(job.state, 'detached', 'it is seen at work');
    assert.equal(await engine.jobs.cancel(job.id), 'stopped');
    assert.equal(job.state, 'finished');
    assert.equal(await runs(), '2|1');
  });

  it('stalls longer than any silence under running and reading jobs, and comes back: rows and outcomes are as ever', async () => {
    engine.settings.maxConcurrentJobs = 0;
    const [running, reading] = await withGate(profile, async (gate) => {
      const one = engine.run(`INSERT INTO runs SELECT 1 FROM ${gate.wait} RETURNING n`);
      const other = engine.run(
        `SELECT i, repeat('x', 2000) FROM generate_series(1, 1500) AS i UNION ALL SELECT 0, 'end' FROM ${gate.wait}`,
      );
      await atWork(engine, one);
      await reaches(engine.jobs, other, 'reading');
      network.hold();
      await gate.open();
      const waitedFor = (): boolean => engine.log.lines.some((line) => line.includes('waiting for it'));
      await eventually(() => Promise.resolve(waitedFor()), 'the silence was noticed');
      network.release();
      return [one, other];
    });
    await Promise.all([running.ended, reading.ended]);
    assert.deepEqual(outcomeOf(running), ['succeeded', 'INSERT', 1, undefined], reasonOf(running));
    assert.deepEqual(await engine.rows(running), [['1']]);
    assert.deepEqual(outcomeOf(reading), ['succeeded', 'SELECT', 1501, undefined], reasonOf(reading));
  });

  it('breaks under a running job and a reading one: both detached at once', async () => {
    engine.settings.maxConcurrentJobs = 0;
    const both = await withGate(profile, async (gate) => {
      const running = engine.run(`INSERT INTO runs VALUES (1); SELECT ${gate.wait}`);
      const reading = engine.run(
        `SELECT i, repeat('x', 2000) FROM generate_series(1, 1500) AS i UNION ALL SELECT 0, 'end' FROM ${gate.wait}`,
      );
      await atWork(engine, running);
      await reaches(engine.jobs, reading, 'reading');
      network.reset();
      await Promise.all([running, reading].map((job) => reaches(engine.jobs, job, 'detached')));
      return [running, reading];
    });
    engine.jobs.retryNow();
    await Promise.all(both.map((job) => job.ended));
    assert.deepEqual(
      both.map((job) => job.state),
      ['finished', 'finished'],
    );
    assert.equal(await runs(), '1|1', 'what ran on has committed');
  });

  it('brings the server’s last word right behind an answer: the job is lost with the server', async () => {
    await withGate(profile, async (gate) => {
      const job = engine.run(`SELECT ${gate.wait}`);
      await atWork(engine, job);
      network.crashAfter('pg_background_wait');
      assert.equal(await reaches(engine.jobs, job, 'detached'), 'lost');
      assert.match(reasonOf(job), /^jobs\.serverCrashed/);
    });
  });

  it('goes silent during the launch: it is not launched again, and that is said', async () => {
    await engine.ended('SELECT 1');
    const sprung = network.holdAfter('pg_background_launch');
    const job = engine.run('INSERT INTO runs VALUES (1)');
    await sprung;
    await job.ended;
    assert.equal(job.state, 'lost');
    assert.match(reasonOf(job), /^jobs\.lostDuringLaunch/);
    assert.equal(job.record.pid, undefined);
    const next = await engine.ended('INSERT INTO runs VALUES (2)');
    assert.equal(next.state, 'succeeded');
    await eventually(async () => (await runs()) === '1|1\n2|1', 'each ran once');
  });

  it('goes silent before the launch: it is tried again, and runs once', async () => {
    await engine.ended('SELECT 1');
    network.hold();
    const job = engine.run('INSERT INTO runs VALUES (1)');
    await until(engine.jobs, job, () => job.state === 'queued' && job.record.reason !== undefined);
    network.replace();
    engine.jobs.retryNow();
    await job.ended;
    assert.deepEqual(outcomeOf(job), ['succeeded', 'INSERT', 1, undefined]);
    assert.equal(await runs(), '1|1');
  });

  it('a laptop that sleeps longer than any silence is borne: its job is followed to the end', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pgbg-sleep-'));
    // Long enough that a slow machine is not taken for the silence.
    const silence = { controlMs: 4000, sessionMs: 5000 };
    const child = fork(
      await bundled('sleeper.entry.ts', folder),
      [JSON.stringify(engineProfile()), folder, JSON.stringify(silence)],
      { cwd: repository, env: { ...process.env, NODE_PATH: join(repository, 'node_modules') } },
    );
    try {
      assert.equal(await said(child), 'running');
      // The network sleeps too; what the server has sent comes a little after the waking.
      network.hold();
      child.kill('SIGSTOP');
      await pause(silence.sessionMs + 2500);
      child.kill('SIGCONT');
      await pause(300);
      network.release();
      assert.deepEqual(await said(child), ['succeeded', '7']);
    } finally {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    }
  });

  function engineProfile(): ConnectionProfile {
    return { ...profile, host: network.host, port: network.port };
  }
});

function said(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)));
  });
}

/** The time that somebody sleeps: there is no event to wait for. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

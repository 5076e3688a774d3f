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

/** Shorter timeouts than in the product, so that a dead connection is closed during a test. */
const TIMEOUTS = { controlMs: 2000, sessionMs: 2500 };

describe('a network failure', () => {
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
      { maxConcurrentJobs: 1, responseTimeouts: TIMEOUTS, graceMs: 20_000 },
    );
  });
  afterEach(async () => {
    await engine.close();
    await network.close();
  });

  const runs = () => server.psql('SELECT n, count(*) FROM runs GROUP BY n ORDER BY n', { database: profile.database! });

  it('that blocks the connection of a running job detaches the job, which can be canceled, and the queue continues', async () => {
    const job = engine.run('INSERT INTO runs VALUES (1); SELECT pg_sleep(60)');
    const queued = engine.run('INSERT INTO runs VALUES (2)');
    await atWork(engine, job);
    network.hold();
    // The server does not answer new connections either, so the link keeps waiting, and the cancel is reported as not sent.
    await assert.rejects(engine.jobs.cancel(job.id), /server\.cancelUnanswered/);
    assert.equal(job.state, 'running');
    network.replace();
    assert.equal(await reaches(engine.jobs, job, 'detached'), 'detached');
    assert.match(reasonOf(job), /^jobs\.sessionLost: server\.connectionLost/);
    // The job no longer counts toward the limit of concurrent jobs.
    engine.jobs.retryNow();
    await queued.ended;
    assert.deepEqual(outcomeOf(queued), ['succeeded', 'INSERT', 1, undefined]);
    assert.equal(job.state, 'detached', 'its worker is still active');
    assert.equal(await engine.jobs.cancel(job.id), 'stopped');
    assert.equal(job.state, 'finished');
    assert.equal(await runs(), '2|1');
  });

  it('that lasts longer than every timeout, but ends, changes neither the rows nor the outcomes of jobs', async () => {
    engine.settings.maxConcurrentJobs = 0;
    const [running, reading] = await withGate(profile, async (gate) => {
      const inserting = engine.run(`INSERT INTO runs SELECT 1 FROM ${gate.wait} RETURNING n`);
      const selecting = engine.run(
        `SELECT i, repeat('x', 2000) FROM generate_series(1, 1500) AS i UNION ALL SELECT 0, 'end' FROM ${gate.wait}`,
      );
      await atWork(engine, inserting);
      await reaches(engine.jobs, selecting, 'reading');
      network.hold();
      await gate.open();
      const waitedFor = (): boolean => engine.log.lines.some((line) => line.includes('waiting for it'));
      await eventually(() => Promise.resolve(waitedFor()), 'the timeout was noticed');
      network.release();
      return [inserting, selecting];
    });
    await Promise.all([running.ended, reading.ended]);
    assert.deepEqual(outcomeOf(running), ['succeeded', 'INSERT', 1, undefined], reasonOf(running));
    assert.deepEqual(await engine.rows(running), [['1']]);
    assert.deepEqual(outcomeOf(reading), ['succeeded', 'SELECT', 1501, undefined], reasonOf(reading));
  });

  it('that resets all connections detaches running and reading jobs at once', async () => {
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
    assert.equal(await runs(), '1|1', 'the worker kept running and committed');
  });

  it('with a termination notice directly after an answer loses the job, because the server crashed', async () => {
    await withGate(profile, async (gate) => {
      const job = engine.run(`SELECT ${gate.wait}`);
      await atWork(engine, job);
      network.crashAfter('pg_background_wait');
      assert.equal(await reaches(engine.jobs, job, 'detached'), 'lost');
      assert.match(reasonOf(job), /^jobs\.serverCrashed/);
    });
  });

  it('during a launch loses the job, which is never launched again, with a reason', async () => {
    await engine.ended('SELECT 1');
    const sent = network.holdAfter('pg_background_launch');
    const job = engine.run('INSERT INTO runs VALUES (1)');
    await sent;
    await job.ended;
    assert.equal(job.state, 'lost');
    assert.match(reasonOf(job), /^jobs\.lostDuringLaunch/);
    assert.equal(job.record.pid, undefined);
    const next = await engine.ended('INSERT INTO runs VALUES (2)');
    assert.equal(next.state, 'succeeded');
    await eventually(async () => (await runs()) === '1|1\n2|1', 'each ran once');
  });

  it('before a launch keeps the job in the queue, and it runs once', async () => {
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

  it('while the computer sleeps longer than every timeout does not stop the tracking of a job', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pgbg-sleep-'));
    // Long enough that a slow machine does not cause a timeout.
    const timeouts = { controlMs: 4000, sessionMs: 5000 };
    const child = fork(
      await bundled('sleeper.entry.ts', folder),
      [JSON.stringify(engineProfile()), folder, JSON.stringify(timeouts)],
      { cwd: repository, env: { ...process.env, NODE_PATH: join(repository, 'node_modules') } },
    );
    try {
      assert.equal(await nextMessage(child), 'running');
      // The network sleeps too: bytes from the server arrive shortly after the computer wakes up.
      network.hold();
      child.kill('SIGSTOP');
      await pause(timeouts.sessionMs + 2500);
      child.kill('SIGCONT');
      await pause(300);
      network.release();
      assert.deepEqual(await nextMessage(child), ['succeeded', '7']);
    } finally {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    }
  });

  function engineProfile(): ConnectionProfile {
    return { ...profile, host: network.host, port: network.port };
  }
});

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)));
  });
}

/** Waits for the time that a computer sleeps, because no event shows it. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

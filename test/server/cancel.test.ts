import { reasonOf } from '../reasonOf';
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import {
  atWork,
  eventually,
  newDatabase,
  newEngine,
  outcomeOf,
  reaches,
  sharedServer,
  type Engine,
  type TestServer,
} from './support';

describe('cancel', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    await server.psql(`ALTER DATABASE ${profile.database!} SET log_statement = 'all'`);
    engine = await newEngine(profile, { maxConcurrentJobs: 0, graceMs: 20_000 });
  });
  after(async () => {
    await engine.close();
    assert.equal(await server.crashes(), 0);
  });

  it('stops a running worker, whose job is then canceled', async () => {
    const job = engine.run('SELECT pg_sleep(60)');
    await atWork(engine, job);
    assert.equal(await engine.jobs.cancel(job.id), 'stopped');
    assert.equal(job.state, 'canceled');
    assert.ok(job.record.cancel!.signaledAt! >= job.record.cancel!.requestedAt);
    assert.ok(job.record.finishedAt! >= job.record.cancel!.signaledAt!);
    assert.equal(await engine.jobs.cancel(job.id), 'stopped', 'an ended job does not change');
  });

  it('removes a queued job, which then never runs', async () => {
    const narrow = await newEngine(profile, { maxConcurrentJobs: 1 });
    try {
      const first = narrow.run('SELECT pg_sleep(60)');
      const second = narrow.run('CREATE TABLE never_made (a int)');
      assert.equal(second.state, 'queued');
      assert.equal(await narrow.jobs.cancel(second.id), 'stopped');
      assert.equal(second.state, 'canceled');
      assert.equal(second.record.launchedAt, undefined);
      assert.ok(second.record.finishedAt !== undefined);
      await narrow.jobs.cancel(first.id);
      assert.equal(first.state, 'canceled');
    } finally {
      await narrow.close();
    }
  });

  it('stops a job that is being launched, and one that has just begun', async () => {
    for (let round = 0; round < 10; round++) {
      const job = engine.run('SELECT pg_sleep(60)');
      if (round % 2 === 1) await reaches(engine.jobs, job, 'running');
      else assert.equal(job.state, 'launching');
      assert.equal(await engine.jobs.cancel(job.id), 'stopped');
      assert.equal(job.state, 'canceled');
    }
    await eventually(async () => (await workers()) === 0, 'no worker runs on');
  });

  it('reports a job that ends well while it is canceled as succeeded', async () => {
    const jobs = Array.from({ length: 12 }, (_, i) => engine.run(`SELECT pg_sleep(${0.02 * i}), ${i} AS i`));
    await Promise.all(
      jobs.map(async (job) => {
        await reaches(engine.jobs, job, 'running', 'reading');
        await engine.jobs.cancel(job.id);
        assert.ok(['succeeded', 'canceled'].includes(job.state), JSON.stringify(job.record));
        if (job.state === 'succeeded') assert.equal((await engine.rows(job)).length, 1);
      }),
    );
  });

  it('stops a job whose rows are being read', async () => {
    const job = engine.run('SELECT i, pg_sleep(0.001) FROM generate_series(1, 100000) AS i');
    // Its queue is full at once, so the job is read while it runs.
    const other = engine.run("SELECT i, repeat('x', 1000), pg_sleep(0.0005) FROM generate_series(1, 100000) AS i");
    assert.equal(await reaches(engine.jobs, other, 'reading'), 'reading');
    assert.throws(() => engine.jobs.detach(other.id), /jobs\.detachWhileReading/);
    assert.equal(await engine.jobs.cancel(other.id), 'stopped');
    assert.equal(other.state, 'canceled');
    await engine.jobs.cancel(job.id);
    assert.equal(job.state, 'canceled');
  });

  it('lists a job that catches the cancel as unresponsive, with the reason, until it ends', async () => {
    const job = await withGate(profile, async (gate) => {
      const stubborn = engine.run(gate.swallow);
      await atWork(engine, stubborn, 'PgSleep');
      assert.equal(await engine.jobs.cancel(stubborn.id, 300), 'unresponsive');
      assert.equal(stubborn.state, 'unresponsive');
      assert.match(reasonOf(stubborn), /^jobs\.stuckCatchesCancel .*PgSleep/);
      return stubborn;
    });
    await job.ended;
    assert.deepEqual(outcomeOf(job), ['succeeded', 'DO', 0, undefined]);
    assert.equal(job.record.reason, undefined);
  });

  it('reports a job that catches the cancel and reaches its timeout as failed by the timeout', async () => {
    const job = engine.run(
      `DO $$ BEGIN BEGIN PERFORM pg_sleep(30); EXCEPTION WHEN query_canceled THEN NULL; END; PERFORM pg_sleep(30); END $$`,
      { statementTimeoutMs: 5000 },
    );
    await atWork(engine, job, 'PgSleep');
    await engine.jobs.cancel(job.id, 100);
    await job.ended;
    // Older servers do not time out again after the cancel was caught; then the second sleep is what a cancel ends.
    assert.equal(job.state, 'failed');
    assert.match(job.record.error!.message, /timeout/);
  });

  it('cancels a job again, with a longer grace window', async () => {
    const job = engine.run(
      `DO $$ BEGIN BEGIN PERFORM pg_sleep(30); EXCEPTION WHEN query_canceled THEN NULL; END; PERFORM pg_sleep(30); END $$`,
    );
    await atWork(engine, job, 'PgSleep');
    assert.equal(await engine.jobs.cancel(job.id, 200), 'unresponsive');
    assert.equal(await engine.jobs.cancel(job.id, 20_000), 'stopped');
    assert.equal(job.state, 'canceled');
    assert.equal(job.record.cancel!.graceMs, 20_000);

    const longer = await withGate(profile, async (gate) => {
      const patient = engine.run(gate.swallow);
      await atWork(engine, patient, 'PgSleep');
      const impatient = engine.jobs.cancel(patient.id, 50);
      const second = engine.jobs.cancel(patient.id, 30_000);
      assert.equal(await impatient, 'unresponsive');
      assert.equal(patient.state, 'canceling', 'the second grace window has not elapsed');
      return { second };
    });
    assert.equal(await longer.second, 'stopped');
  });

  it('shows a busy loop that never checks for interrupts as on CPU, and never kills it', async () => {
    await server.psql('CREATE EXTENSION IF NOT EXISTS plpython3u', { database: profile.database! });
    // The data folder is a place that the server can access and no other test uses.
    const stop = join(server.dataDir, 'the-loop-may-end');
    const job = engine.run(`DO LANGUAGE plpython3u $$\nimport os\nwhile not os.path.exists('${stop}'): pass\n$$`, {
      statementTimeoutMs: 300,
    });
    try {
      await atWork(engine, job);
      assert.equal(await engine.jobs.cancel(job.id, 300), 'unresponsive');
      assert.match(reasonOf(job), /^jobs\.stuckOnCpu$/);
    } finally {
      await writeFile(stop, '');
    }
    await job.ended;
    assert.ok(['succeeded', 'canceled', 'failed'].includes(job.state), job.state);
    assert.equal(await server.crashes(), 0);
  });

  it('shows which process holds the lock that a worker waits for', async () => {
    const database = profile.database!;
    await server.psql('CREATE TABLE wanted (a int)', { database });
    const holder = engine.run('LOCK TABLE wanted; SELECT pg_sleep(60)', { label: 'holder' });
    await atWork(engine, holder);
    const waiter = engine.run('INSERT INTO wanted VALUES (1)');
    await eventually(async () => {
      await engine.link.refresh();
      return (engine.jobs.activity(waiter)?.blockers.length ?? 0) > 0;
    }, 'the blocker is shown');
    const [blocker] = engine.jobs.activity(waiter)!.blockers;
    assert.equal(blocker!.pid, holder.record.pid);
    assert.match(blocker!.application!, /holder/);
    assert.match(blocker!.query!, /LOCK TABLE wanted/);
    // Cancel the waiter first, because it would get the table when the holder ends.
    assert.equal(await engine.jobs.cancel(waiter.id), 'stopped');
    assert.equal(await engine.jobs.cancel(holder.id), 'stopped');
    assert.deepEqual([waiter.state, holder.state], ['canceled', 'canceled']);
  });

  it('cancels 50 jobs at once, each with its own grace window', async () => {
    const jobs = await withGate(profile, async (gate) => {
      const all = Array.from({ length: 50 }, (_, i) => engine.run(i % 10 === 0 ? gate.swallow : 'SELECT pg_sleep(60)'));
      await Promise.all(all.map((job) => atWork(engine, job, 'PgSleep')));
      const results = await Promise.all(all.map((job, i) => engine.jobs.cancel(job.id, i % 10 === 0 ? 100 : 30_000)));
      assert.deepEqual(
        results,
        all.map((_, i) => (i % 10 === 0 ? 'unresponsive' : 'stopped')),
      );
      return all;
    });
    await Promise.all(jobs.map((job) => job.ended));
    assert.ok(jobs.every((job, i) => job.state === (i % 10 === 0 ? 'succeeded' : 'canceled')));
  });

  it('notices that a session no longer knows its worker', async () => {
    const session = await engine.link.acquire();
    try {
      const worker = await session.launch({ sql: 'SELECT pg_sleep(60)', label: 'unknown' });
      await session.detach(worker);
      assert.equal(await session.cancelWorker(worker), false);
      // The launch may return before the server shows the worker.
      await eventually(async () => {
        const { workers } = await engine.link.refresh();
        const shown = workers.find(({ label }) => label === 'unknown');
        return shown !== undefined && (await engine.link.terminate(shown.pid, shown.backendStart, worker.server));
      }, 'the worker is signaled');
    } finally {
      session.release();
    }
  });

  it('never passes a grace to the server', async () => {
    const log = (await server.serverLog()).split('\n');
    const calls = log.filter((line) => /pg_background_cancel\w*"?\(/.test(line));
    assert.ok(calls.length > 20, `${calls.length} calls in the log`);
    for (const call of calls) assert.match(call, /pg_background_cancel\(\$1, \$2, 0\)/);
  });

  async function workers(): Promise<number> {
    const sql = `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_background' AND datname = '${profile.database!}'`;
    return Number(await server.psql(sql));
  }
});

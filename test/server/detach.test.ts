import { reasonOf } from '../reasonOf';
import assert from 'node:assert/strict';
import { systemClock } from '../../src/core/base/clock';
import { cancelForeign } from '../../src/core/jobs/cancel/cancelForeign';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import {
  atWork,
  detachedJob,
  endSessions,
  eventually,
  newDatabase,
  newEngine,
  newLink,
  reaches,
  sharedServer,
  type Engine,
  type TestServer,
} from './support';

describe('workers without a session', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    engine = await newEngine(profile, { maxConcurrentJobs: 0, graceMs: 20_000 });
  });
  after(() => engine.close());

  it('stops tracking a job whose worker keeps running, does its work, and ends as finished', async () => {
    const job = await withGate(profile, async (gate) => {
      const alone = engine.run(`CREATE TABLE done_alone (a int); SELECT ${gate.wait}`, { label: 'alone' });
      await atWork(engine, alone);
      engine.jobs.detach(alone.id);
      assert.equal(await reaches(engine.jobs, alone, 'detached'), 'detached');
      assert.match(reasonOf(alone), /^jobs\.(trackingStopped|queueFull)$/);
      assert.throws(() => engine.jobs.detach(alone.id), /jobs\.notTracked/);
      return alone;
    });
    await job.ended;
    assert.equal(job.state, 'finished');
    assert.match(reasonOf(job), /^jobs\.endedUntracked/);
    assert.equal(
      await server.psql("SELECT count(*) FROM pg_class WHERE relname = 'done_alone'", { database: profile.database! }),
      '1',
    );
  });

  it('cancels a detached job', async () => {
    const job = await detachedJob(engine);
    assert.equal(await engine.jobs.cancel(job.id), 'stopped');
    assert.equal(job.state, 'finished');
  });

  it('marks a detached job that catches the cancel as unresponsive, with the reason', async () => {
    const job = await withGate(profile, async (gate) => {
      const stubborn = engine.run(gate.swallow);
      await atWork(engine, stubborn, 'PgSleep');
      engine.jobs.detach(stubborn.id);
      await reaches(engine.jobs, stubborn, 'detached');
      assert.equal(await engine.jobs.cancel(stubborn.id, 300), 'unresponsive');
      assert.match(reasonOf(stubborn), /^jobs\.stuckCatchesCancel/);
      return stubborn;
    });
    await job.ended;
    assert.equal(job.state, 'finished');
  });

  it('detaches a job whose session is terminated, and reports it as finished at its end', async () => {
    const job = await withGate(profile, async (gate) => {
      const running = engine.run(`SELECT ${gate.wait}`);
      await atWork(engine, running);
      await endSessions(server, profile);
      assert.equal(await reaches(engine.jobs, running, 'detached'), 'detached');
      assert.match(reasonOf(running), /^jobs\.sessionLost/);
      return running;
    });
    await job.ended;
    assert.equal(job.state, 'finished');
    const next = await engine.ended('SELECT 1');
    assert.equal(next.state, 'succeeded', 'the next job gets a session that works');
  });

  it('does not guess the outcome if the session is terminated while rows are read', async () => {
    const job = await withGate(profile, async (gate) => {
      const reading = engine.run(
        `SELECT i, repeat('x', 2000) FROM generate_series(1, 2000) AS i UNION ALL SELECT 0, 'end' FROM ${gate.wait}`,
      );
      await reaches(engine.jobs, reading, 'reading');
      await endSessions(server, profile);
      await reaches(engine.jobs, reading, 'detached');
      return reading;
    });
    await job.ended;
    assert.equal(job.state, 'finished');
    assert.ok(job.record.rows !== undefined);
    assert.equal((await engine.rows(job)).length, Math.min(1000, job.record.rows.rows));
  });

  it('reports the server’s error of a worker that is terminated while its rows are read, or lost if there is none', async () => {
    const job = engine.run("SELECT i, repeat('x', 2000), pg_sleep(0.001) FROM generate_series(1, 100000) AS i");
    await reaches(engine.jobs, job, 'reading');
    await server.psql(`SELECT pg_terminate_backend(${job.record.pid!})`);
    await job.ended;
    if (job.state === 'lost') assert.match(reasonOf(job), /^jobs\.workerDied/);
    else assert.match(`${job.state} ${job.record.error?.sqlstate ?? ''}`, /^failed 57/);
  });

  it('follows the new link of a connection that was edited', async () => {
    const job = await detachedJob(engine);
    await engine.relink();
    engine.jobs.retryNow();
    assert.equal(await engine.jobs.cancel(job.id), 'stopped');
    assert.equal(job.state, 'finished');
  });

  it('detaches a running job whose connection was edited, and reports it as finished at its end', async () => {
    const job = await withGate(profile, async (gate) => {
      const running = engine.run(`SELECT ${gate.wait}`);
      await atWork(engine, running);
      await engine.relink();
      await reaches(engine.jobs, running, 'detached');
      return running;
    });
    await job.ended;
    assert.equal(job.state, 'finished');
  });

  it('lists foreign workers, and cancels them with the same grace window', async () => {
    const other = newLink(profile);
    try {
      await withGate(profile, async (gate) => {
        const session = await other.acquire();
        const launch = (sql: string, label: string) => session.launch({ sql, label });
        const long = 'x'.repeat(64);
        const polite = await launch('SELECT pg_sleep(60)', long);
        const rude = await launch(gate.swallow, 'rude');
        const find = (pid: number) => engine.link.snapshot?.workers.find((worker) => worker.pid === pid);
        await eventually(async () => {
          await engine.link.refresh();
          return find(polite.launchId)?.waitEvent === 'PgSleep' && find(rude.launchId)?.waitEvent === 'PgSleep';
        }, 'both are listed');
        const worker = find(polite.launchId)!;
        assert.match(worker.label, /^x{40,}$/);
        assert.deepEqual([worker.user, worker.database, worker.state], ['postgres', profile.database, 'active']);
        const graceMs = 300;
        const [stopped, still] = await Promise.all([
          cancelForeign({ link: engine.link, worker, graceMs: 20_000 }, systemClock),
          cancelForeign({ link: engine.link, worker: find(rude.launchId)!, graceMs }, systemClock),
        ]);
        assert.equal(stopped.result, 'stopped');
        assert.equal(still.result, 'unresponsive');
        assert.equal(still.last?.pid, rude.launchId);
        const again = await cancelForeign({ link: engine.link, worker, graceMs }, systemClock);
        assert.equal(again.result, 'stopped', 'a worker that no longer exists is stopped');
      });
    } finally {
      await other.dispose();
    }
  });
});

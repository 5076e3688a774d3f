import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'pg';
import { describeFault } from '../../src/core/base/fault';
import { systemClock } from '../../src/core/base/clock';
import { cancelForeign } from '../../src/core/jobs/cancel/cancelForeign';
import { stuckReasonOf } from '../../src/core/jobs/cancel/stuckReason';
import type { ActiveWorker } from '../../src/core/jobs/ports';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import { reasonOf } from '../reasonOf';
import { pidOf, Sessions } from './activity/support';
import {
  atWork,
  eventually,
  newDatabase,
  newEngine,
  outcomeOf,
  sharedServer,
  until,
  type Engine,
  type TestServer,
} from './support';

/** SQL that catches a cancel while it sleeps, and then does something else. */
const afterCancel = (next: string): string =>
  `DO $$ BEGIN BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; ${next} END $$`;

/** More than fits into a queue. */
const FILL_QUEUE = `FOR i IN 1..2000 LOOP RAISE NOTICE '%', repeat('x', 1000); END LOOP;`;

describe('a worker that does not respond to a cancel', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;
  const sessions = new Sessions();

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
  });
  beforeEach(async () => {
    engine = await newEngine(profile);
  });
  afterEach(async () => {
    await sessions.end();
    await engine.close();
    assert.equal(await server.crashes(), 0);
  });

  const session = (application: string): Promise<Client> => sessions.open(profile, application);

  it('because its SQL waits again for the same lock is explained with the process that holds it, until that ends', async () => {
    await server.psql('CREATE TABLE held ()', { database: profile.database! });
    const holder = await session('the holder');
    await holder.query('BEGIN; LOCK TABLE held');
    const job = engine.run(
      'DO $$ BEGIN LOOP BEGIN LOCK TABLE held; EXIT; EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$',
    );
    await atWork(engine, job, 'relation');
    assert.equal(await engine.jobs.cancel(job.id, 100), 'unresponsive');
    assert.match(reasonOf(job), /^jobs\.stuckOnLock .*the holder/, 'too few samples');
    await until(engine.jobs, job, () => /^jobs\.stuckOnSameLock/.test(reasonOf(job)));
    const holderPid = await pidOf(holder);
    assert.match(reasonOf(job), new RegExp(`Lock/relation.*pid ${holderPid}, ${profile.user!}, the holder`));
    await holder.query('COMMIT');
    await job.ended;
    assert.deepEqual(outcomeOf(job), ['succeeded', 'DO', 0, undefined]);
    assert.equal(job.record.reason, undefined);
  });

  it('because its full queue is not read is explained, and ends with a second cancel', async () => {
    const launcher = await session('never reads');
    await launcher.query('SELECT pg_background_launch($1)', [afterCancel(FILL_QUEUE)]);
    const worker = await foreignWorker(({ waitEvent }) => waitEvent === 'PgSleep');
    const { result, settledAt } = await cancelForeign({ link: engine.link, worker, graceMs: 100 }, systemClock);
    assert.equal(result, 'unresponsive');
    await foreignWorker((shown) => {
      const samples = engine.link.samples(shown).filter(({ at }) => at >= settledAt);
      return /^jobs\.stuckOnUnreadQueue/.test(describeFault(stuckReasonOf(shown, samples)));
    });
    const again = await cancelForeign({ link: engine.link, worker, graceMs: 20_000 }, systemClock);
    assert.equal(again.result, 'stopped');
  });

  it('because its full queue is not read continues when the session that launched it ends', async () => {
    const launcher = await session('never reads');
    await server.psql('CREATE TABLE reached (a int)', { database: profile.database! });
    await launcher.query('SELECT pg_background_launch($1)', [
      afterCancel(`${FILL_QUEUE} INSERT INTO reached VALUES (1);`),
    ]);
    const worker = await foreignWorker(({ waitEvent }) => waitEvent === 'PgSleep');
    assert.equal(
      (await cancelForeign({ link: engine.link, worker, graceMs: 100 }, systemClock)).result,
      'unresponsive',
    );
    await foreignWorker(({ waitEvent }) => waitEvent === 'MessageQueuePutMessage');
    await launcher.end();
    await eventually(
      async () => (await server.psql('SELECT count(*) FROM reached', { database: profile.database! })) === '1',
      'the worker has committed',
    );
  });

  it('because it never waits is explained once enough samples agree', async () => {
    await server.psql('CREATE EXTENSION IF NOT EXISTS plpython3u', { database: profile.database! });
    const stop = join(server.dataDir, 'the-computing-may-end');
    const job = engine.run(`DO LANGUAGE plpython3u $$\nimport os\nwhile not os.path.exists('${stop}'): pass\n$$`);
    try {
      await atWork(engine, job);
      assert.equal(await engine.jobs.cancel(job.id, 100), 'unresponsive');
      assert.match(reasonOf(job), /^jobs\.stuckOnCpu$/, 'too few samples');
      await until(engine.jobs, job, () => /^jobs\.stuckComputing/.test(reasonOf(job)));
    } finally {
      await writeFile(stop, '');
    }
    await job.ended;
  });

  it('is explained anew when it does something else after the grace window', async () => {
    const job = await withGate(profile, async (gate) => {
      const stubborn = engine.run(afterCancel(`PERFORM ${gate.wait};`));
      await atWork(engine, stubborn, 'PgSleep');
      assert.equal(await engine.jobs.cancel(stubborn.id, 100), 'unresponsive');
      await until(engine.jobs, stubborn, () => /^jobs\.stuckOnSameLock .*advisory/.test(reasonOf(stubborn)));
      return stubborn;
    });
    await job.ended;
    assert.equal(job.state, 'succeeded');
  });

  /** Resolves with the only worker when it satisfies a condition. */
  async function foreignWorker(condition: (worker: ActiveWorker) => boolean): Promise<ActiveWorker> {
    let found: ActiveWorker | undefined;
    await eventually(async () => {
      const { workers } = await engine.link.refresh();
      found = workers.find(({ database }) => database === profile.database);
      return found !== undefined && condition(found);
    }, 'the worker does what the test waits for');
    return found!;
  }
});

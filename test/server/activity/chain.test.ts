import assert from 'node:assert/strict';
import type { Client } from 'pg';
import { chainSteps, whyNotSignaled } from '../../../src/core/jobs/activity/blockingChain';
import type { BlockingProcess, SignaledBlocker } from '../../../src/core/jobs/activity/inspection';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { faultOf } from '../../../src/core/base/fault';
import {
  atWork,
  eventually,
  newDatabase,
  newEngine,
  newServer,
  outcomeOf,
  reaches,
  sharedServer,
  type Engine,
  type TestServer,
} from '../support';
import { inspectJob, inspectUntil, pidOf, Sessions } from './support';

const signaled = ({ pid, backendStart, backendType }: BlockingProcess): SignaledBlocker => ({
  pid,
  backendStart: backendStart!,
  backendType: backendType as SignaledBlocker['backendType'],
});

describe('the blocking chain of a worker', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;
  const sessions = new Sessions();

  before(async () => {
    server = await sharedServer();
  });
  beforeEach(async () => {
    profile = await newDatabase(server);
    engine = await newEngine(profile);
  });
  afterEach(async () => {
    await sessions.end();
    for (const job of engine.jobs.jobs) if (!job.final) await engine.jobs.cancel(job.id);
    await engine.close();
    assert.equal(await server.crashes(), 0);
  });

  const session = (application?: string, as = profile): Promise<Client> => sessions.open(as, application);

  it('has all processes up to the one that holds up the others, which can be ended one by one', async () => {
    await server.psql('CREATE TABLE t1 (); CREATE TABLE t2 ()', { database: profile.database! });
    const [root, middle] = [await session('the root'), await session('the middle')];
    const [rootPid, middlePid] = [await pidOf(root), await pidOf(middle)];
    await root.query('BEGIN; LOCK TABLE t1 IN SHARE MODE');
    await middle.query('BEGIN; LOCK TABLE t2');
    const waits = middle.query('LOCK TABLE t1').catch((error: unknown) => error);
    const job = engine.run('LOCK TABLE t2 IN ROW EXCLUSIVE MODE; SELECT 1');
    const found = await inspectUntil(engine, job, ({ chain }) => chain.length === 2);

    assert.equal(found.waitEventType, 'Lock');
    assert.deepEqual(
      chainSteps(job.record.pid!, found.chain).map(({ process, depth }) => [depth, process.pid]),
      [
        [1, middlePid],
        [2, rootPid],
      ],
    );
    const [second, first] = found.chain;
    assert.equal(second?.application, 'the middle');
    assert.equal(second.state, 'active');
    assert.equal(second.query, 'LOCK TABLE t1');
    assert.deepEqual(second.held, {
      type: 'relation',
      mode: 'AccessExclusiveLock',
      granted: true,
      target: 'public.t2',
    });
    assert.deepEqual(second.awaited, {
      type: 'relation',
      mode: 'AccessExclusiveLock',
      granted: false,
      target: 'public.t1',
    });
    assert.deepEqual(second.blocks, [job.record.pid]);
    assert.equal(first?.state, 'idle in transaction');
    assert.equal(first.user, profile.user);
    assert.equal(first.database, profile.database);
    assert.ok(first.stateSeconds! >= 0 && first.transactionSeconds! >= first.stateSeconds!);
    assert.deepEqual(first.held, { type: 'relation', mode: 'ShareLock', granted: true, target: 'public.t1' });
    assert.equal(first.awaited, undefined);
    assert.deepEqual(first.blocks, [middlePid]);
    assert.deepEqual(found.locks[0], {
      type: 'relation',
      mode: 'RowExclusiveLock',
      granted: false,
      target: 'public.t2',
    });

    const { link } = engine;
    assert.equal(
      await link.signalBlocker('terminate', { ...signaled(first), backendStart: second.backendStart! }),
      false,
    );
    assert.equal(await link.signalBlocker('cancel', signaled(second)), true);
    assert.match(String(await waits), /canceling statement due to user request/);
    assert.equal(await link.signalBlocker('terminate', signaled(second)), true);
    await job.ended;
    assert.equal(job.state, 'succeeded');
    assert.equal(await link.signalBlocker('terminate', signaled(first)), true);
    await eventually(async () => !(await link.signalBlocker('cancel', signaled(first))), 'the session has ended');
  });

  it('shows processes that wait for each other, as long as the server does not end one of them', async () => {
    await server.psql('CREATE TABLE t1 (); CREATE TABLE t2 ()', { database: profile.database! });
    const pair = [await session(), await session()] as const;
    for (const [index, one] of pair.entries()) {
      await one.query(`SET deadlock_timeout = '1h'; BEGIN; LOCK TABLE t${index + 1}`);
    }
    const pids = [await pidOf(pair[0]), await pidOf(pair[1])];
    const waits = pair.map((one, index) => one.query(`LOCK TABLE t${2 - index}`).catch((error: unknown) => error));
    const job = engine.run('LOCK TABLE t1; SELECT 1');
    const found = await inspectUntil(engine, job, ({ chain }) => chain.filter(({ cycle }) => cycle).length === 2);
    assert.deepEqual(found.chain.map(({ pid }) => pid).sort(), pids.sort());
    for (const process of found.chain) await engine.link.signalBlocker('terminate', signaled(process));
    await Promise.all(waits);
    await job.ended;
    assert.equal(job.state, 'succeeded');
  });

  it('is not looked up for a worker that waits for nothing', async () => {
    const job = engine.run('SELECT pg_sleep(60)');
    const found = await inspectUntil(engine, job, ({ waitEvent }) => waitEvent === 'PgSleep');
    assert.deepEqual(found.chain, []);
  });

  it('is reported for a worker for which others wait, once they have waited for 5 s', async () => {
    await server.psql('CREATE TABLE t1 ()', { database: profile.database! });
    const job = engine.run('LOCK TABLE t1; SELECT pg_sleep(60)');
    await atWork(engine, job, 'PgSleep');
    const waiting = await session();
    const pid = await pidOf(waiting);
    const waits = waiting.query('SELECT FROM t1').catch((error: unknown) => error);
    const watch = engine.link.watch('steady');
    await new Promise<void>((resolve) => {
      const listener = engine.link.onSnapshot(({ workers }) => {
        const worker = workers.find((one) => one.pid === job.record.pid);
        if (worker?.blocking === undefined) return;
        assert.deepEqual(worker.blocking, [pid]);
        listener.dispose();
        resolve();
      });
    });
    watch.dispose();
    await engine.jobs.cancel(job.id);
    await waits;
  });

  it('names what a role may not see, and does not signal what it may not signal', async () => {
    const low = `low_${profile.database!}`;
    await server.psql(
      `CREATE ROLE ${low} LOGIN IN ROLE pgbackground_role; CREATE TABLE t1 (); GRANT ALL ON t1 TO ${low}`,
      { database: profile.database! },
    );
    const root = await session();
    await root.query('BEGIN; LOCK TABLE t1');
    const lowly = await newEngine({ ...profile, user: low });
    try {
      const job = lowly.run('LOCK TABLE t1 IN ACCESS SHARE MODE; SELECT 1');
      const hidden = await inspectUntil(lowly, job, ({ chain }) => chain.length === 1);
      assert.equal(hidden.role, low);
      assert.deepEqual(hidden.tempFiles, { missing: 'pg_monitor' });
      const [unseen] = hidden.chain;
      assert.equal(unseen?.pid, await pidOf(root));
      assert.deepEqual([unseen.state, unseen.query, unseen.backendStart], [undefined, undefined, undefined]);
      assert.equal(whyNotSignaled(unseen), 'unseen');

      await server.psql(`GRANT pg_read_all_stats TO ${low}`);
      const [seen] = (await inspectJob(lowly, job))!.chain;
      assert.equal(seen?.state, 'idle in transaction');
      await assert.rejects(
        lowly.link.signalBlocker('terminate', signaled(seen)),
        (error) => faultOf(error).code === 'server.signalDenied',
      );
      await root.query('ROLLBACK');
      await job.ended;
      assert.deepEqual(outcomeOf(job).slice(0, 2), ['succeeded', 'SELECT']);
    } finally {
      await lowly.close();
    }
  });

  it('ends at a prepared transaction, which has no process', async () => {
    const own = await newServer({ max_prepared_transactions: 2 });
    const at = await newDatabase(own);
    const separate = await newEngine(at);
    try {
      await own.psql('CREATE TABLE t1 ()', { database: at.database! });
      await own.psql(`BEGIN; LOCK TABLE t1; PREPARE TRANSACTION 'forgotten'`, { database: at.database! });
      const job = separate.run('LOCK TABLE t1 IN ACCESS SHARE MODE; SELECT 1');
      const { chain } = await inspectUntil(separate, job, (found) => found.chain.length > 0);
      assert.equal(chain.length, 1);
      const [prepared] = chain;
      assert.deepEqual(
        [prepared?.pid, prepared?.prepared, prepared?.user, prepared?.database, prepared?.held?.target],
        [0, 'forgotten', at.user, at.database, 'public.t1'],
      );
      assert.equal(whyNotSignaled(prepared!), 'prepared');
      await own.psql(`ROLLBACK PREPARED 'forgotten'`, { database: at.database! });
      await reaches(separate.jobs, job, 'succeeded');
    } finally {
      await separate.close();
      await own.stop();
    }
  });
});

import assert from 'node:assert/strict';
import { cancelJob, readJob, resolveJobs } from '../../../src/core/postgres/durable/records';
import { lookUpFunctions, runScript, SETUP_VERSION, setupSql } from '../../../src/core/postgres/durable/setup';
import { withGate } from '../../gate';
import { newServer, eventually, sharedServer, type TestServer } from '../support';
import { newDurableDatabase, outcomeOf, type DurableDatabase, type DurableSession } from './support';

/** Terminates the keeper of a job and waits until it has ended. */
async function endKeeper(database: DurableDatabase, id: string): Promise<void> {
  const { admin } = database;
  const pid = await admin.value('SELECT keeper_pid::text FROM pgbackground_jobs.jobs WHERE id = $1', [id]);
  await admin.client.query('SELECT pg_terminate_backend($1)', [pid]);
  await eventually(
    async () => (await admin.value('SELECT count(*)::text FROM pg_stat_activity WHERE pid = $1', [pid])) === '0',
    'the keeper has ended',
  );
}

describe('durable jobs without their keeper', () => {
  let database: DurableDatabase;
  let alice: DurableSession;

  before(async () => {
    database = await newDurableDatabase(await sharedServer());
    alice = await database.role('alice');
  });
  after(() => database.close());

  /** Lets any session write the outcome, as one does that finds the job. */
  const resolved = async (id: string): Promise<unknown[]> => {
    let job = await alice.until(id, () => true);
    await eventually(async () => {
      await resolveJobs(alice.client);
      job = await alice.until(id, () => true);
      return job.state !== 'running' && job.state !== 'queued';
    }, 'the outcome is known');
    return [...outcomeOf(job), job.reason];
  };

  it('run on, and are recorded as the commit log says, with their rows if the worker stored them', async () => {
    await withGate(alice.profile, async (gate) => {
      const good = await alice.launch(`SELECT 1 AS one, ${gate.wait}`);
      const bad = await alice.launch(`SELECT 1 AS one, ${gate.wait}; SELECT 1 / 0`);
      const queued = await alice.launch(`EXPLAIN ANALYZE SELECT ${gate.wait}`);
      const jobs = [good, bad, queued];
      for (const { id } of jobs) {
        await alice.until(id, ({ workerPid }) => workerPid !== null);
        await endKeeper(database, id);
      }
      assert.equal(await resolveJobs(alice.client), 0);
      assert.deepEqual(
        (await alice.jobs()).map(({ state }) => state),
        ['running', 'running', 'running'],
      );
      await gate.open();
      assert.deepEqual(await resolved(good.id), ['succeeded', null, null, undefined, 'stored', 'keeper_lost']);
      assert.deepEqual(await resolved(bad.id), ['failed', null, null, undefined, null, 'keeper_lost']);
      assert.deepEqual(await resolved(queued.id), ['succeeded', null, null, undefined, 'lost', 'keeper_lost']);
      const [first] = await alice.jobs();
      assert.deepEqual(await alice.rows(first!), [['1', '']]);
    });
  });

  it('can still be canceled', async () => {
    const { id } = await alice.launch('SELECT pg_sleep(600)');
    await alice.until(id, ({ state }) => state === 'running');
    await endKeeper(database, id);
    assert.equal(await cancelJob(alice.client, id), 'signaled');
    assert.deepEqual(await resolved(id), ['canceled', null, null, undefined, null, 'keeper_lost']);
    const alone = await alice.launch('DO $$ BEGIN PERFORM pg_sleep(600); END $$');
    await alice.until(alone.id, ({ workerPid }) => workerPid !== null);
    await eventually(
      async () => (await alice.until(alone.id, () => true)).workerStart !== null,
      'the start of the worker is recorded',
    );
    await endKeeper(database, alone.id);
    assert.equal(await cancelJob(alice.client, alone.id), 'signaled');
    assert.deepEqual(await resolved(alone.id), ['unknown', null, null, undefined, null, 'keeper_lost']);
  });

  it('have an unknown outcome if nothing can prove it', async () => {
    await withGate(alice.profile, async (gate) => {
      const { id } = await alice.launch(`DO $$ BEGIN PERFORM ${gate.wait}; END $$`);
      await alice.until(id, ({ workerPid }) => workerPid !== null);
      await endKeeper(database, id);
      await resolveJobs(alice.client);
      assert.equal((await alice.until(id, () => true)).state, 'running');
      await gate.open();
      assert.deepEqual(await resolved(id), ['unknown', null, null, undefined, null, 'keeper_lost']);
    });
  });

  it('are recorded as failed if their worker is terminated from outside', async () => {
    const { id } = await alice.launch('SELECT pg_sleep(600)');
    const { workerPid } = await alice.until(id, ({ state }) => state === 'running');
    await database.admin.client.query('SELECT pg_terminate_backend($1)', [workerPid]);
    const job = await alice.end(id);
    assert.equal(job.state, 'failed');
    assert.match(job.error?.sqlstate ?? '', /^57/);
  });

  it('do not begin if their keeper is interrupted while it launches them, or have an unknown outcome without a gate', async () => {
    const own = await newDurableDatabase(await sharedServer());
    const { client } = own.admin;
    // Like a SIGTERM that comes after the worker has started.
    await client.query(
      `CREATE TABLE public.marks (a int);
       CREATE FUNCTION public.interrupted(text, int4, text, OUT pid int4, OUT cookie int8) LANGUAGE plpgsql AS $$ BEGIN
         SELECT l.pid, l.cookie INTO pid, cookie FROM public.pg_background_launch($1, $2, $3) AS l;
         IF $1 ~ '^CALL pgbackground_jobs' THEN RETURN; END IF;
         LOOP
           PERFORM pg_stat_clear_snapshot();
           EXIT WHEN EXISTS (SELECT FROM pg_stat_get_activity(pid)) OR EXISTS (SELECT FROM public.marks);
           PERFORM pg_sleep(0.001);
         END LOOP;
         RAISE query_canceled;
       END $$`,
    );
    const functions = await lookUpFunctions(client, '');
    const launch = (sql: string): string => functions.launch(sql).replace('pg_background_launch', 'interrupted');
    await runScript(client, setupSql({ ...functions, launch }, SETUP_VERSION));
    try {
      const ended = async (sql: string): Promise<unknown[]> => {
        const { state, reason, error } = await own.admin.ended(sql);
        await eventually(
          async () =>
            (await own.admin.value(
              "SELECT count(*)::text FROM pg_stat_activity WHERE backend_type = 'pg_background' AND datname = current_database()",
            )) === '0',
          'the worker has ended',
        );
        return [state, reason, error?.sqlstate, await own.admin.value('SELECT sum(a)::text FROM public.marks')];
      };
      assert.deepEqual(await ended('INSERT INTO public.marks VALUES (1)'), ['failed', 'not_launched', '57014', null]);
      const mark = 'DO $$ BEGIN INSERT INTO public.marks VALUES (2); END $$';
      assert.deepEqual(await ended(mark), ['unknown', 'keeper_lost', undefined, '2']);
    } finally {
      await own.close();
    }
  });

  it('are not canceled by a record that was restored into another database', async () => {
    const other = await newDurableDatabase(await sharedServer());
    try {
      await withGate(alice.profile, async (gate) => {
        const { id } = await alice.launch(`SELECT ${gate.wait}`);
        const { workerXid } = await alice.until(id, (job) => job.workerXid !== null);
        const restored = await other.admin.value(
          `INSERT INTO pgbackground_jobs.jobs (label, sql, options, gated, state, worker_xid) VALUES ('', '', '{}', true, 'running', $1)
           RETURNING id::text`,
          [workerXid],
        );
        assert.equal(await cancelJob(other.admin.client, restored!), 'unreachable');
        await gate.open();
        assert.equal((await alice.end(id)).state, 'succeeded');
      });
    } finally {
      await other.close();
    }
  });

  it('are not judged by the transaction ids of another cluster', async () => {
    await withGate(alice.profile, async (gate) => {
      const { id } = await alice.launch(`SELECT ${gate.wait}`);
      await alice.until(id, ({ state }) => state === 'running');
      await endKeeper(database, id);
      await database.admin.client.query('UPDATE pgbackground_jobs.jobs SET cluster = cluster + 1 WHERE id = $1', [id]);
      await gate.open();
      assert.equal(await resolveJobs(database.admin.client), 0);
      const job = await alice.until(id, () => true);
      assert.deepEqual([job.state, job.here], ['running', false]);
    });
  });
});

describe('durable jobs on a server with few slots', () => {
  let server: TestServer;
  let database: DurableDatabase;

  before(async () => {
    server = await newServer({ max_worker_processes: 4, max_parallel_workers: 0 });
    database = await newDurableDatabase(server);
  });
  after(async () => {
    await database.close();
    await server.stop('immediate');
  });

  it('are refused with the number of free slots, and a job whose keeper finds none is recorded as failed', async () => {
    const session: DurableSession = database.admin;
    await withGate(session.profile, async (gate) => {
      // The logical replication launcher has one slot.
      const first = await session.launch(`SELECT ${gate.wait}`);
      await session.until(first.id, ({ state }) => state === 'running');
      await assert.rejects(session.launch('SELECT 1'), (error: { fault?: unknown }) => {
        assert.deepEqual(error.fault, { code: 'durable.noSlots', params: { free: 1, needed: 2, max: 4 } });
        return true;
      });
      const id = await session.value(
        `SELECT pgbackground_jobs.start('l', 'SELECT 1', '{"before":"","text":"SELECT 1","settings":[],"queue":0,"store":"none"}', NULL, true, NULL)::text`,
      );
      const job = await session.end(id!);
      assert.deepEqual([job.state, job.reason, job.error?.sqlstate], ['failed', 'no_slot', '53000']);
      await gate.open();
      assert.equal((await session.end(first.id)).state, 'succeeded');
    });
  });

  it('wait for a slot in a batch, and have not failed', async () => {
    const session: DurableSession = database.admin;
    await withGate(session.profile, async (gate) => {
      const wait = `SELECT ${gate.wait}`;
      for (let i = 0; i < 2; i++) await session.value("SELECT pid::text FROM pg_background_launch($1, 0, 'b')", [wait]);
      const options =
        '{"before":"","text":"CREATE TABLE IF NOT EXISTS public.made ()","settings":[],"queue":0,"store":"none"}';
      const statements = [true, false].map((gated) => ({
        label: 'l',
        sql: 's',
        options: JSON.parse(options) as unknown,
        gated,
      }));
      const ids = await session.value(
        "SELECT array_to_string(pgbackground_jobs.start_batch($1::json, $2::json), ',')",
        [JSON.stringify(statements), '{"label":"b","parallel":1,"onFailure":"stop"}'],
      );
      const [first, second] = ids!.split(',');
      await eventually(
        async () =>
          (await session.value(
            `SELECT wait_event FROM pg_stat_activity WHERE pid = (SELECT keeper_pid FROM pgbackground_jobs.jobs WHERE id = ${first!})`,
          )) === 'PgSleep',
        'the lane waits',
      );
      assert.equal((await readJob(session.client, first!))?.state, 'queued');
      await gate.open();
      for (const id of [first!, second!]) assert.equal((await session.end(id)).state, 'succeeded');
    });
  });

  it('leave no record if no keeper can be launched', async () => {
    const session = database.admin;
    const before = (await session.jobs()).length;
    // A keeper records the outcome before its process ends.
    await session.client.query(`DO $wait$ BEGIN
      WHILE EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pg_background') LOOP
        PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
      END LOOP; END $wait$`);
    await withGate(session.profile, async (gate) => {
      const wait = `SELECT ${gate.wait}`;
      for (let i = 0; i < 3; i++) await session.value("SELECT pid::text FROM pg_background_launch($1, 0, 'b')", [wait]);
      const start = session.value(
        `SELECT pgbackground_jobs.start('l', 's', '{"settings":[]}', NULL, true, NULL)::text`,
      );
      await assert.rejects(start, (error: { code?: string }) => error.code === '53000');
      assert.equal((await session.jobs()).length, before);
    });
  });
});

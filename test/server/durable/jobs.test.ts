import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job, NewJob } from '../../../src/core/jobs/job';
import { ForeignWorkers } from '../../../src/core/jobs/cancel/foreignWorkers';
import { purgeJobs } from '../../../src/core/postgres/durable/records';
import { removalSql, runScript, setUp } from '../../../src/core/postgres/durable/setup';
import { withGate } from '../../gate';
import {
  endSessions,
  memoryLog,
  newDatabase,
  newEngine,
  newLink,
  newServer,
  reaches,
  sharedServer,
  until,
  type Engine,
  type TestServer,
} from '../support';
import { bundled } from '../child';
import { WindowProcess } from '../sharedStore';
import { DurableSession, newDurableDatabase, sees, type DurableDatabase } from './support';

/** Connects, as a user does who opens a connection in the tree. */
async function connected(engine: Engine): Promise<Engine> {
  await engine.link.connect();
  return engine;
}

describe('durable jobs in the list of jobs', function () {
  this.timeout(60_000);
  let server: TestServer;
  let database: DurableDatabase;
  let one: Engine;
  let two: Engine;

  before(async () => {
    server = await sharedServer();
  });
  beforeEach(async () => {
    database = await newDurableDatabase(server);
    one = await newEngine(database.profile);
    two = await connected(await newEngine(database.profile));
  });
  afterEach(async () => {
    await one.close();
    await two.close();
    await database.close();
  });

  const launch = async (sql: string, request: Partial<NewJob> = {}): Promise<Job> => {
    const connection = database.profile.name;
    return (await one.jobs.launch({ sql, label: 'test', connection, durable: true, ...request })).job;
  };
  /** The first job in the second window, once it is in one of the states. */
  const shown = async (...states: string[]): Promise<Job> => {
    await sees(two, () => two.jobs.jobs.some(({ state }) => states.includes(state)));
    return two.jobs.jobs[0]!;
  };

  it('appear in another window with another store, with progress, outcome, and rows', async () => {
    await withGate(database.profile, async (gate) => {
      const own = await launch(`SELECT g AS n, 'x'::varchar(5) AS ctid FROM generate_series(1, 3) AS g
        WHERE (SELECT CASE WHEN pg_background_report_progress(40, 'half') IS NOT NULL THEN ${gate.wait} IS NOT NULL END)`);
      const job = await shown('running');
      assert.deepEqual([job.id, job.record.durable?.own, job.mirrored], [own.id, true, true]);
      await until(two.jobs, job, () => job.record.progress?.message === 'half');
      assert.equal(job.record.progress?.pct, 40);
      await gate.open();
      await two.jobs.waitFor(job.id);
      assert.deepEqual([job.state, job.record.rowCount, job.record.commandTag], ['succeeded', 3, 'SELECT']);
      assert.deepEqual(
        job.record.columns?.map(({ name, type }) => `${name} ${type}`),
        ['n integer', 'ctid character varying(5)'],
      );
      assert.deepEqual(await two.rows(job, 1, 1), [['2', 'x']]);
      await one.jobs.waitFor(own.id);
      assert.deepEqual(await one.rows(own, 2, 5), [['3', 'x']]);
    });
  });

  it('outlive the killed process that launched them, with a million rows', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pgbg-durable-'));
    const window = await WindowProcess.start(await bundled('window.entry.ts', folder), database.profile, folder);
    await withGate(database.profile, async (gate) => {
      window.send({
        durable: `SELECT g AS n, repeat('x', 100) AS t FROM generate_series(1, 1000000) AS g WHERE (SELECT ${gate.wait} IS NOT NULL)`,
      });
      const job = await shown('running');
      await window.kill();
      await gate.open();
      await two.jobs.waitFor(job.id);
      assert.deepEqual([job.state, job.record.rowCount], ['succeeded', 1_000_000]);
      assert.deepEqual(await two.rows(job, 999_999, 2), [['1000000', 'x'.repeat(100)]]);
      await until(two.jobs, job, () => job.record.rows?.rows === 1_000_000);
    });
    await rm(folder, { recursive: true });
  });

  it('show the complete error', async () => {
    const job = await launch(
      `DO $$ BEGIN RAISE EXCEPTION 'm' USING ERRCODE = 'P0123', DETAIL = 'd', HINT = 'h', TABLE = 't'; END $$;`,
    );
    const other = await shown('failed');
    await one.jobs.waitFor(job.id);
    for (const { record } of [job, other]) {
      const { context, ...error } = record.error!;
      assert.match(context ?? '', /PL\/pgSQL/);
      assert.deepEqual(error, { sqlstate: 'P0123', message: 'm', detail: 'd', hint: 'h', table: 't' });
    }
  });

  it('are canceled from another window', async () => {
    const own = await launch('SELECT pg_sleep(600)');
    const job = await shown('running');
    assert.equal(await two.jobs.cancel(job.id), 'stopped');
    assert.equal(job.state, 'canceled');
    assert.equal((await one.jobs.waitFor(own.id)).state, 'canceled');
  });

  it('are not responding if they ignore a cancel through the grace window', async () => {
    await withGate(database.profile, async (gate) => {
      const own = await launch(`${gate.swallow}; SELECT 1 AS one`);
      const job = await shown('running');
      const watch = two.link.watch('fast');
      await new Promise<void>((resolve) => {
        const listener = two.link.onSnapshot(() => {
          if (two.jobs.activity(job)?.waitEvent !== 'PgSleep') return;
          listener.dispose();
          resolve();
        });
      });
      watch.dispose();
      assert.equal(await two.jobs.cancel(job.id, 50), 'unresponsive');
      assert.equal(job.state, 'unresponsive');
      await until(one.jobs, own, () => own.state === 'canceling');
      await gate.open();
      assert.equal((await two.jobs.waitFor(job.id)).state, 'succeeded');
      assert.deepEqual(await two.rows(job), [['1']]);
    });
  });

  it('have rows whose columns are known only when they are read', async () => {
    await launch('EXPLAIN (COSTS OFF) SELECT 1 AS one UNION ALL SELECT 2');
    const job = await shown('succeeded');
    assert.equal((await two.rows(job)).length, 3);
    await until(two.jobs, job, () => job.record.columns?.[0]?.name === 'QUERY PLAN');
  });

  it('show the outcome that the commit log proves if the keeper ended, and the keeper is no foreign worker', async () => {
    await withGate(database.profile, async (gate) => {
      const foreign = new ForeignWorkers(two.jobs);
      await launch(`SELECT 1 AS one, (SELECT ${gate.wait} IS NULL)`);
      const job = await shown('running');
      await until(two.jobs, job, () => job.record.pid !== undefined && job.record.durable?.keeperStart !== undefined);
      const snapshot = await two.link.refresh();
      assert.equal(snapshot.workers.length, 2);
      assert.deepEqual(foreign.of(database.profile.name, snapshot), []);
      foreign.dispose();
      await database.admin.client.query('SELECT pg_terminate_backend($1)', [job.record.durable?.keeperPid]);
      await gate.open();
      await two.jobs.waitFor(job.id);
      assert.deepEqual([job.state, job.record.reason?.code], ['succeeded', 'durableJobs.keeperLost']);
      assert.deepEqual(await two.rows(job), [['1', 'f']]);
    });
  });

  it('without proof say so at the launch, and are found after their end', async () => {
    const connection = database.profile.name;
    const { job, notices } = await one.jobs.launch({ sql: 'VACUUM', label: 'v', connection, durable: true });
    assert.deepEqual(
      notices.map(({ code }) => code),
      ['durable.noProof'],
    );
    await one.jobs.waitFor(job.id);
    assert.deepEqual([job.state, job.record.commandTag, job.record.durable?.proven], ['succeeded', 'VACUUM', false]);
  });

  it('pass limits, settings, and the label on, and are run again with them from another window', async () => {
    const own = await launch("SELECT current_setting('work_mem'), current_setting('statement_timeout')", {
      label: 'mine',
      statementTimeoutMs: 12_345,
      settings: { work_mem: '3MB' },
    });
    const job = await shown('succeeded');
    assert.deepEqual(await two.rows(job), [['3MB', '12345ms']]);
    const { label, request } = job.record;
    assert.deepEqual(request, own.record.request);
    const again = (await two.jobs.launch({ ...request, label, connection: database.profile.name })).job;
    await two.jobs.waitFor(again.id);
    assert.deepEqual(await two.rows(again), [['3MB', '12345ms']]);
  });

  it('are read-only if the connection or the request says so', async () => {
    const request = { label: 'r', connection: database.profile.name, durable: true, sql: 'CREATE TABLE made ()' };
    const { job } = await one.jobs.launch({ ...request, readOnly: true });
    await one.jobs.waitFor(job.id);
    assert.equal(job.record.error?.sqlstate, '25006');
    const link = newLink(database.profile, memoryLog(), {
      workerSettings: { defaults: { work_mem: '5MB' }, enforced: { default_transaction_read_only: 'on' } },
    });
    const durable = await link.durable();
    const { id } = await durable.launch({ ...request, settings: { default_transaction_read_only: 'off' } });
    assert.equal((await database.admin.end(id)).error?.sqlstate, '25006');
    const shows = await durable.launch({ ...request, sql: "SELECT current_setting('work_mem')" });
    assert.deepEqual(await database.admin.rows(await database.admin.end(shows.id)), [['5MB']]);
    await link.dispose();
  });

  it('store rows in a table of the user’s, and are refused if it exists', async () => {
    const own = await launch('SELECT 1 AS one, 2 AS two', { into: 'public.stored' });
    await one.jobs.waitFor(own.id);
    assert.deepEqual([own.state, own.record.columns], ['succeeded', undefined]);
    assert.equal(await database.admin.value('SELECT one || two::text FROM public.stored'), '12');
    assert.equal((await shown('succeeded')).record.request.into, 'public.stored');
    await assert.rejects(launch('SELECT 1 AS one', { into: 'no table' }), {
      fault: { code: 'into.invalid', params: { into: 'no table' } },
    });
    await assert.rejects(launch('SELECT 1 AS one', { into: 'public.stored' }), {
      fault: { code: 'into.exists', params: { table: 'public.stored' } },
    });
    await one.jobs.waitFor((await launch('SELECT 3 AS one, 4 AS two', { into: 'public.stored append' })).id);
    assert.equal(await database.admin.value('SELECT count(*)::text FROM public.stored'), '2');
  });

  it('are hidden in one window when they are cleared there, count as seen, and stay in the other', async () => {
    const own = await launch('SELECT 1 AS one');
    const job = await shown('succeeded');
    await one.jobs.waitFor(own.id);
    const before = await database.admin.jobs();
    assert.deepEqual(
      before.map(({ seen }) => seen),
      [false],
    );
    assert.equal(await two.jobs.clearFinished(), 1);
    assert.deepEqual([two.jobs.jobs, one.jobs.jobs.length], [[], 1]);
    assert.equal((await database.admin.jobs())[0]?.seen, true);
    // It stays hidden when everything is read again.
    await launch('SELECT 2 AS two');
    await shown('succeeded');
    assert.equal(two.jobs.get(job.id), undefined);
    assert.deepEqual(await one.rows(own), [['1']]);
  });

  it('are shown as last known while the connection is lost, and updated after it is open again', async () => {
    await withGate(database.profile, async (gate) => {
      await launch(`SELECT (SELECT ${gate.wait} IS NULL)`);
      const job = await shown('running');
      await endSessions(server, database.profile);
      assert.equal(job.state, 'running');
      await gate.open();
      await two.jobs.waitFor(job.id);
      assert.equal(job.state, 'succeeded');
    });
  });

  it('say that their rows were removed, if the table is gone', async () => {
    await launch('SELECT 1 AS one');
    const job = await shown('succeeded');
    const [record] = await database.admin.jobs();
    await database.admin.client.query(`DROP TABLE pgbackground_rows.${record!.rowsTable!}`);
    await assert.rejects(two.rows(job), { fault: { code: 'durable.rowsLost' } });
  });

  it('disappear when they are purged', async () => {
    const own = await launch('SELECT 1 AS one');
    const job = await shown('succeeded');
    await purgeJobs(database.admin.client, [job.record.durable!.id]);
    await sees(two, () => two.jobs.jobs.length === 0);
    await sees(one, () => one.jobs.get(own.id) === undefined);
  });

  it('are hidden from roles without the privileges', async () => {
    const bob = await database.role('bob');
    const engine = await connected(await newEngine(bob.profile));
    try {
      await launch('SELECT 1 AS one');
      const job = await shown('succeeded');
      const request = { sql: 'SELECT 2 AS two', label: 'b', connection: bob.profile.name, durable: true };
      const { job: own } = await engine.jobs.launch(request);
      await engine.jobs.waitFor(own.id);
      assert.deepEqual(
        engine.jobs.jobs.map(({ id }) => id),
        [own.id],
      );
      // The superuser sees both.
      await sees(two, () => two.jobs.jobs.length === 2);
      assert.deepEqual(
        two.jobs.jobs.map(({ record }) => record.durable?.own),
        [true, false],
      );
      assert.equal(two.jobs.get(job.id), job);
    } finally {
      await engine.close();
    }
  });

  it('run as the role of the connection, which sees and cancels them', async () => {
    await (await database.role('alice')).close();
    const bob = await database.role('bob', ['alice']);
    const engine = await connected(await newEngine({ ...bob.profile, role: database.roleName('alice') }));
    try {
      const request = { label: 'r', connection: bob.profile.name, durable: true };
      const { job } = await engine.jobs.launch({ sql: 'SELECT CURRENT_USER AS me', ...request });
      await engine.jobs.waitFor(job.id);
      assert.deepEqual([job.state, job.record.durable?.own], ['succeeded', true]);
      assert.deepEqual(await engine.rows(job), [[database.roleName('alice')]]);
      const { job: sleeping } = await engine.jobs.launch({ sql: 'SELECT pg_sleep(600)', ...request });
      await reaches(engine.jobs, sleeping, 'running');
      assert.equal(await engine.jobs.cancel(sleeping.id), 'stopped');
      assert.equal(sleeping.state, 'canceled');
    } finally {
      await engine.close();
    }
  });

  it('have the outcome that the commit log proves after a crash of the server', async () => {
    const crashing = await newServer();
    const own = await newDurableDatabase(crashing);
    const engine = await connected(await newEngine(own.profile));
    try {
      const request = {
        sql: 'CREATE TABLE made (); SELECT pg_sleep(600)',
        label: 'x',
        connection: own.profile.name,
        durable: true,
      };
      const { job } = await engine.jobs.launch(request);
      await reaches(engine.jobs, job, 'running');
      await crashing.restart('immediate');
      await engine.jobs.waitFor(job.id);
      assert.deepEqual([job.state, job.record.reason?.code], ['failed', 'durableJobs.keeperLost']);
    } finally {
      await engine.close();
      await crashing.stop();
    }
  });

  it('are refused with the reason if there are not two free slots', async () => {
    const small = await newServer({ max_worker_processes: 3 });
    const own = await newDurableDatabase(small);
    const engine = await connected(await newEngine(own.profile));
    try {
      const request = { sql: 'SELECT pg_sleep(600)', label: 'x', connection: own.profile.name, durable: true };
      const { job } = await engine.jobs.launch(request);
      await until(engine.jobs, job, () => job.state === 'running' && job.record.pid !== undefined);
      // The server's own launcher of logical replication uses the third slot.
      await assert.rejects(engine.jobs.launch(request), {
        fault: { code: 'durable.noSlots', params: { free: 0, needed: 2, max: 3 } },
      });
      assert.equal(engine.jobs.jobs.length, 1);
      await engine.jobs.cancel(job.id);
    } finally {
      await engine.close();
      await own.close();
      await small.stop();
    }
  });

  it('are refused without a setup, with the fault that names it, and nothing is listed', async () => {
    const profile = await newDatabase(server);
    const engine = await newEngine(profile);
    try {
      const request = { sql: 'SELECT 1', label: 'x', connection: profile.name, durable: true };
      await assert.rejects(engine.jobs.launch(request), {
        fault: { code: 'durable.notSetUp', params: { database: profile.database } },
      });
      assert.deepEqual(engine.jobs.jobs, []);
      // The setup can be used without connecting again.
      const admin = await DurableSession.open(profile);
      await setUp(admin.client);
      const { job } = await engine.jobs.launch(request);
      assert.equal((await engine.jobs.waitFor(job.id)).state, 'succeeded');
      // If it is removed, no job remains listed.
      await runScript(admin.client, removalSql());
      await admin.close();
      engine.link.durableSetUp();
      await sees(engine, () => engine.jobs.jobs.length === 0);
    } finally {
      await engine.close();
    }
  });
});

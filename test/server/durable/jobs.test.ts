import assert from 'node:assert/strict';
import type { Job, NewJob } from '../../../src/core/jobs/job';
import { setUp } from '../../../src/core/postgres/durable/setup';
import { withGate } from '../../gate';
import { newDatabase, newEngine, sharedServer, until, type Engine, type TestServer } from '../support';
import { newDurableDatabase, type DurableDatabase } from './support';

/** Connects, as a user does who opens a connection in the tree. */
async function connected(engine: Engine): Promise<Engine> {
  await engine.link.connect();
  return engine;
}

/** Resolves when a condition on the jobs of an engine holds, which is checked whenever one changes. */
function sees(engine: Engine, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!condition()) return;
      for (const listener of listeners) listener.dispose();
      resolve();
    };
    const listeners = [engine.jobs.onDidChange(check), engine.jobs.onDidRemove(check)];
    check();
  });
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
      const own = await launch(`DO $$BEGIN PERFORM pg_background_report_progress(40, 'half'); END$$;
        SELECT g AS n, ${gate.wait}, 'x'::varchar(5) AS ctid FROM generate_series(1, 3) AS g`);
      const job = await shown('running');
      assert.deepEqual([job.id, job.record.durable?.own, job.mirrored], [own.id, true, true]);
      await until(two.jobs, job, () => job.record.progress?.message === 'half');
      assert.equal(job.record.progress?.pct, 40);
      await gate.open();
      await two.jobs.waitFor(job.id);
      assert.deepEqual([job.state, job.record.rowCount, job.record.commandTag], ['succeeded', 3, 'SELECT']);
      assert.deepEqual(
        job.record.columns?.map(({ name, type }) => `${name} ${type}`),
        ['n integer', 'pg_advisory_xact_lock_shared void', 'ctid character varying(5)'],
      );
      assert.deepEqual(await two.rows(job, 1, 1), [['2', '', 'x']]);
      await one.jobs.waitFor(own.id);
      assert.deepEqual(await one.rows(own, 2, 5), [['3', '', 'x']]);
    });
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
      await launch(gate.swallow.replace('pg_sleep(600)', gate.wait));
      const job = await shown('running');
      await two.jobs.cancel(job.id, 50);
      await gate.open();
      await two.jobs.waitFor(job.id);
    });
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
      await database.admin.client.query('SELECT 1');
      const { DurableSession } = await import('./support');
      const admin = await DurableSession.open(profile);
      await setUp(admin.client);
      await admin.close();
      const { job } = await engine.jobs.launch(request);
      assert.equal((await engine.jobs.waitFor(job.id)).state, 'succeeded');
    } finally {
      await engine.close();
    }
  });
});

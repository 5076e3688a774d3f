import assert from 'node:assert/strict';
import { workKindOf } from '../../../src/core/jobs/activity/workKind';
import { progressCount } from '../../../src/core/jobs/activity/statementProgress';
import type { StatementProgress } from '../../../src/core/jobs/activity/inspection';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../../gate';
import { eventually, newDatabase, newEngine, newLink, sharedServer, type Engine, type TestServer } from '../support';
import { inspectJob, inspectUntil, openSession } from './support';

describe('the inspection of a worker', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;
  let version: number;

  before(async () => {
    server = await sharedServer();
    version = Number(await server.psql('SHOW server_version_num'));
    profile = await newDatabase(server);
    engine = await newEngine(profile, { maxConcurrentJobs: 0 });
    await server.psql(
      `CREATE TABLE big AS SELECT i, repeat('x', 200) AS t FROM generate_series(1, 20000) AS i; CREATE INDEX by_i ON big (i)`,
      { database: profile.database! },
    );
  });
  afterEach(async () => {
    for (const job of engine.jobs.jobs) if (!job.final) await engine.jobs.cancel(job.id);
  });
  after(async () => {
    await engine.close();
    assert.equal(await server.crashes(), 0);
  });

  it('shows a busy loop as on CPU', async () => {
    const job = engine.run('DO $$ BEGIN LOOP END LOOP; END $$');
    const found = await inspectUntil(engine, job, (one) => workKindOf(one) === 'cpu');
    assert.equal(found.waitEvent, undefined);
    assert.ok(found.statementSeconds! >= 0);
    assert.equal(found.query, 'DO $$ BEGIN LOOP END LOOP; END $$');
    assert.equal(found.user, profile.user);
    assert.equal(found.database, profile.database);
  });

  it('explains the wait event with the server’s own words, and shows the lock that is awaited', async () => {
    await withGate(profile, async (gate) => {
      const job = engine.run(`SELECT ${gate.wait}`);
      const found = await inspectUntil(engine, job, (one) => workKindOf(one) === 'lock');
      const words = version >= 170_000 ? 'Waiting to acquire an advisory user lock' : undefined;
      assert.equal(found.waitDescription, words);
      assert.equal(found.locks[0]?.granted, false);
      assert.equal(found.locks[0].type, 'advisory');
      assert.ok(found.lockCount >= found.locks.length);
      await gate.open();
      await job.ended;
    });
  });

  it('returns no more than 50 locks, the strongest first, and counts the others', async () => {
    const job = engine.run(
      `DO $$ BEGIN FOR i IN 1..60 LOOP EXECUTE format('CREATE TABLE m%s ()', i); END LOOP; END $$; LOCK TABLE big IN SHARE MODE; SELECT pg_sleep(60)`,
    );
    const found = await inspectUntil(engine, job, (one) => one.waitEvent === 'PgSleep');
    assert.equal(found.locks.length, 50);
    assert.ok(found.lockCount >= 60, String(found.lockCount));
    assert.equal(found.locks[0]?.mode, 'AccessExclusiveLock');
  });

  it('shows a full queue', async () => {
    const session = await openSession(profile);
    const link = newLink(profile);
    try {
      const { rows } = await session.query<{ pid: number }>(
        `SELECT pid FROM pg_background_launch('SELECT repeat(''x'', 1000) FROM generate_series(1, 1000)', 65536)`,
      );
      const pid = rows[0]!.pid;
      await eventually(async () => {
        const worker = (await link.refresh()).workers.find((one) => one.pid === pid);
        return worker !== undefined && workKindOf(worker) === 'queue';
      }, 'the queue is full');
      const { backendStart } = link.snapshot!.workers.find((one) => one.pid === pid)!;
      assert.equal(workKindOf((await link.inspect({ pid, backendStart }))!), 'queue');
    } finally {
      await session.end();
      await link.dispose();
    }
  });

  it('lists the parallel workers of a query', async () => {
    const settings = { parallel_setup_cost: '0', parallel_tuple_cost: '0', min_parallel_table_scan_size: '0' };
    // pg_background plans a plain SELECT without parallel workers.
    const job = engine.run('CREATE TABLE counted AS SELECT count(pg_sleep(0.1)) FROM big', { settings });
    const { parallel } = await inspectUntil(engine, job, (one) =>
      one.parallel.some(({ waitEvent }) => waitEvent === 'PgSleep'),
    );
    for (const worker of parallel) assert.notEqual(worker.pid, job.record.pid);
    assert.equal(parallel[0]?.state, 'active');
  });

  it('counts temporary files', async () => {
    const job = engine.run(
      `DECLARE c CURSOR FOR SELECT t || i FROM big ORDER BY t || i; FETCH 1 FROM c; SELECT pg_sleep(60)`,
      { settings: { work_mem: '64kB' } },
    );
    const { tempFiles } = await inspectUntil(engine, job, (one) => one.waitEvent === 'PgSleep');
    assert.ok(tempFiles && 'bytes' in tempFiles, JSON.stringify(tempFiles));
    assert.ok(tempFiles.files > 0 && tempFiles.bytes > 1_000_000, JSON.stringify(tempFiles));
  });

  it('has the I/O that the server has counted so far, since PostgreSQL 18', async () => {
    await server.psql('CREATE TABLE one AS SELECT 1 AS i', { database: profile.database! });
    // The server counts at the end of a transaction, and after each table of a VACUUM.
    const job = engine.run('VACUUM one, big', { settings: { vacuum_cost_delay: '100ms', vacuum_cost_limit: '1' } });
    const { io } = await inspectUntil(engine, job, (one) =>
      one.progress.some((view) => view.relation === 'public.big'),
    );
    if (version < 180_000) assert.equal(io, undefined);
    else assert.ok(io!.hits > 0, JSON.stringify(io));
  });

  it('returns nothing about a worker that has ended, or another one with the same pid', async () => {
    const job = engine.run('SELECT pg_sleep(60)');
    await inspectUntil(engine, job, () => true);
    const other = { pid: job.record.pid!, backendStart: '2000-01-01T00:00:00.000000Z' };
    assert.equal(await engine.link.inspect(other), undefined);
    await engine.jobs.cancel(job.id);
    assert.equal(await inspectJob(engine, job), undefined);
  });

  describe('shows the phase and the percentage of', () => {
    const phaseOf = ({ columns }: StatementProgress): string | undefined => new Map(columns).get('phase');

    it('CREATE INDEX', () =>
      withGate(profile, async (gate) => {
        await server.psql(
          `CREATE TABLE held AS SELECT i FROM generate_series(1, 2000) AS i;
           CREATE FUNCTION waits(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM ${gate.wait}; RETURN i; END $$`,
          { database: profile.database! },
        );
        const job = engine.run('CREATE INDEX ON held (waits(i))');
        const builds = (one: StatementProgress): boolean =>
          one.view === 'create_index' && phaseOf(one)?.startsWith('building index') === true;
        const { progress } = await inspectUntil(engine, job, (one) => one.progress.some(builds));
        assert.equal(progress[0]?.relation, 'public.held');
        assert.equal(new Map(progress[0].columns).get('command'), 'CREATE INDEX');
        assert.ok(progressCount(progress[0])!.total > 0);
        await gate.open();
        await job.ended;
        assert.equal(job.state, 'succeeded', JSON.stringify(job.record.error));
      }));

    it('VACUUM', async () => {
      const job = engine.run('VACUUM (FREEZE) big', {
        settings: { vacuum_cost_delay: '100ms', vacuum_cost_limit: '1' },
      });
      const scans = (one: StatementProgress): boolean => one.view === 'vacuum' && phaseOf(one) === 'scanning heap';
      const { progress } = await inspectUntil(engine, job, (one) => one.progress.some(scans));
      assert.equal(progress[0]?.relation, 'public.big');
      assert.ok(progressCount(progress[0])!.total > 100);
    });

    it('ANALYZE', async () => {
      const job = engine.run('ANALYZE big', { settings: { vacuum_cost_delay: '100ms', vacuum_cost_limit: '1' } });
      const samples = (one: StatementProgress): boolean =>
        one.view === 'analyze' && phaseOf(one) === 'acquiring sample rows';
      const { progress } = await inspectUntil(engine, job, (one) => one.progress.some(samples));
      assert.ok(progressCount(progress[0]!)!.total > 100);
    });

    it('VACUUM FULL', async () => {
      const session = await openSession(profile);
      try {
        await session.query('CREATE TABLE slow AS SELECT i FROM generate_series(1, 1000) AS i');
        await session.query(
          'CREATE FUNCTION slowly(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_sleep(60 * current_setting($a$test.slow$a$)::int); RETURN i; END $$',
        );
        await session.query("SET test.slow = '0'; CREATE INDEX ON slow (slowly(i))");
        const job = engine.run('VACUUM FULL slow', { settings: { 'test.slow': '1' } });
        const rebuilds = (one: StatementProgress): boolean =>
          one.view === 'cluster' && phaseOf(one) === 'rebuilding index';
        const { progress } = await inspectUntil(engine, job, (one) => one.progress.some(rebuilds));
        const rebuild = progress.find(rebuilds)!;
        assert.equal(new Map(rebuild.columns).get('command'), 'VACUUM FULL');
        assert.equal(progressCount(rebuild), undefined, 'this phase has no total');
      } finally {
        await session.end();
      }
    });

    it('COPY', async () => {
      const file = await server.addFile('rows.txt', '1\n'.repeat(100_000));
      await withGate(profile, async (gate) => {
        await server.psql(
          `CREATE TABLE filled (i int);
           CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM ${gate.wait}; RETURN NEW; END $$;
           CREATE TRIGGER stop BEFORE INSERT ON filled FOR EACH ROW EXECUTE FUNCTION stop()`,
          { database: profile.database! },
        );
        const job = engine.run(`COPY filled FROM '${file}'`);
        const { progress } = await inspectUntil(engine, job, (one) => one.progress.some(({ view }) => view === 'copy'));
        const count = progressCount(progress[0]!);
        assert.equal(count?.total, 200_000);
        assert.ok(count.pct > 0 && count.pct < 100, String(count.pct));
        await engine.jobs.cancel(job.id);
      });
    });
  });
});

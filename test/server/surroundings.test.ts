import assert from 'node:assert/strict';
import { systemClock } from '../../src/core/base/clock';
import { cancelForeign } from '../../src/core/jobs/cancel/cancelForeign';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import {
  atWork,
  detachedJob,
  newDatabase,
  newEngine,
  outcomeOf,
  profileOf,
  reaches,
  scripts,
  sharedServer,
  type TestServer,
} from './support';

describe('versions, proxies, roles', () => {
  let server: TestServer;

  before(async () => {
    server = await sharedServer();
  });

  for (const version of ['1.8', '1.9', '1.10'] as const) {
    it(`runs, detaches, and cancels jobs with pg_background ${version}`, async () => {
      const profile = await newDatabase(server, { version, schema: version === '1.9' ? 'my "s"' : 'public' });
      const engine = await newEngine(profile, { maxConcurrentJobs: 0, graceMs: 20_000 });
      try {
        const rows = await engine.ended("SELECT 1 AS a, NULL AS b UNION ALL SELECT 2, 'x' ORDER BY 1", {
          label: 'my label',
        });
        assert.deepEqual(outcomeOf(rows), ['succeeded', 'SELECT', 2, undefined]);
        assert.deepEqual(await engine.rows(rows), [
          ['1', null],
          ['2', 'x'],
        ]);
        assert.deepEqual(outcomeOf(await engine.ended('SELECT 1 WHERE false')), ['succeeded', 'SELECT', 0, undefined]);
        assert.equal((await engine.ended('CREATE TABLE t (a int)')).record.commandTag, 'CREATE TABLE');
        assert.deepEqual(outcomeOf(await engine.ended('INSERT INTO t VALUES (1), (2)')), [
          'succeeded',
          'INSERT',
          2,
          undefined,
        ]);
        const failed = await engine.ended('SELECT nosuch');
        assert.deepEqual(
          [...outcomeOf(failed), failed.record.error?.position],
          ['failed', undefined, undefined, '42703', 7],
        );
        const canceled = engine.run('SELECT pg_sleep(60)');
        await atWork(engine, canceled);
        assert.equal(await engine.jobs.cancel(canceled.id), 'stopped');
        assert.equal(canceled.state, 'canceled');
        const again = engine.run(
          'DO $$ BEGIN BEGIN PERFORM pg_sleep(30); EXCEPTION WHEN query_canceled THEN NULL; END; PERFORM pg_sleep(30); END $$',
        );
        await atWork(engine, again, 'PgSleep');
        assert.equal(await engine.jobs.cancel(again.id, 100), 'unresponsive');
        assert.equal(await engine.jobs.cancel(again.id), 'stopped');
        const detached = await withGate(profile, async (gate) => {
          const running = await detachedJob(engine, `SELECT ${gate.wait}`);
          return running;
        });
        await detached.ended;
        assert.equal(detached.state, 'finished');
        const blind = await engine.ended(
          "SELECT 1; DO $$ BEGIN EXECUTE 'CREATE PROCEDURE p(INOUT n int) LANGUAGE sql AS ''SELECT 1'''; END $$; CALL p(1)",
        );
        assert.equal(blind.state, version === '1.8' ? 'finished' : 'succeeded');
        const { state } = engine.link;
        assert.equal(state.kind === 'connected' && state.extensionVersion, version);
      } finally {
        await engine.close();
      }
    });
  }

  it('refuses to launch through PgBouncer in transaction mode, and works in session mode', async () => {
    const profile = await newDatabase(server);
    const { startPgbouncer } = await scripts();
    for (const poolMode of ['transaction', 'session'] as const) {
      const bouncer = await startPgbouncer({ server, log: () => undefined, poolMode });
      const engine = await newEngine({ ...profile, host: bouncer.host, port: bouncer.port }, { graceMs: 20_000 });
      try {
        const job = await engine.ended('SELECT 1 AS a');
        if (poolMode === 'transaction') {
          assert.equal(job.state, 'failed');
          assert.equal(job.record.error!.message, 'server.transactionPooler');
          assert.equal(job.record.pid, undefined, 'nothing was launched');
        } else {
          assert.deepEqual(outcomeOf(job), ['succeeded', 'SELECT', 1, undefined]);
          const sleeper = engine.run('SELECT pg_sleep(60)');
          await atWork(engine, sleeper);
          assert.equal(await engine.jobs.cancel(sleeper.id), 'stopped');
        }
      } finally {
        await engine.close();
        await bouncer.stop();
      }
    }
  });

  it('applies the limits of the role to workers, but not to its own queries', async () => {
    const profile = await newDatabase(server);
    const database = profile.database!;
    await server.psql(
      `ALTER DATABASE ${database} SET statement_timeout = '700ms'; ALTER DATABASE ${database} SET idle_session_timeout = '300ms'`,
    );
    const engine = await newEngine(profile, { maxConcurrentJobs: 0 });
    try {
      const bounded = engine.run('SELECT pg_sleep(60)');
      const free = engine.run('SELECT pg_sleep(2)', { statementTimeoutMs: 0 });
      await bounded.ended;
      assert.deepEqual(outcomeOf(bounded), ['failed', undefined, undefined, '57014']);
      await free.ended;
      assert.deepEqual(outcomeOf(free), ['succeeded', 'SELECT', 1, undefined]);
      assert.equal((await engine.ended("SELECT current_setting('statement_timeout')")).state, 'succeeded');
      const tiny = await engine.ended('SELECT pg_sleep(60)', { statementTimeoutMs: 1 });
      assert.deepEqual(outcomeOf(tiny), ['failed', undefined, undefined, '57014'], 'the launch itself is not timed');
    } finally {
      await engine.close();
    }
  });

  describe('roles', () => {
    let profile: ConnectionProfile;

    before(async () => {
      profile = await newDatabase(server);
      await server.psql(
        `CREATE ROLE plain LOGIN; CREATE ROLE runner LOGIN IN ROLE pgbackground_role; CREATE ROLE monitor LOGIN IN ROLE pg_read_all_stats;`,
        { database: profile.database! },
      );
    });

    const as = (user: string) => newEngine({ ...profileOf(server, profile.database!), user }, { graceMs: 20_000 });

    it('fails a job of a role without the privilege to launch, and reports how to grant it', async () => {
      const engine = await as('plain');
      try {
        const job = await engine.ended('SELECT 1');
        assert.deepEqual(outcomeOf(job), ['failed', undefined, undefined, '42501']);
        assert.match(job.record.error!.message, /permission denied/);
        assert.equal(job.record.error?.fault?.code, 'server.launchDenied');
      } finally {
        await engine.close();
      }
    });

    it('lets a role with the privilege run and cancel jobs, which another role can see but not cancel', async () => {
      const runner = await as('runner');
      const monitor = await as('monitor');
      const plain = await as('plain');
      try {
        const job = runner.run('SELECT pg_sleep(60)', { label: 'of runner' });
        await atWork(runner, job);
        const { workers } = await monitor.link.refresh();
        const worker = workers.find(({ pid }) => pid === job.record.pid)!;
        assert.deepEqual([worker.user, worker.label], ['runner', 'of runner']);
        assert.ok(!(await plain.link.refresh()).workers.some(({ pid }) => pid === job.record.pid));
        await assert.rejects(
          cancelForeign({ link: monitor.link, worker, graceMs: 1000 }, systemClock),
          /server\.signalDenied \(message=permission denied/,
        );
        assert.equal(await reaches(runner.jobs, job, 'running'), 'running');
        assert.equal(await runner.jobs.cancel(job.id), 'stopped');
      } finally {
        await Promise.all([runner, monitor, plain].map((engine) => engine.close()));
      }
    });
  });
});

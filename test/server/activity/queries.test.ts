import assert from 'node:assert/strict';
import { ActivityWatch, type SeenActivity } from '../../../src/core/jobs/activity/activityWatch';
import type { ActivitySnapshot } from '../../../src/core/jobs/ports';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { atWork, newDatabase, newEngine, sharedServer, type Engine, type TestServer } from '../support';

/** What only the queries about one worker, and only the activity query, contain. */
const INSPECTION = 'pg_catalog.pg_locks';
const ACTIVITY = "'max_worker_processes'";

describe('the cost of activity on the server', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    await server.psql(`ALTER DATABASE ${profile.database!} SET log_statement = 'all'`);
    await server.psql('ALTER SYSTEM SET log_line_prefix = $$%d %p $$');
    await server.psql('SELECT pg_reload_conf()');
    engine = await newEngine(profile);
  });
  after(async () => {
    await engine.close();
    await server.psql('ALTER SYSTEM RESET log_line_prefix');
    await server.psql('SELECT pg_reload_conf()');
  });

  /** How many statements of the database in the server's log contain a text. */
  const logged = async (text: string): Promise<number> => {
    const entries = (await server.serverLog()).split(/^(?=\S+ \d+ [A-Z]+: )/m);
    return entries.filter((entry) => entry.startsWith(`${profile.database!} `) && entry.includes(text)).length;
  };

  const snapshots = (count: number): Promise<void> =>
    new Promise((resolve) => {
      let seen = 0;
      const listener = engine.link.onSnapshot(() => {
        if (++seen < count) return;
        listener.dispose();
        resolve();
      });
    });

  it('is one query about the watched worker per second, while it is watched, and none otherwise', async () => {
    const job = engine.run('SELECT pg_sleep(60)');
    await atWork(engine, job);
    const steady = engine.link.watch('steady');
    await snapshots(2);
    assert.equal(await logged(INSPECTION), 0);

    const taken: ActivitySnapshot[] = [];
    const listener = engine.link.onSnapshot((snapshot) => taken.push(snapshot));
    // Even while snapshots are taken much more often, because a worker is being launched.
    const fast = engine.link.watch('fast');
    const seen: SeenActivity[] = [];
    const { pid, backendStart } = job.record;
    await new Promise<void>((resolve) => {
      const watch = new ActivityWatch(engine.link, { pid: pid!, backendStart: backendStart! }, (one) => {
        seen.push(one);
        if (seen.length < 3) return;
        watch.dispose();
        resolve();
      });
    });
    fast.dispose();
    listener.dispose();
    for (const { inspection, error } of seen) assert.equal(inspection?.waitEvent, 'PgSleep', String(error));
    assert.equal(await logged(INSPECTION), 3);
    assert.ok(taken.length > 20, `${taken.length} snapshots`);

    await snapshots(2);
    assert.equal(await logged(INSPECTION), 3);
    steady.dispose();
    await engine.jobs.cancel(job.id);
    assert.equal(await logged(INSPECTION), 3);
  });

  it('is no query at all while no job runs and no view is visible', async () => {
    await engine.ended('SELECT 1');
    // Any other statement, so that a query that was sent before it is in the log.
    await engine.link.refresh();
    const before = await logged(ACTIVITY);
    assert.ok(before > 0);
    const link = await newEngine(profile);
    try {
      await link.ended('SELECT 2');
      await link.ended('SELECT 3');
    } finally {
      await link.close();
    }
    const other = await logged(ACTIVITY);
    await engine.link.refresh();
    assert.equal((await logged(ACTIVITY)) - other, 1);
  });
});

import assert from 'node:assert/strict';
import { ActivityWatch, type SeenActivity } from '../../../src/core/jobs/activity/activityWatch';
import type { ActivitySnapshot } from '../../../src/core/jobs/ports';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { atWork, newDatabase, newEngine, newServer, type Engine, type TestServer } from '../support';

/** What only the queries about one worker, and only the activity query, contain. */
const INSPECTION = 'pg_catalog.pg_locks';
const ACTIVITY = "'max_worker_processes'";

describe('the cost of activity on the server', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;

  before(async () => {
    // A separate one, whose log has no queries of other tests.
    server = await newServer({ log_statement: 'all', log_line_prefix: 'entry ' });
    profile = await newDatabase(server);
    engine = await newEngine(profile);
  });
  after(async () => {
    await engine.close();
    await server.stop();
  });

  /** How many statements in the server's log contain a text. */
  const logged = async (text: string): Promise<number> => {
    const entries = (await server.serverLog()).split(/^entry /m);
    return entries.filter((entry) => entry.startsWith('LOG:') && entry.includes(text)).length;
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

  it('is no query at all after the last job has ended, while no view is visible', async () => {
    await engine.ended('SELECT 1');
    // Queries are logged in the order in which they run, so those that were due before this one are in the log.
    await engine.link.refresh();
    const before = await logged(ACTIVITY);
    await server.psql('SELECT pg_sleep(2.5)');
    assert.equal(await logged(ACTIVITY), before);
  });
});

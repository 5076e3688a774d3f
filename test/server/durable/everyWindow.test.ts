import assert from 'node:assert/strict';
import { purgeSeen } from '../../../src/core/postgres/durable/purge';
import { removalSql, runScript, setUp } from '../../../src/core/postgres/durable/setup';
import type { Job } from '../../../src/core/jobs/job';
import { withGate } from '../../gate';
import { newEngine, reaches, sharedServer, until, type Engine } from '../support';
import { newDurableDatabase, sees, type DurableDatabase } from './support';

describe('what is done with durable jobs in one window, in another one', function () {
  this.timeout(60_000);
  let database: DurableDatabase;
  let one: Engine;
  let two: Engine;

  beforeEach(async () => {
    database = await newDurableDatabase(await sharedServer());
    one = await newEngine(database.profile);
    two = await newEngine(database.profile);
    await one.link.connect();
    await two.link.connect();
  });
  afterEach(async () => {
    await one.close();
    await two.close();
    await database.close();
  });

  const launch = async (sql: string): Promise<Job> =>
    (await one.jobs.launch({ sql, label: 'test', connection: database.profile.name, durable: true })).job;
  const ended = async (sql: string): Promise<Job> => one.jobs.waitFor((await launch(sql)).id);
  const shown = async (state: string): Promise<Job> => {
    await sees(two, () => two.jobs.jobs.some((job) => job.state === state));
    return two.jobs.jobs[0]!;
  };

  it('they disappear when durable jobs are removed', async () => {
    await launch('SELECT 1 AS one');
    await shown('succeeded');
    await runScript(database.admin.client, removalSql());
    await sees(two, () => two.jobs.jobs.length === 0);
    await sees(one, () => one.jobs.jobs.length === 0);
    // Without the notification of the script, when they are read the next time.
    await setUp(database.admin.client);
    await withGate(database.profile, async (gate) => {
      const job = await launch(`DO $$ BEGIN PERFORM ${gate.wait}; END $$`);
      await reaches(one.jobs, job, 'running');
      await database.admin.client.query('DROP SCHEMA pgbackground_jobs, pgbackground_rows CASCADE');
      await assert.rejects(one.jobs.cancel(job.id), {
        fault: { code: 'durable.notSetUp', params: { database: database.profile.database } },
      });
      await database.admin.client.query("NOTIFY pgbackground_jobs, '1'");
      await sees(one, () => one.jobs.jobs.length === 0);
      await gate.open();
    });
  });

  it('a pin is shown, and keeps a job from being purged by its age on any computer', async () => {
    const own = await ended('SELECT 1 AS one');
    const job = await shown('succeeded');
    await one.jobs.setPinned(own.id, true);
    assert.equal(own.pinned, true);
    await until(two.jobs, job, () => job.pinned);
    const age = "UPDATE pgbackground_jobs.jobs SET seen_at = seen_at - interval '9 days'";
    await database.admin.client.query(age);
    assert.deepEqual(await purgeSeen(database.admin.client, 1), []);
    assert.equal(await two.jobs.clearFinished(), 0);
    await two.jobs.setPinned(job.id, false);
    await until(one.jobs, own, () => !own.pinned);
    // It counts as seen now.
    assert.deepEqual(await purgeSeen(database.admin.client, 1), []);
    await database.admin.client.query(age);
    assert.equal((await purgeSeen(database.admin.client, 1))?.length, 1);
  });

  it('a job can be pinned before it ends', async () => {
    await withGate(database.profile, async (gate) => {
      const job = await launch(`SELECT ${gate.wait} IS NULL`);
      await reaches(one.jobs, job, 'running');
      await one.jobs.setPinned(job.id, true);
      await one.jobs.setPinned(job.id, false);
      assert.equal((await database.admin.jobs())[0]?.seen, false);
      await one.jobs.setPinned(job.id, true);
      await gate.open();
      await one.jobs.waitFor(job.id);
      assert.deepEqual([job.state, job.pinned], ['succeeded', true]);
    });
  });

  it('their durations are those of earlier runs', async () => {
    for (const n of [1, 2, 3]) await ended(`SELECT ${n} AS one`);
    await sees(two, () => two.jobs.jobs.filter(({ final }) => final).length === 3);
    const job = await launch('SELECT 4 AS one');
    await sees(two, () => two.jobs.get(job.id) !== undefined);
    assert.equal(two.jobs.usualDuration(two.jobs.get(job.id)!)?.runs, 3);
  });
});

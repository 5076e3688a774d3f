import assert from 'node:assert/strict';
import { Client } from 'pg';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { atWork, newDatabase, newEngine, sharedServer, type Engine, type TestServer } from './support';

describe('invalid indexes that a job leaves', () => {
  let server: TestServer;
  let profile: ConnectionProfile;
  let engine: Engine;

  const query = (sql: string): Promise<string> => server.psql(sql, { database: profile.database! });

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    engine = await newEngine(profile, { maxConcurrentJobs: 0 });
    await query('CREATE TABLE "T 1" (a int); INSERT INTO "T 1" VALUES (1), (1); CREATE INDEX valid ON "T 1" (a)');
    // Left by someone else before.
    await query('CREATE UNIQUE INDEX CONCURRENTLY older ON "T 1" (a)').catch(() => undefined);
  });
  after(() => engine.close());

  it('are reported if the build fails, by their exact names, without those that others left before', async () => {
    const job = await engine.ended('CREATE UNIQUE INDEX CONCURRENTLY "My ""Index" ON "T 1" (a)');
    assert.equal(job.record.error?.sqlstate, '23505');
    assert.deepEqual(
      job.record.invalidIndexes?.map(({ schema, name, table }) => [schema, name, table]),
      [['public', 'My "Index', 'T 1']],
    );
    assert.deepEqual(
      job.notices.map(({ fault }) => fault),
      [{ code: 'jobs.invalidIndex', params: { index: '"public"."My ""Index"', table: '"public"."T 1"' } }],
    );
    assert.equal((await engine.ended('DROP INDEX CONCURRENTLY "public"."My ""Index"')).state, 'succeeded');
  });

  it('are reported if a rebuild is canceled', async () => {
    const { host, port, user, database } = profile;
    const holder = new Client({ host, port: Number(port), user, database });
    await holder.connect();
    await holder.query('BEGIN; INSERT INTO "T 1" VALUES (2)');
    try {
      const job = engine.run('REINDEX INDEX CONCURRENTLY valid');
      await atWork(engine, job, 'virtualxid').catch(() => undefined);
      assert.equal(await engine.jobs.cancel(job.id), 'stopped');
      assert.equal(job.state, 'canceled');
      assert.deepEqual(
        job.record.invalidIndexes?.map(({ name }) => name),
        ['valid_ccnew'],
      );
    } finally {
      await holder.end();
    }
  });

  it('are none after a build that succeeded, or failed before it began', async () => {
    const built = await engine.ended('CREATE INDEX CONCURRENTLY fine ON "T 1" (a)');
    const refused = await engine.ended('CREATE INDEX CONCURRENTLY fine ON "T 1" (a)');
    assert.deepEqual([built.state, built.record.invalidIndexes], ['succeeded', undefined]);
    assert.deepEqual([refused.state, refused.record.invalidIndexes], ['failed', undefined]);
  });
});

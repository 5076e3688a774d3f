import assert from 'node:assert/strict';
import { inSession } from '../../../src/core/postgres/client/ownSession';
import { listPurgeable, purgeInParts, purgeSeen } from '../../../src/core/postgres/durable/purge';
import { markSeen } from '../../../src/core/postgres/durable/records';
import { openClient } from '../../../src/core/postgres/connect/open/open';
import { withGate } from '../../gate';
import { newDatabase, sharedServer, type TestServer } from '../support';
import { newDurableDatabase, type DurableDatabase } from './support';

describe('the purge of durable jobs', () => {
  let server: TestServer;
  let database: DurableDatabase;

  before(async () => {
    server = await sharedServer();
  });
  beforeEach(async () => {
    database = await newDurableDatabase(server);
  });
  afterEach(async () => {
    await database.close();
  });

  const rowsTables = (): Promise<string | null | undefined> =>
    database.admin.value("SELECT count(*)::text FROM pg_tables WHERE schemaname = 'pgbackground_rows'");
  const age = (id: string, days: number): Promise<unknown> =>
    database.admin.client.query(
      `UPDATE pgbackground_jobs.jobs SET seen_at = clock_timestamp() - make_interval(days => ${days}) WHERE id = ${id}`,
    );

  it('lists finished jobs with their size and owner, and purges what was chosen', async () => {
    const alice = await database.role('alice');
    const first = await alice.ended('SELECT 1 AS one', { label: 'first' });
    const second = await alice.ended('SELECT 1/0', { label: 'second' });
    await markSeen(alice.client, [first.id]);
    await withGate(alice.profile, async (gate) => {
      const { id } = await alice.launch(`SELECT ${gate.wait}`);
      await alice.until(id, ({ state }) => state === 'running');
      const listed = await inSession(openClient(alice.profile), listPurgeable);
      assert.deepEqual(
        listed.map(({ label, owner, state, seen, bytes }) => [label, owner, state, seen, Number(bytes) > 0]),
        [
          ['first', database.roleName('alice'), 'succeeded', true, true],
          ['second', database.roleName('alice'), 'failed', false, false],
        ],
      );
      const purged = await inSession(openClient(alice.profile), (client) => purgeInParts(client, [first.id, id]));
      assert.deepEqual(purged, [{ id: first.id, removed: true, problem: null }]);
      await gate.open();
      await alice.end(id);
    });
    assert.deepEqual(
      (await alice.jobs()).map(({ id }) => id).filter((id) => id === first.id || id === second.id),
      [second.id],
    );
  });

  it('includes the rows of records that were restored from another server or database, which can be read', async () => {
    const { admin } = database;
    for (const cluster of ['cluster + 1', 'cluster']) {
      const { id } = await admin.ended('SELECT 42 AS answer');
      await admin.client.query(`UPDATE pgbackground_jobs.jobs SET cluster = ${cluster}, rows_oid = 1 WHERE id = $1`, [
        id,
      ]);
      const restored = await admin.end(id);
      assert.deepEqual(await admin.rows(restored), [['42']], cluster);
      assert.equal(await rowsTables(), '1');
      await purgeInParts(admin.client, [id]);
      assert.equal(await rowsTables(), '0');
    }
  });

  it('purges very many jobs in several transactions', async () => {
    const { admin, profile } = database;
    await admin.client.query(`
      INSERT INTO pgbackground_jobs.jobs (label, sql, options, gated, state, finished_at, rows_table, rows_state)
        SELECT 'many', 'SELECT 1', '{}', true, 'succeeded', clock_timestamp(), 'r_' || i, 'stored' FROM generate_series(1, 120) AS i;
      DO $$ BEGIN FOR i IN 1..120 LOOP EXECUTE format('CREATE TABLE pgbackground_rows.r_%s (c1 int)', i); END LOOP; END $$;
      UPDATE pgbackground_jobs.jobs SET rows_oid = ('pgbackground_rows.' || rows_table)::regclass`);
    const ids = (await inSession(openClient(profile), listPurgeable)).map(({ id }) => id);
    const steps: number[] = [];
    await inSession(openClient(profile), (client) => purgeInParts(client, ids, (done) => steps.push(done)));
    assert.deepEqual(steps, [50, 100, 120]);
    assert.equal(await rowsTables(), '0');
  });

  it('after some days removes only jobs that were seen, and only those of the role itself', async () => {
    const alice = await database.role('alice');
    const bob = await database.role('bob', ['alice']);
    const old = await alice.ended('SELECT 1 AS one');
    const recent = await alice.ended('SELECT 2 AS two');
    const unseen = await alice.ended('SELECT 3 AS three');
    const bobs = await bob.ended('SELECT 4 AS four');
    await age(old.id, 8);
    await age(bobs.id, 8);
    await age(recent.id, 6);
    const ended = (profile: typeof alice.profile): Promise<string[] | undefined> =>
      inSession(openClient(profile), async (client) => (await purgeSeen(client, 7))?.map(({ id }) => id));
    assert.deepEqual(await ended(bob.profile), [bobs.id]);
    assert.deepEqual(await ended(alice.profile), [old.id]);
    assert.deepEqual(
      (await alice.jobs()).map(({ id }) => id),
      [recent.id, unseen.id],
    );
    assert.equal(await rowsTables(), '2');
  });

  it('does nothing without a setup', async () => {
    const profile = await newDatabase(server);
    assert.equal(await inSession(openClient(profile), (client) => purgeSeen(client, 1)), undefined);
    await assert.rejects(inSession(openClient(profile), listPurgeable), /durable\.notSetUp/);
  });
});

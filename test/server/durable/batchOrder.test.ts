import assert from 'node:assert/strict';
import { cancelJob, listJobs, pinJob, purgeJobs, readJob } from '../../../src/core/postgres/durable/records';
import { withGate } from '../../gate';
import { eventually, newEngine, sharedServer } from '../support';
import { DurableSession, endOf, launchBatch, newDurableDatabase, statesOf, type DurableDatabase } from './support';

describe('the list of durable jobs', () => {
  let database: DurableDatabase;

  before(async () => void (database = await newDurableDatabase(await sharedServer())));
  after(() => database.close());

  it('has all jobs of a batch, also those that are older than the newest jobs', async () => {
    const alice = await database.role('alice');
    await withGate(alice.profile, async (gate) => {
      const first = await alice.ended('SELECT 1');
      const { id: before } = await alice.launch(`SELECT ${gate.wait}`);
      const ids = await launchBatch(alice, ['SELECT 1', 'SELECT 2', 'SELECT 3'], { after: before });
      await gate.open();
      await endOf(alice, ids);
      const { id: last } = await alice.ended('SELECT 1');
      const { jobs, from } = await listJobs(alice.client, 2);
      assert.deepEqual([jobs.map(({ id }) => id), from], [[before, ...ids, last], ids.at(-1)]);
      const all = await listJobs(alice.client, 7);
      assert.deepEqual([all.jobs.map(({ id }) => id), all.from], [[first.id, before, ...ids, last], undefined]);
    });
    const bob = await database.role('bob');
    assert.deepEqual((await listJobs(bob.client, 2)).jobs, []);
  });
});

describe('durable batches, while other sessions change their records', () => {
  let database: DurableDatabase;
  let alice: DurableSession;
  let other: DurableSession;

  before(async () => {
    database = await newDurableDatabase(await sharedServer());
    alice = await database.role('alice');
    other = await DurableSession.open(alice.profile);
    await alice.client.query('CREATE TABLE marks (i int, at timestamptz DEFAULT clock_timestamp())');
  });
  after(async () => {
    await other.close();
    await database.close();
  });
  beforeEach(() => alice.client.query('TRUNCATE marks'));

  const marks = async (): Promise<string> =>
    (await alice.value("SELECT coalesce(string_agg(i::text, ' ' ORDER BY at), '') FROM marks")) ?? '';

  /** Launches statements that write marks after one that waits. In another session's transaction, changes the second one meanwhile. */
  async function changed(change: (id: string) => Promise<unknown>, then = ''): Promise<readonly string[]> {
    return withGate(alice.profile, async (gate) => {
      const texts = [`SELECT ${gate.wait}${then}`, ...[1, 2, 3].map((i) => `INSERT INTO marks VALUES (${i})`)];
      const ids = await launchBatch(alice, texts);
      const { keeperPid } = await alice.until(ids[0]!, ({ state }) => state === 'running');
      await other.client.query('BEGIN');
      await change(ids[1]!);
      await gate.open();
      await eventually(
        async () =>
          (await database.admin.value('SELECT wait_event_type FROM pg_stat_activity WHERE pid = $1', [keeperPid])) ===
            'Lock' || (await readJob(alice.client, ids[3]!))!.state !== 'queued',
        'the lane waits for the record, or overtakes it',
      );
      await other.client.query('COMMIT');
      return ids;
    });
  }

  it('keep the order if a statement is just being pinned', async () => {
    const ids = await changed((id) => pinJob(other.client, id, true));
    assert.deepEqual(statesOf(await endOf(alice, ids)), Array(4).fill('succeeded'));
    assert.equal(await marks(), '1 2 3');
  });

  it('do not run the statements after one that is just being canceled', async () => {
    const ids = await changed((id) => cancelJob(other.client, id));
    assert.deepEqual(statesOf(await endOf(alice, ids)), ['succeeded', 'canceled', 'canceled', 'canceled']);
    assert.equal(await marks(), '');
  });

  it('never begin a statement after a failure, although its record was locked when the batch stopped', async () => {
    const ids = await changed((id) => pinJob(other.client, id, true), '; SELECT 1 / 0');
    assert.deepEqual(statesOf(await endOf(alice, ids)), ['failed', 'canceled', 'canceled', 'canceled']);
    assert.equal(await marks(), '');
  });

  it('go on if the job after which they run is purged once they have begun', async () => {
    await withGate(alice.profile, (first) =>
      withGate(alice.profile, async (second) => {
        const { id } = await alice.launch(`SELECT ${first.wait}`);
        const texts = [`SELECT ${second.wait}`, 'INSERT INTO marks VALUES (1)'];
        const ids = await launchBatch(alice, texts, { after: id });
        await first.open();
        await alice.until(ids[0]!, ({ state }) => state === 'running');
        assert.deepEqual(await purgeJobs(alice.client, [id]), [{ id, removed: true, problem: null }]);
        await second.open();
        assert.deepEqual(statesOf(await endOf(alice, ids)), ['succeeded', 'succeeded']);
      }),
    );
  });

  it('show a column that was added after the launch', async () => {
    await alice.client.query('CREATE TABLE grows (a int)');
    const engine = await newEngine(alice.profile);
    try {
      const connection = alice.profile.name;
      const add = 'ALTER TABLE grows ADD COLUMN "b,c1" numeric(9,2) DEFAULT 5';
      await alice.client.query(
        `CREATE FUNCTION grow() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN EXECUTE '${add}'; END $f$`,
      );
      const { jobs } = await engine.jobs.durable.launchBatch(
        ['SELECT grow()', 'INSERT INTO grows VALUES (1)', 'SELECT * FROM grows'].map((sql) => ({
          request: { sql, label: sql, connection },
        })),
        { label: 'grow', parallel: 1, onFailure: 'stop' },
      );
      await Promise.all(jobs.map((job) => job.ended));
      const last = jobs[2]!;
      assert.equal(last.state, 'succeeded');
      assert.deepEqual(await engine.rows(last), [['1', '5.00']]);
      assert.deepEqual(
        last.record.columns?.map(({ name, type }) => [name, type]),
        [
          ['a', 'integer'],
          ['b,c1', 'numeric(9,2)'],
        ],
      );
    } finally {
      await engine.close();
    }
  });
});

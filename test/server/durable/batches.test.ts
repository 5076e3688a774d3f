import assert from 'node:assert/strict';
import { cancelJob, readJob, resolveJobs, type DurableRecord } from '../../../src/core/postgres/durable/records';
import { withGate } from '../../gate';
import { eventually, sharedServer, type TestServer } from '../support';
import {
  endOf,
  launchBatch,
  newDurableDatabase,
  statesOf,
  type DurableDatabase,
  type DurableSession,
  type OldVersion,
} from './support';

for (const version of [undefined, '1.8'] as readonly OldVersion[]) {
  describe(`durable batches (${version ?? 'current version'})`, () => {
    let server: TestServer;
    let database: DurableDatabase;
    let alice: DurableSession;

    before(async () => {
      server = await sharedServer();
      database = await newDurableDatabase(server, version);
      alice = await database.role('alice');
      await alice.client.query('CREATE TABLE marks (i int, at timestamptz DEFAULT clock_timestamp())');
    });
    after(() => database.close());
    beforeEach(() => alice.client.query('TRUNCATE marks'));

    const marks = async (): Promise<string> =>
      (await alice.value("SELECT coalesce(string_agg(i::text, ' ' ORDER BY at), '') FROM marks")) ?? '';

    it('run in order, each with its rows and its place in the batch', async () => {
      const ids = await launchBatch(alice, [
        'INSERT INTO marks VALUES (0)',
        'INSERT INTO marks VALUES (1) RETURNING i',
        'SELECT i FROM marks ORDER BY i',
      ]);
      const jobs = await endOf(alice, ids);
      assert.deepEqual(statesOf(jobs), ['succeeded', 'succeeded', 'succeeded']);
      assert.equal(await marks(), '0 1');
      assert.deepEqual(await alice.rows(jobs[2]!), [['0'], ['1']]);
      assert.deepEqual(
        jobs.map(({ batch }) => [batch?.key === jobs[0]!.batch?.key, batch?.index, batch?.options]),
        [0, 1, 2].map((index) => [true, index, { label: 'batch', count: 3, parallel: 1, onFailure: 'stop' }]),
      );
    });

    it('keep the rows of statements that need what an earlier one creates', async () => {
      const jobs = await endOf(
        alice,
        await launchBatch(alice, [
          'CREATE TABLE made (a int, b text)',
          "INSERT INTO made VALUES (1, 'x') RETURNING *",
          'SELECT * FROM made',
          'ALTER TABLE made ADD COLUMN c int DEFAULT 7',
          'SELECT * FROM made',
          'DROP TABLE made',
        ]),
      );
      assert.deepEqual(statesOf(jobs), Array(6).fill('succeeded'), JSON.stringify(jobs));
      for (const index of [1, 2, 4]) assert.equal(jobs[index]!.rowsState, 'stored', JSON.stringify(jobs[index]));
    });

    it('stop after a failure, or go on', async () => {
      const texts = [
        'INSERT INTO marks VALUES (0)',
        'SELECT 1 / 0',
        'INSERT INTO marks VALUES (2)',
        'INSERT INTO marks VALUES (3)',
      ];
      const stopped = await endOf(alice, await launchBatch(alice, texts));
      assert.deepEqual(statesOf(stopped), ['succeeded', 'failed', 'canceled', 'canceled']);
      for (const job of stopped.slice(2)) {
        assert.deepEqual(
          [job.reason, job.stoppedBy, job.startedAt],
          ['batch_stopped', { label: 'statement 1', state: 'failed' }, null],
        );
      }
      assert.equal(await marks(), '0');
      const went = await endOf(alice, await launchBatch(alice, texts, { onFailure: 'continue' }));
      assert.deepEqual(statesOf(went), ['succeeded', 'failed', 'succeeded', 'succeeded']);
    });

    it('run as many at a time as was asked for, never more', async () => {
      await alice.client.query('CREATE TABLE IF NOT EXISTS busy (i int)');
      await withGate(alice.profile, async (gate) => {
        const count = "INSERT INTO busy SELECT count(*) FROM pgbackground_jobs.jobs WHERE state = 'running'";
        const waiting = Array<string>(2).fill(`SELECT ${gate.wait}; ${count}`);
        const ids = await launchBatch(alice, [...waiting, ...Array<string>(10).fill(count)], { parallel: 2 });
        for (const id of ids.slice(0, 2)) await alice.until(id, ({ state }) => state === 'running');
        for (const id of ids.slice(2)) assert.equal((await readJob(alice.client, id))?.state, 'queued');
        await gate.open();
        assert.deepEqual(statesOf(await endOf(alice, ids)), Array(12).fill('succeeded'));
      });
      assert.equal(await alice.value('SELECT (max(i) <= 2)::text FROM busy'), 'true');
    });

    it('are canceled: one that waits at once, with those after it, and the one that runs', async () => {
      await withGate(alice.profile, async (gate) => {
        const texts = [`SELECT ${gate.wait}`, ...[1, 2, 3].map((i) => `INSERT INTO marks VALUES (${i})`)];
        const ids = await launchBatch(alice, texts);
        await alice.until(ids[0]!, ({ state }) => state === 'running');
        assert.equal(await cancelJob(alice.client, ids[2]!), 'canceled');
        const last = (await readJob(alice.client, ids[3]!))!;
        assert.deepEqual(
          [last.state, last.reason, last.stoppedBy],
          ['canceled', 'batch_stopped', { label: 'statement 2', state: 'canceled' }],
        );
        await gate.open();
        assert.deepEqual(statesOf(await endOf(alice, ids)), ['succeeded', 'succeeded', 'canceled', 'canceled']);
        await gate.close();
        const others = await launchBatch(alice, texts, { onFailure: 'continue' });
        await alice.until(others[0]!, ({ state }) => state === 'running');
        await cancelJob(alice.client, others[0]!);
        assert.deepEqual(statesOf(await endOf(alice, others)), ['canceled', 'succeeded', 'succeeded', 'succeeded']);
        const all = await launchBatch(alice, texts);
        await alice.until(all[0]!, ({ state }) => state === 'running');
        for (const id of all.toReversed()) await cancelJob(alice.client, id);
        assert.deepEqual(statesOf(await endOf(alice, all)), Array(4).fill('canceled'));
      });
      assert.equal(await marks(), '1 1 2 3');
    });

    it('go on in the other lane if one is terminated, and never begin the rest without one', async () => {
      await withGate(alice.profile, async (gate) => {
        const texts = [
          `INSERT INTO marks VALUES (0); SELECT ${gate.wait}`,
          'INSERT INTO marks VALUES (1)',
          'INSERT INTO marks VALUES (2)',
        ];
        const alone = await launchBatch(alice, texts);
        await terminateKeeper(alone[0]!);
        await eventually(async () => (await resolveJobs(alice.client)) === 2, 'the others are recorded');
        const [first, ...rest] = await Promise.all(alone.map((id) => readJob(alice.client, id)));
        assert.equal(first?.state, 'running');
        for (const job of rest) assert.deepEqual([job?.state, job?.reason], ['failed', 'never_began']);
        const two = await launchBatch(alice, texts, { parallel: 2 });
        await terminateKeeper(two[0]!);
        assert.deepEqual(statesOf(await endOf(alice, two.slice(1))), ['succeeded', 'succeeded']);
        await gate.open();
        for (const id of [alone[0]!, two[0]!]) {
          await eventually(async () => {
            await resolveJobs(alice.client);
            return (await readJob(alice.client, id))?.state === 'succeeded';
          }, 'the outcome of the work is recorded');
        }
      });
    });

    it('stop because of a statement whose keeper was terminated, once it has failed', async () => {
      await withGate(alice.profile, (first) =>
        withGate(alice.profile, async (second) => {
          const texts = [`SELECT ${first.wait}; SELECT 1 / 0`, `SELECT ${second.wait}`, 'INSERT INTO marks VALUES (2)'];
          const ids = await launchBatch(alice, texts, { parallel: 2 });
          await alice.until(ids[1]!, ({ state }) => state === 'running');
          const { workerXid } = await terminateKeeper(ids[0]!);
          await first.open();
          await eventually(
            async () => (await alice.value('SELECT pg_xact_status($1::xid8)', [workerXid])) === 'aborted',
            'it fails',
          );
          await second.open();
          const jobs = await endOf(alice, ids);
          assert.deepEqual(statesOf(jobs), ['failed', 'succeeded', 'canceled']);
          assert.deepEqual(jobs[2]!.stoppedBy, { label: 'statement 0', state: 'failed' });
        }),
      );
      assert.equal(await marks(), '');
    });

    it('stop if a worker is terminated, and if nothing proves an outcome', async () => {
      await withGate(alice.profile, async (gate) => {
        const ids = await launchBatch(alice, [`SELECT ${gate.wait}`, 'INSERT INTO marks VALUES (1)']);
        const { workerPid } = await alice.until(ids[0]!, ({ state }) => state === 'running');
        await database.admin.value('SELECT pg_terminate_backend($1)::text', [workerPid]);
        assert.deepEqual(statesOf(await endOf(alice, ids)), ['failed', 'canceled']);
      });
      await withGate(alice.profile, async (gate) => {
        const texts = [`DO $$ BEGIN PERFORM ${gate.wait}; END $$`, 'INSERT INTO marks VALUES (1)'];
        const ids = await launchBatch(alice, texts);
        const { workerPid } = await alice.until(
          ids[0]!,
          ({ state, workerPid: pid }) => state === 'running' && pid !== null,
        );
        // A process that has just started gets no signal yet.
        await eventually(
          async () => (await database.admin.value('SELECT pg_terminate_backend($1)::text', [workerPid])) === 'true',
          'the worker is terminated',
        );
        const jobs = await endOf(alice, ids);
        assert.notEqual(jobs[0]!.state, 'succeeded');
        assert.equal(jobs[1]!.state, 'canceled');
      });
      assert.equal(await marks(), '');
    });

    it('run after another job: always, or only if it succeeds', async () => {
      await withGate(alice.profile, async (gate) => {
        const { id } = await alice.launch(`SELECT ${gate.wait}`);
        const ids = await launchBatch(alice, ['INSERT INTO marks VALUES (1)'], { after: id });
        await alice.until(id, ({ state }) => state === 'running');
        const job = await readJob(alice.client, ids[0]!);
        assert.deepEqual([job?.state, job?.batch?.after, job?.batch?.index], ['queued', id, 1]);
        await gate.open();
        assert.deepEqual(statesOf(await endOf(alice, ids)), ['succeeded']);
        await gate.close();
        const failing = await alice.launch(`SELECT ${gate.wait}; SELECT 1 / 0`, { label: 'failing' });
        const stopped = await launchBatch(alice, ['INSERT INTO marks VALUES (2)'], { after: failing.id });
        const always = await launchBatch(alice, ['INSERT INTO marks VALUES (3)'], {
          after: failing.id,
          onFailure: 'continue',
        });
        await gate.open();
        const [never] = await endOf(alice, stopped);
        assert.deepEqual([never?.state, never?.stoppedBy], ['canceled', { label: 'failing', state: 'failed' }]);
        assert.deepEqual(statesOf(await endOf(alice, always)), ['succeeded']);
      });
      assert.equal(await marks(), '1 3');
    });

    it('are refused as a whole if a statement does not parse, with its place', async () => {
      const before = (await alice.jobs()).length;
      await assert.rejects(launchBatch(alice, ['SELECT 1', 'SELECT 1,\n  FROM;\n']), (error: { fault?: unknown }) => {
        const { params, cause } = error.fault as {
          params: unknown;
          cause?: { code: string; params: { message: string } };
        };
        assert.deepEqual(params, { number: 2, line: 2, label: 'statement 1' });
        assert.match(cause?.params.message ?? '', /syntax error at or near "FROM"/);
        return true;
      });
      await assert.rejects(
        launchBatch(alice, Array<string>(64).fill('SELECT 1'), { parallel: 64 }),
        /durable\.noSlots/,
      );
      assert.equal((await alice.jobs()).length, before);
    });

    it('are hidden from other roles, whose lanes do not run them', async () => {
      const bob = await database.role('bob');
      await withGate(alice.profile, async (gate) => {
        const ids = await launchBatch(alice, [`SELECT ${gate.wait}`, 'INSERT INTO marks VALUES (1)']);
        const { batch } = await alice.until(ids[0]!, ({ state }) => state === 'running');
        assert.deepEqual(await bob.jobs(), []);
        assert.equal(await cancelJob(bob.client, ids[1]!), undefined);
        for (const { client } of [bob, database.admin]) {
          await client.query(
            'SELECT pgbackground_jobs.stop_batch(t.batch_key, t.owner) FROM pgbackground_jobs.jobs AS t',
          );
          await client.query('CREATE TEMP TABLE own (x xid8); INSERT INTO own VALUES (pg_current_xact_id())');
          const own = (await client.query<{ x: string }>('SELECT x::text FROM own')).rows[0]!.x;
          await client.query(`CALL pgbackground_jobs.keep_batch(${batch!.key}, '${own}', NULL)`);
          await client.query('RESET search_path; RESET client_min_messages; SELECT pg_advisory_unlock_all()');
        }
        // A failed job with the same key, and with options that cannot be read.
        await bob.client.query(
          `INSERT INTO pgbackground_jobs.jobs (label, sql, options, gated, keeper_key, batch_key, batch_index, batch_options)
           SELECT 'forged', '', '{}', true, 0, $1, n, '{"onFailure":"stop","label":"\\u0000"}' FROM generate_series(0, 1) AS n`,
          [batch!.key],
        );
        await bob.client.query(
          "UPDATE pgbackground_jobs.jobs SET state = 'failed', started_at = now() WHERE batch_index = 0",
        );
        await database.admin.client.query(
          'SELECT pgbackground_jobs.stop_batch(t.batch_key, t.owner) FROM pgbackground_jobs.jobs AS t',
        );
        assert.equal((await readJob(alice.client, ids[1]!))?.state, 'queued');
        await gate.open();
        assert.deepEqual(statesOf(await endOf(alice, ids)), ['succeeded', 'succeeded']);
      });
    });

    /** Ends the lane that runs a statement. */
    async function terminateKeeper(id: string): Promise<DurableRecord> {
      const job = await alice.until(id, ({ state, workerXid }) => state === 'running' && workerXid !== null);
      await database.admin.value('SELECT pg_terminate_backend($1)::text', [job.keeperPid]);
      return job;
    }
  });
}

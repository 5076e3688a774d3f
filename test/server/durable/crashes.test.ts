import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { TypeCache } from '../../../src/core/postgres/client/typeCache';
import { launchDurableBatch } from '../../../src/core/postgres/durable/launchBatch';
import { resolveJobs, type DurableRecord } from '../../../src/core/postgres/durable/records';
import { Random } from '../../unit/sql/random';
import { eventually, newServer, type TestServer } from '../support';
import { DurableSession, newDurableDatabase, type DurableDatabase } from './support';

/** PGBG_DURABLE_RUNS=200 is the long form. PGBG_DURABLE_SEED repeats the runs of another seed. */
const RUNS = Number(process.env['PGBG_DURABLE_RUNS'] ?? 12);
const SEED = Number(process.env['PGBG_DURABLE_SEED'] ?? 1);

const EVENTS = ['keeper terminated', 'worker terminated', 'fast stop', 'immediate stop'] as const;
type Event = (typeof EVENTS)[number];

/** How long after the launch was sent the event comes, at most: long enough for all phases of most jobs. Milliseconds. */
const MAX_DELAY_MS = 60;

describe('durable jobs hit in any phase', () => {
  let server: TestServer;
  let database: DurableDatabase;
  let alice: DurableSession;

  before(async () => {
    server = await newServer();
    database = await newDurableDatabase(server);
    alice = await database.role('alice');
    await alice.client.query(
      'CREATE TABLE marks (run int); CREATE TABLE later (i int); CREATE TABLE steps (run int, i int)',
    );
  });
  after(async () => {
    await server.stop('immediate');
  });

  async function reopen(): Promise<void> {
    await alice.close().catch(() => undefined);
    alice = await DurableSession.open(alice.profile);
  }

  async function strike(event: Event): Promise<void> {
    if (event === 'fast stop') return server.restart('fast');
    if (event === 'immediate stop') return server.restart('immediate');
    const column = event === 'keeper terminated' ? 'keeper_pid' : 'worker_pid';
    await server.psql(
      `SELECT pg_terminate_backend(a.pid) FROM pgbackground_jobs.jobs j JOIN pg_stat_activity a ON a.pid = j.${column}
        WHERE j.state IN ('queued', 'running') AND a.backend_type = 'pg_background'`,
      { database: alice.profile.database! },
    );
  }

  async function outcome(label: string): Promise<DurableRecord | undefined> {
    let job: DurableRecord | undefined;
    await eventually(async () => {
      await resolveJobs(alice.client);
      job = (await alice.jobs()).find((one) => one.label === label);
      return job === undefined || (job.state !== 'queued' && job.state !== 'running');
    }, 'the outcome is recorded');
    return job;
  }

  for (let run = 0; run < RUNS; run++) {
    const event = EVENTS[run % EVENTS.length]!;
    it(`never succeed without a commit, and never lose a proven one: ${event}, run ${run}`, async () => {
      const random = new Random(SEED * 10_007 + run);
      const ungated = random.chance(20);
      const sleep = (random.below(300) / 10_000).toFixed(4);
      const fails = random.chance(15);
      const delay = random.below(MAX_DELAY_MS * 10) / 10;
      const async = random.chance(25);
      const mark = `INSERT INTO marks VALUES (${run})`;
      const sql = ungated
        ? `DO $$ BEGIN ${mark}; PERFORM pg_sleep(${sleep}); ${fails ? 'PERFORM 1 / 0;' : ''} END $$`
        : `${mark}; SELECT pg_sleep(${sleep}); SELECT g${fails ? ' / 0' : ''} FROM generate_series(1, 200) AS g`;
      const label = `run ${run}`;
      const settings = async ? { synchronous_commit: 'off' } : {};
      const launched = alice.launch(sql, { label, settings }).then(
        () => undefined,
        (error: unknown) => error,
      );
      await pause(delay);
      await strike(event);
      await launched;
      if (event.endsWith('stop')) await reopen();
      // A transaction id that was lost in a crash would be assigned to one of these, which commit.
      for (let i = 0; i < 20; i++) await alice.client.query('INSERT INTO later VALUES (1)');
      const job = await outcome(label);
      const marks = await alice.value('SELECT count(*)::text FROM marks WHERE run = $1', [run]);
      const context = `${sql} after ${delay.toFixed(1)} ms: ${JSON.stringify(job)}, marks: ${marks ?? ''}`;
      if (job === undefined) assert.equal(marks, '0', context);
      else if (job.gated) {
        assert.equal(job.state === 'succeeded', marks === '1', context);
        assert.notEqual(job.state, 'unknown', context);
        const table = await alice.value("SELECT to_regclass('pgbackground_rows.' || $1)::oid::text", [job.rowsTable]);
        assert.equal((table ?? null) !== null, marks === '1', context);
        if (marks === '1') assert.equal((await alice.rows(job)).length, 200, context);
      } else if (job.state !== 'unknown') assert.equal(job.state === 'succeeded', marks === '1', context);
    }).timeout(60_000);
  }

  for (let run = 0; run < RUNS; run++) {
    const event = EVENTS[run % EVENTS.length]!;
    it(`in a batch run once at most, in order, and show nothing but the truth: ${event}, run ${run}`, async () => {
      const random = new Random(SEED * 20_011 + run);
      const parallel = 1 + random.below(3);
      const onFailure = random.chance(50) ? 'stop' : 'continue';
      const fails = random.chance(40) ? random.below(6) : -1;
      const delay = random.below(MAX_DELAY_MS * 30) / 10;
      const statements = Array.from({ length: 6 }, (_, i) => {
        const mark = `INSERT INTO steps VALUES (${run}, ${i})`;
        const sleep = `SELECT pg_sleep(${(random.below(200) / 10_000).toFixed(4)})`;
        const sql = random.chance(20)
          ? `DO $$ BEGIN ${mark}; PERFORM pg_sleep(0.01); ${i === fails ? 'PERFORM 1 / 0;' : ''} END $$`
          : `${mark}; ${sleep}; SELECT 1${i === fails ? ' / 0' : ''} AS one`;
        return { sql, label: `batch ${run}: ${i}` };
      });
      const options = { label: `batch ${run}`, parallel, onFailure } as const;
      const launched = launchDurableBatch(alice.client, new TypeCache(), statements, options).catch(() => undefined);
      await pause(delay);
      await strike(event);
      await launched;
      if (event.endsWith('stop')) await reopen();
      for (let i = 0; i < 20; i++) await alice.client.query('INSERT INTO later VALUES (1)');
      const all = async (): Promise<DurableRecord[]> =>
        (await alice.jobs()).filter(({ label }) => label.startsWith(`batch ${run}: `));
      await eventually(async () => {
        await resolveJobs(alice.client);
        return (await all()).every(({ state }) => state !== 'queued' && state !== 'running');
      }, 'the outcomes are recorded');
      const jobs = await all();
      assert.ok(jobs.length === 0 || jobs.length === 6);
      for (const [i, job] of jobs.entries()) {
        const marks = Number(await alice.value('SELECT count(*)::text FROM steps WHERE run = $1 AND i = $2', [run, i]));
        const context = `${statements[i]!.sql} after ${delay.toFixed(1)} ms: ${JSON.stringify(job)}, marks: ${marks}`;
        assert.ok(marks <= 1, context);
        if (job.gated || job.state !== 'unknown') assert.equal(job.state === 'succeeded', marks === 1, context);
        if (job.gated) assert.notEqual(job.state, 'unknown', context);
        if (job.startedAt === null) assert.equal(marks, 0, context);
      }
      if (jobs.length === 0)
        assert.equal(await alice.value('SELECT count(*)::text FROM steps WHERE run = $1', [run]), '0');
    }).timeout(90_000);
  }
});

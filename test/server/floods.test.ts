import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { NOTICES_HELD } from '../../src/core/jobs/job';
import { newDatabase, newEngine, outcomeOf, sharedServer, type Engine } from './support';

describe('large amounts of data', () => {
  let engine: Engine;

  before(async () => {
    engine = await newEngine(await newDatabase(await sharedServer()), { maxConcurrentJobs: 0 });
  });
  after(() => engine.close());

  it('include 50,000 messages, which all arrive in order', async () => {
    let changes = 0;
    const listener = engine.jobs.onDidChange(() => changes++);
    const job = await engine.ended("DO $$ BEGIN FOR i IN 1..50000 LOOP RAISE NOTICE 'message %', i; END LOOP; END $$");
    listener.dispose();
    assert.deepEqual(outcomeOf(job), ['succeeded', 'DO', 0, undefined]);
    assert.equal(job.record.noticeCount, 50_000);
    assert.ok(changes < 5000, `${changes} changes were reported`);
    assert.ok(job.notices.length >= NOTICES_HELD && job.notices.length < 50_000);
    assert.equal(job.notices.length + job.noticesNotHeld, 50_000);
    assert.equal(job.notices.at(-1)?.message, 'message 50000');
    await engine.history.save(job.record);
    const lines = (await readFile(engine.jobs.noticesFile(job.id), 'utf8')).trimEnd().split('\n');
    const messages = lines.map((line) => (JSON.parse(line) as { message: string }).message);
    assert.deepEqual(
      messages,
      Array.from({ length: 50_000 }, (_, i) => `message ${i + 1}`),
    );
  });

  it('include messages between rows, also of a worker that fails later', async () => {
    const job = await engine.ended(
      `CREATE FUNCTION pg_temp.f(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
         IF i % 1000 = 0 THEN RAISE NOTICE 'at %', i; END IF; IF i = 40000 THEN RAISE 'enough'; END IF; RETURN i; END $$;
       SELECT pg_temp.f(i), repeat('x', 50) FROM generate_series(1, 50000) AS i`,
    );
    assert.deepEqual([job.state, job.record.error?.message], ['failed', 'enough']);
    assert.equal(job.record.noticeCount, 40);
    assert.equal(job.notices[39]?.message, 'at 40000');
  });

  it('include 1,000,000 rows, which all arrive', async () => {
    const job = await engine.ended("SELECT i AS n, repeat('y', 100) AS t FROM generate_series(1, 1000000) AS i");
    assert.deepEqual(outcomeOf(job), ['succeeded', 'SELECT', 1_000_000, undefined]);
    assert.equal(job.record.rows?.rows, 1_000_000);
    assert.deepEqual(await engine.rows(job, 999_999, 10), [['1000000', 'y'.repeat(100)]]);
  });

  it('include a value of 20 MB', async () => {
    const job = await engine.ended("SELECT repeat('z', 20000000) AS big");
    assert.equal(job.state, 'succeeded');
    assert.ok(job.record.rows!.bytes > 20_000_000);
  });

  it('include 20,000 folded rows', async () => {
    const job = await engine.ended(
      'CREATE TEMP TABLE many AS SELECT i, -i AS j FROM generate_series(1, 20000) AS i; SELECT * FROM many ORDER BY i',
    );
    assert.deepEqual(outcomeOf(job), ['succeeded', 'SELECT', 20_000, undefined]);
    assert.deepEqual(await engine.rows(job, 19_999, 5), [['20000', '-20000']]);
  });

  it('end the session of a worker whose rows cannot be read and whose queue is full', async () => {
    const job = await engine.ended(
      "CREATE TABLE lots (a text); INSERT INTO lots SELECT repeat('q', 1000) FROM generate_series(1, 5000) RETURNING a",
    );
    assert.equal(job.record.sessionLost, job.state === 'finished');
    assert.ok(['finished', 'succeeded'].includes(job.state), job.state);
  });
});

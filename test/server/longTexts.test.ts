import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { discard } from '../../src/core/jobs/run/resultReader';
import { newDatabase, newEngine, sharedServer, type Engine } from './support';

const MB = 1_000_000;

/** Messages and errors have no limit on the server. Memory and disk space for them are bounded, and every omission is reported. */
describe('long texts from a server', () => {
  let engine: Engine;

  before(async () => {
    engine = await newEngine(await newDatabase(await sharedServer()), { maxConcurrentJobs: 0 });
  });
  after(() => engine.close());

  it('slow the worker down to the speed of the disk instead of using memory (1,000 messages of 1 MB)', async () => {
    let peak = 0;
    const start = process.memoryUsage().rss;
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss - start)), 50);
    const job = await engine.ended(
      "DO $$ BEGIN FOR i IN 1..1000 LOOP RAISE NOTICE '%', i || repeat('x', 1000000); END LOOP; END $$",
    );
    clearInterval(watch);
    assert.deepEqual([job.state, job.record.noticeCount], ['succeeded', 1000]);
    assert.ok(peak < 400 * MB, `${Math.round(peak / MB)} MB more memory`);
    assert.equal(job.notices.at(-1)?.message.slice(0, 5), '1000x');
    assert.ok(
      job.notices.every(({ message, truncatedBytes = 0 }) => message.length <= 4096 && truncatedBytes > 0.9 * MB),
    );
    await engine.history.save(job.record);
    const lines = (await readFile(engine.jobs.noticesFile(job.id), 'utf8')).trimEnd().split('\n');
    assert.equal(lines.length, 1000, 'the beginning of each message is kept');
    assert.ok((await stat(engine.jobs.filesOf(job.id).texts)).size <= 256 * 1024 * 1024);
    assert.equal(lines.filter((line) => line.includes('"fullText"')).length, 268);
    assert.equal(lines.filter((line) => line.includes('"textDropped":true')).length, 1000 - 268);
  });

  it('wait in the socket until the listener has written the previous message', async () => {
    const { link } = engine;
    const session = await link.acquire();
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let received = 0;
    let first: () => void = () => undefined;
    const firstReceived = new Promise<void>((resolve) => (first = resolve));
    session.onNotice(() => {
      received++;
      first();
      return gate;
    });
    const plan = await session.describe('SELECT 1');
    const sql = "DO $$ BEGIN FOR i IN 1..300 LOOP RAISE NOTICE '%', repeat('x', 100000); END LOOP; END $$";
    const worker = await session.launch({ sql, label: 'flood' });
    const read = session.read(worker, { ...plan, mode: 'tag', definition: 'tag text' }, discard());
    await firstReceived;
    // Messages that the socket had already read still arrive. Any others would arrive before these refreshes are answered.
    for (let i = 0; i < 20; i++) await link.refresh();
    assert.ok(received < 10, `${received} received`);
    assert.equal(session.idleMs(), 0, 'a session that waits for the listener is not idle');
    open();
    await read;
    assert.equal(received, 300);
    session.release();
  });

  it('are stored in full for a 50 MB error; the job record keeps the beginning', async () => {
    const job = await engine.ended(
      "DO $$ BEGIN RAISE EXCEPTION USING message = repeat('m', 50000000), detail = repeat(E'd\\n', 2500000); END $$",
    );
    assert.equal(job.state, 'failed');
    assert.equal(job.record.error?.message.length, 16_384);
    assert.equal(job.record.error.sqlstate, 'P0001');
    await engine.history.save(job.record);
    const text = await readFile(engine.jobs.filesOf(job.id).error, 'utf8');
    assert.ok(text.startsWith(`ERROR: ${'m'.repeat(100)}`));
    assert.ok(text.length > 55 * MB, `${text.length}`);
  });

  it('are shortened in progress messages', async () => {
    const job = await engine.ended(
      "DO $$ BEGIN PERFORM pg_background_report_progress(1, repeat('p', 3000000)); PERFORM pg_sleep(0.5); END $$",
    );
    assert.equal(job.state, 'succeeded');
    assert.ok((job.record.progress?.message.length ?? 0) <= 1000);
  });
});

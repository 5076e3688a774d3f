import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { discard } from '../../src/core/jobs/run/resultReader';
import { newDatabase, newEngine, sharedServer, type Engine } from './support';

const MB = 1_000_000;

/** What a server may send without end: it is held and written in bounds, and nothing is lost unsaid. */
describe('long texts from a server', () => {
  let engine: Engine;

  before(async () => {
    engine = await newEngine(await newDatabase(await sharedServer()), { maxConcurrentJobs: 0 });
  });
  after(() => engine.close());

  it('1,000 messages of 1 MB: the worker goes on at the pace of the disk, and memory does not grow with them', async () => {
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
    assert.equal(lines.length, 1000, 'the beginning of each is kept');
    assert.ok((await stat(engine.jobs.filesOf(job.id).texts)).size <= 256 * 1024 * 1024);
    assert.equal(lines.filter((line) => line.includes('"fullText"')).length, 268);
    assert.equal(lines.filter((line) => line.includes('"textDropped":true')).length, 1000 - 268);
  });

  it('a listener that has not written a message yet stops the next ones at the socket', async () => {
    const { link } = engine;
    const session = await link.acquire();
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let came = 0;
    let first: () => void = () => undefined;
    const firstCame = new Promise<void>((resolve) => (first = resolve));
    session.onNotice(() => {
      came++;
      first();
      return gate;
    });
    const plan = await session.describe('SELECT 1');
    const sql = "DO $$ BEGIN FOR i IN 1..300 LOOP RAISE NOTICE '%', repeat('x', 100000); END LOOP; END $$";
    const worker = await session.launch({ sql, label: 'flood' });
    const read = session.read(worker, { ...plan, mode: 'tag', definition: 'tag text' }, discard());
    await firstCame;
    // What the socket had read already comes through; anything else would have come in the time of these.
    for (let i = 0; i < 20; i++) await link.refresh();
    assert.ok(came < 10, `${came} came`);
    assert.equal(session.idleMs(), 0, 'who waits for us is not silent');
    open();
    await read;
    assert.equal(came, 300);
    session.release();
  });

  it('an error of 50 MB: the job fails with its beginning, and the whole is in its file', async () => {
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

  it('progress and labels of any length', async () => {
    const job = await engine.ended(
      "DO $$ BEGIN PERFORM pg_background_report_progress(1, repeat('p', 3000000)); PERFORM pg_sleep(0.5); END $$",
    );
    assert.equal(job.state, 'succeeded');
    assert.ok((job.record.progress?.message.length ?? 0) <= 1000);
  });
});

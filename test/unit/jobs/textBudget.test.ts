import { describeFault, textFault } from '../../../src/core/base/fault';
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  boundColumns,
  boundFacts,
  keptNotice,
  MESSAGES_HELD,
  sizeOf,
  type KeptNotice,
} from '../../../src/core/jobs/textBudget';
import { JobHistory } from '../../../src/core/jobs/store/jobFolder';
import { Job, newRecord } from '../../../src/core/jobs/job';
import { memoryLog } from '../../server/support';

const MB = 1_000_000;

describe('long texts of a server', () => {
  let folder: string;
  let history: JobHistory;
  const log = memoryLog();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-budget-'));
    history = new JobHistory(folder, 'w', log);
  });
  after(async () => {
    await history.close();
    await rm(folder, { recursive: true, force: true });
  });

  function newJob(id: string): Job {
    return new Job(newRecord(id, { sql: 'SELECT 1', label: 'l', connection: 'c' }, 'w', 1), {
      save: () => Promise.resolve(),
      changed: () => undefined,
      storeNotice: (job, notice, fullText) => history.addNotice(job.id, notice, fullText),
      storeLongError: (job, fullText) => history.keepError(job.id, fullText),
      loadNotices: (one, limit) => history.notices(one, limit),
    });
  }

  async function whole(id: string, { fullText }: KeptNotice): Promise<string> {
    assert.ok(fullText);
    const bytes = await readFile(history.files(id).texts);
    return bytes.toString('utf8', fullText.offset, fullText.offset + fullText.bytes);
  }

  it('holds and writes the beginning of each message, stores the whole in one file, and makes the sender wait', async () => {
    const job = newJob('messages');
    let waits = 0;
    for (let i = 0; i < 60; i++) {
      const wait = job.addNotice({ at: i, severity: 'NOTICE', message: `${i}é`.repeat(MB / 4), hint: 'h' });
      if (wait) waits++;
      await wait;
    }
    await history.save(job.record);
    assert.ok(waits >= 5, `${waits}`);
    assert.equal(job.notices.length, 60);
    for (const [i, notice] of job.notices.entries()) {
      assert.ok(notice.message.length <= 4096);
      assert.ok((notice.truncatedBytes ?? 0) > MB / 2);
      assert.equal(await whole('messages', notice), `NOTICE: ${`${i}é`.repeat(MB / 4)}\n  HINT: h`);
    }
    assert.ok((await stat(history.noticesFile('messages'))).size < MB);
    // Simulates a reload.
    const [first] = history.notices('messages', 100);
    assert.deepEqual(first, job.notices[0]);
    await history.remove('messages');
    await assert.rejects(stat(history.files('messages').texts), { code: 'ENOENT' });
  });

  it('limits the memory for messages, and loses none', async () => {
    const job = newJob('held');
    for (let i = 0; i < 5000; i++) await job.addNotice({ at: i, severity: 'NOTICE', message: 'x'.repeat(4000) });
    const held = job.notices.reduce((size, notice) => size + sizeOf(notice), 0);
    assert.ok(held <= MESSAGES_HELD * 1.1, `${held}`);
    assert.ok(held >= MESSAGES_HELD * 0.9, `${held}`);
    assert.equal(job.notices.length + job.noticesNotHeld, 5000);
    await history.save(job.record);
    const lines = (await readFile(history.noticesFile('held'), 'utf8')).trimEnd().split('\n');
    assert.equal(lines.length, 5000);
  });

  it('counts messages for which there is no space, and marks those that are not whole', async () => {
    const job = newJob('disk');
    const message = 'y'.repeat(20 * MB);
    for (let i = 0; i < 15; i++) await job.addNotice({ at: i, severity: 'NOTICE', message });
    await history.save(job.record);
    assert.equal(job.record.noticeCount, 15);
    assert.deepEqual(
      job.notices.map(({ textDropped }) => textDropped === true),
      Array.from({ length: 15 }, (_, i) => i >= 13),
    );
    assert.ok((await stat(history.files('disk').texts)).size <= 256 * 1024 * 1024);
    await history.remove('disk');
  });

  it('keeps the beginning of an error in the record, and writes the whole to a file before the record', async () => {
    const job = newJob('error');
    const message = 'z'.repeat(50 * MB);
    job.transition('launch');
    job.transition('launched', { launchedAt: 1 });
    job.transition('fail', { error: { sqlstate: 'P0001', message, hint: 'short' } });
    await history.save(job.record);
    const { error } = job.record;
    assert.deepEqual([error?.message.length, error?.truncatedBytes, error?.hint], [16_384, 50 * MB - 16_384, 'short']);
    assert.ok((await stat(history.files('error').record)).size < 50_000);
    assert.equal(
      await readFile(history.files('error').error, 'utf8'),
      `ERROR: ${message}\nHINT: short\nSQLSTATE: P0001`,
    );
  });

  it('shortens every other text of a server to fit into the record', () => {
    const huge = 'x'.repeat(5 * MB);
    const facts = boundFacts({
      reason: { code: 'jobs.sessionLost', cause: textFault(huge) },
      commandTag: huge,
      progress: { pct: 1, message: huge },
      columns: [{ name: huge, type: huge }],
      rows: { rows: 1, bytes: 1, dropped: 0, fault: textFault(huge) },
    });
    assert.ok(JSON.stringify(facts).length < 20_000);
    assert.match(describeFault(facts.reason), /… \(\+5 MB\)$/);
    assert.match(facts.columns[0]?.name ?? '', /… \(\+5 MB\)$/);
  });

  it('leaves short texts unchanged', () => {
    const notice = { at: 1, severity: 'NOTICE', message: 'm', detail: 'd' };
    assert.deepEqual(keptNotice(notice), notice);
    const columns = [{ name: 'a', type: 'text' }];
    assert.equal(boundColumns(columns), columns);
    assert.deepEqual(boundFacts({ error: { sqlstate: '', message: 'm' } }), { error: { sqlstate: '', message: 'm' } });
  });

  it('does not keep the whole text in memory with its beginning', () => {
    const before = process.memoryUsage().heapUsed;
    const kept = Array.from({ length: 100 }, (_, i) =>
      keptNotice({ at: i, severity: 'NOTICE', message: Buffer.alloc(5 * MB, 'a').toString('latin1') }),
    );
    (globalThis as { gc?: () => void }).gc?.();
    const grown = process.memoryUsage().heapUsed - before;
    assert.ok(grown < 200 * MB, `${grown} bytes for ${kept.length} messages`);
  });
});

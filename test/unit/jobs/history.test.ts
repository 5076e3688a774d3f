import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../../src/core/base/clock';
import { JobHistory } from '../../../src/core/jobs/store/jobFolder';
import { Job, NOTICES_HELD, type JobRecord } from '../../../src/core/jobs/job';
import { restoreJob } from '../../../src/core/jobs/store/restoreJob';
import { IDLE_OWNER } from './idleOwner';

/** An unused process id: it is above the maximum of Linux. */
const NO_PROCESS = 2 ** 30;

describe('history', () => {
  let folder: string;
  const lines: string[] = [];
  const add = (message: string): number => lines.push(message);
  const log = { debug: add, info: add, warn: add, error: add };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-history-'));
    lines.length = 0;
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function open(windowId: string): Promise<JobHistory> {
    const history = new JobHistory(folder, windowId, log);
    await history.register();
    return history;
  }

  it('keeps records and messages, private to the user, and leaves no temporary file', async () => {
    const history = await open('w1');
    const writes = Array.from({ length: 50 }, (_, i) => history.save({ ...record('a'), rowCount: i }));
    for (let i = 0; i < 5; i++) history.addNotice('a', { at: i, severity: 'NOTICE', message: `m${i}` });
    await Promise.all(writes);
    await history.close();
    assert.deepEqual((await readdir(folder)).sort(), ['a.json', 'a.notices.ndjson', 'windows']);
    assert.deepEqual(await readdir(join(folder, 'windows')), []);
    assert.equal((JSON.parse(await readFile(join(folder, 'a.json'), 'utf8')) as JobRecord).rowCount, 49);
    for (const name of ['a.json', 'a.notices.ndjson'])
      // Windows has no file modes.
      if (process.platform !== 'win32') assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600);
    const messages = history.notices('a', 3).map(({ message }) => message);
    assert.deepEqual(messages, ['m2', 'm3', 'm4']);
    const next = await open('w2');
    await next.remove('a');
    await next.save(record('a'));
    assert.deepEqual([...((await next.idsIfAlone()) ?? [])], ['a']);
  });

  it('writes the record that a launch waits for into a file prepared after the launch before', async () => {
    const history = await open('w1');
    const spares = async (): Promise<string[]> => (await readdir(folder)).filter((name) => name.startsWith('spare.'));
    const launching = { state: 'launching', launchSentAt: 1 } as const;
    await history.save(record('a', launching));
    assert.deepEqual(await spares(), [], 'nothing is prepared before the launch is over');
    await history.save(record('a', { state: 'running', launchSentAt: 1, launchedAt: 2 }));
    await history.prepared();
    const [prepared, ...others] = await spares();
    assert.deepEqual(others, []);
    const { ino } = await stat(join(folder, prepared!));
    await history.save(record('b'));
    assert.deepEqual(await spares(), [prepared], 'nothing waits for this record');
    await history.save(record('b', launching));
    assert.deepEqual(await spares(), []);
    // Windows has no such numbers on every file system.
    if (process.platform !== 'win32') assert.equal((await stat(join(folder, 'b.json'))).ino, ino);
    await history.save(record('b', { state: 'running', launchSentAt: 1, launchedAt: 2 }));
    await history.close();
    assert.deepEqual((await readdir(folder)).sort(), ['a.json', 'b.json', 'windows']);
    const { records } = await new JobHistory(folder, 'w2', log).load();
    assert.deepEqual(
      records.map(({ record: { id, launchSentAt } }) => [id, launchSentAt]),
      [
        ['a', 1],
        ['b', 1],
      ],
    );
  });

  it('reads records that are asked for again only if they have changed', async () => {
    const [one, two] = [await open('one'), await open('two')];
    await one.save(record('a'));
    await one.save(record('b'));
    const read = (...ids: string[]): (JobRecord | undefined)[] => {
      const found = two.newestRecords([...ids, 'missing']);
      return ids.map((id) => found.get(id));
    };
    const [a, b] = read('a', 'b');
    assert.deepEqual([a?.id, b?.id], ['a', 'b']);
    await one.save(record('b', { rowCount: 5 }));
    assert.equal(read('a')[0], a, 'the same object');
    assert.equal(read('b')[0]?.rowCount, 5);
    await writeFile(join(folder, 'a.1.json'), JSON.stringify(record('a', { owner: 'three' })));
    assert.equal(read('a')[0]?.owner, 'three', 'adopted by another window');
    await rm(join(folder, 'b.json'));
    await writeFile(join(folder, 'a.2.json'), 'damaged');
    assert.deepEqual(read('a', 'b'), [undefined, undefined]);
  });

  it('skips a message that a crash cut off', async () => {
    const history = await open('w1');
    await writeFile(history.noticesFile('a'), '{"at":1,"severity":"NOTICE","message":"whole"}\n{"at":2,"sev');
    assert.deepEqual(
      history.notices('a', 10).map(({ message }) => message),
      ['whole'],
    );
    assert.deepEqual(history.notices('none', 10), []);
    await history.close();
  });

  it('removes old files that belong to no job', async () => {
    const history = await open('w');
    await history.save(record('a'));
    const left = ['gone.live', 'gone.pinned', 'gone.1.command', 'x.hello', 'gone.json.1a2b.tmp'];
    const kept = ['a.live', 'a.pinned', 'a.1.command', 'b.removed'];
    const old = new Date(Date.now() - 120_000);
    for (const name of [...left, ...kept, 'new.pinned']) {
      await writeFile(join(folder, name), '');
      if (name !== 'new.pinned') await utimes(join(folder, name), old, old);
    }
    // Written by a window that was suspended while the job was removed.
    await writeFile(join(folder, 'b.json'), JSON.stringify(record('b')));
    await utimes(join(folder, 'b.json'), old, old);
    await writeFile(join(folder, 'c.removed'), '');
    await utimes(join(folder, 'c.removed'), 0, 0);
    await history.load();
    await history.close();
    assert.deepEqual((await readdir(folder)).sort(), [...kept, 'a.json', 'new.pinned', 'windows'].sort());
  });

  it('removes no file because the clock was set, while a window may need it', async () => {
    const hour = 3_600_000;
    let ahead = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + ahead };
    const history = new JobHistory(folder, 'w', log, clock);
    await history.save(record('a'));
    // Of this window, which is writing them.
    const own = ['b.json.1a2b.tmp', 'spare.json.1a2b.tmp'];
    for (const name of own) await writeFile(join(folder, name), '');
    ahead = 100 * 24 * hour;
    await history.load();
    await history.close();
    assert.deepEqual((await readdir(folder)).sort(), [...own, 'a.json', 'windows'].sort());

    const names = ['c.json.1a2b.tmp', 'c.removed'];
    for (const name of names) await writeFile(join(folder, name), '');
    const [one, two] = [await open('one'), new JobHistory(folder, 'two', log, clock)];
    await one.register();
    await two.load();
    await two.close();
    assert.deepEqual(
      (await readdir(folder)).sort(),
      [...own, ...names, 'a.json', 'windows'].sort(),
      'of the other window',
    );
    await one.close();
    const three = new JobHistory(folder, 'three', log, clock);
    await three.load();
    await three.close();
    assert.deepEqual((await readdir(folder)).sort(), ['a.json', 'windows']);
  });

  it('sets damaged records aside with a log entry, and loads the others', async () => {
    const history = await open('w1');
    await history.save({ ...record('good'), owner: 'gone' });
    const damaged: Record<string, string> = {
      cut: '{"version":1',
      other: JSON.stringify(record('another')),
      state: JSON.stringify({ ...record('state'), state: 'dancing' }),
      array: '[]',
      bare: JSON.stringify({ version: 1, id: 'bare', state: 'queued' }),
    };
    for (const [name, text] of Object.entries(damaged)) await writeFile(join(folder, `${name}.json`), text);
    for (const name of ['x.json.123.tmp', 'spare.json.123.tmp']) {
      await writeFile(join(folder, name), 'half');
      await utimes(join(folder, name), 0, 0);
    }
    const loaded = await history.load();
    assert.deepEqual(
      loaded.records.map(({ record: { id } }) => id),
      ['good'],
    );
    assert.equal(loaded.corrupt, 5);
    assert.equal(lines.filter((line) => line.includes('set aside')).length, 5);
    assert.equal((await history.load()).corrupt, 0);
    await history.close();
    const names = await readdir(folder);
    assert.equal(names.filter((name) => name.endsWith('.corrupt')).length, 5);
    assert.ok(!names.some((name) => name.endsWith('.tmp') || name.endsWith('.lock')));
  });

  it('finds windows that are dead, and gives each of their jobs to one window only', async () => {
    const living = await open('living');
    await mkdir(join(folder, 'windows'), { recursive: true });
    await writeFile(join(folder, 'windows', 'dead'), JSON.stringify({ pid: NO_PROCESS }));
    await living.save({ ...record('orphan'), owner: 'dead', state: 'running' });
    const [a, b] = [await open('a'), await open('b')];
    const [others, same] = await Promise.all([a.others(), b.others()]);
    assert.ok(others.living.has('living') && same.living.has('a'));
    assert.deepEqual([...new Set([...others.dead, ...same.dead])], ['dead']);
    const stored = (await a.load()).records;
    await b.load();
    const adopted = await Promise.all([a.adopt(stored[0]!), b.adopt(stored[0]!)]);
    const [owner, other] = adopted[0] ? [a, b] : [b, a];
    assert.equal(adopted.filter((one) => one?.state === 'running').length, 1);
    assert.equal(adopted.find((one) => one)!.owner, owner.windowId);
    await owner.save({ ...adopted.find((one) => one)!, state: 'detached' });
    const [newest] = (await other.load()).records;
    assert.deepEqual([newest!.epoch, newest!.record.state, newest!.record.owner], [1, 'detached', owner.windowId]);
    await other.remove('orphan');
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('orphan')),
      ['orphan.removed'],
    );
    await Promise.all([living.close(), a.close(), b.close()]);
  });

  it('loads 10,000 jobs in reasonable time, without their messages', async function () {
    this.timeout(60_000);
    for (let i = 0; i < 10_000; i += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_, k) => {
          const old = { ...record(`j${i + k}`), owner: 'gone', state: 'succeeded' as const, queuedAt: 20_000 - i - k };
          return writeFile(join(folder, `${old.id}.json`), JSON.stringify(old));
        }),
      );
    }
    const history = await open('w1');
    const started = performance.now();
    const { records } = await history.load();
    const took = performance.now() - started;
    assert.equal(records.length, 10_000);
    assert.equal(records[0]!.record.id, 'j9999');
    assert.ok(took < 15_000, `${took} ms`);
    await history.close();
  });
});

describe('restored jobs', () => {
  const now = 5;
  function take(facts: Partial<JobRecord>): [string, Job] {
    const job = new Job(record('j', facts), IDLE_OWNER);
    return [restoreJob(job, now), job];
  }

  it('are held, detached, or lost, depending on how far they had got', () => {
    const cancel = { requestedAt: 1, graceMs: 1 };
    const cases: [Partial<JobRecord>, string, string][] = [
      [{ state: 'succeeded' }, 'final', 'succeeded'],
      [{ state: 'queued' }, 'held', 'queued'],
      [{ state: 'launching' }, 'held', 'queued'],
      [{ state: 'launching', launchSentAt: 1 }, 'lost', 'lost'],
      [{ state: 'canceling', cancel }, 'lost', 'canceled'],
      [{ state: 'canceling', cancel, launchSentAt: 1 }, 'lost', 'lost'],
      [{ state: 'running', pid: 1 }, 'detached', 'detached'],
      [{ state: 'reading', pid: 1 }, 'detached', 'detached'],
      [{ state: 'canceling', pid: 1, cancel }, 'detached', 'detached'],
      [{ state: 'canceling', pid: 1, cancel: { ...cancel, signaledAt: 1 } }, 'detached', 'unresponsive'],
      [{ state: 'unresponsive', pid: 1 }, 'detached', 'unresponsive'],
      [{ state: 'detached', pid: 1, sessionLost: true }, 'detached', 'detached'],
    ];
    for (const [facts, kind, state] of cases) {
      const [taken, job] = take(facts);
      assert.deepEqual([taken, job.state], [kind, state], JSON.stringify(facts));
      if (kind === 'detached') assert.ok(job.record.sessionLost && job.record.reason !== undefined);
      if (kind === 'held') assert.ok(job.record.held);
    }
  });
});

describe('a job’s messages', () => {
  it('holds the newest, counts all, and reads none from disk before they are requested', () => {
    let reads = 0;
    let written = 0;
    const job = new Job(record('j', { noticeCount: 3 }), {
      save: () => Promise.resolve(),
      changed: () => undefined,
      storeNotice: () => {
        written++;
        return { kept: true };
      },
      storeLongError: () => undefined,
      loadNotices: () => {
        reads++;
        return [1, 2, 3].map((at) => ({ at, severity: 'NOTICE', message: `old ${at}` }));
      },
    });
    assert.equal(reads, 0);
    assert.deepEqual(
      job.notices.map(({ at }) => at),
      [1, 2, 3],
    );
    for (let at = 0; at < 25_000; at++) void job.addNotice({ at, severity: 'NOTICE', message: `new ${at}` });
    assert.equal(reads, 1);
    assert.equal(written, 25_000);
    assert.equal(job.record.noticeCount, 25_003);
    assert.ok(job.notices.length >= NOTICES_HELD && job.notices.length <= NOTICES_HELD * 1.1);
    assert.equal(job.notices.at(-1)!.message, 'new 24999');
    assert.equal(job.noticesNotHeld, 25_003 - job.notices.length);
  });
});

function record(id: string, facts: Partial<JobRecord> = {}): JobRecord {
  return {
    version: 1,
    id,
    label: id,
    request: { sql: 'SELECT 1' },
    connection: 'c',
    owner: 'w',
    state: 'queued',
    queuedAt: 1,
    noticeCount: 0,
    sessionLost: false,
    held: false,
    ...facts,
  };
}

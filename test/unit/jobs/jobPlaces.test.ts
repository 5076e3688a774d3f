import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Job, newRecord, type JobRecord } from '../../../src/core/jobs/job';
import type { NoPlace, Place } from '../../../src/core/jobs/scheduler/places';
import { JobPlaces, type SharedFolder } from '../../../src/core/jobs/store/jobPlaces';
import { FakeClock } from './fakes';
import { IDLE_OWNER } from './idleOwner';

describe('places of jobs across windows', () => {
  let folder = '';
  const dead = new Set<string>();
  const records = new Map<string, JobRecord>();
  const warnings: string[] = [];
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message: string) => void warnings.push(message),
    error: (message: string) => assert.fail(message),
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-places-'));
    dead.clear();
    records.clear();
    warnings.length = 0;
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const window = (windowId: string): JobPlaces => {
    const history: SharedFolder = {
      folder: join(folder, 'jobs'),
      windowId,
      register: () => Promise.resolve(),
      isAlive: (id) => Promise.resolve(!dead.has(id)),
      newestRecords: (ids) => new Map(ids.flatMap((id) => [...records].filter(([known]) => known === id))),
    };
    return new JobPlaces({ history, clock: new FakeClock(), log });
  };
  const newJob = (id: string): Job =>
    new Job(newRecord(id, { sql: '', label: '', connection: 'c' }, 'one', 1), IDLE_OWNER);
  const take = (places: JobPlaces, id: string): Promise<Place | NoPlace> => places.take(newJob(id), 1, false);
  const write = (facts: Partial<JobRecord>): void => {
    records.set('a', { ...newJob('a').record, state: 'running', ...facts });
  };
  /** Whether another window gets the only place, which window `one` has taken for job `a`. */
  const isFree = async (): Promise<boolean> => {
    const taken = await take(window('two'), 'b');
    if ('release' in taken) await taken.release();
    return 'release' in taken;
  };

  it('are kept while the job runs, also after its window has closed, until its worker has ended', async () => {
    await take(window('one'), 'a');
    write({});
    assert.equal(await isFree(), false);
    dead.add('one');
    assert.equal(await isFree(), false, 'not adopted yet');
    write({ owner: 'three', adopting: true });
    assert.equal(await isFree(), false, 'being adopted');
    write({ owner: 'three', state: 'detached', sessionLost: true, reason: { code: 'jobs.reloaded' } });
    assert.equal(await isFree(), false, 'adopted');
    write({ owner: 'three', state: 'finished', sessionLost: true });
    assert.equal(await isFree(), true);
  });

  const free: [string, Partial<JobRecord>][] = [
    ['that waits', { state: 'queued' }],
    ['that has ended', { state: 'failed' }],
    ['that cannot be watched', { state: 'detached', sessionLost: true, reason: { code: 'jobs.onOtherServer' } }],
    ['that was adopted and launched by another window, in a place of its own', { owner: 'three' }],
  ];
  for (const [what, facts] of free) {
    it(`of a closed window are free for a job ${what}`, async () => {
      await take(window('one'), 'a');
      dead.add('one');
      write(facts);
      assert.equal(await isFree(), true);
    });
  }

  it('are kept for a job of a living window that is not on disk yet, or as one that waits', async () => {
    await take(window('one'), 'a');
    assert.equal(await isFree(), false);
    write({ state: 'queued' });
    assert.equal(await isFree(), false);
    write({ state: 'succeeded' });
    assert.equal(await isFree(), true, 'its window could not release it');
  });

  it('of a window before a reload are free if nothing is known about their job', async () => {
    await take(window('one'), 'a');
    dead.add('one');
    assert.equal(await isFree(), true);
  });

  it('are not limited across windows if the folder cannot be written, which is logged once', async () => {
    await writeFile(join(folder, 'jobs'), '');
    const places = window('one');
    for (const id of ['a', 'b']) assert.ok('release' in (await take(places, id)));
    assert.equal(warnings.length, 1);
  });

  it('need no folder before a job wants one', () => {
    window('one');
    assert.ok(!existsSync(join(folder, 'jobs')));
  });
});

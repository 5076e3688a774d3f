import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/base/clock';
import { newRecord } from '../../src/core/jobs/job';
import { JobHistory } from '../../src/core/jobs/store/jobFolder';
import { JobStore } from '../../src/core/jobs/store/jobStore';
import { median, timed, type Figure } from './support';

const ROUNDS = 5;
const RECORDS = 5000;
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Time to restore a long history, and the longest time for which other work waits meanwhile. */
export async function bench(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pgbg-history-'));
  try {
    await fill(folder);
    const [restores, blocks, references]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < ROUNDS; round++) {
      const history = new JobHistory(folder, `bench-${round}`, log);
      const store = new JobStore({
        history,
        files: { createRows: () => Promise.reject(new Error('unused')), remove: () => Promise.resolve() },
        clock: systemClock,
        log,
        settings: () => ({ keepFinishedJobs: RECORDS, keepFinishedDays: 0 }),
        restored: () => undefined,
        lost: () => undefined,
        commanded: () => undefined,
      });
      const { time, maxPause } = await watched(() => store.restore());
      if (store.jobs.length !== RECORDS) throw new Error(`${store.jobs.length} jobs were restored`);
      restores.push(time);
      blocks.push(maxPause);
      store.dispose();
      await history.close();
      references.push(await timed(() => readAll(folder)));
    }
    const value = median(restores);
    const maxPause = median(blocks);
    return [
      {
        name: `history: restoring ${RECORDS} records`,
        value,
        unit: 'ms',
        reference: median(references),
        referenceName: 'reading the files one by one',
        budget: '300 ms',
        ok: value <= 300,
      },
      { name: 'history: longest pause while restoring', value: maxPause, unit: 'ms' },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fill(folder: string): Promise<void> {
  const sql = `SELECT count(*) FROM orders WHERE created_at > now() - interval '1 day' -- ${'x'.repeat(400)}`;
  for (let i = 0; i < RECORDS; i++) {
    const record = newRecord(`job-${i}`, { sql, label: `job ${i}`, connection: 'c' }, 'gone', i);
    await writeFile(join(folder, `${record.id}.json`), JSON.stringify({ ...record, state: 'succeeded' }));
  }
}

async function readAll(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (name.endsWith('.json')) await readFile(join(folder, name), 'utf8');
}

/** Measures the time of some work, and the longest time between two turns of other work. Milliseconds. */
async function watched(work: () => Promise<unknown>): Promise<{ readonly time: number; readonly maxPause: number }> {
  let maxPause = 0;
  let last = performance.now();
  let over = false;
  const turn = (): void => {
    const now = performance.now();
    maxPause = Math.max(maxPause, now - last);
    last = now;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  const time = await timed(work);
  turn();
  over = true;
  return { time, maxPause };
}

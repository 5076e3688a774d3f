import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/base/clock';
import { newRecord, type Job } from '../../src/core/jobs/job';
import { JobHistory } from '../../src/core/jobs/store/jobFolder';
import { JobStore } from '../../src/core/jobs/store/jobStore';
import { quantile, timed, type Figure } from './support';

const JOBS = 30;
/** Finished jobs that are in the folder too. */
const HISTORY = 2000;
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Time from a change of a job in one window to the event in another one, which redraws its row. */
export async function bench(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pgbg-windows-'));
  const windows: ReturnType<typeof open>[] = [];
  // The timers and watches of a window do not keep a process alive.
  const alive = setInterval(() => undefined, 1000);
  try {
    await fill(folder);
    const one = open(folder, 'one');
    windows.push(one);
    const two = open(folder, 'two');
    windows.push(two);
    await one.store.restore();
    await two.store.restore();
    const [changes, progress]: [number[], number[]] = [[], []];
    for (let i = 0; i < JOBS; i++) {
      const id = `live-${i}`;
      const job = one.store.add(newRecord(id, { sql: 'SELECT 1', label: id, connection: 'c' }, 'one', Date.now()));
      const time = async (condition: (mirror: Job) => boolean, change: () => void): Promise<number> => {
        const seen = two.seen(id, condition);
        return timed(() => {
          change();
          return seen;
        });
      };
      const durable = async (state: Job['state'], change: () => void): Promise<void> => {
        changes.push(await time((mirror) => mirror.state === state, change));
      };
      await durable('queued', () => one.store.publish(job));
      await durable('launching', () => job.transition('launch'));
      await durable('running', () => job.transition('launched', { pid: 7 }));
      for (const pct of [30, 60]) {
        const change = (): void => job.update({ progress: { pct, message: '' } }, { durable: false });
        progress.push(await time(({ record }) => record.progress?.pct === pct, change));
      }
      await durable('succeeded', () => job.transition('succeed', { finishedAt: Date.now() }));
    }
    const p95 = (name: string, values: readonly number[]): Figure => {
      const value = quantile(values, 0.95);
      return { name: `windows: ${name} (p95)`, value, unit: 'ms', budget: '500 ms', ok: value <= 500 };
    };
    return [
      p95('job change in one window to its row in another', changes),
      p95('job progress in one window to its row in another', progress),
    ];
  } finally {
    clearInterval(alive);
    for (const { store, history } of windows) {
      await store.close();
      store.dispose();
      await history.close();
    }
    await rm(folder, { recursive: true, force: true });
  }
}

function open(folder: string, windowId: string) {
  const history = new JobHistory(folder, windowId, log);
  const store = new JobStore({
    history,
    files: { createRows: () => Promise.reject(new Error('unused')), remove: () => Promise.resolve() },
    clock: systemClock,
    log,
    settings: () => ({ keepFinishedJobs: 0, keepFinishedDays: 0 }),
    restored: () => undefined,
    lost: () => undefined,
    commanded: () => undefined,
  });
  /** Resolves with the event that shows it. */
  const seen = (id: string, condition: (job: Job) => boolean): Promise<void> =>
    new Promise((resolve) => {
      const listener = store.onDidChange((job) => {
        if (job.id !== id || !condition(job)) return;
        listener.dispose();
        resolve();
      });
    });
  return { history, store, seen };
}

async function fill(folder: string): Promise<void> {
  for (let i = 0; i < HISTORY; i++) {
    const record = newRecord(`job-${i}`, { sql: 'SELECT 1', label: `job ${i}`, connection: 'c' }, 'gone', i);
    await writeFile(join(folder, `${record.id}.json`), JSON.stringify({ ...record, state: 'succeeded' }));
  }
}

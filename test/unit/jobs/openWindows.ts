import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../../src/core/base/clock';
import { newRecord, type Job } from '../../../src/core/jobs/job';
import { JobHistory } from '../../../src/core/jobs/store/jobFolder';
import { JobStore } from '../../../src/core/jobs/store/jobStore';

/** Looks for closed windows at once, not after 25 s. Its timers can be held. */
function gatedClock() {
  let held: (() => void)[] | undefined;
  const clock: Clock = {
    ...systemClock,
    after: (ms, call) =>
      systemClock.after(ms === 25_000 ? 50 : ms, () => {
        if (held) held.push(call);
        else call();
      }),
  };
  const hold = (): void => {
    held ??= [];
  };
  const release = (): void => {
    const calls = held ?? [];
    held = undefined;
    for (const call of calls) call();
  };
  return { clock, hold, release };
}

export type OpenWindow = ReturnType<ReturnType<typeof openWindows>['open']>;

/** Windows that share a folder of jobs, without servers. */
export function openWindows(folder: string) {
  const opened = new Set<{ release(): void; close(): Promise<void> }>();
  /** Called at each event in any window. */
  const wakes: (() => void)[] = [];

  function open(windowId: string) {
    const { clock, hold, release } = gatedClock();
    const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    const history = new JobHistory(folder, windowId, log, clock);
    const lost: string[] = [];
    const restored: string[] = [];
    const removed: string[] = [];
    const commands: string[] = [];
    const wake = (): void => {
      for (const resolve of wakes.splice(0)) resolve();
    };
    const store = new JobStore({
      history,
      files: { createRows: () => Promise.reject(new Error('unused')), remove: () => Promise.resolve() },
      clock,
      log,
      settings: () => ({ keepFinishedJobs: 0, keepFinishedDays: 0 }),
      restored: (job) => restored.push(job.id),
      lost: (job) => lost.push(job.id),
      commanded: (job) => {
        commands.push(job.id);
        wake();
      },
    });
    store.onDidChange(() => wake());
    store.onDidRemove((ids) => {
      removed.push(...ids);
      wake();
    });
    const run = async (id: string): Promise<Job> => {
      const job = store.add(newRecord(id, { sql: 'SELECT 1', label: id, connection: 'c' }, windowId, clock.now()));
      store.publish(job);
      await job.saved;
      return job;
    };
    /** Resolves when a condition holds, which is checked at each event. */
    const sees = async (condition: () => boolean): Promise<void> => {
      while (!condition()) await new Promise<void>((resolve) => wakes.push(resolve));
    };
    const close = async (): Promise<void> => {
      if (!opened.delete(window)) return;
      await store.close();
      await history.close();
      store.dispose();
    };
    /** From now on, this window notices nothing, and no other window takes it for alive. */
    const die = async (): Promise<void> => {
      hold();
      await rm(join(folder, 'windows', windowId));
    };
    const window = { history, store, lost, restored, removed, commands, run, sees, close, die, hold, release };
    opened.add(window);
    return window;
  }

  const closeAll = async (): Promise<void> => {
    for (const window of [...opened]) await window.close();
  };
  return { open, closeAll };
}

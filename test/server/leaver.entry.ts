/**
 * Simulates a window that is closed while jobs run: `node leaver.cjs PROFILE FOLDER`. Sends what is left of it, and must then end by
 * itself: a remaining timer or connection would keep the process alive.
 */
import { systemClock, type Clock } from '../../src/core/base/clock';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { atWork, newEngine, reaches } from './support';

/** Pending timers of the engine. They are counted, because timers of its clock do not keep a process alive. */
const pendingTimers = new Set<object>();
const countingClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  after: (ms, call) => {
    const mark = {};
    pendingTimers.add(mark);
    const timer = systemClock.after(ms, () => {
      pendingTimers.delete(mark);
      call();
    });
    return {
      dispose: () => {
        pendingTimers.delete(mark);
        timer.dispose();
      },
    };
  },
};

async function main(): Promise<void> {
  const [profile, folder] = process.argv.slice(2) as [string, string];
  const engine = await newEngine(JSON.parse(profile) as ConnectionProfile, {
    folder,
    clock: countingClock,
    maxConcurrentJobs: 5,
  });
  const { jobs } = engine;
  const [running, canceled, detached] = [
    engine.run('SELECT pg_sleep(60)'),
    engine.run('SELECT pg_sleep(60)'),
    engine.run('SELECT pg_sleep(60)'),
  ];
  const reading = engine.run("SELECT i, repeat('x', 2000), pg_sleep(0.001) FROM generate_series(1, 100000) AS i");
  await Promise.all([
    atWork(engine, running),
    atWork(engine, canceled),
    atWork(engine, detached),
    reaches(jobs, reading, 'reading'),
  ]);
  jobs.detach(detached.id);
  await reaches(jobs, detached, 'detached');
  const canceling = jobs.cancel(canceled.id, 60_000);
  // The first is being launched; the others wait.
  const launching = engine.run('SELECT 1');
  engine.run('SELECT 2');
  engine.run('SELECT 3');
  const before = [running, canceled, detached, reading, launching].map((job) => job.state);
  await engine.close({ keep: true });
  await canceling;
  // The last request is still listed among the resources while its answer is delivered.
  await new Promise((resolve) => setImmediate(resolve));
  process.send?.({
    before,
    canceled: canceled.record.pid,
    timers: pendingTimers.size,
    resources: process.getActiveResourcesInfo(),
  });
  process.disconnect();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

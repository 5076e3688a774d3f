/**
 * A window of its own that is closed amid its work: `node leaver.cjs PROFILE FOLDER`. Says what is left of it, and must then end by
 * itself: a timer or a connection that is still there would keep it alive.
 */
import { systemClock, type Clock } from '../../src/core/base/clock';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { atWork, newEngine, reaches } from './support';

/** Timers of the engine that wait. Its clock's do not keep a process alive, so they are counted. */
const waiting = new Set<object>();
const counting: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  after: (ms, call) => {
    const mark = {};
    waiting.add(mark);
    const timer = systemClock.after(ms, () => {
      waiting.delete(mark);
      call();
    });
    return {
      dispose: () => {
        waiting.delete(mark);
        timer.dispose();
      },
    };
  },
};

async function main(): Promise<void> {
  const [profile, folder] = process.argv.slice(2) as [string, string];
  const engine = await newEngine(JSON.parse(profile) as ConnectionProfile, {
    folder,
    clock: counting,
    maxConcurrentJobs: 5,
  });
  const { jobs } = engine;
  const [running, canceled, letGo] = [
    engine.run('SELECT pg_sleep(60)'),
    engine.run('SELECT pg_sleep(60)'),
    engine.run('SELECT pg_sleep(60)'),
  ];
  const reading = engine.run("SELECT i, repeat('x', 2000), pg_sleep(0.001) FROM generate_series(1, 100000) AS i");
  await Promise.all([
    atWork(engine, running),
    atWork(engine, canceled),
    atWork(engine, letGo),
    reaches(jobs, reading, 'reading'),
  ]);
  jobs.detach(letGo.id);
  await reaches(jobs, letGo, 'detached');
  const canceling = jobs.cancel(canceled.id, 60_000);
  // One that is being launched, and one that waits.
  const launching = engine.run('SELECT 1');
  engine.run('SELECT 2');
  engine.run('SELECT 3');
  const before = [running, canceled, letGo, reading, launching].map((job) => job.state);
  await engine.close({ keep: true });
  await canceling;
  // The last request counts as long as its answer is being told.
  await new Promise((resolve) => setImmediate(resolve));
  process.send?.({
    before,
    canceled: canceled.record.pid,
    timers: waiting.size,
    resources: process.getActiveResourcesInfo(),
  });
  process.disconnect();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

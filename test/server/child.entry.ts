/** Simulates a window that is killed: `node child.cjs PROFILE FOLDER`. Sends the ids of its jobs when each has reached its state. */
import { once } from 'node:events';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { atWork, newEngine, reaches, until } from './support';

async function main(): Promise<void> {
  const [profile, folder] = process.argv.slice(2) as [string, string];
  const engine = await newEngine(JSON.parse(profile) as ConnectionProfile, { folder, maxConcurrentJobs: 2 });
  const done = await engine.ended('SELECT 1 AS one');
  const running = engine.run('SELECT pg_sleep(60)');
  const reading = engine.run("SELECT i, repeat('x', 20000), pg_sleep(0.01) FROM generate_series(1, 100000) AS i");
  const queued = engine.run('SELECT 2 AS two');
  await atWork(engine, running);
  await reaches(engine.jobs, reading, 'reading');
  await until(engine.jobs, reading, () => reading.record.columns !== undefined);
  await engine.history.save(reading.record);
  process.send?.({ done: done.id, running: running.id, reading: reading.id, queued: queued.id });
  await once(process, 'never');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

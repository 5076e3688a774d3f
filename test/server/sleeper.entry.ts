/** Simulates a window on a computer that sleeps: `node sleeper.cjs PROFILE FOLDER TIMEOUTS`. Sends that its job runs, and its outcome. */
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { atWork, newEngine } from './support';

async function main(): Promise<void> {
  const [profile, folder, timeouts] = process.argv.slice(2) as [string, string, string];
  const engine = await newEngine(JSON.parse(profile) as ConnectionProfile, {
    folder,
    responseTimeouts: JSON.parse(timeouts) as { controlMs: number; sessionMs: number },
  });
  const job = engine.run('SELECT 7 AS seven FROM pg_sleep(10)');
  await atWork(engine, job);
  process.send?.('running');
  await job.ended;
  process.send?.([job.state, job.state === 'succeeded' ? (await engine.rows(job))[0]?.[0] : job.record.reason]);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

/** A window of its own, to be put to sleep: `node sleeper.cjs PROFILE FOLDER SILENCE`. Says when its job runs, and how it ended. */
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { atWork, newEngine } from './support';

async function main(): Promise<void> {
  const [profile, folder, silence] = process.argv.slice(2) as [string, string, string];
  const engine = await newEngine(JSON.parse(profile) as ConnectionProfile, {
    folder,
    silence: JSON.parse(silence) as { controlMs: number; sessionMs: number },
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

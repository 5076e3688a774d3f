/** A window that shares a store with others: `node window.cjs PROFILE FOLDER [HOST]`. See sharedStore.ts. */
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { counted, IMPATIENT, onHost, type Listed, type Request } from './sharedStore';
import { newEngine } from './support';

async function main(): Promise<void> {
  const [profile, folder, host = ''] = process.argv.slice(2) as [string, string, string?];
  const parsed = JSON.parse(profile) as ConnectionProfile;
  const { name } = parsed;
  const engine = await newEngine(parsed, {
    folder,
    clock: IMPATIENT,
    maxConcurrentJobs: 2,
    ...(host !== '' && { registry: onHost(host) }),
  });
  const { jobs } = engine;
  let resume = false;
  const resumeHeld = (): void => {
    const waits = jobs.jobs.some((job) => job.record.held && job.state === 'queued' && !job.mirrored);
    if (resume && waits) jobs.resumeHeld();
  };
  jobs.onDidChange(() => setImmediate(resumeHeld));
  const list = async (): Promise<void> => {
    // What the parent sees is on disk.
    const listed: Listed = jobs.jobs.map(({ record, state, mirrored }) => [record.request.sql, state, mirrored]);
    await Promise.all(jobs.jobs.map((job) => job.saved));
    process.send?.(listed);
  };
  process.on('message', (request: Request) => {
    for (const key of request.run ?? []) engine.run(counted(key));
    if (request.sql !== undefined) engine.run(request.sql);
    if (request.batch) {
      const statements = request.batch.map((sql) => ({ request: { sql, label: 'batch', connection: name } }));
      jobs.runBatch(statements, { label: 'batch', parallel: 1, onFailure: 'continue' });
    }
    if (request.durable !== undefined) {
      const { name: connection } = JSON.parse(profile) as ConnectionProfile;
      void jobs.launch({ sql: request.durable, label: 'test', connection, durable: true });
    }
    if (request.resume !== undefined) resume = request.resume;
    resumeHeld();
    const living = jobs.jobs.filter((job) => !job.final);
    const canceled = request.cancel === undefined ? undefined : living[request.cancel % living.length];
    // Another window may end it or replace this one meanwhile.
    if (canceled) jobs.cancel(canceled.id).catch(() => undefined);
    if (request.list) void list();
  });
  process.on('disconnect', () => process.exit());
  await jobs.restore();
  process.send?.('restored');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});

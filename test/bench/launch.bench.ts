import { join } from 'node:path';
import { replaceFile } from '../../src/core/base/files';
import type { Job } from '../../src/core/jobs/job';
import { openClient } from '../../src/core/postgres/connect/open/open';
import { newDatabase, newEngine, newServer, until } from '../server/support';
import { median, timed, type Figure } from './support';

const ROUNDS = 60;
/** Before each launch, so that writes and workers of the one before are over, as between two launches of a user. Milliseconds. */
const PAUSE_MS = 30;
const RATIO = 2;

/** Time from request to handle, compared with a bare launch on an open connection, alternating; and its parts. */
export async function bench(): Promise<Figure[]> {
  const server = await newServer();
  const profile = await newDatabase(server);
  const engine = await newEngine(profile, { maxConcurrentJobs: 0 });
  const bare = await openClient(profile);
  try {
    const marks = { describe: [] as number[], disk: [] as number[], launch: [] as number[], write: [] as number[] };
    let saved = 0;
    const session = await engine.link.acquire();
    const prototype = Object.getPrototypeOf(session) as Record<'describe' | 'launch', (...args: unknown[]) => unknown>;
    session.release();
    for (const name of ['describe', 'launch'] as const) {
      const original = prototype[name];
      prototype[name] = async function (...args) {
        const start = performance.now();
        try {
          return await original.apply(this, args);
        } finally {
          marks[name].push(performance.now() - start);
        }
      };
    }
    const ours: number[] = [];
    const theirs: number[] = [];
    const disk = join(engine.folder, 'reference.json');
    for (let round = -1; round < ROUNDS; round++) {
      let job!: Job;
      await pause();
      await engine.history.prepared();
      const start = performance.now();
      const took = await timed(async () => {
        job = engine.run('SELECT 1');
        void job.saved.then(() => (saved = performance.now() - start));
        // A worker that has ended already may have no pid.
        await until(engine.jobs, job, () => job.record.launchedAt !== undefined);
      });
      marks.disk.push(saved);
      await engine.jobs.waitFor(job.id);
      await job.saved;
      await pause();
      const other = await timed(() => bare.query("SELECT pg_background_launch('SELECT 1', 0, 'bare')"));
      await bare.query('SELECT pg_background_detach_all()');
      await pause();
      marks.write.push(await timed(() => replaceFile(disk, JSON.stringify(job.record))));
      // The first round warms everything up.
      if (round < 0) continue;
      ours.push(took);
      theirs.push(other);
    }
    const [value, reference] = [median(ours), median(theirs)];
    const part = (name: string, values: readonly number[]): Figure => ({
      name: `  ${name}`,
      value: median(values),
      unit: 'ms',
    });
    return [
      {
        name: 'launch, warm, request to handle',
        value,
        unit: 'ms',
        reference,
        referenceName: 'bare pg_background_launch',
        budget: `${RATIO} × the bare launch`,
        ok: value <= RATIO * reference,
      },
      {
        name: 'the same, fastest rounds',
        value: Math.min(...ours),
        unit: 'ms',
        reference: Math.min(...theirs),
        referenceName: 'bare pg_background_launch',
      },
      {
        ...part('until its record is on disk', marks.disk),
        reference: median(marks.write),
        referenceName: 'replacing a synced file',
      },
      part('describing the statement, at the same time', marks.describe),
      part('the launch query', marks.launch),
    ];
  } finally {
    await bare.end();
    await engine.close();
    await server.stop('immediate');
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PAUSE_MS);
  });
}

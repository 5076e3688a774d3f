import { newDatabase, newEngine, newServer, reaches, until, type Engine, type TestServer } from '../server/support';
import { quantile, type Figure } from './support';

const ROUNDS = 40;
const JOB_COUNTS = [1, 10, 100, 200];
/** How long the load of running jobs is measured. Milliseconds. */
const WATCH_MS = 8000;

/** Budgets of docs/internals/design.md: end of a worker, cancel, and many running jobs. */
export async function bench(): Promise<Figure[]> {
  const server = await newServer({
    max_worker_processes: 260,
    max_connections: 600,
    shared_preload_libraries: 'pg_stat_statements',
    // Count what clients send, not the queries inside of pg_background's functions.
    'pg_stat_statements.track': 'top',
  });
  await server.psql('CREATE EXTENSION pg_stat_statements');
  try {
    return [...(await ends(server)), ...(await cancels(server)), ...(await loads(server))];
  } finally {
    await server.stop('immediate');
  }
}

/** Time from the end of the worker, by the clock of the server on the same machine, to the final state of the job. */
async function ends(server: TestServer): Promise<Figure[]> {
  const engine = await newEngine(await newDatabase(server), { maxConcurrentJobs: 0 });
  try {
    const delays: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const job = engine.run('SELECT pg_sleep(0.2)::text, extract(epoch FROM clock_timestamp()) * 1000 AS at');
      await engine.jobs.waitFor(job.id);
      const seen = Date.now();
      const [row] = await engine.rows(job);
      delays.push(seen - Number(row?.[1]));
    }
    const value = quantile(delays, 0.95);
    return [
      { name: 'end of a worker to its final state (p95)', value, unit: 'ms', budget: '150 ms', ok: value <= 150 },
    ];
  } finally {
    await engine.close();
  }
}

/** Time from the request until the server has sent SIGTERM. */
async function cancels(server: TestServer): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, sql, state] of [
    ['cancel, request to SIGTERM (p95)', 'SELECT pg_sleep(60)', 'running'],
    [
      'the same while rows are being read (p95)',
      "SELECT g, repeat('x', 1000) FROM generate_series(1, 5000) AS g UNION ALL SELECT 0, pg_sleep(60)::text",
      'reading',
    ],
  ] as const) {
    const engine = await newEngine(await newDatabase(server), { maxConcurrentJobs: 0 });
    try {
      const took: number[] = [];
      for (let round = 0; round < ROUNDS / 2; round++) {
        const job = engine.run(sql);
        await reaches(engine.jobs, job, state);
        // A cancel in the first moments of a worker is delayed, because old builds could crash, so wait until they are over.
        await until(engine.jobs, job, () => job.record.backendStart !== undefined);
        await engine.link.refresh();
        const asked = Date.now();
        await engine.jobs.cancel(job.id);
        took.push((job.record.cancel?.signaledAt ?? Infinity) - asked);
      }
      const value = quantile(took, 0.95);
      figures.push({ name, value, unit: 'ms', budget: '50 ms', ok: value <= 50 });
    } finally {
      await engine.close();
    }
  }
  return figures;
}

/** Cost of running jobs: CPU time of this process, and queries per second on the server. */
async function loads(server: TestServer): Promise<Figure[]> {
  const figures: Figure[] = [];
  let questionsOfOne = 0;
  let queriesOf100 = 0;
  for (const count of JOB_COUNTS) {
    const profile = await newDatabase(server);
    const engine = await newEngine(profile, { maxConcurrentJobs: 0, graceMs: 0 });
    try {
      const jobs = Array.from({ length: count }, () => engine.run('SELECT pg_sleep(600)'));
      await Promise.all(jobs.map((job) => reaches(engine.jobs, job, 'running')));
      // Young jobs are polled more often; the budget is for older ones.
      await pause(22_000);
      let questions = 0;
      const listener = engine.link.onSnapshot(() => questions++);
      const { cpu, queries, memory } = await watched(server, profile.database ?? '', WATCH_MS);
      listener.dispose();
      questions /= WATCH_MS / 1000;
      if (count === 1) questionsOfOne = questions;
      if (jobs.some((job) => job.state !== 'running')) throw new Error('Not all jobs kept running.');
      figures.push({
        name: `${count} running jobs: engine’s CPU`,
        value: cpu,
        unit: '% of a core',
        ...(count === 200 ? { budget: 'under 10 %', ok: cpu < 10 } : {}),
      });
      figures.push({
        name: `${count} running jobs: activity queries`,
        value: questions,
        unit: '/s',
        ...(count === 1
          ? {}
          : {
              reference: questionsOfOne,
              referenceName: 'with 1 job',
              budget: 'no more than with 1',
              ok: questions <= questionsOfOne * 1.3,
            }),
      });
      figures.push({
        name: `${count} running jobs: all queries on the server`,
        value: queries,
        unit: '/s',
        ...(count === 200
          ? {
              reference: queriesOf100,
              referenceName: 'with 100',
              budget: 'no more than with 100',
              ok: queries <= queriesOf100 * 1.3,
            }
          : {}),
      });
      if (count === 100) queriesOf100 = queries;
      figures.push({ name: `${count} running jobs: memory of the process`, value: memory, unit: 'MB' });
    } finally {
      await stop(server, engine);
    }
  }
  return figures;
}

async function watched(
  server: TestServer,
  database: string,
  ms: number,
): Promise<{ cpu: number; queries: number; memory: number }> {
  const count = async (): Promise<number> =>
    Number(
      await server.psql(
        `SELECT coalesce(sum(s.calls), 0) FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid WHERE d.datname = '${database}'`,
      ),
    );
  const before = await count();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await pause(ms);
  const used = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1000;
  return {
    cpu: ((used.user + used.system) / 1e6 / seconds) * 100,
    queries: ((await count()) - before) / seconds,
    memory: process.memoryUsage.rss() / 1e6,
  };
}

async function stop(server: TestServer, engine: Engine): Promise<void> {
  await engine.close();
  await server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_background'");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

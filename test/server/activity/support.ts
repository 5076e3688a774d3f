import { Client } from 'pg';
import type { WorkerInspection } from '../../../src/core/jobs/activity/inspection';
import type { Job } from '../../../src/core/jobs/job';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { atWork, eventually, type Engine } from '../support';

/** Queries what the worker of a job does. */
export async function inspectJob({ link }: Engine, { record }: Job): Promise<WorkerInspection | undefined> {
  return link.inspect({ pid: record.pid!, backendStart: record.backendStart! });
}

/** Resolves with the first answer about a job's worker that satisfies a condition. */
export async function inspectUntil(
  engine: Engine,
  job: Job,
  condition: (inspection: WorkerInspection) => boolean,
): Promise<WorkerInspection> {
  await atWork(engine, job);
  let last: WorkerInspection | undefined;
  try {
    await eventually(async () => {
      last = await inspectJob(engine, job);
      return job.final || (last !== undefined && condition(last));
    }, 'the worker does what the test waits for');
  } catch (error) {
    throw new Error(`Last seen: ${JSON.stringify(last)}, ${JSON.stringify(job.record.error)}`, { cause: error });
  }
  if (!last || !condition(last)) throw new Error(`The job has ended: ${JSON.stringify(job.record)}`);
  return last;
}

/** Another session, for what blocks a worker. */
export async function openSession(profile: ConnectionProfile, application = 'session of a test'): Promise<Client> {
  const { host, port, database, user } = profile;
  const client = new Client({
    host: host!,
    port: Number(port),
    database: database!,
    user: user!,
    application_name: application,
  });
  // It may be terminated.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** The sessions that a test opens, all ended after it. */
export class Sessions {
  readonly #open: Client[] = [];

  async open(...args: Parameters<typeof openSession>): Promise<Client> {
    const session = await openSession(...args);
    this.#open.push(session);
    return session;
  }

  async end(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((session) => session.end().catch(() => undefined)));
  }
}

export async function pidOf(session: Client): Promise<number> {
  const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]!.pid;
}

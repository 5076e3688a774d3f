/**
 * A real PostgreSQL with pg_background for the tests: one server for all files of a run, with a separate database for each test.
 * The scripts that create it are JavaScript modules, so they are loaded at run time and their types are declared here.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { systemClock, type Clock } from '../../src/core/base/clock';
import { Emitter } from '../../src/core/base/emitter';
import { JobHistory } from '../../src/core/jobs/store/jobFolder';
import { JobPlaces } from '../../src/core/jobs/store/jobPlaces';
import type { WindowRegistryOptions } from '../../src/core/jobs/store/windowRegistry';
import { JobService } from '../../src/core/jobs/jobService';
import type { JobSettings } from '../../src/core/jobs/serviceTypes';
import type { Job, NewJob } from '../../src/core/jobs/job';
import type { Logger } from '../../src/core/base/logger';
import { openClient } from '../../src/core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { workerSettingsOf } from '../../src/core/postgres/connect/conninfo/workerSettings';
import { PgServerLink, type LinkOptions } from '../../src/core/postgres/server/serverLink';
import { SpoolFiles } from '../../src/core/results/spool/spoolStore';
import type { JobState } from '../../src/api';
import { GATE_APPLICATION } from '../gate';
import { externalServer, skipHere } from './externalServer';

export interface TestServer {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly socketDir: string;
  readonly user: string;
  readonly dataDir: string;
  readonly bin: string;
  readonly root: string;
  psql(sql: string, options?: { database?: string }): Promise<string>;
  stop(mode?: 'smart' | 'fast' | 'immediate'): Promise<void>;
  start(): Promise<void>;
  restart(mode?: 'smart' | 'fast' | 'immediate'): Promise<void>;
  crashes(): Promise<number>;
  serverLog(): Promise<string>;
  addFile(name: string, content: string | Uint8Array, mode?: number): Promise<string>;
}

interface PostgresScripts {
  readonly startPostgres: (options: {
    log: (message: string) => void;
    settings?: Record<string, string | number>;
    hba?: string;
    initdbArgs?: string[];
    messages?: string;
  }) => Promise<TestServer>;
  readonly startPgbouncer: (options: {
    server: TestServer;
    log: (message: string) => void;
    poolMode?: 'session' | 'transaction';
  }) => Promise<{ host: string; port: number; stop(): Promise<void> }>;
  readonly createDatabase: (
    server: Pick<TestServer, 'psql'>,
    name: string,
    options?: { extension?: boolean; schema?: string; version?: '1.8' | '1.9' | '1.10' },
  ) => Promise<void>;
}

/** The root of the repository, from which the tests run. */
export const repository = process.cwd();

export async function scripts(): Promise<PostgresScripts> {
  const file = pathToFileURL(join(repository, 'scripts/lib/postgres.mjs')).href;
  return (await import(file)) as PostgresScripts;
}

const shared = globalThis as { pgbgTestServer?: Promise<TestServer> };

/** An existing server to use instead of a new one. */
const EXTERNAL = process.env['PGBG_SERVER_URL'];

/** The server that all test files share. It is stopped when the process ends, or is the one that PGBG_SERVER_URL names. */
export function sharedServer(): Promise<TestServer> {
  shared.pgbgTestServer ??= EXTERNAL ? externalServer(EXTERNAL) : newServer();
  return shared.pgbgTestServer;
}

/** A server for tests that restart or exhaust it. */
export async function newServer(
  settings: Record<string, string | number> = {},
  hba?: string,
  /** The locale of its messages. */
  messages?: string,
): Promise<TestServer> {
  if (EXTERNAL) skipHere('needs a separate server, and PGBG_SERVER_URL names a shared one');
  const { startPostgres } = await scripts();
  return startPostgres({
    log: () => undefined,
    settings: { max_worker_processes: 64, max_connections: 300, ...settings },
    ...(hba === undefined ? {} : { hba }),
    ...(messages === undefined ? {} : { messages }),
  });
}

export async function newDatabase(
  server: TestServer,
  options: { extension?: boolean; schema?: string; version?: '1.8' | '1.9' | '1.10' } = {},
): Promise<ConnectionProfile> {
  const database = `t_${randomUUID().slice(0, 8)}`;
  const { createDatabase } = await scripts();
  await createDatabase(server, database, options);
  return profileOf(server, database);
}

export function profileOf(server: Pick<TestServer, 'host' | 'port' | 'user'>, database: string): ConnectionProfile {
  return { name: database, host: server.host, port: server.port, database, user: server.user };
}

/** Collects log lines, to show them when a test fails. */
export function memoryLog(): Logger & { lines: string[] } {
  const lines: string[] = [];
  const add =
    (level: string) =>
    (message: string): void => {
      lines.push(`${level} ${message}`);
    };
  return { lines, debug: add('debug'), info: add('info'), warn: add('warn'), error: add('error') };
}

export function newLink(
  profile: ConnectionProfile,
  log: Logger = memoryLog(),
  options: Partial<Pick<LinkOptions, 'clock' | 'responseTimeouts' | 'onDurable' | 'workerSettings'>> = {},
): PgServerLink {
  return new PgServerLink({
    name: profile.name,
    database: profile.database ?? '',
    connect: (prefer) => openClient(profile, { prefer }),
    clock: systemClock,
    log,
    warmSessions: 2,
    workerSettings: workerSettingsOf(profile),
    ...options,
  });
}

export interface Engine {
  readonly jobs: JobService;
  /** The current link, which {@link relink} replaces. */
  readonly link: PgServerLink;
  readonly files: SpoolFiles;
  readonly history: JobHistory;
  readonly folder: string;
  readonly log: ReturnType<typeof memoryLog>;
  readonly settings: { -readonly [K in keyof JobSettings]: JobSettings[K] };
  run(sql: string, options?: Partial<NewJob>): Job;
  /** Runs the SQL and waits for the end of the job. */
  ended(sql: string, options?: Partial<NewJob>): Promise<Job>;
  rows(job: Job, offset?: number, limit?: number): Promise<(string | null)[][]>;
  /** Closes the link and creates another one, as after an edit of the connection. */
  relink(to?: ConnectionProfile): Promise<void>;
  /** Ends like a window that is closed. `keep` keeps its folder, so that another engine can restore the jobs. */
  close(options?: { keep?: boolean }): Promise<void>;
}

/** Creates an engine with one connection, composed as in extension.ts. */
export async function newEngine(
  profile: ConnectionProfile,
  options: Partial<JobSettings> & {
    folder?: string;
    responseTimeouts?: LinkOptions['responseTimeouts'];
    clock?: Clock;
    registry?: Partial<WindowRegistryOptions>;
  } = {},
): Promise<Engine> {
  const log = memoryLog();
  const {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-engine-')),
    responseTimeouts,
    clock = systemClock,
    registry = {},
    ...overrides
  } = options;
  const linkOptions = { clock, ...(responseTimeouts === undefined ? {} : { responseTimeouts }) };
  const settings = { maxConcurrentJobs: 4, graceMs: 5000, keepFinishedJobs: 0, keepFinishedDays: 0, ...overrides };
  const durable = new Emitter<PgServerLink>(log);
  const open = (to: ConnectionProfile): PgServerLink => {
    const opened: PgServerLink = newLink(to, log, { ...linkOptions, onDurable: () => durable.emit(opened) });
    return opened;
  };
  let link = open(profile);
  const history = new JobHistory(join(folder, 'jobs'), randomUUID(), log, systemClock, registry);
  const files = new SpoolFiles(join(folder, 'rows'), () => ({ maxRows: 0, maxBytes: 0 }));
  const jobs = new JobService({
    links: { link: () => link, onDurable: (listener) => durable.add((found) => listener(profile.name, found)) },
    history,
    files,
    places: new JobPlaces({ history, clock, log }),
    clock,
    log,
    newId: () => randomUUID(),
    settings: () => settings,
  });
  const run: Engine['run'] = (sql, request = {}) =>
    jobs.run({ sql, label: 'test', connection: profile.name, ...request });
  return {
    jobs,
    get link() {
      return link;
    },
    files,
    history,
    folder,
    log,
    settings,
    run,
    ended: async (sql, request) => {
      const job = run(sql, request);
      await job.ended;
      return job;
    },
    rows: async (job, offset = 0, limit = 1000) => {
      const reader = await files.open(await jobs.durable.openRows(job.id, true));
      try {
        return await reader.rows(offset, limit);
      } finally {
        await reader.close();
      }
    },
    relink: async (to = profile) => {
      const old = link;
      link = open(to);
      await old.dispose();
    },
    close: async ({ keep = false } = {}) => {
      await jobs.dispose();
      await link.dispose();
      await jobs.settled();
      await history.close();
      if (!keep) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when the job is in one of the states, or has ended. */
export function reaches(jobs: JobService, job: Job, ...states: readonly JobState[]): Promise<JobState> {
  return until(jobs, job, () => states.includes(job.state) || job.final).then(() => job.state);
}

/** Resolves when a condition on the job holds. Checks it whenever the job changes. */
export function until(jobs: JobService, job: Job, condition: () => boolean): Promise<void> {
  if (condition()) return Promise.resolve();
  return new Promise((resolve) => {
    const listener = jobs.onDidChange((changed) => {
      if (changed.id !== job.id || !condition()) return;
      listener.dispose();
      resolve();
    });
  });
}

/** Polls until `question` resolves with true, for conditions without an event. */
export async function eventually(question: () => Promise<boolean>, what: string, ms = 30_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await question())) {
    if (Date.now() > end) throw new Error(`Still not after ${ms / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** The comparable parts of a job's outcome: state, tag, row count, SQLSTATE. */
export function outcomeOf({ record }: Job): (string | number | undefined)[] {
  return [record.state, record.commandTag, record.rowCount, record.error?.sqlstate];
}

/** Resolves when pg_stat_activity shows the worker as active. @param waitEvent the wait event that it must have */
export async function atWork(engine: Engine, job: Job, waitEvent?: string): Promise<void> {
  await reaches(engine.jobs, job, 'running', 'reading');
  const watch = engine.link.watch('fast');
  await new Promise<void>((resolve) => {
    const listener = engine.link.onSnapshot((snapshot) => {
      const worker = snapshot.workers.find(({ pid }) => pid === job.record.pid);
      const active = worker?.state === 'active' && (waitEvent === undefined || worker.waitEvent === waitEvent);
      if (!active && !job.final) return;
      listener.dispose();
      resolve();
    });
  });
  watch.dispose();
}

/** Runs SQL, and detaches the job when its worker is active. */
export async function detachedJob(engine: Engine, sql = 'SELECT pg_sleep(60)'): Promise<Job> {
  const job = engine.run(sql);
  await atWork(engine, job);
  engine.jobs.detach(job.id);
  await reaches(engine.jobs, job, 'detached');
  return job;
}

/** Resolves when the control connection of the engine is open again. */
export function reconnected({ link }: Engine): Promise<void> {
  const answers = (): Promise<boolean> =>
    link.refresh().then(
      () => true,
      () => false,
    );
  return eventually(answers, 'the control connection is open again');
}

/** Terminates every session of a database, except for workers and gates. */
export async function endSessions(server: TestServer, { database }: ConnectionProfile): Promise<void> {
  await server.psql(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = '${database!}' AND backend_type = 'client backend' AND application_name <> '${GATE_APPLICATION}'`,
  );
}

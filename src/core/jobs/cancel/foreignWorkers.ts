import type { Job, JobRecord } from '../job';
import type { ActiveWorker, ActivitySnapshot } from '../ports';
import { systemClock, type Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { isWorkerOf, type KnownWorker } from '../findWorker';
import { compareServers, serverOfSnapshot } from '../serverIdentity';

/** How long a snapshot may still show a worker after its end, because its process takes time to exit. Milliseconds. */
const EXITING_MS = 1000;

/** The part of the job service that {@link ForeignWorkers} needs. */
export interface KnownJobs {
  readonly jobs: readonly Job[];
  onDidChange(listener: (job: Job) => void): Disposable;
}

/**
 * Finds the workers in a snapshot that do not belong to any job here. A snapshot can be older than the end of a job, and then still shows
 * the job's worker, which is not foreign, even if the job was removed meanwhile.
 */
export class ForeignWorkers {
  /** When workers of our jobs ended, by connection and by {@link identityOf}. Monotonic milliseconds, as snapshots have. */
  readonly #ended = new Map<string, Map<string, number>>();
  readonly #listener: Disposable;

  readonly #jobs: KnownJobs;

  constructor(jobs: KnownJobs, clock: Pick<Clock, 'monotonic'> = systemClock) {
    this.#jobs = jobs;

    this.#listener = jobs.onDidChange(({ final, record }) => {
      if (!final) return;
      const ended = this.#ended.get(record.connection) ?? new Map<string, number>();
      for (const { pid, backendStart } of processesOf(record)) {
        if (pid === undefined || backendStart === undefined) continue;
        this.#ended.set(record.connection, ended.set(identityOf({ pid, backendStart }), clock.monotonic()));
      }
    });
  }

  of(connection: string, snapshot: ActivitySnapshot | undefined): readonly ActiveWorker[] {
    if (!snapshot) return [];
    const server = serverOfSnapshot(snapshot);
    // A pid is meaningless on another server. An old record that does not name its server is compared by its connection.
    const ours = this.#jobs.jobs.filter(
      ({ final, record }) =>
        !final && (record.server !== undefined || record.serverStart !== undefined || record.connection === connection),
    );
    const ended = this.#ended.get(connection);
    for (const [key, at] of ended ?? []) if (snapshot.at > at + EXITING_MS) ended?.delete(key);
    return snapshot.workers.filter(
      (worker) =>
        !ours.some(({ record }) => processesOf(record).some((known) => isWorkerOf(known, worker, server))) &&
        ended?.has(identityOf(worker)) !== true,
    );
  }

  dispose(): void {
    this.#listener.dispose();
  }
}

/** The foreign workers that one connection shows, with the snapshot that they are from. */
export interface SeenWorkers {
  readonly connection: string;
  readonly workers: readonly ActiveWorker[];
  readonly snapshot: ActivitySnapshot;
}

/**
 * Connections to the same server show the same workers: lists each worker under only one of them, the first in the order of `seen`.
 *
 * @returns the workers of each connection
 */
export function listOnce(seen: readonly SeenWorkers[]): ReadonlyMap<string, readonly ActiveWorker[]> {
  const listed = new Map<string, readonly ActiveWorker[]>();
  seen.forEach(({ connection, workers, snapshot }, index) => {
    const server = serverOfSnapshot(snapshot);
    const same = seen
      .slice(0, index)
      .filter((before) => compareServers(serverOfSnapshot(before.snapshot), server) === 'same')
      .flatMap((before) => before.workers.map(identityOf));
    listed.set(
      connection,
      workers.filter((worker) => !same.includes(identityOf(worker))),
    );
  });
  return listed;
}

/** The worker of a job, and the keeper of a durable one. */
function processesOf(record: JobRecord): readonly KnownWorker[] {
  const { keeperPid, keeperStart } = record.durable ?? {};
  if (keeperPid === undefined) return [record];
  const { server, serverStart } = record;
  const keeper: KnownWorker = {
    pid: keeperPid,
    ...(keeperStart === undefined ? {} : { backendStart: keeperStart }),
    ...(server && { server }),
    ...(serverStart === undefined ? {} : { serverStart }),
  };
  return [record, keeper];
}

function identityOf({ pid, backendStart }: Pick<ActiveWorker, 'pid' | 'backendStart'>): string {
  return `${pid}:${backendStart}`;
}

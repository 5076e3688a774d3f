import type { Job } from '../job';
import type { ActiveWorker, ActivitySnapshot } from '../ports';
import type { Disposable } from '../../base/disposable';
import { compareServers, isWorkerOf, serverOfSnapshot } from '../serverIdentity';

/** How long after its end a worker may still be shown: its process has to leave. Milliseconds. */
const LEAVING_MS = 1000;

/** What it needs of the service. */
export interface KnownJobs {
  readonly jobs: readonly Job[];
  onDidChange(listener: (job: Job) => void): Disposable;
}

/**
 * Tells which workers of a snapshot others launched. A snapshot can be older than the end of a job of ours, whose worker is then still
 * in it; it is no foreign one, also where the job was forgotten meanwhile.
 */
export class ForeignWorkers {
  /** When workers of ours ended, by connection and by what identifies them. Milliseconds since 1970. */
  readonly #ended = new Map<string, Map<string, number>>();
  readonly #listener: Disposable;

  readonly #jobs: KnownJobs;

  constructor(jobs: KnownJobs) {
    this.#jobs = jobs;

    this.#listener = jobs.onDidChange(({ final, record }) => {
      const { connection, pid, backendStart, finishedAt } = record;
      if (!final || pid === undefined || backendStart === undefined || finishedAt === undefined) return;
      const ended = this.#ended.get(connection) ?? new Map<string, number>();
      this.#ended.set(connection, ended.set(`${pid}:${backendStart}`, finishedAt));
    });
  }

  of(connection: string, snapshot: ActivitySnapshot | undefined): readonly ActiveWorker[] {
    if (!snapshot) return [];
    const server = serverOfSnapshot(snapshot);
    // A pid says nothing about another server. What an old record does not know of its server, its connection tells.
    const ours = this.#jobs.jobs.filter(
      ({ final, record }) =>
        !final && (record.server !== undefined || record.serverStart !== undefined || record.connection === connection),
    );
    const ended = this.#ended.get(connection);
    for (const [key, at] of ended ?? []) if (snapshot.at > at + LEAVING_MS) ended?.delete(key);
    return snapshot.workers.filter(
      (worker) =>
        !ours.some(({ record }) => isWorkerOf(record, worker, server)) &&
        ended?.has(`${worker.pid}:${worker.backendStart}`) !== true,
    );
  }

  dispose(): void {
    this.#listener.dispose();
  }
}

/** The foreign workers that one connection shows, of the snapshot that they are in. */
export interface SeenWorkers {
  readonly connection: string;
  readonly workers: readonly ActiveWorker[];
  readonly snapshot: ActivitySnapshot;
}

/**
 * Connections to the same server show the same workers. Gives each worker to one of them: to the first in the order of `seen`.
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

function identityOf({ pid, backendStart }: ActiveWorker): string {
  return `${pid}:${backendStart}`;
}

import type { Disposable } from '../../core/base/disposable';
import { ForeignWorkers, listOnce } from '../../core/jobs/cancel/foreignWorkers';
import type { JobService } from '../../core/jobs/jobService';
import type { ActiveWorker } from '../../core/jobs/ports';
import { serverOfSnapshot } from '../../core/jobs/serverIdentity';
import { readSetting } from '../base/settings';
import type { Connections } from '../connections/connections';
import type { ActiveFilter } from './activeFilter';
import { WorkerNode } from './nodes/workerNode';
import type { OtherJobs, ShownOtherJob } from './otherJobs';
import { rowKey } from './rowKeys';

/** The rows of the foreign workers that match the filter, below each connection. */
export class WorkerRows implements Disposable {
  readonly #foreignWorkers: ForeignWorkers;
  /** The rows that the tree shows now, by connection. */
  readonly #drawn = new Map<string, ReadonlyMap<string, WorkerNode>>();

  readonly #connections: Connections;
  readonly #filter: ActiveFilter;
  readonly #others: OtherJobs;

  constructor(jobs: JobService, connections: Connections, filter: ActiveFilter, others: OtherJobs) {
    this.#foreignWorkers = new ForeignWorkers(jobs);
    this.#connections = connections;
    this.#filter = filter;
    this.#others = others;
  }

  /** Whether a connection has foreign workers now. */
  has(connection: string): boolean {
    return this.#workers(connection, this.#all()).length > 0;
  }

  /** Returns the rows of a connection, and remembers that the tree shows them. */
  list(connection: string): readonly WorkerNode[] {
    this.#list(connection, this.#workers(connection, this.#all()));
    return this.of(connection);
  }

  /** The rows that the tree shows below a connection. */
  of(connection: string): readonly WorkerNode[] {
    return [...(this.#drawn.get(connection)?.values() ?? [])];
  }

  /**
   * Call it when a connection has a new snapshot.
   * @returns the connections that have other rows now; a worker may have to move to another connection
   */
  update(connection: string): readonly string[] {
    const all = this.#all();
    return [...new Set([...this.#drawn.keys(), connection])].filter((name) => {
      const before = [...(this.#drawn.get(name)?.keys() ?? [])].join();
      const workers = this.#workers(name, all);
      if (name !== connection && workers.map((worker) => this.#key(name, worker)).join() === before) return false;
      return this.#list(name, workers) !== before;
    });
  }

  /** Call it when jobs of other workspaces have changed. @returns the rows of workers that belong to other jobs now */
  updateJobs(): readonly WorkerNode[] {
    const rows = [...this.#drawn.keys()].flatMap((name) => this.of(name));
    return rows.filter((node) => {
      const { other } = node;
      node.other = this.#jobOf(node.connection, node.worker);
      return node.other !== other;
    });
  }

  dispose(): void {
    this.#foreignWorkers.dispose();
  }

  /** @returns the keys of the rows, joined */
  #list(connection: string, workers: readonly ActiveWorker[]): string {
    const before = this.#drawn.get(connection);
    const now = new Map<string, WorkerNode>();
    for (const worker of workers) {
      const key = this.#key(connection, worker);
      const node = before?.get(key) ?? new WorkerNode(connection, worker);
      node.worker = worker;
      node.other = this.#jobOf(connection, worker);
      now.set(key, node);
    }
    this.#drawn.set(connection, now);
    return [...now.keys()].join();
  }

  #key(connection: string, worker: ActiveWorker): string {
    return rowKey({ connection, worker });
  }

  #jobOf(connection: string, worker: ActiveWorker): ShownOtherJob | undefined {
    const snapshot = this.#connections.existing(connection)?.snapshot;
    return snapshot && this.#others.jobOf(worker, serverOfSnapshot(snapshot));
  }

  /** The foreign workers of a connection that match the filter. */
  #workers(connection: string, all: ReadonlyMap<string, readonly ActiveWorker[]>): readonly ActiveWorker[] {
    return (all.get(connection) ?? []).filter((worker) => this.#filter.matchesWorker(connection, worker));
  }

  /** The foreign workers of each connection. If several connections show the same worker, the default one lists it, or the first. */
  #all(): ReadonlyMap<string, readonly ActiveWorker[]> {
    if (!readSetting('showForeignWorkers')) return new Map();
    const defaultName = this.#connections.defaultFor(undefined);
    const names = this.#connections.profiles.map(({ name }) => name);
    names.sort((a, b) => Number(b === defaultName) - Number(a === defaultName));
    return listOnce(
      names.flatMap((name) => {
        const snapshot = this.#connections.existing(name)?.snapshot;
        return snapshot ? [{ connection: name, snapshot, workers: this.#foreignWorkers.of(name, snapshot) }] : [];
      }),
    );
  }
}

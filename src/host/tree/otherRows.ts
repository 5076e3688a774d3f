import { findWorker } from '../../core/jobs/findWorker';
import type { ActiveWorker } from '../../core/jobs/ports';
import { mayHaveWorker } from '../../core/jobs/states';
import type { Connections } from '../connections/connections';
import type { ActiveFilter } from './activeFilter';
import { OtherJobNode } from './nodes/otherJobNode';
import { WorkspaceNode } from './nodes/workspaceNode';
import type { OtherJobs, ShownOtherJob } from './otherJobs';

/** The rows of other workspaces whose jobs match the filter. A workspace or job keeps its row until it changes. */
export class OtherRows {
  #workspaces: ReadonlyMap<string, WorkspaceNode> = new Map();
  #nodes: ReadonlyMap<string, OtherJobNode> = new Map();

  readonly #others: OtherJobs;
  readonly #filter: ActiveFilter;
  readonly #connections: Connections;

  constructor(others: OtherJobs, filter: ActiveFilter, connections: Connections) {
    this.#others = others;
    this.#filter = filter;
    this.#connections = connections;
  }

  list(): WorkspaceNode[] {
    const workspaces = new Map<string, WorkspaceNode>();
    const nodes = new Map<string, OtherJobNode>();
    for (const { workspace, jobs } of this.#others.list()) {
      const shown = jobs.filter(({ job }) => this.#filter.matches(job)).map((job) => this.#node(job));
      if (shown.length === 0) continue;
      for (const node of shown) nodes.set(node.shown.job.id, node);
      const node = this.#workspaces.get(workspace.key) ?? new WorkspaceNode(workspace);
      workspaces.set(workspace.key, node);
      if (!sameItems(node.jobs, shown)) {
        node.jobs = shown;
        node.version++;
      }
    }
    this.#workspaces = workspaces;
    this.#nodes = nodes;
    return [...workspaces.values()];
  }

  #node(shown: ShownOtherJob): OtherJobNode {
    const seen = this.#seenWorker(shown);
    const known = this.#nodes.get(shown.job.id);
    if (known?.shown !== shown || (known.seen === undefined) !== (seen === undefined)) {
      return new OtherJobNode(shown, seen);
    }
    known.seen = seen;
    return known;
  }

  /** The worker of the job in the newest snapshot of a connection of this window. */
  #seenWorker({ job }: ShownOtherJob): OtherJobNode['seen'] {
    const { record } = job;
    if (!mayHaveWorker(record.state) || record.backendStart === undefined) return undefined;
    if (record.server === undefined && record.serverStart === undefined) return undefined;
    for (const { name } of this.#connections.profiles) {
      const worker: ActiveWorker | undefined = findWorker(this.#connections.existing(name)?.snapshot, record);
      if (worker) return { connection: name, worker };
    }
    return undefined;
  }
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

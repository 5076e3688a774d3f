import * as vscode from 'vscode';
import { ForeignWorkers, listOnce } from '../../core/jobs/cancel/foreignWorkers';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { ActiveWorker } from '../../core/jobs/ports';
import type { Disposable } from '../../core/base/disposable';
import { mayHaveWorker } from '../../core/jobs/states';
import type { LinkState, PgServerLink } from '../../core/postgres/server/serverLink';
import type { Connections } from '../connections/connections';
import { Disposables } from '../base/disposables';
import { WORKERS_VIEW } from '../base/commandIds';
import { affectsSetting, readSetting } from '../base/settings';
import { actionsFor } from './nodes/actionNode';
import { ConnectionNode } from './nodes/connectionNode';
import { FaultNode } from './nodes/faultNode';
import { JobNode } from './nodes/jobNode';
import type { Node } from './nodes/node';
import { ProblemNode } from './nodes/problemNode';
import { WorkerNode } from './nodes/workerNode';
import { RowMoves, RowOrder } from './rowOrder';
import type { Walkthrough } from '../walkthrough';
import * as ui from '../base/ui';

/** Elapsed times move on once a second, and only while somebody looks. */
const TICK_MS = 1000;

/** A click this soon after its row moved may have been meant for the row that was there before. Milliseconds. */
const MISCLICK_MS = 1000;

/** Trying again by itself would not help, and a wrong password tried again and again may lock the user out. */
function needsSomebody(state: LinkState | undefined): boolean {
  if (state?.kind !== 'error' || state.reason === undefined) return false;
  return !['unreachable', 'timeout', 'slots', 'starting', 'aborted', 'sessionAttrs', 'server'].includes(state.reason);
}

function rowKey(node: JobNode | WorkerNode): string {
  if (node instanceof JobNode) return node.job.id;
  return `${node.connection}:${node.worker.pid}:${node.worker.backendStart}`;
}

function pidsOf(workers: readonly ActiveWorker[]): string {
  return workers.map(({ pid }) => pid).join();
}

/** The tree of connections, their jobs and the workers that others launched. */
export class WorkersView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<Node | undefined>();
  readonly #disposables = new Disposables();
  readonly #jobNodes = new Map<string, JobNode>();
  readonly #connectionNodes = new Map<string, ConnectionNode>();
  /** The links that are asked for snapshots because somebody looks. */
  readonly #looking = new Map<string, { readonly link: PgServerLink; readonly watches: readonly Disposable[] }>();
  readonly #pending = new Set<string>();
  readonly #workerNodes = new Map<string, WorkerNode>();
  /** The foreign workers that the tree shows now, as text, for each connection. */
  readonly #drawnWorkers = new Map<string, string>();
  readonly #foreignWorkers: ForeignWorkers;
  readonly #orders = new Map<string, RowOrder<Job>>();
  readonly #moves = new RowMoves(() => performance.now());
  #agesDrawn = 0;
  #flush: NodeJS.Timeout | undefined;
  #tick: NodeJS.Timeout | undefined;
  readonly view: vscode.TreeView<Node>;
  readonly onDidChangeTreeData = this.#changed.event;

  readonly #jobs: JobService;
  readonly #connections: Connections;
  readonly #walkthrough: Walkthrough;

  constructor(jobs: JobService, connections: Connections, walkthrough: Walkthrough) {
    this.#jobs = jobs;
    this.#connections = connections;
    this.#walkthrough = walkthrough;

    this.#foreignWorkers = this.#disposables.add(new ForeignWorkers(jobs));
    this.view = ui.createTreeView(WORKERS_VIEW, {
      treeDataProvider: this,
      canSelectMany: true,
      showCollapseAll: false,
    });
    for (const item of [
      this.#changed,
      this.view,
      this.view.onDidChangeVisibility(({ visible }) => {
        // Nobody can be aiming at a row of a view that has just appeared.
        if (visible) this.#settle();
        this.#look();
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (affectsSetting(event, 'showForeignWorkers')) this.refresh();
      }),
      connections.onDidChange(() => {
        this.refresh();
        this.#look();
      }),
      jobs.onDidChange((job) => this.#jobChanged(job)),
      jobs.onDidRemove((ids) => {
        for (const id of ids) this.#jobNodes.delete(id);
        for (const order of this.#orders.values()) order.forget(ids);
        this.refresh();
      }),
    ]) {
      this.#disposables.add(item);
    }
    this.#look();
  }

  getTreeItem(node: Node): vscode.TreeItem {
    return node.item();
  }

  getParent(node: Node): Node | undefined {
    return node instanceof JobNode ? this.#connectionNode(node.job.record.connection) : undefined;
  }

  getChildren(node?: Node): Node[] {
    if (!node) return [...this.#roots()];
    return node instanceof ConnectionNode ? this.#children(node) : [];
  }

  /** Shows and selects a job. */
  async reveal(id: string, focus = false): Promise<void> {
    const job = this.#jobs.get(id);
    if (job) await this.view.reveal(this.#jobNode(job), { select: true, focus, expand: true });
  }

  refresh(): void {
    this.#changed.fire(undefined);
  }

  /** Draws everything anew, with jobs that have ended below those that run. */
  rearrange(): void {
    this.#settle();
    this.refresh();
  }

  /** True if the row has just moved, so that a click on it may have been meant for another row. */
  justMoved(node: unknown): boolean {
    const isRow = node instanceof JobNode || node instanceof WorkerNode;
    return isRow && this.#moves.movedWithin(rowKey(node), MISCLICK_MS);
  }

  dispose(): void {
    clearInterval(this.#tick);
    clearTimeout(this.#flush);
    for (const name of this.#looking.keys()) this.#lookAway(name);
    this.#disposables.dispose();
  }

  *#roots(): Iterable<Node> {
    for (const fault of this.#connections.faulty) yield new FaultNode(fault);
    for (const name of this.#connectionNames()) yield this.#connectionNode(name);
  }

  #connectionNames(): string[] {
    const names = new Set(this.#connections.profiles.map((profile) => profile.name));
    // A removed connection stays as long as it has jobs: nothing that was received is dropped.
    for (const job of this.#jobs.jobs) names.add(job.record.connection);
    return [...names];
  }

  #connectionNode(name: string): ConnectionNode {
    let node = this.#connectionNodes.get(name);
    if (!node) {
      node = new ConnectionNode(name, this.#connections, this.#jobs, () => this.#foreign(name).length > 0);
      this.#connectionNodes.set(name, node);
    }
    return node;
  }

  #jobNode(job: Job): JobNode {
    let node = this.#jobNodes.get(job.id);
    if (!node) {
      node = new JobNode(job, this.#jobs);
      this.#jobNodes.set(job.id, node);
    }
    return node;
  }

  #children(node: ConnectionNode): Node[] {
    const own = this.#jobs.jobs.filter((job) => job.record.connection === node.name);
    const children: Node[] = [];
    const state = this.#connections.existing(node.name)?.state;
    if (state?.kind === 'error') {
      const entry = this.#connections.entry(node.name);
      children.push(new ProblemNode(node.name, state.message), ...(entry ? actionsFor(entry, state.reason) : []));
    }
    const { upper, finished } = this.#order(node.name).arrange(own);
    const foreign = this.#foreign(node.name);
    this.#drawnWorkers.set(node.name, pidsOf(foreign));
    const rows = [
      ...upper.map((job) => this.#jobNode(job)),
      ...foreign.map((worker) => this.#workerNode(node.name, worker)),
      ...finished.map((job) => this.#jobNode(job)),
    ];
    this.#moves.draw(
      node.name,
      [...children.map((_, index) => `${node.name}#${index}`), ...rows.map(rowKey)],
      this.#connectionNames(),
    );
    return [...children, ...rows];
  }

  #order(connection: string): RowOrder<Job> {
    let order = this.#orders.get(connection);
    if (!order) this.#orders.set(connection, (order = new RowOrder()));
    return order;
  }

  #settle(): void {
    for (const [connection, order] of this.#orders) {
      order.settle(this.#jobs.jobs.filter(({ record }) => record.connection === connection));
    }
  }

  #foreign(connection: string): readonly ActiveWorker[] {
    return this.#allForeign().get(connection) ?? [];
  }

  /** What each connection lists. A worker that several see is listed under the default one, else under the first. */
  #allForeign(): ReadonlyMap<string, readonly ActiveWorker[]> {
    if (!readSetting('showForeignWorkers')) return new Map();
    const preset = this.#connections.defaultFor(undefined);
    const names = this.#connections.profiles.map(({ name }) => name);
    names.sort((a, b) => Number(b === preset) - Number(a === preset));
    return listOnce(
      names.flatMap((name) => {
        const snapshot = this.#connections.existing(name)?.snapshot;
        return snapshot ? [{ connection: name, snapshot, workers: this.#foreignWorkers.of(name, snapshot) }] : [];
      }),
    );
  }

  #workerNode(connection: string, worker: ActiveWorker): WorkerNode {
    const key = `${connection}:${worker.pid}:${worker.backendStart}`;
    let node = this.#workerNodes.get(key);
    if (node) {
      node.worker = worker;
    } else {
      node = new WorkerNode(connection, worker);
      this.#workerNodes.set(key, node);
    }
    return node;
  }

  /**
   * Draws only what changed. While the tree asks anew for a connection's rows, a click on one of them reaches its command
   * without the row (measured with VS Code 1.139), so that is done only where rows come or go.
   */
  #snapshotCame(connection: string): void {
    const all = this.#allForeign();
    // What this one lists now, another one may not list any more.
    for (const other of this.#drawnWorkers.keys()) {
      if (other !== connection && pidsOf(all.get(other) ?? []) !== this.#drawnWorkers.get(other)) {
        this.#drawForeign(other, all.get(other) ?? []);
      }
    }
    this.#drawForeign(connection, all.get(connection) ?? []);
  }

  #drawForeign(connection: string, foreign: readonly ActiveWorker[]): void {
    const nodes = foreign.map((worker) => this.#workerNode(connection, worker));
    const drawn = this.#drawnWorkers.get(connection) ?? '';
    const now = pidsOf(foreign);
    if (now !== drawn) {
      this.#drawnWorkers.set(connection, now);
      for (const [key, node] of this.#workerNodes) {
        if (node.connection === connection && !nodes.includes(node)) this.#workerNodes.delete(key);
      }
      this.#changed.fire(this.#connectionNode(connection));
    } else if (Date.now() - this.#agesDrawn >= TICK_MS) {
      this.#agesDrawn = Date.now();
      for (const node of nodes) this.#changed.fire(node);
    }
  }

  /** Changes come in bursts: each frame of the tree is drawn once, and only the rows that changed. */
  #jobChanged(job: Job): void {
    const node = this.#jobNodes.get(job.id);
    // Only a new job changes the rows below its connection; any other keeps its row.
    this.#pending.add(node ? job.id : `connection:${job.record.connection}`);
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined;
      const changed = [...this.#pending];
      this.#pending.clear();
      const connections = changed
        .filter((key) => key.startsWith('connection:'))
        .map((key) => key.slice('connection:'.length));
      for (const node of this.#connectionNodes.values()) {
        const running = this.#jobs.jobs.some(
          ({ record, state }) => record.connection === node.name && mayHaveWorker(state),
        );
        if (node.hasRunning !== running && !connections.includes(node.name)) connections.push(node.name);
      }
      // The first job of a connection changes the connection's own row.
      if (connections.some((name) => !this.#connectionNodes.get(name)?.hasChildren)) this.refresh();
      else for (const name of connections) this.#changed.fire(this.#connectionNode(name));
      for (const id of changed) {
        const one = this.#jobNodes.get(id);
        if (one && !connections.includes(one.job.record.connection)) this.#changed.fire(one);
      }
      this.#look();
    }, 50);
  }

  #lookAway(name: string): void {
    for (const watch of this.#looking.get(name)?.watches ?? []) watch.dispose();
    this.#looking.delete(name);
  }

  /** While the view is seen, used connections are asked for their workers and the elapsed times move on. */
  #look(): void {
    const visible = this.view.visible;
    const names = new Set([...this.#looking.keys(), ...this.#connections.profiles.map(({ name }) => name)]);
    for (const name of names) {
      const used = this.#connections.existing(name);
      const link = visible && !needsSomebody(used?.state) ? used : undefined;
      // A connection that was edited or disconnected has another link afterwards, or none.
      if (this.#looking.get(name)?.link === link) continue;
      this.#lookAway(name);
      if (!link) continue;
      const watches = [link.watch('steady'), link.onSnapshot(() => this.#snapshotCame(name))];
      this.#looking.set(name, { link, watches });
    }
    const active = visible && this.#jobs.jobs.some((job) => mayHaveWorker(job.state));
    if (active && !this.#tick) {
      this.#walkthrough.mark('watch');
      this.#tick = setInterval(() => {
        for (const job of this.#jobs.jobs) {
          const node = mayHaveWorker(job.state) ? this.#jobNodes.get(job.id) : undefined;
          if (node) this.#changed.fire(node);
        }
      }, TICK_MS);
    } else if (!active) {
      clearInterval(this.#tick);
      this.#tick = undefined;
    }
  }
}

import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { Disposable } from '../../core/base/disposable';
import { mayHaveWorker } from '../../core/jobs/states';
import type { PgServerLink } from '../../core/postgres/server/serverLink';
import type { Connections } from '../connections/connections';
import { Disposables } from '../base/disposables';
import { WORKERS_VIEW } from '../base/commandIds';
import { affectsSetting } from '../base/settings';
import { actionsFor } from './nodes/actionNode';
import { BatchNode } from './nodes/batchNode';
import { ConnectionNode } from './nodes/connectionNode';
import { DayNode } from './nodes/dayNode';
import { FaultNode } from './nodes/faultNode';
import { JobNode } from './nodes/jobNode';
import type { Node } from './nodes/node';
import { ProblemNode } from './nodes/problemNode';
import { WorkerNode } from './nodes/workerNode';
import { WorkspaceNode } from './nodes/workspaceNode';
import type { ActiveFilter } from './activeFilter';
import { BatchRedraws } from './batchRedraws';
import { DragJobs } from './dragJobs';
import { DrawnRoots, type RootRow } from './drawnRoots';
import { groupKey, JobRows } from './jobRows';
import { matchText } from './matchText';
import { needsUserAction } from './needsUserAction';
import type { OtherJobs } from './otherJobs';
import { OtherRows } from './otherRows';
import { rowKey } from './rowKeys';
import { RowMoves } from './rowOrder';
import { WorkerRows } from './workerRows';
import type { Walkthrough } from '../walkthrough';
import { faultText } from '../messages/faultText';
import * as ui from '../base/ui';

/** How often elapsed times are updated, while the view is visible. Milliseconds. */
const TICK_MS = 1000;

/** A click this soon after its row moved may have been meant for the row that was there before. Milliseconds. */
const MISCLICK_MS = 1000;

/** The tree of connections with their jobs and foreign workers. */
export class WorkersView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<Node | undefined>();
  readonly #disposables = new Disposables();
  readonly #jobNodes = new Map<string, JobNode>();
  readonly #connectionNodes = new Map<string, ConnectionNode>();
  /** The links that are polled while the view is visible, by connection. */
  readonly #watched = new Map<string, { readonly link: PgServerLink; readonly watches: readonly Disposable[] }>();
  readonly #pending = new Set<string>();
  readonly #workerRows: WorkerRows;
  readonly #rows: JobRows;
  readonly #otherRows: OtherRows;
  readonly #drawnRoots = new DrawnRoots<Node>();
  readonly #moves = new RowMoves(() => performance.now());
  readonly #batches = new BatchRedraws<BatchNode>(
    (batch) => this.#changed.fire(batch),
    () => performance.now(),
  );
  #agesDrawn = 0;
  /** The day on which all rows were drawn last, because jobs of earlier days are grouped. */
  #dayDrawn = new Date().toDateString();
  #flush: NodeJS.Timeout | undefined;
  #tick: NodeJS.Timeout | undefined;
  readonly view: vscode.TreeView<Node>;
  readonly onDidChangeTreeData = this.#changed.event;

  readonly #jobs: JobService;
  readonly #connections: Connections;
  readonly #walkthrough: Walkthrough;
  readonly #filter: ActiveFilter;

  readonly #others: OtherJobs;

  constructor(
    jobs: JobService,
    connections: Connections,
    walkthrough: Walkthrough,
    filter: ActiveFilter,
    others: OtherJobs,
  ) {
    this.#jobs = jobs;
    this.#others = others;
    this.#connections = connections;
    this.#walkthrough = walkthrough;
    this.#filter = filter;
    this.#rows = new JobRows(jobs, filter);
    this.#otherRows = new OtherRows(others, filter, connections);

    this.#workerRows = this.#disposables.add(new WorkerRows(jobs, connections, filter, others));
    this.view = ui.createTreeView(WORKERS_VIEW, {
      treeDataProvider: this,
      canSelectMany: true,
      showCollapseAll: false,
      dragAndDropController: new DragJobs(jobs, (connection) => this.queueChanged(connection)),
    });
    for (const item of [
      this.#changed,
      this.#batches,
      this.view,
      this.view.onDidChangeVisibility(({ visible }) => {
        // The user cannot be about to click in a view that has just appeared.
        if (visible) this.#rows.settle();
        if (visible && this.#dayDrawn !== new Date().toDateString()) this.refresh();
        this.#updateWatches();
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (affectsSetting(event, 'showForeignWorkers')) this.refresh();
      }),
      connections.onDidChange(() => {
        this.#redraw();
        this.#updateWatches();
      }),
      jobs.onDidChange((job) => this.#jobChanged(job)),
      jobs.onDidRemove((ids) => {
        for (const id of ids) this.#jobNodes.delete(id);
        const connections = this.#rows.forget(ids);
        filter.forget(ids);
        this.#redraw(connections);
      }),
      filter.onDidChange(() => this.refresh()),
      others.onDidChange((ids) => {
        filter.forget(ids);
        this.#updateWatches();
        this.#redraw();
        for (const node of this.#workerRows.updateJobs()) this.#changed.fire(node);
      }),
    ]) {
      this.#disposables.add(item);
    }
    this.#updateWatches();
    this.#showFilter();
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const item = node.item();
    if (isRoot(node)) this.#drawnRoots.draw(this.#rootRow(node, item));
    return item;
  }

  getParent(node: Node): Node | undefined {
    if (node instanceof JobNode) {
      const { job } = node;
      return this.#rows.batchOf(job) ?? this.#rows.dayOf(job) ?? this.#connectionNode(job.record.connection);
    }
    if (node instanceof BatchNode) return this.#rows.dayOf(node) ?? this.#connectionNode(node.connection);
    return node instanceof DayNode ? this.#connectionNode(node.connection) : undefined;
  }

  getChildren(node?: Node): Node[] {
    if (!node) {
      const roots = [...this.#roots()];
      this.#drawnRoots.drawAll(this.#rootRows(roots));
      return roots;
    }
    if (node instanceof DayNode) return this.#below(groupKey(node), node.rows);
    if (node instanceof BatchNode) return this.#below(node.id, node.jobs);
    if (node instanceof WorkspaceNode) return [...node.jobs];
    return node instanceof ConnectionNode ? this.#children(node) : [];
  }

  /** Shows and selects the batch of a job without its jobs, or the job if it is not part of a batch. */
  async revealBatch(id: string): Promise<void> {
    const job = this.#jobs.get(id);
    const batch = job && this.#filter.matches(job) ? this.#rows.batchOf(job) : undefined;
    if (batch) await this.view.reveal(batch, { select: true, focus: false, expand: false });
    else await this.reveal(id);
  }

  /** Shows and selects a job, unless the filter hides it. */
  async reveal(id: string, focus = false): Promise<void> {
    const job = this.#jobs.get(id);
    if (job && this.#filter.matches(job))
      await this.view.reveal(this.#jobNode(job), { select: true, focus, expand: true });
  }

  refresh(): void {
    this.#dayDrawn = new Date().toDateString();
    this.#showFilter();
    this.#changed.fire(undefined);
  }

  /**
   * Redraws the connections and workspaces that have changed, with the rows below them.
   * @param connections the connections whose list of jobs or workers has changed
   */
  #redraw(connections: readonly string[] = []): void {
    if (this.#dayDrawn !== new Date().toDateString()) {
      this.refresh();
      return;
    }
    this.#showFilter();
    const changed = this.#drawnRoots.changed(this.#rootRows([...this.#roots()]));
    if (!changed) {
      this.#changed.fire(undefined);
      return;
    }
    for (const node of new Set([...connections.map((name) => this.#connectionNode(name)), ...changed])) {
      this.#changed.fire(node);
    }
  }

  #rootRows(nodes: readonly Node[]): RootRow<Node>[] {
    return nodes.map((node) => this.#rootRow(node, node.item()));
  }

  #rootRow(node: Node, item: vscode.TreeItem): RootRow<Node> {
    const { id = '', label, description, iconPath, contextValue, tooltip } = item;
    const below =
      node instanceof ConnectionNode
        ? this.#problemRows(node.name).map((row) => row.item().label)
        : node instanceof WorkspaceNode && node.version;
    const shownTooltip = typeof tooltip === 'string' ? tooltip : tooltip?.value;
    const content = JSON.stringify([label, description, iconPath, contextValue, shownTooltip, below]);
    return { node, id, content };
  }

  /** Redraws all rows and moves ended jobs below the running ones. */
  rearrange(): void {
    this.#rows.settle();
    this.refresh();
  }

  /** The user has changed the order of a connection's queue. */
  queueChanged(connection: string): void {
    this.#redraw([connection]);
  }

  /** Whether the row has just moved, so a click on it may have been meant for another row. */
  justMoved(node: unknown): boolean {
    const isRow = node instanceof JobNode || node instanceof BatchNode || node instanceof WorkerNode;
    return isRow && this.#moves.movedWithin(rowKey(node), MISCLICK_MS);
  }

  dispose(): void {
    clearInterval(this.#tick);
    clearTimeout(this.#flush);
    for (const name of this.#watched.keys()) this.#unwatch(name);
    this.#disposables.dispose();
  }

  *#roots(): Iterable<Node> {
    const filtered = !this.#filter.filter.empty;
    if (!filtered) for (const fault of this.#connections.faulty) yield new FaultNode(fault);
    for (const name of this.#connectionNames()) {
      if (!filtered || this.#hasShownJob(name) || this.#workerRows.has(name)) yield this.#connectionNode(name);
    }
    yield* this.#otherRows.list();
  }

  #hasShownJob(connection: string): boolean {
    return this.#jobs.jobs.some((job) => job.record.connection === connection && this.#filter.matches(job));
  }

  /** Shows the active filter above the rows, with the number of matching jobs and its invalid terms. */
  #showFilter(): void {
    const { filter, text } = this.#filter;
    const summary = filter.empty
      ? ''
      : vscode.l10n.t('Filter: {0} ({1})', text, matchText(this.#filter, this.#jobs.jobs));
    ui.setTreeMessage(this.view, filter.empty ? '' : [summary, ...filter.faults.map(faultText)].join(' '));
  }

  #connectionNames(): string[] {
    const names = new Set(this.#connections.profiles.map((profile) => profile.name));
    // A removed connection stays listed while it has jobs, so that their rows remain reachable.
    for (const job of this.#jobs.jobs) names.add(job.record.connection);
    return [...names];
  }

  #connectionNode(name: string): ConnectionNode {
    let node = this.#connectionNodes.get(name);
    if (!node) {
      node = new ConnectionNode(name, this.#connections, this.#jobs, {
        hasShownJob: () => this.#hasShownJob(name),
        hasForeign: () => this.#workerRows.has(name),
        filtered: () => !this.#filter.filter.empty,
      });
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
    const children: Node[] = this.#problemRows(node.name);
    const { upper, finished, days } = this.#rows.list(node.name);
    const rows = [...this.#rowNodes(upper), ...this.#workerRows.list(node.name), ...this.#rowNodes(finished)];
    const above = children.map((_, index) => `${node.name}#${index}`);
    this.#moves.draw(node.name, [...above, ...rows.map(rowKey), ...days.map(groupKey)], this.#groups());
    return [...children, ...rows, ...days];
  }

  /** Why a connection does not work, and ways to fix it. */
  #problemRows(connection: string): Node[] {
    const state = this.#connections.existing(connection)?.state;
    if (state?.kind !== 'error') return [];
    const entry = this.#connections.entry(connection);
    return [new ProblemNode(connection, faultText(state.fault)), ...(entry ? actionsFor(entry, state.reason) : [])];
  }

  #below(group: string, listed: readonly (Job | BatchNode)[]): Node[] {
    const rows = this.#rowNodes(listed);
    this.#moves.draw(group, rows.map(rowKey), this.#groups());
    return rows;
  }

  #rowNodes(rows: readonly (Job | BatchNode)[]): (JobNode | BatchNode)[] {
    return rows.map((row) => (row instanceof BatchNode ? row : this.#jobNode(row)));
  }

  /** The keys of all groups of rows, from top to bottom. */
  #groups(): string[] {
    return this.#connectionNames().flatMap((name) => [name, ...this.#rows.groups(name)]);
  }

  /** Redraws only what changed, because the rows below a connection cannot be used while they are redrawn (see {@link DrawnRoots}). */
  #snapshotReceived(connection: string): void {
    const changed = this.#workerRows.update(connection);
    if (changed.length > 0) this.#redraw(changed);
    if (!changed.includes(connection) && Date.now() - this.#agesDrawn >= TICK_MS) {
      this.#agesDrawn = Date.now();
      for (const node of this.#workerRows.of(connection)) this.#changed.fire(node);
    }
  }

  /** Collects bursts of changes and redraws the changed rows once. */
  #jobChanged(job: Job): void {
    this.#filter.forget([job.id]);
    // Only a job that is new, or begins or ceases to match the filter, changes the list of rows; other jobs keep their rows.
    const listed = this.#rows.isListed(job);
    if (listed !== this.#filter.matches(job)) this.#pending.add(`connection:${job.record.connection}`);
    else if (listed) this.#pending.add(job.id);
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined;
      const changed = [...this.#pending];
      this.#pending.clear();
      const connections = changed
        .filter((key) => key.startsWith('connection:'))
        .map((key) => key.slice('connection:'.length));
      for (const { name, hasRunning } of this.#connectionNodes.values()) {
        const running = this.#jobs.jobs.some((one) => one.record.connection === name && mayHaveWorker(one.state));
        if (hasRunning !== running && !connections.includes(name)) connections.push(name);
      }
      if (connections.length > 0) this.#redraw(connections);
      else this.#showFilter();
      this.#redrawJobs(changed.filter((key) => !connections.includes(this.#jobs.get(key)?.record.connection ?? '')));
      this.#updateWatches();
    }, 50);
  }

  /** Redraws the rows of jobs, and those of their batches, with the rows below, if these look different now. */
  #redrawJobs(ids: readonly string[]): void {
    const jobs = ids.flatMap((id) => this.#jobs.get(id) ?? []);
    // Also those that are collapsed, whose jobs have no rows.
    const redrawn = this.#batches.changed(jobs.flatMap((job) => this.#rows.batchOf(job) ?? []));
    for (const job of jobs) {
      const batch = this.#rows.batchOf(job);
      const row = this.#jobNodes.get(job.id);
      if (row && !(batch && redrawn.has(batch))) this.#changed.fire(row);
    }
  }

  #unwatch(name: string): void {
    for (const watch of this.#watched.get(name)?.watches ?? []) watch.dispose();
    this.#watched.delete(name);
  }

  /** While the view is visible, polls the workers of open connections and updates elapsed times. */
  #updateWatches(): void {
    const visible = this.view.visible;
    this.#others.watch(visible);
    const names = new Set([...this.#watched.keys(), ...this.#connections.profiles.map(({ name }) => name)]);
    for (const name of names) {
      const existing = this.#connections.existing(name);
      const link = visible && !needsUserAction(existing?.state) ? existing : undefined;
      // After an edit or a disconnect, the connection has another link or none.
      if (this.#watched.get(name)?.link === link) continue;
      this.#unwatch(name);
      if (!link) continue;
      const watches = [link.watch('steady'), link.onSnapshot(() => this.#snapshotReceived(name))];
      this.#watched.set(name, { link, watches });
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

function isRoot(node: Node): boolean {
  return node instanceof ConnectionNode || node instanceof WorkspaceNode || node instanceof FaultNode;
}

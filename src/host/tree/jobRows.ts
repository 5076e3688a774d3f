import { groupByDay, startOfDay } from '../../core/jobs/history/byDay';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import { isSameDay } from '../../shared/timeText';
import type { ActiveFilter } from './activeFilter';
import { batchEnd } from '../jobs/batchText';
import { BatchNode } from './nodes/batchNode';
import { DayNode } from './nodes/dayNode';
import { RowOrder } from './rowOrder';

/** A job, or a batch with its jobs. */
type Row = Job | BatchNode;

/** The jobs that match the filter, as they are listed below a connection, newest first. A batch is listed if one of its jobs matches. */
export interface ConnectionRows {
  /** Queued and running jobs, and those that ended while they were listed among these. */
  readonly upper: readonly Row[];
  /** Finished jobs of today. */
  readonly finished: readonly Row[];
  /** Finished jobs of earlier days. */
  readonly days: readonly DayNode[];
}

/** Orders, filters, and groups the jobs of each connection. */
export class JobRows {
  readonly #orders = new Map<string, RowOrder<Row>>();
  /** By connection and batch. */
  readonly #batches = new Map<string, BatchNode>();
  readonly #days = new Map<string, DayNode>();
  /** The jobs that the tree lists now, by connection, with the groups of those of earlier days. */
  readonly #listed = new Map<string, ReadonlyMap<string, DayNode | undefined>>();

  readonly #jobs: Pick<JobService, 'jobs' | 'batchOf' | 'queue'>;
  readonly #filter: Pick<ActiveFilter, 'matches' | 'filter'>;

  constructor(jobs: Pick<JobService, 'jobs' | 'batchOf' | 'queue'>, filter: Pick<ActiveFilter, 'matches' | 'filter'>) {
    this.#jobs = jobs;
    this.#filter = filter;
  }

  /** Returns the rows of a connection, and remembers that the tree lists them. */
  list(connection: string): ConnectionRows {
    const arranged = this.#order(connection).arrange(this.#of(connection));
    const shown = (row: Row): boolean => (row instanceof BatchNode ? row.jobs.length > 0 : this.#filter.matches(row));
    const upper = arranged.upper.filter(shown);
    const past = arranged.finished.filter(shown);
    const now = Date.now();
    const finished = past.filter((row) => isSameDay(endOf(row), now));
    const older = past.filter((row) => !isSameDay(endOf(row), now));
    const listed = new Map<string, DayNode | undefined>();
    for (const row of [...upper, ...finished]) for (const { id } of jobsOf(row)) listed.set(id, undefined);
    const days = groupByDay(older, endOf).map(({ day, items }) => {
      const node = this.#day(connection, day);
      node.rows = items;
      for (const row of items) for (const { id } of jobsOf(row)) listed.set(id, node);
      return node;
    });
    this.#listed.set(connection, listed);
    return { upper, finished, days };
  }

  /** Whether the tree lists the job now, if the rows of its connection were drawn. */
  isListed({ id, record }: Job): boolean {
    return this.#listed.get(record.connection)?.has(id) ?? false;
  }

  /** The day that lists the row; undefined if it is directly below its connection. */
  dayOf(row: Row): DayNode | undefined {
    const connection = row instanceof BatchNode ? row.connection : row.record.connection;
    const listed = this.#listed.get(connection);
    const known = jobsOf(row).find(({ id }) => listed?.has(id));
    if (known) return listed?.get(known.id);
    const end = endOf(row);
    if (!row.final || isSameDay(end, Date.now())) return undefined;
    return this.#day(connection, startOfDay(end));
  }

  /** The batch that lists the job; undefined if it is not part of one. */
  batchOf(job: Job): BatchNode | undefined {
    const all = this.#jobs.batchOf(job);
    if (all.length === 0) return undefined;
    const { connection, batch } = job.record;
    const id = batch?.id ?? job.id;
    const key = `${id}:${connection}`;
    let node = this.#batches.get(key);
    if (!node) this.#batches.set(key, (node = new BatchNode(id, connection)));
    node.all = all;
    return node;
  }

  /** The keys of the groups that the tree lists below a connection. */
  groups(connection: string): readonly string[] {
    const days = new Set([...(this.#listed.get(connection)?.values() ?? [])].filter((day) => day !== undefined));
    const batches = [...this.#batches.values()].filter((batch) => batch.connection === connection);
    return [...[...days].map(groupKey), ...batches.map(({ id }) => id)];
  }

  /** Moves ended jobs below the running ones; see {@link RowOrder.settle}. */
  settle(): void {
    for (const [connection, order] of this.#orders) order.settle(this.#of(connection));
  }

  /** Forgets removed jobs. @returns the connections below which the tree lists them */
  forget(ids: readonly string[]): readonly string[] {
    const removed = new Set(ids);
    for (const [key, { id, all }] of this.#batches) {
      if (!all.every((job) => removed.has(job.id))) continue;
      this.#batches.delete(key);
      removed.add(id);
    }
    for (const order of this.#orders.values()) order.forget([...removed]);
    return [...this.#listed].filter(([, listed]) => ids.some((id) => listed.has(id))).map(([connection]) => connection);
  }

  #of(connection: string): readonly Row[] {
    const rows = new Set<Row>();
    for (const job of this.#jobs.jobs) {
      if (job.record.connection !== connection) continue;
      const batch = this.batchOf(job);
      if (batch && !rows.has(batch)) {
        batch.filtered = !this.#filter.filter.empty;
        batch.jobs = batch.all.filter((one) => one.record.connection === connection && this.#filter.matches(one));
      }
      rows.add(batch ?? job);
    }
    return inQueueOrder([...rows], this.#jobs.queue(connection));
  }

  #order(connection: string): RowOrder<Row> {
    let order = this.#orders.get(connection);
    if (!order) this.#orders.set(connection, (order = new RowOrder<Row>()));
    return order;
  }

  #day(connection: string, day: number): DayNode {
    const key = `${day}:${connection}`;
    let node = this.#days.get(key);
    if (!node) this.#days.set(key, (node = new DayNode(connection, day)));
    node.filtered = !this.#filter.filter.empty;
    return node;
  }
}

export function groupKey({ connection, day }: DayNode): string {
  return `day:${connection}:${day}`;
}

/** Puts the rows that wait in the order of the queue, which the user can change. All others keep their places. */
function inQueueOrder(rows: readonly Row[], queue: readonly string[]): readonly Row[] {
  if (queue.length === 0) return rows;
  const positions = new Map(queue.map((id, index) => [id, index]));
  const waiting = new Map<Row, number>();
  for (const row of rows) {
    const jobs = row instanceof BatchNode ? row.all : [row];
    const position = positions.get(jobs[0]?.id ?? '');
    if (position !== undefined && jobs.every(({ state }) => state === 'queued')) waiting.set(row, position);
  }
  const ordered = [...waiting].sort(([, a], [, b]) => a - b).values();
  return rows.map((row) => (waiting.has(row) ? (ordered.next().value?.[0] ?? row) : row));
}

function jobsOf(row: Row): readonly Job[] {
  return row instanceof BatchNode ? row.jobs : [row];
}

function endOf(row: Row): number {
  return row instanceof BatchNode ? batchEnd(row.all) : (row.record.finishedAt ?? row.record.queuedAt);
}

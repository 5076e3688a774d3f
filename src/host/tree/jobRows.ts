import { groupByDay, startOfDay } from '../../core/jobs/history/byDay';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import { isSameDay } from '../../shared/timeText';
import type { ActiveFilter } from './activeFilter';
import { DayNode } from './nodes/dayNode';
import { RowOrder } from './rowOrder';

/** The jobs that match the filter, as they are listed below a connection, newest first. */
export interface ConnectionRows {
  /** Queued and running jobs, and those that ended while they were listed among these. */
  readonly upper: readonly Job[];
  /** Finished jobs of today. */
  readonly finished: readonly Job[];
  /** Finished jobs of earlier days. */
  readonly days: readonly DayNode[];
}

/** Orders, filters, and groups the jobs of each connection. */
export class JobRows {
  readonly #orders = new Map<string, RowOrder<Job>>();
  readonly #days = new Map<string, DayNode>();
  /** The jobs that the tree lists now, by connection, with the groups of those of earlier days. */
  readonly #listed = new Map<string, ReadonlyMap<string, DayNode | undefined>>();

  readonly #jobs: Pick<JobService, 'jobs'>;
  readonly #filter: Pick<ActiveFilter, 'matches' | 'filter'>;

  constructor(jobs: Pick<JobService, 'jobs'>, filter: Pick<ActiveFilter, 'matches' | 'filter'>) {
    this.#jobs = jobs;
    this.#filter = filter;
  }

  /** Returns the rows of a connection, and remembers that the tree lists them. */
  list(connection: string): ConnectionRows {
    const arranged = this.#order(connection).arrange(this.#of(connection));
    const shown = (job: Job): boolean => this.#filter.matches(job);
    const upper = arranged.upper.filter(shown);
    const past = arranged.finished.filter(shown);
    const now = Date.now();
    const finished = past.filter((job) => isSameDay(endOf(job), now));
    const older = past.filter((job) => !isSameDay(endOf(job), now));
    const listed = new Map<string, DayNode | undefined>([...upper, ...finished].map(({ id }) => [id, undefined]));
    const days = groupByDay(older, endOf).map(({ day, items }) => {
      const node = this.#day(connection, day);
      node.jobs = items;
      for (const { id } of items) listed.set(id, node);
      return node;
    });
    this.#listed.set(connection, listed);
    return { upper, finished, days };
  }

  /** Whether the tree lists the job now, if the rows of its connection were drawn. */
  isListed({ id, record }: Job): boolean {
    return this.#listed.get(record.connection)?.has(id) ?? false;
  }

  /** The group that lists the job; undefined if it is directly below its connection. */
  dayOf(job: Job): DayNode | undefined {
    const listed = this.#listed.get(job.record.connection);
    if (listed?.has(job.id)) return listed.get(job.id);
    const end = endOf(job);
    if (!job.final || isSameDay(end, Date.now())) return undefined;
    return this.#day(job.record.connection, startOfDay(end));
  }

  /** The keys of the groups that the tree lists below a connection, from top to bottom. */
  groups(connection: string): readonly string[] {
    const days = new Set([...(this.#listed.get(connection)?.values() ?? [])].filter((day) => day !== undefined));
    return [...days].map(groupKey);
  }

  /** Moves ended jobs below the running ones; see {@link RowOrder.settle}. */
  settle(): void {
    for (const [connection, order] of this.#orders) order.settle(this.#of(connection));
  }

  /** Forgets removed jobs. @returns the connections below which the tree lists them */
  forget(ids: readonly string[]): readonly string[] {
    for (const order of this.#orders.values()) order.forget(ids);
    return [...this.#listed].filter(([, listed]) => ids.some((id) => listed.has(id))).map(([connection]) => connection);
  }

  #of(connection: string): readonly Job[] {
    return this.#jobs.jobs.filter(({ record }) => record.connection === connection);
  }

  #order(connection: string): RowOrder<Job> {
    let order = this.#orders.get(connection);
    if (!order) this.#orders.set(connection, (order = new RowOrder()));
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

function endOf({ record }: Job): number {
  return record.finishedAt ?? record.queuedAt;
}

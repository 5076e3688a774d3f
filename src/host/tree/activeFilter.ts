import * as vscode from 'vscode';
import { parseJobFilter, type FilterableJob, type JobFilter } from '../../core/jobs/history/jobFilter';
import type { Job } from '../../core/jobs/job';
import type { ActiveWorker } from '../../core/jobs/ports';
import { setContext } from '../base/contextKeys';
import { shownError } from '../messages/jobInfo';

const TEXT_KEY = 'jobFilter';
const RECENT_KEY = 'recentJobFilters';
const MAX_RECENT = 10;

/** The filter of the tree. Kept per workspace, with the filters that were used recently. */
export class ActiveFilter implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  readonly #state: vscode.Memento;
  #text: string;
  #parsed: { readonly filter: JobFilter; readonly day: string } | undefined;
  /** Results of the filter by job id: matching thousands of long texts at each redraw would be slow. */
  readonly #matches = new Map<string, boolean>();

  constructor(state: vscode.Memento) {
    this.#state = state;
    this.#text = state.get(TEXT_KEY, '');
    setContext('hasJobFilter', !this.filter.empty);
  }

  get text(): string {
    return this.#text;
  }

  /** The parsed filter. `today` and the like change their meaning at midnight. */
  get filter(): JobFilter {
    const now = Date.now();
    const day = new Date(now).toDateString();
    if (this.#parsed?.day !== day) {
      this.#parsed = { filter: parseJobFilter(this.#text, now), day };
      this.#matches.clear();
    }
    return this.#parsed.filter;
  }

  /** Filters that were used recently, newest first. */
  get recent(): readonly string[] {
    return this.#state.get<readonly string[]>(RECENT_KEY, []);
  }

  matches(job: Job): boolean {
    const { filter } = this;
    if (filter.empty) return true;
    let matches = this.#matches.get(job.id);
    if (matches === undefined) this.#matches.set(job.id, (matches = filter.matches(filterableJob(job))));
    return matches;
  }

  /** Forgets the results for jobs that changed or were removed. */
  forget(ids: readonly string[]): void {
    for (const id of ids) this.#matches.delete(id);
  }

  matchesWorker(connection: string, worker: ActiveWorker): boolean {
    const { filter } = this;
    return filter.empty || filter.matches(filterableWorker(connection, worker, Date.now()));
  }

  /** Filters the tree without storing the filter. */
  preview(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    this.#parsed = undefined;
    setContext('hasJobFilter', !this.filter.empty);
    this.#changed.fire();
  }

  /** Filters the tree, also after a reload. A text without any valid term removes the filter. */
  async set(text: string): Promise<void> {
    this.preview(text.trim());
    if (this.filter.empty) this.preview('');
    const trimmed = this.#text;
    await this.#state.update(TEXT_KEY, trimmed === '' ? undefined : trimmed);
    if (trimmed === '') return;
    const others = this.recent.filter((recent) => recent !== trimmed);
    await this.#state.update(RECENT_KEY, [trimmed, ...others].slice(0, MAX_RECENT));
  }

  dispose(): void {
    this.#changed.dispose();
  }
}

function filterableJob({ record, pinned }: Job): FilterableJob {
  const { label, request, connection, state, pid, queuedAt, finishedAt, error } = record;
  return {
    label,
    sql: request.sql,
    connection,
    state,
    pid,
    queuedAt,
    finishedAt,
    pinned,
    error: error && shownError(error).message,
  };
}

function filterableWorker(connection: string, worker: ActiveWorker, now: number): FilterableJob {
  const { label, query, pid, runningSeconds } = worker;
  const queuedAt = now - (runningSeconds ?? 0) * 1000;
  return { label, sql: query ?? '', connection, state: 'running', pid, queuedAt, pinned: false };
}

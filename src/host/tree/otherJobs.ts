import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Disposable } from '../../core/base/disposable';
import { Job, type JobOwner, type JobRecord } from '../../core/jobs/job';
import type { ActiveWorker } from '../../core/jobs/ports';
import type { ServerIdentity } from '../../core/jobs/serverIdentity';
import { readNotices } from '../../core/jobs/store/recordFile';
import type { OtherJob, OtherWorkspaces } from '../../core/jobs/workspaces/otherWorkspaces';
import type { Workspace } from '../../core/jobs/workspaces/workspaceList';
import { setContext } from '../base/contextKeys';

const INCLUDED_KEY = 'includeOtherWorkspaces';
/** How often the jobs of other workspaces are read while the tree shows them, or workers that may be theirs. Milliseconds. */
const READ_MS = 2000;
/** The jobs are read this often for a worker that belongs to no known one: its record is written at its launch. */
const MAX_LOOKS = 5;

/** A job of another workspace, as the tree and the results panels show it. */
export interface ShownOtherJob {
  readonly job: Job;
  readonly workspace: Workspace;
}

/** How a workspace is shown. */
export function workspaceName({ name }: Workspace): string {
  return name === '' ? vscode.l10n.t('(no folder)') : name;
}

/**
 * The jobs of other workspaces, for the tree and the results panels. Nothing is read unless the user includes them or the tree shows a
 * worker that was launched elsewhere.
 */
export class OtherJobs implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<readonly string[]>();
  /** Fires with the ids of jobs that have changed, or with none if the list has. */
  readonly onDidChange = this.#changed.event;
  readonly #jobs = new Map<string, ShownOtherJob & { readonly record: JobRecord }>();
  /** How often the jobs were read for a worker, by its identity. */
  readonly #looks = new Map<string, number>();
  #included: boolean;
  #readAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  readonly #others: OtherWorkspaces;
  readonly #state: vscode.Memento;

  constructor(others: OtherWorkspaces, state: vscode.Memento) {
    this.#others = others;
    this.#state = state;
    this.#included = state.get(INCLUDED_KEY, false);
    setContext('includesOtherWorkspaces', this.#included);
  }

  /** Whether the tree lists them. */
  get included(): boolean {
    return this.#included;
  }

  async include(included: boolean): Promise<void> {
    this.#included = included;
    setContext('includesOtherWorkspaces', included);
    await this.#state.update(INCLUDED_KEY, included ? true : undefined);
    if (included) await this.#read();
    this.#changed.fire([]);
  }

  /** The workspaces with jobs, and their jobs, newest first; none unless they are included. */
  list(): readonly { readonly workspace: Workspace; readonly jobs: readonly ShownOtherJob[] }[] {
    if (!this.#included) return [];
    const lists = new Map<string, { workspace: Workspace; jobs: ShownOtherJob[] }>();
    for (const { workspace, record } of [...this.#others.jobs].reverse()) {
      const list = lists.get(workspace.key) ?? { workspace, jobs: [] };
      lists.set(workspace.key, list);
      const shown = this.get(record.id);
      if (shown) list.jobs.push(shown);
    }
    return [...lists.values()].sort((a, b) => a.workspace.name.localeCompare(b.workspace.name));
  }

  get(id: string): ShownOtherJob | undefined {
    const found = this.#others.get(id);
    const known = this.#jobs.get(id);
    if (!found) return undefined;
    if (known?.record === found.record) return known;
    const shown = { job: readOnlyJob(found), ...found };
    this.#jobs.set(id, shown);
    return shown;
  }

  /** The job of another workspace that a worker belongs to, as far as it is known. Looks for jobs of unknown workers. */
  jobOf(worker: ActiveWorker, server: ServerIdentity): ShownOtherJob | undefined {
    const found = this.#others.jobOf(worker, server);
    if (found) return this.get(found.record.id);
    const key = `${worker.pid}:${worker.backendStart}`;
    const looks = this.#looks.get(key) ?? 0;
    if (looks < MAX_LOOKS && performance.now() - this.#readAt >= (looks === 0 ? 0 : READ_MS)) {
      this.#looks.set(key, looks + 1);
      void this.#read();
    }
    return undefined;
  }

  /** Reads again and again while the tree lists them. */
  watch(visible: boolean): void {
    const needed = visible && this.#included && !this.#disposed;
    if (needed === (this.#timer !== undefined)) return;
    clearInterval(this.#timer);
    this.#timer = needed ? setInterval(() => void this.#read(), READ_MS) : undefined;
    if (needed) void this.#read();
  }

  dispose(): void {
    this.#disposed = true;
    clearInterval(this.#timer);
    this.#changed.dispose();
  }

  async #read(): Promise<void> {
    this.#readAt = performance.now();
    const old = this.#others.jobs;
    await this.#others.refresh();
    const now = this.#others.jobs;
    if (this.#disposed || now === old) return;
    const before = new Map(old.map(({ record }) => [record.id, record]));
    // Those that have not changed are the same objects.
    const changed = now.filter(({ record }) => before.get(record.id) !== record);
    const ids = new Set(now.map(({ record }) => record.id));
    for (const id of this.#jobs.keys()) if (!ids.has(id)) this.#jobs.delete(id);
    if (changed.length > 0 || ids.size !== before.size) this.#changed.fire(changed.map(({ record }) => record.id));
  }
}

/** A job that can be shown. What would change it does nothing. */
function readOnlyJob({ record, workspace }: OtherJob): Job {
  const owner: JobOwner = {
    save: () => Promise.resolve(),
    changed: () => undefined,
    storeNotice: () => ({ kept: false }),
    storeLongError: () => undefined,
    loadNotices: (id, limit) => {
      try {
        return readNotices(join(workspace.folder, 'jobs', `${id}.notices.ndjson`), limit);
      } catch {
        // It has no messages, or was removed.
        return [];
      }
    },
  };
  return new Job(record, owner);
}

/** What the results panels need. */
export interface OtherJobsSource {
  get(id: string): ShownOtherJob | undefined;
  onDidChange(listener: (ids: readonly string[]) => void): Disposable;
}

import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { Emitter } from '../../base/emitter';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import type { BatchOptions } from '../batches/batchPart';
import type { BatchStatement } from '../batches/newBatch';
import type { CancelResult } from '../cancel/cancelJob';
import type { Job, NewJob } from '../job';
import type { JobFiles, ServerLinks } from '../ports';
import type * as Code from './durableJobs';
import type { ClearedJobs, Launched, LaunchedBatch } from './launched';

export interface DurableSourceOptions {
  readonly links: ServerLinks;
  readonly files: JobFiles;
  readonly clock: Clock;
  readonly log: Logger;
  /** Distinguishes this window from others. */
  readonly window: string;
  readonly cleared?: ClearedJobs | undefined;
  /** Resolves when this window closes. */
  readonly closing: Promise<void>;
}

/** The durable jobs that this window knows. Their code is loaded when the first connection has some, or one is launched. */
export class DurableSource {
  readonly #changed: Emitter<Job>;
  readonly #removed: Emitter<readonly string[]>;
  readonly #listener: Disposable | undefined;
  #jobs: Code.DurableJobs | undefined;
  #loading: Promise<Code.DurableJobs> | undefined;
  #closed = false;

  readonly #options: DurableSourceOptions;

  constructor(options: DurableSourceOptions) {
    this.#options = options;

    this.#changed = new Emitter(options.log);
    this.#removed = new Emitter(options.log);
    this.#listener = options.links.onDurable?.((connection, link) => {
      this.#load()
        .then((jobs) => (this.#closed ? undefined : jobs.found(connection, link)))
        .catch((error: unknown) => options.log.error(`Durable jobs cannot be shown: ${messageOf(error)}`));
    });
  }

  /** All jobs, in the order in which they were queued. @param others in this order */
  mergedWith(others: readonly Job[]): readonly Job[] {
    const own = this.#jobs?.jobs ?? [];
    if (own.length === 0) return others;
    return [...others, ...own].sort((a, b) => a.record.queuedAt - b.record.queuedAt);
  }

  get(id: string): Job | undefined {
    return this.#jobs?.get(id);
  }

  onDidChange(listener: (job: Job) => void): Disposable {
    return this.#changed.add(listener);
  }

  onDidRemove(listener: (ids: readonly string[]) => void): Disposable {
    return this.#removed.add(listener);
  }

  /** @throws with the reason if nothing was launched */
  async launch(request: NewJob): Promise<Launched> {
    return (await this.#load()).launch(request);
  }

  /**
   * Launches a batch on the server.
   * @param after the durable job after which it runs
   * @throws with the reason if nothing was launched
   */
  async launchBatch(statements: readonly BatchStatement[], options: BatchOptions, after?: Job): Promise<LaunchedBatch> {
    return (await this.#load()).launchBatch(statements, options, after);
  }

  /** The jobs of a job's batch, in its order; none if it is not part of one. */
  batchOf(job: Job): readonly Job[] {
    return this.#jobs?.batchOf(job) ?? [];
  }

  async cancel(id: string, graceMs: number): Promise<CancelResult> {
    return (await this.#load()).cancel(id, graceMs);
  }

  /** Hides finished jobs in this workspace. They stay on the server, and count as seen. @returns how many */
  async clear(ids: readonly string[] | undefined): Promise<number> {
    return (await this.#jobs?.clear(ids)) ?? 0;
  }

  /** The user has seen the outcome of a job. Never rejects. */
  seen(id: string): void {
    void this.#jobs?.seen(id);
  }

  /** Pins or unpins a job on the server. @throws if that is not possible */
  async setPinned(id: string, pinned: boolean): Promise<void> {
    await this.#jobs?.setPinned(id, pinned);
  }

  /** Reads the long texts of a job, which are cut in lists. @throws if they cannot be read */
  async whole(id: string): Promise<void> {
    await this.#jobs?.whole(id);
  }

  /** Whether the rows of a job are still being copied from the server. */
  copying(id: string): boolean {
    return this.#jobs?.copying(id) ?? false;
  }

  /**
   * Copies the rows of a durable job from the server.
   * @param all wait for all of them, and not only until they can be opened
   * @returns the name of the stored rows of a job, which for other jobs is the id
   * @throws if the rows cannot be read
   */
  async openRows(id: string, all = false): Promise<string> {
    const jobs = this.#jobs;
    if (!jobs?.get(id)) return id;
    await jobs.openRows(id, all);
    return jobs.rowsFile(id);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listener?.dispose();
    await this.#jobs?.close();
    this.#changed.clear();
    this.#removed.clear();
  }

  #load(): Promise<Code.DurableJobs> {
    this.#loading ??= import('./durableJobs').then(({ DurableJobs }) => {
      let known: readonly string[] = [];
      const memory: ClearedJobs = { get: () => known, set: (ids) => (known = ids) };
      const { cleared = memory, ...options } = this.#options;
      this.#jobs = new DurableJobs({
        ...options,
        cleared,
        changed: (job) => this.#changed.emit(job),
        removed: (ids) => this.#removed.emit(ids),
      });
      return this.#jobs;
    });
    return this.#loading;
  }
}

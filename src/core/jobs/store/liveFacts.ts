/**
 * What the owner of a job knows and does not record: progress and counts change too often for durable writes. The owner writes them to
 * `<id>.live` while other windows are open, and those show them on top of the record.
 */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { replaceFile } from '../../base/files';
import type { Job, JobRecord } from '../job';
import { isFinal } from '../states';

/** How often the facts of one job are written at most. Milliseconds. */
const INTERVAL_MS = 200;

const NAMES = ['owner', 'progress', 'columns', 'rows', 'rowCount', 'noticeCount', 'noticesDropped'] as const;

export type LiveFacts = Partial<Pick<JobRecord, (typeof NAMES)[number]>>;

/** The files with the live facts of jobs. */
export class LiveFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns undefined if there is none, or it cannot be read */
  read(id: string): LiveFacts | undefined {
    try {
      const facts: unknown = JSON.parse(readFileSync(this.#file(id), 'utf8'));
      return typeof facts === 'object' && facts !== null ? facts : undefined;
    } catch {
      return undefined;
    }
  }

  /** Not durable: after a crash, the record counts. */
  write(id: string, facts: LiveFacts): Promise<void> {
    return replaceFile(this.#file(id), JSON.stringify(facts), false);
  }

  async remove(id: string): Promise<void> {
    await rm(this.#file(id), { force: true });
  }

  #file(id: string): string {
    return join(this.#folder, `${id}.live`);
  }
}

/** The record with what its owner wrote since. */
export function withLiveFacts(record: JobRecord, live: LiveFacts | undefined): JobRecord {
  // Those of a former owner, or of a run that is over, no longer count.
  if (live?.owner !== record.owner || isFinal(record.state)) return record;
  return { ...record, ...live, noticeCount: Math.max(record.noticeCount, live.noticeCount ?? 0) };
}

/** Writes the live facts of this window's jobs while other windows are open. */
export class LiveWriter {
  #enabled = false;
  /** Jobs whose facts were written, with the facts. */
  readonly #written = new Map<string, string>();
  readonly #timers = new Map<string, Disposable>();
  /** Writes and removals of one job follow one another. */
  readonly #active = new Map<string, Promise<void>>();

  readonly #files: LiveFiles;
  readonly #clock: Clock;

  constructor(files: LiveFiles, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  /** Whether other windows are open. */
  enable(enabled: boolean, jobs: () => Iterable<Job>): void {
    const begins = enabled && !this.#enabled;
    this.#enabled = enabled;
    if (begins) for (const job of jobs()) this.changed(job);
  }

  /** A job of this window has changed. */
  changed(job: Job): void {
    if (job.mirrored || job.final) this.forget(job.id, !job.mirrored);
    else if (this.#enabled && !this.#timers.has(job.id)) {
      this.#timers.set(
        job.id,
        this.#clock.after(this.#written.has(job.id) ? INTERVAL_MS : 0, () => {
          this.#timers.delete(job.id);
          this.#write(job);
        }),
      );
    }
  }

  /** The job has ended, or belongs to another window now. */
  forget(id: string, remove: boolean): void {
    this.#timers.get(id)?.dispose();
    this.#timers.delete(id);
    if (this.#written.delete(id) && remove) this.#after(id, () => this.#files.remove(id));
  }

  /** Writes nothing any more. Resolves when the files are removed. */
  async close(): Promise<void> {
    this.#enabled = false;
    for (const id of [...this.#written.keys(), ...this.#timers.keys()]) this.forget(id, true);
    await Promise.all(this.#active.values());
  }

  #write(job: Job): void {
    if (job.mirrored || job.final) return;
    const facts = Object.fromEntries(NAMES.flatMap((name) => (name in job.record ? [[name, job.record[name]]] : [])));
    const text = JSON.stringify(facts);
    if (text === this.#written.get(job.id)) return;
    this.#written.set(job.id, text);
    this.#after(job.id, () => (this.#written.has(job.id) ? this.#files.write(job.id, facts) : Promise.resolve()));
  }

  /** A failure has no consequences: other windows show the record. */
  #after(id: string, work: () => Promise<void>): void {
    const done = (this.#active.get(id) ?? Promise.resolve()).then(work).catch(() => undefined);
    this.#active.set(id, done);
    void done.then(() => {
      if (this.#active.get(id) === done) this.#active.delete(id);
    });
  }
}

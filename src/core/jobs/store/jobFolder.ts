import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PRIVATE, replaceFile, syncFolder } from '../../base/files';
import { SpareFile } from '../../base/spareFile';
import type { KeptNotice } from '../textBudget';
import type { JobRecord, NoticeWritten } from '../job';
import { RecordFile, readNotices, type JobFileNames } from './recordFile';
import type { Logger } from '../../base/logger';
import { systemClock, type Clock } from '../../base/clock';
import { isFinal } from '../states';
import { parseRecord } from './parseRecord';
import { WindowRegistry } from './windowRegistry';

/** Files that are read at once: enough for a long history, few enough for any limit of open files. */
const READ_AT_ONCE = 64;
/** A temporary file this old was left by a crash. Milliseconds. */
const STALE_MS = 60_000;

export interface LoadedJobs {
  /** Oldest first. This window owns those that have not ended from now on. */
  readonly jobs: readonly JobRecord[];
  /** Records that could not be read and were set aside. */
  readonly corrupt: number;
  /** Ids of the jobs that the user pinned. */
  readonly pinned: ReadonlySet<string>;
  /** Other windows that are alive and keep their jobs. */
  readonly others: ReadonlySet<string>;
}

/**
 * Jobs on disk: `<id>.json` has the record and `<id>.notices.ndjson` its messages, with the whole of long texts in further files, all
 * private to the user. `<id>.pinned` marks a job that the user pinned. A record is replaced atomically, so that a crash leaves the old or the new one. A damaged record is renamed to
 * `.corrupt` and reported.
 *
 * Windows may share the folder: none adopts the jobs of another window that is alive.
 */
export class JobHistory {
  readonly #writers = new Map<string, RecordFile>();
  readonly #windows: WindowRegistry;
  readonly #spare: SpareFile;

  readonly #log: Logger;
  readonly #clock: Clock;

  /**
   * @param folder a folder used for nothing else; created if missing
   * @param windowId unique to this window and session
   */
  constructor(
    readonly folder: string,
    readonly windowId: string,
    log: Logger,
    clock: Clock = systemClock,
  ) {
    this.#log = log;
    this.#clock = clock;

    this.#windows = new WindowRegistry(join(folder, 'windows'), windowId, clock);
    // If a crash leaves it behind, it is swept like the temporary file of a record.
    this.#spare = new SpareFile(folder, 'spare.json');
  }

  /** Registers this window. Rejects if the folder cannot be written. */
  open(): Promise<void> {
    return this.#windows.enter();
  }

  /** Writes a record, after the messages that arrived before. Resolves when this record, or a newer one, is on disk. */
  async save(record: JobRecord): Promise<void> {
    // The launch waits for this record. Until it is over, nothing else is written.
    const urgent = record.state === 'launching' && record.launchSentAt !== undefined;
    const launched = record.launchedAt !== undefined;
    await this.#writer(record.id).save(JSON.stringify(record), urgent);
    if (launched) void this.#spare.prepare();
  }

  /** Resolves when what is prepared for the next launch is on disk. */
  prepared(): Promise<void> {
    return this.#spare.prepare();
  }

  /** Stores a message; it is on disk soon, and before the next record. */
  addNotice(id: string, notice: KeptNotice, fullText?: readonly Buffer[]): NoticeWritten {
    return this.#writer(id).append(notice, fullText);
  }

  /** Stores the whole text of an error; it is on disk before the next record. */
  keepError(id: string, text: readonly Buffer[]): void {
    this.#writer(id).keepError(text);
  }

  /** Whether every stored message is on disk. */
  noticesWritten(id: string): boolean {
    return this.#writers.get(id)?.hasPendingNotices !== true;
  }

  /** The newest messages of a job, oldest first; none if they cannot be read. */
  notices(id: string, limit: number): readonly KeptNotice[] {
    try {
      return readNotices(this.noticesFile(id), limit);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#log.error(`The messages of job ${id} cannot be read: ${String(error)}`);
      }
      return [];
    }
  }

  /** The file with all messages of a job, one JSON object per line, with the beginnings of long ones. */
  noticesFile(id: string): string {
    return this.files(id).notices;
  }

  /** The files of a job, except for its rows. */
  files(id: string): JobFileNames {
    const file = (suffix: string): string => join(this.folder, `${id}.${suffix}`);
    return {
      record: file('json'),
      notices: file('notices.ndjson'),
      texts: file('messages.txt'),
      error: file('error.txt'),
      shown: file('shown.txt'),
      pinned: file('pinned'),
    };
  }

  /** Creates or removes the marker of a pinned job. @throws if the folder cannot be written */
  async setPinned(id: string, pinned: boolean): Promise<void> {
    const { pinned: marker } = this.files(id);
    if (pinned) await writeFile(marker, '', { mode: PRIVATE });
    else await rm(marker, { force: true });
    await syncFolder(this.folder);
  }

  async remove(id: string): Promise<void> {
    await this.#writer(id).remove();
    this.#writers.delete(id);
  }

  /**
   * Loads every record that is not owned by another window that is alive, and takes ownership of those that have not ended.
   *
   * @param owners only the records of these windows
   */
  load(owners?: ReadonlySet<string>): Promise<LoadedJobs> {
    return this.#windows.exclusively(async () => {
      const { living: others } = await this.#windows.others();
      const all = await readdir(this.folder);
      const names = all.filter((name) => /^[^.]+\.(json|error\.txt)(\.|$)/.test(name));
      await this.#sweep(names.filter((name) => name.endsWith('.tmp')));
      const files = names.filter((name) => name.endsWith('.json'));
      const jobs: JobRecord[] = [];
      let corrupt = 0;
      for (let at = 0; at < files.length; at += READ_AT_ONCE) {
        const read = await Promise.all(files.slice(at, at + READ_AT_ONCE).map((name) => this.#read(name)));
        for (const record of read) {
          if (record === 'corrupt') corrupt++;
          if (typeof record === 'string' || others.has(record.owner)) continue;
          if (owners && !owners.has(record.owner)) continue;
          jobs.push(record);
        }
      }
      return { jobs: await this.#own(jobs), corrupt, pinned: pinnedIds(all), others };
    });
  }

  /** The other windows that share the folder: those that are alive, and those found dead by this call. */
  others(): ReturnType<WindowRegistry['others']> {
    return this.#windows.others();
  }

  /** Ids of all records in the folder, including those of other windows. */
  async ids(): Promise<ReadonlySet<string>> {
    const names = await readdir(this.folder);
    return new Set(names.filter((name) => /^[^.]+\.json$/.test(name)).map((name) => name.slice(0, -'.json'.length)));
  }

  /** Writes what is pending, and unregisters this window. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#writers.values()].map((writer) => writer.close()));
    await this.#spare.close();
    await this.#windows.leave();
  }

  /** Takes ownership while the lock is held, so that no other window adopts the same job. */
  async #own(jobs: readonly JobRecord[]): Promise<JobRecord[]> {
    const owned = jobs.map((record) => (isFinal(record.state) ? record : { ...record, owner: this.windowId }));
    for (const record of owned) {
      if (!isFinal(record.state)) {
        await replaceFile(join(this.folder, `${record.id}.json`), JSON.stringify(record));
      }
    }
    return owned.sort((a, b) => a.queuedAt - b.queuedAt);
  }

  async #read(name: string): Promise<JobRecord | 'corrupt' | 'skip'> {
    const file = join(this.folder, name);
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      // The record is not damaged, and may be readable the next time.
      this.#log.error(`The record ${name} cannot be read: ${String(error)}`);
      return 'skip';
    }
    try {
      return parseRecord(JSON.parse(text), name.slice(0, -'.json'.length));
    } catch (error) {
      this.#log.error(`The record ${name} is damaged and was set aside: ${String(error)}`);
      await rename(file, `${file}.corrupt`).catch(() => undefined);
      return 'corrupt';
    }
  }

  async #sweep(temporary: readonly string[]): Promise<void> {
    for (const name of temporary) {
      const file = join(this.folder, name);
      const old = await stat(file).then(
        ({ mtimeMs }) => this.#clock.now() - mtimeMs > STALE_MS,
        () => false,
      );
      if (old) await rm(file, { force: true });
    }
  }

  #writer(id: string): RecordFile {
    let writer = this.#writers.get(id);
    if (!writer) {
      const onError = (error: unknown): void => {
        this.#log.error(`The messages of job ${id} could not be written to disk: ${String(error)}`);
      };
      writer = new RecordFile(this.files(id), this.#clock, this.#spare, onError);
      this.#writers.set(id, writer);
    }
    return writer;
  }
}

function pinnedIds(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.flatMap((name) => /^([^.]+)\.pinned$/.exec(name)?.[1] ?? []));
}

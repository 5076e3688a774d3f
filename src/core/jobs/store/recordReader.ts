import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../base/clock';
import { messageOf } from '../../base/errors';
import { errorCode } from '../../base/files';
import type { Logger } from '../../base/logger';
import { TimeSlice } from '../../base/timeSlice';
import type { JobRecord } from '../job';
import { highestEpochs, recordFileName, removedFileName } from './epochs';
import { parseRecord } from './parseRecord';

/** Records are read synchronously, which is much faster, but other work gets a turn after this time. Milliseconds. */
const READ_SLICE_MS = 8;
/** So many records are held that were asked for before the last call. */
const MAX_RECENT = 64;

/** A record on disk. */
export interface StoredRecord {
  readonly record: JobRecord;
  readonly epoch: number;
}

/** `unreadable`: it exists, but cannot be read now, e.g. because it is being written. */
export type NewestRecord = StoredRecord | 'missing' | 'unreadable';

export interface LoadedRecords {
  /** The newest record of each job, the oldest job first. */
  readonly records: readonly StoredRecord[];
  /** Records that could not be read and were set aside. */
  readonly corrupt: number;
  /** Ids of the jobs that the user pinned. */
  readonly pinned: ReadonlySet<string>;
  /** Whether a crash may have left files, see {@link RecordReader.sweep}. */
  readonly mayBeLeftOver: boolean;
}

interface RecentRecord extends StoredRecord {
  readonly version: string;
}

/** Reads the records in a folder of jobs. Needs no permission to write. */
export class RecordReader {
  /** What {@link newestRecords} returned last. */
  #recent: ReadonlyMap<string, RecentRecord> = new Map();
  readonly #folder: string;
  readonly #log: Logger;
  readonly #clock: Clock;
  /** Files of this window are not older. */
  readonly #since: number;

  constructor(folder: string, log: Logger, clock: Clock) {
    this.#folder = folder;
    this.#log = log;
    this.#clock = clock;

    this.#since = clock.now();
  }

  /** Ids of all jobs in the folder, including those whose records were set aside. @throws if the folder exists and cannot be read */
  async ids(): Promise<ReadonlySet<string>> {
    const { idsOf } = await import('./storageFaults');
    return idsOf(this.#names());
  }

  /** Reads the newest record of each job. Rejects only if the folder exists and cannot be read. */
  async all(): Promise<LoadedRecords> {
    // Never during the activation of the extension.
    await setImmediate();
    const names = this.#names();
    const epochs = highestEpochs(names);
    const removed = idsWith('removed', names);
    const records: StoredRecord[] = [];
    let corrupt = 0;
    const slice = new TimeSlice(READ_SLICE_MS);
    for (const [id, epoch] of epochs) {
      if (removed.has(id)) continue;
      if (slice.over) await slice.pause();
      const record = this.#read(id, epoch);
      if (typeof record === 'object') records.push({ record, epoch });
      else if (record === 'damaged') {
        const { setAside } = await import('./storageFaults');
        const files = Array.from({ length: epoch + 1 }, (_, at) => this.#file(id, at));
        if (await setAside(files, { clock: this.#clock, log: this.#log })) corrupt++;
      }
    }
    return {
      records: records.sort((a, b) => a.record.queuedAt - b.record.queuedAt),
      corrupt,
      pinned: idsWith('pinned', names),
      mayBeLeftOver: names.some((name) => /\.(?:tmp|removed|live|hello|pinned|command)$/.test(name)),
    };
  }

  /** Removes files that a crash left behind. Must not be called while another window is open. */
  async sweep(): Promise<void> {
    const { sweep } = await import('./storageFaults');
    await sweep(this.#folder, this.#names(), this.#clock, this.#since);
  }

  /** Reads the record of an epoch. @returns undefined if it is missing or damaged */
  one(id: string, epoch: number): JobRecord | undefined {
    const record = this.#read(id, epoch);
    return typeof record === 'object' ? record : undefined;
  }

  /** Reads the newest record of a job. @param epoch the newest that is known */
  newest(id: string, epoch: number): NewestRecord {
    let newest: NewestRecord = 'missing';
    // The window that adopted the job may have removed the older records meanwhile.
    for (let at = epoch; at <= epoch + 1 || newest !== 'missing'; at++) {
      // Reading a missing file costs an exception, and the next epoch is nearly always missing.
      const record = this.#isMissing(id, at) ? 'missing' : this.#read(id, at);
      if (record === 'missing' && at > epoch) break;
      if (record !== 'missing') newest = typeof record === 'object' ? { record, epoch: at } : 'unreadable';
    }
    // What a former owner writes after the job was removed does not count.
    if (existsSync(join(this.#folder, removedFileName(id)))) return 'missing';
    return newest === 'missing' && this.wasSetAside(id, epoch) ? 'unreadable' : newest;
  }

  /** Whether the record is damaged. */
  isDamaged(id: string, epoch: number): boolean {
    return this.#read(id, epoch) === 'damaged';
  }

  /** Whether the record was damaged and set aside, and its owner has not written it again. */
  wasSetAside(id: string, epoch: number): boolean {
    return this.#isMissing(id, epoch) && existsSync(`${this.#file(id, epoch)}.corrupt`);
  }

  /**
   * Returns the newest records of these jobs, without those that are missing or damaged. A window asks again and again while it waits for
   * jobs of others: what has not changed since the last call is not read again.
   */
  newestRecords(ids: readonly string[]): ReadonlyMap<string, JobRecord> {
    let epochs: ReadonlyMap<string, number> | undefined;
    const recent = new Map<string, RecentRecord>();
    for (const id of ids) {
      const known = this.#recent.get(id);
      if (known && this.#version(id, known.epoch) === known.version && !this.#version(id, known.epoch + 1)) {
        recent.set(id, known);
        continue;
      }
      epochs ??= highestEpochs(this.#names());
      const epoch = epochs.get(id) ?? 0;
      // Before the record, so that a change in between is noticed the next time.
      const version = this.#version(id, epoch);
      const record = version === undefined ? undefined : this.one(id, epoch);
      if (version !== undefined && record) recent.set(id, { record, epoch, version });
    }
    // Jobs of several connections may wait at the same time.
    this.#recent = new Map([...[...this.#recent].slice(-MAX_RECENT), ...recent]);
    return new Map([...recent].map(([id, { record }]) => [id, record]));
  }

  #isMissing(id: string, epoch: number): boolean {
    try {
      return statSync(this.#file(id, epoch), { throwIfNoEntry: false }) === undefined;
    } catch {
      return false;
    }
  }

  /** Changes whenever the record is replaced. @returns undefined if it is missing, or this cannot be determined */
  #version(id: string, epoch: number): string | undefined {
    try {
      const found = statSync(this.#file(id, epoch), { throwIfNoEntry: false });
      return found && `${found.mtimeMs}/${found.size}/${found.ino}`;
    } catch {
      return undefined;
    }
  }

  #file(id: string, epoch: number): string {
    return join(this.#folder, recordFileName(id, epoch));
  }

  /** Names of the files in the folder; none if it does not exist. */
  #names(): readonly string[] {
    try {
      return readdirSync(this.#folder);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  #read(id: string, epoch: number): JobRecord | 'damaged' | 'missing' | 'unreadable' {
    const name = recordFileName(id, epoch);
    let text: string;
    try {
      text = readFileSync(this.#file(id, epoch), 'utf8');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return 'missing';
      // The record is not damaged, and may be readable the next time.
      this.#log.error(`The record ${name} cannot be read: ${messageOf(error)}`);
      return 'unreadable';
    }
    try {
      return parseRecord(JSON.parse(text), id);
    } catch (error) {
      this.#log.error(`The record ${name} is damaged: ${messageOf(error)}`);
      return 'damaged';
    }
  }
}

/** Ids of the jobs that have a file with this suffix. */
function idsWith(suffix: string, names: readonly string[]): ReadonlySet<string> {
  return new Set(names.flatMap((name) => (name.endsWith(`.${suffix}`) ? name.slice(0, -suffix.length - 1) : [])));
}

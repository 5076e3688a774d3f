import { readdirSync, readFileSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../base/clock';
import { messageOf } from '../../base/errors';
import { errorCode, isTemporary } from '../../base/files';
import type { Logger } from '../../base/logger';
import { TimeSlice } from '../../base/timeSlice';
import type { JobRecord } from '../job';
import { highestEpochs, recordFileName } from './epochs';
import { parseRecord } from './parseRecord';

/** Records are read synchronously, which is much faster, but other work gets a turn after this time. Milliseconds. */
const READ_SLICE_MS = 8;
/** A temporary file this old was left by a crash. Milliseconds. */
const STALE_MS = 60_000;
/** A damaged record of an epoch may be one that another window is writing, if it is younger than this. Milliseconds. */
const BEING_WRITTEN_MS = 10_000;

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
}

/** Reads the records in a folder of jobs. Needs no permission to write. */
export class RecordReader {
  /** Resolves when what crashes left behind is removed. */
  swept: Promise<void> = Promise.resolve();
  readonly #folder: string;
  readonly #log: Logger;
  readonly #clock: Clock;

  constructor(folder: string, log: Logger, clock: Clock) {
    this.#folder = folder;
    this.#log = log;
    this.#clock = clock;
  }

  /** Ids of all records, with their highest epochs. @throws if the folder exists and cannot be read */
  ids(): ReadonlyMap<string, number> {
    return highestEpochs(this.#names());
  }

  /** Reads the newest record of each job. Rejects only if the folder exists and cannot be read. */
  async all(): Promise<LoadedRecords> {
    // Never during the activation of the extension.
    await setImmediate();
    const names = this.#names();
    const epochs = highestEpochs(names);
    this.swept = this.#sweep(names.filter((name) => isTemporary(name) || isLeftOver(name, epochs)));
    const records: StoredRecord[] = [];
    let corrupt = 0;
    const slice = new TimeSlice(READ_SLICE_MS);
    for (const [id, epoch] of epochs) {
      if (slice.over) await slice.pause();
      const record = this.#read(id, epoch);
      if (typeof record === 'object') records.push({ record, epoch });
      else if (record === 'damaged' && (await this.#setAside(id, epoch))) corrupt++;
    }
    return {
      records: records.sort((a, b) => a.record.queuedAt - b.record.queuedAt),
      corrupt,
      pinned: pinnedIds(names),
    };
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
      const record = this.#read(id, at);
      if (record === 'missing' && at > epoch) break;
      if (record !== 'missing') newest = typeof record === 'object' ? { record, epoch: at } : 'unreadable';
    }
    return newest;
  }

  /** Reads the newest records of these jobs, without those that are missing or damaged. */
  newestRecords(ids: readonly string[]): ReadonlyMap<string, JobRecord> {
    const epochs = this.ids();
    const found = new Map<string, JobRecord>();
    for (const id of ids) {
      const epoch = epochs.get(id);
      const record = epoch === undefined ? undefined : this.one(id, epoch);
      if (record) found.set(id, record);
    }
    return found;
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
      text = readFileSync(join(this.#folder, name), 'utf8');
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

  /** @returns false if another window may be writing it */
  async #setAside(id: string, epoch: number): Promise<boolean> {
    const name = recordFileName(id, epoch);
    const file = join(this.#folder, name);
    if (epoch > 0 && (await ageOf(file, this.#clock)) < BEING_WRITTEN_MS) return false;
    // The older ones too: without it they would count, and show a job that may be launched.
    for (let older = 0; older < epoch; older++) {
      const before = join(this.#folder, recordFileName(id, older));
      await rename(before, `${before}.corrupt`).catch(() => undefined);
    }
    await rename(file, `${file}.corrupt`).then(
      () => this.#log.error(`The record ${name} was set aside.`),
      (error: unknown) => this.#log.error(`The record ${name} cannot be set aside: ${messageOf(error)}`),
    );
    return true;
  }

  async #sweep(temporary: readonly string[]): Promise<void> {
    for (const name of temporary) {
      const file = join(this.#folder, name);
      if ((await ageOf(file, this.#clock)) > STALE_MS) await rm(file, { force: true }).catch(() => undefined);
    }
  }
}

/** Whether a file between windows belongs to no job: its window was killed, or another one cleared the job. */
function isLeftOver(name: string, epochs: ReadonlyMap<string, number>): boolean {
  const [, id] = /^([^.]+)\.(?:live|hello|.*\.command)$/.exec(name) ?? [];
  return id !== undefined && !epochs.has(id);
}

function pinnedIds(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.flatMap((name) => /^([^.]+)\.pinned$/.exec(name)?.[1] ?? []));
}

/** Milliseconds since the file was written; 0 if it does not exist. */
async function ageOf(file: string, clock: Clock): Promise<number> {
  return stat(file).then(
    ({ mtimeMs }) => clock.now() - mtimeMs,
    () => 0,
  );
}

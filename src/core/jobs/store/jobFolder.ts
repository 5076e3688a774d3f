import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../base/files';
import type { KeptNotice } from '../textBudget';
import type { JobRecord, NoticeWritten } from '../job';
import { JobWriter, readNotices, type JobFileNames } from './recordFile';
import type { Logger } from '../../base/logger';
import { faultySetting } from '../settingNames';
import { isFinal, JOB_STATES } from '../states';
import { Windows } from './windowRegistry';

/** Files are read so many at once: enough for a long history, few enough for any limit of open files. */
const READ_AT_ONCE = 64;
/** A temporary file of this age was left behind by a crash. Milliseconds. */
const STALE_MS = 60_000;

export interface LoadedJobs {
  /** Oldest first. Those that had not ended are this window's from now on. */
  readonly jobs: readonly JobRecord[];
  /** Records that could not be read and were set aside. */
  readonly corrupt: number;
  /** Other windows that are alive, whose jobs were left to them. */
  readonly others: ReadonlySet<string>;
}

/**
 * Jobs on disk: `<id>.json` for the record and `<id>.notices.ndjson` for its messages, with the whole of long texts beside them; all private to the
 * user. A record is
 * replaced whole, so that a crash leaves the old or the new one; one that cannot be read is set aside as `.corrupt`, and said.
 *
 * Windows may share the folder: none adopts the living jobs of another.
 */
export class JobHistory {
  readonly #writers = new Map<string, JobWriter>();
  readonly #windows: Windows;

  readonly #log: Logger;

  /**
   * @param folder a folder of our own; made when missing
   * @param windowId unique to this window's life
   */
  constructor(
    readonly folder: string,
    readonly windowId: string,
    log: Logger,
  ) {
    this.#log = log;

    this.#windows = new Windows(join(folder, 'windows'), windowId);
  }

  /** Takes the folder into use. Rejects where it cannot be written. */
  open(): Promise<void> {
    return this.#windows.enter();
  }

  /** Writes a record, after the messages that came before it. Resolves when it, or a newer one, is on disk. */
  save(record: JobRecord): Promise<void> {
    return this.#writer(record.id).save(JSON.stringify(record));
  }

  /** Keeps a message; it is on disk within a moment, and before the next record. */
  addNotice(id: string, notice: KeptNotice, fullText?: readonly Buffer[]): NoticeWritten {
    return this.#writer(id).append(notice, fullText);
  }

  /** Keeps the whole text of an error, on disk before the next record. */
  keepError(id: string, text: readonly Buffer[]): void {
    this.#writer(id).keepError(text);
  }

  /** Whether every message that was kept is on disk. */
  noticesWritten(id: string): boolean {
    return this.#writers.get(id)?.waits !== true;
  }

  /** The newest messages of a job, oldest first; none where they cannot be read. */
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

  /** All messages of a job, one JSON object a line; of long ones the beginning. */
  noticesFile(id: string): string {
    return this.files(id).notices;
  }

  /** Where everything about a job is, but for its rows. */
  files(id: string): JobFileNames {
    const file = (suffix: string): string => join(this.folder, `${id}.${suffix}`);
    return {
      record: file('json'),
      notices: file('notices.ndjson'),
      texts: file('messages.txt'),
      error: file('error.txt'),
      shown: file('shown.txt'),
    };
  }

  async remove(id: string): Promise<void> {
    await this.#writer(id).remove();
    this.#writers.delete(id);
  }

  /**
   * Every record that no other living window looks after.
   * @param owners only those of these windows
   */
  load(owners?: ReadonlySet<string>): Promise<LoadedJobs> {
    return this.#windows.exclusively(async () => {
      const { living: others } = await this.#windows.others();
      const names = (await readdir(this.folder)).filter((name) => /^[^.]+\.(json|error\.txt)(\.|$)/.test(name));
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
      return { jobs: await this.#own(jobs), corrupt, others };
    });
  }

  /** The other windows that share the folder: those that are alive, and those that died since somebody last looked. */
  others(): ReturnType<Windows['others']> {
    return this.#windows.others();
  }

  /** Ids of all records in the folder, other windows' too. */
  async ids(): Promise<ReadonlySet<string>> {
    const names = await readdir(this.folder);
    return new Set(names.filter((name) => /^[^.]+\.json$/.test(name)).map((name) => name.slice(0, -'.json'.length)));
  }

  /** Waits for what is being written, and leaves the window's place. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#writers.values()].map((writer) => writer.close()));
    await this.#windows.leave();
  }

  /** Before the lock is given up, so that no second window takes the same job. */
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
      // Not its fault, and perhaps readable the next time.
      this.#log.error(`The record ${name} cannot be read: ${String(error)}`);
      return 'skip';
    }
    try {
      return checked(JSON.parse(text), name.slice(0, -'.json'.length));
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
        ({ mtimeMs }) => Date.now() - mtimeMs > STALE_MS,
        () => false,
      );
      if (old) await rm(file, { force: true });
    }
  }

  #writer(id: string): JobWriter {
    let writer = this.#writers.get(id);
    if (!writer) {
      writer = new JobWriter(this.files(id), (error) => {
        this.#log.error(`The messages of job ${id} could not be written to disk: ${String(error)}`);
      });
      this.#writers.set(id, writer);
    }
    return writer;
  }
}

function checked(value: unknown, id: string): JobRecord {
  if (typeof value !== 'object' || value === null) throw new Error('not an object');
  const record = value as Partial<JobRecord>;
  if (record.version !== 1) throw new Error(`version ${String(record.version)} is unknown`);
  if (record.id !== id) throw new Error('its id is not its name');
  if (record.state === undefined || !JOB_STATES.includes(record.state)) throw new Error('its state is unknown');
  const texts = [record.request?.sql, record.label, record.connection, record.owner];
  if (!texts.every((text) => typeof text === 'string')) throw new Error('a field is missing');
  if (typeof record.queuedAt !== 'number' || typeof record.noticeCount !== 'number') {
    throw new Error('a number is missing');
  }
  const settings: unknown = record.request?.settings;
  if (settings !== undefined && faultySetting(settings) !== undefined) throw new Error('its settings are not texts');
  if (record.serverMs !== undefined && typeof record.serverMs !== 'number') throw new Error('a number is missing');
  if (record.error !== undefined && !isError(record.error)) throw new Error('its error is not one');
  return record as JobRecord;
}

const ERROR_TEXTS = ['message', 'detail', 'hint', 'context', 'schema', 'table', 'column', 'constraint'] as const;

function isError(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const error = value as Partial<Record<string, unknown>>;
  if (typeof error['sqlstate'] !== 'string' || typeof error['message'] !== 'string') return false;
  return ERROR_TEXTS.every((name) => error[name] === undefined || typeof error[name] === 'string');
}

import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { Emitter } from '../../base/emitter';
import { messageOf } from '../../base/errors';
import { errorCode, exists, PRIVATE, removed, syncFolder } from '../../base/files';
import type { Logger } from '../../base/logger';
import { SpareFile } from '../../base/spareFile';
import type { JobRecord, NoticeWritten } from '../job';
import type { LaunchPermit } from '../run/runnerContext';
import type { KeptNotice } from '../textBudget';
import { isSuperseded, recordFileName, removedFileName } from './epochs';
import { CommandFiles } from './commandFiles';
import { FolderWatch, sayHello, type FolderWatchOptions } from './folderWatch';
import { LiveFiles } from './liveFacts';
import type { Owned, OwnershipListener } from './ownership';
import { RecordFile, readNotices, type JobFileNames } from './recordFile';
import { RecordReader, type LoadedRecords, type NewestRecord, type StoredRecord } from './recordReader';
import { WindowRegistry, type OtherWindows, type WindowRegistryOptions } from './windowRegistry';
import { WriteRetry } from './writeRetry';

/** Writing to the folder began to fail. */
export interface StorageFault {
  readonly folder: string;
  /** The error of the file system. */
  readonly error: unknown;
}

/**
 * Jobs on disk: `<id>.json` has the record and `<id>.notices.ndjson` its messages, with the whole of long texts in further files, all
 * private to the user. `<id>.pinned` marks a job that the user pinned. A record is replaced atomically, so that a crash leaves the old or the new one. A damaged record is renamed to
 * `.corrupt` and reported.
 *
 * Windows share the folder. Each job has one owner, which is fenced by epochs (epochs.ts). Reading never depends on writing: a full or
 * read-only disk can be read, and what cannot be written is kept and retried. Nothing is created before the first write.
 */
export class JobHistory {
  /** What windows ask the owners of jobs to do. */
  readonly commands: CommandFiles;
  /** What the owners of jobs know and do not record. */
  readonly live: LiveFiles;
  readonly #owned = new Map<string, Owned>();
  /** The epochs of the records that were read. */
  readonly #epochs = new Map<string, number>();
  readonly #watches: FolderWatch[] = [];
  readonly #windows: WindowRegistry;
  readonly #reader: RecordReader;
  readonly #retry: WriteRetry;
  readonly #faults: Emitter<StorageFault>;
  /** Resolves when what crashes left behind is removed. */
  #swept: Promise<unknown> = Promise.resolve();
  #listener: OwnershipListener | undefined;
  readonly #spare: SpareFile;

  readonly #log: Logger;
  readonly #clock: Clock;

  /**
   * @param folder a folder used for nothing else; created with the first job
   * @param windowId unique to this window and session
   * @param registry what else happens when this window registers; the rest is for tests
   */
  constructor(
    readonly folder: string,
    readonly windowId: string,
    log: Logger,
    clock: Clock = systemClock,
    registry: Partial<WindowRegistryOptions> = {},
  ) {
    this.#log = log;
    this.#clock = clock;

    this.commands = new CommandFiles(folder, windowId);
    this.live = new LiveFiles(folder);
    this.#reader = new RecordReader(folder, log, clock);
    this.#windows = new WindowRegistry({
      ...registry,
      folder: join(folder, 'windows'),
      windowId,
      clock,
      resumed: () => void this.checkOwnership(),
    });
    this.#faults = new Emitter(log);
    this.#retry = new WriteRetry({
      clock,
      retry: async (id) => {
        if (id === REGISTRATION) await this.register();
        else await this.#owned.get(id)?.file.flush();
      },
      started: (error) => {
        log.error(`The folder of jobs ${folder} cannot be written; it is retried: ${messageOf(error)}`);
        this.#faults.emit({ folder, error });
      },
      ended: () => log.info(`The folder of jobs ${folder} can be written again. Everything is on disk.`),
    });
    // If a crash leaves it behind, it is swept like the temporary file of a record.
    this.#spare = new SpareFile(folder, 'spare.json');
  }

  /** Set once, by the store that keeps the jobs. */
  listen(listener: OwnershipListener): void {
    this.#listener = listener;
  }

  /** Fires with the first failed write of an episode. */
  onDidFail(listener: (fault: StorageFault) => void): Disposable {
    return this.#faults.add(listener);
  }

  /** Registers this window, so that no other one adopts its jobs. Writing a record does so too. Failures are retried. */
  async register(): Promise<void> {
    try {
      await this.#windows.enter();
      this.#retry.succeeded(REGISTRATION);
    } catch (error) {
      this.#retry.failed(REGISTRATION, error);
    }
  }

  /**
   * Writes a record, after the messages that arrived before. Resolves when this record, or a newer one, is on disk, or if the job is lost to
   * another window. Rejects if it could not be written; it is then retried.
   */
  async save(record: JobRecord): Promise<void> {
    // The launch waits for this record. Until it is over, nothing else is written.
    const urgent = record.state === 'launching' && record.launchSentAt !== undefined;
    const launched = record.launchedAt !== undefined;
    await this.#own(record.id).file.save(JSON.stringify(record), urgent);
    if (launched) void this.#spare.prepare();
  }

  /**
   * Whether this window may launch the job. Must be called after `launchSentAt` was saved: a window that adopts the job later sees it.
   *
   * @returns `lost` if another window owns the job; `unclaimed` if it cannot be adopted because the disk cannot be written
   */
  async mayLaunch(id: string): Promise<LaunchPermit> {
    const owned = this.#own(id);
    if (owned.place === 'unclaimed') return (await this.#isLost(id, owned)) ? 'lost' : 'unclaimed';
    if (owned.file.hasFailedRecord && owned.place === 'onDisk') {
      // `launchSentAt` could not be written. After a crash, the old record would show a job that may be launched, so it must go. Files
      // can be removed from a full disk; in a read-only folder no window can adopt the job.
      // Before it goes, because a write at the same time would take a missing record for one that another window removed.
      owned.place = 'new';
      await this.#removeRecords(id, owned.epoch).catch((error: unknown) => {
        owned.place = 'onDisk';
        this.#log.warn(`Job ${id}: ${messageOf(error)}`);
      });
    }
    return (await this.#isLost(id, owned)) ? 'lost' : 'yes';
  }

  /** Resolves when what is prepared for the next launch is on disk. */
  prepared(): Promise<void> {
    return this.#spare.prepare();
  }

  /** Stores a message; it is on disk soon, and before the next record. */
  addNotice(id: string, notice: KeptNotice, fullText?: readonly Buffer[]): NoticeWritten {
    return this.#own(id).file.append(notice, fullText);
  }

  /** Stores the whole text of an error; it is on disk before the next record. */
  keepError(id: string, text: readonly Buffer[]): void {
    this.#own(id).file.keepError(text);
  }

  /** Whether every stored message is on disk. */
  noticesWritten(id: string): boolean {
    return this.#owned.get(id)?.file.hasPendingNotices !== true;
  }

  /** The newest messages of a job, oldest first; none if they cannot be read. */
  notices(id: string, limit: number): readonly KeptNotice[] {
    try {
      return readNotices(this.noticesFile(id), limit);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') {
        this.#log.error(`The messages of job ${id} cannot be read: ${messageOf(error)}`);
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
      record: join(this.folder, recordFileName(id, this.#epochOf(id))),
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

  isPinned(id: string): boolean {
    return existsSync(this.files(id).pinned);
  }

  /** Removes all files of a job. */
  async remove(id: string): Promise<void> {
    const { file, epoch } = this.#own(id);
    await this.#markRemoved(id, epoch);
    await Promise.all([file.remove(), this.live.remove(id)]);
    await this.#removeRecords(id, epoch);
    // Another window may have written newer ones.
    for (let at = epoch + 1; await removed(join(this.folder, recordFileName(id, at))); at++);
    this.#owned.delete(id);
    this.#epochs.delete(id);
    this.#retry.succeeded(id);
  }

  /** Reads the newest record of each job, of all windows. Rejects only if the folder exists and cannot be read. */
  async load(): Promise<LoadedRecords> {
    const loaded = await this.#reader.all();
    for (const { record, epoch } of loaded.records) {
      this.#noteEpoch(record.id, epoch);
    }
    if (loaded.mayBeLeftOver) {
      const sweep = this.#isAlone().then((alone) => (alone ? this.#reader.sweep() : undefined));
      this.#swept = sweep.catch(() => undefined);
    }
    return loaded;
  }

  /** Reads the newest record of a job of another window. */
  newest(id: string): NewestRecord {
    const found = this.#reader.newest(id, this.#epochOf(id));
    if (typeof found === 'object') this.#noteEpoch(id, found.epoch);
    return found;
  }

  /** Whether this window writes the record of the job. */
  owns(id: string): boolean {
    return this.#owned.get(id)?.lost === false;
  }

  /** Watches the files of all jobs. */
  watch(options: Pick<FolderWatchOptions, 'relevant' | 'changed' | 'mayChange'>): FolderWatch {
    const { folder, windowId } = this;
    const hello = helloOf(windowId);
    const watch = new FolderWatch({ ...options, folder, clock: this.#clock, quiet: true, hello });
    this.#watches.push(watch);
    return watch;
  }

  /**
   * Adopts the job of a window that is dead.
   *
   * @returns the record of the former owner with this window as its owner; undefined if another window adopted the job
   * @throws if the disk cannot be written: see {@link adoptLater}
   */
  async adopt({ record, epoch }: StoredRecord): Promise<JobRecord | undefined> {
    await this.#windows.enter();
    const older = await this.#claim(epoch + 1, record);
    if (!older) return undefined;
    this.#take(record.id, epoch + 1, 'onDisk');
    return older;
  }

  /** Adopts a job with the first write that succeeds. Until then it is only shown. */
  adoptLater({ record, epoch }: StoredRecord): void {
    this.#take(record.id, epoch + 1, 'unclaimed');
  }

  /** Finds the other windows that share the folder. */
  others(): Promise<OtherWindows> {
    return this.#windows.others();
  }

  /** This window has received the focus. */
  noteFocus(): Promise<void> {
    return this.#windows.noteFocus();
  }

  /** Whether no other living window has had the focus since this one. */
  isLastFocused(): Promise<boolean> {
    return this.#windows.isLastFocused();
  }

  /** Whether another window is alive, or may be. */
  isAlive(windowId: string): Promise<boolean> {
    return this.#windows.isAlive(windowId);
  }

  /** The newest records of these jobs on disk, whichever window writes them. */
  newestRecords(ids: readonly string[]): ReadonlyMap<string, JobRecord> {
    return this.#reader.newestRecords(ids);
  }

  /**
   * Ids of all jobs, including those whose records were set aside: what belongs to no other job may be removed.
   *
   * @returns undefined while another window is open, because its records may not be on disk
   */
  async idsIfAlone(): Promise<ReadonlySet<string> | undefined> {
    return (await this.#isAlone()) ? this.#reader.ids() : undefined;
  }

  /** Whether the job's record is damaged and was set aside, and no window has written it again. */
  wasSetAside(id: string): boolean {
    return this.#reader.wasSetAside(id, this.#epochOf(id));
  }

  /**
   * Checks whether other windows adopted jobs of this one, e.g. after this process was suspended, and whether their records are intact.
   * @param only only this job
   */
  async checkOwnership(only?: string): Promise<void> {
    for (const id of only === undefined ? [...this.#owned.keys()] : [only]) {
      const owned = this.#owned.get(id);
      if (!owned) continue;
      try {
        const lost = await this.#isLost(id, owned);
        if (!lost && owned.place === 'onDisk' && this.#reader.isDamaged(id, owned.epoch)) this.#listener?.damaged(id);
      } catch (error) {
        this.#log.warn(`The ownership of job ${id} cannot be checked: ${messageOf(error)}`);
      }
    }
  }

  /** Tries failed writes again now. */
  retryNow(): Promise<void> {
    return this.#retry.now();
  }

  /** Writes what is pending, and unregisters this window. */
  async close(): Promise<void> {
    this.#retry.dispose();
    for (const watch of this.#watches) watch.dispose();
    await Promise.all(this.#watches.map((watch) => watch.greeted));
    await Promise.allSettled([...this.#owned.values()].map(({ file }) => file.close()));
    await this.#spare.close();
    await this.#swept;
    // The others look at once which window is gone, and need not wait for their next check.
    if (await this.#windows.leave()) await sayHello(this.folder, helloOf(this.windowId));
  }

  /** The files of a job that this window writes. */
  #own(id: string): Owned {
    const epoch = this.#epochs.get(id);
    return this.#owned.get(id) ?? this.#take(id, epoch ?? 0, epoch === undefined ? 'new' : 'onDisk');
  }

  #epochOf(id: string): number {
    const owned = this.#owned.get(id);
    return owned?.lost === false ? owned.epoch : (this.#epochs.get(id) ?? owned?.epoch ?? 0);
  }

  #noteEpoch(id: string, epoch: number): void {
    if (!this.owns(id)) this.#epochs.set(id, epoch);
  }

  #take(id: string, epoch: number, place: Owned['place']): Owned {
    const files = { ...this.files(id), record: join(this.folder, recordFileName(id, epoch)) };
    const file = new RecordFile(files, this.#clock, this.#spare, {
      mayWrite: (record) => this.#mayWrite(id, owned, record),
      failed: (error) => {
        if (!owned.lost) this.#retry.failed(id, error);
      },
      recordWritten: () => {
        owned.place = 'onDisk';
        if (owned.setAside) rm(`${files.record}.corrupt`, { force: true }).catch(() => undefined);
        owned.setAside = false;
      },
      written: () => this.#retry.succeeded(id),
    });
    const owned: Owned = { epoch, file, place, lost: false };
    this.#owned.set(id, owned);
    return owned;
  }

  async #mayWrite(id: string, owned: Owned, record: string | undefined): Promise<boolean> {
    // Registered first, so that no other window takes the job for that of a dead one.
    await this.#windows.enter();
    this.#retry.succeeded(REGISTRATION);
    if (await this.#isLost(id, owned)) return false;
    if (owned.place === 'unclaimed') {
      if (record === undefined) throw new Error('not adopted yet');
      const older = await this.#claim(owned.epoch, JSON.parse(record) as JobRecord);
      if (!older) {
        this.#lose(id, owned);
        return false;
      }
      owned.place = 'onDisk';
      this.#listener?.adopted(id, older);
    }
    return true;
  }

  /** Claims an epoch, and reads what the former owner wrote until then. @returns undefined if another window has claimed it */
  async #claim(epoch: number, record: JobRecord): Promise<JobRecord | undefined> {
    const { adoptRecord } = await import('./claim');
    return adoptRecord(this.folder, this.#reader, this.windowId, epoch, record);
  }

  /** Only the owner can write the record of a job that was never adopted, and it knows that the job has ended. */
  async #markRemoved(id: string, epoch: number): Promise<void> {
    try {
      if (epoch === 0 && !(await isSuperseded(this.folder, id, epoch))) return;
      await writeFile(join(this.folder, removedFileName(id)), '', { mode: PRIVATE });
    } catch (error) {
      this.#log.warn(`Job ${id} is removed without a mark for its former owners: ${messageOf(error)}`);
    }
  }

  /** Removes the newest record last: without it an older one would count. */
  async #removeRecords(id: string, epoch: number): Promise<void> {
    for (let at = 0; at <= epoch; at++) {
      const record = join(this.folder, recordFileName(id, at));
      await rm(`${record}.corrupt`, { force: true });
      await rm(record, { force: true });
    }
  }

  /** Whether another window owns the job now, or removed it. Reports that once. */
  async #isLost(id: string, owned: Owned): Promise<boolean> {
    if (owned.lost) return true;
    const superseded = await isSuperseded(this.folder, id, owned.epoch);
    const gone = !superseded && (await this.#isGone(id, owned));
    const wasRemoved = owned.place === 'onDisk' && (await exists(join(this.folder, removedFileName(id))));
    // Written after the job was removed.
    if (wasRemoved) await rm(join(this.folder, recordFileName(id, owned.epoch)), { force: true });
    if (superseded || gone || wasRemoved) this.#lose(id, owned);
    return owned.lost;
  }

  /** Whether the record was removed. One that another window has set aside is to be written again. */
  async #isGone(id: string, owned: Owned): Promise<boolean> {
    const expected = (): boolean => owned.place === 'onDisk';
    const record = join(this.folder, recordFileName(id, owned.epoch));
    const isMissing = async (): Promise<boolean> => expected() && !(await exists(record)) && expected();
    if (!(await isMissing())) return false;
    // Asked again, because it may have been written again meanwhile.
    if (!(await exists(`${record}.corrupt`))) return isMissing();
    if (expected()) {
      owned.place = 'new';
      owned.setAside = true;
      this.#listener?.damaged(id);
    }
    return false;
  }

  async #isAlone(): Promise<boolean> {
    return this.#windows.others().then(
      ({ living }) => living.size === 0,
      () => false,
    );
  }

  #lose(id: string, owned: Owned): void {
    if (owned.lost || this.#owned.get(id) !== owned) return;
    owned.lost = true;
    void owned.file.stop();
    this.#retry.succeeded(id);
    this.#log.info(`Job ${id} was adopted or removed by another window.`);
    this.#listener?.lost(id);
  }
}

/** The key of this window's registration among failed writes; job ids are longer. */
const REGISTRATION = '';

/** A file that windows create when they come and go. */
function helloOf(windowId: string): string {
  return `${windowId}.hello`;
}

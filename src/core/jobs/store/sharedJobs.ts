import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { TimeSlice } from '../../base/timeSlice';
import type { Job, JobRecord } from '../job';
import type { Restored } from '../serviceTypes';
import { isFinal } from '../states';
import { parseRecordFileName } from './epochs';
import type { FolderWatch } from './folderWatch';
import type { JobHistory } from './jobFolder';
import { LiveWriter, withLiveFacts, type LiveFacts } from './liveFacts';
import type { StoredRecord } from './recordReader';
import { restoreJob, type RestoredAs } from './restoreJob';
import type { OtherWindows } from './windowRegistry';

/** How often to look for closed windows whose jobs must be adopted. Milliseconds. */
const ADOPT_INTERVAL_MS = 25_000;

/** While jobs are restored, other work gets a turn after this time. Milliseconds. */
const RESTORE_SLICE_MS = 8;

/** The list of jobs that {@link SharedJobs} keeps equal to the folder. */
export interface JobList {
  jobs(): readonly Job[];
  get(id: string): Job | undefined;
  /** Lists a job; listeners are not notified yet. */
  add(record: JobRecord, pinned: boolean, mirrored?: boolean): Job;
  /** Puts the jobs in order. */
  sort(): void;
  /** Notifies the listeners of a job that was added. */
  emitNow(job: Job): void;
  /** Whether this window removed the job. */
  wasRemoved(id: string): boolean;
  /** Removes jobs from the list whose files are gone. */
  drop(job: Job): void;
  prune(): Promise<void>;
}

export interface SharedJobsOptions {
  readonly history: JobHistory;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called for each restored or adopted job that has not ended: it waits or is detached. */
  restored(job: Job, as: 'held' | 'detached'): void;
  /** Called when another window has adopted or removed a job of this one: it must no longer be driven. */
  lost(job: Job): void;
  /** Called when another window has sent a command for a job of this one. */
  commanded(job: Job): void;
}

/**
 * Shares the jobs of a folder with other windows. The jobs of living windows are mirrored: their records are read whenever they change. Those
 * of windows that are gone are adopted.
 *
 * A window that finds no job that may change only watches the folder for new ones, without a file and a timer.
 */
export class SharedJobs {
  readonly #live: LiveWriter;
  /** What the owners of mirrored jobs wrote on top of their records. */
  readonly #facts = new Map<string, LiveFacts>();
  #watch: FolderWatch | undefined;
  #timer: Disposable | undefined;
  /** Other windows that were alive at the last check, and when to check silent ones again. Milliseconds. */
  #known: ReadonlySet<string> = new Set();
  #checkAgainMs: number | undefined;
  #checking: Promise<void> | undefined;
  #nextCheck: Promise<void> | undefined;
  #active = false;
  #closed = false;

  readonly #list: JobList;
  readonly #options: SharedJobsOptions;

  constructor(list: JobList, options: SharedJobsOptions) {
    this.#list = list;
    this.#options = options;

    this.#live = new LiveWriter(options.history.live, options.clock);
  }

  /** Restores the jobs of windows that are gone, and mirrors those of the others. */
  async restore(): Promise<Restored> {
    // First, so that no change is missed.
    this.#watchFolder();
    const { found, needed } = await this.#read();
    if (needed) this.activate(this.#options.history.register());
    return found;
  }

  /** From now on, polls the folder and looks for windows that are gone. @param ready resolves when the folder exists */
  activate(ready: Promise<void>): void {
    if (this.#active || this.#closed) return;
    this.#active = true;
    this.#watchFolder();
    this.#checkLater();
    void ready.then(() => {
      if (this.#closed) return;
      this.#watch?.startPolling();
      void this.#check();
    });
  }

  /** A job has changed. */
  changed(job: Job): void {
    this.#live.changed(job);
  }

  /** Another window adopted or removed a job of this one. */
  lose(job: Job): void {
    const newest = this.#options.history.newest(job.id);
    if (newest === 'missing') {
      this.#list.drop(job);
    } else if (newest === 'unreadable' || newest.record.adopting === true) {
      // The other window has not decided yet what the job is.
      const owner = newest === 'unreadable' ? '' : newest.record.owner;
      job.mirror({ ...job.record, owner });
    } else {
      job.mirror(newest.record);
    }
    this.#live.changed(job);
    this.#options.lost(job);
  }

  /** This window removes the job. */
  forget(id: string): void {
    this.#live.forget(id, false);
    this.#facts.delete(id);
  }

  /**
   * Adopts a job that waits in the queue of a window that does not react. If the window has launched it meanwhile, the job is detached or lost
   * afterwards, and never launched again.
   *
   * @returns false if it no longer waits, or another window was faster
   */
  async takeQueued(job: Job): Promise<boolean> {
    const { history } = this.#options;
    const newest = history.newest(job.id);
    if (typeof newest !== 'object' || newest.record.state !== 'queued') return false;
    const record = await history.adopt(newest);
    if (!record) return false;
    job.own(record);
    const as = restoreJob(job, this.#options.clock.now());
    if (as === 'held' || as === 'detached') this.#options.restored(job, as);
    // Its owner recorded the outcome before our claim, which hides it.
    if (as === 'final') job.save();
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.dispose();
    this.#watch?.dispose();
    // It adopts no more jobs, and must not write after the folder was closed.
    await Promise.all([this.#checking, this.#live.close()]);
  }

  #watchFolder(): void {
    if (this.#closed) return;
    this.#watch ??= this.#options.history.watch({
      relevant: (name) => fileOf(name) !== undefined,
      changed: (names) => this.#filesChanged(names),
      mayChange: (name) => {
        const file = fileOf(name);
        return file !== undefined && this.#list.get(file.id)?.final !== true;
      },
    });
  }

  #filesChanged(names: ReadonlySet<string>): void {
    const changed = new Map<string, Set<FileKind>>();
    for (const name of names) {
      const file = fileOf(name);
      if (!file) continue;
      if (file.kind === 'hello') {
        if (file.id !== this.#options.history.windowId) void this.#check();
        continue;
      }
      const kinds = changed.get(file.id) ?? new Set();
      changed.set(file.id, kinds.add(file.kind));
    }
    for (const [id, kinds] of changed) {
      if (this.#closed) return;
      try {
        this.#jobChanged(id, kinds);
      } catch (error) {
        this.#options.log.error(`Job ${id} of another window cannot be shown: ${messageOf(error)}`);
      }
    }
  }

  #jobChanged(id: string, kinds: ReadonlySet<FileKind>): void {
    const { history } = this.#options;
    const job = this.#list.get(id);
    if (job?.mirrored === false) {
      if (kinds.has('record')) this.#ownRecordChanged(job);
      if (kinds.has('command')) this.#options.commanded(job);
    } else if (kinds.has('record') || (job && kinds.has('live'))) {
      if (kinds.has('live')) this.#readFacts(id);
      if (job && !kinds.has('record')) job.mirror(withLiveFacts(job.record, this.#facts.get(id)));
      else this.#mirror(id);
    }
    if (!job) return;
    if (kinds.has('notices') && job.mirrored) job.noticesChanged();
    if (kinds.has('pinned')) job.notePinned(history.isPinned(id));
  }

  /** It was written by this window, or another one adopted or removed the job. */
  #ownRecordChanged(job: Job): void {
    const { history } = this.#options;
    if (history.owns(job.id)) {
      void history.checkOwnership(job.id);
      return;
    }
    const newest = history.newest(job.id);
    if (newest === 'missing') this.#list.drop(job);
    // A finished job without an owner: each window has its whole record.
    else if (newest === 'unreadable') job.save();
  }

  #readFacts(id: string): void {
    const facts = this.#options.history.live.read(id);
    if (facts) this.#facts.set(id, facts);
    else this.#facts.delete(id);
  }

  /** Shows what the owner of a job has written. */
  #mirror(id: string): void {
    const { history } = this.#options;
    if (this.#list.wasRemoved(id)) return;
    const newest = history.newest(id);
    const job = this.#list.get(id);
    if (newest === 'unreadable' || job?.mirrored === false) return;
    if (newest === 'missing') {
      this.#facts.delete(id);
      if (job) this.#list.drop(job);
      return;
    }
    // A claim says nothing yet, and a record of this window is one that it is about to list.
    if (newest.record.adopting === true || newest.record.owner === history.windowId) return;
    if (isFinal(newest.record.state)) this.#facts.delete(id);
    if (job) job.mirror(withLiveFacts(newest.record, this.#facts.get(id)));
    else this.#addMirror(newest.record, history.isPinned(id));
    if (!this.#active) this.activate(history.register());
  }

  #addMirror(record: JobRecord, pinned: boolean): void {
    if (!isFinal(record.state)) this.#readFacts(record.id);
    const last = this.#list.jobs().at(-1);
    const job = this.#list.add(withLiveFacts(record, this.#facts.get(record.id)), pinned, true);
    if (last && last.record.queuedAt > record.queuedAt) this.#list.sort();
    this.#list.emitNow(job);
  }

  /**
   * Reads all records.
   *
   * @param gone adopt only the jobs of these windows
   * @returns `needed`: whether this window must watch the others, because jobs have not ended or belong to a living window
   */
  async #read(gone?: ReadonlySet<string>): Promise<{ readonly found: Restored; readonly needed: boolean }> {
    const { history, clock } = this.#options;
    const { records, corrupt, pinned } = await history.load();
    const living = records.length + corrupt === 0 ? new Set<string>() : (await this.#look()).living;
    // The owner of a damaged record writes it again.
    const isRewritten = corrupt > 0 && living.size > 0;
    const needed = isRewritten || records.some(({ record }) => !isFinal(record.state) || living.has(record.owner));
    const counts: Record<RestoredAs, number> = { final: 0, held: 0, detached: 0, lost: 0 };
    const saved: Promise<void>[] = [];
    const slice = new TimeSlice(RESTORE_SLICE_MS);
    for (const stored of records) {
      if (slice.over) await slice.pause();
      const { id, owner, state } = stored.record;
      if (this.#closed) break;
      const known = this.#list.get(id);
      if (known?.mirrored === false || owner === history.windowId || this.#list.wasRemoved(id)) continue;
      if (living.has(owner)) {
        if (known) this.#mirror(id);
        else if (gone) this.#addMirror(stored.record, pinned.has(id));
        else {
          if (!isFinal(state)) this.#readFacts(id);
          this.#list.add(withLiveFacts(stored.record, this.#facts.get(id)), pinned.has(id), true);
        }
        continue;
      }
      if (gone && !gone.has(owner)) continue;
      const record = await this.#adopt(stored);
      if (!record) continue;
      this.#facts.delete(id);
      known?.own(record);
      const job = known ?? this.#list.add(record, pinned.has(id));
      const as = restoreJob(job, clock.now());
      counts[as]++;
      if (as === 'final' && gone) this.#list.emitNow(job);
      if (as === 'held' || as === 'detached') this.#options.restored(job, as);
      // Its owner recorded the outcome before our claim, which hides it.
      if (as === 'final' && !isFinal(state)) job.save();
      if (!job.final) this.#options.commanded(job);
      saved.push(job.saved);
    }
    if (gone && this.#list.jobs().some(({ mirrored, record }) => mirrored && gone.has(record.owner))) {
      const { keepKnown } = await import('./storageFaults');
      saved.push(keepKnown(this.#list.jobs(), gone, history, clock.now()));
    }
    this.#list.sort();
    await Promise.all(saved);
    await this.#list.prune();
    const found = { held: counts.held, detached: counts.detached, corrupt: isRewritten ? 0 : corrupt };
    return { found, needed };
  }

  /** Finds the other windows. */
  async #look(): Promise<Pick<OtherWindows, 'living' | 'dead'>> {
    const { living, dead, remote, checkAgainMs } = await this.#options.history.others();
    this.#known = living;
    this.#checkAgainMs = checkAgainMs;
    this.#watch?.setRemote(remote);
    this.#live.enable(living.size > 0, () => this.#list.jobs());
    return { living, dead };
  }

  /** Jobs that have ended need no owner. @returns undefined if another window adopted the job */
  async #adopt(stored: StoredRecord): Promise<JobRecord | undefined> {
    const { history, log } = this.#options;
    if (isFinal(stored.record.state)) return stored.record;
    try {
      return await history.adopt(stored);
    } catch (error) {
      log.warn(`Job ${stored.record.id} cannot be adopted yet: ${messageOf(error)}`);
      history.adoptLater(stored);
      const record = { ...stored.record, owner: history.windowId };
      delete record.adopting;
      return record;
    }
  }

  /**
   * Adopts the jobs of other windows with the same folder when those are gone: the window before a reload may outlive the start of this
   * one for a moment, and the window of a browser tab may have been closed hours ago.
   */
  #checkLater(): void {
    if (this.#closed || this.#timer) return;
    const delay = Math.min(this.#checkAgainMs ?? ADOPT_INTERVAL_MS, ADOPT_INTERVAL_MS);
    this.#timer = this.#options.clock.after(delay, () => {
      void this.#check().then(() => {
        this.#timer = undefined;
        this.#checkLater();
      });
    });
  }

  /** Looks for windows that are gone. A check that runs already may have looked too early. */
  #check(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const running = this.#checking;
    if (running) {
      this.#nextCheck ??= running.then(() => this.#check());
      return this.#nextCheck;
    }
    this.#nextCheck = undefined;
    this.#checking = this.#adoptFromClosed().finally(() => (this.#checking = undefined));
    return this.#checking;
  }

  async #adoptFromClosed(): Promise<void> {
    try {
      const before = this.#known;
      const { living, dead } = await this.#look();
      // Events can be lost.
      const mirrored = this.#list.jobs().filter((job) => job.mirrored);
      for (const job of mirrored) if (!job.final && living.has(job.record.owner)) this.#mirror(job.id);
      const owners = mirrored.map(({ record }) => record.owner);
      const gone = new Set([...before, ...dead, ...owners].filter((name) => !living.has(name)));
      if (gone.size > 0 && !this.#closed) await this.#read(gone);
    } catch (error) {
      this.#options.log.error(`The jobs of closed windows could not be adopted: ${messageOf(error)}`);
    }
  }
}

type FileKind = 'record' | 'live' | 'notices' | 'pinned' | 'command' | 'hello';

const SUFFIXES: Readonly<Record<string, FileKind>> = {
  live: 'live',
  'notices.ndjson': 'notices',
  pinned: 'pinned',
  hello: 'hello',
};

/** What a file in the folder is, and whose; undefined if it is of no interest here. */
function fileOf(name: string): { readonly id: string; readonly kind: FileKind } | undefined {
  const record = parseRecordFileName(name);
  if (record) return { id: record.id, kind: 'record' };
  const [, id, suffix] = /^([^.]+)\.(.+)$/.exec(name) ?? [];
  if (id === undefined || suffix === undefined) return undefined;
  const kind = SUFFIXES[suffix] ?? (/^[^.]+\.command$/.test(suffix) ? 'command' : undefined);
  return kind && { id, kind };
}

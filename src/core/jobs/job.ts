import type { JobNotice, JobProgress, JobState, RunRequest } from '../../api';
import { describeFault, type Fault } from '../base/fault';
import type { BatchPart } from './batches/batchPart';
import type { RecordedError } from './errors';
import {
  boundFacts,
  boundFault,
  keptNotice,
  MESSAGES_HELD,
  MESSAGES_HELD_AFTER_END,
  sizeOf,
  wholeError,
  wholeNotice,
  type KeptNotice,
} from './textBudget';
import type { DurableFacts } from './durable/ports';
import type { StopCause } from './outcome';
import type { Column, InvalidIndex, RowsKept, WorkerLimits } from './ports';
import type { Waited } from './run/waitTimes';
import type { ServerIdentity } from './serverIdentity';
import { isFinal, nextState, type JobEvent } from './states';

/** A request to cancel, and its progress. Times are milliseconds since 1970. */
export interface CancelRecord {
  readonly requestedAt: number;
  readonly graceMs: number;
  /** When SIGTERM was sent: the grace window begins here. */
  readonly signaledAt?: number;
}

/** The text in an editor that a job came from, so that its status can be shown there again after a reload. */
export interface JobSource {
  /** The document's URI. */
  readonly uri: string;
  readonly kind: 'statement' | 'selection' | 'file';
  /** Where the text began in the document at the launch, in UTF-16 code units. */
  readonly start: number;
  /** The text as it was in the document; missing if it is the job's SQL. */
  readonly text?: string;
}

/** A request for a job. */
export interface NewJob extends RunRequest {
  readonly label: string;
  readonly connection: string;
  /** The text in an editor that it comes from. */
  readonly source?: JobSource;
  /** Show a notification when the job ends, whatever the settings. */
  readonly notify?: boolean;
  readonly batch?: BatchPart;
  /** Set if a language model launches it with a tool. */
  readonly launchedBy?: 'tool';
}

/** Everything that is stored about a job. Times are milliseconds since 1970. */
export interface JobRecord {
  readonly version: 1;
  readonly id: string;
  readonly label: string;
  readonly request: RunRequest;
  readonly connection: string;
  readonly source?: JobSource;
  /** The user asked for a notification when the job ends, whatever the settings. */
  readonly notify?: true;
  readonly batch?: BatchPart;
  /** A language model launched it with a tool. Missing for a job that the user, or code of the user's, launched. */
  readonly launchedBy?: 'tool';
  /** Equal for jobs with the same normalized SQL (core/sql/normalizedSql.ts); missing in records of older versions. */
  readonly fingerprint?: string;
  /** The window that drives the job. */
  readonly owner: string;
  /** The owner has claimed the job of a dead window but not decided yet what it is: the record of the epoch before counts. */
  readonly adopting?: true;
  readonly state: JobState;
  readonly pid?: number;
  /** As the server writes it in UTC; together with the pid it identifies the worker. */
  readonly backendStart?: string;
  /** When the server itself was started: no worker survives a restart. */
  readonly serverStart?: string;
  /** The server that runs the worker; missing in records of older versions. */
  readonly server?: ServerIdentity;
  readonly queuedAt: number;
  /** The current attempt, from 2, if a lock timeout led to another one. The facts about workers are those of this attempt. */
  readonly attempt?: number;
  /** Set just before the launch is sent: from here on the SQL may be running, and is not launched again, unless it is known to be rolled back. */
  readonly launchSentAt?: number;
  readonly launchedAt?: number;
  readonly finishedAt?: number;
  /** How long the worker ran by the server's clock. Milliseconds. */
  readonly serverMs?: number;
  readonly progress?: JobProgress;
  readonly rowCount?: number;
  readonly commandTag?: string;
  readonly error?: RecordedError;
  /** Why the job is in its state. */
  readonly reason?: Fault;
  readonly cancel?: CancelRecord;
  /** The time limits with which the worker was launched, as the server reported them. */
  readonly limits?: WorkerLimits;
  /** What stopped the worker, if it was stopped and no cancel was requested here. */
  readonly stop?: StopCause;
  /** What it waited for during most of its time. */
  readonly waited?: Waited;
  /** The invalid indexes that it has left. */
  readonly invalidIndexes?: readonly InvalidIndex[];
  /** Set once rows are stored for this job. The stored rows have their own copy, so that each file is readable alone. */
  readonly columns?: readonly Column[];
  readonly rows?: RowsKept;
  /** The number of messages received, including those that are only in the file of messages. */
  readonly noticeCount: number;
  /** Messages that were counted but not stored, because there are too many or the disk was full. */
  readonly noticesDropped?: number;
  /**
   * The session is gone while the worker ran, so that only activity and cancel remain. Unlike the state `detached` it stays true while such
   * a job is canceled, and when it has ended.
   */
  readonly sessionLost: boolean;
  /** Why the session was lost; the final reason includes it. */
  readonly sessionLostBecause?: Fault;
  /** The job stays in the queue until the user resumes it: it was queued before a reload, or its connection was disconnected. */
  readonly held: boolean;
  /** Set for a durable job. Never stored here. */
  readonly durable?: DurableFacts;
}

type WritableRecord = { -readonly [Name in keyof JobRecord]: JobRecord[Name] };

type OptionalName = {
  [Name in keyof JobRecord]-?: Partial<JobRecord> extends Pick<JobRecord, Name> ? Name : never;
}[keyof JobRecord];

/** Facts to record about a job. Undefined clears a fact. */
export type JobFacts = {
  readonly [Name in OptionalName]?: JobRecord[Name] | undefined;
} & Partial<Pick<JobRecord, 'request' | 'noticeCount' | 'sessionLost' | 'held'>>;

export function newRecord(
  id: string,
  { source, notify, batch, launchedBy, ...request }: NewJob,
  owner: string,
  queuedAt: number,
): JobRecord {
  const { label, connection } = request;
  const initial = { version: 1, state: 'queued', noticeCount: 0, sessionLost: false, held: false } as const;
  const record = { ...initial, id, label, request, connection, owner, queuedAt };
  return {
    ...record,
    ...(source && { source }),
    ...(notify === true && { notify }),
    ...(batch && { batch }),
    ...(launchedBy && { launchedBy }),
  };
}

/** Callbacks that the owner of a job provides. */
export interface JobOwner {
  /** Writes the record. Resolves when it is on disk, or could not be written; never rejects. */
  save(job: Job): Promise<void>;
  /** Notifies listeners of a change. */
  changed(job: Job, kind: 'transition' | 'update'): void;
  /**
   * Stores a message.
   * @param fullText the whole text, if the message has only its beginning
   */
  storeNotice(job: Job, notice: KeptNotice, fullText: readonly Buffer[] | undefined): NoticeWritten;
  /** Stores the whole text of an error that does not fit into the record, before the record is written. */
  storeLongError(job: Job, fullText: readonly Buffer[]): void;
  /** Called when the worker has ended, before its outcome is decided. Never rejects. */
  beforeOutcome?(job: Job): Promise<void>;
  /** Reads the newest stored messages. */
  loadNotices(id: string, limit: number): readonly KeptNotice[];
}

/** The result of storing a message. */
export interface NoticeWritten {
  /** False if its file has no room for it. */
  readonly kept: boolean;
  /** Set if messages arrive faster than they are written: nothing more may be read from the server until it resolves. Never rejects. */
  readonly wait?: Promise<void>;
}

/** At most this many messages of a job are held in memory, the newest; all of them are in its file. */
export const NOTICES_HELD = 10_000;

/**
 * A job: its record and its messages. Only {@link transition} and {@link update} change the record. That of a mirrored job, which another
 * window drives, is only replaced with what that window wrote.
 */
export class Job {
  /** Resolves when the job has ended, or its files were removed. */
  readonly ended: Promise<void>;
  #end!: () => void;
  /** Read from disk only when requested: a long history has many. */
  #notices: KeptNotice[] | undefined;
  #noticesSize = 0;
  #cancels = 0;
  #pinned: boolean;
  #mirrored: boolean;
  #saved: Promise<void> = Promise.resolve();

  readonly #record: WritableRecord;
  readonly #owner: JobOwner;

  /** @param mirrored another window drives the job */
  constructor(record: JobRecord, owner: JobOwner, pinned = false, mirrored = false) {
    this.#record = { ...record };
    this.#owner = owner;
    this.#pinned = pinned;
    this.#mirrored = mirrored;

    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    if (isFinal(record.state)) this.#end();
  }

  /** A live view: it changes with the job. */
  get record(): JobRecord {
    return this.#record;
  }

  get id(): string {
    return this.#record.id;
  }

  get state(): JobState {
    return this.#record.state;
  }

  get final(): boolean {
    return isFinal(this.#record.state);
  }

  /** Whether the user pinned the job, so that it is kept until the user clears this very job. Not part of the record. */
  get pinned(): boolean {
    return this.#pinned;
  }

  /** Whether another window drives the job: this one shows what it writes, and sends commands to it. */
  get mirrored(): boolean {
    return this.#mirrored;
  }

  /** Shows the record that another window wrote. A job of this window becomes a mirrored one. */
  mirror(record: JobRecord): void {
    this.#mirrored = true;
    this.#replace(record);
  }

  /** Drives a mirrored job from now on, with the record that its former owner left. */
  own(record: JobRecord): void {
    this.#mirrored = false;
    this.#replace(record);
  }

  /** The window that drives this mirrored job has stored messages. */
  noticesChanged(): void {
    this.#notices = undefined;
    this.#owner.changed(this, 'update');
  }

  /** The files of the job were removed, so that nothing more will be known about it. */
  drop(): void {
    this.#end();
  }

  /** Notes that the job was pinned or unpinned, once its marker file is on disk or gone. */
  notePinned(pinned: boolean): void {
    if (pinned === this.#pinned) return;
    this.#pinned = pinned;
    this.#owner.changed(this, 'update');
  }

  /** Resolves when the last durable change is on disk, or could not be written. */
  get saved(): Promise<void> {
    return this.#saved;
  }

  /** The newest messages, oldest first; slightly more than {@link NOTICES_HELD} or {@link MESSAGES_HELD} at most. */
  get notices(): readonly KeptNotice[] {
    return this.#held();
  }

  /** The number of older messages that are only in the file of messages. */
  get noticesNotHeld(): number {
    return Math.max(0, this.#record.noticeCount - this.#held().length);
  }

  /** Counts the cancels, so that each can check whether it is still the last one. */
  nextCancel(): number {
    return ++this.#cancels;
  }

  get lastCancel(): number {
    return this.#cancels;
  }

  /**
   * Changes the state, records facts, and saves. The reason belongs to a state, so a new state clears it unless a new reason is given.
   * @throws if the event cannot happen in this state, which is a bug in the caller and never caused by the server
   */
  transition(event: JobEvent, facts: JobFacts = {}): void {
    this.#requireOwn();
    const next = nextState(this.state, event);
    if (next === undefined) throw new Error(`A job that is ${this.state} cannot ${event}.`);
    if (next !== this.state) delete this.#record.reason;
    this.#record.state = next;
    this.#assign(facts);
    this.save();
    this.#owner.changed(this, 'transition');
    if (isFinal(next)) this.#end();
  }

  /**
   * Records facts without a change of state.
   * @param options `durable`: saves the record. Progress and counts alone are not written: the next durable change includes them.
   */
  update(facts: JobFacts, { durable }: { readonly durable: boolean }): void {
    this.#requireOwn();
    this.#assign(facts);
    if (durable) this.save();
    this.#owner.changed(this, 'update');
  }

  /** Must be awaited when the worker has ended, before its outcome is decided: another window may have canceled it. */
  async beforeOutcome(): Promise<void> {
    await this.#owner.beforeOutcome?.(this);
  }

  /** Saves the record as it is; see {@link saved}. */
  save(): void {
    this.#saved = this.#owner.save(this);
  }

  /** @returns a promise if messages arrive faster than they are written: it resolves when the next one may be read */
  addNotice(whole: JobNotice & { readonly fault?: Fault }): Promise<void> | undefined {
    this.#requireOwn();
    const held = this.#held();
    const notice = keptNotice(whole);
    held.push(notice);
    this.#noticesSize += sizeOf(notice);
    // In batches, because removing the first element of a long array moves all the others.
    if (held.length > NOTICES_HELD * 1.1) this.#drop(held.length - NOTICES_HELD);
    if (this.#noticesSize > MESSAGES_HELD * 1.1) this.#dropTo(MESSAGES_HELD);
    const { kept, wait } = this.#owner.storeNotice(
      this,
      notice,
      notice.truncatedBytes === undefined ? undefined : wholeNotice(whole),
    );
    const { noticeCount, noticesDropped = 0 } = this.#record;
    const dropped = kept ? {} : { noticesDropped: noticesDropped + 1 };
    this.update({ noticeCount: noticeCount + 1, ...dropped }, { durable: false });
    return wait;
  }

  /** Adds a warning of this extension to the messages. @param at milliseconds since 1970 */
  addWarning(fault: Fault, at: number): Promise<void> | undefined {
    const bounded = boundFault(fault);
    return this.addNotice({ at, severity: 'WARNING', message: describeFault(bounded), fault: bounded });
  }

  /** Frees the memory of a finished job's messages, which are on disk and are read again when requested. */
  releaseNotices(): void {
    if (this.final && this.#noticesSize > MESSAGES_HELD_AFTER_END) this.#notices = undefined;
  }

  #requireOwn(): void {
    if (this.#mirrored) throw new Error(`Job ${this.id} belongs to another window.`);
  }

  /** The view that {@link record} returned before changes too. */
  #replace(record: JobRecord): void {
    const before = this.#record;
    const { state, noticeCount } = before;
    for (const name of Object.keys(before)) if (!(name in record)) Reflect.deleteProperty(before, name);
    Object.assign(before, record);
    // Other messages may have been stored than this window has.
    if (noticeCount !== record.noticeCount) this.#notices = undefined;
    this.#owner.changed(this, state === record.state ? 'update' : 'transition');
    if (isFinal(record.state)) this.#end();
  }

  #assign(facts: JobFacts): void {
    const bounded = boundFacts(facts);
    for (const [name, value] of Object.entries(bounded)) {
      if (value === undefined) Reflect.deleteProperty(this.#record, name);
      else Object.assign(this.#record, { [name]: value });
    }
    const { error } = facts;
    if (error && bounded.error?.truncatedBytes !== undefined) this.#owner.storeLongError(this, wholeError(error));
  }

  #held(): KeptNotice[] {
    if (this.#notices) return this.#notices;
    const { id, noticeCount } = this.#record;
    const loaded = noticeCount === 0 ? [] : [...this.#owner.loadNotices(id, NOTICES_HELD)];
    this.#noticesSize = loaded.reduce((size, notice) => size + sizeOf(notice), 0);
    // The messages of finished jobs are not held permanently after they were viewed.
    if (!this.final || this.#noticesSize <= MESSAGES_HELD_AFTER_END) this.#notices = loaded;
    return loaded;
  }

  #drop(count: number): void {
    const dropped = this.#notices?.splice(0, count) ?? [];
    this.#noticesSize -= dropped.reduce((size, notice) => size + sizeOf(notice), 0);
  }

  #dropTo(size: number): void {
    const notices = this.#notices ?? [];
    let count = 0;
    for (let left = this.#noticesSize; left > size && count < notices.length - 1; count++) {
      left -= sizeOf(notices[count] ?? { at: 0, severity: '', message: '' });
    }
    this.#drop(count);
  }
}

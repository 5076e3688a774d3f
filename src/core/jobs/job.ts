import type { JobError, JobInfo, JobNotice, JobProgress, JobState, RunRequest } from '../../api';
import {
  boundFacts,
  keptNotice,
  MESSAGES_HELD,
  MESSAGES_HELD_AFTER_END,
  sizeOf,
  wholeError,
  wholeNotice,
  type KeptNotice,
} from './textBudget';
import type { StopCause } from './outcome';
import type { Column, RowsKept, WorkerLimits } from './ports';
import type { ServerIdentity } from './serverIdentity';
import { isFinal, nextState, type JobEvent } from './states';

/** A request to cancel, and what came of it. Times are milliseconds since 1970. */
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

/** Everything that is kept about a job, as it is written to disk. */
export interface JobRecord {
  readonly version: 1;
  readonly id: string;
  readonly label: string;
  readonly request: RunRequest;
  readonly connection: string;
  readonly source?: JobSource;
  /** The window that looks after the job. */
  readonly owner: string;
  state: JobState;
  pid?: number;
  /** As the server writes it in UTC; with the pid it identifies the worker. */
  backendStart?: string;
  /** When the server itself was started: after a restart no worker of before can be alive. */
  serverStart?: string;
  /** The server that runs the worker; absent in records of older versions. */
  server?: ServerIdentity;
  /** Why its session was given up while the worker ran, so that the final reason can say so. */
  sessionLostBecause?: string;
  queuedAt: number;
  /** Set just before the launch is sent: from here on the SQL may run, and is never launched again. */
  launchSentAt?: number;
  launchedAt?: number;
  finishedAt?: number;
  /** How long the worker ran by the server's clock. Milliseconds. */
  serverMs?: number;
  progress?: JobProgress;
  rowCount?: number;
  commandTag?: string;
  error?: JobError;
  reason?: string;
  cancel?: CancelRecord;
  /** The time limits with which the worker was launched, as the server had them. */
  limits?: WorkerLimits;
  /** What stopped the worker, if it was stopped and no cancel was requested here. */
  stop?: StopCause;
  /** Set once rows are kept for this job. */
  columns?: readonly Column[];
  rows?: RowsKept;
  /** All messages that were received, also those that only the file of messages still has. */
  noticeCount: number;
  /** Messages that were counted and not kept, because there are very many or the disk was full. */
  noticesDropped?: number;
  /** Its session is gone, so that only the server's activity view tells about it. */
  detached: boolean;
  /** Queued before a reload: it waits for the user's word. */
  held: boolean;
}

export function newRecord(
  id: string,
  {
    source,
    ...request
  }: RunRequest & { readonly label: string; readonly connection: string; readonly source?: JobSource },
  owner: string,
  queuedAt: number,
): JobRecord {
  const { label, connection } = request;
  const known = { version: 1, state: 'queued', noticeCount: 0, detached: false, held: false } as const;
  return { ...known, id, label, request, connection, owner, queuedAt, ...(source === undefined ? {} : { source }) };
}

/** What a job needs of whoever keeps it. */
export interface JobKeeper {
  changed(job: Job, stateChanged: boolean): void;
  /**
   * A message came: it is to be written down.
   * @param fullText the whole of it, where the message itself has only the beginning
   */
  noticed(job: Job, notice: KeptNotice, fullText: readonly Buffer[] | undefined): NoticeWritten;
  /** An error came whose whole text does not fit into the record: it is to be written down before the record is. */
  longError(job: Job, fullText: readonly Buffer[]): void;
  /** The newest messages of an earlier life. */
  loadNotices(id: string, limit: number): readonly KeptNotice[];
}

/** What becomes of a message. */
export interface NoticeWritten {
  /** False where there is no room for it in its file. */
  readonly kept: boolean;
  /** Messages come faster than they are written: no more are to be read from the server until this resolves. It never rejects. */
  readonly wait?: Promise<void>;
}

/** At most this many messages of a job are held in memory, the newest; all of them are in its file. */
export const NOTICES_HELD = 10_000;

/** A job: its record, its messages and who waits for its end. */
export class Job {
  readonly ended: Promise<void>;
  #end!: () => void;
  /** Read from disk only when asked for: a long history has many. */
  #notices: KeptNotice[] | undefined;
  #noticesSize = 0;
  #cancels = 0;

  readonly #keeper: JobKeeper;

  constructor(
    readonly record: JobRecord,
    keeper: JobKeeper,
  ) {
    this.#keeper = keeper;

    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    if (isFinal(record.state)) this.#end();
  }

  get id(): string {
    return this.record.id;
  }

  get state(): JobState {
    return this.record.state;
  }

  get final(): boolean {
    return isFinal(this.record.state);
  }

  /** The newest messages, oldest first; at most {@link NOTICES_HELD} and a few, and no more than {@link MESSAGES_HELD}. */
  get notices(): readonly KeptNotice[] {
    return this.#held();
  }

  /** How many older messages only the file of messages has. */
  get noticesNotHeld(): number {
    return Math.max(0, this.record.noticeCount - this.#held().length);
  }

  /** Counts the cancels, so that each knows whether it is still the last one. */
  nextCancel(): number {
    return ++this.#cancels;
  }

  get lastCancel(): number {
    return this.#cancels;
  }

  /**
   * Moves the job by what happened, with what became known. The reason belongs to a state, so it goes with it.
   * @throws where the event cannot happen in this state: a bug in the caller, never the server's doing
   */
  apply(event: JobEvent, facts: Partial<JobRecord> = {}): void {
    const next = nextState(this.record.state, event);
    if (next === undefined) throw new Error(`A job that is ${this.record.state} cannot ${event}.`);
    if (next !== this.record.state) delete this.record.reason;
    this.#assign(facts, next);
    this.#keeper.changed(this, true);
    if (isFinal(next)) this.#end();
  }

  /** Notes something that became known without a change of state. */
  note(facts: Partial<JobRecord>): void {
    this.#assign(facts, this.record.state);
    this.#keeper.changed(this, false);
  }

  /** @returns where messages come faster than they are written: when the next one may come */
  addNotice(whole: JobNotice): Promise<void> | undefined {
    const held = this.#held();
    const notice = keptNotice(whole);
    held.push(notice);
    this.#noticesSize += sizeOf(notice);
    // Not one by one: taking the first of a long array moves all the others.
    if (held.length > NOTICES_HELD * 1.1) this.#drop(held.length - NOTICES_HELD);
    if (this.#noticesSize > MESSAGES_HELD * 1.1) this.#dropTo(MESSAGES_HELD);
    const { kept, wait } = this.#keeper.noticed(
      this,
      notice,
      notice.truncatedBytes === undefined ? undefined : wholeNotice(whole),
    );
    this.note({
      noticeCount: this.record.noticeCount + 1,
      ...(kept ? {} : { noticesDropped: (this.record.noticesDropped ?? 0) + 1 }),
    });
    return wait;
  }

  /** Messages of a job that has ended are on disk, and read when somebody looks. */
  releaseNotices(): void {
    if (this.final && this.#noticesSize > MESSAGES_HELD_AFTER_END) this.#notices = undefined;
  }

  info(): JobInfo {
    const { record } = this;
    const { id, label, connection, state, queuedAt } = record;
    return {
      id,
      label,
      sql: record.request.sql,
      connection,
      state,
      queuedAt,
      ...pick(record, ['pid', 'launchedAt', 'finishedAt', 'serverMs', 'progress', 'rowCount', 'commandTag', 'error']),
      ...pick(record, ['reason']),
    };
  }

  #assign(facts: Partial<JobRecord>, state: JobState): void {
    const bounded = boundFacts(facts);
    Object.assign(this.record, bounded, { state });
    if (facts.error && bounded.error?.truncatedBytes !== undefined)
      this.#keeper.longError(this, wholeError(facts.error));
  }

  #held(): KeptNotice[] {
    if (this.#notices) return this.#notices;
    const loaded = this.record.noticeCount === 0 ? [] : [...this.#keeper.loadNotices(this.record.id, NOTICES_HELD)];
    this.#noticesSize = loaded.reduce((size, notice) => size + sizeOf(notice), 0);
    // Of a long history, what somebody looked at once is not held for good.
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

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Partial<Pick<T, K>> {
  const out: Partial<Pick<T, K>> = {};
  for (const key of keys) if (from[key] !== undefined) out[key] = from[key];
  return out;
}

import type { JobError, JobInfo, JobNotice, JobProgress, JobState, RunRequest } from '../../api';
import type { Column, RowsKept } from './ports';
import { isFinal, nextState, type JobEvent } from './states';

/** A request to cancel, and what came of it. Times are milliseconds since 1970. */
export interface CancelRecord {
  readonly requestedAt: number;
  readonly graceMs: number;
  /** When SIGTERM was sent: the grace window begins here. */
  readonly signaledAt?: number;
}

/** Everything that is kept about a job, as it is written to disk. */
export interface JobRecord {
  readonly version: 1;
  readonly id: string;
  readonly label: string;
  readonly request: RunRequest;
  readonly connection: string;
  /** The window that looks after the job. */
  readonly owner: string;
  state: JobState;
  pid?: number;
  /** As the server writes it in UTC; with the pid it identifies the worker. */
  backendStart?: string;
  /** When the server itself was started: after a restart no worker of before can be alive. */
  serverStart?: string;
  queuedAt: number;
  launchedAt?: number;
  finishedAt?: number;
  progress?: JobProgress;
  rowCount?: number;
  commandTag?: string;
  error?: JobError;
  reason?: string;
  cancel?: CancelRecord;
  /** Set once rows are kept for this job. */
  columns?: readonly Column[];
  rows?: RowsKept;
  noticeCount: number;
  /** Its session is gone, so that only the server's activity view tells about it. */
  detached: boolean;
  /** Queued before a reload: it waits for the user's word. */
  held: boolean;
}

/** At most this many messages of a job are held in memory; the newest stay. */
const NOTICES_HELD = 10_000;

/** A job: its record, its messages and who waits for its end. */
export class Job {
  readonly notices: JobNotice[] = [];
  /** Messages that were received but are no longer held. */
  noticesDropped = 0;
  readonly ended: Promise<void>;
  #end!: () => void;

  constructor(
    readonly record: JobRecord,
    private readonly onChange: (job: Job, stateChanged: boolean) => void,
  ) {
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

  /**
   * Moves the job by what happened, with what became known.
   * @throws where the event cannot happen in this state: a bug in the caller, never the server's doing
   */
  apply(event: JobEvent, facts: Partial<JobRecord> = {}): void {
    const next = nextState(this.record.state, event);
    if (next === undefined) throw new Error(`A job that is ${this.record.state} cannot ${event}.`);
    Object.assign(this.record, facts, { state: next });
    this.onChange(this, true);
    if (isFinal(next)) this.#end();
  }

  /** Notes something that became known without a change of state. */
  note(facts: Partial<JobRecord>): void {
    Object.assign(this.record, facts);
    this.onChange(this, false);
  }

  addNotice(notice: JobNotice): void {
    this.notices.push(notice);
    if (this.notices.length > NOTICES_HELD) {
      this.notices.shift();
      this.noticesDropped++;
    }
    this.note({ noticeCount: this.record.noticeCount + 1 });
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
      ...pick(record, ['pid', 'launchedAt', 'finishedAt', 'progress', 'rowCount', 'commandTag', 'error', 'reason']),
    };
  }
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Partial<Pick<T, K>> {
  const out: Partial<Pick<T, K>> = {};
  for (const key of keys) if (from[key] !== undefined) out[key] = from[key];
  return out;
}

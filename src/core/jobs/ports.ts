/**
 * What the jobs engine needs from the world. Each is small enough to be faked in a test of pure rules; the real ones are
 * in src/core/postgres, src/core/results and src/host.
 */
import type { Writable } from 'node:stream';
import type { JobProgress, WorkerInfo } from '../../api';
import type { Disposable } from '../base/disposable';
import type { WorkerReport } from './outcome';
import type { ServerIdentity } from './serverIdentity';

export interface Column {
  readonly name: string;
  /** `format_type()` of the server. */
  readonly type: string;
  readonly typeOid?: number;
}

/** How a text is given to a worker and how its rows come back. */
export interface RowPlan {
  /** The text for the worker: the user's own with fences between its statements, and its last statement wrapped if need be. */
  readonly sql: string;
  /** - `rows`: read with `columns` · `unfold`: each row comes as names and record text · `tag`: no rows, one tag · `none`: rows cannot be read, messages and errors can */
  readonly mode: 'rows' | 'unfold' | 'tag' | 'none';
  /** The columns of the user's statement; empty until the first row where the mode is `unfold`. */
  readonly columns: readonly Column[];
  /** The command of the last statement: its tag where the server can no longer be asked for it. */
  readonly tag: string;
  /** The column definition list for `pg_background_result`. */
  readonly definition: string;
  /**
   * A list that no result matches, where the tags of very many statements would come: the server takes them out of a list one by one,
   * in time that grows with the square of their number. Reading with it brings the messages, and then fails at once.
   */
  readonly definitionWithoutTags?: string;
  /** Turns a position in `sql` (1-based code points) into a zero-based UTF-16 offset in the user's text. */
  position(codePoint: number): number | undefined;
  /** Said to the user before the launch, where rows cannot be read. */
  readonly notice?: string;
  /** The queue that the tags of all statements need, if that is more than the default. */
  readonly queueSizeBytes?: number;
  /** The last statement runs inside of another one, so the server tells its errors in other fields. */
  readonly inner?: InnerStatement;
}

export interface InnerStatement {
  /** As the server gives it back with an error in it (`internalQuery`). */
  readonly query: string;
  /** Turns a position in it (1-based code points) into a zero-based UTF-16 offset in the user's text. */
  position(codePoint: number): number | undefined;
  /** The context of an error in it, without the lines that are ours, maybe empty; undefined if the error was elsewhere. */
  context(context: string): string | undefined;
}

export interface LaunchRequest {
  readonly sql: string;
  readonly label: string;
  readonly queueSizeBytes?: number;
  readonly statementTimeoutMs?: number;
  readonly workerTimeoutMs?: number;
  /** Parameters for this worker only: names and values as `set_config` takes them. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Time limits of a worker in milliseconds; 0 = no limit. */
export interface WorkerLimits {
  readonly statementTimeoutMs: number;
  /** `pg_background.worker_timeout`; if it is set, `statement_timeout` does not count. */
  readonly workerTimeoutMs: number;
}

export interface WorkerHandle {
  /** With the cookie, what the worker's calls are given; not always its process id. */
  readonly pid: number;
  /** A signed 64-bit number, kept as text. */
  readonly cookie: string;
  /** Undefined where the server did not tell it: of a worker that ended at once. */
  readonly processId?: number;
  readonly backendStart?: string;
  /** When the server itself was started. */
  readonly serverStart?: string;
  /** The limits that apply to it, the role's own too, as the server has them. */
  readonly limits?: WorkerLimits;
  /** The server that runs it. */
  readonly server?: ServerIdentity;
  /** The label that was sent, if the database's encoding cannot hold the requested one. */
  readonly replacedLabel?: string;
  /** Another backend than the session's launched it: a pooling proxy stands between, so nothing more can be asked about it. */
  readonly elsewhere?: boolean;
}

export interface Notice {
  readonly severity: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

export interface WaitResult {
  readonly stopped: boolean;
  /** It waits until somebody reads its rows or messages. */
  readonly queueFull?: boolean;
  readonly progress?: JobProgress;
}

/** One server connection that launches and watches one worker at a time. */
export interface WorkerSession {
  /**
   * Plans how a text is sent and how its rows come back. Rejects with a SessionLostError when the connection is gone, and with
   * a LaunchError if the text cannot be sent as one.
   */
  describe(sql: string, settings?: Readonly<Record<string, string>>): Promise<RowPlan>;
  launch(request: LaunchRequest): Promise<WorkerHandle>;
  /**
   * Waits at most `ms` for the worker to stop; returns early when it stops, and after {@link wake} or {@link cancelWorker}.
   * @param lookAtQueue also tell whether its queue is full then
   */
  wait(worker: WorkerHandle, ms: number, lookAtQueue?: boolean): Promise<WaitResult>;
  /** Ends the wait that is under way, if one is. */
  wake(): void;
  /** What is known about a stopped worker; undefined where this version of pg_background cannot tell without reading. */
  report(worker: WorkerHandle): Promise<WorkerReport | undefined>;
  /**
   * Reads the rows as COPY text into a sink. Consumes the worker's handle. Resolves with the number of rows, and the error of
   * a sink that failed (the rows were read to their end all the same); rejects with a WorkerFailedError where the
   * worker failed.
   */
  read(worker: WorkerHandle, plan: RowPlan, sink: Writable): Promise<{ rows: number; sinkError?: Error }>;
  /** Sends SIGTERM, never with a grace. Returns when it is sent. */
  cancelWorker(worker: WorkerHandle): Promise<void>;
  detach(worker: WorkerHandle): Promise<void>;
  /** @param listener may return a promise: until it resolves, no more is read from the server */
  onNotice(listener: (notice: Notice) => Promise<void> | undefined): Disposable;
  /** Milliseconds since bytes of the rows last came. */
  idleMs(): number;
  /** True while rows are being read: nothing else can be asked of this session. */
  readonly reading: boolean;
  readonly closed: boolean;
  /** Gives the session back for the next job; closes it where it cannot be used again. */
  release(): void;
  /** Closes it now; a worker that it launched runs on. */
  destroy(): void;
}

export interface Blocker {
  readonly pid: number;
  readonly user?: string;
  readonly application?: string;
  readonly query?: string;
}

/** A worker as `pg_stat_activity` shows it. */
export interface ActiveWorker extends WorkerInfo {
  readonly waitEventType?: string;
  readonly blockers: readonly Blocker[];
  readonly query?: string;
  /** Seconds since its statement began, by the server's clock. */
  readonly runningSeconds?: number;
}

export interface ActivitySnapshot {
  /** When the server was asked, by our monotonic clock, milliseconds: what began later cannot be in it. */
  readonly at: number;
  /** `pg_postmaster_start_time()`: a change means that the server was restarted. */
  readonly serverStart: string;
  /** The server that was asked. */
  readonly server?: ServerIdentity;
  /** Why the texts of statements are missing: the server's message, e.g. that one of them cannot be converted. */
  readonly textsMissing?: string;
  /**
   * When the server's own processes were started (its checkpointer's `backend_start`); later than a worker's start it means that the
   * server crashed since and ended all of its processes. Undefined where the role is not shown it.
   */
  readonly processesSince?: string;
  readonly workers: readonly ActiveWorker[];
  readonly slotsUsed: number;
  readonly slotsTotal: number;
}

/** What one connection offers the engine. */
export interface ServerLink {
  /** A session of its own for one job, warm where there is one. */
  acquire(): Promise<WorkerSession>;
  /** The newest snapshot, if there is one. */
  readonly snapshot: ActivitySnapshot | undefined;
  onSnapshot(listener: (snapshot: ActivitySnapshot) => void): Disposable;
  /** Asks for snapshots: `fast` while a worker is young, `steady` while one runs. The least patient wins. */
  watch(pace: 'fast' | 'steady'): Disposable;
  /** Asks the server now; rejects where it cannot be reached. */
  refresh(): Promise<ActivitySnapshot>;
  /**
   * SIGTERM to exactly that worker. False if no such worker is there, so that no process was signaled.
   * @param server where it runs, if known
   * @throws OtherServerError if the connection leads to another server, where the same pid is somebody else's
   */
  terminate(pid: number, backendStart: string, server?: ServerIdentity): Promise<boolean>;
  /** If this link is not open yet: of several servers that it may lead to, look for this one first. */
  prefer?(server: ServerIdentity): void;
}

export interface ServerLinks {
  /**
   * Throws a plain Error with a message for the user where the connection does not exist.
   * @param wanted false: something is only watched there, which does not open what the user has disconnected, but throws
   */
  link(connection: string, wanted?: boolean): ServerLink;
}

/** Where a job's rows go as they come. */
export interface RowSink {
  readonly stream: Writable;
  /** Rows and bytes kept so far. */
  status(): RowsKept;
  /** Lines that came and were no rows: the one that names the columns of an empty result. */
  notRows?(): number;
  finish(): Promise<RowsKept>;
}

export interface RowsKept {
  readonly rows: number;
  readonly bytes: number;
  /** Rows that came but were not kept, because of a limit or a full disk. */
  readonly dropped: number;
  /** One sentence on why rows were not kept. */
  readonly message?: string;
}

/** The files beside a job's record. */
export interface JobFiles {
  /**
   * @param unfold the rows come as names and record text ({@link RowPlan}), to be kept as plain rows
   * @param onColumns told when unfolding shows the names of the columns
   */
  createRows(
    id: string,
    columns: readonly Column[],
    unfold: boolean,
    onColumns: (columns: readonly Column[]) => void,
  ): Promise<RowSink>;
  /** Removes everything that belongs to the job. */
  remove(id: string): Promise<void>;
}

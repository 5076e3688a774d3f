/**
 * The interfaces through which the jobs engine reaches servers and files. Each is small enough to fake in a unit test; the
 * implementations are in src/core/postgres, src/core/results and src/host.
 */
import type { Writable } from 'node:stream';
import type { JobProgress, WorkerInfo } from '../../api';
import type { Disposable } from '../base/disposable';
import type { Fault } from '../base/fault';
import type { InspectRequest, SignaledBlocker, WorkerInspection } from './activity/inspection';
import type { ActivitySample, WorkKind } from './activity/workKind';
import type { WorkerReport } from './workerReport';
import type { DurableServer } from './durable/ports';
import type { ServerIdentity } from './serverIdentity';

export interface Column {
  readonly name: string;
  /** `format_type()` of the server. */
  readonly type: string;
  readonly typeOid?: number;
}

/** How a text is passed to a worker and how its rows are read. */
export interface RowPlan {
  /** The text for the worker: the user's text with fences between its statements, and its last statement wrapped if necessary. */
  readonly sql: string;
  /**
   * - `rows`: read rows with `columns`
   * - `unfold`: each row arrives as names and record text
   * - `tag`: no rows, one tag
   * - `none`: rows cannot be read, but messages and errors can
   */
  readonly mode: 'rows' | 'unfold' | 'tag' | 'none';
  /** The columns of the user's statement; empty until the first row if the mode is `unfold`. */
  readonly columns: readonly Column[];
  /** The command of the last statement, used as its tag if the server can no longer be asked for it. */
  readonly tag: string;
  /** The column definition list for `pg_background_result`. */
  readonly definition: string;
  /**
   * A definition list that matches no result, set if very many statements would each return a tag: the server removes tags from a list
   * one by one, in time that grows with the square of their number. Reading with it returns the messages and then fails at once.
   */
  readonly definitionWithoutTags?: string;
  /** Converts a position in `sql` (1-based code points) into a zero-based UTF-16 offset in the user's text. */
  position(codePoint: number): number | undefined;
  /** A warning for the user, shown before the launch, e.g. that rows cannot be read. */
  readonly notice?: Fault;
  /** The queue size that the tags of all statements need, if that is more than the default. */
  readonly queueSizeBytes?: number;
  /** Set if the last statement runs inside another one, so the server reports its errors in other fields. */
  readonly inner?: InnerStatement;
}

export interface InnerStatement {
  /** The statement as the server returns it in an error (`internalQuery`). */
  readonly query: string;
  /** Converts a position in it (1-based code points) into a zero-based UTF-16 offset in the user's text. */
  position(codePoint: number): number | undefined;
  /** The context of an error in it without the lines of our wrapper, possibly empty; undefined if the error is elsewhere. */
  context(context: string): string | undefined;
}

export interface LaunchRequest {
  readonly sql: string;
  readonly label: string;
  readonly queueSizeBytes?: number;
  readonly statementTimeoutMs?: number;
  readonly workerTimeoutMs?: number;
  /** Parameters for this worker only: names and values as `set_config` accepts them. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Time limits of a worker in milliseconds; 0 = no limit. */
export interface WorkerLimits {
  readonly statementTimeoutMs: number;
  /** `pg_background.worker_timeout`; if it is set, `statement_timeout` has no effect. */
  readonly workerTimeoutMs: number;
}

export interface WorkerHandle {
  /** The id that `pg_background_launch` returned. With the cookie it identifies the worker in calls; not always its process id. */
  readonly launchId: number;
  /** A signed 64-bit number, kept as text. */
  readonly cookie: string;
  /** Undefined if the server did not report it because the worker ended at once. */
  readonly processId?: number;
  readonly backendStart?: string;
  /** When the server itself was started. */
  readonly serverStart?: string;
  /** The limits that apply to the worker, including the role's, as the server reports them. */
  readonly limits?: WorkerLimits;
  /** The server that runs it. */
  readonly server?: ServerIdentity;
  /** The label that was sent, if the database's encoding cannot represent the requested one. */
  readonly replacedLabel?: string;
  /** Another backend than the session's launched it, because of a pooling proxy. Nothing more can be asked about the worker. */
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
  /** The worker is blocked until its rows or messages are read. */
  readonly queueFull?: boolean;
  readonly progress?: JobProgress;
}

/** One server connection that launches and watches one worker at a time. */
export interface WorkerSession {
  /**
   * Plans how a text is sent and how its rows are read. Rejects with a SessionLostError if the connection is lost, and with a
   * LaunchError if the text cannot be sent as one.
   * @param into the table that stores the rows, as in a request
   */
  describe(sql: string, settings?: Readonly<Record<string, string>>, into?: string): Promise<RowPlan>;
  launch(request: LaunchRequest): Promise<WorkerHandle>;
  /**
   * Waits at most `ms` for the worker to stop; returns early when it stops, and after {@link wake} or {@link cancelWorker}.
   * @param lookAtQueue also return whether the worker's queue is full
   */
  wait(worker: WorkerHandle, ms: number, lookAtQueue?: boolean): Promise<WaitResult>;
  /** Ends the current wait, if there is one. */
  wake(): void;
  /** What is known about a stopped worker; undefined if this version of pg_background cannot report it without reading. */
  report(worker: WorkerHandle): Promise<WorkerReport | undefined>;
  /**
   * Reads the rows as COPY text into a sink and consumes the worker's handle. Resolves with the number of rows, and with the error of a
   * sink that failed (the rows are read to their end anyway). Rejects with a WorkerFailedError if the worker failed.
   */
  read(worker: WorkerHandle, plan: RowPlan, sink: Writable): Promise<{ rows: number; sinkError?: Error }>;
  /** Sends SIGTERM, never with a grace. @returns false if the session no longer knows the worker */
  cancelWorker(worker: WorkerHandle): Promise<boolean>;
  detach(worker: WorkerHandle): Promise<void>;
  /** The invalid indexes of the database that nothing is building now. */
  invalidIndexes?(): Promise<readonly InvalidIndex[]>;
  /** @param listener may return a promise: nothing more is read from the server until it resolves */
  onNotice(listener: (notice: Notice) => Promise<void> | undefined): Disposable;
  /** Milliseconds since bytes of the rows last arrived. */
  idleMs(): number;
  /** True while rows are being read: no other request is possible on this session. */
  readonly reading: boolean;
  readonly closed: boolean;
  /** Returns the session for the next job, or closes it if it cannot be reused. */
  release(): void;
  /** Closes it now; a worker that it launched keeps running. */
  destroy(): void;
}

/** An index that CREATE INDEX or REINDEX CONCURRENTLY has left: queries do not use it, but writes update it. */
export interface InvalidIndex {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly tableSchema: string;
  readonly table: string;
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
  /** The processes that wait for a lock that it holds, or awaits before them. At most 10 sessions besides workers. */
  readonly blocks?: readonly number[];
  /** Those that have waited for it for 5 s or longer. */
  readonly blocking?: readonly number[];
  /** What it does; changes only if two samples agree. Undefined until then, or if the role may not see it. */
  readonly kind?: WorkKind;
}

export interface ActivitySnapshot {
  /** When the request was sent, by our monotonic clock, in milliseconds: anything that began later cannot be in the snapshot. */
  readonly at: number;
  /** `pg_postmaster_start_time()`: a change means that the server was restarted. */
  readonly serverStart: string;
  /** The server that answered. */
  readonly server?: ServerIdentity;
  /** Why the texts of statements are missing: the server's message, e.g. that one of them cannot be converted. */
  readonly textsMissing?: string;
  /**
   * When the server's own processes were started (its checkpointer's `backend_start`). If that is later than a worker's start, the server
   * has crashed since and ended all of its processes. Undefined if the role may not see it.
   */
  readonly processesSince?: string;
  readonly workers: readonly ActiveWorker[];
  readonly slotsUsed: number;
  readonly slotsTotal: number;
}

/** Our live connection to one server, as far as the engine needs it. */
export interface ServerLink {
  /** A session for one job, from the warm pool if possible. */
  acquire(): Promise<WorkerSession>;
  /** The newest snapshot, if there is one. */
  readonly snapshot: ActivitySnapshot | undefined;
  onSnapshot(listener: (snapshot: ActivitySnapshot) => void): Disposable;
  /** Requests snapshots: `fast` while a worker is young, `steady` while one runs. The shortest requested interval applies. */
  watch(pace: 'fast' | 'steady'): Disposable;
  /** Fires when the server did not answer, at each attempt, and once at the beginning if it did not answer before. */
  onUnreachable?(listener: (fault: Fault) => void): Disposable;
  /** Requests a snapshot now; rejects if the server cannot be reached. */
  refresh(): Promise<ActivitySnapshot>;
  /**
   * Sends SIGTERM to exactly that worker. Resolves with false if there is no such worker, so no process was signaled.
   * @param server the server that runs the worker, if known
   * @throws OtherServerError if the connection leads to another server, where the pid belongs to an unrelated process
   */
  terminate(pid: number, backendStart: string, server?: ServerIdentity): Promise<boolean>;
  /** The newest samples of a worker, oldest first; empty if no snapshot shows it. */
  samples?(worker: Pick<ActiveWorker, 'pid' | 'backendStart'>): readonly ActivitySample[];
  /**
   * Queries what one worker does in detail. For the view of one worker only, at most once per second.
   * @returns undefined if the worker does not exist anymore
   */
  inspect?(request: InspectRequest): Promise<WorkerInspection | undefined>;
  /**
   * Cancels the statement of a session or worker, or ends it: exactly that process.
   * @returns false if it does not exist anymore, so nothing was signaled
   * @throws OtherServerError if the connection leads to another server
   */
  signalBlocker?(signal: 'cancel' | 'terminate', blocker: SignaledBlocker, server?: ServerIdentity): Promise<boolean>;
  /** If this link is not open yet and may lead to several servers: try this one first. */
  prefer?(server: ServerIdentity): void;
  /** The durable jobs of its database. */
  durable?(): Promise<DurableServer>;
}

export interface ServerLinks {
  /**
   * Returns the link of a connection.
   * @param wanted false if the link is only used to watch: a link that the user disconnected is then not opened
   * @throws an error for the user if the connection does not exist, or is disconnected and not wanted
   */
  link(connection: string, wanted?: boolean): ServerLink;
  /** Fires after each connect to a database in which durable jobs seem to be set up. */
  onDurable?(listener: (connection: string, link: ServerLink) => void): Disposable;
}

/** Receives the rows of a job as they arrive. */
export interface RowSink {
  readonly stream: Writable;
  /** Rows and bytes kept so far. */
  status(): RowsKept;
  /** Lines that are not rows: the one that names the columns of an empty result. */
  notRows?(): number;
  finish(): Promise<RowsKept>;
}

export interface RowsKept {
  readonly rows: number;
  readonly bytes: number;
  /** Rows that were received but not kept, because of a limit or a full disk. */
  readonly dropped: number;
  /** Why rows were not kept. */
  readonly fault?: Fault;
}

/** Stores the rows of jobs. */
export interface JobFiles {
  /** Loads what is needed to keep rows. Called before each launch, so that it cannot fail once rows exist. */
  prepare?(): Promise<void>;
  /**
   * @param unfold the rows arrive as names and record text ({@link RowPlan}) and are stored as plain rows
   * @param onColumns called when unfolding finds the names of the columns
   */
  createRows(
    id: string,
    columns: readonly Column[],
    unfold: boolean,
    onColumns: (columns: readonly Column[]) => void,
  ): Promise<RowSink>;
  /** Set once: whether another living window drives a job, so that its rows may still grow. */
  drivenElsewhere?(isDriven: (id: string) => boolean): void;
  /** Removes the stored rows of a job. */
  remove(id: string): Promise<void>;
}

/**
 * The public API of pg_background Workers: what `activate()` returns, and the types in it.
 *
 * This file stands alone, so that another extension can copy it. It follows semantic versioning with the extension:
 * members are added, never changed or removed, within one major version. See docs/API.md for an example.
 *
 * Terms: a **job** is one run that the user requested; a **worker** is the server process that runs it; a **connection** is a named way
 * to reach one database; a **foreign worker** is a worker that this window did not launch.
 */

/** The same shape as `vscode.Event`, so that this file needs no import. */
export type Event<T> = (listener: (event: T) => unknown) => { dispose(): unknown };

/**
 * The state of a job.
 *
 * `queued → launching → running → reading → succeeded | failed | canceled | lost`. From any of the middle states:
 * `canceling → unresponsive`. `detached`: the session is gone and only the server's activity view still shows the worker; the job then
 * ends as `finished` (outcome unknown), or as `lost` after a server restart or crash.
 */
export type JobState =
  | 'queued'
  | 'launching'
  | 'running'
  | 'reading'
  | 'canceling'
  | 'unresponsive'
  | 'detached'
  | 'succeeded'
  | 'failed'
  | 'canceled'
  | 'lost'
  | 'finished';

/** Progress that the SQL reported with `pg_background_report_progress(pct, msg)`. */
export interface JobProgress {
  /** Percent done, as reported. */
  readonly pct: number;
  /** The text reported with it; may be empty. */
  readonly message: string;
}

/** An error that the server reported, or, if `sqlstate` is empty, that this extension detected. */
export interface JobError {
  /** The five-character code (PostgreSQL, appendix A), or '' if the error is not from the server. */
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly context?: string;
  /** The schema that the error is about, if the server reports it; likewise table, column, and constraint. */
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
  /** Zero-based UTF-16 offset into the job's `sql`. */
  readonly position?: number;
  /** Number of bytes (UTF-8) that were cut off, if the error is very long. The results panel shows the whole text. */
  readonly truncatedBytes?: number;
}

/** A request to run SQL. */
export interface RunRequest {
  /** One or more statements. They run in one transaction; the rows of the last one are returned. */
  readonly sql: string;
  /** At most 64 bytes of UTF-8. Default: derived from the SQL. */
  readonly label?: string;
  /** Name of the connection. Default: the default connection. */
  readonly connection?: string;
  /** Milliseconds; 0 = no limit. Default: the setting of the session. */
  readonly statementTimeoutMs?: number;
  /** `pg_background.worker_timeout`, which takes precedence over `statement_timeout`. Milliseconds; 0 = no limit. */
  readonly workerTimeoutMs?: number;
  /** Size of the queue between worker and session, in bytes. Default: the server's default. */
  readonly queueSizeBytes?: number;
  /**
   * Server parameters for this worker only, by name, for example `{ work_mem: '1GB', search_path: 'app, public' }`. Values are in the
   * format of `set_config`. A SET in the text runs later and so takes precedence. If there are several time limits, the strictest applies.
   */
  readonly settings?: Readonly<Record<string, string>>;
  /** Start the worker with `default_transaction_read_only = on`. SQL can still set its transaction to READ WRITE. */
  readonly readOnly?: boolean;
  /**
   * The number of attempts at most, from 1 to 100, if the SQL fails because it does not get a lock in time (SQLSTATE 55P03, see `lock_timeout`).
   * The pauses between them are 1, 2, 4, … s, at most 60 s. Only a text that the failure has rolled back is retried, so none that may commit by
   * itself, such as CREATE INDEX CONCURRENTLY or CALL. Not for durable jobs. Default: 1.
   */
  readonly retryOnLockTimeout?: number;
  /**
   * Run it as a durable job: the server looks after it, and it needs no window. Durable jobs must be set up in the database. Default: the
   * setting of the connection.
   */
  readonly durable?: boolean;
  /**
   * A table that stores the rows of the last statement: `schema.table`, written as in SQL. If the table exists, the launch is refused, unless
   * the name is followed by `append` or `replace` (which drops the table first, in the same transaction).
   */
  readonly into?: string;
}

/**
 * A request to run statements as one batch. Each statement is a job of its own, with its own transaction and session. They are listed
 * together, and the rest of a batch is kept when the window is closed, as other queued jobs are.
 */
export interface BatchRequest {
  /** The texts to run, in order. Each may have several statements, which then run in one transaction. */
  readonly statements: readonly string[];
  /** Name of the connection. Default: the default connection. */
  readonly connection?: string;
  /** Default: derived from the first statement. */
  readonly label?: string;
  /** How many run at once; the limit of the connection applies as well. Default: 1, which means in order. */
  readonly parallel?: number;
  /**
   * Whether the statements that have not been launched run after one that failed, was canceled, or was lost. With `stop`, they end as `canceled`,
   * with a reason. If one ended as `finished`, they stay queued until the user resumes or cancels them. Default: `stop`.
   */
  readonly onFailure?: 'stop' | 'continue';
  /**
   * Whether the server runs the batch, without a window. All statements are durable jobs then. The batch needs two worker slots for each
   * statement that runs at once, and an outcome that is unknown stops it like a failure. Default: as the connection.
   */
  readonly durable?: boolean;
}

/** The place of a job in its batch. */
export interface JobBatch {
  /** Equal for all jobs of the batch. */
  readonly id: string;
  readonly label: string;
  /** The position in the batch, from 0. */
  readonly index: number;
  /** The number of jobs in the batch. */
  readonly count: number;
}

/** A snapshot of a job. Times are milliseconds since 1970, like `Date.now()`. */
export interface JobInfo {
  readonly id: string;
  readonly label: string;
  readonly sql: string;
  /** Name of the connection. */
  readonly connection: string;
  /**
   * The window that drives the job: this one, or another one that is open on the same workspace. Changes when a window is closed and this one
   * adopts its jobs. `server`: a durable job, which no window drives. All requests work for all of them. Other values may be added.
   */
  readonly origin: 'thisWindow' | 'otherWindow' | 'server';
  /** The server looks after the job, and any window that connects shows it. */
  readonly durable: boolean;
  /** Process id of the worker, once known. Stays unknown if the worker ends before the server reports it. */
  readonly pid?: number;
  readonly state: JobState;
  /** Milliseconds since 1970; with fractions if several jobs are queued within one millisecond, so that jobs can be sorted by it. */
  readonly queuedAt: number;
  readonly launchedAt?: number;
  readonly finishedAt?: number;
  /** Run time of the worker by the server's clock, in milliseconds. Missing if the server does not report it (pg_background 1.x). */
  readonly serverMs?: number;
  /** The current attempt, from 2, if {@link RunRequest.retryOnLockTimeout} led to another one. `pid` and `launchedAt` are those of this attempt. */
  readonly attempt?: number;
  readonly progress?: JobProgress;
  /** Number of rows returned or affected, if the server reported it. */
  readonly rowCount?: number;
  /** The command tag of the last statement, for example `SELECT` or `CREATE TABLE`. */
  readonly commandTag?: string;
  readonly error?: JobError;
  /** A sentence that explains the state, in VS Code's display language. Missing if the state needs no explanation. */
  readonly reason?: string;
  /** Set if the job is part of a batch. */
  readonly batch?: JobBatch;
  /** `tool`: a language model launched it with a tool. Missing for all other jobs. Other values may be added. */
  readonly launchedBy?: 'tool';
}

/** A NOTICE, WARNING, or other message of a job. */
export interface JobNotice {
  /** When it was received, in milliseconds since 1970. */
  readonly at: number;
  /** `NOTICE`, `WARNING`, `INFO`, `LOG`, or `DEBUG`. */
  readonly severity: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** Number of bytes (UTF-8) that were cut off, if the message is very long. The results panel shows the whole text. */
  readonly truncatedBytes?: number;
}

/** A page of a job's rows. Values are the server's text output; NULL is `null`. */
export interface RowPage {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A pg_background worker that the server shows, including foreign workers. */
export interface WorkerInfo {
  readonly pid: number;
  /** Start time of the process in the server's text format. Together with the pid, it identifies the worker. */
  readonly backendStart: string;
  readonly label: string;
  readonly user?: string;
  readonly database?: string;
  readonly state?: string;
  readonly waitEvent?: string;
  readonly waitEventType?: string;
  /**
   * What it does, in samples about one second apart: `cpu`, `reading` or `writing` data, waiting for a `lock`, `queue` (its queue is full),
   * `waiting` for anything else, `transaction` (idle in one), or `idle`. Missing until two samples agree. Other values may be added.
   */
  readonly kind?: string;
  /** Process ids that it waits for, if it waits for a lock. 0 is a prepared transaction. */
  readonly blockedBy?: readonly number[];
  /** Id of the job that the worker runs. Missing for a foreign worker. */
  readonly jobId?: string;
}

/**
 * How to reach a database, without passwords. Missing values are taken from the same sources as in libpq: the service, the `PG*`
 * environment variables, and libpq's defaults.
 */
export interface ConnectionInfo {
  /** The name by which other calls refer to the connection, such as {@link RunRequest.connection}. */
  readonly name: string;
  /** Host name, IP address, or directory of a Unix socket. Several, separated by commas, are tried in order. */
  readonly host?: string;
  readonly port?: number | string;
  readonly database?: string;
  readonly user?: string;
  readonly hostaddr?: string;
  readonly sslmode?: 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
  /** Path to root certificates (PEM), or `system`. */
  readonly sslrootcert?: string;
  readonly sslcrl?: string;
  readonly sslcert?: string;
  readonly sslkey?: string;
  readonly sslnegotiation?: 'postgres' | 'direct';
  readonly sslsni?: boolean;
  readonly sslMinProtocolVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly sslMaxProtocolVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly channelBinding?: 'disable' | 'prefer' | 'require';
  /** As `require_auth` in libpq. */
  readonly requireAuth?: string;
  readonly applicationName?: string;
  readonly searchPath?: string;
  /** Role to switch to with SET ROLE after connecting. Workers run as this role. */
  readonly role?: string;
  readonly options?: string;
  /** Per address; 0 = no limit. */
  readonly connectTimeoutSeconds?: number;
  readonly keepalives?: boolean;
  readonly keepalivesIdleSeconds?: number;
  readonly targetSessionAttrs?: 'any' | 'read-write' | 'read-only' | 'primary' | 'standby' | 'prefer-standby';
  readonly loadBalanceHosts?: 'disable' | 'random';
  /** Name of a section in pg_service.conf. */
  readonly service?: string;
  readonly serviceFile?: string;
  readonly passfile?: string;
  /** `#rrggbb`, or a theme color such as `charts.red`. */
  readonly color?: string;
  /** Ask before each launch from an editor. */
  readonly production?: boolean;
  /** Workers start with `default_transaction_read_only = on`. */
  readonly readOnly?: boolean;
  /** Server parameters of every worker, by name. {@link RunRequest.settings} take precedence. */
  readonly workerSettings?: Readonly<Record<string, string>>;
  /**
   * Purges the role's own durable jobs from the server this many days after their outcome was seen; 0 = never, the default. Jobs that no one
   * has seen are kept.
   */
  readonly durableRetentionDays?: number;
  /** Run jobs as durable jobs, unless a request says otherwise. */
  readonly durable?: boolean;
  /** Shell command that prints the password in its first line. {@link PgBackgroundApi.connections} omits it. */
  readonly passwordCommand?: string;
  /** Ask for the password once per window and never store it. */
  readonly askPassword?: boolean;
  /** Allow a server without TLS to ask for the password in clear text. */
  readonly allowCleartextPassword?: boolean;
}

/**
 * Connections that another extension provides. They are listed together with the user's connections as `name (label)`, and are not written
 * to settings.
 */
export interface ConnectionProvider {
  /** A stable id, for example the extension's id. Passwords that the user enters are stored under it. */
  readonly id: string;
  /** Shown to the user. Default: the id. */
  readonly label?: string;
  /** Called after registration and after each {@link onDidChange}. An invalid connection is listed with an explanation. */
  connections(): readonly ConnectionInfo[] | PromiseLike<readonly ConnectionInfo[]>;
  /**
   * Called each time a session is opened, so it may return a token that expires. The password is not stored. If it returns undefined, the
   * password is looked up as for other connections, and the user is asked if there is none.
   *
   * @param name the name of the connection, without the label
   */
  password?(name: string): string | undefined | PromiseLike<string | undefined>;
  readonly onDidChange?: Event<unknown>;
}

/** The API that `activate()` returns. */
export interface PgBackgroundApi {
  /** Requests a run. Resolves when the job is listed and on disk; it may still be queued. Rejects with instructions if the request is invalid. */
  run(request: RunRequest): Promise<JobInfo>;
  /**
   * Requests a run of several statements as one batch. Resolves with their jobs, in order, when all are listed and on disk. Rejects with
   * instructions, and runs nothing, if one of the statements cannot run or the request is invalid.
   */
  runBatch(request: BatchRequest): Promise<JobInfo[]>;
  /** All listed jobs, oldest first. */
  jobs(): readonly JobInfo[];
  /** Fires when a job changes. */
  readonly onDidChangeJob: Event<JobInfo>;
  /**
   * Cancels a job with SIGTERM; the worker is never killed. Resolves to `stopped` if the worker ended within the grace window, otherwise to
   * `unresponsive`; the job then stays listed until the worker ends. Shows no progress and no notification.
   *
   * @param options `graceMs`: length of the grace window in milliseconds. Default: the user's setting.
   */
  cancel(id: string, options?: { readonly graceMs?: number }): Promise<'stopped' | 'unresponsive'>;
  /** Resolves when the job has ended, in any final state. Rejects if another window clears it at that moment. */
  waitFor(id: string): Promise<JobInfo>;
  /** Returns rows of a job, even while they are still being received. `offset` counts from 0. */
  rows(id: string, offset: number, limit: number): Promise<RowPage>;
  /** Returns the messages of a job, in the order in which they were received. */
  notices(id: string): readonly JobNotice[];
  /** Adds a connection to the user settings. The password is stored in SecretStorage. */
  addConnection(profile: ConnectionInfo, password?: string): Promise<void>;
  /** Returns all connections that can be used. */
  connections(): readonly ConnectionInfo[];
  /**
   * Lists the provider's connections until the result is disposed. In an untrusted workspace, none are listed.
   *
   * @throws if the provider is invalid or its id is already registered
   */
  registerConnectionProvider(provider: ConnectionProvider): { dispose(): void };
  /**
   * Sets up durable jobs in the connection's database, or upgrades their setup. Does nothing if they are set up. Asks no questions. Rejects
   * with instructions if they cannot be set up.
   */
  setUpDurableJobs(connection: string): Promise<void>;
  /** Returns the workers that the connection's server shows now. */
  workers(connection: string): Promise<readonly WorkerInfo[]>;
  /**
   * Returns the worker of a job as the server showed it last, about a second ago; undefined if it has none. Queries nothing.
   *
   * @throws if the job is not listed
   */
  activity(id: string): WorkerInfo | undefined;
}

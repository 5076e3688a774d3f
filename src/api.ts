/**
 * The public API of pg_background Workers: what `activate()` returns, and the types in it.
 *
 * This file stands alone, so that another extension can copy it. It follows semantic versioning with the extension:
 * members are added, never changed or removed, within one major version. See docs/API.md for an example.
 *
 * Terms: a **job** is one run that a user asked for; a **worker** is the server process that runs it; a **connection**
 * is a named way to reach one database; a **foreign worker** is one that this window did not launch.
 */

/** The same shape as `vscode.Event`, so that this file needs no import. */
export type Event<T> = (listener: (event: T) => unknown) => { dispose(): unknown };

/**
 * Where a job stands.
 *
 * `queued → launching → running → reading → succeeded | failed | canceled | lost`; while it is one of the middle ones
 * `canceling → unresponsive`; `detached` when its session is gone and only the server's activity view still shows it,
 * which ends as `finished` with its outcome unknown.
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

/** What the SQL reported with `pg_background_report_progress(pct, msg)`. */
export interface JobProgress {
  /** Percent done, as reported. */
  readonly pct: number;
  /** The text reported with it; may be empty. */
  readonly message: string;
}

/** An error as the server told it, or, with an empty `sqlstate`, as this extension found it. */
export interface JobError {
  /** The five characters of PostgreSQL's appendix A, or '' where the server said nothing. */
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly context?: string;
  /** The schema that the error is about, if the server names one; likewise the table, column and constraint. */
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
  /** Zero-based UTF-16 offset into the job's `sql`. */
  readonly position?: number;
  /** Set where the error is very long: how many bytes (UTF-8) of it are not here. The results panel shows the whole. */
  readonly truncatedBytes?: number;
}

/** What to run. */
export interface RunRequest {
  /** One or several statements; they run in one transaction and the last one's rows come back. */
  readonly sql: string;
  /** At most 64 bytes of UTF-8; made from the SQL when missing. */
  readonly label?: string;
  /** The connection's name; the default connection when missing. */
  readonly connection?: string;
  /** Milliseconds; 0 = no limit; the connection's own setting when missing. */
  readonly statementTimeoutMs?: number;
  /** Milliseconds; 0 = no limit; `pg_background.worker_timeout`, which wins over `statement_timeout`. */
  readonly workerTimeoutMs?: number;
  /** Bytes of the queue between worker and session; the server's default when missing. */
  readonly queueSizeBytes?: number;
  /**
   * Server parameters for this worker only, by name, for example `{ work_mem: '1GB', search_path: 'app, public' }`. Each value is
   * what `set_config` takes. A SET in the text comes later and so takes precedence; of several limits the strictest applies.
   */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A job as it is at one moment. Times are milliseconds since 1970, as `Date.now()`. */
export interface JobInfo {
  readonly id: string;
  readonly label: string;
  readonly sql: string;
  /** The connection's name. */
  readonly connection: string;
  /** The worker's process id, once it is known. (Of a worker that ends within its launch the server may not tell it.) */
  readonly pid?: number;
  readonly state: JobState;
  readonly queuedAt: number;
  readonly launchedAt?: number;
  readonly finishedAt?: number;
  /** How long the worker ran, in milliseconds by the server's clock. Missing if the server did not say (pg_background 1.x). */
  readonly serverMs?: number;
  readonly progress?: JobProgress;
  /** Rows returned or affected, where the server said so. */
  readonly rowCount?: number;
  /** The command tag of the last statement, for example `SELECT` or `CREATE TABLE`. */
  readonly commandTag?: string;
  readonly error?: JobError;
  /** One sentence on why the job is where it is, where there is more to say than the state. */
  readonly reason?: string;
}

/** One NOTICE, WARNING or other message of a job, in the order in which it came. */
export interface JobNotice {
  /** Milliseconds since 1970 at which it was received. */
  readonly at: number;
  /** `NOTICE`, `WARNING`, `INFO`, `LOG` or `DEBUG`. */
  readonly severity: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** Set where the message is very long: how many bytes (UTF-8) of it are not here. The results panel shows the whole. */
  readonly truncatedBytes?: number;
}

/** A page of a job's rows. Every value is the server's text output; NULL is null. */
export interface RowPage {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A pg_background worker that the server shows, ours or foreign. */
export interface WorkerInfo {
  readonly pid: number;
  /** The server's text of the time; with the pid it identifies the worker. */
  readonly backendStart: string;
  readonly label: string;
  readonly user?: string;
  readonly database?: string;
  readonly state?: string;
  readonly waitEvent?: string;
  /** The job that launched it, or undefined for a foreign worker. */
  readonly jobId?: string;
}

/**
 * How to reach a database. Passwords are never part of it. What is left out is looked up where libpq would look it up: the
 * service, the `PG*` variables, libpq's defaults.
 */
export interface ConnectionInfo {
  /** By which it is named everywhere, for example in {@link RunRequest}. */
  readonly name: string;
  /** A host name, an address or the folder of a Unix socket; several, separated by commas, are tried in order. */
  readonly host?: string;
  readonly port?: number | string;
  readonly database?: string;
  readonly user?: string;
  readonly hostaddr?: string;
  readonly sslmode?: 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
  /** A file of PEM certificates, or `system`. */
  readonly sslrootcert?: string;
  readonly sslcrl?: string;
  readonly sslcert?: string;
  readonly sslkey?: string;
  readonly sslnegotiation?: 'postgres' | 'direct';
  readonly sslsni?: boolean;
  readonly sslMinProtocolVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly sslMaxProtocolVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly channelBinding?: 'disable' | 'prefer' | 'require';
  /** As libpq's `require_auth`. */
  readonly requireAuth?: string;
  readonly applicationName?: string;
  readonly searchPath?: string;
  /** Taken on with SET ROLE once connected; workers run as it. */
  readonly role?: string;
  readonly options?: string;
  /** For each address; 0 waits for ever. */
  readonly connectTimeoutSeconds?: number;
  readonly keepalives?: boolean;
  readonly keepalivesIdleSeconds?: number;
  readonly targetSessionAttrs?: 'any' | 'read-write' | 'read-only' | 'primary' | 'standby' | 'prefer-standby';
  readonly loadBalanceHosts?: 'disable' | 'random';
  /** A section of pg_service.conf. */
  readonly service?: string;
  readonly serviceFile?: string;
  readonly passfile?: string;
  /** `#rrggbb`, or the name of one of the editor's colors, such as `charts.red`. */
  readonly color?: string;
  /** Asks before each launch from an editor. */
  readonly production?: boolean;
  /** A shell command whose first line of output is the password. {@link PgBackgroundApi.connections} leaves it out. */
  readonly passwordCommand?: string;
  /** Nothing stored is used: the password is asked for once a window. */
  readonly askPassword?: boolean;
  /** Lets a server ask for the password itself over a network without TLS. */
  readonly allowCleartextPassword?: boolean;
}

/**
 * Another extension's connections. They are listed beside the user's own, with this provider's label, and are written into no
 * settings. Each is known as `name (label)`.
 */
export interface ConnectionProvider {
  /** Stays the same, for example the extension's id: passwords that the user enters are kept under it. */
  readonly id: string;
  /** Shown to the user; the id when missing. */
  readonly label?: string;
  /** Asked once registered, and after each {@link onDidChange}. A faulty one is listed with what is wrong with it. */
  connections(): readonly ConnectionInfo[] | PromiseLike<readonly ConnectionInfo[]>;
  /**
   * Asked each time a session is opened, so that it may be a token that expires; it is kept nowhere. Undefined: it is looked for
   * where other connections' are, and then asked for.
   * @param name as the provider gave it
   */
  password?(name: string): string | undefined | PromiseLike<string | undefined>;
  readonly onDidChange?: Event<unknown>;
}

/** What `activate()` returns. */
export interface PgBackgroundApi {
  /** Asks for a run. Resolves once the job is listed (it may still be queued); rejects with a message that says what to do. */
  run(request: RunRequest): Promise<JobInfo>;
  /** Every job that is listed, oldest first. */
  jobs(): readonly JobInfo[];
  /** Fires at every change of a job. */
  readonly onDidChangeJob: Event<JobInfo>;
  /**
   * Cancels a job: SIGTERM, never a kill. Resolves `stopped` when the worker ended within the grace window, otherwise
   * `unresponsive`; the job then stays listed until it really ends.
   */
  cancel(id: string, options?: { readonly graceMs?: number }): Promise<'stopped' | 'unresponsive'>;
  /** Resolves when the job has ended, however it ended. */
  waitFor(id: string): Promise<JobInfo>;
  /** Rows of a job, also of one that is still being read. */
  rows(id: string, offset: number, limit: number): Promise<RowPage>;
  notices(id: string): readonly JobNotice[];
  /** Adds a connection to the user's settings; the password goes to SecretStorage. */
  addConnection(profile: ConnectionInfo, password?: string): Promise<void>;
  connections(): readonly ConnectionInfo[];
  /**
   * Lists another extension's connections until the result is disposed. In an untrusted workspace none are listed.
   * @throws with what is wrong with the provider, or where its id is taken
   */
  registerConnectionProvider(provider: ConnectionProvider): { dispose(): void };
  /** Every worker visible on the connection's server, as of now. */
  workers(connection: string): Promise<readonly WorkerInfo[]>;
}

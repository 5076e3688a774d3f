import type { Duplex, Writable } from 'node:stream';
import type { Client } from 'pg';
import type { JobProgress } from '../../api';
import {
  LaunchError,
  SessionLostError,
  WorkerFailedError,
  type Disposable,
  type LaunchRequest,
  type Notice,
  type RowPlan,
  type WaitResult,
  type WorkerHandle,
  type WorkerSession,
} from '../jobs/ports';
import { messageOf } from '../jobs/listeners';
import { QUERY_CANCELED, type WorkerReport } from '../jobs/outcome';
import { QUEUE_FULL } from '../jobs/why';
import { timeText } from './activity';
import type { Dialect } from './catalog';
import { copyOut, type CopiedRows } from './copyOut';
import { destroySocket, endClient } from './closing';
import {
  cleanContext,
  CRASH_SHUTDOWN,
  isLastWord,
  isMoved,
  isNoSlot,
  isServerError,
  mayEndSession,
  sqlstateOf,
  toJobError,
  withAdvice,
} from './errors';
import { ProcessIds } from './processId';
import { lastStatement, planRows } from './rowPlan';
import { afterSilence } from './silence';
import { Turns } from './turns';
import { describeRows, type TypeCache } from './types';

/** Settings of the session that would end our own waiting and reading; the worker gets the values of the role. */
const OWN_LIMITS = ['statement_timeout', 'transaction_timeout', 'idle_session_timeout'] as const;

/** How long a session that is closed amid its rows may take to tell the server. */
const INTERRUPT_MS = 1000;

/** Describing takes a lock on the tables that it reads; behind somebody's ALTER TABLE it would wait as long as they do. */
const DESCRIBE_MS = 500;

export interface SessionContext {
  readonly dialect: Dialect;
  readonly types: TypeCache;
  /** A statement of ours that the server has not answered this long after its time means that the connection is dead. */
  readonly silenceMs: number;
  /** Interrupts what the backend with this pid is doing, from another connection. */
  interrupt(backendPid: number): Promise<void>;
  /** The extension was moved to another schema, or dropped, since its catalog was read. */
  onStale(): void;
  /** Called once, when the session can be used for another job. */
  onRelease(session: PgSession): void;
  onClosed(session: PgSession): void;
}

/** One `pg` client that launches workers. See {@link WorkerSession}. */
export class PgSession implements WorkerSession {
  readonly #turns = new Turns();
  readonly #notices = new Set<(notice: Notice) => Promise<void> | undefined>();
  /** Listeners that still work on a message. */
  #unread = 0;
  /** The role's own limits, given to each worker; ours are off. */
  readonly #inherited = new Map<string, string>();
  readonly #processIds = new ProcessIds();
  #backendPid = 0;
  #waiting = false;
  #woken = false;
  #reading = false;
  #closed = false;
  #ending = false;
  /** What it knows of the extension is not true any more. */
  #stale = false;
  #lastBytes = 0;
  #interrupting: Promise<void> = Promise.resolve();
  /** What the server said as it ended this connection. */
  #lastWord: { readonly code?: string | undefined; readonly message?: string | undefined } | undefined;

  private constructor(
    private readonly client: Client,
    private readonly context: SessionContext,
  ) {
    client.on('notice', (message) => {
      if (isLastWord(message)) this.#lastWord = message;
      const notice: Notice = {
        severity: message.severity ?? 'NOTICE',
        message: message.message ?? '',
        ...(message.detail ? { detail: message.detail } : {}),
        ...(message.hint ? { hint: message.hint } : {}),
      };
      for (const listener of this.#notices) this.#holdBack(listener(notice));
    });
    // The server goes on answering, so it was not its last word but a worker's message that looked like it. This is told in the order
    // of what the server sent: its last word may come right behind an answer, before anybody has heard of that one.
    client.on('drain', () => (this.#lastWord = undefined));
    const closed = (): void => {
      if (this.#closed) return;
      this.#closed = true;
      context.onClosed(this);
    };
    client.on('end', closed);
    client.on('error', closed);
  }

  /** Takes over a connected client. */
  static async start(client: Client, context: SessionContext): Promise<PgSession> {
    const session = new PgSession(client, context);
    const names = OWN_LIMITS.map((name) => `'${name}'`).join(', ');
    const rows = await session.#query<[string, string | null, string]>({
      text: `SELECT name, pg_catalog.current_setting(name), pg_catalog.pg_backend_pid()::pg_catalog.text
               FROM pg_catalog.pg_settings WHERE name IN (${names})`,
      rowMode: 'array',
    });
    for (const [name, value, pid] of rows) {
      session.#backendPid = Number(pid);
      if (value !== null && value !== '0') session.#inherited.set(name, value);
    }
    if (session.#inherited.size > 0) {
      await session.#query({ text: [...session.#inherited.keys()].map((name) => `SET ${name} = 0`).join('; ') });
    }
    return session;
  }

  get reading(): boolean {
    return this.#reading;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get backendPid(): number {
    return this.#backendPid;
  }

  idleMs(): number {
    return this.#unread > 0 ? 0 : performance.now() - this.#lastBytes;
  }

  async describe(sql: string): Promise<RowPlan> {
    const found = lastStatement(sql);
    if (!found) return planRows(sql, { noRows: true });
    const text = sql.slice(found.last.start, found.last.end);
    const wait = { tooLong: false };
    const timer = setTimeout(() => {
      wait.tooLong = true;
      this.#interrupt().catch(() => this.destroy());
    }, DESCRIBE_MS);
    try {
      const description = await this.#turn(() =>
        this.#heard(0, () => describeRows(this.client, this.context.types, text)),
      );
      return planRows(sql, wait.tooLong && 'failed' in description ? { failed: true, locked: true } : description);
    } finally {
      clearTimeout(timer);
    }
  }

  async launch(request: LaunchRequest): Promise<WorkerHandle> {
    const limits = new Map(this.#inherited);
    const { statementTimeoutMs, workerTimeoutMs } = request;
    if (statementTimeoutMs !== undefined) limits.set('statement_timeout', String(statementTimeoutMs));
    if (workerTimeoutMs !== undefined) limits.set('pg_background.worker_timeout', String(workerTimeoutMs));
    try {
      const [row] = await this.#query<LaunchRow>(this.#launchQuery(request, [...limits]));
      if (!row) throw new Error('pg_background_launch returned nothing.');
      const [pid, cookie, backendPid, serverStart, backendStart] = row;
      const processId = this.#processIds.of(Number(pid), backendStart ?? undefined);
      return {
        pid: Number(pid),
        cookie,
        serverStart,
        elsewhere: Number(backendPid) !== this.#backendPid,
        ...(processId === undefined ? {} : { processId }),
        ...(processId === undefined || backendStart === null ? {} : { backendStart }),
      };
    } catch (error) {
      if (!isServerError(error)) throw error;
      if (isMoved(error)) {
        this.#stale = true;
        this.context.onStale();
      }
      throw new LaunchError(withAdvice(toJobError(error)), isNoSlot(error), { cause: error });
    }
  }

  /**
   * Settings travel with the launch (PG_BACKGROUND.md, point 7). They are set in the same statement: so they last no longer
   * than it, and a short statement_timeout, which counts from a statement's start, cannot end the launch itself half-way.
   */
  #launchQuery(
    { sql, label, queueSizeBytes = 0 }: LaunchRequest,
    limits: readonly (readonly [string, string])[],
  ): { text: string; values: unknown[]; rowMode: 'array' } {
    const { dialect } = this.context;
    const values: unknown[] = [sql, queueSizeBytes, ...(dialect.hasLabel ? [label] : [])];
    const next = values.length + 1;
    const sets = limits.map((_, i) => `pg_catalog.set_config($${next + 2 * i}, $${next + 2 * i + 1}, true) AS s${i}`);
    // The SQL depends on them, so that they are set before the launch, whatever the planner thinks.
    const set = limits.map((_, i) => `s.s${i} IS NOT NULL`).join(' AND ');
    const text = '$1::pg_catalog.text';
    const argument = sets.length === 0 ? text : `CASE WHEN ${set} THEN ${text} END`;
    const call = dialect.launch(argument);
    return {
      text: `SELECT l.pid, l.cookie, pg_catalog.pg_backend_pid(),
                    ${timeText('pg_catalog.pg_postmaster_start_time()')}, ${timeText('a.backend_start')}
               FROM ${sets.length === 0 ? '' : `(SELECT ${sets.join(', ')} OFFSET 0) AS s CROSS JOIN LATERAL `}${call} AS l
               LEFT JOIN LATERAL pg_catalog.pg_stat_get_activity(l.pid) AS a ON true`,
      values: [...values, ...limits.flat()],
      rowMode: 'array',
    };
  }

  async wait(worker: WorkerHandle, ms: number, lookAtQueue = false): Promise<WaitResult> {
    const { wait, progress } = this.context.dialect;
    // One round trip: the wait, then the progress and the queue as they are after it.
    const text = `SELECT w.done, ${progress ? 'p.progress_pct, p.progress_msg' : 'NULL, NULL'},
             ${lookAtQueue ? `a.wait_event = '${QUEUE_FULL}'` : 'NULL'}
        FROM (SELECT ${wait} AS done OFFSET 0) AS w
        ${progress ? `LEFT JOIN LATERAL ${progress} AS p ON true` : ''}
        ${lookAtQueue ? `LEFT JOIN LATERAL pg_catalog.pg_stat_get_activity(CASE WHEN w.done THEN 0 ELSE $1 END) AS a ON true` : ''}`;
    this.#waiting = true;
    this.#woken = false;
    try {
      const [row] = await this.#query<[string, string | null, string | null, string | null]>(
        { text, values: [worker.pid, worker.cookie, ms], rowMode: 'array' },
        ms,
        // An interrupt that came before the wait was sent did not meet it.
        () => this.#woken,
      );
      return {
        stopped: row?.[0] === 't',
        ...(lookAtQueue ? { queueFull: row?.[3] === 't' } : {}),
        ...progressOf(row?.[1], row?.[2]),
      };
    } catch (error) {
      if (sqlstateOf(error) === QUERY_CANCELED) return { stopped: false };
      throw error;
    } finally {
      this.#waiting = false;
    }
  }

  wake(): void {
    if (!this.#waiting || this.#woken) return;
    this.#woken = true;
    // Where it cannot be interrupted the wait ends by itself.
    this.#interrupt().catch(() => {
      this.#woken = false;
    });
  }

  async report(worker: WorkerHandle): Promise<WorkerReport | undefined> {
    const { resultInfo, errorInfo } = this.context.dialect;
    if (!resultInfo || !errorInfo) return undefined;
    const [row] = await this.#query<(string | null)[]>({
      text: `SELECT r.completed, r.has_error, r.command_tag, r.row_count, e.sqlstate, e.message, e.detail, e.hint, e.context
               FROM ${resultInfo} AS r LEFT JOIN LATERAL ${errorInfo} AS e ON r.has_error`,
      values: [worker.pid, worker.cookie],
      rowMode: 'array',
    });
    const [completed, hasError, commandTag, rowCount, sqlstate, message, detail, hint, context] = row ?? [];
    const cleaned = cleanContext(context);
    return {
      completed: completed === 't',
      hasError: hasError === 't',
      commandTag: commandTag ?? '',
      rowCount: Number(rowCount ?? 0),
      ...(typeof message !== 'string'
        ? {}
        : {
            error: {
              sqlstate: sqlstate ?? '',
              message,
              ...(detail ? { detail } : {}),
              ...(hint ? { hint } : {}),
              ...(cleaned === undefined ? {} : { context: cleaned }),
            },
          }),
    };
  }

  async read(worker: WorkerHandle, plan: RowPlan, sink: Writable): Promise<CopiedRows> {
    // Numbers of our own making and a definition of format_type's: nothing here is anybody's text.
    const call = `${this.context.dialect.result}(${worker.pid}, ${BigInt(worker.cookie)})`;
    this.#reading = true;
    this.#lastBytes = performance.now();
    try {
      return await this.#turn(() =>
        copyOut(this.client, `COPY (SELECT * FROM ${call} AS r(${plan.definition})) TO STDOUT`, sink, () => {
          this.#lastBytes = performance.now();
        }),
      );
    } catch (error) {
      if (!isServerError(error)) throw error;
      throw new WorkerFailedError(
        toJobError(error, (at) => plan.position(at)),
        { cause: error },
      );
    } finally {
      this.#reading = false;
    }
  }

  async cancelWorker(worker: WorkerHandle): Promise<void> {
    const query = { text: `SELECT ${this.context.dialect.cancel}`, values: [worker.pid, worker.cookie] };
    const sent = this.#query(query);
    // A bounded wait may be under way: the call stands behind it.
    this.wake();
    try {
      await sent;
    } catch (error) {
      // Somebody interrupted this very call, so SIGTERM may not have been sent.
      if (sqlstateOf(error) !== QUERY_CANCELED) throw error;
      await this.#query(query);
    }
  }

  async detach(worker: WorkerHandle): Promise<void> {
    await this.#query({ text: `SELECT ${this.context.dialect.detach}`, values: [worker.pid, worker.cookie] });
  }

  onNotice(listener: (notice: Notice) => Promise<void> | undefined): Disposable {
    this.#notices.add(listener);
    return { dispose: () => this.#notices.delete(listener) };
  }

  /** The socket rests while messages are written slower than they come; the server then waits too. */
  #holdBack(wait: Promise<void> | undefined): void {
    if (!wait) return;
    const { stream } = (this.client as unknown as { connection: { stream: Duplex } }).connection;
    this.#unread++;
    stream.pause();
    const goOn = (): void => {
      this.#lastBytes = performance.now();
      if (--this.#unread === 0) stream.resume();
    };
    wait.then(goOn, goOn);
  }

  release(): void {
    this.#notices.clear();
    if (this.#closed) return;
    if (this.#stale) void this.end();
    else this.context.onRelease(this);
  }

  destroy(): void {
    this.#notices.clear();
    destroySocket(this.client);
  }

  /** Ends the connection in order; a dead network is not waited for. */
  async end(): Promise<void> {
    if (this.#closed) return;
    this.#ending = true;
    if (!this.#reading) return endClient(this.client);
    // It would wait for the rows; and a server that is not told would go on reading them for nobody, as long as the worker runs.
    let late: Disposable | undefined;
    const told = this.#interrupt().catch(() => undefined);
    await Promise.race([told, new Promise<void>((resolve) => (late = afterSilence(INTERRUPT_MS, resolve)))]);
    late?.dispose();
    this.destroy();
  }

  async #query<Row>(
    query: { text: string; values?: unknown[]; rowMode?: 'array' },
    expectedMs = 0,
    givenUp = (): boolean => false,
  ): Promise<Row[]> {
    const { rows } = await this.#turn(async (): Promise<{ rows: unknown[] }> => {
      if (givenUp()) return { rows: [] };
      return this.#heard(expectedMs, () => this.client.query(query));
    });
    return rows as Row[];
  }

  /** A dead network gives no answer at all: the socket is closed, and with it the question fails. */
  async #heard<T>(expectedMs: number, question: () => Promise<T>): Promise<T> {
    const ms = expectedMs + this.context.silenceMs;
    const silence = afterSilence(ms, () => destroySocket(this.client, new Error(`no answer within ${ms / 1000} s`)));
    try {
      return await question();
    } finally {
      silence.dispose();
    }
  }

  /** Ends what the backend is doing, from another connection. Nothing more is sent on this one until that is over. */
  #interrupt(): Promise<void> {
    const interrupting = this.context.interrupt(this.#backendPid);
    this.#interrupting = interrupting.catch(() => undefined);
    return interrupting;
  }

  /**
   * One statement at a time, and none while an interrupt is on its way, which would meet it instead of the one it is for.
   * Errors that the server did not send mean that the connection is gone.
   */
  async #turn<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#turns.run(async () => {
        await this.#interrupting;
        try {
          return await work();
        } catch (error) {
          // The session may have ended over it. Asked again it tells.
          if (mayEndSession(error)) await this.#heard(0, () => this.client.query('SELECT 1'));
          throw error;
        }
      });
    } catch (error) {
      // What breaks because we end it says nothing about a worker.
      if (isServerError(error) && !this.#closed && !this.#ending) throw error;
      const said = this.#lastWord;
      const message = `The connection to the server was lost: ${said?.message ?? messageOf(error)}.`;
      throw new SessionLostError(message, { cause: error }, said?.code === CRASH_SHUTDOWN);
    }
  }
}

/** pid, cookie, the backend that launched it, the server's start, and the worker's own where it is shown already. */
type LaunchRow = [string, string, string, string, string | null];

function progressOf(pct: string | null | undefined, message: string | null | undefined): { progress?: JobProgress } {
  return typeof pct !== 'string' ? {} : { progress: { pct: Number(pct), message: message ?? '' } };
}

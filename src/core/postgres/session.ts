import type { Writable } from 'node:stream';
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
import { QUERY_CANCELED, type WorkerReport } from '../jobs/outcome';
import { timeText } from './activity';
import type { Dialect } from './catalog';
import { copyOut } from './copyOut';
import { cleanContext, isNoSlot, isServerError, sqlstateOf, toJobError } from './errors';
import { lastStatement, planRows } from './rowPlan';
import { Turns } from './turns';
import { describeRows, type TypeCache } from './types';

/** A statement of ours that the server has not answered this long after its time means that the connection is dead. */
const SILENCE_MS = 30_000;

/** Settings of the session that would end our own waiting and reading; the worker gets the values of the role. */
const OWN_LIMITS = ['statement_timeout', 'transaction_timeout', 'idle_session_timeout'] as const;

/** Describing takes a lock on the tables that it reads; behind somebody's ALTER TABLE it would wait as long as they do. */
const DESCRIBE_MS = 500;

export interface SessionContext {
  readonly dialect: Dialect;
  readonly types: TypeCache;
  /** Interrupts what the backend with this pid is doing, from another connection. */
  interrupt(backendPid: number): Promise<void>;
  /** Called once, when the session can be used for another job. */
  onRelease(session: PgSession): void;
  onClosed(session: PgSession): void;
}

/** One `pg` client that launches workers. See {@link WorkerSession}. */
export class PgSession implements WorkerSession {
  readonly #turns = new Turns();
  readonly #notices = new Set<(notice: Notice) => void>();
  /** The role's own limits, given to each worker; ours are off. */
  readonly #inherited = new Map<string, string>();
  #backendPid = 0;
  #waiting = false;
  #reading = false;
  #closed = false;
  #lastBytes = 0;

  private constructor(
    private readonly client: Client,
    private readonly context: SessionContext,
  ) {
    client.on('notice', (message) => {
      const notice: Notice = {
        severity: message.severity ?? 'NOTICE',
        message: message.message ?? '',
        ...(message.detail ? { detail: message.detail } : {}),
        ...(message.hint ? { hint: message.hint } : {}),
      };
      for (const listener of this.#notices) listener(notice);
    });
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
    const { rows } = await client.query<[string, string | null, string]>({
      text: `SELECT name, pg_catalog.current_setting(name), pg_catalog.pg_backend_pid()::pg_catalog.text
               FROM pg_catalog.pg_settings WHERE name IN (${names})`,
      rowMode: 'array',
    });
    for (const [name, value, pid] of rows) {
      session.#backendPid = Number(pid);
      if (value !== null && value !== '0') session.#inherited.set(name, value);
    }
    if (session.#inherited.size > 0) {
      await client.query([...session.#inherited.keys()].map((name) => `SET ${name} = 0`).join('; '));
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
    return performance.now() - this.#lastBytes;
  }

  async describe(sql: string): Promise<RowPlan> {
    const found = lastStatement(sql);
    if (!found) return planRows(sql, { noRows: true });
    const text = sql.slice(found.last.start, found.last.end);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      void this.context.interrupt(this.#backendPid).catch(() => this.destroy());
    }, DESCRIBE_MS);
    try {
      const description = await this.#turn(() => describeRows(this.client, this.context.types, text, isServerError));
      return planRows(sql, late && 'failed' in description ? { failed: true, locked: true } : description);
    } finally {
      clearTimeout(timer);
    }
  }

  async launch(request: LaunchRequest): Promise<WorkerHandle> {
    const { dialect } = this.context;
    const limits = new Map(this.#inherited);
    if (request.statementTimeoutMs !== undefined) limits.set('statement_timeout', String(request.statementTimeoutMs));
    if (request.workerTimeoutMs !== undefined)
      limits.set('pg_background.worker_timeout', String(request.workerTimeoutMs));
    const values: unknown[] = [request.sql, request.queueSizeBytes ?? 0];
    if (dialect.hasLabel) values.push(request.label);
    const query = {
      text: `SELECT l.pid, l.cookie, ${timeText('a.backend_start')} FROM ${request.readable ? dialect.launch : dialect.submit} AS l
               LEFT JOIN LATERAL pg_catalog.pg_stat_get_activity(l.pid) AS a ON true`,
      values,
      rowMode: 'array' as const,
    };
    try {
      if (limits.size === 0) return handleOf(await this.#query<LaunchRow>(query));
      // Only for the launch: the settings travel with it (PG_BACKGROUND.md, point 7).
      const names = [...limits.keys()];
      await this.#query({ text: 'BEGIN' });
      await this.#query({
        text: `SELECT ${names.map((_, i) => `pg_catalog.set_config($${i * 2 + 1}, $${i * 2 + 2}, true)`).join(', ')}`,
        values: names.flatMap((name) => [name, limits.get(name)]),
      });
      const handle = handleOf(await this.#query<LaunchRow>(query));
      await this.#query({ text: 'COMMIT' });
      return handle;
    } catch (error) {
      if (error instanceof SessionLostError) throw error;
      if (limits.size > 0 && !this.#closed) await this.#query({ text: 'ROLLBACK' });
      throw new LaunchError(toJobError(error), isNoSlot(error), { cause: error });
    }
  }

  async wait(worker: WorkerHandle, ms: number): Promise<WaitResult> {
    const { wait, progress } = this.context.dialect;
    // One round trip: the wait, then the progress as it is after it.
    const text = progress
      ? `SELECT w.done, p.progress_pct, p.progress_msg FROM (SELECT ${wait} AS done OFFSET 0) AS w
           LEFT JOIN LATERAL ${progress} AS p ON true`
      : `SELECT ${wait}, NULL, NULL`;
    this.#waiting = true;
    try {
      const [row] = await this.#query<[string, string | null, string | null]>(
        { text, values: [worker.pid, worker.cookie, ms], rowMode: 'array' },
        ms,
      );
      return { stopped: row?.[0] === 't', ...progressOf(row?.[1], row?.[2]) };
    } catch (error) {
      if (sqlstateOf(error) === QUERY_CANCELED) return { stopped: false };
      throw error;
    } finally {
      this.#waiting = false;
    }
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
      ...(message == null
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

  async read(worker: WorkerHandle, plan: RowPlan, sink: Writable): Promise<{ rows: number }> {
    // Numbers of our own making and a definition of format_type's: nothing here is anybody's text.
    const call = `${this.context.dialect.result}(${worker.pid}, ${BigInt(worker.cookie)})`;
    this.#reading = true;
    this.#lastBytes = performance.now();
    try {
      const rows = await this.#turn(() =>
        copyOut(this.client, `COPY (SELECT * FROM ${call} AS r(${plan.definition})) TO STDOUT`, sink, () => {
          this.#lastBytes = performance.now();
        }),
      );
      return { rows };
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
    const query = {
      text: `SELECT ${this.context.dialect.cancel}`,
      values: [worker.pid, worker.cookie],
    };
    // A bounded wait may be under way: the call is put behind it, and the wait is interrupted from the other connection.
    const interrupt = this.#waiting;
    const sent = this.#query(query);
    if (!interrupt) {
      await sent;
      return;
    }
    const settled = sent.then(
      () => undefined,
      (error: unknown) => error,
    );
    await this.context.interrupt(this.#backendPid);
    const error = await settled;
    // The wait had ended by itself just then, so the interrupt met this call instead: SIGTERM was not sent.
    if (sqlstateOf(error) === QUERY_CANCELED) await this.#query(query);
    else if (error !== undefined) throw error;
  }

  async detach(worker: WorkerHandle): Promise<void> {
    await this.#query({ text: `SELECT ${this.context.dialect.detach}`, values: [worker.pid, worker.cookie] });
  }

  onNotice(listener: (notice: Notice) => void): Disposable {
    this.#notices.add(listener);
    return { dispose: () => this.#notices.delete(listener) };
  }

  release(): void {
    this.#notices.clear();
    if (!this.#closed) this.context.onRelease(this);
  }

  destroy(): void {
    this.#notices.clear();
    // end() would wait for the query under way; the socket is what has to go.
    (this.client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }

  /** Ends the connection in order. */
  async end(): Promise<void> {
    if (!this.#closed) await this.client.end();
  }

  async #query<Row>(query: { text: string; values?: unknown[]; rowMode?: 'array' }, expectedMs = 0): Promise<Row[]> {
    const result = await this.#turn(async () => {
      const silence = setTimeout(() => this.destroy(), expectedMs + SILENCE_MS);
      try {
        return (await this.client.query(query)) as unknown as { rows: Row[] };
      } finally {
        clearTimeout(silence);
      }
    });
    return result.rows;
  }

  /** Errors that the server did not send mean that the connection is gone. */
  async #turn<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#turns.run(work);
    } catch (error) {
      if (isServerError(error)) throw error;
      throw new SessionLostError(
        `The connection to the server was lost: ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      );
    }
  }
}

type LaunchRow = [string, string, string | null];

function handleOf(rows: LaunchRow[]): WorkerHandle {
  const [row] = rows;
  if (!row) throw new Error('pg_background_launch returned nothing.');
  const [pid, cookie, backendStart] = row;
  return { pid: Number(pid), cookie, ...(backendStart === null ? {} : { backendStart }) };
}

function progressOf(pct: string | null | undefined, message: string | null | undefined): { progress?: JobProgress } {
  return pct == null ? {} : { progress: { pct: Number(pct), message: message ?? '' } };
}

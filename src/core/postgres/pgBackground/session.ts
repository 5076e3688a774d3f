import type { Duplex, Writable } from 'node:stream';
import type { Client } from 'pg';
import type { JobProgress } from '../../../api';
import { LaunchError, NoAnswerError, SessionLostError, WorkerFailedError } from '../../jobs/errors';
import type { Disposable } from '../../base/disposable';
import type { LaunchRequest, Notice, RowPlan, WaitResult, WorkerHandle, WorkerSession } from '../../jobs/ports';
import { messageOf } from '../../base/errors';
import { SQLSTATE } from '../../base/sqlstate';
import type { ServerIdentity } from '../../jobs/serverIdentity';
import type { WorkerReport } from '../../jobs/outcome';
import { QUEUE_FULL } from '../../jobs/cancel/stuckReason';
import { ExtensionError, type Dialect } from './extensionFunctions';
import { copyOut, type CopiedRows } from '../client/copyOut';
import { destroySocket, endClient } from '../client/endClient';
import {
  cleanContext,
  isInterrupt,
  isLastWord,
  isMoved,
  isNoSlot,
  isNotText,
  isServerError,
  mayEndSession,
  sqlstateOf,
  toJobError,
  toLaunchError,
  wholeTextsOf,
} from '../errors';
import { launchQuery, launchSettings, toHandle, type LaunchRow } from './launchQuery';
import { ProcessIds } from '../client/processIds';
import { introduceSession, mayCall } from '../server/serverIdentity';
import { reportQuery, toReport, type ReportRow } from './workerReport';
import { planRows, refusalOf, workerText, type Description } from './rowPlan';
import { substitutesOf } from '../client/encodable';
import { afterSilence, whenDead } from '../client/responseTimeout';
import { Turns } from '../client/serialQueue';
import { describeRows, type TypeCache } from '../client/typeCache';
import { withSettings } from './withSettings';

/** Settings of the session that would end our own waiting and reading; the worker gets the values of the role. */
const OWN_LIMITS = ['statement_timeout', 'transaction_timeout', 'idle_session_timeout'] as const;

/** How long a session that is closed amid its rows may take to tell the server. */
const INTERRUPT_MS = 1000;

/**
 * Describing takes a lock on the tables that it reads; behind somebody's ALTER TABLE it would wait as long as they do. This is the
 * server's time for it; what the network takes comes on top.
 */
const DESCRIBE_MS = 500;
/** Describing a statement takes at most this many round trips. */
const DESCRIBE_ROUND_TRIPS = 4;

/** A value that the server does not accept: the launch will fail over it, and say so. */
const REFUSED: Description = { failed: true, syntax: true };

export interface SessionContext {
  readonly dialect: Dialect;
  readonly types: TypeCache;
  /**
   * If a statement of ours is not answered this long after its time, it is asked whether the server answers others. If it does, the
   * connection is dead.
   */
  readonly silenceMs: number;
  /** Whether a new connection to this server is answered. */
  isAnswered(server: ServerIdentity): Promise<boolean>;
  /** Interrupts what this session's backend is doing, from another connection. Rejects if there is no such backend there. */
  interrupt(session: PgSession): Promise<void>;
  /** Looks up the extension again, since calls of this dialect are no longer understood. @throws ExtensionError if it is gone */
  relocate(known: Dialect): Promise<Dialect>;
  /** A worker was launched on this connection before, so what is refused now was allowed. */
  launched: boolean;
  /** Called once, when the session can be used for another job. */
  onRelease(session: PgSession): void;
  onClosed(session: PgSession): void;
}

/** One `pg` client that launches workers. See {@link WorkerSession}. */
export class PgSession implements WorkerSession {
  readonly #turns = new Turns();
  readonly #notices = new Set<(notice: Notice) => Promise<void> | undefined>();
  /** Emitter that still work on a message. */
  #unread = 0;
  /** The role's own limits, given to each worker; ours are off. */
  readonly #inherited = new Map<string, string>();
  readonly #processIds = new ProcessIds();
  #dialect: Dialect;
  #backendPid = 0;
  #backendStart = '';
  #server: ServerIdentity = { start: '' };
  /** The database is SQL_ASCII: its texts are bytes of any encoding, which may not be valid UTF-8. */
  #rawText = false;
  #standardStrings = true;
  #plpgsql = false;
  #waiting = false;
  #woken = false;
  #reading = false;
  #closed = false;
  #ending = false;
  #lastBytes = 0;
  /** With what the connection ended. */
  #fatal: Error | undefined;
  /** How long the server last took to answer a small question. */
  #roundTripMs = 0;
  #interrupting: Promise<void> = Promise.resolve();
  /** What the server said as it ended this connection. */
  #lastWord: { readonly code?: string | undefined; readonly message?: string | undefined } | undefined;

  readonly #client: Client;
  readonly #context: SessionContext;

  private constructor(client: Client, context: SessionContext) {
    this.#client = client;
    this.#context = context;

    this.#dialect = context.dialect;
    client.on('notice', (message) => {
      if (isLastWord(message)) this.#lastWord = message;
      const notice: Notice = {
        severity: message.severity ?? 'NOTICE',
        message: message.message ?? '',
        ...(message.detail ? { detail: message.detail } : {}),
        ...(message.hint ? { hint: message.hint } : {}),
        ...wholeTextsOf(message),
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
    client.on('error', (error) => {
      // The server's own message, where it sent one; `pg` answers later questions in words of its own.
      this.#fatal ??= error;
      closed();
    });
  }

  /** Takes over a connected client. */
  static async start(client: Client, context: SessionContext): Promise<PgSession> {
    const session = new PgSession(client, context);
    const asked = performance.now();
    const facts = await session.#turn(() => session.#heard(0, () => introduceSession(client, OWN_LIMITS), false));
    session.#server = facts.server;
    session.#backendPid = facts.backendPid;
    session.#backendStart = facts.backendStart;
    session.#roundTripMs = performance.now() - asked;
    session.#standardStrings = facts.standardStrings;
    session.#plpgsql = facts.plpgsql;
    session.#rawText = facts.encoding === 'SQL_ASCII';
    for (const [name, value] of facts.limits) session.#inherited.set(name, value);
    // With the client's encoding a worker of such a database would check every text that it sends, and an error that is not valid
    // text would be lost on its way, so that a job whose rows are being read would seem to have succeeded.
    if (session.#rawText) session.#inherited.set('client_encoding', 'SQL_ASCII');
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

  /** With the pid, what identifies its backend. */
  get backendStart(): string {
    return this.#backendStart;
  }

  get server(): ServerIdentity {
    return this.#server;
  }

  idleMs(): number {
    return this.#unread > 0 ? 0 : performance.now() - this.#lastBytes;
  }

  async describe(sql: string, settings: Readonly<Record<string, string>> = {}): Promise<RowPlan> {
    const worker = workerText(sql);
    const standardStrings = settings['standard_conforming_strings'];
    const facts = {
      standardStrings: standardStrings === undefined ? this.#standardStrings : isOn(standardStrings),
      plpgsql: this.#plpgsql,
      settings,
    };
    const refusal = refusalOf(worker, facts);
    if (refusal) {
      const { message, position } = refusal;
      throw new LaunchError({ sqlstate: '', message, position }, false);
    }
    const { last } = worker;
    if (!last) return planRows(worker, { noRows: true }, facts);
    const text = sql.slice(last.start, last.end);
    const wait = { tooLong: false };
    const timer = setTimeout(
      () => {
        wait.tooLong = true;
        this.#interrupt().catch(() => this.destroy());
      },
      DESCRIBE_MS + DESCRIBE_ROUND_TRIPS * this.#roundTripMs,
    );
    try {
      const description = await this.#turn(() =>
        this.#heard(
          0,
          () =>
            withSettings<Description>(
              this.#client,
              settings,
              () => describeRows(this.#client, this.#context.types, text),
              REFUSED,
            ),
          false,
        ),
      );
      const locked = wait.tooLong && 'failed' in description;
      return planRows(worker, locked ? { failed: true, locked: true } : description, facts);
    } finally {
      clearTimeout(timer);
    }
  }

  async launch(request: LaunchRequest): Promise<WorkerHandle> {
    const settings = launchSettings(this.#inherited, request);
    try {
      const handle = await this.#located((dialect) => this.#launchWith(dialect, request, settings));
      this.#context.launched = true;
      return handle;
    } catch (error) {
      if (error instanceof ExtensionError) {
        throw new LaunchError(
          { sqlstate: '', message: error.message },
          false,
          { cause: error },
          this.#context.launched,
        );
      }
      if (!isServerError(error)) throw error;
      const withdrawn =
        this.#context.launched &&
        sqlstateOf(error) === SQLSTATE.insufficientPrivilege &&
        !(await mayCall((query) => this.#query(query), this.#dialect.launchSignature));
      throw new LaunchError(toLaunchError(error), isNoSlot(error), { cause: error }, withdrawn);
    }
  }

  /** Launches with the label, or, if the database's encoding cannot hold it, with the closest one that it can. */
  async #launchWith(dialect: Dialect, request: LaunchRequest, settings: Settings): Promise<WorkerHandle> {
    try {
      return await this.#launchOnce(dialect, request, settings);
    } catch (error) {
      if (!isNotText(error) || !dialect.hasLabel) throw error;
      for (const label of substitutesOf(request.label)) {
        try {
          const handle = await this.#launchOnce(dialect, { ...request, label }, settings);
          return { ...handle, replacedLabel: label };
        } catch (again) {
          if (!isNotText(again)) throw again;
        }
      }
      throw error;
    }
  }

  async #launchOnce(dialect: Dialect, request: LaunchRequest, settings: Settings): Promise<WorkerHandle> {
    const [row] = await this.#query<LaunchRow>(launchQuery(dialect, request, settings));
    if (!row) throw new Error('pg_background_launch returned nothing.');
    const handle = toHandle(row, this.#backendPid, this.#processIds);
    const elsewhere = handle.elsewhere === true || handle.serverStart !== this.#server.start;
    return { ...handle, server: this.#server, elsewhere };
  }

  /**
   * Makes calls of pg_background. If they are not understood because the extension was moved, they are made once more in its new
   * place: what is not understood has done nothing.
   * @throws ExtensionError if the extension is gone
   */
  async #located<T>(calls: (dialect: Dialect) => Promise<T>): Promise<T> {
    const known = this.#dialect;
    try {
      return await calls(known);
    } catch (error) {
      if (!isMoved(error)) throw error;
      const found = await this.#context.relocate(known).catch((problem: unknown) => {
        throw problem instanceof ExtensionError ? problem : error;
      });
      this.#dialect = found;
      // A worker's own error may have this SQLSTATE too.
      if (found.schema === known.schema && found.version === known.version) throw error;
      return calls(found);
    }
  }

  async wait(worker: WorkerHandle, ms: number, lookAtQueue = false): Promise<WaitResult> {
    // One round trip: the wait, then the progress and the queue as they are after it.
    const textOf = ({
      wait,
      progress,
    }: Dialect): string => `SELECT w.done, ${progress ? 'p.progress_pct, p.progress_msg' : 'NULL, NULL'},
             ${lookAtQueue ? `a.wait_event OPERATOR(pg_catalog.=) '${QUEUE_FULL}'` : 'NULL'}
        FROM (SELECT ${wait} AS done OFFSET 0) AS w
        ${progress ? `LEFT JOIN LATERAL ${progress} AS p ON true` : ''}
        ${lookAtQueue ? `LEFT JOIN LATERAL pg_catalog.pg_stat_get_activity(CASE WHEN w.done THEN 0 ELSE $1 END) AS a ON true` : ''}`;
    this.#waiting = true;
    this.#woken = false;
    try {
      const [row] = await this.#located((dialect) =>
        this.#query<[string, string | null, string | null, string | null]>(
          { text: textOf(dialect), values: [worker.launchId, worker.cookie, ms], rowMode: 'array' },
          ms,
          // An interrupt that came before the wait was sent did not meet it.
          () => this.#woken,
        ),
      );
      return {
        stopped: row?.[0] === 't',
        ...(lookAtQueue ? { queueFull: row?.[3] === 't' } : {}),
        ...progressOf(row?.[1], row?.[2]),
      };
    } catch (error) {
      if (sqlstateOf(error) === SQLSTATE.queryCanceled) return { stopped: false };
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
    const rows = async (texts: boolean): Promise<ReportRow[] | undefined> =>
      this.#located(async (dialect) => {
        const text = reportQuery(dialect, texts);
        if (text === undefined) return undefined;
        const asked = performance.now();
        const found = await this.#query<ReportRow>({
          text,
          values: [worker.launchId, worker.cookie],
          rowMode: 'array',
        });
        this.#roundTripMs = performance.now() - asked;
        return found;
      });
    const ask = async (texts: boolean): Promise<WorkerReport | undefined> => {
      const found = await rows(texts);
      return found && toReport(found[0]);
    };
    try {
      return await ask(true);
    } catch (error) {
      // How it ended is known all the same.
      if (!isNotText(error)) throw error;
      return await ask(false);
    }
  }

  async read(worker: WorkerHandle, plan: RowPlan, sink: Writable): Promise<CopiedRows> {
    // Numbers of our own making and a definition of format_type's: nothing here is anybody's text.
    const copy = ({ result }: Dialect): string =>
      `COPY (SELECT * FROM ${result}(${worker.launchId}, ${BigInt(worker.cookie)}) AS r(${plan.definition})) TO STDOUT`;
    this.#reading = true;
    this.#lastBytes = performance.now();
    try {
      return await this.#located((dialect) =>
        this.#turn(() =>
          copyOut(this.#client, copy(dialect), sink, () => {
            this.#lastBytes = performance.now();
          }),
        ),
      );
    } catch (error) {
      if (!isServerError(error)) throw error;
      const failure = toJobError(error, (at) => plan.position(at));
      const position = innerPosition(error, plan) ?? failure.position;
      throw new WorkerFailedError(
        { ...failure, ...(position === undefined ? {} : { position }) },
        { cause: error, unreadable: this.#rawText && isNotText(error), ...optionalInterrupt(error) },
      );
    } finally {
      this.#reading = false;
    }
  }

  async cancelWorker(worker: WorkerHandle): Promise<void> {
    const call = (): Promise<unknown> =>
      this.#located(({ cancel }) =>
        this.#query({ text: `SELECT ${cancel}`, values: [worker.launchId, worker.cookie] }),
      );
    const sent = call();
    // A bounded wait may be under way: the call stands behind it.
    this.wake();
    let late: Disposable | undefined;
    const unanswered = new Promise<never>((_, reject) => {
      const ms = this.#context.silenceMs;
      const message = `The server has not answered within ${ms / 1000} s. The cancel may still reach the worker once it answers.`;
      late = afterSilence(ms, () => reject(new NoAnswerError(message)));
    });
    try {
      await Promise.race([sent, unanswered]);
    } catch (error) {
      // Somebody interrupted this very call, so SIGTERM may not have been sent.
      if (sqlstateOf(error) !== SQLSTATE.queryCanceled) throw error;
      await Promise.race([call(), unanswered]);
    } finally {
      late?.dispose();
      // The job's end shows what came of it.
      sent.catch(() => undefined);
    }
  }

  async detach(worker: WorkerHandle): Promise<void> {
    await this.#located(({ detach }) =>
      this.#query({ text: `SELECT ${detach}`, values: [worker.launchId, worker.cookie] }),
    );
  }

  onNotice(listener: (notice: Notice) => Promise<void> | undefined): Disposable {
    this.#notices.add(listener);
    return { dispose: () => this.#notices.delete(listener) };
  }

  /** The socket rests while messages are written slower than they come; the server then waits too. */
  #holdBack(wait: Promise<void> | undefined): void {
    if (!wait) return;
    const { stream } = (this.#client as unknown as { connection: { stream: Duplex } }).connection;
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
    this.#context.onRelease(this);
  }

  destroy(): void {
    this.#notices.clear();
    destroySocket(this.#client);
  }

  /** Ends the connection in order; a dead network is not waited for. */
  async end(): Promise<void> {
    if (this.#closed) return;
    this.#ending = true;
    if (!this.#reading) return endClient(this.#client);
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
      return this.#heard(expectedMs, () => this.#client.query(query));
    });
    return rows as Row[];
  }

  /**
   * A dead connection gives no answer at all: the socket is closed, and with it the question fails. A server that answers nobody is
   * waited for: what its workers do meanwhile can still be read.
   */
  async #heard<T>(expectedMs: number, question: () => Promise<T>, patient = true): Promise<T> {
    const ms = expectedMs + this.#context.silenceMs;
    const silence = whenDead(
      ms,
      // Before a launch nothing is lost with the connection.
      () => (patient ? this.#context.isAnswered(this.#server) : Promise.resolve(true)),
      () => destroySocket(this.#client, new Error(`no answer within ${ms / 1000} s`)),
    );
    try {
      return await question();
    } finally {
      silence.dispose();
    }
  }

  /** Ends what the backend is doing, from another connection. Nothing more is sent on this one until that is over. */
  #interrupt(): Promise<void> {
    const interrupting = this.#context.interrupt(this);
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
          if (error instanceof Error && mayEndSession(error)) {
            this.#fatal ??= error;
            await this.#heard(0, () => this.#client.query('SELECT 1'));
            this.#fatal = undefined;
          }
          throw error;
        }
      });
    } catch (error) {
      // What breaks because we end it says nothing about a worker.
      if (isServerError(error) && !this.#closed && !this.#ending) throw error;
      const said = this.#lastWord;
      const message = `The connection to the server was lost: ${said?.message ?? messageOf(this.#fatal ?? error)}.`;
      throw new SessionLostError(message, { cause: error }, said?.code === SQLSTATE.crashShutdown);
    }
  }
}

function optionalInterrupt(error: unknown): { interrupted?: boolean } {
  const interrupted = isInterrupt(error);
  return interrupted === undefined ? {} : { interrupted };
}

/** The place of an error in a statement that runs inside of another one. The server tells it in either of two fields. */
function innerPosition(error: Error & ErrorFields, { inner }: RowPlan): number | undefined {
  const { internalQuery, internalPosition, position, where } = error;
  if (inner === undefined) return undefined;
  if (internalPosition !== undefined) {
    return internalQuery === inner.query ? inner.position(Number(internalPosition)) : undefined;
  }
  const isInside = inner.context(cleanContext(where) ?? '') !== undefined;
  return isInside && position !== undefined ? inner.position(Number(position)) : undefined;
}

interface ErrorFields {
  readonly internalQuery?: string | undefined;
  readonly internalPosition?: string | undefined;
  readonly position?: string | undefined;
  readonly where?: string | undefined;
}

/** Names and values of settings for one worker. */
type Settings = readonly (readonly [string, string])[];

function progressOf(pct: string | null | undefined, message: string | null | undefined): { progress?: JobProgress } {
  return typeof pct !== 'string' ? {} : { progress: { pct: Number(pct), message: message ?? '' } };
}

/** A boolean parameter's value, as the server's parse_bool reads it. */
function isOn(value: string): boolean {
  return /^\s*(on|t|tr|tru|true|y|ye|yes|1)\s*$/i.test(value);
}

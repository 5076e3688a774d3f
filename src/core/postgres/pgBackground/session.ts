import type { Writable } from 'node:stream';
import type { Client } from 'pg';
import type { JobProgress } from '../../../api';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { SQLSTATE } from '../../base/sqlstate';
import { QUEUE_FULL } from '../../jobs/queueFull';
import { errorOfFault, LaunchError, NoAnswerError } from '../../jobs/errors';
import type { WorkerReport } from '../../jobs/workerReport';
import { lowerCased } from '../../jobs/settingNames';
import type { InvalidIndex, LaunchRequest, RowPlan, WaitResult, WorkerHandle, WorkerSession } from '../../jobs/ports';
import type { ServerIdentity } from '../../jobs/serverIdentity';
import { isOn } from '../../sql/settings/settingValue';
import type { CopiedRows } from '../client/copyOut';
import { substitutesOf } from '../client/labelSubstitutes';
import { ProcessIds } from '../client/processIds';
import { startResponseTimeout } from '../client/responseTimeout';
import { SerialClient, type NoticeListener, type TurnOptions } from '../client/serialClient';
import type { TypeCache } from '../client/typeCache';
import { isMoved, isNoSlot, isNotText, isServerError, sqlstateOf, toLaunchError } from '../errors';
import type { ServerFault } from '../faults';
import { introduceSession, mayCall } from '../server/introduction';
import type { WorkerSettings } from '../server/serverLinkTypes';
import { ExtensionError, type ExtensionFunctions } from './extensionFunctions';
import type { InvalidIndexRow } from './invalidIndexes';
import { launchQuery, launchSettings, toHandle, type GivenSettings, type LaunchRow } from './launchQuery';
import { refusalOf, workerText } from './rowPlan';
import { describeText, intoTableOf, planText } from './textPlan';
import { toWorkerFailure } from './workerFailure';
import { reportQuery, toReport, type ReportRow } from './reportQuery';

/** Settings that could end our own waiting and reading, so they are off in the session. A worker gets the values of the role. */
const LIFTED_LIMITS = ['statement_timeout', 'transaction_timeout', 'idle_session_timeout'] as const;

/**
 * Time limit for describing a statement, which locks the tables that it reads: without a limit it would wait as long as an ALTER TABLE
 * before it. This is the server's share; the network's is added. Milliseconds.
 */
const DESCRIBE_MS = 500;
/** Maximum number of round trips to describe a statement. */
const DESCRIBE_ROUND_TRIPS = 4;

export interface SessionContext {
  readonly clock: Clock;
  readonly functions: ExtensionFunctions;
  readonly types: TypeCache;
  readonly workerSettings: WorkerSettings;
  /** How long a query may remain unanswered, after the time that it is expected to take, before the connection is checked. Milliseconds. */
  readonly responseTimeoutMs: number;
  /** Shared by all sessions of a link. */
  readonly history: LaunchHistory;
  /** Whether the server answers a new connection. */
  isAnswered(server: ServerIdentity): Promise<boolean>;
  /** Cancels what a backend is doing, from another connection. Rejects if the backend is not found. */
  interrupt(backend: SessionBackend): Promise<void>;
  /** Looks up the extension again, because the server no longer knows these functions. @throws ExtensionError if it is gone */
  relocate(known: ExtensionFunctions): Promise<ExtensionFunctions>;
  /** Called when a job no longer needs the session, so that another one can use it. */
  onRelease(session: PgSession): void;
  onClosed(session: PgSession): void;
}

export interface LaunchHistory {
  /** A launch has succeeded before: what is refused now was allowed then. */
  launched: boolean;
}

/** The server process of a session. */
export interface SessionBackend {
  readonly pid: number;
  /** Identifies the process together with its pid, as {@link timeText} formats it. */
  readonly backendStart: string;
  readonly server: ServerIdentity;
}

/** A connection that launches workers. See {@link WorkerSession}. */
export class PgSession implements WorkerSession {
  readonly #client: SerialClient;
  readonly #context: SessionContext;
  /** The role's own limits. They are off in this session, and each worker gets them. */
  readonly #inherited = new Map<string, string>();
  readonly #processIds = new ProcessIds();
  #functions: ExtensionFunctions;
  #backend: SessionBackend = { pid: 0, backendStart: '', server: { start: '' } };
  /** The encoding of the database is SQL_ASCII: its texts may be bytes of any encoding, and not valid UTF-8. */
  #rawText = false;
  #standardStrings = true;
  #plpgsql = false;
  #waiting = false;
  /** The current wait was interrupted, or is being interrupted. */
  #woken = false;
  /** How long the server took to answer the last short query. Milliseconds. */
  #roundTripMs = 0;

  private constructor(client: Client, context: SessionContext) {
    this.#context = context;
    this.#functions = context.functions;
    this.#client = new SerialClient(client, {
      clock: context.clock,
      responseTimeoutMs: context.responseTimeoutMs,
      isAnswered: () => context.isAnswered(this.#backend.server),
      interrupt: () => context.interrupt(this.#backend),
      onClosed: () => context.onClosed(this),
    });
  }

  /** Turns a connected client into a session. Nothing else may use the client afterwards. */
  static async start(client: Client, context: SessionContext): Promise<PgSession> {
    const session = new PgSession(client, context);
    await session.#introduce();
    return session;
  }

  async #introduce(): Promise<void> {
    const sentAt = this.#context.clock.monotonic();
    const facts = await this.#client.run((client) => introduceSession(client, LIFTED_LIMITS), { expendable: true });
    this.#roundTripMs = this.#context.clock.monotonic() - sentAt;
    this.#backend = { pid: facts.backendPid, backendStart: facts.backendStart, server: facts.server };
    this.#standardStrings = facts.standardStrings;
    this.#plpgsql = facts.plpgsql;
    this.#rawText = facts.encoding === 'SQL_ASCII';
    for (const [name, value] of facts.limits) this.#inherited.set(name, value);
    // With the client's encoding, a worker of such a database would check every text that it sends. An error that is not valid text
    // would be lost on the way, and a job whose rows are being read would seem to have succeeded.
    if (this.#rawText) this.#inherited.set('client_encoding', 'SQL_ASCII');
  }

  get reading(): boolean {
    return this.#client.copying;
  }

  get closed(): boolean {
    return this.#client.closed;
  }

  get backendPid(): number {
    return this.#backend.pid;
  }

  get server(): ServerIdentity {
    return this.#backend.server;
  }

  /** Runs queries of durable jobs as one task, with the settings that this session gives to workers. */
  run<T>(task: (client: Client, given: GivenSettings) => Promise<T>, options?: TurnOptions): Promise<T> {
    const { workerSettings } = this.#context;
    return this.#client.run((client) => task(client, { inherited: this.#inherited, workerSettings }), options);
  }

  idleMs(): number {
    return this.#client.idleMs();
  }

  async describe(sql: string, requested: Readonly<Record<string, string>> = {}, into?: string): Promise<RowPlan> {
    const settings = this.#withDefaults(requested);
    const worker = workerText(sql);
    const table = intoTableOf(into);
    const standardStrings = settings['standard_conforming_strings'];
    const facts = {
      standardStrings: standardStrings === undefined ? this.#standardStrings : isOn(standardStrings),
      plpgsql: this.#plpgsql,
      settings,
    };
    const refusal = refusalOf(worker, facts);
    if (refusal) {
      const { fault, position } = refusal;
      throw new LaunchError({ ...errorOfFault(fault), position }, false);
    }
    if (!worker.last) return planText(worker, table, { rows: { noRows: true } }, facts);
    const limit = { exceeded: false };
    const timer = this.#context.clock.after(DESCRIBE_MS + DESCRIBE_ROUND_TRIPS * this.#roundTripMs, () => {
      limit.exceeded = true;
      this.#client.interrupt().catch(() => this.destroy());
    });
    try {
      const described = await this.#client.run(
        (client) => describeText(client, this.#context.types, worker, settings, table),
        { expendable: true },
      );
      const locked = limit.exceeded && 'failed' in described.rows;
      return planText(worker, table, locked ? { rows: { failed: true, locked: true } } : described, facts);
    } finally {
      timer.dispose();
    }
  }

  async launch(request: LaunchRequest): Promise<WorkerHandle> {
    const { history } = this.#context;
    const settings = launchSettings(this.#inherited, {
      ...request,
      settings: this.#withDefaults(request.settings ?? {}),
    });
    try {
      const handle = await this.#located((functions) => this.#launchWith(functions, request, settings));
      history.launched = true;
      return handle;
    } catch (error) {
      if (error instanceof ExtensionError) {
        throw new LaunchError(errorOfFault(error.fault), false, { cause: error }, history.launched);
      }
      if (!isServerError(error)) throw error;
      const withdrawn =
        history.launched &&
        sqlstateOf(error) === SQLSTATE.insufficientPrivilege &&
        !(await mayCall((query) => this.#client.query(query), this.#functions.launchSignature));
      throw new LaunchError(toLaunchError(error), isNoSlot(error), { cause: error }, withdrawn);
    }
  }

  /** The settings of a job, with those of the connection. */
  #withDefaults(settings: Readonly<Record<string, string>>): Record<string, string> {
    const { defaults, enforced } = this.#context.workerSettings;
    return { ...defaults, ...lowerCased(settings), ...enforced };
  }

  /** Launches with the label or, if the database's encoding cannot represent it, with the closest label that it can. */
  async #launchWith(functions: ExtensionFunctions, request: LaunchRequest, settings: Settings): Promise<WorkerHandle> {
    try {
      return await this.#launchOnce(functions, request, settings);
    } catch (error) {
      if (!isNotText(error) || !functions.hasLabel) throw error;
      for (const label of substitutesOf(request.label)) {
        try {
          const handle = await this.#launchOnce(functions, { ...request, label }, settings);
          return { ...handle, replacedLabel: label };
        } catch (again) {
          if (!isNotText(again)) throw again;
        }
      }
      throw error;
    }
  }

  async #launchOnce(functions: ExtensionFunctions, request: LaunchRequest, settings: Settings): Promise<WorkerHandle> {
    const [row] = await this.#client.query<LaunchRow>(launchQuery(functions, request, settings));
    if (!row) throw new Error('pg_background_launch returned nothing.');
    const { pid, server } = this.#backend;
    const handle = toHandle(row, pid, this.#processIds);
    const elsewhere = handle.elsewhere === true || handle.serverStart !== server.start;
    return { ...handle, server, elsewhere };
  }

  /**
   * Calls functions of pg_background. If the server does not know them because the extension was moved to another schema, calls them
   * again there: the failed call had no effect.
   * @throws ExtensionError if the extension is gone
   */
  async #located<T>(calls: (functions: ExtensionFunctions) => Promise<T>): Promise<T> {
    const known = this.#functions;
    try {
      return await calls(known);
    } catch (error) {
      if (!isMoved(error)) throw error;
      const found = await this.#context.relocate(known).catch((lookupError: unknown) => {
        throw lookupError instanceof ExtensionError ? lookupError : error;
      });
      this.#functions = found;
      // Not moved: the SQLSTATE was that of a worker's error.
      if (found.schema === known.schema && found.version === known.version) throw error;
      return calls(found);
    }
  }

  async invalidIndexes(): Promise<readonly InvalidIndex[]> {
    const { INVALID_INDEXES, toInvalidIndex } = await import('./invalidIndexes');
    const rows = await this.#client.query<InvalidIndexRow>({ text: INVALID_INDEXES, rowMode: 'array' });
    return rows.map(toInvalidIndex);
  }

  async wait(worker: WorkerHandle, ms: number, checkQueue = false): Promise<WaitResult> {
    // One round trip: the wait, then the progress and the state of the queue after it.
    const textOf = ({
      wait,
      progress,
    }: ExtensionFunctions): string => `SELECT w.done, ${progress ? 'p.progress_pct, p.progress_msg' : 'NULL, NULL'},
             ${checkQueue ? `a.wait_event OPERATOR(pg_catalog.=) '${QUEUE_FULL}'` : 'NULL'}
        FROM (SELECT ${wait} AS done OFFSET 0) AS w
        ${progress ? `LEFT JOIN LATERAL ${progress} AS p ON true` : ''}
        ${checkQueue ? `LEFT JOIN LATERAL pg_catalog.pg_stat_get_activity(CASE WHEN w.done THEN 0 ELSE $1 END) AS a ON true` : ''}`;
    this.#waiting = true;
    this.#woken = false;
    try {
      const [row] = await this.#located((functions) =>
        this.#client.query<[string, string | null, string | null, string | null]>(
          { text: textOf(functions), values: [worker.launchId, worker.cookie, ms], rowMode: 'array' },
          // An interrupt that was sent before the wait did not cancel it.
          { expectedMs: ms, skipIf: () => this.#woken },
        ),
      );
      return {
        stopped: row?.[0] === 't',
        ...(checkQueue ? { queueFull: row?.[3] === 't' } : {}),
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
    // If it cannot be interrupted, the wait ends by itself.
    this.#client.interrupt().catch(() => {
      this.#woken = false;
    });
  }

  async report(worker: WorkerHandle): Promise<WorkerReport | undefined> {
    const query = (withTexts: boolean): Promise<WorkerReport | undefined> =>
      this.#located(async (functions) => {
        const text = reportQuery(functions, withTexts);
        if (text === undefined) return undefined;
        const { clock } = this.#context;
        const sentAt = clock.monotonic();
        const values = [worker.launchId, worker.cookie];
        const [row] = await this.#client.query<ReportRow>({ text, values, rowMode: 'array' });
        this.#roundTripMs = clock.monotonic() - sentAt;
        return toReport(row);
      });
    try {
      return await query(true);
    } catch (error) {
      if (!isNotText(error)) throw error;
      // Without its texts, the report still has the outcome of the worker.
      return await query(false);
    }
  }

  async read(worker: WorkerHandle, plan: RowPlan, sink: Writable): Promise<CopiedRows> {
    // COPY takes no parameters. These are numbers, and a definition that format_type() wrote: no text of a user.
    const copy = ({ result }: ExtensionFunctions): string =>
      `COPY (SELECT * FROM ${result}(${worker.launchId}, ${BigInt(worker.cookie)}) AS r(${plan.definition})) TO STDOUT`;
    try {
      return await this.#located((functions) => this.#client.copyOut(copy(functions), sink));
    } catch (error) {
      if (!isServerError(error)) throw error;
      throw toWorkerFailure(error, plan, this.#rawText);
    }
  }

  async cancelWorker(worker: WorkerHandle): Promise<boolean> {
    const call = async (): Promise<boolean> => {
      try {
        await this.#call(worker, ({ cancel }) => cancel);
        return true;
      } catch (error) {
        // It detached from the worker, or read its result, before this call.
        if (sqlstateOf(error) === SQLSTATE.undefinedObject) return false;
        throw error;
      }
    };
    const sent = call();
    // A wait may be running; the call is queued after it.
    this.wake();
    let timeout: Disposable | undefined;
    const unanswered = new Promise<never>((_, reject) => {
      const { clock, responseTimeoutMs: ms } = this.#context;
      const fault: ServerFault = { code: 'server.cancelUnanswered', params: { seconds: ms / 1000 } };
      timeout = startResponseTimeout(clock, ms, () => reject(new NoAnswerError(fault)));
    });
    try {
      return await Promise.race([sent, unanswered]);
    } catch (error) {
      // Something interrupted this call, so SIGTERM may not have been sent.
      if (sqlstateOf(error) !== SQLSTATE.queryCanceled) throw error;
      return await Promise.race([call(), unanswered]);
    } finally {
      timeout?.dispose();
      // After a timeout, the end of the job shows whether the call succeeded.
      sent.catch(() => undefined);
    }
  }

  async detach(worker: WorkerHandle): Promise<void> {
    await this.#call(worker, ({ detach }) => detach);
  }

  #call(worker: WorkerHandle, functionOf: (functions: ExtensionFunctions) => string): Promise<unknown> {
    const values = [worker.launchId, worker.cookie];
    return this.#located((functions) => this.#client.query({ text: `SELECT ${functionOf(functions)}`, values }));
  }

  onNotice(listener: NoticeListener): Disposable {
    return this.#client.onNotice(listener);
  }

  release(): void {
    this.#client.removeNoticeListeners();
    if (!this.closed) this.#context.onRelease(this);
  }

  destroy(): void {
    this.#client.destroy();
  }

  /** Closes the connection in order; does not wait for a dead network. */
  end(): Promise<void> {
    return this.#client.end();
  }
}

/** Names and values of settings for one worker. */
type Settings = readonly (readonly [string, string])[];

function progressOf(pct: string | null | undefined, message: string | null | undefined): { progress?: JobProgress } {
  return typeof pct !== 'string' ? {} : { progress: { pct: Number(pct), message: message ?? '' } };
}

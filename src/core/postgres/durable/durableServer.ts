/** The durable jobs of one database, through the connections of one link. Loaded when durable jobs are first used. */
import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import type { Client } from 'pg';
import type { RunRequest } from '../../../api';
import type { Disposable } from '../../base/disposable';
import { FaultError, faultOf, type Fault } from '../../base/fault';
import { LaunchError, SessionLostError } from '../../jobs/errors';
import type {
  CancelAnswer,
  DurableBatchOptions,
  DurableList,
  DurableServer,
  DurableStatement,
  StoredRows,
} from '../../jobs/durable/ports';
import type { Column } from '../../jobs/ports';
import type { ServerIdentity } from '../../jobs/serverIdentity';
import { copyOut } from '../client/copyOut';
import type { TurnOptions } from '../client/serialClient';
import type { TypeCache } from '../client/typeCache';
import { isServerError, sqlstateOf } from '../errors';
import type { ExtensionFunctions } from '../pgBackground/extensionFunctions';
import type { GivenSettings } from '../pgBackground/launchQuery';
import type { PgSession } from '../pgBackground/session';
import type { DurableFault } from './faults';
import { launchDurable } from './launch';
import { cancelJob, listJobs, markSeen, pinJob, readSomeJobs, resolveJobs, type ListedJobs } from './records';
import { copyRows, withRows } from './rows';
import { CHANNEL } from './schema/calls';
import { inspectSetup, useRefusal } from './setup';

/** Finished jobs that are listed. */
const LISTED_JOBS = 1000;
/** Reading rows has no time limit. */
const READING_MS = 2 ** 30;

/** The parts of a link that durable jobs use. */
export interface DurableBackend {
  readonly types: TypeCache;
  /** The role that sessions of the profile run as, if it is not the one that logged in. */
  readonly role: string | undefined;
  readonly server: ServerIdentity | undefined;
  /** Finds pg_background. @throws ExtensionError if it is missing or too old */
  connect(): Promise<ExtensionFunctions>;
  /** Runs queries on the control connection as one task. */
  query<T>(task: (client: Client) => Promise<T>): Promise<T>;
  acquire(): Promise<PgSession>;
  onNotify(listener: (payload: string) => void): Disposable;
}

/** A schema, a table, or a function does not exist: the setup may have been removed. */
const MISSING = new Set(['3F000', '42P01', '42883']);

type Access = 'READ ONLY' | 'READ WRITE';

/** Small queries use the control connection, as the role of the profile. Launches and rows use sessions. */
export class PgDurableServer implements DurableServer {
  readonly #backend: DurableBackend;

  constructor(backend: DurableBackend) {
    this.#backend = backend;
  }

  async open(): Promise<Fault | undefined> {
    const refusal = await this.#refusal();
    if (refusal) return refusal;
    await this.#backend.query((client) => client.query(`LISTEN ${CHANNEL}`));
    return undefined;
  }

  async list(): Promise<DurableList> {
    return this.#list(await this.#ofRecords('READ ONLY', (client) => listJobs(client, LISTED_JOBS)));
  }

  async read(ids: readonly string[], whole = false): Promise<DurableList> {
    return this.#list(await this.#ofRecords('READ ONLY', (client) => readSomeJobs(client, ids, whole)));
  }

  async resolve(): Promise<void> {
    await this.#ofRecords('READ WRITE', resolveJobs);
  }

  async launch(request: RunRequest & { readonly label: string }): Promise<{ id: string; notices: readonly Fault[] }> {
    const { id, plan } = await this.#launch((client, given, onSending) =>
      launchDurable(client, this.#backend.types, { ...request, ...given, onSending }),
    );
    return { id, notices: plan.notices };
  }

  async launchBatch(
    statements: readonly DurableStatement[],
    options: DurableBatchOptions,
  ): Promise<{ ids: readonly string[]; notices: readonly Fault[] }> {
    const { launchDurableBatch } = await import('./launchBatch');
    return this.#launch((client, given, onSending) => {
      const requests = statements.map((statement) => ({ ...statement, ...given }));
      return launchDurableBatch(client, this.#backend.types, requests, { ...options, onSending });
    });
  }

  async #launch<T>(task: (client: Client, given: GivenSettings, onSending: () => void) => Promise<T>): Promise<T> {
    const refusal = await this.#refusal();
    if (refusal) throw new FaultError(refusal);
    const session = await this.#backend.acquire();
    const sending = { begun: false };
    try {
      return await inSession(session, (client, given) => task(client, given, () => (sending.begun = true)));
    } catch (error) {
      if (!sending.begun || !(error instanceof SessionLostError)) throw error;
      const fault: DurableFault = { code: 'durable.launchUnknown', cause: faultOf(error) };
      throw new FaultError(fault, { cause: error });
    } finally {
      session.release();
    }
  }

  cancel(id: string): Promise<CancelAnswer> {
    return this.#ofRecords('READ WRITE', (client) => cancelJob(client, id));
  }

  async markSeen(ids: readonly string[]): Promise<void> {
    await this.#ofRecords('READ WRITE', (client) => markSeen(client, ids));
  }

  pin(id: string, pinned: boolean): Promise<boolean> {
    return this.#ofRecords('READ WRITE', (client) => pinJob(client, id, pinned));
  }

  async copyRows(rows: StoredRows, open: (added: readonly Column[]) => Promise<Writable>): Promise<void> {
    const session = await this.#backend.acquire();
    try {
      await inSession(
        session,
        (client) =>
          withRows(client, rows, async (query, added) => {
            const { sinkError } = await copyOut(client, copyRows(query), await open(added), () => undefined);
            if (sinkError) throw new SinkError(sinkError.message, { cause: sinkError });
          }),
        { expectedMs: READING_MS },
      );
    } finally {
      session.release();
    }
  }

  onNotify(listener: (payload: string) => void): Disposable {
    return this.#backend.onNotify(listener);
  }

  /** Why durable jobs cannot be used. The functions of schemas with an untrusted owner are never called. */
  async #refusal(): Promise<Fault | undefined> {
    const functions = await this.#backend.connect();
    const facts = await this.#inRole('READ ONLY', inspectSetup);
    return useRefusal(facts, functions);
  }

  #list({ place, ...list }: ListedJobs): DurableList {
    const { server } = this.#backend;
    const key = createHash('sha256').update(place).digest('hex').slice(0, 12);
    return { key, ...list, ...(server === undefined ? {} : { server }) };
  }

  /** Runs a task that needs the objects of the setup. @throws FaultError if they were removed */
  async #ofRecords<T>(access: Access, task: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await this.#inRole(access, task);
    } catch (error) {
      const refusal = MISSING.has(sqlstateOf(error)) ? await this.#refusal() : undefined;
      throw refusal ? new FaultError(refusal, { cause: error }) : error;
    }
  }

  /** Runs a task in a transaction as the role of the profile: the control connection has the role that logged in. */
  #inRole<T>(access: Access, task: (client: Client) => Promise<T>): Promise<T> {
    const { role } = this.#backend;
    return this.#backend.query(async (client) => {
      // With row_security off, which a role can have, the server raises an error instead of showing the role its own jobs.
      await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED ${access}; SET LOCAL row_security = on`);
      try {
        if (role !== undefined) {
          await client.query({ text: `SELECT pg_catalog.set_config('role', $1, true)`, values: [role] });
        }
        const result = await task(client);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        if (isServerError(error)) await client.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });
  }
}

/** Runs a task in a session, in which any error but the server's would otherwise count as the loss of the connection. */
async function inSession<T>(
  session: PgSession,
  task: (client: Client, given: GivenSettings) => Promise<T>,
  options?: TurnOptions,
): Promise<T> {
  let own: { readonly error: Error } | undefined;
  const result = await session.run(async (client, given) => {
    try {
      return await task(client, given);
    } catch (error) {
      if (!(error instanceof FaultError || error instanceof LaunchError || error instanceof SinkError)) throw error;
      own = { error };
      return undefined;
    }
  }, options);
  if (!own) return result as T;
  const { error } = own;
  throw error instanceof LaunchError && error.error.fault ? new FaultError(error.error.fault, { cause: error }) : error;
}

/** The rows could not be stored here. */
class SinkError extends Error {
  override readonly name = 'SinkError';
}

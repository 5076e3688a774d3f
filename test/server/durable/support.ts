/** A database with durable jobs for the tests, and sessions of roles that may use them. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { TypeCache } from '../../../src/core/postgres/client/typeCache';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { openClient } from '../../../src/core/postgres/connect/open/open';
import { launchDurable, type DurableRunRequest, type LaunchedJob } from '../../../src/core/postgres/durable/launch';
import { launchDurableBatch, type DurableBatchStatement } from '../../../src/core/postgres/durable/launchBatch';
import { readJob, readJobs, type DurableRecord } from '../../../src/core/postgres/durable/records';
import { readRows } from '../../../src/core/postgres/durable/rows';
import { CHANNEL } from '../../../src/core/postgres/durable/schema/calls';
import { setUp } from '../../../src/core/postgres/durable/setup';
import { newDatabase, type Engine, type TestServer } from '../support';

export type OldVersion = '1.8' | undefined;

/** A session of one role. */
export class DurableSession {
  readonly client: Client;
  readonly profile: ConnectionProfile;
  readonly #types = new TypeCache();
  readonly #waiting = new Set<() => void>();

  private constructor(client: Client, profile: ConnectionProfile) {
    this.client = client;
    this.profile = profile;
    client.on('notification', () => {
      for (const wake of this.#waiting) wake();
    });
    // A test that stops its server ends the session.
    client.on('error', () => undefined);
  }

  static async open(profile: ConnectionProfile, user = profile.user): Promise<DurableSession> {
    const own = { ...profile, ...(user === undefined ? {} : { user }) };
    const session = new DurableSession(await openClient(own), own);
    await session.client.query(`LISTEN ${CHANNEL}`);
    return session;
  }

  launch(sql: string, request: Partial<DurableRunRequest> = {}): Promise<LaunchedJob> {
    return launchDurable(this.client, this.#types, { sql, label: 'test', ...request });
  }

  /** Launches a job and waits for its end. */
  async ended(sql: string, request: Partial<DurableRunRequest> = {}): Promise<DurableRecord> {
    return this.end((await this.launch(sql, request)).id);
  }

  end(id: string): Promise<DurableRecord> {
    return this.until(id, ({ state }) => state !== 'queued' && state !== 'running');
  }

  /** Resolves when the record fulfills a condition. Reads it after each notification. */
  async until(id: string, condition: (job: DurableRecord) => boolean): Promise<DurableRecord> {
    for (;;) {
      const notified = new Promise<void>((wake) => {
        const once = (): void => {
          this.#waiting.delete(once);
          clearTimeout(timer);
          wake();
        };
        this.#waiting.add(once);
        // The limit of a test ends a wait for a notification that does not come; a second look needs none.
        const timer = setTimeout(once, 5000);
      });
      const job = await readJob(this.client, id);
      assert.ok(job, `no job ${id}`);
      if (condition(job)) {
        for (const wake of [...this.#waiting]) wake();
        return job;
      }
      await notified;
    }
  }

  async rows(job: DurableRecord): Promise<(string | null)[][]> {
    const all: (string | null)[][] = [];
    await readRows(this.client, job, 1000, (rows) => all.push(...rows.map((row) => [...row])) > 0);
    return all;
  }

  jobs(): Promise<DurableRecord[]> {
    return readJobs(this.client);
  }

  async value(sql: string, values: unknown[] = []): Promise<string | null | undefined> {
    const { rows } = await this.client.query<[string | null]>({ text: sql, values, rowMode: 'array' });
    return rows[0]?.[0];
  }

  close(): Promise<void> {
    return this.client.end();
  }
}

export interface DurableDatabase {
  readonly profile: ConnectionProfile;
  /** A session of the superuser. */
  readonly admin: DurableSession;
  /** Creates a role that may use durable jobs, and opens a session of it. @param of roles whose member it is */
  role(name: string, of?: readonly string[]): Promise<DurableSession>;
  /** The full name of a role of this database. */
  roleName(name: string): string;
  close(): Promise<void>;
}

export async function newDurableDatabase(server: TestServer, version?: OldVersion): Promise<DurableDatabase> {
  const profile = await newDatabase(server, version === undefined ? {} : { version });
  const admin = await DurableSession.open(profile);
  await setUp(admin.client);
  const suffix = randomUUID().slice(0, 8);
  const roleName = (name: string): string => `${name}_${suffix}`;
  const sessions = [admin];
  return {
    profile,
    admin,
    roleName,
    role: async (name, of = []) => {
      const full = roleName(name);
      await admin.client.query(
        `CREATE ROLE "${full}" LOGIN; GRANT pgbackground_role TO "${full}"; GRANT CREATE ON SCHEMA public TO "${full}"`,
      );
      for (const other of of) await admin.client.query(`GRANT "${roleName(other)}" TO "${full}"`);
      const session = await DurableSession.open(profile, full);
      sessions.push(session);
      return session;
    },
    close: async () => {
      for (const session of sessions) await session.close();
    },
  };
}

/** The comparable parts of an outcome. */
export function outcomeOf({ state, commandTag, rowCount, error, rowsState }: DurableRecord): unknown[] {
  return [state, commandTag, rowCount, error?.sqlstate, rowsState];
}

/** Resolves when a condition on the jobs of an engine holds, which is checked whenever one changes. */
export function sees(engine: Engine, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!condition()) return;
      for (const listener of listeners) listener.dispose();
      resolve();
    };
    const listeners = [engine.jobs.onDidChange(check), engine.jobs.onDidRemove(check)];
    check();
  });
}

export interface BatchOptions {
  readonly parallel?: number;
  readonly onFailure?: 'stop' | 'continue';
  readonly after?: string;
}

export async function launchBatch(
  session: DurableSession,
  texts: readonly string[],
  { parallel = 1, onFailure = 'stop', after }: BatchOptions = {},
): Promise<readonly string[]> {
  const statements = texts.map((sql, i): DurableBatchStatement => ({ sql, label: `statement ${i}` }));
  const options = { label: 'batch', parallel, onFailure, ...(after === undefined ? {} : { after }) };
  return (await launchDurableBatch(session.client, new TypeCache(), statements, options)).ids;
}

export async function endOf(session: DurableSession, ids: readonly string[]): Promise<DurableRecord[]> {
  const ended: DurableRecord[] = [];
  for (const id of ids) ended.push(await session.end(id));
  return ended;
}

export const statesOf = (jobs: readonly DurableRecord[]): string[] => jobs.map(({ state }) => state);

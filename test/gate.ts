/** A gate at which SQL waits, so that a worker runs exactly until its test opens the gate, on any machine. */
import { Client } from 'pg';

/** Application name of a gate's session, for tests that end other sessions. */
export const GATE_APPLICATION = 'gate of a test';

export interface Gate {
  /** A SQL expression of type void that waits until the gate is open: `SELECT ${gate.wait}`. */
  readonly wait: string;
  /** SQL that catches every cancel until the gate is open. Cancel the worker only after it sleeps (`PgSleep`). */
  readonly swallow: string;
  open(): Promise<void>;
  close(): Promise<void>;
}

/** The database of a gate: advisory locks are local to a database. */
export interface GatePlace {
  readonly connectionString?: string;
  readonly host?: string | undefined;
  readonly port?: number | string | undefined;
  readonly database?: string | undefined;
  readonly user?: string | undefined;
}

let gates = 0;

/** Calls `use` with a closed gate, an advisory lock of a separate session. The gate is opened at the end, also after an error. */
export async function withGate<T>(place: GatePlace, use: (gate: Gate) => Promise<T>): Promise<T> {
  const { connectionString, host, port, database, user } = place;
  const client = new Client({
    ...(connectionString === undefined ? { host, port: Number(port), database, user } : { connectionString }),
    application_name: GATE_APPLICATION,
  });
  const key = `${process.pid}, ${++gates}`;
  const close = async (): Promise<void> => {
    await client.query(`SELECT pg_advisory_lock(${key})`);
  };
  // A test that stops its server ends this session too.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await close();
    return await use({
      wait: `pg_advisory_xact_lock_shared(${key})`,
      swallow: `DO $$ BEGIN
        BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END;
        LOOP
          BEGIN
            EXIT WHEN pg_try_advisory_xact_lock_shared(${key});
            PERFORM pg_sleep(0.5);
          EXCEPTION WHEN query_canceled THEN NULL; END;
        END LOOP; END $$`,
      open: async () => {
        await client.query(`SELECT pg_advisory_unlock(${key})`);
      },
      close,
    });
  } finally {
    await client.end();
  }
}

/** A gate that SQL waits at, so that a worker runs exactly as long as its test needs it to, on a slow machine too. */
import { Client } from 'pg';

/** The name of a gate's session: for those who end the sessions of others. */
export const GATE_APPLICATION = 'gate of a test';

export interface Gate {
  /** SQL of an expression that waits until the gate is open: `SELECT ${gate.wait}`. Its type is void. */
  readonly wait: string;
  /** A worker's SQL that catches every cancel until the gate is open. Cancel it once it sleeps (`PgSleep`): it ends no sooner. */
  readonly swallow: string;
  open(): Promise<void>;
  close(): Promise<void>;
}

/** Where a gate stands: advisory locks are a database's own. */
export interface GatePlace {
  readonly connectionString?: string;
  readonly host?: string | undefined;
  readonly port?: number | string | undefined;
  readonly database?: string | undefined;
  readonly user?: string | undefined;
}

let gates = 0;

/** Calls `use` with a closed gate: an advisory lock of a session of its own. Whatever happens, it is open in the end. */
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

/** Sessions for a single request, separate from those of the links. */
import type { Client } from 'pg';

/** How long a script waits for a table that is locked. */
const LOCK_TIMEOUT = '30s';

/** Runs a task in a new session, and ends the session. No limit ends a script, and no operator of the search_path is used. */
export async function inSession<T>(opening: Promise<Client>, task: (client: Client) => Promise<T>): Promise<T> {
  const client = await opening;
  try {
    await prepare(client);
    return await task(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function prepare(client: Client): Promise<void> {
  await client.query(
    `SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false), pg_catalog.set_config('statement_timeout', '0', false),
            pg_catalog.set_config('lock_timeout', '${LOCK_TIMEOUT}', false),
            pg_catalog.set_config('default_transaction_read_only', 'off', false),
            pg_catalog.set_config('default_transaction_isolation', 'read committed', false),
            pg_catalog.set_config('row_security', 'on', false)`,
  );
}

import type { Client } from 'pg';

/**
 * Whether a pooling proxy in transaction mode, such as PgBouncer, is between this client and the server. It gives a server process to
 * a client for one transaction only, whereas pg_background keeps its workers by session.
 *
 * @param backendPid the pid of the client's server process, as the server reports it
 * @param withOther runs a query on another idle client of the same connection
 */
export async function isTransactionPooled(
  client: Client,
  backendPid: number,
  withOther: (query: (other: Client) => Promise<number>) => Promise<number>,
): Promise<boolean> {
  // A proxy sends key data of its own.
  if (keyPidOf(client) === backendPid) return false;
  // In session mode, two clients never share a server process.
  const otherPid = await withOther(queryBackendPid);
  return otherPid === (await queryBackendPid(client));
}

/** The pid in the BackendKeyData message. `pg` keeps it in a property that its types do not declare. */
export function keyPidOf(client: Client): number | null {
  return (client as unknown as { readonly processID: number | null }).processID;
}

async function queryBackendPid(client: Client): Promise<number> {
  const { rows } = await client.query<[string]>({ text: 'SELECT pg_catalog.pg_backend_pid()', rowMode: 'array' });
  return Number(rows[0]?.[0]);
}

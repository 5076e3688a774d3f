import type { Client } from 'pg';

/** How long a connection may take to end in order. Milliseconds. */
const END_MS = 2000;

/** Cuts a connection off, whatever it is doing: `end()` would wait for the query under way. */
export function destroySocket(client: Client, error?: Error): void {
  (client as unknown as { connection: { stream: { destroy(error?: Error): void } } }).connection.stream.destroy(error);
}

/** True if the connection of a client has ended, from either side. */
export function isCut(client: Client): boolean {
  const { stream } = (client as unknown as { connection: { stream: { destroyed: boolean; readableEnded: boolean } } })
    .connection;
  return stream.destroyed || stream.readableEnded;
}

/** Ends a connection in order, or, where the network is dead, without a word. Never rejects. */
export async function endClient(client: Client): Promise<void> {
  const timer = setTimeout(() => destroySocket(client), END_MS);
  try {
    await client.end();
  } catch {
    destroySocket(client);
  } finally {
    clearTimeout(timer);
  }
}

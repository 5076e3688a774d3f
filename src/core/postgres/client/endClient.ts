import type { Duplex } from 'node:stream';
import type { Client } from 'pg';
import type { Clock } from '../../base/clock';

/** How long an orderly close of a connection may take. Milliseconds. */
const END_MS = 2000;

/** The socket of a client. The published types of `pg` do not declare it. */
export function socketOf(client: Client): Duplex {
  return (client as unknown as { connection: { stream: Duplex } }).connection.stream;
}

/** Closes the socket at once. Unlike `end()`, it does not wait for a running query. */
export function destroySocket(client: Client, error?: Error): void {
  socketOf(client).destroy(error);
}

/** Whether the connection has ended, from either side. */
export function isDisconnected(client: Client): boolean {
  const { destroyed, readableEnded } = socketOf(client);
  return destroyed || readableEnded;
}

/** Closes a connection in order, or, if the network is dead, by closing its socket. Never rejects. */
export async function endClient(client: Client, clock: Clock): Promise<void> {
  const timer = clock.after(END_MS, () => destroySocket(client));
  try {
    await client.end();
  } catch {
    destroySocket(client);
  } finally {
    timer.dispose();
  }
}

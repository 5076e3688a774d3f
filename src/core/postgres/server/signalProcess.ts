import type { Client } from 'pg';
import type { ServerIdentity } from '../../jobs/serverIdentity';
import { timeText } from './timeText';

export interface SignalTarget {
  readonly pid: number;
  /** As {@link timeText} writes it. */
  readonly backendStart: string;
  /** Its `backend_type`: a worker, or a session of ours. */
  readonly type: 'pg_background' | 'client backend';
  /** The server that it runs on. */
  readonly server: Pick<ServerIdentity, 'start'>;
}

/**
 * Terminates a worker (SIGTERM), or cancels the query of a session. The statement that sends the signal also checks the identity of
 * the process: by now, the pid may belong to another process, or the connection may lead to another server.
 * @param client the control connection, whose search_path is pg_catalog
 * @returns false if the process does not exist, so nothing was signaled
 */
export async function signalProcess(
  client: Client,
  signal: 'terminate' | 'cancel',
  { pid, backendStart, type, server }: SignalTarget,
): Promise<boolean> {
  const { rows } = await client.query<[string]>({
    text: `SELECT pg_catalog.pg_${signal}_backend(a.pid) FROM pg_catalog.pg_stat_activity AS a
            WHERE a.pid = $1 AND ${timeText('a.backend_start')} = $2 AND a.backend_type = $3
              AND ${timeText('pg_catalog.pg_postmaster_start_time()')} = $4`,
    values: [pid, backendStart, type, server.start],
    rowMode: 'array',
  });
  return rows[0]?.[0] === 't';
}

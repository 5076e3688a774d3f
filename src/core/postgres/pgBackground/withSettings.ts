import type { Client } from 'pg';
import { isServerError } from '../errors';

/** Settings that only apply to the worker: its limits must not end our own queries, and the encoding is the session's. */
export const WORKER_ONLY = /timeout|^client_encoding$/i;

/**
 * Runs a query about a text with the settings that its worker will have, and resets them: the meaning of a name may depend on
 * `search_path` and on the role.
 *
 * @param refused the result if the server does not accept a setting; the launch reports the error
 */
export async function withSettings<T>(
  client: Client,
  settings: Readonly<Record<string, string>>,
  query: () => Promise<T>,
  refused: T,
): Promise<T> {
  const entries = Object.entries(settings).filter(([name]) => !WORKER_ONLY.test(name));
  if (entries.length === 0) return query();
  const sets = entries.map((_, index) => `pg_catalog.set_config($${2 * index + 1}, $${2 * index + 2}, true)`);
  await client.query('BEGIN');
  try {
    await client.query({ text: `SELECT ${sets.join(', ')}`, values: entries.flat() });
    return await query();
  } catch (error) {
    if (!isServerError(error)) throw error;
    return refused;
  } finally {
    // A cancel that was meant for the query may hit the first ROLLBACK.
    await client.query('ROLLBACK').catch(() => client.query('ROLLBACK'));
  }
}

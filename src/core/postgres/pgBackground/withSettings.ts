/** Questions about a text, asked with the settings that its worker will have. */
import type { Client } from 'pg';
import { isServerError } from '../errors';

/** A worker's limits must not end our own questions, and the encoding is the session's. */
const NOT_OURS = /timeout|^client_encoding$/i;

/**
 * Asks with parameters set, and takes them back: what a name means may depend on `search_path` and on the role.
 *
 * @param refused What to answer if the server does not accept a parameter; the launch then says why.
 */
export async function withSettings<T>(
  client: Client,
  settings: Readonly<Record<string, string>>,
  ask: () => Promise<T>,
  refused: T,
): Promise<T> {
  const own = Object.entries(settings).filter(([name]) => !NOT_OURS.test(name));
  if (own.length === 0) return ask();
  const sets = own.map((_, index) => `pg_catalog.set_config($${2 * index + 1}, $${2 * index + 2}, true)`);
  await client.query('BEGIN');
  try {
    await client.query({ text: `SELECT ${sets.join(', ')}`, values: own.flat() });
    return await ask();
  } catch (error) {
    if (!isServerError(error)) throw error;
    return refused;
  } finally {
    // A cancel that was meant for the question may meet the first one.
    await client.query('ROLLBACK').catch(() => client.query('ROLLBACK'));
  }
}

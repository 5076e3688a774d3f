import type { Client } from 'pg';

/** What a server has, and what the role may see, beyond what every supported version has. */
export interface ServerFacts {
  /** The quoted names of the views `pg_stat_progress_…`. */
  readonly progressViews: readonly string[];
  /** The function `pg_stat_get_backend_io` (PostgreSQL 18). */
  readonly backendIo: boolean;
  /** The role may call `pg_ls_tmpdir`. */
  readonly tempFiles: boolean;
  readonly role: string;
}

const FACTS_QUERY = `
  SELECT pg_catalog.to_json(ARRAY(
           SELECT pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class AS c
            WHERE c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND c.relkind = 'v'
              AND c.relname LIKE 'pg\\_stat\\_progress\\_%' AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
              AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'pid')
            ORDER BY c.relname)),
         pg_catalog.to_regprocedure('pg_catalog.pg_stat_get_backend_io(integer)') IS NOT NULL,
         pg_catalog.has_function_privilege('pg_catalog.pg_ls_tmpdir()', 'EXECUTE'),
         current_user::pg_catalog.text`;

const facts = new WeakMap<Client, Promise<ServerFacts>>();
const waitEvents = new WeakMap<Client, Promise<ReadonlyMap<string, string>>>();

/** Queried once per connection. */
export function serverFacts(client: Client): Promise<ServerFacts> {
  return cached(facts, client, async () => {
    const { rows } = await client.query<(string | null)[]>({ text: FACTS_QUERY, rowMode: 'array' });
    const [views, backendIo, tempFiles, role] = rows[0] ?? [];
    return {
      progressViews: JSON.parse(views ?? '[]') as string[],
      backendIo: backendIo === 't',
      tempFiles: tempFiles === 't',
      role: role ?? '',
    };
  });
}

/** The server's own explanation of a wait event, since PostgreSQL 17. Queried once per connection. */
export async function waitDescription(client: Client, type: string, event: string): Promise<string | undefined> {
  const known = await cached(waitEvents, client, async () => {
    const { rows: found } = await client.query<(string | null)[]>({
      text: `SELECT pg_catalog.to_regclass('pg_catalog.pg_wait_events') IS NOT NULL`,
      rowMode: 'array',
    });
    if (found[0]?.[0] !== 't') return new Map<string, string>();
    const { rows } = await client.query<[string, string, string]>({
      text: 'SELECT w.type, w.name, pg_catalog."left"(w.description, 500) FROM pg_catalog.pg_wait_events AS w LIMIT 2000',
      rowMode: 'array',
    });
    return new Map(rows.map(([ofType, name, description]) => [`${ofType}/${name}`, description]));
  });
  return known.get(`${type}/${event}`);
}

/** A failure is not kept. */
function cached<T>(cache: WeakMap<Client, Promise<T>>, client: Client, query: () => Promise<T>): Promise<T> {
  let known = cache.get(client);
  if (!known) {
    known = query();
    cache.set(client, known);
    known.catch(() => cache.delete(client));
  }
  return known;
}

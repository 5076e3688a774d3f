// A PostgreSQL server that PGBG_SERVER_URL names: for machines that cannot run the packaged one, and for other versions. Node's own modules only
// until a query is sent, because scripts/demo.mjs reads the address before the dependencies are installed.

/** The PostgreSQL 18 of compose.yaml and of `npm run server`. */
export const DEFAULT_SERVER_URL = 'postgres://postgres@127.0.0.1:54318/postgres';

/**
 * @typedef {object} ExternalServer
 * @property {string} host
 * @property {number} port
 * @property {string} user must be a superuser
 * @property {(sql: string, options?: { database?: string }) => Promise<void>} psql runs statements, one transaction for all
 */

/**
 * @param {string} text postgres://user@host:port/database
 * @returns {{ host: string, port: number, user: string, database: string, password: string | undefined }}
 * @throws {Error} if it is not such an address
 */
export function parseServerUrl(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^postgres(ql)?:$/.test(url.protocol) || !url.hostname) {
    throw new Error('PGBG_SERVER_URL is not a server address. Example: postgres://user@host:5432/database');
  }
  const user = decodeURIComponent(url.username) || 'postgres';
  return {
    host: url.hostname,
    port: Number(url.port || 5432),
    user,
    database: decodeURIComponent(url.pathname.slice(1)) || user,
    password: url.password === '' ? undefined : decodeURIComponent(url.password),
  };
}

/**
 * Describes a running server in the way that `startPostgres` describes the one it starts.
 *
 * @param {string} url as PGBG_SERVER_URL
 * @returns {ExternalServer}
 */
export function externalServer(url) {
  const { host, port, user, database, password } = parseServerUrl(url);
  return {
    host,
    port,
    user,
    psql: async (sql, options = {}) => {
      const { default: pg } = await import('pg');
      const client = new pg.Client({ host, port, user, password, database: options.database ?? database });
      await client.connect();
      try {
        await client.query(sql);
      } finally {
        await client.end();
      }
    },
  };
}

/**
 * A running server that PGBG_SERVER_URL names, for machines that cannot run the packaged one and for other versions. Tests that must
 * restart their server, read its files, or change its settings are skipped, with the reason.
 */
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Client } from 'pg';
import { parseConnectionString } from '../../src/core/postgres/connect/conninfo/conninfo';
import type { TestServer } from './support';

/** State that scripts/lib/countingReporter.cjs keeps for this module. */
interface Reporting {
  pgbgRunnable?: {
    readonly type: string;
    readonly title: string;
    readonly parent?: { titlePath(): string[]; readonly _afterAll?: unknown[] };
    skip(): never;
  };
  pgbgSkipped?: { title: string; reason: string }[];
}

/** Skips the running test, or the suite whose hook is running. */
export function skipHere(reason: string): never {
  const { pgbgRunnable: runnable, pgbgSkipped: skipped } = globalThis as Reporting;
  if (!runnable) throw new Error(reason);
  const title = runnable.parent?.titlePath().join(' › ') ?? '';
  skipped?.push({ title: runnable.type === 'hook' ? title : `${title} › ${runnable.title}`, reason });
  // Mocha runs `after` hooks even if the `before` hook was skipped.
  if (runnable.type === 'hook') runnable.parent?._afterAll?.splice(0);
  return runnable.skip();
}

/** @param url as PGBG_SERVER_URL; its user must be a superuser */
export async function externalServer(url: string): Promise<TestServer> {
  const { profile, password } = parseConnectionString(url);
  const { host = 'localhost', user = 'postgres', database = 'postgres' } = profile;
  const port = Number(profile.port ?? 5432);
  // All connections of this run find the password there, as with libpq.
  if (password !== undefined) process.env['PGPASSWORD'] = password;
  const query = async (sql: string, options: { database?: string } = {}): Promise<string> => {
    const client = new Client({ host, port, user, database: options.database ?? database });
    await client.connect();
    try {
      const result = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
      // The result is an array if the text has several statements.
      return [result]
        .flat()
        .flatMap(({ rows }) => rows.map((row) => row.map(shown).join('|')))
        .join('\n');
    } finally {
      await client.end();
    }
  };
  // After a crash the server starts a new checkpointer.
  const checkpointer = (): Promise<string> =>
    query("SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
  const before = await checkpointer();
  const bin = await psqlFolder();
  const unavailable = (): never => skipHere('needs a separate server, and PGBG_SERVER_URL names a shared one');
  return {
    url,
    host,
    port,
    user,
    psql: query,
    crashes: async () => ((await checkpointer()) === before ? 0 : 1),
    get bin() {
      return bin ?? skipHere('needs psql in PATH');
    },
    get socketDir() {
      return unavailable();
    },
    get dataDir() {
      return unavailable();
    },
    get root() {
      return unavailable();
    },
    stop: () => Promise.resolve().then(unavailable),
    start: () => Promise.resolve().then(unavailable),
    restart: () => Promise.resolve().then(unavailable),
    serverLog: () => Promise.resolve().then(unavailable),
    addFile: () => Promise.resolve().then(unavailable),
  };
}

/** Formats a value as psql -A -t does. */
function shown(value: unknown): string {
  if (typeof value === 'boolean') return value ? 't' : 'f';
  return value === null ? '' : (value as string);
}

async function psqlFolder(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    const found = await access(join(folder, 'psql')).then(
      () => true,
      () => false,
    );
    if (found) return folder;
  }
  return undefined;
}

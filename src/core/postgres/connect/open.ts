import { Client, type ClientConfig } from 'pg';
import { ConnectError } from './errors';
import type { ConnectionProfile } from './profile';

export interface OpenOptions {
  /** The stored password; undefined where there is none. */
  readonly password?: () => Promise<string | undefined>;
  readonly applicationName?: string;
  readonly signal?: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: (message: string) => void;
}

/** Opens a connection. @throws ConnectError */
export async function openClient(profile: ConnectionProfile, options: OpenOptions = {}): Promise<Client> {
  const password = await options.password?.();
  const config: ClientConfig = {
    host: profile.host ?? 'localhost',
    port: Number(profile.port ?? 5432),
    keepAlive: true,
    connectionTimeoutMillis: (profile.connectTimeoutSeconds ?? 10) * 1000,
    application_name: profile.applicationName ?? options.applicationName ?? 'pg_background Workers (VS Code)',
    types: { getTypeParser: () => (value: string) => value },
    ...(profile.database === undefined ? {} : { database: profile.database }),
    ...(profile.user === undefined ? {} : { user: profile.user }),
    ...(profile.options === undefined ? {} : { options: profile.options }),
    ...(password === undefined ? {} : { password }),
    ssl:
      profile.sslmode === undefined || profile.sslmode === 'disable'
        ? false
        : { rejectUnauthorized: profile.sslmode.startsWith('verify') },
  };
  const client = new Client(config);
  client.on('error', (error) => options.log?.(error.message));
  const abort = (): void => {
    client.connection.stream.destroy(new ConnectError('aborted', 'Connecting was canceled.'));
  };
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    await client.connect();
    await client.query({
      text: `SELECT pg_catalog.set_config(name, value, false) FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS s(name, value) WHERE value IS NOT NULL`,
      values: [
        ['role', 'search_path'],
        [profile.role ?? null, profile.searchPath ?? null],
      ],
    });
    return client;
  } catch (error) {
    client.connection.stream.destroy();
    if (error instanceof ConnectError) throw error;
    throw new ConnectError('server', error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

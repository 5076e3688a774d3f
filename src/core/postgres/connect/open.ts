import { Client } from 'pg';
import type { ConnectionProfile } from './profile';
export interface OpenOptions { readonly password?: () => Promise<string | undefined>; readonly log?: (m: string) => void }
export async function openClient(p: ConnectionProfile, o: OpenOptions = {}): Promise<Client> {
  const client = new Client({ host: p.host ?? 'localhost', port: Number(p.port ?? 5432), database: p.database, user: p.user, password: (await o.password?.()) ?? undefined, types: { getTypeParser: () => (v: string) => v } as never, keepAlive: true });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Reads tables of a real server into spools and files. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { to } from 'pg-copy-streams';
import { SpoolReader, SpoolWriter, type SpoolColumn } from '../../../src/core/results/spool/spool';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { newDatabase, sharedServer } from '../support';

const run = promisify(execFile);

export interface Tables {
  readonly client: Client;
  readonly profile: ConnectionProfile;
  readonly folder: string;
  /** Spools the output of `COPY (query) TO STDOUT`, with the columns described by the server. */
  spool(query: string): Promise<SpoolReader>;
  /** Runs psql with meta-commands or SQL. */
  psql(...commands: string[]): Promise<string>;
  psqlFile(file: string): Promise<void>;
  close(): Promise<void>;
}

export async function openTables(): Promise<Tables> {
  const server = await sharedServer();
  const profile = await newDatabase(server);
  const { database } = profile;
  if (database === undefined) throw new Error('There is no database for the test.');
  const client = new Client({ host: server.host, port: server.port, user: server.user, database });
  await client.connect();
  const folder = await mkdtemp(join(tmpdir(), 'pgbg-tables-'));
  const psqlArgs = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', server.host, '-p', String(server.port)];
  const psql = async (...args: string[]): Promise<string> => {
    const all = [...psqlArgs, '-U', server.user, '-d', database, ...args];
    const { stdout } = await run(join(server.bin, 'psql'), all, { env: { ...process.env, PGCLIENTENCODING: 'UTF8' } });
    return stdout.trimEnd();
  };
  let spools = 0;
  return {
    client,
    profile,
    folder,
    spool: async (query) => {
      const columns = await describe(client, query);
      const file = join(folder, `spool${++spools}`);
      const writer = await SpoolWriter.create(file, columns, { maxRows: 0, maxBytes: 0 });
      await pipeline(client.query(to(`COPY (${query}) TO STDOUT`)), writer.stream);
      await writer.finish();
      return SpoolReader.open(file);
    },
    psql: (...commands) => psql(...commands.flatMap((command) => ['-c', command])),
    psqlFile: async (file) => {
      await psql('-f', file);
    },
    close: async () => {
      await client.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function describe(client: Client, query: string): Promise<SpoolColumn[]> {
  const { fields } = await client.query(`SELECT * FROM (${query}) AS q LIMIT 0`);
  const { rows } = await client.query<{ type: string }>(
    'SELECT format_type(oid, modifier) AS type FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS t(oid, modifier, n) ORDER BY n',
    [fields.map(({ dataTypeID }) => dataTypeID), fields.map(({ dataTypeModifier }) => dataTypeModifier)],
  );
  return fields.map(({ name, dataTypeID }, i) => ({ name, type: rows[i]?.type ?? 'text', typeOid: dataTypeID }));
}

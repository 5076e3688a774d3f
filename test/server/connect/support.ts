/** Shared by the tests of connecting: a temporary home folder, and psql with the same environment. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Client } from 'pg';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import { openClient, type OpenOptions } from '../../../src/core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import type { TestServer } from '../support';
import '../../vscodeStandIn';
import { faultText } from '../../../src/host/messages/faultText';

export { checkDetail, checkTitle, fixTitle } from '../../../src/host/messages/checkMessages';

/** A new folder with files in it. Default mode: only the owner may read them. */
export async function newHome(
  files: Readonly<Record<string, string | { readonly text: string; readonly mode: number }>> = {},
): Promise<string> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'pgbg-home-')));
  for (const [name, content] of Object.entries(files)) {
    const { text, mode } = typeof content === 'string' ? { text: content, mode: 0o600 } : content;
    const file = join(home, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text.replaceAll('HOME', home));
    await chmod(file, mode);
  }
  return home;
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** An environment without variables of PostgreSQL, except the given ones. */
export function environment(home: string, variables: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: home, LC_ALL: 'C', ...variables };
}

export interface PsqlResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs psql without prompts. */
export function psql(bin: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<PsqlResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(bin, 'psql'), ['-X', '-w', '-A', '-t', ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout: stdout.trimEnd(), stderr: stderr.trim() }));
  });
}

/** Opens a connection, uses it, and closes it. Resolves with the error if it cannot be opened. */
export async function withClient<T>(
  profile: ConnectionProfile,
  options: OpenOptions,
  use: (client: Client) => Promise<T>,
): Promise<T | ConnectError> {
  let client: Client;
  try {
    client = await openClient(profile, options);
  } catch (error) {
    if (error instanceof ConnectError) return error;
    throw error;
  }
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** The sentence that the user sees for a connect error. */
export function sentence(error: ConnectError): string {
  return faultText(error.fault);
}

/** Returns the error of a connection that must fail. */
export async function failureOf(profile: ConnectionProfile, options: OpenOptions = {}): Promise<ConnectError> {
  const outcome = await withClient(profile, options, () => Promise.resolve('connected'));
  if (outcome instanceof ConnectError) return outcome;
  throw new Error('The connection was opened, but it should have failed.');
}

/** Reloads the server's settings, and waits until new connections use them. */
export async function reload(server: Pick<TestServer, 'psql'>): Promise<void> {
  const loaded = (): Promise<string> => server.psql('SELECT pg_conf_load_time()');
  const before = await loaded();
  await server.psql('SELECT pg_reload_conf()');
  while ((await loaded()) === before) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** The first row of a query, as text. */
export async function ask(client: Client, sql: string): Promise<readonly (string | null)[]> {
  const { rows } = await client.query<(string | null)[]>({ text: sql, rowMode: 'array' });
  return rows[0] ?? [];
}

/** Whether a process exists. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

import { Client } from 'pg';
import * as vscode from 'vscode';
import type { JobInfo, JobState, PgBackgroundApi } from '../../src/api';
import type { GatePlace } from '../gate';
import { EXTENSION_ID } from '../../src/host/base/commandIds';
import { eventually } from './editorSupport';

export { EXTENSION_ID };

/** Activates the extension if necessary and returns its API. */
export async function activate(): Promise<PgBackgroundApi> {
  const extension = vscode.extensions.getExtension<PgBackgroundApi>(EXTENSION_ID);
  if (!extension) throw new Error('The extension is not installed.');
  return extension.activate();
}

/** The database that the workspace's connection "test" points to, as scripts/test.mjs or prepare-extension-tests.mjs set it up. */
export function databaseUrl(): string {
  const url = process.env['PGBG_TEST_DATABASE_URL'] ?? urlFromSettings();
  if (!url) throw new Error('Neither PGBG_TEST_DATABASE_URL nor a connection named "test" is set.');
  return url;
}

/** Under the debugger no environment variable is set. Read once, because tests change the settings. */
const urlFromSettings = once((): string | undefined => {
  const connections = vscode.workspace
    .getConfiguration('pgBackground')
    .get<{ name: string; host: string; port: number; user: string; database: string }[]>('connections', []);
  const test = connections.find(({ name }) => name === 'test');
  return test && `postgres://${test.user}@${test.host}:${test.port}/${test.database}`;
});

function once<T>(read: () => T): () => T {
  let result: { value: T } | undefined;
  return () => (result ??= { value: read() }).value;
}

/** The database for gates. */
export function place(): GatePlace {
  return { connectionString: databaseUrl() };
}

/** Resolves when the job's worker sleeps. SQL can catch a cancel only after it has started. */
export async function sleeps(api: PgBackgroundApi, id: string): Promise<void> {
  await eventually(async () => {
    const workers = await api.workers('test');
    return workers.some(({ jobId, waitEvent }) => jobId === id && waitEvent === 'PgSleep') ? true : undefined;
  }, 'the worker sleeps');
}

/** Runs a statement on the server, without the extension. */
export async function sql(text: string): Promise<unknown[][]> {
  const client = new Client({ connectionString: databaseUrl() });
  await client.connect();
  try {
    const { rows } = await client.query<unknown[]>({ text, rowMode: 'array' });
    return rows;
  } finally {
    await client.end();
  }
}

/** Resolves when the job is in one of the states; rejects if it ends in another. */
export function reaches(api: PgBackgroundApi, id: string, ...states: readonly JobState[]): Promise<JobInfo> {
  return new Promise((resolve, reject) => {
    const ended: readonly JobState[] = ['succeeded', 'failed', 'canceled', 'lost', 'finished'];
    const check = (job: JobInfo | undefined): boolean => {
      if (job?.id !== id) return false;
      if (states.includes(job.state)) resolve(job);
      else if (ended.includes(job.state))
        reject(new Error(`The job is ${job.state}: ${job.error?.message ?? job.reason ?? ''}`));
      else return false;
      return true;
    };
    const listener = api.onDidChangeJob((job) => {
      if (check(job)) listener.dispose();
    });
    if (check(api.jobs().find((job) => job.id === id))) listener.dispose();
  });
}

export async function openSql(content: string): Promise<vscode.TextEditor> {
  const document = await vscode.workspace.openTextDocument({ language: 'sql', content });
  return vscode.window.showTextDocument(document);
}

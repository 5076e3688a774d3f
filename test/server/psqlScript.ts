/** The real psql, the reference for how scripts are parsed. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestServer } from './support';

const run = promisify(execFile);

/**
 * Runs a script with `psql -f`, which continues after errors by default.
 *
 * @param variables As `-v name=value`.
 * @returns the output of psql, unaligned and without headers
 */
export async function psqlFile(
  server: TestServer,
  database: string,
  script: string,
  { variables = {}, env = {} }: { variables?: Record<string, string>; env?: Record<string, string> } = {},
): Promise<{ stdout: string; stderr: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'pgbg-psql-'));
  try {
    const file = join(folder, 'script.sql');
    await writeFile(file, script);
    const to = ['-h', server.host, '-p', String(server.port), '-U', server.user, '-d', database];
    const set = Object.entries(variables).flatMap(([name, value]) => ['-v', `${name}=${value}`]);
    const child = run(join(server.bin, 'psql'), ['-X', '-A', '-t', ...to, ...set, '-f', file], {
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', ...env },
      maxBuffer: 64 * 1024 * 1024,
    });
    child.child.stdin?.end();
    return await child;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The output of `pg_dump` for a database, without the parts that differ from run to run. */
export async function dump(server: TestServer, database: string, ...options: string[]): Promise<string> {
  const to = ['-h', server.host, '-p', String(server.port), '-U', server.user, '-d', database];
  const { stdout } = await run(join(server.bin, 'pg_dump'), [...to, ...options], {
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

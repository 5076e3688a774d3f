/**
 * Uses a right and a wrong password from each source, and runs jobs that succeed and fail. Then no password may be in a log at any
 * level, an error, a file of this extension, the arguments of a process, or the server's views and log.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { parseConnectionString } from '../../src/core/postgres/connect/conninfo/conninfo';
import { ConnectError } from '../../src/core/postgres/connect/errors';
import { testConnection } from '../../src/core/postgres/connect/check/testConnection';
import { openClient, type OpenOptions } from '../../src/core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { labelFor } from '../../src/core/sql/directives';
import { environment, newHome, removeFolder } from './connect/support';
import { newDatabase, newEngine, newServer, type TestServer } from './support';

/** Quoting, encoding, and escaping change the beginning and the end of these passwords, but never the middle. */
const RIGHT = 'p"\\% Zq7xKw92Lp \'é€';
const WRONG = 'w: Yc6nFs51Gj %20';
const CORES = ['Zq7xKw92Lp', 'Yc6nFs51Gj'];

describe('a scan for used passwords', () => {
  let server: TestServer;
  let home: string;
  let profile: ConnectionProfile;
  const seen: string[] = [];
  const log = (message: string): void => void seen.push(message);

  before(async () => {
    server = await newServer(
      { log_statement: 'ddl', log_connections: 'on', log_min_messages: 'info' },
      'host all keeper all scram-sha-256\nhost all all all trust\n',
    );
    profile = { ...(await newDatabase(server)), user: 'keeper', sslmode: 'disable' };
    // This statement must contain the password, so the server must not log it.
    await server.psql(`SET log_statement = 'none'; CREATE ROLE keeper LOGIN PASSWORD '${RIGHT.replaceAll("'", "''")}'`);
    await server.psql('GRANT pgbackground_role TO keeper', { database: profile.database! });
    const escaped = RIGHT.replaceAll(/[\\:]/g, '\\$&');
    home = await newHome({
      '.pgpass': `*:*:*:*:${escaped}\n`,
      'wrong.pgpass': `*:*:*:*:${WRONG.replaceAll(/[\\:]/g, '\\$&')}\n`,
      '.pg_service.conf': `[right]\npassword=${RIGHT}\n[wrong]\npassword=${WRONG}\n`,
      'right.txt': RIGHT,
      'wrong.txt': WRONG,
    });
  });
  after(async () => {
    await server.stop();
    await removeFolder(home);
  });

  /** Connects and tests the connection, and keeps the results and every property of an error for the scan. */
  async function attempt(given: Partial<ConnectionProfile>, options: OpenOptions, expected: boolean): Promise<void> {
    const env = options.env ?? environment(home, { PGPASSFILE: '/none' });
    const all = { ...options, env, log };
    try {
      const client = await openClient({ ...profile, ...given }, all);
      seen.push(inspect(client, { depth: 12, showHidden: true }));
      await client.end();
      assert.ok(expected, 'connected with a wrong password');
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      seen.push(inspect(error, { depth: 12, showHidden: true }), error.stack ?? '');
      assert.ok(!expected, error.message);
    }
    const results = await testConnection({ ...profile, ...given }, all);
    assert.equal(results[0]!.status, expected ? 'ok' : 'error');
    seen.push(JSON.stringify(results));
  }

  it('begins after a right and a wrong password from each source', async () => {
    for (const [secret, right] of [
      [RIGHT, true],
      [WRONG, false],
    ] as const) {
      const word = right ? 'right' : 'wrong';
      await attempt({}, { password: () => Promise.resolve(secret) }, right);
      await attempt({}, { askPassword: () => Promise.resolve(secret) }, right);
      await attempt({}, { env: environment(home, { PGPASSWORD: secret, PGPASSFILE: '/none' }) }, right);
      await attempt({ service: word }, {}, right);
      await attempt({ passfile: join(home, right ? '.pgpass' : 'wrong.pgpass') }, {}, right);
      await attempt({ passwordCommand: `cat ${join(home, `${word}.txt`)}` }, {}, right);
      const uri = `postgres://keeper:${encodeURIComponent(secret)}@${server.host}:${server.port}/x?bad`;
      assert.throws(
        () => parseConnectionString(uri),
        (error: unknown) => seen.push(inspect(error, { depth: 12 })) > 0,
      );
    }
    await attempt({ passwordCommand: `cat ${join(home, 'wrong.txt')}; exit 3` }, {}, false);
  });

  it('includes the records, rows, and logs of jobs that succeeded and failed', async () => {
    const command = `cat ${join(home, 'right.txt')}`;
    const engine = await newEngine({ ...profile, passwordCommand: command });
    for (const sql of ['SELECT session_user', 'SELECT 1/0', `SELECT '${CORES[0]!}' AS visible, nosuch`]) {
      const job = await engine.ended(sql, { label: labelFor(sql) });
      seen.push(job.record.label, job.record.error?.message ?? '');
    }
    const shown = await server.psql("SELECT coalesce(string_agg(a::text, chr(10)), '') FROM pg_stat_activity AS a");
    seen.push(...engine.log.lines, shown);
    // Every user of the computer can see the arguments of a process.
    for (const pid of (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))) {
      seen.push(await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''));
    }
    await engine.close({ keep: true });
    let files = 0;
    for (const entry of await readdir(engine.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      files++;
      const text = await readFile(join(entry.parentPath, entry.name), 'utf8');
      // The job keeps the user's SQL, even if it contains a password.
      seen.push(text.replaceAll(`'${CORES[0]!}' AS visible`, ''));
    }
    assert.ok(files >= 3, String(files));
    await removeFolder(engine.folder);
  });

  it('finds none of them', async () => {
    seen.push((await server.serverLog()).replaceAll(`'${CORES[0]!}' AS visible`, ''));
    assert.ok(seen.some((text) => text.includes('connect.passwordRejected')));
    for (const text of seen) {
      for (const form of CORES.flatMap(formsOf)) {
        const at = text.indexOf(form);
        assert.ok(at < 0, `${form} in: ${text.slice(Math.max(0, at - 200), at + 100)}`);
      }
    }
  });
});

/** Returns the text itself, and its base64 at each alignment. */
function formsOf(core: string): string[] {
  const encoded = [0, 1, 2].map((before) =>
    Buffer.from('x'.repeat(before) + core)
      .toString('base64')
      .slice(before === 0 ? 0 : 4, -4),
  );
  return [core, ...encoded];
}

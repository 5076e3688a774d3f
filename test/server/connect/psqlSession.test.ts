import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectEnvironment } from '../../../src/core/postgres/connect/conninfo/environment';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { psqlSession } from '../../../src/core/postgres/connect/conninfo/psqlSession';
import { newDatabase, sharedServer, type TestServer } from '../support';

describe('psql on a connection', () => {
  let server: TestServer;
  let profile: ConnectionProfile;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
  });

  async function psql(changes: Partial<ConnectionProfile>, sql: string): Promise<string> {
    const { args, env } = psqlSession({ ...profile, ...changes }, connectEnvironment());
    const { stdout } = await promisify(execFile)(join(server.bin, 'psql'), [...args, '-XAtc', sql], {
      env: { ...process.env, ...env },
    });
    return stdout.trim();
  }

  it('uses the database, the search path, and the role of the connection', async () => {
    await server.psql('CREATE SCHEMA shop; CREATE ROLE psql_role; GRANT psql_role TO CURRENT_USER', {
      database: profile.database!,
    });
    const sql = "SELECT current_database(), current_schema(), current_user, current_setting('application_name')";
    assert.equal(
      await psql({ searchPath: 'shop', role: 'psql_role' }, sql),
      `${profile.database!}||psql_role|psql`,
      'the role may not use the schema',
    );
    assert.equal(await psql({ searchPath: 'shop' }, sql), `${profile.database!}|shop|${profile.user!}|psql`);
  });

  it('is read-only on a connection that is', async () => {
    assert.equal(await psql({ readOnly: true }, 'SHOW default_transaction_read_only'), 'on');
    assert.equal(
      await psql({ readOnly: true, options: '-c work_mem=1MB' }, "SELECT current_setting('work_mem')"),
      '1MB',
    );
    assert.equal(await psql({}, 'SHOW default_transaction_read_only'), 'off');
  });

  it('reads the service file of the connection, also from the home folder', async () => {
    const file = await server.addFile('psql_service.conf', `[orders]\ndbname=${profile.database!}\n`);
    const { host, port, user } = profile;
    const { args, env } = psqlSession(
      { name: 'x', host: host!, port: port!, user: user!, service: 'orders', serviceFile: '~/psql_service.conf' },
      { home: { ...connectEnvironment().home!, folder: join(file, '..') } },
    );
    const { stdout } = await promisify(execFile)(
      join(server.bin, 'psql'),
      [...args, '-XAtc', 'SELECT current_database()'],
      { env: { ...process.env, ...env } },
    );
    assert.equal(stdout.trim(), profile.database);
  });

  it('gets no password in its arguments or its environment', async () => {
    const file = await server.addFile('psql_passfile', '*:*:*:*:secret\n', 0o600);
    await writeFile(file, '*:*:*:*:secret\n');
    const session = psqlSession({ ...profile, passfile: file }, connectEnvironment());
    assert.ok(!JSON.stringify(session).includes('secret'), JSON.stringify(session));
  });
});

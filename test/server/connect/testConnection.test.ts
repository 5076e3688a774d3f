/** Each result of Test Connection, provoked on a real server; SQL fixes are applied. */
import assert from 'node:assert/strict';
import type { CheckResult, Fix } from '../../../src/core/postgres/connect/check/checkResult';
import { runFix, testConnection, type TestOptions } from '../../../src/core/postgres/connect/check/testConnection';
import { openClient } from '../../../src/core/postgres/connect/open/open';
import { inSession } from '../../../src/core/postgres/client/ownSession';
import { runSetup } from '../../../src/core/postgres/durable/administration';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { eventually, newDatabase, newServer, scripts, type TestServer } from '../support';
import { makeCertificate } from './certificates';
import { checkDetail, checkTitle, environment, fixTitle, newHome, reload, removeFolder } from './support';

const HBA = `
local all all trust
host all asked all scram-sha-256
host all all all trust
`;

describe('testConnection', () => {
  let server: TestServer;
  let home: string;

  before(async () => {
    home = await newHome();
    server = await newServer({ max_worker_processes: 6 }, HBA);
    await server.psql(`CREATE ROLE plain LOGIN; CREATE ROLE asked LOGIN PASSWORD 'right'`);
  });
  after(async () => {
    await server.stop();
    await removeFolder(home);
  });

  const options = (more: TestOptions = {}): TestOptions => ({ env: environment(home), ...more });

  const look = (profile: ConnectionProfile, more: TestOptions = {}): Promise<readonly CheckResult[]> =>
    testConnection(profile, options(more));

  function find(results: readonly CheckResult[], id: string): CheckResult {
    const found = results.find((result) => result.id === id);
    assert.ok(found, `No result "${id}" among ${results.map((result) => result.id).join(', ')}.`);
    for (const result of results) {
      assert.ok(checkTitle(result).length > 0 && checkDetail(result).length > 0);
      for (const fix of result.fixes) assert.ok(fixTitle(fix) !== '' && (fix.sql ?? fix.action) !== undefined);
    }
    return found;
  }

  const statuses = (results: readonly CheckResult[]): string =>
    results.map(({ id, status }) => `${id} ${status}`).join(', ');

  /** Runs the SQL that a result offers. */
  async function apply(result: CheckResult, database: string | undefined): Promise<void> {
    const sql = result.fixes.flatMap((fix) => fix.sql ?? []);
    assert.ok(sql.length > 0);
    for (const statement of sql) await server.psql(statement, { database: database ?? 'postgres' });
  }

  it('reports no problem for a complete setup', async () => {
    const results = await look(await newDatabase(server));
    assert.equal(
      statuses(results),
      'reachable ok, tls ok, server ok, pooler ok, extension ok, extensionRisk info, privileges ok, readStats ok, signal ok, durable info, slots ok, limits ok',
    );
    assert.match(
      checkDetail(find(results, 'reachable')),
      /^Connected to 127\.0\.0\.1, port \d+ as “postgres”\. The server did not ask for a password\.$/,
    );
    assert.match(checkTitle(find(results, 'server')), /^PostgreSQL 18\./);
    assert.match(checkDetail(find(results, 'slots')), /^\d of the server’s 6 worker processes/);
  });

  it('reports whether durable jobs are set up, which is optional', async () => {
    const database = await newDatabase(server);
    const found = async (): Promise<unknown[]> => {
      const durable = find(await look(database), 'durable');
      return [durable.status, checkTitle(durable), durable.fixes.map(({ action }) => action)];
    };
    assert.deepEqual(await found(), ['info', 'Durable jobs are not set up', ['setUpDurableJobs']]);
    await inSession(openClient(database), (client) => runSetup(client));
    assert.deepEqual(await found(), ['ok', 'Durable jobs are set up, version 2', []]);
    const run = (sql: string): Promise<unknown> => server.psql(sql, { database: database.database! });
    await run("UPDATE pgbackground_jobs.setup SET functions = 'others'");
    assert.deepEqual(await found(), ['info', 'Durable jobs cannot be used', ['setUpDurableJobs']]);
    await run('UPDATE pgbackground_jobs.setup SET version = 99');
    assert.deepEqual(await found(), ['info', 'Durable jobs cannot be used', []]);
  });

  it('names the password that was used, and reports one that the server did not ask for as not checked', async () => {
    const database = await newDatabase(server);
    const password = (): Promise<string> => Promise.resolve('right');
    const reached = async (more: Partial<ConnectionProfile>, given: TestOptions): Promise<string> =>
      checkDetail(find(await look({ ...database, ...more }, given), 'reachable'));
    assert.match(
      await reached({}, { password }),
      /as “postgres”\. The server did not ask for a password, so the one from the stored passwords was not used or checked\.$/,
    );
    assert.match(
      await reached({ user: 'asked' }, { password }),
      /as “asked”, with the password from the stored passwords\.$/,
    );
    assert.match(
      await reached({ user: 'asked' }, { password, passwordFrom: 'form' }),
      /as “asked”, with the password from the form\.$/,
    );
  });

  it('reports a failure to connect as the only result, with fixes', async () => {
    const profile = { name: 'x', host: '127.0.0.1', port: server.port, user: 'plain', database: 'postgres' };
    const actions = async (changed: Partial<ConnectionProfile>, more: TestOptions = {}): Promise<unknown> => {
      const [only, ...others] = await look({ ...profile, ...changed }, more);
      assert.deepEqual(others, []);
      return [only?.id, only?.status, only && checkTitle(only), ...(only?.fixes.map(({ action }) => action) ?? [])];
    };
    assert.deepEqual(await actions({ port: 1 }), ['reachable', 'error', 'Not reachable', 'editConnection', 'retry']);
    assert.deepEqual(await actions({ user: 'asked' }), [
      'reachable',
      'error',
      'No password',
      'enterPassword',
      'editConnection',
    ]);
    assert.deepEqual(await actions({ user: 'asked' }, { password: () => Promise.resolve('wrong') }), [
      'reachable',
      'error',
      'Authentication failed',
      'enterPassword',
      'editConnection',
    ]);
    assert.deepEqual(await actions({ database: 'missing' }), [
      'reachable',
      'error',
      'Database not accessible',
      'editConnection',
    ]);
    assert.deepEqual(await actions({ sslmode: 'require' }), ['tls', 'error', 'TLS failed', 'editConnection']);
    assert.deepEqual(await actions({ role: 'missing' }), [
      'reachable',
      'error',
      'Session setup failed',
      'editConnection',
    ]);
    assert.deepEqual(await actions({ service: 'missing' }), [
      'reachable',
      'error',
      'Invalid settings',
      'editConnection',
    ]);
  });

  it('reports the TLS version and the expiry of the certificate', async () => {
    for (const [name, until] of [
      ['long', 200],
      ['short', 5],
      ['over', -1],
    ] as const) {
      const { pem, keyPem } = makeCertificate({ commonName: 'localhost', names: ['localhost'], from: -9, until });
      await server.addFile(`${name}.crt`, pem);
      await server.addFile(`${name}.key`, keyPem);
      await server.psql(`ALTER SYSTEM SET ssl_cert_file = '${name}.crt'`);
      await server.psql(`ALTER SYSTEM SET ssl_key_file = '${name}.key'`);
      await server.psql('ALTER SYSTEM SET ssl = on');
      await reload(server);
      const tls = find(
        await look({ name: 'x', host: 'localhost', port: server.port, user: 'postgres', sslmode: 'require' }),
        'tls',
      );
      const day = new Date(Date.now() + until * 86_400_000).toISOString().slice(0, 10);
      assert.match(
        checkDetail(tls),
        new RegExp(`^TLSv1\\.3, TLS_\\w+; the certificate of localhost expire(s|d) on ${day}`),
      );
      const title = {
        long: 'Encrypted (TLSv1.3)',
        short: /^The certificate expires in [45] days$/,
        over: 'The certificate has expired',
      }[name];
      if (typeof title === 'string') assert.equal(checkTitle(tls), title);
      else assert.match(checkTitle(tls), title);
    }
  });

  it('reports that pg_background is not installed on the server', async () => {
    const profile = await newDatabase(server, { extension: false });
    await server.psql(`ALTER DATABASE ${profile.database ?? ''} SET extension_control_path = '/nowhere'`);
    const extension = find(await look(profile), 'extension');
    assert.equal(checkTitle(extension), 'pg_background is not installed on the server');
    assert.match(checkDetail(extension), /postgresql-18-pg-background/);
  });

  it('reports that pg_background is not installed in the database, and the fix installs it', async () => {
    const profile = await newDatabase(server, { extension: false });
    const extension = find(await look({ ...profile, user: 'plain' }), 'extension');
    assert.equal(
      `${extension.status}: ${checkTitle(extension)}`,
      'error: pg_background is not installed in this database',
    );
    assert.equal(fixTitle(extension.fixes[0]!), 'Create it (as a superuser)');
    await apply(extension, profile.database);
    assert.equal(find(await look(profile), 'extension').status, 'ok');
  });

  it('offers to run SQL only to a role that may run it, and runs it unchanged', async () => {
    const profile = await newDatabase(server, { extension: false });
    const create = (results: readonly CheckResult[]): Fix | undefined => find(results, 'extension').fixes[0];
    assert.equal(create(await look({ ...profile, user: 'plain' }))?.mayRun, undefined);
    assert.equal(create(await look({ ...profile, options: '-c default_transaction_read_only=on' }))?.mayRun, undefined);
    const fix = create(await look(profile));
    assert.equal(fix?.mayRun, true);
    await assert.rejects(runFix({ ...profile, user: 'plain' }, fix.sql!, options()), /permission denied/);
    await runFix(profile, fix.sql!, options());
    assert.equal(find(await look(profile), 'extension').status, 'ok');
  });

  it('names the field that a failure is about', async () => {
    const profile = { name: 'x', host: '127.0.0.1', port: server.port, user: 'plain', database: 'postgres' };
    const about = async (changed: Partial<ConnectionProfile>): Promise<unknown> =>
      (await look({ ...profile, ...changed }))[0]?.field;
    assert.equal(await about({ port: 1 }), 'host');
    assert.equal(await about({ user: 'asked' }), 'password');
    assert.equal(await about({ database: 'missing' }), 'database');
    assert.equal(await about({ sslmode: 'verify-full' }), 'sslmode');
  });

  it('warns of an old version of pg_background', async () => {
    const profile = await newDatabase(server, { version: '1.10' });
    const results = await look(profile);
    assert.equal(checkTitle(find(results, 'extension')), 'pg_background 1.10');
    assert.equal(find(results, 'extensionRisk').status, 'warning');
    assert.equal(find(results, 'extensionUpdate').fixes[0]?.sql, 'ALTER EXTENSION pg_background UPDATE;');
    assert.equal(find(results, 'privileges').status, 'ok');
  });

  it('reports missing privileges in a schema with an unusual name, and the fixes grant them', async () => {
    const profile = await newDatabase(server, { schema: 'Odd "schema' });
    const role = `o"dd '${profile.name}`;
    await server.psql(`CREATE ROLE "${role.replaceAll('"', '""')}" LOGIN`);
    const mine = { ...profile, user: role };
    const before = await look(mine);
    for (const [id, status] of [
      ['privileges', 'error'],
      ['readStats', 'info'],
      ['signal', 'info'],
    ] as const) {
      const result = find(before, id);
      assert.equal(result.status, status, id);
      await apply(result, profile.database);
    }
    const after = await look(mine);
    assert.deepEqual(
      ['privileges', 'readStats', 'signal'].map((id) => find(after, id).status),
      ['ok', 'ok', 'ok'],
    );
    const client = await openClient(mine, options());
    const { rows } = await client.query<{ pid: string }>(
      'SELECT pid FROM "Odd ""schema".pg_background_launch(\'SELECT 1\')',
    );
    assert.match(rows[0]?.pid ?? '', /^\d+$/);
    await client.end();
  });

  it('reports that all worker slots are used, and that a role may see only some of them', async () => {
    const profile = await newDatabase(server);
    const client = await openClient(profile, options());
    try {
      for (
        let free = find(await look(profile), 'slots');
        free.status !== 'error';
        free = find(await look(profile), 'slots')
      ) {
        await client.query("SELECT pg_background_launch('SELECT pg_sleep(60)')");
      }
      const slots = find(await look(profile), 'slots');
      assert.equal(checkTitle(slots), 'No worker slot is free');
      assert.match(slots.fixes[0]?.sql ?? '', /^ALTER SYSTEM SET max_worker_processes = 32;$/);
      assert.match(
        checkDetail(find(await look({ ...profile, user: 'plain' }), 'slots')),
        /^At least \d of the server’s 6/,
      );
    } finally {
      await client.query('SELECT pg_background_cancel_all()');
      await client.end();
    }
  });

  it('reports the time limits of the role', async () => {
    const profile = await newDatabase(server);
    await server.psql(`ALTER ROLE plain IN DATABASE ${profile.database ?? ''} SET statement_timeout = '5min'`);
    await server.psql(
      `ALTER ROLE plain IN DATABASE ${profile.database ?? ''} SET pg_background.worker_timeout = '90s'`,
    );
    const limits = find(await look({ ...profile, user: 'plain' }), 'limits');
    assert.equal(limits.status, 'info');
    assert.match(checkDetail(limits), /statement_timeout = 5min, pg_background\.worker_timeout = (90s|1.5min)/);
  });

  it('distinguishes a proxy in transaction mode from one in session mode', async () => {
    const { startPgbouncer } = await scripts();
    for (const [poolMode, status] of [
      ['transaction', 'error'],
      ['session', 'info'],
    ] as const) {
      const bouncer = await startPgbouncer({ server, log: () => undefined, poolMode });
      try {
        const profile = await newDatabase(server);
        const pooler = find(await look({ ...profile, host: bouncer.host, port: bouncer.port }), 'pooler');
        assert.equal(pooler.status, status, checkTitle(pooler));
      } finally {
        await bouncer.stop();
      }
    }
  });

  it('reports read-only sessions', async () => {
    const profile = await newDatabase(server);
    const readOnly = find(await look({ ...profile, options: '-c default_transaction_read_only=on' }), 'readOnly');
    assert.equal(checkTitle(readOnly), 'Read-only');
  });

  it('can be canceled', async () => {
    const profile = await newDatabase(server);
    const stop = new AbortController();
    stop.abort();
    assert.equal(checkTitle(find(await look(profile, { signal: stop.signal }), 'reachable')), 'Canceled');
  });

  it('leaves no connection open', async () => {
    await look(await newDatabase(server));
    const left = `SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%VS Code%'`;
    await eventually(async () => (await server.psql(left)) === '0', 'nothing is open');
  });
});

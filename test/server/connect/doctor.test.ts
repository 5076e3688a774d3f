/** Each finding of the doctor, provoked for real, and its fix tried where it is SQL. */
import assert from 'node:assert/strict';
import {
  examine,
  runFix,
  type ExamineOptions,
  type Finding,
} from '../../../src/core/postgres/connect/check/testConnection';
import { openClient } from '../../../src/core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { eventually, newDatabase, newServer, scripts, type TestServer } from '../support';
import { makeCertificate } from './certificates';
import { environment, newHome, reload, removeFolder } from './support';

const HBA = `
local all all trust
host all asked all scram-sha-256
host all all all trust
`;

describe('the doctor', () => {
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

  const options = (more: ExamineOptions = {}): ExamineOptions => ({ env: environment(home), ...more });

  const look = (profile: ConnectionProfile, more: ExamineOptions = {}): Promise<readonly Finding[]> =>
    examine(profile, options(more));

  function find(findings: readonly Finding[], id: string): Finding {
    const found = findings.find((finding) => finding.id === id);
    assert.ok(found, `No finding "${id}" among ${findings.map((one) => one.id).join(', ')}.`);
    for (const { title, detail, fixes } of findings) {
      assert.ok(title.length > 0 && detail.length > 0);
      for (const fix of fixes) assert.ok(fix.sql !== undefined || fix.action !== undefined);
    }
    return found;
  }

  const statuses = (findings: readonly Finding[]): string =>
    findings.map(({ id, status }) => `${id} ${status}`).join(', ');

  /** Runs the SQL that a finding offers. */
  async function apply(finding: Finding, database: string | undefined): Promise<void> {
    const sql = finding.fixes.flatMap((fix) => fix.sql ?? []);
    assert.ok(sql.length > 0);
    for (const statement of sql) await server.psql(statement, { database: database ?? 'postgres' });
  }

  it('all is well', async () => {
    const findings = await look(await newDatabase(server));
    assert.equal(
      statuses(findings),
      'reachable ok, tls ok, server ok, pooler ok, extension ok, extensionRisk info, privileges ok, readStats ok, signal ok, slots ok, limits ok',
    );
    assert.match(
      find(findings, 'reachable').detail,
      /^Connected to 127\.0\.0\.1, port \d+ as "postgres"\. The server did not ask for a password\.$/,
    );
    assert.match(find(findings, 'server').title, /^PostgreSQL 18\./);
    assert.match(find(findings, 'slots').detail, /^\d of the 6 worker processes/);
  });

  it('says which password got the user in, and that one which the server did not ask for was not checked', async () => {
    const database = await newDatabase(server);
    const password = (): Promise<string> => Promise.resolve('right');
    const reached = async (more: Partial<ConnectionProfile>, given: ExamineOptions): Promise<string> =>
      find(await look({ ...database, ...more }, given), 'reachable').detail;
    assert.match(
      await reached({}, { password }),
      /as "postgres"\. The server did not ask for a password, so the one from the stored passwords was not used or checked\.$/,
    );
    assert.match(
      await reached({ user: 'asked' }, { password }),
      /as "asked", with the password from the stored passwords\.$/,
    );
    assert.match(
      await reached({ user: 'asked' }, { password, passwordSource: 'the form' }),
      /as "asked", with the password from the form\.$/,
    );
  });

  it('not reachable, no password, a wrong one, no such database: one finding, with what to do', async () => {
    const profile = { name: 'x', host: '127.0.0.1', port: server.port, user: 'plain', database: 'postgres' };
    const actions = async (changed: Partial<ConnectionProfile>, more: ExamineOptions = {}): Promise<unknown> => {
      const [only, ...others] = await look({ ...profile, ...changed }, more);
      assert.deepEqual(others, []);
      return [only?.id, only?.status, only?.title, ...(only?.fixes.map(({ action }) => action) ?? [])];
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
      'Not authenticated',
      'enterPassword',
      'editConnection',
    ]);
    assert.deepEqual(await actions({ database: 'missing' }), [
      'reachable',
      'error',
      'No such database',
      'editConnection',
    ]);
    assert.deepEqual(await actions({ sslmode: 'require' }), ['tls', 'error', 'TLS failed', 'editConnection']);
    assert.deepEqual(await actions({ role: 'missing' }), ['reachable', 'error', 'Not set up', 'editConnection']);
    assert.deepEqual(await actions({ service: 'missing' }), [
      'reachable',
      'error',
      'Faulty settings',
      'editConnection',
    ]);
  });

  it('TLS: version and end of the certificate', async () => {
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
      assert.match(tls.detail, new RegExp(`^TLSv1\\.3, TLS_\\w+; the certificate of localhost end(s|ed) on ${day}`));
      const title = {
        long: 'Encrypted (TLSv1.3)',
        short: /^The certificate ends in [45] days$/,
        over: 'The certificate has expired',
      }[name];
      if (typeof title === 'string') assert.equal(tls.title, title);
      else assert.match(tls.title, title);
    }
  });

  it('pg_background is not on the server', async () => {
    const profile = await newDatabase(server, { extension: false });
    await server.psql(`ALTER DATABASE ${profile.database ?? ''} SET extension_control_path = '/nowhere'`);
    const extension = find(await look(profile), 'extension');
    assert.equal(extension.title, 'pg_background is not on the server');
    assert.match(extension.detail, /postgresql-18-pg-background/);
  });

  it('pg_background is not in the database, and its fix', async () => {
    const profile = await newDatabase(server, { extension: false });
    const extension = find(await look({ ...profile, user: 'plain' }), 'extension');
    assert.equal(`${extension.status}: ${extension.title}`, 'error: pg_background is not in this database');
    assert.equal(extension.fixes[0]?.title, 'Create it (as a superuser)');
    await apply(extension, profile.database);
    assert.equal(find(await look(profile), 'extension').status, 'ok');
  });

  it('SQL is offered to be run only to a role that may, and is run as it stands', async () => {
    const profile = await newDatabase(server, { extension: false });
    const create = (findings: readonly Finding[]): Finding['fixes'][number] | undefined =>
      find(findings, 'extension').fixes[0];
    assert.equal(create(await look({ ...profile, user: 'plain' }))?.mayRun, undefined);
    assert.equal(create(await look({ ...profile, options: '-c default_transaction_read_only=on' }))?.mayRun, undefined);
    const fix = create(await look(profile));
    assert.equal(fix?.mayRun, true);
    await assert.rejects(runFix({ ...profile, user: 'plain' }, fix.sql!, options()), /permission denied/);
    await runFix(profile, fix.sql!, options());
    assert.equal(find(await look(profile), 'extension').status, 'ok');
  });

  it('a failure names the field to look at', async () => {
    const profile = { name: 'x', host: '127.0.0.1', port: server.port, user: 'plain', database: 'postgres' };
    const about = async (changed: Partial<ConnectionProfile>): Promise<unknown> =>
      (await look({ ...profile, ...changed }))[0]?.about;
    assert.equal(await about({ port: 1 }), 'host');
    assert.equal(await about({ user: 'asked' }), 'password');
    assert.equal(await about({ database: 'missing' }), 'database');
    assert.equal(await about({ sslmode: 'verify-full' }), 'sslmode');
  });

  it('an old pg_background', async () => {
    const profile = await newDatabase(server, { version: '1.10' });
    const findings = await look(profile);
    assert.equal(find(findings, 'extension').title, 'pg_background 1.10');
    assert.equal(find(findings, 'extensionRisk').status, 'warning');
    assert.equal(find(findings, 'extensionUpdate').fixes[0]?.sql, 'ALTER EXTENSION pg_background UPDATE;');
    assert.equal(find(findings, 'privileges').status, 'ok');
  });

  it('no privileges, in a schema with an odd name, and their fixes', async () => {
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
      const finding = find(before, id);
      assert.equal(finding.status, status, id);
      await apply(finding, profile.database);
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

  it('worker slots: used up, and seen in part without the right to see', async () => {
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
      assert.equal(slots.title, 'No worker slot is free');
      assert.match(slots.fixes[0]?.sql ?? '', /^ALTER SYSTEM SET max_worker_processes = 32;$/);
      assert.match(find(await look({ ...profile, user: 'plain' }), 'slots').detail, /^At least \d of the 6/);
    } finally {
      await client.query('SELECT pg_background_cancel_all()');
      await client.end();
    }
  });

  it('limits in force for the role', async () => {
    const profile = await newDatabase(server);
    await server.psql(`ALTER ROLE plain IN DATABASE ${profile.database ?? ''} SET statement_timeout = '5min'`);
    await server.psql(
      `ALTER ROLE plain IN DATABASE ${profile.database ?? ''} SET pg_background.worker_timeout = '90s'`,
    );
    const limits = find(await look({ ...profile, user: 'plain' }), 'limits');
    assert.equal(limits.status, 'info');
    assert.match(limits.detail, /statement_timeout = 5min, pg_background\.worker_timeout = (90s|1.5min)/);
  });

  it('a proxy, by transaction and by session', async () => {
    const { startPgbouncer } = await scripts();
    for (const [poolMode, status] of [
      ['transaction', 'error'],
      ['session', 'info'],
    ] as const) {
      const bouncer = await startPgbouncer({ server, log: () => undefined, poolMode });
      try {
        const profile = await newDatabase(server);
        const pooler = find(await look({ ...profile, host: bouncer.host, port: bouncer.port }), 'pooler');
        assert.equal(pooler.status, status, pooler.title);
      } finally {
        await bouncer.stop();
      }
    }
  });

  it('read-only sessions', async () => {
    const profile = await newDatabase(server);
    const readOnly = find(await look({ ...profile, options: '-c default_transaction_read_only=on' }), 'readOnly');
    assert.equal(readOnly.title, 'Read-only');
  });

  it('can be canceled', async () => {
    const profile = await newDatabase(server);
    const stop = new AbortController();
    stop.abort();
    assert.equal(find(await look(profile, { signal: stop.signal }), 'reachable').title, 'Canceled');
  });

  it('leaves nothing open', async () => {
    await look(await newDatabase(server));
    const left = `SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%VS Code%'`;
    await eventually(async () => (await server.psql(left)) === '0', 'nothing is open');
  });
});

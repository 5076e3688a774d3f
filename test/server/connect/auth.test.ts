/** Passwords: their sources, the methods that they are sent for, and that they never leak. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { join } from 'node:path';
import type { ConnectError, ConnectReason } from '../../../src/core/postgres/connect/errors';
import { openClient, type OpenOptions } from '../../../src/core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { eventually, newServer, type TestServer } from '../support';
import { makeCertificate } from './certificates';
import { FakeServer } from './fakeServer';
import { ask, environment, failureOf, isAlive, newHome, psql, reload, removeFolder, sentence } from './support';

const PASSWORD = 'S3cret-\'\\"% é';

const HBA = `
local all scram_user scram-sha-256
local all plain_user password
local all all trust
host all scram_user all scram-sha-256
host all md5_user all md5
host all plain_user all password
host all gss_user all gss
host all expired_user all scram-sha-256
host all trusted all trust
host all nologin all trust
host all missing all scram-sha-256
host all missing_trusted all trust
hostssl all ssl_user all scram-sha-256
host noaccess reader all trust
host elsewhere reader all trust
`;

describe('authentication', () => {
  let server: TestServer;
  let home: string;
  let logged: string[] = [];

  before(async () => {
    server = await newServer({}, HBA);
    home = await newHome();
    const quoted = `'${PASSWORD.replaceAll("'", "''")}'`;
    await server.psql(`
      SET client_min_messages = error; SET md5_password_warnings = off;
      CREATE ROLE scram_user LOGIN PASSWORD ${quoted};
      CREATE ROLE plain_user LOGIN PASSWORD ${quoted};
      CREATE ROLE ssl_user LOGIN PASSWORD ${quoted};
      CREATE ROLE expired_user LOGIN PASSWORD ${quoted} VALID UNTIL '2000-01-01';
      CREATE ROLE gss_user LOGIN; CREATE ROLE trusted LOGIN; CREATE ROLE nologin; CREATE ROLE reader LOGIN;
      CREATE ROLE "Odd ""Role" NOLOGIN; GRANT "Odd ""Role" TO trusted;
      SET password_encryption = md5; CREATE ROLE md5_user LOGIN PASSWORD ${quoted};`);
    await server.psql('CREATE DATABASE noaccess');
    await server.psql('REVOKE CONNECT ON DATABASE noaccess FROM public');
    const { pem, keyPem } = makeCertificate({ commonName: 'localhost', names: ['localhost'] });
    await server.addFile('server.crt', pem);
    await server.addFile('server.key', keyPem);
    await server.psql('ALTER SYSTEM SET ssl = on');
    await reload(server);
  });
  beforeEach(() => (logged = []));
  after(async () => {
    await server.stop();
    await removeFolder(home);
  });

  const profile = (user: string, more: Partial<ConnectionProfile> = {}): ConnectionProfile => ({
    name: 'auth',
    host: '127.0.0.1',
    port: server.port,
    database: 'postgres',
    sslmode: 'disable',
    user,
    ...more,
  });

  const options = (more: OpenOptions = {}): OpenOptions => ({
    env: environment(home),
    log: (message) => logged.push(message),
    ...more,
  });

  const given = (value: string | undefined): OpenOptions => options({ password: () => Promise.resolve(value) });

  async function connects(to: ConnectionProfile, how: OpenOptions): Promise<void> {
    const client = await openClient(to, how);
    try {
      assert.deepEqual(await ask(client, 'SELECT session_user'), [to.user]);
      // The client keeps no reference to the password.
      assert.ok(!inspect(client, { depth: 6, showHidden: true }).includes('S3cret'));
    } finally {
      await client.end();
    }
    nothingLeaked();
  }

  async function fails(
    to: ConnectionProfile,
    how: OpenOptions,
    reason: ConnectReason,
    message: RegExp,
  ): Promise<ConnectError> {
    const error = await failureOf(to, how);
    assert.equal(error.reason, reason, error.message);
    assert.match(sentence(error), message);
    assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes('S3cret'), inspect(error));
    nothingLeaked();
    return error;
  }

  function nothingLeaked(): void {
    assert.ok(!logged.join('\n').includes('S3cret'), logged.join('\n'));
  }

  it('authenticates with scram-sha-256 and md5, with and without TLS', async () => {
    for (const user of ['scram_user', 'md5_user']) {
      for (const sslmode of ['disable', 'require'] as const)
        await connects(profile(user, { sslmode }), given(PASSWORD));
    }
  });

  it('sends a password in clear text over TLS and sockets, but over an unencrypted network only if allowed', async () => {
    await connects(profile('plain_user', { sslmode: 'require' }), given(PASSWORD));
    await connects(profile('plain_user', { host: server.socketDir }), given(PASSWORD));
    await fails(
      profile('plain_user'),
      given(PASSWORD),
      'unsafe',
      /unencrypted connection, so it was not sent\. Set “sslmode” to “require”/,
    );
    await connects(profile('plain_user', { allowCleartextPassword: true }), given(PASSWORD));
  });

  it('sslmode “prefer” does not fall back to a password in clear text', async () => {
    await server.psql('ALTER SYSTEM SET ssl = off');
    await reload(server);
    try {
      await fails(profile('plain_user', { sslmode: 'prefer' }), given(PASSWORD), 'unsafe', /was not sent/);
    } finally {
      await server.psql('ALTER SYSTEM SET ssl = on');
      await reload(server);
    }
  });

  it('names the source of a wrong password', async () => {
    for (const user of ['scram_user', 'md5_user']) {
      await fails(
        profile(user),
        given('S3cret-wrong'),
        'authentication',
        new RegExp(`password of the user “${user}” \\(from the stored passwords\\)\\. Enter it again`),
      );
    }
    const pass = await newHome({ '.pgpass': '*:*:*:*:S3cret-wrong' });
    await fails(
      profile('scram_user'),
      options({ env: environment(pass) }),
      'authentication',
      /from the file .*\.pgpass/,
    );
    await fails(
      profile('scram_user'),
      options({ env: environment(home, { PGPASSWORD: 'S3cret-wrong' }) }),
      'authentication',
      /\(from PGPASSWORD\)/,
    );
    await fails(
      profile('scram_user', { passwordCommand: 'echo S3cret-wrong' }),
      options(),
      'authentication',
      /\(from the password command\)/,
    );
    await fails(profile('expired_user'), given(PASSWORD), 'authentication', /did not accept the password/);
    await fails(profile('missing'), given(PASSWORD), 'authentication', /did not accept the password/);
    await removeFolder(pass);
  });

  it('asks for a password only if the server wants one and none is known', async () => {
    const questions: unknown[] = [];
    const asking = (answer: string | undefined): OpenOptions =>
      options({ askPassword: (question) => (questions.push(question), Promise.resolve(answer)) });
    await connects(profile('trusted'), asking('unused'));
    assert.deepEqual(questions, []);
    await connects(profile('scram_user'), asking(PASSWORD));
    assert.deepEqual(questions, [{ user: 'scram_user', endpoint: { host: '127.0.0.1', port: server.port } }]);
    await connects(profile('plain_user', { host: server.socketDir }), asking(PASSWORD));
    await fails(
      profile('scram_user'),
      asking(undefined),
      'noPassword',
      /asks for the password of the user “scram_user”, and none is known\. Enter it/,
    );
    await fails(profile('scram_user'), asking(''), 'noPassword', /Enter it/);
    await fails(profile('scram_user'), options(), 'noPassword', /Enter it/);
    await fails(profile('scram_user'), asking('S3cret-wrong'), 'authentication', /\(from your input\)/);
  });

  it('uses no stored password with “askPassword”', async () => {
    const pass = await newHome({ '.pgpass': `*:*:*:*:S3cret-wrong` });
    const asks = { askPassword: true, passwordCommand: 'echo S3cret-wrong' };
    const env = environment(pass, { PGPASSWORD: 'S3cret-wrong' });
    const stored = { password: () => Promise.resolve('S3cret-wrong') };
    await connects(
      profile('scram_user', asks),
      options({ env, ...stored, askPassword: () => Promise.resolve(PASSWORD) }),
    );
    await fails(profile('scram_user', asks), options({ env, ...stored }), 'noPassword', /Enter it/);
    await removeFolder(pass);
  });

  it('takes passwords from the store, the command, the environment, and the file, in this order', async () => {
    const right = PASSWORD.replaceAll('\\', '\\\\').replaceAll(':', '\\:');
    const pass = await newHome({ '.pgpass': `*:*:*:*:${right}` });
    const wrong = environment(home, { PGPASSWORD: 'S3cret-wrong' });
    const command = `printf '%s\\nsecond line' "$RIGHT"`;
    await connects(
      profile('scram_user', { passwordCommand: 'echo S3cret-wrong' }),
      options({ env: wrong, password: () => Promise.resolve(PASSWORD) }),
    );
    await connects(
      profile('scram_user', { passwordCommand: command }),
      options({ env: { ...wrong, RIGHT: PASSWORD } }),
    );
    await connects(profile('scram_user'), options({ env: environment(pass, { PGPASSWORD: PASSWORD }) }));
    await connects(profile('scram_user'), options({ env: environment(pass) }));
    await fails(
      profile('scram_user'),
      options({ env: environment(pass, { PGPASSWORD: 'S3cret-wrong' }) }),
      'authentication',
      /PGPASSWORD/,
    );
    await removeFolder(pass);
  });

  it('reports a password command that fails, prints nothing, hangs, is canceled, or is not trusted', async () => {
    const command = (passwordCommand: string): ConnectionProfile => profile('scram_user', { passwordCommand });
    await fails(
      command('echo S3cret; echo S3cret >&2; exit 3'),
      options(),
      'passwordCommand',
      /failed with exit code 3\. Run it in a terminal/,
    );
    await fails(command('S3cret-no-such-program'), options(), 'passwordCommand', /failed with exit code 127/);
    await fails(command('true'), options(), 'passwordCommand', /printed nothing/);
    await fails(command("printf '\\nS3cret'"), options(), 'passwordCommand', /printed nothing/);
    const stop = new AbortController();
    const marker = join(home, 'still-alive');
    const pid = join(home, 'pid');
    const canceled = fails(
      command(`echo $$ > ${pid}; while ! test -e ${marker}; do sleep 0.1; done; echo S3cret`),
      options({ signal: stop.signal }),
      'aborted',
      /canceled/,
    );
    await eventually(async () => existsSync(pid) && (await readFile(pid, 'utf8')) !== '', 'the command runs');
    stop.abort();
    await canceled;
    const shell = Number(await readFile(pid, 'utf8'));
    await eventually(() => Promise.resolve(!isAlive(shell)), 'the command is stopped');
    await fails(
      command(`touch ${marker}; echo S3cret`),
      options({ allowPasswordCommand: false }),
      'noPassword',
      /none is known/,
    );
    assert.ok(!existsSync(marker));
    assert.match(logged.join('\n'), /was not run, because the workspace is not trusted/);
  });

  it('rejects a server that accepts the login before proving that it knows the password', async () => {
    const fake = new FakeServer('scram without proof');
    const port = await fake.listen();
    await fails(profile('u', { port }), given(PASSWORD), 'unsafe', /before it proved that it knows the password/);
    await fake.close();
  });

  it('accepts only the methods of requireAuth', async () => {
    // A server that requests no authentication is rejected if the profile requires a method.
    await fails(
      profile('trusted', { requireAuth: 'scram-sha-256' }),
      given(PASSWORD),
      'unsafe',
      /did not request authentication, which “requireAuth”/,
    );
    await fails(
      profile('trusted', { requireAuth: '!none' }),
      given(PASSWORD),
      'unsafe',
      /did not request authentication/,
    );
    await fails(
      profile('md5_user', { requireAuth: 'scram-sha-256' }),
      given(PASSWORD),
      'unsafe',
      /requested the method “md5”/,
    );
    await connects(profile('scram_user', { requireAuth: 'scram-sha-256,md5' }), given(PASSWORD));
    await connects(profile('trusted', { requireAuth: 'none' }), given(PASSWORD));
  });

  it('explains server errors', async () => {
    await fails(
      profile('gss_user'),
      given(PASSWORD),
      'authentication',
      /requires the authentication method GSSAPI, which is not supported/,
    );
    await fails(
      profile('nologin'),
      options(),
      'authentication',
      /rejected the user “nologin”\. .*not permitted to log in/,
    );
    await fails(profile('missing_trusted'), options(), 'authentication', /role "missing_trusted" does not exist/);
    await fails(
      profile('unlisted'),
      options(),
      'hba',
      /does not allow the user “unlisted” to connect to the database “postgres”/,
    );
    await fails(profile('ssl_user'), given(PASSWORD), 'hba', /without TLS\. Set “sslmode” to “require”/);
    await fails(profile('reader', { database: 'elsewhere' }), options(), 'database', /“elsewhere” does not exist/);
    await fails(
      profile('reader', { database: 'noaccess' }),
      options(),
      'database',
      /user “reader” is not allowed to connect to the database “noaccess”/,
    );
    await fails(
      profile('trusted', { options: '-c no_such_setting=1' }),
      options(),
      'server',
      /unrecognized configuration parameter/,
    );
  });

  it('sets the role and the search path as values, and names the one that fails', async () => {
    const client = await openClient(
      profile('trusted', {
        role: 'Odd "Role',
        searchPath: `"we'ird", pg_catalog`,
        applicationName: 'mine',
        options: '-c geqo=off -c work_mem=7MB',
      }),
      options(),
    );
    assert.deepEqual(
      await ask(
        client,
        `SELECT current_user, session_user, current_setting('search_path'), current_setting('application_name'), current_setting('client_encoding'), current_setting('geqo'), current_setting('work_mem')`,
      ),
      ['Odd "Role', 'trusted', `"we'ird", pg_catalog`, 'mine', 'UTF8', 'off', '7MB'],
    );
    // Exact text: no type is interpreted.
    assert.deepEqual(
      await ask(
        client,
        `SELECT 9007199254740993::int8, '2026-01-02 03:04:05.123456'::timestamp, true, '{"a":1.10}'::json, NULL`,
      ),
      ['9007199254740993', '2026-01-02 03:04:05.123456', 't', '{"a":1.10}', null],
    );
    await client.end();
    await fails(
      profile('trusted', { role: 'postgres' }),
      options(),
      'setup',
      /the role “postgres” could not be set: permission denied/,
    );
    await fails(
      profile('trusted', { role: "x'; DROP TABLE t" }),
      options(),
      'setup',
      /the role “x'; DROP TABLE t” could not be set/,
    );
  });

  it('accepts and rejects the same logins as psql', async () => {
    for (const [user, database, works] of [
      ['scram_user', 'postgres', true],
      ['md5_user', 'postgres', true],
      ['plain_user', 'postgres', true],
      ['missing', 'postgres', false],
      ['reader', 'noaccess', false],
    ] as const) {
      const args = ['-h', '127.0.0.1', '-p', String(server.port), '-U', user, '-d', database, '-c', 'SELECT 1'];
      const { status, stderr } = await psql(
        server.bin,
        args,
        environment(home, { PGPASSWORD: PASSWORD, PGSSLMODE: 'require' }),
      );
      assert.equal(status === 0, works, stderr);
      const outcome = await openClient(profile(user, { database, sslmode: 'require' }), given(PASSWORD)).then(
        (client) => client.end().then(() => true),
        () => false,
      );
      assert.equal(outcome, works);
    }
  });
});

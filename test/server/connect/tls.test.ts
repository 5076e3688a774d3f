/** What each sslmode makes of each certificate is what psql makes of it: both are run against the same server. */
import assert from 'node:assert/strict';
import { TLSSocket } from 'node:tls';
import { join } from 'node:path';
import { parseConnectionString } from '../../../src/core/postgres/connect/conninfo';
import { ConnectError, type ConnectReason } from '../../../src/core/postgres/connect/errors';
import { openClient, type OpenOptions } from '../../../src/core/postgres/connect/open';
import { SSL_MODES, type ConnectionProfile } from '../../../src/core/postgres/connect/profile';
import { newServer, type TestServer } from '../support';
import { makeCertificate, makeRevocationList, type Certificate } from './certificates';
import { ask, environment, failureOf, newHome, psql, removeFolder, withClient } from './support';

const HBA = `
local all all trust
hostnossl all plain_only all trust
hostssl all plain_only all reject
hostssl all tls_only all trust
hostssl all cert_user all cert
hostssl all cert_wanted all trust clientcert=verify-ca
hostssl all scram_user all scram-sha-256
hostnossl all scram_user all scram-sha-256
host all postgres all trust
`;

const ROLES = ['plain_only', 'tls_only', 'cert_user', 'cert_wanted', 'scram_user'];

describe('TLS', () => {
  let server: TestServer;
  let authority: Certificate;
  let stranger: Certificate;
  const certificates = new Map<string, Certificate>();

  /** Gives the server another certificate. */
  async function present(name: string): Promise<void> {
    await server.psql(`ALTER SYSTEM SET ssl_cert_file = '${name}.crt'`);
    await server.psql(`ALTER SYSTEM SET ssl_key_file = '${name}.key'`);
    await reload();
  }

  async function reload(): Promise<void> {
    await server.psql('SELECT pg_reload_conf()');
    // The postmaster takes the new files when it gets to it.
    await new Promise((resolve) => setTimeout(resolve, 150));
  }

  before(async () => {
    authority = makeCertificate({ commonName: 'Test Authority', authority: true });
    stranger = makeCertificate({ commonName: 'Some Other Authority', authority: true });
    const issue = (name: string, request: Parameters<typeof makeCertificate>[0]): void => {
      certificates.set(name, makeCertificate({ issuer: authority, ...request }));
    };
    issue('good', { commonName: 'server', names: ['localhost', '127.0.0.1'] });
    issue('rsa', { commonName: 'server', names: ['localhost'], rsa: true });
    issue('expired', { commonName: 'server', names: ['localhost', '127.0.0.1'], from: -9, until: -1 });
    issue('future', { commonName: 'server', names: ['localhost', '127.0.0.1'], from: 1 });
    issue('wrongHost', { commonName: 'db.example.com', names: ['db.example.com', '10.1.2.3'] });
    issue('unknownCa', { commonName: 'server', names: ['localhost', '127.0.0.1'], issuer: stranger });
    issue('commonName', { commonName: 'localhost' });
    issue('commonNameAddress', { commonName: '127.0.0.1' });
    issue('nameBesideCommonName', { commonName: 'localhost', names: ['db.example.com'] });
    issue('addressBesideCommonName', { commonName: 'localhost', names: ['10.1.2.3'] });
    issue('addressAsName', { commonName: 'server', names: ['127.0.0.1.example.com', 'localhost'] });
    certificates.set('selfSigned', makeCertificate({ commonName: 'localhost', names: ['localhost', '127.0.0.1'] }));
    server = await newServer({}, HBA);
    await server.addFile('authority.crt', authority.pem);
    for (const [name, { pem, keyPem }] of certificates) {
      await server.addFile(`${name}.crt`, pem);
      await server.addFile(`${name}.key`, keyPem);
    }
    for (const role of ROLES) await server.psql(`CREATE ROLE ${role} LOGIN PASSWORD 'right'`);
    await server.psql("ALTER SYSTEM SET ssl_ca_file = 'authority.crt'");
    await server.psql('ALTER SYSTEM SET ssl = on');
    await present('good');
  });
  after(() => server.stop());

  interface Surroundings {
    readonly files?: Readonly<Record<string, string>>;
    readonly env?: NodeJS.ProcessEnv;
    readonly options?: OpenOptions;
  }

  /** Runs both; returns what ours made of it, which must be what psql made of it: `tls`, `plain`, or a failure. */
  async function both(
    parameters: string,
    { files = {}, env = {}, options = {} }: Surroundings = {},
  ): Promise<string | ConnectError> {
    const home = await newHome(files);
    try {
      const conninfo = `port=${server.port} dbname=postgres ${parameters.replaceAll('HOME', home)}`;
      const variables = Object.entries(env).map(([name, value]) => [name, value?.replaceAll('HOME', home)]);
      const around = environment(home, Object.fromEntries(variables) as NodeJS.ProcessEnv);
      const sql = `SELECT CASE WHEN ssl THEN 'tls' ELSE 'plain' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()`;
      const running = psql(server.bin, ['-c', sql, conninfo], around);
      const { profile, password, keyPassphrase } = parseConnectionString(conninfo);
      const ours = await withClient(
        { ...profile, name: 'case' },
        {
          env: around,
          ...(password === undefined ? {} : { password: () => Promise.resolve(password) }),
          ...(keyPassphrase === undefined ? {} : { keyPassphrase: () => Promise.resolve(keyPassphrase) }),
          ...options,
        },
        async (client) => {
          const [answer] = await ask(client, sql);
          assert.equal(client.connection.stream instanceof TLSSocket, answer === 'tls');
          return answer ?? '';
        },
      );
      const theirs = await running;
      const told = ours instanceof ConnectError ? `${ours.reason}: ${ours.message}` : ours;
      assert.equal(
        ours instanceof ConnectError ? 'failed' : ours,
        theirs.status === 0 ? theirs.stdout : 'failed',
        `${theirs.stderr} / ${told}`,
      );
      return ours;
    } finally {
      await removeFolder(home);
    }
  }

  function failed(outcome: string | ConnectError, reason: ConnectReason, message: RegExp): void {
    assert.ok(outcome instanceof ConnectError, `It connected (${String(outcome)}).`);
    assert.equal(outcome.reason, reason, outcome.message);
    assert.match(outcome.message, message);
  }

  const CHAIN_FAILS = { prefer: 'plain', require: 'no', 'verify-ca': 'no', 'verify-full': 'no' };
  const ALL = {
    disable: 'plain',
    allow: 'plain',
    prefer: 'tls',
    require: 'tls',
    'verify-ca': 'tls',
    'verify-full': 'tls',
  };
  /** What becomes of each sslmode where there are root certificates, and what is said of a failure. */
  const MATRIX: readonly (readonly [certificate: string, outcomes: Record<string, string>, message: RegExp])[] = [
    ['good', ALL, /never/],
    ['wrongHost', { ...ALL, 'verify-full': 'no' }, /is for DNS:db\.example\.com.* and not for localhost/],
    ['expired', { ...ALL, ...CHAIN_FAILS }, /has expired/],
    ['future', { ...ALL, ...CHAIN_FAILS }, /not valid yet/],
    ['unknownCa', { ...ALL, ...CHAIN_FAILS }, /issued by an authority that is not among/],
    ['selfSigned', { ...ALL, ...CHAIN_FAILS }, /issued by an authority that is not among/],
  ];

  for (const [name, expected, message] of MATRIX) {
    it(`each sslmode, with and without root certificates: the certificate "${name}"`, async () => {
      await present(name);
      for (const sslmode of SSL_MODES) {
        const at = `host=localhost user=postgres sslmode=${sslmode}`;
        const withRoots = await both(at, { files: { '.postgresql/root.crt': authority.pem } });
        if (expected[sslmode] === 'no') failed(withRoots, 'tls', message);
        else assert.equal(withRoots, expected[sslmode], sslmode);
        const without = await both(at);
        // Nothing to verify with: nothing is verified, or verifying was asked for and cannot be done.
        if (sslmode.startsWith('verify')) failed(without, 'tls', /There is no file ".*root\.crt" of root certificates/);
        else assert.equal(without, ALL[sslmode], sslmode);
      }
    });
  }

  const verify = (host: string, mode = 'verify-full'): Promise<string | ConnectError> =>
    both(`host=${host} user=postgres sslmode=${mode} sslrootcert=HOME/ca`, { files: { ca: authority.pem } });

  it('verify-full compares the host with the names', async () => {
    await present('wrongHost');
    failed(await verify('localhost'), 'tls', /is for DNS:db\.example\.com.* and not for localhost/);
    assert.equal(await verify('localhost', 'verify-ca'), 'tls');
    // Connecting by address to a server that has another name.
    assert.equal(await verify('db.example.com hostaddr=127.0.0.1'), 'tls');
    failed(await verify('127.0.0.1'), 'tls', /not for 127\.0\.0\.1/);
    await present('good');
    assert.equal(await verify('localhost'), 'tls');
    assert.equal(await verify('127.0.0.1'), 'tls');
    failed(await verify('localhost.localdomain hostaddr=127.0.0.1'), 'tls', /not for localhost\.localdomain/);
    await both('hostaddr=127.0.0.1 user=postgres sslmode=verify-full sslrootcert=HOME/ca', {
      files: { ca: authority.pem },
    });
  });

  it('the common name counts where there is no alternative name of the kind', async () => {
    await present('commonName');
    assert.equal(await verify('localhost'), 'tls');
    await present('nameBesideCommonName');
    failed(await verify('localhost'), 'tls', /not for localhost/);
    await present('commonNameAddress');
    assert.equal(await verify('127.0.0.1'), 'tls');
    await present('addressAsName');
    failed(await verify('127.0.0.1'), 'tls', /not for 127/);
    await present('addressBesideCommonName');
    assert.equal(await verify('localhost'), 'tls');
    await present('good');
  });

  it('falls back, or up, where pg_hba.conf wants the other kind of connection', async () => {
    for (const mode of SSL_MODES.slice(0, 4)) {
      const plain = await both(`host=127.0.0.1 user=plain_only sslmode=${mode}`);
      const tls = await both(`host=127.0.0.1 user=tls_only sslmode=${mode}`);
      if (mode === 'require') failed(plain, 'hba', /with TLS: ask its administrator/);
      else assert.equal(plain, 'plain', mode);
      if (mode === 'disable') failed(tls, 'hba', /without TLS: set "sslmode" to "require"/);
      else assert.equal(tls, 'tls', mode);
    }
  });

  it('a wrong password is told once, with or without TLS', async () => {
    for (const mode of ['prefer', 'allow', 'require', 'disable']) {
      failed(
        await both(`host=127.0.0.1 user=scram_user password=wrong sslmode=${mode}`),
        'authentication',
        /^The server did not accept the password of the user "scram_user"/,
      );
      assert.equal(
        await both(`host=127.0.0.1 user=scram_user password=right sslmode=${mode}`),
        mode === 'allow' || mode === 'disable' ? 'plain' : 'tls',
      );
    }
  });

  it('channel binding binds the password to the connection', async () => {
    for (const name of ['good', 'rsa']) {
      await present(name);
      for (const [binding, mode, outcome] of [
        ['require', 'require', 'tls'],
        ['prefer', 'require', 'tls'],
        ['disable', 'require', 'tls'],
        ['require', 'disable', 'unsafe'],
        ['require', 'prefer', 'tls'],
      ] as const) {
        const got = await both(
          `host=127.0.0.1 user=scram_user password=right sslmode=${mode} channel_binding=${binding}`,
        );
        if (outcome === 'unsafe') failed(got, 'unsafe', /"channelBinding": "require"/);
        else assert.equal(got, outcome);
      }
    }
    // Let in without being asked: nothing was bound.
    failed(
      await both('host=127.0.0.1 user=tls_only sslmode=require channel_binding=require'),
      'unsafe',
      /does not bind/,
    );
    await present('good');
  });

  it('client certificates: shown, missing, with a passphrase, and with a key that others may read', async () => {
    const mine = makeCertificate({ commonName: 'cert_user', issuer: authority });
    const other = makeCertificate({ commonName: 'somebody', issuer: authority });
    const files = {
      'my.crt': mine.pem,
      'my.key': mine.keyPem,
      'locked.key': mine.encryptedKeyPem('pass phrase'),
      'other.crt': other.pem,
      'other.key': other.keyPem,
    };
    const at = 'host=127.0.0.1 user=cert_user sslmode=require';
    const certificate = `${at} sslcert=HOME/my.crt`;
    assert.equal(await both(`${certificate} sslkey=HOME/my.key`, { files }), 'tls');
    assert.equal(await both(`${certificate} sslkey=HOME/locked.key sslpassword='pass phrase'`, { files }), 'tls');
    assert.equal(
      await both(at, { files: { '.postgresql/postgresql.crt': mine.pem, '.postgresql/postgresql.key': mine.keyPem } }),
      'tls',
    );
    failed(await both(at), 'tls', /name its file as "sslcert"/);
    failed(await both('host=127.0.0.1 user=cert_wanted sslmode=require'), 'tls', /name its file as "sslcert"/);
    failed(
      await both(`${certificate} sslkey=HOME/locked.key sslpassword='wrong'`, { files }),
      'tls',
      /passphrase of the client key is wrong/,
    );
    failed(await both(`${certificate} sslkey=HOME/locked.key`, { files }), 'tls', /is encrypted: enter its passphrase/);
    failed(
      await both(`${certificate} sslkey=HOME/other.key`, { files }),
      'tls',
      /does not belong to the client certificate/,
    );
    failed(await both(`${certificate} sslkey=HOME/none.key`, { files }), 'tls', /no key ".*none\.key"/);
    failed(
      await both(`${at} sslcert=HOME/other.crt sslkey=HOME/other.key`, { files }),
      'authentication',
      /did not let the user "cert_user" in/,
    );
    const home = await newHome();
    const asked: string[] = [];
    const open = await newHome({ ...files, 'open.key': mine.keyPem });
    try {
      const { chmod } = await import('node:fs/promises');
      await chmod(join(open, 'open.key'), 0o644);
      const profile: ConnectionProfile = {
        name: 'x',
        host: '127.0.0.1',
        port: server.port,
        database: 'postgres',
        user: 'cert_user',
        sslmode: 'require',
        sslcert: join(open, 'my.crt'),
      };
      failed(
        await failureOf({ ...profile, sslkey: join(open, 'open.key') }, { env: environment(home) }),
        'tls',
        /may be read by others: run chmod 600/,
      );
      const theirs = await psql(
        server.bin,
        [
          '-c',
          '',
          `host=127.0.0.1 port=${server.port} dbname=postgres user=cert_user sslmode=require sslcert=${open}/my.crt sslkey=${open}/open.key`,
        ],
        environment(home),
      );
      assert.match(theirs.stderr, /group or world access/);
      const client = await openClient(
        { ...profile, sslkey: join(open, 'locked.key') },
        { env: environment(home), keyPassphrase: (file) => (asked.push(file), Promise.resolve('pass phrase')) },
      );
      await client.end();
      assert.deepEqual(asked, [join(open, 'locked.key')]);
    } finally {
      await removeFolder(home);
      await removeFolder(open);
    }
  });

  it('revoked certificates are refused, by a file that is named and by the default one', async () => {
    const good = certificates.get('good');
    assert.ok(good);
    const files = {
      ca: authority.pem,
      none: makeRevocationList(authority, []),
      good: makeRevocationList(authority, [good]),
    };
    const at = 'host=localhost user=postgres sslmode=verify-full sslrootcert=HOME/ca';
    assert.equal(await both(`${at} sslcrl=HOME/none`, { files }), 'tls');
    failed(await both(`${at} sslcrl=HOME/good`, { files }), 'tls', /has been revoked/);
    failed(await both(at, { files: { ...files, '.postgresql/root.crl': files.good } }), 'tls', /has been revoked/);
  });

  it('the authorities of the system, for which only verify-full will do', async () => {
    const env = { SSL_CERT_FILE: 'HOME/bundle' };
    const files = { bundle: `${stranger.pem}${authority.pem}` };
    assert.equal(await both('host=localhost user=postgres sslrootcert=system', { env, files }), 'tls');
    assert.equal(
      await both('host=localhost user=postgres sslrootcert=system sslmode=verify-full', { env, files }),
      'tls',
    );
    failed(
      await both('host=localhost user=postgres sslrootcert=system sslmode=require', { env, files }),
      'profile',
      /needs "sslmode": "verify-full"/,
    );
    failed(
      await both('host=localhost user=postgres sslrootcert=system', { env, files: { bundle: stranger.pem } }),
      'tls',
      /not among "system"/,
    );
    failed(await both('host=localhost user=postgres sslrootcert=system', {}), 'tls', /not among/);
  });

  it('faulty files: none to verify with, one without a certificate', async () => {
    failed(
      await both('host=localhost user=postgres sslmode=verify-ca sslrootcert=HOME/none'),
      'tls',
      /There is no file ".*none" of root certificates/,
    );
    failed(
      await both('host=localhost user=postgres sslmode=require sslrootcert=HOME/x', { files: { x: 'not PEM' } }),
      'tls',
      /no certificate in it/,
    );
    assert.equal(await both('host=localhost user=postgres sslmode=require sslrootcert=HOME/none'), 'tls');
    assert.equal(
      await both('host=localhost user=postgres sslmode=prefer sslrootcert=HOME/x', { files: { x: 'not PEM' } }),
      'plain',
    );
  });

  it('direct negotiation, and versions', async () => {
    assert.equal(await both('host=localhost user=postgres sslmode=require sslnegotiation=direct'), 'tls');
    failed(
      await both('host=localhost user=postgres sslmode=prefer sslnegotiation=direct'),
      'profile',
      /at least "require"/,
    );
    assert.equal(await both('host=localhost user=postgres sslmode=require ssl_max_protocol_version=TLSv1.2'), 'tls');
    assert.equal(await both('host=localhost user=postgres sslmode=require ssl_min_protocol_version=TLSv1.3'), 'tls');
    await server.psql("ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.2'");
    await reload();
    failed(
      await both('host=localhost user=postgres sslmode=require ssl_min_protocol_version=TLSv1.3'),
      'tls',
      /No version of TLS suits both/,
    );
    await server.psql('ALTER SYSTEM RESET ssl_max_protocol_version');
    await reload();
  });

  it('a server without TLS', async () => {
    await server.psql('ALTER SYSTEM SET ssl = off');
    await reload();
    try {
      for (const mode of ['disable', 'allow', 'prefer']) {
        assert.equal(await both(`host=127.0.0.1 user=postgres sslmode=${mode}`), 'plain');
      }
      for (const mode of ['require', 'verify-ca', 'verify-full']) {
        const files = { '.postgresql/root.crt': authority.pem };
        failed(
          await both(`host=127.0.0.1 user=postgres sslmode=${mode}`, { files }),
          'tls',
          /does not offer TLS, which "sslmode"/,
        );
      }
      failed(await both(`host=127.0.0.1 user=nobody sslmode=prefer`), 'hba', /^The server has no rule/);
    } finally {
      await server.psql('ALTER SYSTEM SET ssl = on');
      await reload();
    }
  });

  it('a socket is never encrypted, whatever sslmode says', async () => {
    for (const mode of SSL_MODES) {
      assert.equal(
        await both(`host=${server.socketDir} user=postgres sslmode=${mode} sslrootcert=HOME/none`),
        'plain',
        mode,
      );
    }
  });
});

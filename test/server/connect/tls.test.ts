/** Each sslmode has the same effect as in psql for each certificate. Both connect to the same server. */
import assert from 'node:assert/strict';
import type { ConnectError } from '../../../src/core/postgres/connect/errors';
import { SSL_MODES } from '../../../src/core/postgres/connect/conninfo/profile';
import { reload } from './support';
import { failed, TlsServer, type Around } from './tlsServer';

describe('TLS', () => {
  let tls: TlsServer;
  const both = (parameters: string, around?: Around): Promise<string | ConnectError> => tls.both(parameters, around);

  before(async () => {
    tls = await TlsServer.start();
  });
  after(() => tls.server.stop());

  const CHAIN_FAILS = { prefer: 'plain', require: 'no', 'verify-ca': 'no', 'verify-full': 'no' };
  const ALL = {
    disable: 'plain',
    allow: 'plain',
    prefer: 'tls',
    require: 'tls',
    'verify-ca': 'tls',
    'verify-full': 'tls',
  };
  /** The outcome of each sslmode if there are root certificates, and the message of a failure. */
  const MATRIX: readonly (readonly [certificate: string, outcomes: Record<string, string>, message: RegExp])[] = [
    ['good', ALL, /never/],
    ['wrongHost', { ...ALL, 'verify-full': 'no' }, /is for DNS:db\.example\.com.* and not for localhost/],
    ['expired', { ...ALL, ...CHAIN_FAILS }, /has expired/],
    ['future', { ...ALL, ...CHAIN_FAILS }, /not valid yet/],
    ['unknownCa', { ...ALL, ...CHAIN_FAILS }, /issued by an authority that is not among/],
    ['selfSigned', { ...ALL, ...CHAIN_FAILS }, /issued by an authority that is not among/],
  ];

  for (const [name, expected, message] of MATRIX) {
    it(`treats the certificate "${name}" as psql does, for each sslmode, with and without root certificates`, async () => {
      await tls.present(name);
      for (const sslmode of SSL_MODES) {
        const at = `host=localhost user=postgres sslmode=${sslmode}`;
        const withRoots = await both(at, { files: { '.postgresql/root.crt': tls.authority.pem } });
        if (expected[sslmode] === 'no') failed(withRoots, 'tls', message);
        else assert.equal(withRoots, expected[sslmode], sslmode);
        const without = await both(at);
        // Without root certificates the certificate is not verified, or connecting fails if sslmode requires verification.
        if (sslmode.startsWith('verify'))
          failed(without, 'tls', /The root certificate file “.*root\.crt” does not exist/);
        else assert.equal(without, ALL[sslmode], sslmode);
      }
    });
  }

  const verify = (host: string, mode = 'verify-full'): Promise<string | ConnectError> =>
    both(`host=${host} user=postgres sslmode=${mode} sslrootcert=HOME/ca`, { files: { ca: tls.authority.pem } });

  it('compares the host with the names in the certificate for verify-full', async () => {
    await tls.present('wrongHost');
    failed(await verify('localhost'), 'tls', /is for DNS:db\.example\.com.* and not for localhost/);
    assert.equal(await verify('localhost', 'verify-ca'), 'tls');
    // Connecting by address to a server whose certificate has another name.
    assert.equal(await verify('db.example.com hostaddr=127.0.0.1'), 'tls');
    failed(await verify('127.0.0.1'), 'tls', /not for 127\.0\.0\.1/);
    await tls.present('good');
    assert.equal(await verify('localhost'), 'tls');
    assert.equal(await verify('127.0.0.1'), 'tls');
    failed(await verify('localhost.localdomain hostaddr=127.0.0.1'), 'tls', /not for localhost\.localdomain/);
    await both('hostaddr=127.0.0.1 user=postgres sslmode=verify-full sslrootcert=HOME/ca', {
      files: { ca: tls.authority.pem },
    });
  });

  it('uses the common name if there is no alternative name of the kind', async () => {
    await tls.present('commonName');
    assert.equal(await verify('localhost'), 'tls');
    await tls.present('nameBesideCommonName');
    failed(await verify('localhost'), 'tls', /not for localhost/);
    await tls.present('commonNameAddress');
    assert.equal(await verify('127.0.0.1'), 'tls');
    await tls.present('addressAsName');
    failed(await verify('127.0.0.1'), 'tls', /not for 127/);
    await tls.present('addressBesideCommonName');
    assert.equal(await verify('localhost'), 'tls');
    await tls.present('good');
  });

  it('tries the other transport if pg_hba.conf rejects the first', async () => {
    for (const mode of SSL_MODES.slice(0, 4)) {
      const plain = await both(`host=127.0.0.1 user=plain_only sslmode=${mode}`);
      const tls = await both(`host=127.0.0.1 user=tls_only sslmode=${mode}`);
      if (mode === 'require') failed(plain, 'hba', /with TLS\. Ask the administrator/);
      else assert.equal(plain, 'plain', mode);
      if (mode === 'disable') failed(tls, 'hba', /without TLS\. Set “sslmode” to “require”/);
      else assert.equal(tls, 'tls', mode);
    }
  });

  it('reports a wrong password once, with or without TLS', async () => {
    for (const mode of ['prefer', 'allow', 'require', 'disable']) {
      failed(
        await both(`host=127.0.0.1 user=scram_user password=wrong sslmode=${mode}`),
        'authentication',
        /^The server did not accept the password of the user “scram_user”/,
      );
      assert.equal(
        await both(`host=127.0.0.1 user=scram_user password=right sslmode=${mode}`),
        mode === 'allow' || mode === 'disable' ? 'plain' : 'tls',
      );
    }
  });

  it('supports channel binding', async () => {
    for (const name of ['good', 'rsa']) {
      await tls.present(name);
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
        if (outcome === 'unsafe') failed(got, 'unsafe', /“channelBinding”: “require”/);
        else assert.equal(got, outcome);
      }
    }
    // The server requested no authentication, so there is no channel binding.
    failed(
      await both('host=127.0.0.1 user=tls_only sslmode=require channel_binding=require'),
      'unsafe',
      /does not support channel binding/,
    );
    await tls.present('good');
  });

  it('supports direct negotiation and limits of the TLS version', async () => {
    assert.equal(await both('host=localhost user=postgres sslmode=require sslnegotiation=direct'), 'tls');
    failed(
      await both('host=localhost user=postgres sslmode=prefer sslnegotiation=direct'),
      'profile',
      /requires the SSL mode require or stricter/,
    );
    assert.equal(await both('host=localhost user=postgres sslmode=require ssl_max_protocol_version=TLSv1.2'), 'tls');
    assert.equal(await both('host=localhost user=postgres sslmode=require ssl_min_protocol_version=TLSv1.3'), 'tls');
    await tls.server.psql("ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.2'");
    await reload(tls.server);
    failed(
      await both('host=localhost user=postgres sslmode=require ssl_min_protocol_version=TLSv1.3'),
      'tls',
      /supports no TLS version/,
    );
    await tls.server.psql('ALTER SYSTEM RESET ssl_max_protocol_version');
    await reload(tls.server);
  });

  it('connects to a server without TLS as sslmode allows', async () => {
    await tls.server.psql('ALTER SYSTEM SET ssl = off');
    await reload(tls.server);
    try {
      for (const mode of ['disable', 'allow', 'prefer']) {
        assert.equal(await both(`host=127.0.0.1 user=postgres sslmode=${mode}`), 'plain');
      }
      for (const mode of ['require', 'verify-ca', 'verify-full']) {
        const files = { '.postgresql/root.crt': tls.authority.pem };
        failed(
          await both(`host=127.0.0.1 user=postgres sslmode=${mode}`, { files }),
          'tls',
          /does not support TLS, which “sslmode”/,
        );
      }
      failed(
        await both(`host=127.0.0.1 user=unlisted sslmode=prefer`),
        'hba',
        /^pg_hba\.conf does not allow the user “unlisted”/,
      );
    } finally {
      await tls.server.psql('ALTER SYSTEM SET ssl = on');
      await reload(tls.server);
    }
  });

  it('never encrypts a socket, whatever sslmode is', async () => {
    for (const mode of SSL_MODES) {
      assert.equal(
        await both(`host=${tls.server.socketDir} user=postgres sslmode=${mode} sslrootcert=HOME/none`),
        'plain',
        mode,
      );
    }
  });
});

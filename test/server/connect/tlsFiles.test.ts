/** Files for TLS: client certificates and keys, authorities, revocation lists. Compared with psql, like in tls.test.ts. */
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConnectError } from '../../../src/core/postgres/connect/errors';
import { openClient } from '../../../src/core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { makeCertificate, makeRevocationList } from './certificates';
import { environment, failureOf, newHome, psql, removeFolder } from './support';
import { failed, TlsServer, type Around } from './tlsServer';

describe('the files of TLS', () => {
  let tls: TlsServer;
  const both = (parameters: string, around?: Around): Promise<string | ConnectError> => tls.both(parameters, around);

  before(async () => {
    tls = await TlsServer.start();
  });
  after(() => tls.server.stop());

  it('uses client certificates, and reports missing, encrypted, and exposed keys', async () => {
    const mine = makeCertificate({ commonName: 'cert_user', issuer: tls.authority });
    const other = makeCertificate({ commonName: 'someone else', issuer: tls.authority });
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
    failed(await both(at), 'tls', /Set “sslcert” to its file/);
    failed(await both('host=127.0.0.1 user=cert_wanted sslmode=require'), 'tls', /Set “sslcert” to its file/);
    failed(
      await both(`${certificate} sslkey=HOME/locked.key sslpassword='wrong'`, { files }),
      'tls',
      /passphrase of the client key is wrong/,
    );
    failed(
      await both(`${certificate} sslkey=HOME/locked.key`, { files }),
      'tls',
      /is encrypted\. Enter its passphrase/,
    );
    failed(
      await both(`${certificate} sslkey=HOME/other.key`, { files }),
      'tls',
      /does not belong to the client certificate/,
    );
    failed(await both(`${certificate} sslkey=HOME/none.key`, { files }), 'tls', /its key “.*none\.key” does not exist/);
    failed(
      await both(`${at} sslcert=HOME/other.crt sslkey=HOME/other.key`, { files }),
      'authentication',
      /rejected the user “cert_user”/,
    );
    const home = await newHome();
    const asked: string[] = [];
    const open = await newHome({ ...files, 'open.key': mine.keyPem });
    try {
      await chmod(join(open, 'open.key'), 0o644);
      const profile: ConnectionProfile = {
        name: 'x',
        host: '127.0.0.1',
        port: tls.server.port,
        database: 'postgres',
        user: 'cert_user',
        sslmode: 'require',
        sslcert: join(open, 'my.crt'),
      };
      failed(
        await failureOf({ ...profile, sslkey: join(open, 'open.key') }, { env: environment(home) }),
        'tls',
        /is readable by other users\. Run chmod 600/,
      );
      const theirs = await psql(
        tls.server.bin,
        [
          '-c',
          '',
          `host=127.0.0.1 port=${tls.server.port} dbname=postgres user=cert_user sslmode=require sslcert=${open}/my.crt sslkey=${open}/open.key`,
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

  it('rejects revoked certificates, by a configured and by the default revocation list', async () => {
    const good = tls.certificates.get('good');
    assert.ok(good);
    const files = {
      ca: tls.authority.pem,
      none: makeRevocationList(tls.authority, []),
      good: makeRevocationList(tls.authority, [good]),
    };
    const at = 'host=localhost user=postgres sslmode=verify-full sslrootcert=HOME/ca';
    assert.equal(await both(`${at} sslcrl=HOME/none`, { files }), 'tls');
    failed(await both(`${at} sslcrl=HOME/good`, { files }), 'tls', /has been revoked/);
    failed(await both(at, { files: { ...files, '.postgresql/root.crl': files.good } }), 'tls', /has been revoked/);
  });

  it('uses the system’s authorities, which require verify-full', async () => {
    const env = { SSL_CERT_FILE: 'HOME/bundle' };
    const files = { bundle: `${tls.stranger.pem}${tls.authority.pem}` };
    assert.equal(await both('host=localhost user=postgres sslrootcert=system', { env, files }), 'tls');
    assert.equal(
      await both('host=localhost user=postgres sslrootcert=system sslmode=verify-full', { env, files }),
      'tls',
    );
    failed(
      await both('host=localhost user=postgres sslrootcert=system sslmode=require', { env, files }),
      'profile',
      /require the SSL mode verify-full/,
    );
    failed(
      await both('host=localhost user=postgres sslrootcert=system', { env, files: { bundle: tls.stranger.pem } }),
      'tls',
      /that this computer does not trust/,
    );
    failed(
      await both('host=localhost user=postgres sslrootcert=system', {}),
      'tls',
      /that this computer does not trust/,
    );
  });

  it('reports a missing root certificate file and one without a certificate', async () => {
    failed(
      await both('host=localhost user=postgres sslmode=verify-ca sslrootcert=HOME/none'),
      'tls',
      /The root certificate file “.*none” does not exist/,
    );
    failed(
      await both('host=localhost user=postgres sslmode=require sslrootcert=HOME/x', { files: { x: 'not PEM' } }),
      'tls',
      /contains no certificate/,
    );
    assert.equal(await both('host=localhost user=postgres sslmode=require sslrootcert=HOME/none'), 'tls');
    assert.equal(
      await both('host=localhost user=postgres sslmode=prefer sslrootcert=HOME/x', { files: { x: 'not PEM' } }),
      'plain',
    );
  });
});

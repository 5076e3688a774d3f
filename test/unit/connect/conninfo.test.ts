import assert from 'node:assert/strict';
import { formatUri, parseConnectionString } from '../../../src/core/postgres/connect/conninfo/conninfo';
import { ConnectError } from '../../../src/core/postgres/connect/errors';

// What libpq makes of each form is compared with psql in test/server/connect/choices.test.ts.

describe('connection strings', () => {
  it('gives the profile and the secrets apart', () => {
    assert.deepEqual(
      parseConnectionString(
        'postgresql://u:p%40ss@h1:1,[::1]:2,%2Ftmp/d?sslmode=verify-full&sslpassword=pp&connect_timeout=5&keepalives=0&application_name=a+b&ssl_min_protocol_version=tlsv1.3',
      ),
      {
        profile: {
          name: '',
          user: 'u',
          host: 'h1,::1,/tmp',
          port: '1,2,',
          database: 'd',
          sslmode: 'verify-full',
          connectTimeoutSeconds: 5,
          keepalives: false,
          applicationName: 'a+b',
          sslMinProtocolVersion: 'TLSv1.3',
        },
        password: 'p@ss',
        keyPassphrase: 'pp',
        ignored: [],
      },
    );
    assert.deepEqual(parseConnectionString("host=h port=5432 password='a b'"), {
      profile: { name: '', host: 'h', port: 5432 },
      password: 'a b',
      keyPassphrase: undefined,
      ignored: [],
    });
  });

  it('takes what people paste: blanks, quotes, a psql command, what drivers put before it', () => {
    const { profile, password } = parseConnectionString('postgres://u:p@h/d');
    for (const text of [
      '  postgres://u:p@h/d \n',
      '"postgres://u:p@h/d"',
      "'postgres://u:p@h/d'",
      'psql postgres://u:p@h/d',
      'psql "postgres://u:p@h/d"',
      "psql 'host=h user=u dbname=d password=p'",
      'postgresql+psycopg2://u:p@h/d',
      'postgresql+asyncpg://u:p@h/d',
      'jdbc:postgresql://h/d?user=u&password=p',
    ]) {
      const parsed = parseConnectionString(text);
      assert.deepEqual(parsed.profile, profile, text);
      assert.equal(parsed.password, password);
    }
  });

  it('refuses with the faulty part, and never repeats a password', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /^The connection string is empty\.$/],
      ['   ', /is empty/],
      ['mydb', /^The connection string lacks a "=" after "mydb": write a URI such as/],
      [
        'host=h password=hunter2 hunter3',
        /word that no "=" follows: put a value that has blanks in it between single quotes/,
      ],
      ["host=h password='hunter2", /The value of "password" in the connection string lacks its closing quote/],
      ['host=h pasword=hunter2', /has the parameter "pasword", which PostgreSQL does not know/],
      [
        'postgres://u:hunter2@h/d?sslmod=require',
        /has the parameter "sslmod", which PostgreSQL does not know: remove or correct it/,
      ],
      ['postgres://u:hunter2@h:port/d', /faulty "port"/],
      ['postgres://u:hunter2@h/d?sslmode=on', /^The connection string has a faulty "sslmode": it must be one of/],
      [
        'postgres://u:hunter2@@h/d',
        /more than one "@" before the host: write an "@" in the user name or password as %40/,
      ],
      ['postgres://u:hunter2@3@h/d', /more than one "@"/],
      ['postgres://u:hunter/2@h/d', /"@" after a "\/": write a "\/" in the user name or password as %2F/],
      ['postgres://u:hunter%2@h/d', /The URI's password has a "%" that is not followed by two hexadecimal digits/],
      ['postgres://u:hunter%zz@h/d', /write a "%" itself as %25/],
      ['postgres://u:hunter%00@h/d', /forbidden %00/],
      [
        'postgres://h/d?password=hunter2&hunter3',
        /something that PostgreSQL does not know after the password: write an "&" in it as %26/,
      ],
      ['postgres://h/d?password=hunter2&hunter3=x', /write an "&" in it as %26/],
      ['postgres://h/d?user', /parameter "user" has no value/],
      ['postgres://h/d?user=a=b', /more than one "="/],
      ['postgres://u:hunter2@[::1/d', /"\[" before an IPv6 address but no "\]"/],
      ['postgres://u:hunter2@[]/d', /empty IPv6 address/],
      ['postgres://u:hunter2@[::1]5432/d', /unexpected "5" after "\]"/],
      ['postgres://h1,h2:1,h3/d?port=1,2', /has 2 ports in "port" but 3 in "host"/],
      [
        'postgres://h/d?requirepeer=root',
        /The parameter "requirepeer" cannot be used: the owner of a socket's other end/,
      ],
      ['postgres://h/d?gssencmode=require', /"gssencmode" cannot be used/],
      ['postgres://h/d?replication=database', /"replication" cannot be used/],
      ['postgres://h/d?ssl_min_protocol_version=TLSv1', /versions of TLS before 1\.2 are not used/],
      ['postgres://h/d?sslcertmode=require', /"sslcertmode" cannot be used/],
      ['mysql://u:hunter2@h/d', /begins with "mysql:\/\/", which is not PostgreSQL/],
    ];
    for (const [text, message] of cases) {
      assert.throws(
        () => parseConnectionString(text),
        (error) => {
          assert.ok(error instanceof ConnectError, String(error));
          assert.equal(error.reason, 'profile');
          assert.match(error.message, message);
          assert.ok(!/hunter/.test(error.message), error.message);
          return true;
        },
        text,
      );
    }
  });

  it('passes over parameters that libpq has and that change nothing here', () => {
    const { profile } = parseConnectionString(
      'postgres://h/d?client_encoding=LATIN1&tcp_user_timeout=5&gssencmode=prefer&sslcompression=0&replication=false&sslcrldir=&min_protocol_version=3.0',
    );
    assert.deepEqual(profile, { name: '', host: 'h', database: 'd' });
  });

  it('passes over parameters of other programs where that is wanted', () => {
    const text = 'postgresql://u:p@h/d?schema=public&connection_limit=5&pgbouncer&sslmode=require&password=q';
    const { profile, ignored, password } = parseConnectionString(text, { ignoreUnknown: true });
    assert.deepEqual(ignored, ['schema', 'connection_limit', 'pgbouncer']);
    assert.deepEqual(profile, { name: '', user: 'u', host: 'h', database: 'd', sslmode: 'require' });
    assert.equal(password, 'q');
  });

  it('writes a URI without secrets that reads as the same profile', () => {
    const profiles = [
      { name: 'x' },
      { name: 'x', host: 'h' },
      { name: 'x', database: 'd' },
      { name: 'x', user: 'a b@c:d/e', database: 'd/e?f#g%' },
      { name: 'x', host: '/var/run/postgresql', port: 5433, user: 'jürgen', database: 'grün' },
      { name: 'x', host: 'a,b', port: '1,2' },
      { name: 'x', host: 'fe80::1%eth0' },
      { name: 'x', host: '[odd]@host' },
      { name: 'x', host: 'h', port: 1234, sslmode: 'verify-full' as const, sslrootcert: '/path with blank/ca.crt' },
      { name: 'x', host: '::1', port: 5432, keepalives: false, connectTimeoutSeconds: 3, sslsni: false },
      { name: 'x', hostaddr: '127.0.0.1,127.0.0.2', port: '1,2' },
      { name: 'x', service: 's', options: '-c geqo=off -c work_mem=1MB', targetSessionAttrs: 'standby' as const },
    ];
    for (const profile of profiles) {
      const uri = formatUri(profile);
      assert.match(uri, /^postgresql:\/\//);
      assert.deepEqual({ ...parseConnectionString(uri).profile, name: 'x' }, profile, uri);
    }
    // One port for all becomes one for each, which means the same.
    assert.equal(formatUri({ name: 'x', host: 'a,b', port: 1 }), 'postgresql://a:1,b:1');
    assert.equal(
      formatUri({
        name: 'x',
        host: 'h',
        role: 'my role',
        searchPath: 'a, "b c"',
        options: '-c geqo=off',
        passwordCommand: 'secret',
        color: '#000000',
        production: true,
      }),
      `postgresql://h/?options=${encodeURIComponent('-c geqo=off -c search_path=a,\\ "b\\ c" -c role=my\\ role')}`,
    );
  });
});

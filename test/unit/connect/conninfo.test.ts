import assert from 'node:assert/strict';
import { formatUri, parseConnectionString } from '../../../src/core/postgres/connect/conninfo/conninfo';
import { faultFrom, lineOf } from './support';

// test/server/connect/choices.test.ts compares the results with psql.

describe('connection strings', () => {
  it('separates the profile from the secrets', () => {
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

  it('accepts strings with blanks, quotes, a psql command, or the prefix of a driver around them', () => {
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

  it('reports the invalid part of a string, and never repeats a password', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['', 'conninfo.empty'],
      ['   ', 'conninfo.empty'],
      ['mydb', 'conninfo.missingEquals after=mydb'],
      ['hunter2@', 'conninfo.missingEquals'],
      ['host=h password=hunter2 hunter3', 'conninfo.unquotedValue'],
      ["host=h password='hunter2", 'conninfo.missingQuote parameter=password'],
      ['host=h pasword=hunter2', 'conninfo.unknownParameter parameter=pasword'],
      ['host=h username=u', 'conninfo.unknownParameter parameter=username suggestion=user'],
      ['postgres://u:hunter2@h/d?sslmod=require', 'uri.unknownParameter parameter=sslmod'],
      ['postgres://u:hunter2@h:port/d', 'profile.notPort port'],
      [
        'postgres://u:hunter2@h/d?sslmode=on',
        'profile.notOneOf sslmode choices=disable,allow,prefer,require,verify-ca,verify-full',
      ],
      ['postgres://u:hunter2@@h/d', 'uri.atInUserInfo'],
      ['postgres://u:hunter2@3@h/d', 'uri.atInUserInfo'],
      ['postgres://u:hunter/2@h/d', 'uri.slashInUserInfo'],
      ['postgres://u:hunter%2@h/d', 'uri.percentInvalid part=password'],
      ['postgres://u:hunter%zz@h/d', 'uri.percentInvalid part=password'],
      ['postgres://u:hunter%00@h/d', 'uri.nul part=password'],
      ['postgres://h/d?password=hunter2&hunter3', 'uri.ampersandInPassword'],
      ['postgres://h/d?password=hunter2&hunter3=x', 'uri.ampersandInPassword'],
      ['postgres://h/d?user', 'uri.noValue parameter=user'],
      ['postgres://h/d?user=a=b', 'uri.equalsInValue parameter=user'],
      ['postgres://h/d?options=%', 'uri.percentInvalid part=options'],
      ['postgres://u:hunter2@[::1/d', 'uri.bracketNotClosed'],
      ['postgres://u:hunter2@[]/d', 'uri.addressEmpty'],
      ['postgres://u:hunter2@[::1]5432/d', 'uri.afterBracket character=5'],
      ['postgres://h1,h2:1,h3/d?port=1,2', 'profile.portCount port ports=2 hosts=3'],
      ['postgres://h/d?requirepeer=root', 'parameter.requirepeer parameter=requirepeer'],
      ['postgres://h/d?gssencmode=require', 'parameter.gssEncryption parameter=gssencmode'],
      ['postgres://h/d?replication=database', 'parameter.replication parameter=replication'],
      ['postgres://h/d?ssl_min_protocol_version=TLSv1', 'parameter.oldTls parameter=ssl_min_protocol_version'],
      ['postgres://h/d?sslcertmode=require', 'parameter.sslcertmode parameter=sslcertmode'],
      ['postgres://h/d?oauth_client_secret=hunter2', 'parameter.oauth parameter=oauth_client_secret'],
      ['mysql://u:hunter2@h/d', 'conninfo.otherScheme scheme=mysql'],
    ];
    for (const [text, expected] of cases) {
      const fault = faultFrom(() => parseConnectionString(text));
      assert.equal(lineOf(fault), expected, text);
      assert.ok(!JSON.stringify(fault).includes('hunter'), text);
    }
  });

  it('ignores parameters of libpq that have no effect here', () => {
    const { profile } = parseConnectionString(
      'postgres://h/d?client_encoding=LATIN1&tcp_user_timeout=5&gssencmode=prefer&sslcompression=0&replication=false&sslcrldir=&min_protocol_version=3.0',
    );
    assert.deepEqual(profile, { name: '', host: 'h', database: 'd' });
  });

  it('skips parameters of other programs on request, and lists them', () => {
    const text = 'postgresql://u:p@h/d?schema=public&connection_limit=5&pgbouncer&sslmode=require&password=q';
    const { profile, ignored, password } = parseConnectionString(text, { ignoreUnknown: true });
    assert.deepEqual(ignored, ['schema', 'connection_limit', 'pgbouncer']);
    assert.deepEqual(profile, { name: '', user: 'u', host: 'h', database: 'd', sslmode: 'require' });
    assert.equal(password, 'q');
  });

  it('formats a profile as a URI without secrets, which parses to the same profile', () => {
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
    // One port for all hosts becomes one per host, which means the same.
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

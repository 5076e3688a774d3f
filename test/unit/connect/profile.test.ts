import assert from 'node:assert/strict';
import { validateProfile } from '../../../src/core/postgres/connect/conninfo/profile';

function problemOf(value: unknown): string {
  const checked = validateProfile(value);
  return 'problem' in checked ? checked.problem : '';
}

describe('profiles', () => {
  it('takes a full one as it is', () => {
    const profile = {
      name: 'full',
      host: 'a,b,/var/run/postgresql',
      port: '5432,5433,',
      database: 'd',
      user: 'u',
      sslmode: 'verify-full',
      sslrootcert: 'system',
      sslcert: '~/my.crt',
      sslkey: '~/my.key',
      channelBinding: 'require',
      applicationName: 'a',
      searchPath: 'app, public',
      role: 'r',
      options: '-c geqo=off',
      connectTimeoutSeconds: 0,
      keepalives: false,
      keepalivesIdleSeconds: 60,
      targetSessionAttrs: 'prefer-standby',
      service: 's',
      color: '#C04040',
      production: true,
      passwordCommand: 'aws rds generate-db-auth-token',
      askPassword: true,
      allowCleartextPassword: false,
    };
    assert.deepEqual(validateProfile(profile), { profile });
    assert.deepEqual(validateProfile({ name: 'x', port: 5432, host: undefined, color: 'charts.red' }), {
      profile: { name: 'x', port: 5432, color: 'charts.red' },
    });
  });

  it('names the faulty field and says what it must be, in one sentence', () => {
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [null, /^A connection must be an object/],
      [[], /^A connection must be an object/],
      ['postgres://x', /^A connection must be an object/],
      [{}, /^A connection has no "name"/],
      [{ name: '' }, /faulty "name": it must be a text that is not empty/],
      [{ name: 7 }, /faulty "name"/],
      [{ name: 'x', port: 0 }, /^The connection "x" has a faulty "port": it must be a whole number from 1 to 65535/],
      [{ name: 'x', port: 65_536 }, /"port"/],
      [{ name: 'x', port: 54.32 }, /"port"/],
      [{ name: 'x', port: 'abc' }, /"port"/],
      [{ name: 'x', port: true }, /"port"/],
      [{ name: 'x', host: 'a', port: '1,2' }, /has 2 ports in "port" but 1 in "host"/],
      [{ name: 'x', host: 'a,b,c', port: '1,2' }, /has 2 ports in "port" but 3 in "host"/],
      [{ name: 'x', host: 'a,b', hostaddr: '1.2.3.4' }, /has 2 in "host" but 1 in "hostaddr"/],
      [{ name: 'x', host: 5 }, /"host": it must be a text/],
      [{ name: 'x', host: 'postgres://u:secret@h/d' }, /"host": it must be a host alone/],
      [{ name: 'x', host: 'a\0b' }, /"host"/],
      [
        { name: 'x', sslmode: 'on' },
        /"sslmode": it must be one of "disable", "allow", "prefer", "require", "verify-ca", "verify-full"/,
      ],
      [{ name: 'x', sslmode: '' }, /"sslmode"/],
      [{ name: 'x', user: null }, /"user"/],
      [{ name: 'x', connectTimeoutSeconds: '10' }, /"connectTimeoutSeconds": it must be a whole number of seconds/],
      [{ name: 'x', connectTimeoutSeconds: -1 }, /"connectTimeoutSeconds"/],
      [{ name: 'x', keepalives: 1 }, /"keepalives": it must be true or false/],
      [{ name: 'x', color: 'red;' }, /"color"/],
      [{ name: 'x', passwordCommand: ' ' }, /"passwordCommand": it must be a shell command/],
      [{ name: 'x', sslMode: 'require' }, /unknown field "sslMode": did you mean "sslmode"\?/],
      [{ name: 'x', ssl_root_cert: 'a' }, /did you mean "sslrootcert"\?/],
      [{ name: 'x', dbname: 'd' }, /did you mean "database"\?/],
      [
        { name: 'x', password: 'secret' },
        /unknown field "password": passwords are kept in the editor's secret storage/,
      ],
      [{ name: 'x', whatever: 1 }, /unknown field "whatever"\.$/],
      [{ name: 'x', constructor: 1 }, /unknown field "constructor"/],
    ];
    for (const [value, message] of cases) {
      const problem = problemOf(value);
      assert.match(problem, message);
      assert.match(problem, /\.$|\?\.$/);
      assert.ok(!problem.includes('secret@') && !problem.includes('"secret"'), problem);
    }
  });
});

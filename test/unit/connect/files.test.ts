import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import { findPassword } from '../../../src/core/postgres/connect/conninfo/passfile';
import { findService, listServices } from '../../../src/core/postgres/connect/conninfo/serviceFile';
import { surroundingsOf } from '../../../src/core/postgres/connect/conninfo/environment';

describe('the password file', () => {
  const key = { host: 'h', port: 5432, database: 'd', user: 'u' };

  it('finds the first line that matches', () => {
    assert.equal(findPassword('h:5432:d:x:no\nh:5432:d:u:yes\n*:*:*:*:late', key), 'yes');
    assert.equal(findPassword('#h:5432:d:u:no\n*:*:*:*:yes', key), 'yes');
    assert.equal(findPassword('h:5432:d:u', key), undefined);
    assert.equal(findPassword('', key), undefined);
    assert.equal(findPassword('hh:*:*:*:no\n*h:*:*:*:no', key), undefined);
  });

  it('unescapes colons and backslashes, in keys and in the password', () => {
    const odd = { host: 'a:b', port: 1, database: 'c\\d', user: '*' };
    assert.equal(findPassword('a\\:b:1:c\\\\d:\\*:p\\:q\\\\r', odd), 'p:q\\r');
    assert.equal(findPassword('a\\:b:1:c\\\\d:*:p:what follows a colon', odd), 'p');
    // libpq does not mind a colon that is not escaped, where the key has one.
    assert.equal(findPassword('a:b:1:c\\\\d:*:p', odd), 'p');
  });

  it('knows a socket in a default folder as localhost', () => {
    for (const host of ['/tmp', '/var/run/postgresql']) {
      assert.equal(findPassword('localhost:*:*:*:p', { ...key, host }), 'p');
    }
    assert.equal(findPassword('localhost:*:*:*:p', { ...key, host: '/home/me' }), undefined);
  });
});

describe('the service file', () => {
  const text =
    '# c\n[a]\nhost=h\nport = 1\n\n[b]\n  user=u=v  \n# c\npassword=p # no comment\n[c]\nbad\n[d]\nldap://x\n[e]\nservice=a\n';

  it('gives the parameters of one section', () => {
    assert.deepEqual(
      [...(findService(text, 'b', 'f') ?? [])],
      [
        ['user', 'u=v'],
        ['password', 'p # no comment'],
      ],
    );
    assert.equal(findService(text, 'z', 'f'), undefined);
  });

  it('names the file and the line of a fault, and only of the section that is used', () => {
    const faults = {
      a: /"f" has a fault in line 4: "port " is not a parameter.* \(no blanks may stand around/,
      c: /line 11: it is not of the form/,
      d: /line 13: .*LDAP/,
      e: /line 15: a service cannot name another/,
    };
    for (const [service, message] of Object.entries(faults)) {
      assert.throws(
        () => findService(text, service, 'f'),
        (error) => error instanceof ConnectError && message.test(error.message),
      );
    }
  });
});

describe('the services that can be chosen', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-services-'));
    await writeFile(join(folder, '.pg_service.conf'), '[mine]\nhost=h\n#[not]\n [both] # c\n');
    await writeFile(join(folder, 'pg_service.conf'), '[both]\n[shared one]\n');
  });
  after(() => rm(folder, { recursive: true }));

  const list = (env: NodeJS.ProcessEnv): ReturnType<typeof listServices> =>
    listServices(surroundingsOf({ HOME: folder, ...env }, 'linux'));

  it('are those of the home folder, then those of the system', async () => {
    const [own, system] = [join(folder, '.pg_service.conf'), join(folder, 'pg_service.conf')];
    assert.deepEqual(await list({ PGSYSCONFDIR: folder }), [
      { name: 'mine', file: own },
      { name: 'both', file: own },
      { name: 'shared one', file: system },
    ]);
  });

  it('are those of PGSERVICEFILE alone where it is set', async () => {
    const file = join(folder, 'pg_service.conf');
    assert.deepEqual(
      (await list({ PGSERVICEFILE: file })).map(({ name }) => name),
      ['both', 'shared one'],
    );
    assert.deepEqual(await list({ PGSERVICEFILE: join(folder, 'missing') }), []);
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPassword } from '../../../src/core/postgres/connect/conninfo/passfile';
import { findService, listServices } from '../../../src/core/postgres/connect/conninfo/serviceFile';
import { connectEnvironment } from '../../../src/core/postgres/connect/conninfo/environment';
import { faultFrom, lineOf } from './support';

describe('password files', () => {
  const key = { host: 'h', port: 5432, database: 'd', user: 'u' };

  it('finds the password of the first matching line', () => {
    assert.equal(findPassword('h:5432:d:x:no\nh:5432:d:u:yes\n*:*:*:*:late', key), 'yes');
    assert.equal(findPassword('#h:5432:d:u:no\n*:*:*:*:yes', key), 'yes');
    assert.equal(findPassword('h:5432:d:u', key), undefined);
    assert.equal(findPassword('', key), undefined);
    assert.equal(findPassword('hh:*:*:*:no\n*h:*:*:*:no', key), undefined);
  });

  it('unescapes colons and backslashes in keys and passwords', () => {
    const odd = { host: 'a:b', port: 1, database: 'c\\d', user: '*' };
    assert.equal(findPassword('a\\:b:1:c\\\\d:\\*:p\\:q\\\\r', odd), 'p:q\\r');
    assert.equal(findPassword('a\\:b:1:c\\\\d:*:p:the rest', odd), 'p');
    // libpq accepts an unescaped colon in a key.
    assert.equal(findPassword('a:b:1:c\\\\d:*:p', odd), 'p');
  });

  it('matches localhost with a socket in a default folder', () => {
    for (const host of ['/tmp', '/var/run/postgresql']) {
      assert.equal(findPassword('localhost:*:*:*:p', { ...key, host }), 'p');
    }
    assert.equal(findPassword('localhost:*:*:*:p', { ...key, host: '/home/me' }), undefined);
  });
});

describe('service files', () => {
  const text =
    '# c\n[a]\nhost=h\nport = 1\n\n[b]\n  user=u=v  \n# c\npassword=p # no comment\n[c]\nbad\n[d]\nldap://x\n[e]\nservice=a\n[g]\nnonsense=1\n';

  it('returns the parameters of one section', () => {
    assert.deepEqual(
      [...(findService(text, 'b', 'f') ?? [])],
      [
        ['user', 'u=v'],
        ['password', 'p # no comment'],
      ],
    );
    assert.equal(findService(text, 'z', 'f'), undefined);
  });

  it('reports the file and the line of a fault, only in the section that is used', () => {
    const faults = {
      a: 'service.blanks file=f line=4 parameter=port',
      c: 'service.noEquals file=f line=11',
      d: 'service.ldap file=f line=13',
      e: 'service.nested file=f line=15',
      g: 'service.unknownParameter file=f line=17 parameter=nonsense',
    };
    for (const [service, expected] of Object.entries(faults)) {
      assert.equal(lineOf(faultFrom(() => findService(text, service, 'f'))), expected);
    }
  });
});

describe('the list of services', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-services-'));
    await writeFile(join(folder, '.pg_service.conf'), '[mine]\nhost=h\n#[not]\n [both] # c\n');
    await writeFile(join(folder, 'pg_service.conf'), '[both]\n[shared one]\n');
  });
  after(() => rm(folder, { recursive: true }));

  const list = (env: NodeJS.ProcessEnv): ReturnType<typeof listServices> =>
    listServices(connectEnvironment({ HOME: folder, ...env }, 'linux'));

  it('has the services of the home folder, then those of the system', async () => {
    const [own, system] = [join(folder, '.pg_service.conf'), join(folder, 'pg_service.conf')];
    assert.deepEqual(await list({ PGSYSCONFDIR: folder }), [
      { name: 'mine', file: own },
      { name: 'both', file: own },
      { name: 'shared one', file: system },
    ]);
  });

  it('has only the services of PGSERVICEFILE if that is set', async () => {
    const file = join(folder, 'pg_service.conf');
    assert.deepEqual(
      (await list({ PGSERVICEFILE: file })).map(({ name }) => name),
      ['both', 'shared one'],
    );
    assert.deepEqual(await list({ PGSERVICEFILE: join(folder, 'missing') }), []);
  });
});

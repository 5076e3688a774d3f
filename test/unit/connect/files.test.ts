import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findInCompose, findInDotenv, parseDotenv } from '../../../src/core/postgres/connect/discover';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import { findPassword } from '../../../src/core/postgres/connect/passfile';
import { findService, listServices } from '../../../src/core/postgres/connect/serviceFile';
import { surroundingsOf } from '../../../src/core/postgres/connect/surroundings';
import { readYaml } from '../../../src/core/postgres/connect/yaml';

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

describe('addresses in .env files', () => {
  it('finds every address, with its line, and the password apart', () => {
    const found = findInDotenv(
      [
        '# DATABASE_URL=postgres://no@no/no',
        'export DATABASE_URL="postgresql://u:p%40ss@localhost:5433/app?schema=public"',
        "OTHER='postgres://v@h/d' # comment",
        'DJANGO=postgresql+psycopg2://w@h/d   # comment',
        'REDIS_URL=redis://localhost',
        'BROKEN=postgres://u:p@h:port/d',
        'NO_VALUE=',
        'PGAPPNAME=only this is not enough',
      ].join('\r\n'),
    );
    assert.deepEqual(found, [
      {
        source: 'DATABASE_URL',
        line: 1,
        profile: { name: '', user: 'u', host: 'localhost', port: 5433, database: 'app' },
        password: 'p@ss',
        ignored: ['schema'],
      },
      {
        source: 'OTHER',
        line: 2,
        profile: { name: '', user: 'v', host: 'h', database: 'd' },
        password: undefined,
        ignored: [],
      },
      {
        source: 'DJANGO',
        line: 3,
        profile: { name: '', user: 'w', host: 'h', database: 'd' },
        password: undefined,
        ignored: [],
      },
    ]);
  });

  it('fills in variables, as dotenv-expand does', () => {
    const found = findInDotenv(
      "DB_USER=app\nDB_PASSWORD=geheim\nURL=postgres://${DB_USER}:$DB_PASSWORD@${DB_HOST:-localhost}/app\nRAW='postgres://$DB_USER@h/d'",
    );
    assert.deepEqual(
      found.map(({ profile, password }) => [profile.user, password, profile.host]),
      [
        ['app', 'geheim', 'localhost'],
        ['$DB_USER', undefined, 'h'],
      ],
    );
    assert.equal(parseDotenv('A="x\\ny\\"z\\$q"\nB=a#b\nC=a #b\nD="multi\nline"').get('A')?.value, 'x\ny"z$q');
    assert.equal(parseDotenv('B=a#b').get('B')?.value, 'a#b');
    assert.equal(parseDotenv('C=a #b').get('C')?.value, 'a');
    assert.equal(parseDotenv('D="multi\nline"\nE=1').get('E')?.line, 2);
  });

  it('takes the variables of libpq together', () => {
    assert.deepEqual(findInDotenv('PGUSER=u\nPGHOST=db\nPGPORT=5433\nPGPASSWORD=p\nPGSSLMODE=require'), [
      {
        source: 'PGHOST …',
        line: 1,
        profile: { name: '', host: 'db', port: 5433, user: 'u', sslmode: 'require' },
        password: 'p',
        ignored: [],
      },
    ]);
    assert.deepEqual(findInDotenv('PGHOST=db\nPGSSLMODE=on'), []);
  });
});

describe('Compose files', () => {
  const COMPOSE = `
version: "3.9"   # old
x-common: &common
  restart: always
services:
  db:
    image: "postgres:18"
    environment:
      POSTGRES_USER: app
      POSTGRES_PASSWORD: "p#ss: \${SUFFIX:-word}"
      POSTGRES_DB: app_db
    ports:
    - "127.0.0.1:5433:5432"
    healthcheck:
      test: ["CMD-SHELL", "pg_isready -U app"]
  hidden:
    image: postgres
    environment: { POSTGRES_PASSWORD: x }
  gis:
    image: postgis/postgis
    environment:
      - POSTGRES_PASSWORD=\${PASSWORD}
    ports:
      - target: 5432
        published: "6543"
        protocol: tcp
  web:
    build: .
    command: |
      echo "image: postgres"
      ports:
    environment:
      - DATABASE_URL=postgres://app:secret@db:5432/app_db
      - HIDDEN_URL=postgres://app@hidden/app
      - OUTER_URL=postgres://app@db.example.com/app
      - REDIS_URL=redis://redis
    ports: ["8080:80"]
`;

  it('finds services that publish PostgreSQL, and addresses as they are from outside', () => {
    const found = findInCompose(COMPOSE, parseDotenv('PASSWORD=from env\nSUFFIX='));
    assert.deepEqual(
      found.map(({ source, line, profile, password }) => [
        source,
        line,
        profile.host,
        profile.port,
        profile.user,
        profile.database,
        password,
      ]),
      [
        ['db', 5, 'localhost', 5433, 'app', 'app_db', 'p#ss: word'],
        ['gis', 18, 'localhost', 6543, 'postgres', 'postgres', 'from env'],
        ['web: DATABASE_URL', 32, 'localhost', 5433, 'app', 'app_db', 'secret'],
        ['web: OUTER_URL', 34, 'db.example.com', undefined, 'app', 'app', undefined],
      ],
    );
  });

  it('leaves out what it does not understand, and never fails', () => {
    for (const text of [
      '',
      '---',
      'services:',
      'services: 5',
      'services:\n  - db',
      'services:\n  db: postgres',
      '{',
      '[',
      ': :',
      'a: [b',
      'services:\n\tdb:\n\t\timage: postgres',
      '- - - a',
      'a: "b',
      '&a *b !c',
      '- '.repeat(500),
      'a:\n '.repeat(300),
    ]) {
      assert.deepEqual(findInCompose(text), [], text.slice(0, 40));
    }
    const deep = Array.from({ length: 5000 }, (_, i) => `${' '.repeat(i)}k:`).join('\n');
    assert.doesNotThrow(() => readYaml(deep));
  });

  it('reads the styles of YAML that Compose files use', () => {
    const value = readYaml(
      'a: 1\n"b c": \'it\'\'s\'\nlist:\n  - x\n  - y: 1\n    z: "#2" # c\n  -\n    w: 3\nflow: {p: "q, r", s: t}\nurl: http://x:80/#frag\nend: ~',
    );
    const plain = (one: ReturnType<typeof readYaml>): unknown =>
      one?.kind === 'map'
        ? Object.fromEntries([...one.entries].map(([name, entry]) => [name, plain(entry)]))
        : one?.kind === 'list'
          ? one.items.map(plain)
          : one?.text;
    assert.deepEqual(plain(value), {
      a: '1',
      'b c': "it's",
      list: ['x', { y: '1', z: '#2' }, { w: '3' }],
      flow: { p: 'q, r', s: 't' },
      url: 'http://x:80/#frag',
      end: '~',
    });
  });
});

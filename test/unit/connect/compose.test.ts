import assert from 'node:assert/strict';
import { findInCompose, type ComposeContext } from '../../../src/core/postgres/connect/discover/compose';
import { parseDotenv } from '../../../src/core/postgres/connect/discover/dotenv';

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

  it('finds services that publish PostgreSQL, and URIs with their published addresses', async () => {
    const { candidates: found } = await findInCompose(COMPOSE, { dotenv: parseDotenv('PASSWORD=from env\nSUFFIX=') });
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

  /** Lists the candidates as `source: user:password@host:port/database`. */
  async function found(text: string, context?: ComposeContext): Promise<readonly string[]> {
    const { candidates } = await findInCompose(text, context);
    return candidates.map(
      ({ source, profile, password }) =>
        `${source}: ${profile.user ?? ''}:${password ?? ''}@${profile.host ?? ''}:${profile.port ?? ''}/${profile.database ?? ''}`,
    );
  }

  it('reads anchors, merge keys, tags, escapes, and flow lists on several lines', async () => {
    const text = `
x-env: &env
  POSTGRES_USER: merged
  POSTGRES_PASSWORD: "\\x73ecret \\u00e9"
x-more: &more { POSTGRES_USER: other, POSTGRES_DB: more }
x-image: &image !!str postgres:18
services:
  a:
    image: *image
    environment: {<<: *env, POSTGRES_DB: d}
    ports: [
      "127.0.0.1:5433:5432", # the server
      '9999:9999'
    ]
  b:
    image: *image
    environment:
      <<: [*more, *env]
      POSTGRES_PASSWORD: >-
        folded
        word
    ports: &ports
      - !!str 5434:5432
  c:
    image: postgres
    environment: &c [POSTGRES_PASSWORD=it's, "POSTGRES_USER=\\"q\\""]
    ports: ["[::1]:5440-5442:5431-5433/tcp"]
  d:
    extends: { service: b }
    environment: { POSTGRES_USER: extended }
`;
    assert.deepEqual(await found(text), [
      'a: merged:secret é@localhost:5433/d',
      'b: other:folded word@localhost:5434/more',
      `c: "q":it's@localhost:5441/"q"`,
      'd: extended:folded word@localhost:5434/more',
    ]);
  });

  it("reads the variables of Bitnami's images", async () => {
    const service = (environment: string): string =>
      `services: {db: {image: bitnami/postgresql, ports: ['5432:5432'], environment: {${environment}}}}`;
    assert.deepEqual(
      await found(
        service(
          'POSTGRESQL_USERNAME: u, POSTGRESQL_PASSWORD: p, POSTGRESQL_DATABASE: d, POSTGRESQL_POSTGRES_PASSWORD: s',
        ),
      ),
      ['db: u:p@localhost:5432/d'],
    );
    // Unless set, its database does not have the name of the user.
    assert.deepEqual(await found(service('POSTGRESQL_USERNAME: u')), ['db: u:@localhost:5432/postgres']);
    const moved =
      "services: {db: {image: x, ports: ['7777:6000'], environment: [POSTGRESQL_PORT_NUMBER=6000, POSTGRESQL_PASSWORD=p]}}";
    assert.deepEqual(await found(moved), ['db: postgres:p@localhost:7777/postgres']);
  });

  it('reads the files of env_file and of secrets, which environment overrides', async () => {
    const text = `
services:
  db:
    image: postgres
    env_file:
      - base.env
      - path: ./more.env
        required: false
      - missing.env
    environment:
      POSTGRES_DB: d
      POSTGRES_PASSWORD_FILE: /run/secrets/pw
      NAME_ONLY:
    ports: ["5433:5432"]
  one:
    image: postgres
    env_file: base.env
    environment: [POSTGRES_PASSWORD]
    ports: ["5434:5432"]
secrets:
  pw: { file: ./pw.txt }
`;
    const files: Record<string, string> = {
      'base.env': 'POSTGRES_USER=base\nPOSTGRES_DB=base',
      './more.env': '\uFEFFPOSTGRES_USER=${WHO}',
      './pw.txt': 'from a file\n',
    };
    const asked: string[] = [];
    const result = await found(text, {
      dotenv: parseDotenv('WHO=more\nPOSTGRES_PASSWORD=from .env'),
      readFile: (path) => {
        asked.push(path);
        return Promise.resolve(files[path]);
      },
    });
    assert.deepEqual(result, ['db: more:from a file@localhost:5433/d', 'one: base:from .env@localhost:5434/base']);
    assert.deepEqual([...new Set(asked)].sort(), ['./more.env', './pw.txt', 'base.env', 'missing.env']);
  });

  it('expands variables with their defaults, and keeps a doubled dollar', async () => {
    const text =
      'services: {db: {image: postgres, ports: ["${PORT:-5433}:5432"], environment: {POSTGRES_USER: "${U:?must be set}", POSTGRES_PASSWORD: "a$$b${X:-${Y-c}}${U:+d}"}}}';
    assert.deepEqual(await found(text, { dotenv: parseDotenv('U=u') }), ['db: u:a$bcd@localhost:5433/u']);
  });

  it("offers libpq's variables of a service with the published port", async () => {
    const text =
      'services: {db: {image: postgres, ports: ["5433:5432"]}, web: {environment: {PGHOST: db, PGUSER: w, PGPASSWORD: p}}}';
    assert.deepEqual(await found(text), [
      'db: postgres:@localhost:5433/postgres',
      'web: PGHOST …: w:p@localhost:5433/',
    ]);
  });

  it('reports the line of a YAML error, and uses the part before it', async () => {
    const { candidates, fault } = await findInCompose(
      'services:\n  db: {image: postgres, ports: ["5433:5432"]}\n  web:\n    image: "x\n',
    );
    assert.equal(candidates.length, 1);
    assert.ok(fault?.code === 'compose.syntax');
    assert.equal(fault.params.line, 5);
    assert.match(fault.params.detail, /quote/i);
  });

  it('skips what it does not understand, and never fails', async () => {
    for (const text of [
      ...['', '---', 'services:', 'services: 5', 'services:\n  - db', 'services:\n  db: postgres', '{', '[', ': :'],
      ...['a: [b', 'services:\n\tdb:\n\t\timage: postgres', '- - - a', 'a: "b', '&a *b !c', '- '.repeat(500)],
      ...['a:\n '.repeat(300), '['.repeat(100_000), '{a: '.repeat(100_000), 'services: &a {<<: *a, b: *a}'],
      ...['services: {a: {extends: b}, b: {extends: a}}', 'services: {a: {ports: *none}}', '? [a]\n: b'],
      Array.from({ length: 5000 }, (_, i) => `${' '.repeat(i)}k:`).join('\n'),
    ]) {
      assert.deepEqual((await findInCompose(text)).candidates, [], text.slice(0, 40));
    }
  });

  it('stops at aliases that grow exponentially', async () => {
    const levels = Array.from({ length: 60 }, (_, i) => `x${i}: &x${i} {<<: [*x${i - 1}, *x${i - 1}]}`);
    const lists = Array.from({ length: 60 }, (_, i) => `l${i}: &l${i} [*l${i - 1}, *l${i - 1}]`);
    const text = `x: &x-1 {POSTGRES_PASSWORD: p}\nl: &l-1 ["1:2"]\n${levels.join('\n')}\n${lists.join('\n')}
services: {db: {image: postgres, environment: {<<: *x59}, ports: *l59}}`;
    const { candidates, fault } = await findInCompose(text);
    assert.deepEqual(candidates, []);
    assert.equal(fault?.code, 'compose.tooManyMerges');
  });
});

import assert from 'node:assert/strict';
import { findInDotenv } from '../../../src/core/postgres/connect/discover/discover';
import { parseDotenv } from '../../../src/core/postgres/connect/discover/dotenv';

describe('.env files', () => {
  it('finds every URI with its line, and separates the password', () => {
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

  it('expands variables like dotenv-expand', () => {
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

  it('combines the variables of libpq to one candidate', () => {
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

  it('finds the first variable of a file that begins with a byte order mark', () => {
    assert.deepEqual([...parseDotenv('\uFEFFA=1\r\nB=2').keys()], ['A', 'B']);
    assert.equal(findInDotenv('\uFEFFDATABASE_URL=postgres://u@h/d')[0]?.profile.host, 'h');
  });

  it('expands nested defaults, alternatives, and escaped dollars', () => {
    const variables = parseDotenv(
      'A=1\nB=${X:-${Y-${A}}}\nC=${A:+yes}${X+no}\nD=\\$A "E=\nE="\\$A $A"\nEMPTY=\nF=${EMPTY:-x}${EMPTY-y}\nG=${A\nH=$',
    );
    assert.deepEqual(
      [...variables].map(([name, { value }]) => `${name}=${value}`),
      ['A=1', 'B=1', 'C=yes', 'D=$A "E=', 'E=$A 1', 'EMPTY=', 'F=x', 'G=${A', 'H=$'],
    );
  });

  it('drops a value that grows exponentially, and keeps the others', () => {
    const doubling = Array.from({ length: 200 }, () => 'A=${A:-xx}${A:-xx}').join('\n');
    const variables = parseDotenv(`${doubling}\nB=${'${A}'.repeat(100)}\nDATABASE_URL=postgres://u@h/d`);
    assert.ok((variables.get('A')?.value.length ?? 0) <= 32_768);
    assert.equal(variables.get('DATABASE_URL')?.value, 'postgres://u@h/d');
    assert.equal(parseDotenv(`A=${'${B:-'.repeat(100_000)}`).get('A'), undefined);
  });

  it('reads a large file in linear time', () => {
    // Quadratic readers take minutes for these.
    for (const line of ["A='\n", 'A="\n', 'A="\\"\n', 'A=x\n', '\t\t\t\t', 'A=${B:-\n', 'A="x\ny"\n']) {
      const text = line.repeat(Math.ceil(1_000_000 / line.length));
      assert.ok(parseDotenv(text).size <= 2, JSON.stringify(line));
    }
  });
});

import assert from 'node:assert/strict';
import { parseConnectionString } from '../../../src/core/postgres/connect/conninfo/conninfo';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import { parametersOf } from '../../../src/core/postgres/connect/conninfo/keywords';
import { fieldProblem } from '../../../src/core/postgres/connect/conninfo/profile';

// psql commands are compared with psql in test/server/connect/commands.test.ts.

/** Pairs of libpq, with what was left out after a bar. */
function read(text: string): string {
  const { profile, password, ignored } = parseConnectionString(text, { ignoreUnknown: true });
  const parameters = new Map([
    ...parametersOf(profile),
    ...(password === undefined ? [] : [['password', password]]),
  ] as [string, string][]);
  const pairs = [...parameters].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${value}`);
  return [pairs.join(' '), ...(ignored.length === 0 ? [] : [ignored.join(',')])].join(' | ');
}

const U = 'dbname=d host=h password=p user=u';

/** What is pasted, and what it means; messages begin with "!". */
const CASES: Readonly<Record<string, readonly (readonly [pasted: string, meaning: string | RegExp])[]>> = {
  'addresses with what is copied along with them': [
    ['postgres://u:p@h/d;', U],
    [' "postgres://u:p@h/d"; ', U],
    ["'postgres://u:p@h/d',", U],
    ['“postgres://u:p@h/d”', U],
    ['`postgres://u:p@h/d`', U],
    ['<postgres://u:p@h/d>', U],
    ['\uFEFFpostgres://u:p@h/d\u200B\u00A0', U],
    ['DATABASE_URL="postgres://u:p@h/d"', U],
    ['export DATABASE_URL=postgres://u:p@h/d;', U],
    ['"url": "postgres://u:p@h/d",', U],
    ["$env:DATABASE_URL = 'postgres://u:p@h/d'", U],
    ['host=h dbname=d user=u password=p ', U],
    ['host=h user=u password=p dbname=d;', U],
    // It may be the password's own.
    ['postgres://u@h/d?password=p;', 'dbname=d host=h password=p; user=u'],
    ['host=h dbname=d user=u password=p;', 'dbname=d host=h password=p; user=u'],
    ['postgres://u@h/d%3B', 'dbname=d; host=h user=u'],
  ],
  'addresses of other drivers': [
    ['postgresql+psycopg2://u:p@h/d', U],
    ['postgresql+asyncpg://u:p@h/d?ssl=require', U.replace('user', 'sslmode=require user')],
    ['postgis://u:p@h/d', U],
    ['pgsql://u:p@h/d', U],
    ['POSTGRES://u:p@h/d', U],
    ['jdbc:postgresql://h/d?user=u&password=p&currentSchema=s', `${U} | currentSchema`],
    ['JDBC:postgresql://h/d?user=u&password=p&ApplicationName=a', `application_name=a ${U}`],
    ['jdbc:postgresql:d?user=u', 'dbname=d user=u'],
    ['jdbc:postgresql:/', ''],
    ['r2dbc:pool:postgresql://u:p@h/d', U],
    ['postgres://u:p@h/d?sslmode=no-verify', U.replace('user', 'sslmode=require user')],
    ['postgres://u:p@h/d?ssl=true', U.replace('user', 'sslmode=require user')],
    ['postgres://u:p@h/d?sslmode=verify-full&ssl=true', U.replace('user', 'sslmode=verify-full user')],
    ['postgres://u:p@h/d?ssl=false', U],
    ['mysql://u:hunter2@h/d', /begins with "mysql:\/\/", which is not PostgreSQL's: write postgres:/],
    ['DATABASE_URL=mongodb+srv://u:hunter2@h/d', /begins with "mongodb\+srv:/],
  ],
  'connection strings of .NET, ODBC and PDO, and lists of hosting services': [
    ['Host=h;Username=u;Password=p;Database=d', U],
    ['Server=h;User Id=u;Password="p";Initial Catalog=d;', U],
    ['Host=h;Port=1;Username=u;Password="p;""q";Database=d', 'dbname=d host=h password=p;"q port=1 user=u'],
    ["host=h;username=u;password='p=''q';database=d", "dbname=d host=h password=p='q user=u"],
    [
      'Host=h;Database=d;Username=u;Password=p;SSL Mode=VerifyFull;Trust Server Certificate=true;Pooling=false',
      `${U.replace('user', 'sslmode=verify-full user')} | Trust Server Certificate,Pooling`,
    ],
    [
      'Driver={PostgreSQL Unicode};Server=h;Database=d;Uid=u;Pwd={p;q};',
      'dbname=d host=h password=p;q user=u | Driver',
    ],
    ['pgsql:host=h;dbname=d;user=u;password=p', U],
    [
      'username = u\npassword = p q # r\nhost = h.example.com\nport = 25060\ndatabase = d\nsslmode = require',
      'dbname=d host=h.example.com password=p q # r port=25060 sslmode=require user=u',
    ],
    ['host: h\r\nuser: "u"\r\npassword: x:y', 'host=h password=x:y user=u'],
    // libpq's own form wins wherever it can be meant.
    ['host=h user=u password=a;b=c dbname=d', 'dbname=d host=h password=a;b=c user=u'],
    ["host=h\nuser=u\ndbname='x y'", 'dbname=x y host=h user=u'],
    ['host=h username=u', /parameter "username", which PostgreSQL does not know: write "user"/],
    ['host=h Database=d', /parameter "Database", which PostgreSQL does not know: write "dbname"/],
    ['Host=h;Username=u;Password=p;Database=d;SSL Mode=Sometimes', /faulty "sslmode": it must be one of/],
  ],
  'psql commands': [
    ['PGPASSWORD=p psql -U u -h h -p 25060 -d d', 'dbname=d host=h password=p port=25060 user=u'],
    ['$ export PGPASSWORD=p; psql -h h -U u d < dump.sql', U],
    ['set PGPASSWORD=p && psql.exe -h h -U u d', U],
    ["PS C:\\x> $env:PGPASSWORD='p'; psql -h h -U u d", U],
    ['"C:\\Program Files\\PostgreSQL\\18\\bin\\psql.exe" -h h -U u d', 'dbname=d host=h user=u'],
    ['psql `\r\n -h h `\r\n -U u d', 'dbname=d host=h user=u'],
    ['pgcli -h h -U u d', 'dbname=d host=h user=u'],
    ['docker run --rm -it postgres psql -h db.example.com -U u d', 'dbname=d host=db.example.com user=u'],
    ['docker exec -it pg psql -U hunter', /runs inside a container: enter "localhost" and the port that the container/],
    ['kubectl exec -it pod -- psql "postgres://u:hunter2@localhost/d"', /inside a container/],
    ['ssh me@server psql -U u', /runs on another computer: enter the address of its server/],
    ['psql -h $PGHOST_HERE -U u d', /from the shell's variable \$PGHOST_HERE, which is not known here/],
    ['PGPASSWORD="$(cat hunter2)" psql -h h', /from the shell's variable \$\(/],
    ['psql -U u -h', /no value after "-h"/],
    ['host=psql user=psql', 'host=psql user=psql'],
    ['postgres://psql:psql@psql/psql', 'dbname=psql host=psql password=psql user=psql'],
  ],
  'names of sockets': [
    ['host=/var/run/postgresql/.s.PGSQL.5432 user=u', 'host=/var/run/postgresql port=5432 user=u'],
    ['postgres:///d?host=/tmp/.s.PGSQL.5433', 'dbname=d host=/tmp port=5433'],
    ['psql -h /tmp/.s.PGSQL.5433 -p 5433 d', 'dbname=d host=/tmp port=5433'],
    ['host=/tmp/.s.PGSQL.5433 port=1', /socket's name says port 5433, but the port given is 1: leave one of them out/],
  ],
  'an "@" that is not encoded': [
    [
      'postgres://user@tenant:hunter2@srv.postgres.database.azure.com/db',
      /more than one "@" before the host: write an "@" in the user name or password as %40/,
    ],
    ['postgres://user@tenant:1hunter2@srv.example.com:5432/db', /as %40/],
    ['postgres://user@tenant@srv.example.com/db', /as %40/],
    ['postgres://user%40tenant:p@srv/db', 'dbname=db host=srv password=p user=user@tenant'],
  ],
};

describe('what people paste for a connection', () => {
  for (const [title, cases] of Object.entries(CASES)) {
    it(title, () => {
      for (const [pasted, meaning] of cases) {
        if (typeof meaning === 'string') {
          assert.equal(read(pasted), meaning, pasted);
          continue;
        }
        assert.throws(
          () => read(pasted),
          (error) => {
            assert.ok(error instanceof ConnectError, String(error));
            assert.match(error.message, meaning, pasted);
            assert.ok(!error.message.replace('$(cat hunter2)', '').includes('hunter'), error.message);
            return true;
          },
          pasted,
        );
      }
    });
  }

  it('the name of a socket as the host of a setting is explained', () => {
    assert.match(fieldProblem('host', '/tmp/.s.PGSQL.5432') ?? '', /it must be the folder of the socket/);
  });

  it('long nonsense takes no time', () => {
    for (const part of [
      'a=',
      'psql -',
      '"',
      "psql '",
      'a;',
      'a=b;',
      ' ',
      '\n',
      'a: b\n',
      '\\',
      'psql "\\',
      ';',
      '$(',
      'x ',
    ])
      assert.doesNotThrow(() => {
        try {
          parseConnectionString(part.repeat(100_000 / part.length));
        } catch (error) {
          if (!(error instanceof ConnectError)) throw error;
        }
      }, part);
  });
});

import assert from 'node:assert/strict';
import { parseConnectionString } from '../../../src/core/postgres/connect/conninfo/conninfo';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import { parametersOf } from '../../../src/core/postgres/connect/conninfo/keywords';
import { fieldFault } from '../../../src/core/postgres/connect/conninfo/profile';
import { faultFrom, lineOf } from './support';

// test/server/connect/commands.test.ts compares the results of psql commands with psql.

/** Parses a text to sorted keyword=value pairs, with the skipped parameters after a bar. */
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

/** Pasted texts, and the resulting pairs or faults. */
const CASES: Readonly<Record<string, readonly (readonly [pasted: string, meaning: string | { fault: string }])[]>> = {
  'URIs and pairs with quotes, semicolons, or assignments copied along': [
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
    // The semicolon may be part of the password.
    ['postgres://u@h/d?password=p;', 'dbname=d host=h password=p; user=u'],
    ['host=h dbname=d user=u password=p;', 'dbname=d host=h password=p; user=u'],
    ['postgres://u@h/d%3B', 'dbname=d; host=h user=u'],
  ],
  'URIs of other drivers': [
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
    ['mysql://u:hunter2@h/d', { fault: 'conninfo.otherScheme scheme=mysql' }],
    ['DATABASE_URL=mongodb+srv://u:hunter2@h/d', { fault: 'conninfo.otherScheme scheme=mongodb+srv' }],
  ],
  'connection strings of .NET, ODBC, and PDO, and lists of hosting services': [
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
    // If libpq's form is possible, it wins.
    ['host=h user=u password=a;b=c dbname=d', 'dbname=d host=h password=a;b=c user=u'],
    ["host=h\nuser=u\ndbname='x y'", 'dbname=x y host=h user=u'],
    ['host=h username=u', { fault: 'conninfo.unknownParameter parameter=username suggestion=user' }],
    ['host=h Database=d', { fault: 'conninfo.unknownParameter parameter=Database suggestion=dbname' }],
    [
      'Host=h;Username=u;Password=p;Database=d;SSL Mode=Sometimes',
      { fault: 'profile.notOneOf sslmode choices=disable,allow,prefer,require,verify-ca,verify-full' },
    ],
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
    ['docker exec -it pg psql -U hunter', { fault: 'psql.container host' }],
    ['kubectl exec -it pod -- psql "postgres://u:hunter2@localhost/d"', { fault: 'psql.container host' }],
    ['ssh me@server psql -U u', { fault: 'psql.otherComputer host' }],
    ['psql -h $PGHOST_HERE -U u d', { fault: 'psql.shellVariable variable=$PGHOST_HERE' }],
    ['PGPASSWORD="$(cat hunter2)" psql -h h', { fault: 'psql.shellVariable variable=$(cat hunter2)' }],
    ['psql -U u -h', { fault: 'psql.noValue option=-h' }],
    ['host=psql user=psql', 'host=psql user=psql'],
    ['postgres://psql:psql@psql/psql', 'dbname=psql host=psql password=psql user=psql'],
  ],
  'paths of sockets': [
    ['host=/var/run/postgresql/.s.PGSQL.5432 user=u', 'host=/var/run/postgresql port=5432 user=u'],
    ['postgres:///d?host=/tmp/.s.PGSQL.5433', 'dbname=d host=/tmp port=5433'],
    ['psql -h /tmp/.s.PGSQL.5433 -p 5433 d', 'dbname=d host=/tmp port=5433'],
    ['host=/tmp/.s.PGSQL.5433 port=1', { fault: 'conninfo.socketPort port socketPort=5433 port=1' }],
  ],
  'unencoded "@" in user names and passwords': [
    ['postgres://user@tenant:hunter2@srv.postgres.database.azure.com/db', { fault: 'uri.atInUserInfo' }],
    ['postgres://user@tenant:1hunter2@srv.example.com:5432/db', { fault: 'uri.atInUserInfo' }],
    ['postgres://user@tenant@srv.example.com/db', { fault: 'uri.atInUserInfo' }],
    ['postgres://user%40tenant:p@srv/db', 'dbname=db host=srv password=p user=user@tenant'],
  ],
};

describe('pasted connection strings', () => {
  for (const [title, cases] of Object.entries(CASES)) {
    it(title, () => {
      for (const [pasted, meaning] of cases) {
        if (typeof meaning === 'string') {
          assert.equal(read(pasted), meaning, pasted);
          continue;
        }
        const line = lineOf(faultFrom(() => read(pasted)));
        assert.equal(line, meaning.fault, pasted);
        assert.ok(!line.replace('$(cat hunter2)', '').includes('hunter'), line);
      }
    });
  }

  it('rejects the path of a socket as the host of a profile', () => {
    assert.equal(fieldFault('host', '/tmp/.s.PGSQL.5432')?.code, 'profile.hostIsSocketFile');
  });

  it('parses long invalid texts in linear time', () => {
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

/**
 * What is connected to, as whom and with which password, is what psql chooses with the same words in the same surroundings.
 * Each case is run by both against a server that writes down what they say.
 */
import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { parseConnectionString } from '../../../src/core/postgres/connect/conninfo';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import { openClient } from '../../../src/core/postgres/connect/open';
import { sharedServer } from '../support';
import { FakeServer, type Introduction } from './fakeServer';
import { environment, newHome, psql, removeFolder } from './support';

/** In all texts: TCP and TCP2 are ports of the server, HOME the home folder, which also has the server's sockets. */
interface Case {
  readonly what: string;
  /** The connection string, for both. */
  readonly conninfo: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string | { readonly text: string; readonly mode: number }>>;
  /** Neither of them may get as far as the server. */
  readonly fails?: true;
  /** What must have been chosen, where agreeing is not enough to show that the case is what it says. */
  readonly expect?: Readonly<Partial<Record<'user' | 'database' | 'password' | 'through' | 'options', string>>>;
}

const PGPASS = `# a comment
other:TCP:*:*:of another host
127.0.0.1:5432:*:*:of another port
127.0.0.1:TCP:named:*:of a database
127.0.0.1:TCP:*:named:of a user
127.0.0.1:TCP2:*:*:of the second port
127.0.0.1:*:co\\:lon:*:of\\:col\\\\on:rest
127.0.0.1:*:back\\\\slash:*:of backslash
HOME:*:*:*:of the folder
localhost:*:*:*:of localhost
*:*:*:someone:first of two
*:*:*:someone:second of two
`;

const SERVICES = `# services
[empty]

[full]
host=127.0.0.1
port=TCP
dbname=service_db
user=service_user
password=service secret
options=-c geqo=off
application_name=from service
[port only]
port=TCP
user= leading blank
[first]
host=127.0.0.1
port=TCP
user=one
user=two
[full]
user=never seen
[unknown keyword]
hosts=127.0.0.1
[blanks]
host = 127.0.0.1
[no equals]
host
[nested]
service=full
[bad mode]
host=127.0.0.1
port=TCP
sslmode=sometimes
`;

const AT = 'host=127.0.0.1 port=TCP';

const CASES: readonly Case[] = [
  // Whole connection strings.
  {
    what: 'keywords',
    conninfo: `${AT} user=u dbname=d password=p`,
    expect: { user: 'u', database: 'd', password: 'p' },
  },
  {
    what: 'keywords, quoted',
    conninfo: `host = '127.0.0.1' port=TCP user='a b' dbname='it\\'s' password='back\\\\slash'`,
    expect: { user: 'a b', database: "it's", password: 'back\\slash' },
  },
  {
    what: 'keywords, escaped without quotes',
    conninfo: `${AT} user=a\\ b dbname=it\\'s password=q\\\\\\"`,
    expect: { user: 'a b', database: "it's", password: 'q\\"' },
  },
  { what: 'keywords, the last wins', conninfo: `${AT} user=one user=two` },
  { what: 'keywords, tabs and line ends between', conninfo: `\t${AT}\n user=u\r\n dbname=d ` },
  {
    what: 'keywords, an empty value',
    conninfo: `${AT} user=u dbname=''`,
    env: { PGDATABASE: 'env_db' },
    expect: { database: 'u' },
  },
  { what: 'keywords, unterminated quote', conninfo: `${AT} user='u`, fails: true },
  { what: 'keywords, no equals sign', conninfo: `${AT} user`, fails: true },
  { what: 'keywords, unknown', conninfo: `${AT} usr=u`, fails: true },
  { what: 'a URI', conninfo: 'postgres://u:p@127.0.0.1:TCP/d', expect: { user: 'u', database: 'd', password: 'p' } },
  { what: 'the longer scheme', conninfo: 'postgresql://u:p@127.0.0.1:TCP/d?application_name=app' },
  {
    what: 'a URI, percent-encoded',
    conninfo: 'postgres://a%20b:p%40%3A%2F%25@127.0.0.1:TCP/d%2Fb%3Fc',
    expect: { user: 'a b', database: 'd/b?c', password: 'p@:/%' },
  },
  {
    what: 'a URI, encoded UTF-8',
    conninfo: 'postgres://j%C3%BCrgen:%E2%82%AC@127.0.0.1:TCP/gr%c3%bcn',
    expect: { user: 'jürgen', database: 'grün', password: '€' },
  },
  {
    what: 'a URI, UTF-8 as it is',
    conninfo: 'postgres://jürgen:€@127.0.0.1:TCP/grün',
    expect: { user: 'jürgen', password: '€' },
  },
  {
    what: 'a URI, plus is plus',
    conninfo: 'postgres://u+v:p+q@127.0.0.1:TCP/d+e',
    expect: { user: 'u+v', database: 'd+e', password: 'p+q' },
  },
  { what: 'a URI, colon in the password', conninfo: 'postgres://u:p:q@127.0.0.1:TCP/d', expect: { password: 'p:q' } },
  {
    what: 'a URI, question mark in the password',
    conninfo: 'postgres://u:p?q=r@127.0.0.1:TCP/d',
    expect: { password: 'p?q=r' },
  },
  {
    what: 'a URI without user',
    conninfo: 'postgres://127.0.0.1:TCP/d',
    env: { PGUSER: 'env_user' },
    expect: { user: 'env_user' },
  },
  {
    what: 'a URI, empty user',
    conninfo: 'postgres://@127.0.0.1:TCP/d',
    env: { PGUSER: 'env_user' },
    expect: { user: 'env_user' },
  },
  { what: 'a URI, empty user and a password', conninfo: 'postgres://:p@127.0.0.1:TCP/d', expect: { password: 'p' } },
  {
    what: 'a URI, empty database',
    conninfo: 'postgres://u@127.0.0.1:TCP/',
    env: { PGDATABASE: 'env_db' },
    expect: { database: 'env_db' },
  },
  {
    what: 'a URI, no path but a query',
    conninfo: 'postgres://u@127.0.0.1:TCP?dbname=q_db',
    expect: { database: 'q_db' },
  },
  {
    what: 'a URI, the query has it all',
    conninfo: 'postgres://?host=127.0.0.1&port=TCP&user=u&dbname=d&password=p%26q',
    expect: { user: 'u', database: 'd', password: 'p&q' },
  },
  {
    what: 'a URI, the query overrides',
    conninfo: 'postgres://u:p@nowhere.invalid:1/d?host=127.0.0.1&port=TCP&user=v',
    expect: { user: 'v' },
  },
  { what: 'a URI, an empty query', conninfo: 'postgres://u@127.0.0.1:TCP/d?' },
  { what: 'a URI, "&" at the end', conninfo: 'postgres://u@127.0.0.1:TCP/d?application_name=x&' },
  {
    what: 'a URI, options',
    conninfo: 'postgres://u@127.0.0.1:TCP/d?options=-c%20geqo%3Doff',
    expect: { options: '-c geqo=off' },
  },
  { what: 'a URI, ssl=true as JDBC has it', conninfo: 'postgres://u@127.0.0.1:TCP/d?ssl=true', fails: true },
  { what: 'a URI, requiressl', conninfo: 'postgres://u@127.0.0.1:TCP/d?requiressl=1', fails: true },
  { what: 'a URI, a socket', conninfo: 'postgres://u:p@%2FHOME_ENCODED:TCP/d', expect: { through: 'HOME' } },
  { what: 'a URI, a socket in the query', conninfo: 'postgres://u@/d?host=HOME&port=TCP', expect: { through: 'HOME' } },
  { what: 'a URI, several hosts', conninfo: 'postgres://u@127.0.0.1:1,127.0.0.1:TCP/d', expect: { through: 'tcp' } },
  {
    what: 'a URI, several hosts and one of them a socket',
    conninfo: 'postgres://u@127.0.0.1:1,%2FHOME_ENCODED:TCP/d',
    expect: { through: 'HOME' },
  },
  {
    what: 'a URI, an IPv6 address that nobody has',
    conninfo: 'postgres://u@[::1]:1,127.0.0.1:TCP/d?connect_timeout=3',
  },
  { what: 'a URI, "[" without "]"', conninfo: 'postgres://u@[::1:TCP/d', fails: true },
  { what: 'a URI, "[]"', conninfo: 'postgres://u@[]:TCP/d', fails: true },
  { what: 'a URI, text after "]"', conninfo: 'postgres://u@[::1]x:TCP/d', fails: true },
  { what: 'a URI, "=" missing', conninfo: 'postgres://u@127.0.0.1:TCP/d?user', fails: true },
  { what: 'a URI, "=" twice', conninfo: 'postgres://u@127.0.0.1:TCP/d?user=a=b', fails: true },
  { what: 'a URI, "&&"', conninfo: 'postgres://u@127.0.0.1:TCP/d?user=a&&application_name=b', fails: true },
  { what: 'a URI, unknown parameter', conninfo: 'postgres://u@127.0.0.1:TCP/d?schema=public', fails: true },
  { what: 'a URI, a broken "%"', conninfo: 'postgres://u%2@127.0.0.1:TCP/d', fails: true },
  { what: 'a URI, "%00"', conninfo: 'postgres://u%00@127.0.0.1:TCP/d', fails: true },
  { what: 'a URI, a faulty port', conninfo: 'postgres://u@127.0.0.1:http/d', fails: true },
  { what: 'a URI, port 0', conninfo: 'postgres://u@127.0.0.1:0/d', fails: true },
  { what: 'a faulty sslmode', conninfo: `${AT} sslmode=sometimes`, fails: true },
  { what: 'a faulty target_session_attrs', conninfo: `${AT} target_session_attrs=best`, fails: true },
  { what: 'a faulty channel_binding', conninfo: `${AT} channel_binding=yes`, fails: true },
  { what: 'a faulty connect_timeout', conninfo: `${AT} connect_timeout=soon`, fails: true },
  { what: 'a faulty require_auth', conninfo: `${AT} require_auth=password,!md5`, fails: true },
  { what: 'a faulty load_balance_hosts', conninfo: `${AT} load_balance_hosts=yes`, fails: true },
  { what: 'more ports than hosts', conninfo: 'host=127.0.0.1 port=TCP,TCP2', fails: true },
  { what: 'hostaddr without host', conninfo: 'hostaddr=127.0.0.1 port=TCP user=u' },
  { what: 'hostaddr beside host', conninfo: 'host=nowhere.invalid hostaddr=127.0.0.1 port=TCP user=u' },
  { what: 'hostaddr that is a name', conninfo: 'hostaddr=localhost port=TCP user=u', fails: true },
  {
    what: 'hostaddr for one of two hosts',
    conninfo: 'host=127.0.0.1,127.0.0.1 hostaddr=127.0.0.1 port=TCP',
    fails: true,
  },
  { what: 'a host that cannot be found, then another', conninfo: `host=nowhere.invalid,127.0.0.1 port=TCP user=u` },
  { what: 'ports for each host', conninfo: `host=127.0.0.1,127.0.0.1 port=1,TCP user=u` },
  { what: 'a port for all hosts', conninfo: `host=nowhere.invalid,127.0.0.1 port=TCP user=u` },
  {
    what: 'require_auth that fits',
    conninfo: `${AT} user=u password=p require_auth=password`,
    expect: { password: 'p' },
  },
  {
    what: 'require_auth that does not fit',
    conninfo: `${AT} user=u password=p require_auth=scram-sha-256`,
    fails: true,
  },
  { what: 'require_auth that refuses', conninfo: `${AT} user=u password=p require_auth=!password`, fails: true },
  { what: 'channel binding required', conninfo: `${AT} user=u password=p channel_binding=require`, fails: true },
  { what: 'TLS required of a server without', conninfo: `${AT} user=u password=p sslmode=require`, fails: true },
  { what: 'TLS preferred of a server without', conninfo: `${AT} user=u password=p sslmode=prefer` },
  { what: 'TLS allowed', conninfo: `${AT} user=u password=p sslmode=allow` },
  {
    what: 'sslmode is nothing to a socket',
    conninfo: 'host=HOME port=TCP user=u password=p sslmode=require',
    expect: { through: 'HOME' },
  },
  { what: 'no password anywhere', conninfo: `${AT} user=u`, files: {}, fails: true },

  // The environment.
  {
    what: 'all from the environment',
    conninfo: '',
    env: { PGHOST: '127.0.0.1', PGPORT: 'TCP', PGUSER: 'eu', PGDATABASE: 'ed', PGPASSWORD: 'ep' },
    expect: { user: 'eu', database: 'ed', password: 'ep' },
  },
  {
    what: 'the string before the environment',
    conninfo: 'host=127.0.0.1 port=TCP user=u dbname=d password=p',
    env: { PGHOST: 'nowhere.invalid', PGPORT: '1', PGUSER: 'eu', PGDATABASE: 'ed', PGPASSWORD: 'ep' },
    expect: { user: 'u', database: 'd', password: 'p' },
  },
  {
    what: 'PGHOSTADDR',
    conninfo: 'user=u',
    env: { PGHOST: 'nowhere.invalid', PGHOSTADDR: '127.0.0.1', PGPORT: 'TCP' },
  },
  { what: 'PGHOST with several', conninfo: 'user=u', env: { PGHOST: 'nowhere.invalid,127.0.0.1', PGPORT: '1,TCP' } },
  {
    what: 'PGHOST that is a folder',
    conninfo: 'user=u',
    env: { PGHOST: 'HOME', PGPORT: 'TCP' },
    expect: { through: 'HOME' },
  },
  {
    what: 'PGOPTIONS',
    conninfo: `${AT} user=u`,
    env: { PGOPTIONS: '-c geqo=off' },
    expect: { options: '-c geqo=off' },
  },
  { what: 'PGAPPNAME', conninfo: `${AT} user=u`, env: { PGAPPNAME: 'my app' } },
  {
    what: 'PGTZ, PGDATESTYLE, PGGEQO',
    conninfo: `${AT} user=u`,
    env: { PGTZ: 'Asia/Tokyo', PGDATESTYLE: 'German', PGGEQO: 'off' },
  },
  { what: 'PGTZ=default', conninfo: `${AT} user=u`, env: { PGTZ: 'Default' } },
  { what: 'PGSSLMODE', conninfo: `${AT} user=u`, env: { PGSSLMODE: 'require' }, fails: true },
  { what: 'PGREQUIRESSL', conninfo: `${AT} user=u`, env: { PGREQUIRESSL: '1' }, fails: true },
  { what: 'PGSSLMODE before PGREQUIRESSL', conninfo: `${AT} user=u`, env: { PGREQUIRESSL: '1', PGSSLMODE: 'disable' } },
  { what: 'PGCHANNELBINDING', conninfo: `${AT} user=u`, env: { PGCHANNELBINDING: 'require' }, fails: true },
  { what: 'PGREQUIREAUTH', conninfo: `${AT} user=u`, env: { PGREQUIREAUTH: 'none' }, fails: true },
  {
    what: 'the system user by default',
    conninfo: AT,
    expect: { user: userInfo().username, database: userInfo().username },
  },
  {
    what: 'empty variables are as good as none',
    conninfo: AT,
    env: { PGUSER: '', PGDATABASE: '', PGOPTIONS: '' },
    expect: { user: userInfo().username },
  },

  // ~/.pgpass.
  { what: '.pgpass: the database', conninfo: `${AT} user=u dbname=named`, expect: { password: 'of a database' } },
  { what: '.pgpass: the user', conninfo: `${AT} user=named dbname=d`, expect: { password: 'of a user' } },
  {
    what: '.pgpass: the port',
    conninfo: 'host=127.0.0.1 port=TCP2 user=u',
    expect: { password: 'of the second port' },
  },
  { what: '.pgpass: an escaped colon', conninfo: `${AT} user=u dbname=co:lon`, expect: { password: 'of:col\\on' } },
  {
    what: '.pgpass: an escaped backslash',
    conninfo: `${AT} user=u dbname='back\\\\slash'`,
    expect: { password: 'of backslash' },
  },
  { what: '.pgpass: the first that fits', conninfo: `${AT} user=someone`, expect: { password: 'first of two' } },
  {
    what: '.pgpass: a socket goes by its folder',
    conninfo: 'host=HOME port=TCP user=u',
    expect: { password: 'of the folder' },
  },
  {
    what: '.pgpass: the name and not the address',
    conninfo: 'host=localhost hostaddr=127.0.0.1 port=TCP user=u',
    expect: { password: 'of localhost' },
  },
  {
    what: '.pgpass: the address where there is no name',
    conninfo: 'hostaddr=127.0.0.1 port=TCP2 user=u',
    expect: { password: 'of the second port' },
  },
  {
    what: '.pgpass: the second host has its own',
    conninfo: 'host=127.0.0.1,127.0.0.1 port=1,TCP2 user=u',
    expect: { password: 'of the second port' },
  },
  { what: '.pgpass: nothing fits', conninfo: `${AT} user=u dbname=d`, fails: true },
  {
    what: '.pgpass: after PGPASSWORD',
    conninfo: 'host=127.0.0.1 port=TCP2 user=u',
    env: { PGPASSWORD: 'ep' },
    expect: { password: 'ep' },
  },
  {
    what: '.pgpass: readable by the group',
    conninfo: `${AT} user=u`,
    files: { '.pgpass': { text: '*:*:*:*:p', mode: 0o640 } },
    fails: true,
  },
  {
    what: '.pgpass: readable by all',
    conninfo: `${AT} user=u`,
    files: { '.pgpass': { text: '*:*:*:*:p', mode: 0o604 } },
    fails: true,
  },
  {
    what: '.pgpass: read-only',
    conninfo: `${AT} user=u`,
    files: { '.pgpass': { text: '*:*:*:*:p', mode: 0o400 } },
    expect: { password: 'p' },
  },
  {
    what: '.pgpass: Windows line ends',
    conninfo: `${AT} user=u`,
    files: { '.pgpass': 'x:*:*:*:q\r\n*:*:*:*:p\r\n' },
    expect: { password: 'p' },
  },
  {
    what: '.pgpass: an empty password',
    conninfo: `${AT} user=u`,
    files: { '.pgpass': '*:*:*:*:\n*:*:*:*:p\n' },
    fails: true,
  },
  {
    what: '.pgpass: too few fields',
    conninfo: `${AT} user=u`,
    files: { '.pgpass': '*:*:*:p\n*:*:*:*:q\n' },
    expect: { password: 'q' },
  },
  {
    what: '.pgpass: "*" with more after it',
    conninfo: `${AT} user=u`,
    files: { '.pgpass': '*x:*:*:*:p\n*:*:*:*:q\n' },
    expect: { password: 'q' },
  },
  {
    what: '.pgpass: a comment after blanks is none',
    conninfo: `${AT} user=u`,
    files: { '.pgpass': ' #:*:*:*:p\n*:*:*:*:q\n' },
    expect: { password: 'q' },
  },
  {
    what: 'PGPASSFILE',
    conninfo: `${AT} user=u`,
    env: { PGPASSFILE: 'HOME/other' },
    files: { other: '*:*:*:*:p', '.pgpass': '*:*:*:*:q' },
    expect: { password: 'p' },
  },
  {
    what: 'PGPASSFILE that is missing',
    conninfo: `${AT} user=u`,
    env: { PGPASSFILE: 'HOME/other' },
    files: { '.pgpass': '*:*:*:*:q' },
    fails: true,
  },
  {
    what: 'passfile in the string',
    conninfo: `${AT} user=u passfile=HOME/third`,
    env: { PGPASSFILE: 'HOME/other' },
    files: { other: '*:*:*:*:p', third: '*:*:*:*:r' },
    expect: { password: 'r' },
  },

  // pg_service.conf.
  {
    what: 'service: all of it',
    conninfo: 'service=full',
    expect: { user: 'service_user', database: 'service_db', password: 'service secret', options: '-c geqo=off' },
  },
  {
    what: 'service: the string before it',
    conninfo: 'service=full user=u dbname=d password=p',
    expect: { user: 'u', database: 'd', password: 'p' },
  },
  {
    what: 'service: before the environment',
    conninfo: 'service=full',
    env: { PGUSER: 'eu', PGPASSWORD: 'ep', PGAPPNAME: 'ea' },
    expect: { user: 'service_user', password: 'service secret' },
  },
  {
    what: 'service: the environment for the rest',
    conninfo: "service='port only'",
    env: { PGHOST: '127.0.0.1', PGPASSWORD: 'ep' },
    expect: { user: ' leading blank', password: 'ep' },
  },
  { what: 'service: the first of a keyword wins', conninfo: 'service=first password=p', expect: { user: 'one' } },
  { what: 'service: PGSERVICE', conninfo: '', env: { PGSERVICE: 'full' }, expect: { user: 'service_user' } },
  { what: 'service: in a URI', conninfo: 'postgres://u@/?service=full', expect: { user: 'u', database: 'service_db' } },
  { what: 'service: empty', conninfo: `service=empty ${AT} user=u password=p`, expect: { user: 'u' } },
  { what: 'service: not defined', conninfo: 'service=missing', fails: true },
  { what: 'service: an unknown keyword', conninfo: `service='unknown keyword' ${AT} user=u`, fails: true },
  { what: 'service: blanks around the equals sign', conninfo: `service=blanks ${AT} user=u`, fails: true },
  { what: 'service: no equals sign', conninfo: `service='no equals' ${AT} user=u`, fails: true },
  { what: 'service: a service in a service', conninfo: `service=nested ${AT} user=u`, fails: true },
  { what: 'service: a faulty value', conninfo: `service='bad mode' user=u password=p`, fails: true },
  {
    what: 'service: a faulty value that is not used',
    conninfo: `service='bad mode' user=u password=p sslmode=disable`,
  },
  {
    what: 'service: PGSERVICEFILE',
    conninfo: 'service=full',
    env: { PGSERVICEFILE: 'HOME/services' },
    files: { services: '[full]\nhost=127.0.0.1\nport=TCP\nuser=other\npassword=p' },
    expect: { user: 'other' },
  },
  {
    what: 'service: PGSERVICEFILE that is missing',
    conninfo: `service=full ${AT} user=u`,
    env: { PGSERVICEFILE: 'HOME/services' },
    fails: true,
  },
  {
    what: "service: the system's file",
    conninfo: 'service=system',
    env: { PGSYSCONFDIR: 'HOME/etc' },
    files: {
      'etc/pg_service.conf': '[system]\nhost=127.0.0.1\nport=TCP\nuser=sys\npassword=p',
      '.pg_service.conf': '[other]\nuser=x',
    },
    expect: { user: 'sys' },
  },
  {
    what: "service: one's own file before the system's",
    conninfo: 'service=both',
    env: { PGSYSCONFDIR: 'HOME/etc' },
    files: {
      'etc/pg_service.conf': '[both]\nhost=127.0.0.1\nport=TCP\nuser=sys\npassword=p',
      '.pg_service.conf': '[both]\nhost=127.0.0.1\nport=TCP\nuser=own\npassword=p',
    },
    expect: { user: 'own' },
  },
  {
    what: 'service: .pgpass for it',
    conninfo: 'service=s',
    files: { '.pg_service.conf': '[s]\nhost=127.0.0.1\nport=TCP\nuser=sys', '.pgpass': '127.0.0.1:TCP:sys:sys:p' },
    expect: { password: 'p' },
  },
];

describe('the same choices as psql', () => {
  let server: FakeServer;
  let bin: string;
  let ports: readonly [number, number];

  before(async () => {
    ({ bin } = await sharedServer());
    server = new FakeServer();
    ports = [await server.listen(), await server.listen()];
  });
  after(() => server.close());

  for (const one of CASES) {
    it(one.what, async () => {
      const fill = (text: string): string =>
        text.replaceAll('TCP2', String(ports[1])).replaceAll('TCP', String(ports[0]));
      const files = Object.entries(one.files ?? defaultFiles(one)).map(([name, content]) => [
        name,
        typeof content === 'string' ? fill(content) : { text: fill(content.text), mode: content.mode },
      ]);
      const home = await newHome(Object.fromEntries(files) as Record<string, string>);
      try {
        await server.listenOnSocket(home, ports[0]);
        const place = (text: string): string =>
          fill(text)
            .replaceAll('HOME_ENCODED', encodeURIComponent(home.slice(1)))
            .replaceAll('HOME', home);
        const variables = Object.entries(one.env ?? {}).map(([name, value]) => [name, place(value)]);
        const env = environment(home, Object.fromEntries(variables) as NodeJS.ProcessEnv);
        const conninfo = place(one.conninfo);

        const theirs = await psql(bin, ['-c', '\\q', conninfo], env);
        const chosenByPsql = server.take().at(-1);
        assert.equal(theirs.status === 0, chosenByPsql !== undefined, theirs.stderr);
        const complaint = await connect(conninfo, env);
        const chosen = server.take().at(-1);

        assert.deepEqual(comparable(chosen), comparable(chosenByPsql), `psql: ${theirs.stderr}; ours: ${complaint}`);
        assert.equal(chosen === undefined, one.fails ?? false, `${complaint} ${theirs.stderr}`);
        if (chosen === undefined) assert.notEqual(complaint, '');
        const { user, database, options } = chosen?.startup ?? {};
        const got: Record<string, string | undefined> = {
          user,
          database,
          options,
          password: chosen?.password,
          through: chosen?.through,
        };
        for (const [key, value] of Object.entries(one.expect ?? {})) assert.equal(got[key], place(value), key);
      } finally {
        await removeFolder(home);
      }
    });
  }

  it('says which file of passwords is not used, and why', async () => {
    const home = await newHome({ '.pgpass': { text: '*:*:*:*:secret', mode: 0o644 } });
    const lines: string[] = [];
    const profile = { name: 'x', host: '127.0.0.1', port: ports[0], user: 'u', allowCleartextPassword: true };
    await assert.rejects(
      openClient(profile, { env: environment(home), log: (line) => lines.push(line) }),
      ConnectError,
    );
    assert.match(lines.join('\n'), /\.pgpass" is not used, because others may read it: run chmod 600/);
    assert.ok(!lines.join('\n').includes('secret'));
    const theirs = await psql(bin, ['-c', '\\q', '-h', '127.0.0.1', '-p', String(ports[0]), 'd'], environment(home));
    assert.match(theirs.stderr, /has group or world access/);
    await removeFolder(home);
  });

  it('leaves the environment of this process alone where it is given another one', async () => {
    const home = await newHome({});
    const before = { ...process.env };
    Object.assign(process.env, {
      PGOPTIONS: '-c geqo=off',
      PGAPPNAME: 'leak',
      PGPASSWORD: 'leak',
      PGUSER: 'leak',
      PGDATABASE: 'leak',
      PGHOST: 'nowhere.invalid',
      PGPORT: '1',
      PGSSLMODE: 'verify-full',
      PGSSLNEGOTIATION: 'direct',
      PGREPLICATION: 'true',
    });
    try {
      const profile = {
        name: 'x',
        host: '127.0.0.1',
        port: ports[0],
        user: 'u',
        database: 'd',
        allowCleartextPassword: true,
      };
      const client = await openClient(profile, { env: environment(home), password: () => Promise.resolve('given') });
      await client.end();
      assert.deepEqual(server.take(), [
        {
          through: 'tcp',
          port: ports[0],
          password: 'given',
          startup: {
            user: 'u',
            database: 'd',
            application_name: 'pg_background Workers (VS Code)',
            client_encoding: 'UTF8',
          },
        },
      ]);
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in before)) Reflect.deleteProperty(process.env, name);
      Object.assign(process.env, before);
      await removeFolder(home);
    }
  });
});

/** Cases about neither file still have a password for all, so that what they are about shows. */
function defaultFiles({ what }: Case): Readonly<Record<string, string>> {
  if (what.startsWith('.pgpass')) return { '.pgpass': PGPASS };
  return { '.pgpass': '*:*:*:*:for all\n', '.pg_service.conf': SERVICES };
}

/** '' or what went wrong. */
async function connect(conninfo: string, env: NodeJS.ProcessEnv): Promise<string> {
  try {
    const { profile, password } =
      conninfo === '' ? { profile: {}, password: undefined } : parseConnectionString(conninfo);
    const client = await openClient(
      // The server asks for the password as it is, over a plain connection, which only this allows.
      { ...profile, name: 'case', allowCleartextPassword: true },
      {
        env,
        applicationName: 'psql',
        ...(password === undefined ? {} : { password: () => Promise.resolve(password) }),
      },
    );
    await client.end();
    return '';
  } catch (error) {
    assert.ok(error instanceof ConnectError, String(error));
    assert.match(error.message, /\S{3,}.*[.]$/s);
    return error.message;
  }
}

/** Without what is nobody's choice: psql's encoding follows the terminal. */
function comparable(introduction: Introduction | undefined): unknown {
  if (!introduction) return undefined;
  const startup = Object.entries(introduction.startup).filter(([name]) => name !== 'client_encoding');
  return { ...introduction, startup: Object.fromEntries(startup) };
}

describe('a home folder with a file in the place of another', () => {
  it('is told in words, and connecting goes on without it', async () => {
    const home = await newHome({ '.pgpass/file': 'a folder' });
    const lines: string[] = [];
    const { host, port } = await sharedServer();
    const client = await openClient(
      { name: 'x', host, port, user: 'postgres' },
      { env: environment(home), log: (line) => lines.push(line) },
    );
    await client.end();
    assert.match(lines.join('\n'), new RegExp(`${join(home, '.pgpass')}" is not used, because it is not a plain file`));
    await removeFolder(home);
  });
});

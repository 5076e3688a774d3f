/** Cases of the environment, the password file, and the service file. See choices.test.ts. */
import { userInfo } from 'node:os';
import { AT, type Case } from './choiceCases';

export const PGPASS = `# a comment
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

export const SERVICES = `# services
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

export const HOME_CASES: readonly Case[] = [
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

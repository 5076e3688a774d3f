/** Cases of connection strings, each used by psql and by the extension. See choices.test.ts. */

/** Placeholders in all texts: TCP and TCP2 are ports of the server, HOME is the home folder, which also has the server's sockets. */
export interface Case {
  readonly what: string;
  /** The connection string for both clients. */
  readonly conninfo: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string | { readonly text: string; readonly mode: number }>>;
  /** Neither client may send a startup message. */
  readonly fails?: true;
  /** Expected choices, in addition to being equal to those of psql. */
  readonly expect?: Readonly<Partial<Record<'user' | 'database' | 'password' | 'through' | 'options', string>>>;
}

/** The server's address. */
export const AT = 'host=127.0.0.1 port=TCP';

export const STRING_CASES: readonly Case[] = [
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
    what: 'a URI, an unreachable IPv6 address',
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
];

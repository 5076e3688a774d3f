/**
 * Connection strings as libpq reads them (PostgreSQL, libpq, "Connection Strings"; fe-connect.c is the model where the manual
 * is silent): URIs, and keyword=value pairs. Messages never repeat the string, which may hold a password.
 */
import { ConnectError } from '../errors';
import { fieldsOf, isKeyword, parametersOf } from './keywords';
import { readPasted } from './pasted';
import { SSL_MODES, validateProfile, type ConnectionProfile } from './profile';

export interface ParsedConnection {
  /** With an empty name: that is for whoever keeps it. */
  readonly profile: ConnectionProfile;
  readonly password: string | undefined;
  /** The passphrase of the client's key (`sslpassword`). */
  readonly keyPassphrase: string | undefined;
  /** Parameters that other programs know and PostgreSQL does not; only where they were to be ignored. */
  readonly ignored: readonly string[];
}

export interface ParseOptions {
  /** Passes over parameters of a URI that libpq does not know, such as Prisma's `connection_limit`, in place of refusing. */
  readonly ignoreUnknown?: boolean;
}

/**
 * Reads a `postgres://` URI or a keyword=value DSN, or whatever else people paste in their place (pasted.ts): with blanks and
 * quotes around it, as a psql command, or as another driver writes it.
 * @throws ConnectError ('profile') with a message that names the faulty part
 */
export function parseConnectionString(text: string, options: ParseOptions = {}): ParsedConnection {
  const pasted = readPasted(text);
  const others = 'parameters' in pasted ? pasted : { parameters: new Map<string, string>(), ignored: [] };
  const own = pasted.text === undefined ? undefined : parseLibpq(pasted.text, options);
  const parameters = adapt(new Map([...others.parameters, ...(own?.parameters ?? [])]));
  const checked = validateProfile({ ...fieldsOf(parameters), name: 'pasted' });
  if ('problem' in checked) throw fault(checked.problem.replace('The connection "pasted"', 'The connection string'));
  const filled = (keyword: string): string | undefined => parameters.get(keyword) || undefined;
  return {
    profile: { ...checked.profile, name: '' },
    password: filled('password'),
    keyPassphrase: filled('sslpassword'),
    ignored: [...others.ignored, ...(own?.ignored ?? [])],
  };
}

function parseLibpq(
  text: string,
  { ignoreUnknown = false }: ParseOptions,
): { parameters: Map<string, string>; ignored: readonly string[] } {
  if (text === '') throw fault('The connection string is empty.');
  return /^postgres(ql)?:\/\//i.test(text)
    ? parseUri(text, ignoreUnknown)
    : { parameters: parseDsn(text), ignored: [] };
}

/** What libpq would refuse, or look for in vain, and what can only mean one thing. */
function adapt(parameters: Map<string, string>): Map<string, string> {
  // node-postgres: encryption without verification, which is libpq's "require".
  if (parameters.get('sslmode') === 'no-verify') parameters.set('sslmode', 'require');
  const [, folder, port] = /^(\/.*?)\/+\.s\.PGSQL\.(\d+)$/.exec(parameters.get('host') ?? '') ?? [];
  if (folder !== undefined && port !== undefined) {
    const other = parameters.get('port');
    if (other !== undefined && other !== port) {
      throw fault(`The socket's name says port ${port}, but the port given is ${other}: leave one of them out.`);
    }
    parameters.set('host', folder);
    parameters.set('port', port);
  }
  return parameters;
}

function fault(message: string): ConnectError {
  return new ConnectError('profile', message);
}

function parseUri(
  uri: string,
  ignoreUnknown: boolean,
): { parameters: Map<string, string>; ignored: readonly string[] } {
  const parameters = new Map<string, string>();
  let rest = uri.slice(uri.indexOf('//') + 2);

  // libpq takes what stands before the first "@", unless a "/" comes first.
  const at = /^[^@/]*@/.exec(rest)?.[0].length ?? 0;
  if (at > 0) {
    const [, user = '', password = ''] = /^([^:]*):?([\s\S]*)@$/.exec(rest.slice(0, at)) ?? [];
    if (user !== '') parameters.set('user', decode(user, 'user'));
    if (password !== '') parameters.set('password', decode(password, 'password'));
    rest = rest.slice(at);
  }

  const hosts: string[] = [];
  const ports: string[] = [];
  for (let more = true; more;) {
    const [host, length] = readHost(rest);
    rest = rest.slice(length);
    const port = /^:[^/?,]*/.exec(rest)?.[0] ?? '';
    rest = rest.slice(port.length);
    hosts.push(host);
    ports.push(port.slice(1));
    more = rest.startsWith(',');
    if (more) rest = rest.slice(1);
  }
  if ([...hosts, ...ports].some((part) => part.includes('@'))) {
    throw fault('The URI has more than one "@" before the host: write an "@" in the user name or password as %40.');
  }
  if (ports.some((port) => !/^(\d|%|$)/.test(port)) && rest.includes('@')) {
    throw fault('The URI has an "@" after a "/": write a "/" in the user name or password as %2F.');
  }
  if (hosts.join(',') !== '') parameters.set('host', decode(hosts.join(','), 'host'));
  if (ports.join(',') !== '') parameters.set('port', decode(ports.join(','), 'port'));

  if (rest.startsWith('/')) {
    const database = /^\/[^?]*/.exec(rest)?.[0] ?? '';
    // Empty means not given: the environment may name one.
    if (database !== '/') parameters.set('dbname', decode(database.slice(1), 'database'));
    rest = rest.slice(database.length);
  }
  const ignored = rest.startsWith('?') ? readQuery(rest.slice(1), parameters, ignoreUnknown) : [];
  return { parameters, ignored };
}

/** The host at the beginning of a text, and how much of the text it takes. */
function readHost(text: string): readonly [host: string, length: number] {
  if (!text.startsWith('[')) {
    const host = /^[^:/?,]*/.exec(text)?.[0] ?? '';
    return [host, host.length];
  }
  const end = text.indexOf(']');
  if (end < 0) throw fault('The URI has a "[" before an IPv6 address but no "]" after it.');
  if (end === 1) throw fault('The URI has an empty IPv6 address: write it between "[" and "]".');
  const next = text.charAt(end + 1);
  if (next !== '' && !':/?,'.includes(next)) {
    throw fault(`The URI has an unexpected "${next}" after "]": expected ":" and a port, or "/" and a database.`);
  }
  return [text.slice(1, end), end + 1];
}

function readQuery(query: string, parameters: Map<string, string>, ignoreUnknown: boolean): string[] {
  const ignored: string[] = [];
  let before = '';
  // libpq accepts one "&" too many at the end, and nowhere else.
  for (const part of query.replace(/&$/, '').split('&')) {
    if (part === '' && query === '') continue;
    const [rawName = '', ...values] = part.split('=');
    const name = decode(rawName, 'parameters');
    // What follows a password may be the rest of it, after an "&" that should have been %26.
    if (SECRETS.has(before) && !isKeyword(name) && name !== 'ssl' && !ignoreUnknown) {
      throw fault('The URI has something that PostgreSQL does not know after the password: write an "&" in it as %26.');
    }
    before = name;
    if (values.length === 0 && !ignoreUnknown)
      throw fault(`The URI's parameter "${name}" has no value: write "${name}=" and the value.`);
    if (values.length > 1)
      throw fault(`The URI's parameter "${name}" has more than one "=": write further ones as %3D.`);
    const value = decode(values[0] ?? '', `parameter "${name}"`);
    // As JDBC and node-postgres (true), and asyncpg (a mode) write it.
    if (name === 'ssl' && /^(true|1)$/.test(value)) parameters.set('sslmode', parameters.get('sslmode') ?? 'require');
    else if (name === 'ssl' && (SSL_MODES as readonly string[]).includes(value)) parameters.set('sslmode', value);
    else if (name === 'ssl' && /^(false|0)$/.test(value)) continue;
    else if (name === 'ApplicationName') parameters.set('application_name', value);
    else if (store(parameters, name, value)) continue;
    else if (ignoreUnknown) ignored.push(name);
    else throw fault(`The URI has the parameter "${name}", which PostgreSQL does not know: remove or correct it.`);
  }
  return ignored;
}

const SECRETS: ReadonlySet<string> = new Set(['password', 'sslpassword']);

/** Keeps a value under its keyword; false where there is no such keyword. */
function store(parameters: Map<string, string>, name: string, value: string): boolean {
  // The name that libpq had for it before PostgreSQL 7.4, and still takes.
  if (name === 'requiressl') parameters.set('sslmode', value.startsWith('1') ? 'require' : 'prefer');
  else if (isKeyword(name)) parameters.set(name, value);
  else return false;
  return true;
}

/** Percent-decoding as libpq does it: strict, of bytes, and "+" stays what it is. */
function decode(text: string, where: string): string {
  if (/%(?![0-9a-f]{2})/i.test(text)) {
    throw fault(
      `The URI's ${where} has a "%" that is not followed by two hexadecimal digits: write a "%" itself as %25.`,
    );
  }
  if (text.includes('%00')) throw fault(`The URI's ${where} has a forbidden %00 in it.`);
  if (!text.includes('%')) return text;
  const bytes = text.replaceAll(/%([0-9a-f]{2})|[^%]+/gi, (whole, hex: string | undefined) =>
    hex === undefined ? Buffer.from(whole).toString('latin1') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The blanks of C's isspace(). */
const BLANK = /[ \t\n\v\f\r]/;

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && BLANK.test(text.charAt(at))) at++;
  return at;
}

function parseDsn(dsn: string): Map<string, string> {
  const parameters = new Map<string, string>();
  let at = skipBlanks(dsn, 0);
  while (at < dsn.length) {
    const start = at;
    while (at < dsn.length && dsn.charAt(at) !== '=' && !BLANK.test(dsn.charAt(at))) at++;
    const name = dsn.slice(start, at);
    at = skipBlanks(dsn, at);
    if (dsn.charAt(at) !== '=') throw missingEquals(name, parameters.size === 0);
    const [value, end] = readValue(dsn, skipBlanks(dsn, at + 1), name);
    at = skipBlanks(dsn, end);
    if (!store(parameters, name, value)) {
      throw fault(
        `The connection string has the parameter "${name}", which PostgreSQL does not know: ${adviceFor(name)}.`,
      );
    }
  }
  return parameters;
}

/** The names that other programs have for libpq's parameters. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  database: 'dbname',
  db: 'dbname',
  username: 'user',
  uid: 'user',
  server: 'host',
  hostname: 'host',
  pwd: 'password',
};

function adviceFor(name: string): string {
  const other = Object.hasOwn(OTHER_NAMES, name.toLowerCase()) ? OTHER_NAMES[name.toLowerCase()] : undefined;
  const meant = other ?? (isKeyword(name.toLowerCase()) ? name.toLowerCase() : undefined);
  return meant === undefined ? 'remove or correct it' : `write "${meant}"`;
}

function missingEquals(name: string, first: boolean): ConnectError {
  // Text after the first parameter may be a part of an unquoted password, so it is not repeated.
  if (!first) {
    return fault(
      'The connection string has a word that no "=" follows: put a value that has blanks in it between single quotes.',
    );
  }
  const shown = /^[\w.-]{1,63}$/.test(name) ? ` after "${name}"` : '';
  return fault(
    `The connection string lacks a "="${shown}: write a URI such as postgres://user@host:5432/database, or pairs such as host=localhost dbname=postgres.`,
  );
}

/** Reads a value, quoted or not; in both a backslash takes the next character as it is. */
function readValue(dsn: string, from: number, name: string): readonly [value: string, end: number] {
  const quoted = dsn.charAt(from) === "'";
  let at = quoted ? from + 1 : from;
  let value = '';
  for (; at < dsn.length; at++) {
    const character = dsn.charAt(at);
    if (quoted ? character === "'" : BLANK.test(character)) return [value, at + 1];
    if (character === '\\') value += dsn.charAt(++at);
    else value += character;
  }
  if (quoted) throw fault(`The value of "${name}" in the connection string lacks its closing quote.`);
  return [value, at];
}

/**
 * A profile as a URI for psql and others, without a password. What libpq has no parameter for (the role, the search path) goes
 * into `options`; what is only for us (color, password command …) is left out.
 */
export function formatUri(profile: ConnectionProfile): string {
  const settings = [
    ...(profile.options ? [profile.options] : []),
    ...(profile.searchPath ? [`-c search_path=${escapeOption(profile.searchPath)}`] : []),
    ...(profile.role ? [`-c role=${escapeOption(profile.role)}`] : []),
  ];
  const given = parametersOf({ ...profile, ...(settings.length > 0 ? { options: settings.join(' ') } : {}) });
  // `servicefile` is newer than the psql that most people have.
  const parameters = new Map([...given].filter(([name, value]) => value !== '' && name !== 'servicefile'));
  const take = (keyword: string): string => {
    const value = parameters.get(keyword) ?? '';
    parameters.delete(keyword);
    return value;
  };
  const user = take('user');
  const hosts = take('host').split(',');
  // Ports of addresses that have no names have no place before the "/".
  const portsInQuery = hosts.length === 1 && (parameters.get('port') ?? '').includes(',');
  const ports = portsInQuery ? [''] : take('port').split(',');
  const count = Math.max(hosts.length, ports.length);
  const places = Array.from({ length: count }, (_, i) => {
    const port = (ports.length === 1 ? ports[0] : ports[i]) ?? '';
    return `${formatHost(hosts[i] ?? '')}${port === '' ? '' : `:${encodeURIComponent(port)}`}`;
  });
  const database = take('dbname');
  const query = [...parameters].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return `postgresql://${user === '' ? '' : `${encodeURIComponent(user)}@`}${places.join(',')}${
    database === '' ? (query === '' ? '' : '/') : `/${encodeURIComponent(database)}`
  }${query === '' ? '' : `?${query}`}`;
}

function formatHost(host: string): string {
  // The zone of an address ("fe80::1%eth0") has a percent sign of its own.
  return host.includes(':') && !host.startsWith('/') ? `[${host.replaceAll('%', '%25')}]` : encodeURIComponent(host);
}

/** The server splits options at blanks; a backslash keeps one (PostgreSQL, libpq, "options"). */
function escapeOption(value: string): string {
  return value.replaceAll(/[\\\s]/g, '\\$&');
}

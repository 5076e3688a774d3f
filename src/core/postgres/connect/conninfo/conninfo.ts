/**
 * Reads connection strings as libpq does: URIs, and keyword=value pairs (PostgreSQL, libpq, "Connection Strings", and
 * fe-connect.c for details that the manual omits). Faults never repeat the string, which may contain a password.
 */
import { profileError, type ProfileFault } from './faults';
import { fieldsOf, isKeyword, parametersOf } from './keywords';
import { readPasted } from './pasted';
import { SSL_MODES, validateProfile, type ConnectionProfile } from './profile';

export interface ParsedConnection {
  /** Its name is empty: the caller chooses one. */
  readonly profile: ConnectionProfile;
  readonly password: string | undefined;
  /** The passphrase of the client key (`sslpassword`). */
  readonly keyPassphrase: string | undefined;
  /** Skipped parameters of other programs; see {@link ParseOptions.ignoreUnknown}. */
  readonly ignored: readonly string[];
}

export interface ParseOptions {
  /** Skips parameters of a URI that libpq does not know, such as Prisma's `connection_limit`, instead of failing. */
  readonly ignoreUnknown?: boolean;
}

/**
 * Reads a `postgres://` URI, a keyword=value DSN, or another form that people paste (pasted.ts): with blanks and quotes around
 * it, as a psql command, or in the form of another driver.
 * @throws ConnectError ('profile') with a fault that names the invalid part
 */
export function parseConnectionString(text: string, options: ParseOptions = {}): ParsedConnection {
  const pasted = readPasted(text);
  const command = 'parameters' in pasted ? pasted : { parameters: new Map<string, string>(), ignored: [] };
  const parsed = pasted.text === undefined ? undefined : parseLibpq(pasted.text, options);
  const parameters = normalize(new Map([...command.parameters, ...(parsed?.parameters ?? [])]));
  const checked = validateProfile({ ...fieldsOf(parameters), name: 'pasted' });
  if ('fault' in checked) throw profileError(checked.fault);
  const filled = (keyword: string): string | undefined => parameters.get(keyword) || undefined;
  return {
    profile: { ...checked.profile, name: '' },
    password: filled('password'),
    keyPassphrase: filled('sslpassword'),
    ignored: [...command.ignored, ...(parsed?.ignored ?? [])],
  };
}

function parseLibpq(
  text: string,
  { ignoreUnknown = false }: ParseOptions,
): { parameters: Map<string, string>; ignored: readonly string[] } {
  if (text === '') throw profileError({ code: 'conninfo.empty' });
  return /^postgres(ql)?:\/\//i.test(text)
    ? parseUri(text, ignoreUnknown)
    : { parameters: parseDsn(text), ignored: [] };
}

/** Rewrites values that libpq would reject or not find, although their meaning is clear. */
function normalize(parameters: Map<string, string>): Map<string, string> {
  // node-postgres: encryption without verification, which is libpq's "require".
  if (parameters.get('sslmode') === 'no-verify') parameters.set('sslmode', 'require');
  const [, folder, port] = /^(\/.*?)\/+\.s\.PGSQL\.(\d+)$/.exec(parameters.get('host') ?? '') ?? [];
  if (folder !== undefined && port !== undefined) {
    const other = parameters.get('port');
    if (other !== undefined && other !== port) {
      throw profileError({ code: 'conninfo.socketPort', field: 'port', params: { socketPort: port, port: other } });
    }
    parameters.set('host', folder);
    parameters.set('port', port);
  }
  return parameters;
}

function parseUri(
  uri: string,
  ignoreUnknown: boolean,
): { parameters: Map<string, string>; ignored: readonly string[] } {
  const parameters = new Map<string, string>();
  let rest = uri.slice(uri.indexOf('//') + 2);

  // libpq takes what is before the first "@", unless a "/" comes first.
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
    throw profileError({ code: 'uri.atInUserInfo' });
  }
  if (ports.some((port) => !/^(\d|%|$)/.test(port)) && rest.includes('@')) {
    throw profileError({ code: 'uri.slashInUserInfo' });
  }
  if (hosts.join(',') !== '') parameters.set('host', decode(hosts.join(','), 'host'));
  if (ports.join(',') !== '') parameters.set('port', decode(ports.join(','), 'port'));

  if (rest.startsWith('/')) {
    const database = /^\/[^?]*/.exec(rest)?.[0] ?? '';
    // An empty name counts as not given: the environment may supply one.
    if (database !== '/') parameters.set('dbname', decode(database.slice(1), 'database'));
    rest = rest.slice(database.length);
  }
  const ignored = rest.startsWith('?') ? readQuery(rest.slice(1), parameters, ignoreUnknown) : [];
  return { parameters, ignored };
}

/** Reads the host at the beginning of a text. @returns the host, and its length in the text */
function readHost(text: string): readonly [host: string, length: number] {
  if (!text.startsWith('[')) {
    const host = /^[^:/?,]*/.exec(text)?.[0] ?? '';
    return [host, host.length];
  }
  const end = text.indexOf(']');
  if (end < 0) throw profileError({ code: 'uri.bracketNotClosed' });
  if (end === 1) throw profileError({ code: 'uri.addressEmpty' });
  const next = text.charAt(end + 1);
  if (next !== '' && !':/?,'.includes(next)) {
    throw profileError({ code: 'uri.afterBracket', params: { character: next } });
  }
  return [text.slice(1, end), end + 1];
}

function readQuery(query: string, parameters: Map<string, string>, ignoreUnknown: boolean): string[] {
  const ignored: string[] = [];
  let previous = '';
  // libpq accepts an extra "&" at the end, and nowhere else.
  for (const part of query.replace(/&$/, '').split('&')) {
    if (part === '' && query === '') continue;
    const [rawName = '', ...values] = part.split('=');
    const name = decode(rawName, 'parameters');
    // An unknown name after a password may be the rest of the password, after an "&" that should have been %26.
    if (SECRETS.has(previous) && !isKeyword(name) && name !== 'ssl' && !ignoreUnknown) {
      throw profileError({ code: 'uri.ampersandInPassword' });
    }
    previous = name;
    if (values.length === 0 && !ignoreUnknown) throw profileError({ code: 'uri.noValue', params: { parameter: name } });
    if (values.length > 1) throw profileError({ code: 'uri.equalsInValue', params: { parameter: name } });
    const value = decode(values[0] ?? '', name);
    // The forms of JDBC and node-postgres (true), and of asyncpg (a mode).
    if (name === 'ssl' && /^(true|1)$/.test(value)) parameters.set('sslmode', parameters.get('sslmode') ?? 'require');
    else if (name === 'ssl' && (SSL_MODES as readonly string[]).includes(value)) parameters.set('sslmode', value);
    else if (name === 'ssl' && /^(false|0)$/.test(value)) continue;
    else if (name === 'ApplicationName') parameters.set('application_name', value);
    else if (store(parameters, name, value)) continue;
    else if (ignoreUnknown) ignored.push(name);
    else throw profileError({ code: 'uri.unknownParameter', params: { parameter: name } });
  }
  return ignored;
}

const SECRETS: ReadonlySet<string> = new Set(['password', 'sslpassword']);

/** Stores a value under its keyword. @returns false if libpq has no such keyword */
function store(parameters: Map<string, string>, name: string, value: string): boolean {
  // The name of sslmode before PostgreSQL 7.4; libpq still accepts it.
  if (name === 'requiressl') parameters.set('sslmode', value.startsWith('1') ? 'require' : 'prefer');
  else if (isKeyword(name)) parameters.set(name, value);
  else return false;
  return true;
}

/**
 * Percent-decodes as libpq does: strictly, by bytes, and without a special meaning for "+".
 * @param part the name of the part, for the fault
 */
function decode(text: string, part: string): string {
  if (/%(?![0-9a-f]{2})/i.test(text)) throw profileError({ code: 'uri.percentInvalid', params: { part } });
  if (text.includes('%00')) throw profileError({ code: 'uri.nul', params: { part } });
  if (!text.includes('%')) return text;
  const bytes = text.replaceAll(/%([0-9a-f]{2})|[^%]+/gi, (whole, hex: string | undefined) =>
    hex === undefined ? Buffer.from(whole).toString('latin1') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Blanks as in C's isspace(). */
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
    if (dsn.charAt(at) !== '=') throw profileError(missingEquals(name, parameters.size === 0));
    const [value, end] = readValue(dsn, skipBlanks(dsn, at + 1), name);
    at = skipBlanks(dsn, end);
    if (!store(parameters, name, value)) {
      throw profileError({ code: 'conninfo.unknownParameter', params: { parameter: name, ...suggestionFor(name) } });
    }
  }
  return parameters;
}

/** Names of libpq's parameters in other programs. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  database: 'dbname',
  db: 'dbname',
  username: 'user',
  uid: 'user',
  server: 'host',
  hostname: 'host',
  pwd: 'password',
};

function suggestionFor(name: string): { readonly suggestion?: string } {
  const lower = name.toLowerCase();
  const other = Object.hasOwn(OTHER_NAMES, lower) ? OTHER_NAMES[lower] : undefined;
  const suggestion = other ?? (isKeyword(lower) ? lower : undefined);
  return suggestion === undefined ? {} : { suggestion };
}

function missingEquals(name: string, first: boolean): ProfileFault {
  // Text after the first parameter may be part of an unquoted password, so the fault does not repeat it.
  if (!first) return { code: 'conninfo.unquotedValue' };
  return { code: 'conninfo.missingEquals', params: /^[\w.-]{1,63}$/.test(name) ? { after: name } : {} };
}

/** Reads a value, quoted or not. In both forms a backslash escapes the next character. */
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
  if (quoted) throw profileError({ code: 'conninfo.missingQuote', params: { parameter: name } });
  return [value, at];
}

/**
 * Formats a profile as a URI for psql and other programs, without a password. The role and the search path, for which libpq
 * has no parameter, go into `options`. Fields that only this extension has (color, password command, …) are omitted.
 */
export function formatUri(profile: ConnectionProfile): string {
  const settings = [
    ...(profile.options ? [profile.options] : []),
    ...(profile.searchPath ? [`-c search_path=${escapeOption(profile.searchPath)}`] : []),
    ...(profile.role ? [`-c role=${escapeOption(profile.role)}`] : []),
  ];
  const given = parametersOf({ ...profile, ...(settings.length > 0 ? { options: settings.join(' ') } : {}) });
  // Most installed versions of psql do not know `servicefile` yet.
  const parameters = new Map([...given].filter(([name, value]) => value !== '' && name !== 'servicefile'));
  const take = (keyword: string): string => {
    const value = parameters.get(keyword) ?? '';
    parameters.delete(keyword);
    return value;
  };
  const user = take('user');
  const hosts = take('host').split(',');
  // Without host names, several ports cannot be written before the "/".
  const portsInQuery = hosts.length === 1 && (parameters.get('port') ?? '').includes(',');
  const ports = portsInQuery ? [''] : take('port').split(',');
  const count = Math.max(hosts.length, ports.length);
  const hostList = Array.from({ length: count }, (_, i) => {
    const port = (ports.length === 1 ? ports[0] : ports[i]) ?? '';
    return `${formatHost(hosts[i] ?? '')}${port === '' ? '' : `:${encodeURIComponent(port)}`}`;
  });
  const database = take('dbname');
  const query = [...parameters].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return `postgresql://${user === '' ? '' : `${encodeURIComponent(user)}@`}${hostList.join(',')}${
    database === '' ? (query === '' ? '' : '/') : `/${encodeURIComponent(database)}`
  }${query === '' ? '' : `?${query}`}`;
}

function formatHost(host: string): string {
  // The zone of an address ("fe80::1%eth0") contains a percent sign.
  return host.includes(':') && !host.startsWith('/') ? `[${host.replaceAll('%', '%25')}]` : encodeURIComponent(host);
}

/** The server splits options at blanks; a backslash escapes a blank (PostgreSQL, libpq, "options"). */
function escapeOption(value: string): string {
  return value.replaceAll(/[\\\s]/g, '\\$&');
}

/**
 * Reads connection strings of Npgsql (.NET), ODBC, and PDO (`Host=…;Username=…;Password=…`), and the lists of `key = value` or
 * `key: value` lines that hosting services show.
 */
import { isKeyword } from './keywords';

const KEYS: Readonly<Record<string, string>> = {
  host: 'host',
  hostname: 'host',
  server: 'host',
  servername: 'host',
  datasource: 'host',
  port: 'port',
  database: 'dbname',
  databasename: 'dbname',
  db: 'dbname',
  dbname: 'dbname',
  initialcatalog: 'dbname',
  user: 'user',
  username: 'user',
  userid: 'user',
  uid: 'user',
  password: 'password',
  pwd: 'password',
  passfile: 'passfile',
  sslmode: 'sslmode',
  rootcertificate: 'sslrootcert',
  sslcertificate: 'sslcert',
  sslkey: 'sslkey',
  sslpassword: 'sslpassword',
  sslnegotiation: 'sslnegotiation',
  applicationname: 'application_name',
  timeout: 'connect_timeout',
  connecttimeout: 'connect_timeout',
  connectiontimeout: 'connect_timeout',
  options: 'options',
  channelbinding: 'channel_binding',
  requireauth: 'require_auth',
  targetsessionattributes: 'target_session_attrs',
  keepalive: 'keepalives_idle',
};

const PART = /\s*([A-Za-z][\w .-]*?)\s*=\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|\{[^}]*\}|[^;]*)\s*(?:;|$)/y;

/** @returns undefined if the text has another form */
export function readAdo(
  text: string,
): { readonly parameters: ReadonlyMap<string, string>; readonly ignored: readonly string[] } | undefined {
  const pairs = pairsOf(text) ?? linesOf(text);
  if (!pairs) return undefined;
  const parameters = new Map<string, string>();
  const ignored: string[] = [];
  for (const [name, value] of pairs) {
    const key = Object.hasOwn(KEYS, letters(name)) ? KEYS[letters(name)] : undefined;
    if (key === undefined) ignored.push(name);
    else if (value !== '') parameters.set(key, VALUES[key]?.(value) ?? value);
  }
  const isConnection = parameters.has('host') || (parameters.has('dbname') && parameters.has('user'));
  return isConnection ? { parameters, ignored } : undefined;
}

function letters(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z]/g, '');
}

/** Converts values that Npgsql spells differently. */
const VALUES: Readonly<Record<string, (value: string) => string>> = {
  sslmode: (value) => value.toLowerCase().replace(/^verify[- ]?(ca|full)$/, 'verify-$1'),
  channel_binding: (value) => value.toLowerCase(),
  target_session_attrs: (value) => value.toLowerCase().replace(/^prefer-?standby$/, 'prefer-standby'),
};

function pairsOf(text: string): readonly (readonly [string, string])[] | undefined {
  // libpq separates pairs by blanks, and its values may contain semicolons.
  if (!text.includes(';') || /^\s*\w+\s*=\s*[^;'"]*\s\w+\s*=/.test(text)) return undefined;
  const pairs: (readonly [string, string])[] = [];
  for (PART.lastIndex = 0; PART.lastIndex < text.length;) {
    if (text.slice(PART.lastIndex).trim() === '') break;
    const [, name = '', value = ''] = PART.exec(text) ?? [];
    if (name === '') return undefined;
    pairs.push([name, unquote(value)]);
  }
  // `host=h;` alone is libpq's form with an extra semicolon.
  return pairs.length > 1 ? pairs : undefined;
}

function linesOf(text: string): readonly (readonly [string, string])[] | undefined {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== '');
  if (lines.length < 2) return undefined;
  const pairs = lines.map((line) => /^\s*["']?([A-Za-z][\w .-]*?)["']?\s*[=:]\s*(.*?)\s*,?\s*$/.exec(line));
  // libpq's form may have several pairs on one line.
  if (pairs.some((pair) => pair === null || /^\S+\s+\w+\s*=/.test(pair[2] ?? ''))) return undefined;
  if (pairs.every((pair) => isKeyword(pair?.[1] ?? '') && pair?.[0].trim().charAt(pair[1]?.length ?? 0) === '=')) {
    return undefined;
  }
  return pairs.map((pair) => [pair?.[1] ?? '', unquote(pair?.[2] ?? '')] as const);
}

function unquote(value: string): string {
  const trimmed = value.trim();
  const [, quote = '', inner] = /^(["'])([\s\S]*)\1$/.exec(trimmed) ?? [];
  if (inner !== undefined) return inner.replaceAll(quote + quote, quote);
  return /^\{[^}]*\}$/.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
}

/** The password file (PostgreSQL, libpq, "The Password File"), read as libpq's passwordFromFile() does. */
import { readFile, stat } from 'node:fs/promises';

export interface PassfileKey {
  /** The host name as given, its address, or the folder of its socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** In the file, `localhost` also means a socket in libpq's default folder, which differs between builds. */
const DEFAULT_SOCKET_FOLDERS: ReadonlySet<string> = new Set(['/tmp', '/var/run/postgresql', '/run/postgresql']);

const FILE_TYPE = 0o170000;
const REGULAR_FILE = 0o100000;
const GROUP_AND_WORLD = 0o077;

/**
 * Looks up a password in a file.
 * @param warn called if the file exists but is ignored, with a line for the log
 * @returns undefined if the file does not exist or no line matches
 */
export async function passwordFromFile(
  file: string,
  key: PassfileKey,
  warn: (message: string) => void,
  platform: NodeJS.Platform = process.platform,
): Promise<string | undefined> {
  let text: string;
  try {
    const { mode } = await stat(file);
    // Windows protects the folder; file modes mean nothing there.
    if (platform !== 'win32') {
      if ((mode & FILE_TYPE) !== REGULAR_FILE) {
        warn(`Ignoring the password file ${file}: it is not a plain file.`);
        return undefined;
      }
      if ((mode & GROUP_AND_WORLD) !== 0) {
        warn(`Ignoring the password file ${file}: other users can access it. Run chmod 600 on it.`);
        return undefined;
      }
    }
    text = await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
  return findPassword(text, key);
}

/** Returns the password of the first matching line. */
export function findPassword(text: string, key: PassfileKey): string | undefined {
  const host = DEFAULT_SOCKET_FOLDERS.has(key.host) ? 'localhost' : key.host;
  for (const raw of text.split('\n')) {
    if (raw.startsWith('#')) continue;
    const line = raw.replace(/\r+$/, '');
    let rest: string | undefined = line;
    for (const wanted of [host, String(key.port), key.database, key.user]) {
      rest = rest === undefined ? undefined : afterField(rest, wanted);
    }
    if (rest !== undefined) return unescape(rest);
  }
  return undefined;
}

/** Returns the rest of the line after the first field, if that is `*` or the wanted text (with `:` and `\` escaped). */
function afterField(line: string, wanted: string): string | undefined {
  if (line.startsWith('*:')) return line.slice(2);
  let at = 0;
  for (let matched = 0; ; at++, matched++) {
    const escaped = line.charAt(at) === '\\';
    if (escaped) at++;
    if (matched === wanted.length) return !escaped && line.charAt(at) === ':' ? line.slice(at + 1) : undefined;
    if (at >= line.length || line.charAt(at) !== wanted.charAt(matched)) return undefined;
  }
}

/** Unescapes the password, which ends at the next unescaped `:`. */
function unescape(field: string): string {
  let value = '';
  for (let at = 0; at < field.length && field.charAt(at) !== ':'; at++) {
    if (field.charAt(at) === '\\' && at + 1 < field.length) at++;
    value += field.charAt(at);
  }
  return value;
}

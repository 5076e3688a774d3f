/** The connection service file (PostgreSQL, libpq, "The Connection Service File"), read as libpq's parseServiceFile() does. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConnectError } from '../errors';
import { isKeyword, type Parameters } from './keywords';
import type { Surroundings } from './environment';

/**
 * Finds the parameters of a service: in the named file, in `PGSERVICEFILE`, or in `~/.pg_service.conf` and then the system's
 * `pg_service.conf` (whose folder only `PGSYSCONFDIR` tells, as there is no compiled-in one here).
 * @throws ConnectError ('profile') where the service or the file cannot be found, or the file has a fault
 */
export async function readService(
  service: string,
  serviceFile: string | undefined,
  { env, home }: Pick<Surroundings, 'env' | 'home'>,
): Promise<Parameters> {
  const named = serviceFile ?? env['PGSERVICEFILE'];
  if (named !== undefined) {
    const text = await readText(named);
    if (text === undefined) {
      throw new ConnectError('profile', `The service file "${named}" cannot be read: correct its path, or make it.`);
    }
    return findService(text, service, named) ?? notFound(service, [named]);
  }
  const files = usualFiles({ env, home });
  for (const file of files) {
    const text = await readText(file);
    const found = text === undefined ? undefined : findService(text, service, file);
    if (found) return found;
  }
  return notFound(service, files);
}

/** The services that can be named here, each with the file that defines it. */
export async function listServices(
  surroundings: Pick<Surroundings, 'env' | 'home'>,
): Promise<readonly { readonly name: string; readonly file: string }[]> {
  const named = surroundings.env['PGSERVICEFILE'];
  const services = new Map<string, string>();
  for (const file of named === undefined ? usualFiles(surroundings) : [named]) {
    const text = (await readText(file)) ?? '';
    for (const [, name = ''] of text.matchAll(/^[ \t]*\[([^\]\r\n]+)\]/gm)) {
      // The first file that has it is the one that counts.
      if (!services.has(name)) services.set(name, file);
    }
  }
  return [...services].map(([name, file]) => ({ name, file }));
}

function usualFiles({ env, home }: Pick<Surroundings, 'env' | 'home'>): readonly string[] {
  const systemFolders = env['PGSYSCONFDIR'] === undefined ? SYSTEM_FOLDERS : [env['PGSYSCONFDIR']];
  return [
    ...(home === undefined ? [] : [home.serviceFile]),
    ...systemFolders.map((folder) => join(folder, 'pg_service.conf')),
  ];
}

/** Where packages of libpq look: Debian's, Red Hat's, and PostgreSQL's own build. */
const SYSTEM_FOLDERS = ['/etc/postgresql-common', '/etc/sysconfig/pgsql', '/usr/local/pgsql/etc'];

function notFound(service: string, files: readonly string[]): never {
  throw new ConnectError(
    'profile',
    `The service "${service}" is not defined in ${files.join(' or ')}: correct its name, or add a section [${service}] there.`,
  );
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * @param file only for messages
 * @returns the parameters of the first section with that name, or undefined
 * @throws ConnectError ('profile') at a line of that section that libpq would refuse
 */
export function findService(text: string, service: string, file: string): Parameters | undefined {
  let found: Map<string, string> | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('[')) {
      if (found) break;
      // libpq compares up to the bracket and does not mind what follows it.
      if (line.startsWith(`[${service}]`)) found = new Map();
      continue;
    }
    if (!found) continue;
    const equals = line.indexOf('=');
    const keyword = line.slice(0, Math.max(0, equals));
    const fault = (why: string): ConnectError =>
      new ConnectError('profile', `The service file "${file}" has a fault in line ${index + 1}: ${why}.`);
    if (line.startsWith('ldap')) throw fault('looking up services with LDAP is not available');
    if (equals < 0) throw fault('it is not of the form keyword=value');
    if (keyword === 'service' || keyword === 'servicefile') throw fault('a service cannot name another one');
    if (!isKeyword(keyword)) {
      const hint = isKeyword(keyword.trim()) ? ' (no blanks may stand around the "=")' : '';
      throw fault(`"${keyword}" is not a parameter that PostgreSQL knows${hint}`);
    }
    // The first of several wins, as in libpq.
    if (!found.has(keyword)) found.set(keyword, line.slice(equals + 1));
  }
  return found;
}

/** The connection service file (PostgreSQL, libpq, "The Connection Service File"), read as libpq's parseServiceFile() does. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { profileError, type ProfileFault } from './faults';
import { isKeyword, type Parameters } from './keywords';
import type { ConnectEnvironment } from './environment';

/**
 * Finds the parameters of a service: in the given file, in `PGSERVICEFILE`, or in `~/.pg_service.conf` and then in the system's
 * `pg_service.conf`. libpq's compiled-in folder is not known here, so `PGSYSCONFDIR` or the usual folders are searched.
 * @throws ConnectError ('profile') if the service or the file cannot be found, or the section is invalid
 */
export async function readService(
  service: string,
  serviceFile: string | undefined,
  { env, home }: Pick<ConnectEnvironment, 'env' | 'home'>,
): Promise<Parameters> {
  const named = serviceFile ?? env['PGSERVICEFILE'];
  if (named !== undefined) {
    const text = await readText(named);
    if (text === undefined) throw profileError({ code: 'service.fileUnreadable', params: { file: named } });
    return findService(text, service, named) ?? notFound(service, [named]);
  }
  const files = defaultFiles({ env, home });
  for (const file of files) {
    const text = await readText(file);
    const found = text === undefined ? undefined : findService(text, service, file);
    if (found) return found;
  }
  return notFound(service, files);
}

/** Lists the services that a connection can use, each with the file that defines it. */
export async function listServices(
  environment: Pick<ConnectEnvironment, 'env' | 'home'>,
): Promise<readonly { readonly name: string; readonly file: string }[]> {
  const named = environment.env['PGSERVICEFILE'];
  const services = new Map<string, string>();
  for (const file of named === undefined ? defaultFiles(environment) : [named]) {
    const text = (await readText(file)) ?? '';
    for (const [, name = ''] of text.matchAll(/^[ \t]*\[([^\]\r\n]+)\]/gm)) {
      // The first file that defines a service wins.
      if (!services.has(name)) services.set(name, file);
    }
  }
  return [...services].map(([name, file]) => ({ name, file }));
}

function defaultFiles({ env, home }: Pick<ConnectEnvironment, 'env' | 'home'>): readonly string[] {
  const systemFolders = env['PGSYSCONFDIR'] === undefined ? SYSTEM_FOLDERS : [env['PGSYSCONFDIR']];
  return [
    ...(home === undefined ? [] : [home.serviceFile]),
    ...systemFolders.map((folder) => join(folder, 'pg_service.conf')),
  ];
}

/** The folders of Debian's packages, Red Hat's packages, and a default build of PostgreSQL. */
const SYSTEM_FOLDERS = ['/etc/postgresql-common', '/etc/sysconfig/pgsql', '/usr/local/pgsql/etc'];

function notFound(service: string, files: readonly string[]): never {
  throw profileError({ code: 'service.notFound', field: 'service', params: { service, files } });
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Reads one section of a service file.
 * @param file the file's path, for faults
 * @returns the parameters of the first section with that name, or undefined
 * @throws ConnectError ('profile') at a line of that section that libpq would reject
 */
export function findService(text: string, service: string, file: string): Parameters | undefined {
  let found: Map<string, string> | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('[')) {
      if (found) break;
      // libpq compares up to the bracket and ignores what follows it.
      if (line.startsWith(`[${service}]`)) found = new Map();
      continue;
    }
    if (!found) continue;
    const equals = line.indexOf('=');
    const keyword = line.slice(0, Math.max(0, equals));
    const fault = lineFault(line, keyword, equals, { file, line: index + 1 });
    if (fault) throw profileError(fault);
    // The first of several values wins, as in libpq.
    if (!found.has(keyword)) found.set(keyword, line.slice(equals + 1));
  }
  return found;
}

function lineFault(
  line: string,
  keyword: string,
  equals: number,
  where: { readonly file: string; readonly line: number },
): ProfileFault | undefined {
  if (line.startsWith('ldap')) return { code: 'service.ldap', params: where };
  if (equals < 0) return { code: 'service.noEquals', params: where };
  if (keyword === 'service' || keyword === 'servicefile') return { code: 'service.nested', params: where };
  if (isKeyword(keyword)) return undefined;
  const code = isKeyword(keyword.trim()) ? 'service.blanks' : 'service.unknownParameter';
  return { code, params: { ...where, parameter: keyword.trim() } };
}

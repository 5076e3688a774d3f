/**
 * Finds connections that a workspace already describes: in `.env` files here, in Compose files in compose.ts. The user chooses
 * from the candidates; nothing connects to them by itself.
 */
import { parseConnectionString } from '../conninfo/conninfo';
import { parseDotenv, type Variables } from './dotenv';
import { ConnectError } from '../errors';
import { environmentVariables, fieldsOf } from '../conninfo/keywords';
import { isAddress } from '../conninfo/pasted';
import { validateProfile, type ConnectionProfile } from '../conninfo/profile';

export interface Candidate {
  /** The name of the variable or the service. */
  readonly source: string;
  /** Zero-based, of the variable or the service. */
  readonly line: number;
  /** With an empty name. */
  readonly profile: ConnectionProfile;
  readonly password: string | undefined;
  /** Skipped parameters of other programs. */
  readonly ignored: readonly string[];
}

/** Finds candidates in an `.env` file: the URI of a PostgreSQL server in any variable, and libpq's variables together. */
export function findInDotenv(text: string): readonly Candidate[] {
  const variables = parseDotenv(text);
  const candidates = [...variables].flatMap(([name, { value, line }]) => candidateOf(name, value, line));
  const libpq = fromLibpqVariables(variables);
  return libpq ? [...candidates, libpq] : candidates;
}

/** Returns a candidate if a variable contains the URI of a PostgreSQL server. */
export function candidateOf(source: string, value: string, line: number): readonly Candidate[] {
  if (!isAddress(value)) return [];
  try {
    const { profile, password, ignored } = parseConnectionString(value, { ignoreUnknown: true });
    return [{ source, line, profile, password, ignored }];
  } catch (error) {
    // Part of a URI, or a template: nothing to offer.
    if (error instanceof ConnectError) return [];
    throw error;
  }
}

/** Returns a candidate from PGHOST, PGUSER, and the like, if they include at least a host, a service, or a database. */
export function fromLibpqVariables(variables: Variables): Candidate | undefined {
  const given = environmentVariables().flatMap(([keyword, name]) => {
    const variable = variables.get(name);
    return variable && variable.value !== '' ? [{ keyword, ...variable }] : [];
  });
  const first = given.find(({ keyword }) => keyword === 'host' || keyword === 'service' || keyword === 'dbname');
  if (!first) return undefined;
  try {
    const parameters = new Map(given.map(({ keyword, value }) => [keyword, value]));
    const checked = validateProfile({ ...fieldsOf(parameters), name: 'found' });
    if ('fault' in checked) return undefined;
    return {
      source: 'PGHOST …',
      line: first.line,
      profile: { ...checked.profile, name: '' },
      password: parameters.get('password'),
      ignored: [],
    };
  } catch (error) {
    if (error instanceof ConnectError) return undefined;
    throw error;
  }
}

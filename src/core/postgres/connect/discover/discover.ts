/**
 * Connections that a workspace already describes, in `.env` files (compose.ts reads Compose files). What is found is only
 * offered; nothing connects to it without being asked. Files in, candidates out.
 */
import { parseConnectionString } from '../conninfo/conninfo';
import { parseDotenv, type Variables } from './dotenv';
import { ConnectError } from '../errors';
import { environmentVariables, fieldsOf } from '../conninfo/keywords';
import { isAddress } from '../conninfo/pasted';
import { validateProfile, type ConnectionProfile } from '../conninfo/profile';

export interface Candidate {
  /** What it is called there: a variable, or a service. */
  readonly source: string;
  /** Zero-based, of the variable or the service. */
  readonly line: number;
  /** With an empty name. */
  readonly profile: ConnectionProfile;
  readonly password: string | undefined;
  /** Parameters of other programs that were left out. */
  readonly ignored: readonly string[];
}

/** Reads an `.env` file: addresses of PostgreSQL in any variable, and libpq's variables together. */
export function findInDotenv(text: string): readonly Candidate[] {
  const variables = parseDotenv(text);
  const candidates = [...variables].flatMap(([name, { value, line }]) => candidateOf(name, value, line));
  const own = fromLibpqVariables(variables);
  return own ? [...candidates, own] : candidates;
}

/** The address that a variable holds, if it holds one. */
export function candidateOf(source: string, value: string, line: number): readonly Candidate[] {
  if (!isAddress(value)) return [];
  try {
    const { profile, password, ignored } = parseConnectionString(value, { ignoreUnknown: true });
    return [{ source, line, profile, password, ignored }];
  } catch (error) {
    // Half an address, or a template of one: nothing to offer.
    if (error instanceof ConnectError) return [];
    throw error;
  }
}

/** PGHOST, PGUSER and the like, if they say at least where to connect. */
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
    if ('problem' in checked) return undefined;
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

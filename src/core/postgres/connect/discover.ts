/**
 * Connections that a workspace already describes: `.env` files and Docker Compose files. What is found is only ever offered;
 * nothing connects to it unasked. Files in, candidates out.
 */
import { parseConnectionString } from './conninfo';
import { ConnectError } from './errors';
import { environmentVariables, fieldsOf } from './keywords';
import { validateProfile, type ConnectionProfile } from './profile';
import { readYaml, type YamlValue } from './yaml';

export interface Candidate {
  /** What it is called there: a variable, or a service. */
  readonly source: string;
  /** Zero-based, of the variable or the service. */
  readonly line: number;
  /** With an empty name. */
  readonly profile: ConnectionProfile;
  readonly password: string | undefined;
  /** Parameters of other programs that were passed over. */
  readonly ignored: readonly string[];
}

interface Variable {
  readonly value: string;
  readonly line: number;
}

/** Reads an `.env` file: addresses of PostgreSQL in any variable, and libpq's variables together. */
export function findInDotenv(text: string): readonly Candidate[] {
  const variables = parseDotenv(text);
  const candidates = [...variables].flatMap(([name, { value, line }]) => candidateOf(name, value, line));
  const own = fromLibpqVariables(variables);
  return own ? [...candidates, own] : candidates;
}

/** The variables of an `.env` file, with `${OTHER}` filled in as dotenv-expand and Compose do. */
export function parseDotenv(text: string): ReadonlyMap<string, Variable> {
  const variables = new Map<string, Variable>();
  const pattern = /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*(?:'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|([^\r\n]*))/gm;
  for (const match of text.matchAll(pattern)) {
    const [, name = '', single, double, bare] = match;
    const line = text.slice(0, match.index).split('\n').length - 1;
    const known = (variable: string): string | undefined => variables.get(variable)?.value;
    const value =
      single ??
      fillIn(double === undefined ? (bare ?? '').replace(/(^|\s)#.*$/, '').trim() : unescapeDouble(double), known);
    variables.set(name, { value, line });
  }
  return variables;
}

function unescapeDouble(text: string): string {
  return text.replaceAll(
    /\\(n|r|t|["\\$])/g,
    (_, character: string) => ({ n: '\n', r: '\r', t: '\t' })[character] ?? character,
  );
}

/** `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME-default}`. */
function fillIn(text: string, known: (name: string) => string | undefined): string {
  return text.replaceAll(
    /\$(?:\{(\w+)(?:(:?[-?])([^}]*))?\}|([A-Za-z_]\w*))/g,
    (
      whole,
      braced: string | undefined,
      operator: string | undefined,
      other: string | undefined,
      plain: string | undefined,
    ) => {
      const value = known(braced ?? plain ?? '');
      if (operator?.endsWith('-') && (value === undefined || (operator === ':-' && value === ''))) return other ?? '';
      return value ?? (braced === undefined ? whole : '');
    },
  );
}

function candidateOf(source: string, value: string, line: number): readonly Candidate[] {
  if (!/^(jdbc:)?postgres(ql)?(\+\w+)?:\/\//.test(value)) return [];
  try {
    const { profile, password, ignored } = parseConnectionString(value, { ignoreUnknown: true });
    return [{ source, line, profile, password, ignored }];
  } catch (error) {
    // Half an address, or one for a template: nothing to offer.
    if (error instanceof ConnectError) return [];
    throw error;
  }
}

/** PGHOST, PGUSER and the like, where they say at least where to. */
function fromLibpqVariables(variables: ReadonlyMap<string, Variable>): Candidate | undefined {
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

/**
 * Reads a Compose file: services that run PostgreSQL and publish its port, and addresses in the variables of all services, where
 * the name of a service becomes the published port on this computer.
 * @param dotenv the variables of the `.env` file beside it, which Compose fills in
 */
export function findInCompose(text: string, dotenv: ReadonlyMap<string, Variable> = new Map()): readonly Candidate[] {
  const services = [...mapOf(get(readYaml(text), 'services'))];
  const fill = (value: string): string =>
    fillIn(value.replaceAll('$$', '\0'), (name) => dotenv.get(name)?.value).replaceAll('\0', '$');
  const ports = new Map(services.map(([name, service]) => [name, publishedPort(service, fill)]));
  const candidates: Candidate[] = [];
  for (const [name, service] of services) {
    const environment = environmentOf(service, fill);
    const port = ports.get(name);
    const image = scalar(get(service, 'image'));
    if (port !== undefined && (/postg/i.test(image) || environment.has('POSTGRES_PASSWORD'))) {
      const user = environment.get('POSTGRES_USER')?.value ?? 'postgres';
      const database = environment.get('POSTGRES_DB')?.value ?? user;
      candidates.push({
        source: name,
        line: service.line,
        profile: { name: '', host: 'localhost', port, user, database },
        password: environment.get('POSTGRES_PASSWORD')?.value,
        ignored: [],
      });
    }
    for (const [variable, { value, line }] of environment) {
      candidates.push(...candidateOf(`${name}: ${variable}`, value, line).flatMap((found) => outside(found, ports)));
    }
  }
  return candidates;
}

/** An address inside of Compose's network, as it is reached from outside; none where its port is not published. */
function outside(candidate: Candidate, ports: ReadonlyMap<string, number | undefined>): readonly Candidate[] {
  const { host } = candidate.profile;
  if (host === undefined || !ports.has(host)) return [candidate];
  const port = ports.get(host);
  return port === undefined ? [] : [{ ...candidate, profile: { ...candidate.profile, host: 'localhost', port } }];
}

/** The port of this computer behind which the service's 5432 is. */
function publishedPort(service: YamlValue, fill: (text: string) => string): number | undefined {
  for (const entry of itemsOf(get(service, 'ports'))) {
    const short = entry.kind === 'scalar' ? fill(entry.text) : undefined;
    const [, published, target] =
      short === undefined
        ? [undefined, fill(scalar(get(entry, 'published'))), fill(scalar(get(entry, 'target')))]
        : (/^(?:\S+:)?(\d+):(\d+)(?:\/tcp)?$/.exec(short) ?? []);
    if (target === '5432' && published !== undefined && /^\d{1,5}$/.test(published)) return Number(published);
  }
  return undefined;
}

/** `environment:` as a map, or as a list of NAME=value. */
function environmentOf(service: YamlValue, fill: (text: string) => string): ReadonlyMap<string, Variable> {
  const value = get(service, 'environment');
  const variables = new Map<string, Variable>();
  for (const [name, entry] of mapOf(value)) variables.set(name, { value: fill(scalar(entry)), line: entry.line });
  for (const entry of itemsOf(value)) {
    const [, name, text] = /^(\w+)=([\s\S]*)$/.exec(scalar(entry)) ?? [];
    if (name !== undefined) variables.set(name, { value: fill(text ?? ''), line: entry.line });
  }
  return variables;
}

function get(value: YamlValue | undefined, key: string): YamlValue | undefined {
  return value?.kind === 'map' ? value.entries.get(key) : undefined;
}

function mapOf(value: YamlValue | undefined): ReadonlyMap<string, YamlValue> {
  return value?.kind === 'map' ? value.entries : new Map();
}

function itemsOf(value: YamlValue | undefined): readonly YamlValue[] {
  return value?.kind === 'list' ? value.items : [];
}

function scalar(value: YamlValue | undefined): string {
  return value?.kind === 'scalar' ? value.text : '';
}

/** Finds PostgreSQL servers in Docker Compose files (Compose file reference). Loaded on demand, because it needs a YAML parser. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Alias, type Node } from 'yaml';
import type { FaultOf, NoParams } from '../../../base/fault';
import { candidateOf, fromLibpqVariables, type Candidate } from './discover';
import { parseDotenv, type Variable, type Variables } from './dotenv';
import { interpolate } from './interpolate';

export interface ComposeContext {
  /** The variables of the `.env` file next to the Compose file. The environment of this process is not used: it has other secrets. */
  readonly dotenv?: Variables;
  /** Reads a file of `env_file` or `secrets` by its path as written. Returns undefined if it cannot or must not be read. */
  readonly readFile?: (path: string) => Promise<string | undefined>;
}

/** Why a Compose file, or the rest of it, could not be read. */
export interface ComposeFaults {
  /** `line`: counted from 1. `detail`: the parser's message. */
  'compose.syntax': { readonly line: number; readonly detail: string };
  'compose.tooManyMerges': NoParams;
  'compose.tooDeep': NoParams;
}

export interface ComposeFindings {
  readonly candidates: readonly Candidate[];
  /** The first fault; the part of the file before it is still used. */
  readonly fault: FaultOf<ComposeFaults> | undefined;
}

/** Limit of the nodes to visit: merges that refer to each other can grow exponentially. */
const MAX_STEPS = 100_000;

/**
 * Finds services that run PostgreSQL and publish its port, and URIs in the variables of all services. In these, the name of a
 * service is replaced by its published port on this computer.
 */
export async function findInCompose(text: string, context: ComposeContext = {}): Promise<ComposeFindings> {
  const lines = new LineCounter();
  let file: ComposeFile;
  try {
    // All scalars as strings: otherwise 5433:5432 is a number in base 60. Checking for unique keys would take quadratic time.
    const document = parseDocument(text, {
      schema: 'failsafe',
      uniqueKeys: false,
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'silent',
      strict: false,
    });
    const [error] = document.errors;
    file = new ComposeFile(document.contents, lines, context.dotenv ?? new Map());
    const candidates = await candidatesOf(file, context);
    if (error) {
      const params = { line: lines.linePos(error.pos[0]).line, detail: error.message };
      return { candidates, fault: { code: 'compose.syntax', params } };
    }
    return { candidates, fault: file.isExhausted ? { code: 'compose.tooManyMerges' } : undefined };
  } catch (error) {
    // The stack overflowed.
    if (error instanceof RangeError) return { candidates: [], fault: { code: 'compose.tooDeep' } };
    throw error;
  }
}

async function candidatesOf(file: ComposeFile, context: ComposeContext): Promise<Candidate[]> {
  const services = await Promise.all(
    [...file.services].map(async ([name, node]) => {
      const chain = file.chain(node);
      const environment = await environmentOf(file, chain, context);
      const port = publishedPort(file, chain, environment.get('POSTGRESQL_PORT_NUMBER')?.value ?? '5432');
      return { name, node, chain, environment, port };
    }),
  );
  const ports = new Map(services.map(({ name, port }) => [name, port]));
  const candidates: Candidate[] = [];
  for (const { name, node, chain, environment, port } of services) {
    if (port !== undefined && runsPostgres(file, chain, environment)) {
      const server = await serverOf(file, environment, context);
      candidates.push({
        source: name,
        line: file.line(node),
        profile: { name: '', host: 'localhost', port, user: server.user, database: server.database },
        password: server.password,
        ignored: [],
      });
    }
    const variables = [...environment].flatMap(([variable, { value, line }]) =>
      candidateOf(`${name}: ${variable}`, value, line),
    );
    const libpq = fromLibpqVariables(environment);
    // Without a host, PGUSER and PGDATABASE are for the server's own tools.
    if (libpq?.profile.host !== undefined) variables.push({ ...libpq, source: `${name}: ${libpq.source}` });
    candidates.push(...variables.flatMap((found) => fromOutside(found, ports)));
  }
  return candidates;
}

const IMAGES = /postg|timescale|pgvector|supabase|pgvecto/i;
const SERVER_VARIABLES =
  /^POSTGRES(QL)?_(PASSWORD|PASSWORD_FILE|HOST_AUTH_METHOD|POSTGRES_PASSWORD)$|^ALLOW_EMPTY_PASSWORD$/;

function runsPostgres(file: ComposeFile, chain: readonly Node[], environment: Variables): boolean {
  const image = chain.map((node) => file.text(file.get(node, 'image'))).find((text) => text !== undefined);
  return IMAGES.test(image ?? '') || [...environment.keys()].some((name) => SERVER_VARIABLES.test(name));
}

/** The user and database that the image creates: variables of the official image and of Bitnami's. Each can also be in a file. */
async function serverOf(
  file: ComposeFile,
  environment: Variables,
  context: ComposeContext,
): Promise<{ user: string; database: string; password: string | undefined }> {
  const given = async (name: string): Promise<string | undefined> => {
    const value = environment.get(name)?.value;
    if (value) return value;
    const path = environment.get(`${name}_FILE`)?.value;
    const secret = path === undefined ? undefined : file.secretFile(path);
    const content = secret === undefined ? undefined : await context.readFile?.(secret);
    // As read by the shell of the image's entry point.
    return content?.replace(/^\uFEFF/, '').replace(/[\r\n]+$/, '') || undefined;
  };
  const bitnami = [...environment.keys()].some((name) => name.startsWith('POSTGRESQL_'));
  const user = (await given('POSTGRESQL_USERNAME')) ?? (await given('POSTGRES_USER')) ?? 'postgres';
  const database =
    (await given('POSTGRESQL_DATABASE')) ?? (await given('POSTGRES_DB')) ?? (bitnami ? 'postgres' : user);
  const password = (await given('POSTGRESQL_PASSWORD')) ?? (await given('POSTGRES_PASSWORD'));
  return { user, database, password };
}

/** Replaces an address inside the Compose network by the published one. Drops the candidate if its port is not published. */
function fromOutside(candidate: Candidate, ports: ReadonlyMap<string, number | undefined>): readonly Candidate[] {
  const { host } = candidate.profile;
  if (host === undefined || !ports.has(host)) return [candidate];
  const port = ports.get(host);
  return port === undefined ? [] : [{ ...candidate, profile: { ...candidate.profile, host: 'localhost', port } }];
}

/** Returns the port on this computer that is mapped to the server's port in the container. */
function publishedPort(file: ComposeFile, chain: readonly Node[], target: string): number | undefined {
  for (const entry of chain.flatMap((node) => file.items(file.get(node, 'ports')))) {
    const short = file.text(entry);
    const published =
      short === undefined
        ? file.text(file.get(entry, 'target')) === target
          ? file.text(file.get(entry, 'published'))
          : undefined
        : shortPort(short, Number(target));
    if (published !== undefined && /^\d{1,5}$/.test(published)) return Number(published);
  }
  return undefined;
}

/** Reads `[address:]published:target[/protocol]`. Both ports can be ranges. */
function shortPort(text: string, target: number): string | undefined {
  const [, published, last = published, first, to = first] =
    /^(?:\S+:)?(\d{1,5})(?:-(\d{1,5}))?:(\d{1,5})(?:-(\d{1,5}))?(?:\/tcp)?$/.exec(text) ?? [];
  const offset = target - Number(first);
  if (published === undefined || !(offset >= 0 && target <= Number(to))) return undefined;
  const port = Number(published) + offset;
  return port <= Number(last) ? String(port) : undefined;
}

/** The variables of a service. `environment` overrides `env_file`, and a service overrides the one that it extends. */
async function environmentOf(
  file: ComposeFile,
  chain: readonly Node[],
  { dotenv, readFile }: ComposeContext,
): Promise<Variables> {
  const variables = new Map<string, Variable>();
  const base = [...chain].reverse();
  for (const node of base) {
    const value = file.get(node, 'env_file');
    const entries = file.text(value) === undefined ? file.items(value) : value ? [value] : [];
    for (const entry of entries) {
      const path = file.text(entry) ?? file.text(file.get(entry, 'path'));
      const text = path === undefined ? undefined : await readFile?.(path);
      const line = file.line(entry);
      for (const [name, variable] of text === undefined ? [] : parseDotenv(text, dotenv)) {
        variables.set(name, { value: variable.value, line });
      }
    }
  }
  for (const node of base) {
    const environment = file.get(node, 'environment');
    for (const [name, entry] of file.entries(environment)) {
      const value = file.isNull(entry) ? file.variable(name) : file.text(entry);
      if (value !== undefined) variables.set(name, { value, line: file.line(entry) });
    }
    for (const entry of file.items(environment)) {
      const [, name, text] = /^([^=]+)(?:=([\s\S]*))?$/.exec(file.text(entry) ?? '') ?? [];
      const value = name === undefined ? undefined : (text ?? file.variable(name));
      if (name !== undefined && value !== undefined) variables.set(name, { value, line: file.line(entry) });
    }
  }
  return variables;
}

/** A parsed file. Resolves aliases, merge keys, and variables on access. */
class ComposeFile {
  readonly services: ReadonlyMap<string, Node>;
  readonly #targets = new Map<Alias, Node>();
  /** Offsets of the entries' keys. */
  readonly #starts = new Map<Node, number>();
  #steps = 0;

  readonly #root: Node | null;
  readonly #lines: LineCounter;
  readonly #dotenv: Variables;

  constructor(root: Node | null, lines: LineCounter, dotenv: Variables) {
    this.#root = root;
    this.#lines = lines;
    this.#dotenv = dotenv;

    // An alias refers to the last anchor of its name before it. One pass over the file, because a search per alias would be quadratic.
    const anchors = new Map<string, Node>();
    visit(root, (_key, node) => {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target) this.#targets.set(node, target);
      } else if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined) {
        anchors.set(node.anchor, node);
      }
    });
    this.services = this.entries(this.get(root ?? undefined, 'services'));
  }

  get(node: Node | undefined, key: string): Node | undefined {
    return this.entries(node).get(key);
  }

  /** Returns the entries of a map. They override merged ones (YAML's merge key type: `<<: *base`, `<<: [*a, *b]`). */
  entries(node: Node | undefined, open: ReadonlySet<Node> = new Set()): ReadonlyMap<string, Node> {
    const map = this.#resolve(node);
    const entries = new Map<string, Node>();
    if (!isMap(map) || open.has(map)) return entries;
    const opened = new Set([...open, map]);
    const merged: (Node | undefined)[] = [];
    for (const { key, value } of map.items) {
      if (!this.#countStep()) break;
      const name = isScalar(key) ? String(key.value) : undefined;
      if (name === undefined) continue;
      const entry = value as Node | null;
      if (name === '<<') {
        const base = entry ?? undefined;
        merged.push(...(isSeq(this.#resolve(base)) ? this.items(base) : [base]));
      } else if (entry) {
        entries.set(name, entry);
        this.#starts.set(entry, (key as Node).range?.[0] ?? 0);
      }
    }
    for (const base of merged) {
      for (const [name, entry] of this.entries(base, opened)) if (!entries.has(name)) entries.set(name, entry);
    }
    return entries;
  }

  items(node: Node | undefined): readonly Node[] {
    const list = this.#resolve(node);
    return isSeq(list) && this.#countStep() ? (list.items as Node[]) : [];
  }

  /** Returns the text of a scalar with its variables expanded, or undefined for any other node. */
  text(node: Node | undefined): string | undefined {
    const scalar = this.#resolve(node);
    if (!isScalar(scalar) || this.isNull(scalar)) return undefined;
    return interpolate(String(scalar.value), (name) => this.variable(name), { doubledDollar: true });
  }

  isNull(node: Node | undefined): boolean {
    const scalar = this.#resolve(node);
    return (
      isScalar(scalar) &&
      (scalar.tag === '!reset' ||
        (scalar.type === 'PLAIN' && /^(~|null)?$/i.test((scalar.value as string | null) ?? '')))
    );
  }

  variable(name: string): string | undefined {
    return this.#dotenv.get(name)?.value;
  }

  /** Returns the zero-based line of a node, or of its key if it is an entry of a map. */
  line(node: Node | undefined): number {
    const offset = (node && this.#starts.get(node)) ?? node?.range?.[0] ?? 0;
    return this.#lines.linePos(offset).line - 1;
  }

  /** True if merges grew so much that not all nodes were visited. */
  get isExhausted(): boolean {
    return this.#steps > MAX_STEPS;
  }

  /** Returns a service and the services of this file that it extends. */
  chain(service: Node): readonly Node[] {
    const chain = [service];
    for (let node: Node | undefined = service; node;) {
      const extended: Node | undefined = this.get(node, 'extends');
      const name = this.text(extended) ?? this.text(this.get(extended, 'service'));
      const elsewhere = this.get(extended, 'file') !== undefined;
      node = name === undefined || elsewhere ? undefined : this.services.get(name);
      if (node && chain.includes(node)) break;
      if (node) chain.push(node);
    }
    return chain;
  }

  /** Returns the file on this computer for the path of a secret in the container. */
  secretFile(path: string): string | undefined {
    const [, name] = /^\/run\/secrets\/([^/]+)$/.exec(path) ?? [];
    return name === undefined
      ? undefined
      : this.text(this.get(this.get(this.get(this.#root ?? undefined, 'secrets'), name), 'file'));
  }

  #resolve(node: Node | undefined): Node | undefined {
    return isAlias(node) ? this.#targets.get(node) : node;
  }

  #countStep(): boolean {
    return ++this.#steps <= MAX_STEPS;
  }
}

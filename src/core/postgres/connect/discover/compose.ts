/**
 * PostgreSQL in Docker Compose files (Compose file reference). Loaded only when somebody asks for it, because of the YAML
 * parser that comes with it.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Alias, type Node } from 'yaml';
import { candidateOf, fromLibpqVariables, type Candidate } from './discover';
import { parseDotenv, type Variable, type Variables } from './dotenv';
import { interpolate } from './interpolate';

export interface ComposeSurroundings {
  /** The variables of the `.env` file next to it. The environment of this process is not used: it holds other secrets. */
  readonly dotenv?: Variables;
  /** Reads a file of `env_file` or `secrets`, by its path as written; undefined if it cannot or must not be read. */
  readonly readFile?: (path: string) => Promise<string | undefined>;
}

export interface ComposeFindings {
  readonly candidates: readonly Candidate[];
  /** The first syntax error; what stands before it is read all the same. */
  readonly fault: { readonly line: number; readonly message: string } | undefined;
}

/** Nodes that are looked at. Merges that refer to each other can multiply without end. */
const MAX_STEPS = 100_000;

/**
 * Finds services that run PostgreSQL and publish its port, and addresses in the variables of all services, in which the name
 * of a service becomes the published port on this computer.
 */
export async function findInCompose(text: string, surroundings: ComposeSurroundings = {}): Promise<ComposeFindings> {
  const lines = new LineCounter();
  let file: ComposeFile;
  try {
    // As texts: 5433:5432 is no number in base 60. Comparing all keys with each other would be quadratic.
    const document = parseDocument(text, {
      schema: 'failsafe',
      uniqueKeys: false,
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'silent',
      strict: false,
    });
    const [error] = document.errors;
    file = new ComposeFile(document.contents, lines, surroundings.dotenv ?? new Map());
    const fault = error && { line: lines.linePos(error.pos[0]).line - 1, message: error.message };
    const candidates = await candidatesOf(file, surroundings);
    return { candidates, fault: fault ?? (file.isExhausted ? { line: 0, message: 'too many merges' } : undefined) };
  } catch (error) {
    // Nested deeper than the stack can hold.
    if (error instanceof RangeError) return { candidates: [], fault: { line: 0, message: 'nested too deeply' } };
    throw error;
  }
}

async function candidatesOf(file: ComposeFile, surroundings: ComposeSurroundings): Promise<Candidate[]> {
  const services = await Promise.all(
    [...file.services].map(async ([name, node]) => {
      const chain = file.chain(node);
      const environment = await environmentOf(file, chain, surroundings);
      const port = publishedPort(file, chain, environment.get('POSTGRESQL_PORT_NUMBER')?.value ?? '5432');
      return { name, node, chain, environment, port };
    }),
  );
  const ports = new Map(services.map(({ name, port }) => [name, port]));
  const candidates: Candidate[] = [];
  for (const { name, node, chain, environment, port } of services) {
    if (port !== undefined && runsPostgres(file, chain, environment)) {
      const server = await serverOf(file, environment, surroundings);
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
    const own = fromLibpqVariables(environment);
    // PGUSER and PGDATABASE of the server itself are for its own tools.
    if (own?.profile.host !== undefined) variables.push({ ...own, source: `${name}: ${own.source}` });
    candidates.push(...variables.flatMap((found) => outside(found, ports)));
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

/** Whom the server's image makes: the official image's variables, and bitnami's. Each can also be in a file. */
async function serverOf(
  file: ComposeFile,
  environment: Variables,
  surroundings: ComposeSurroundings,
): Promise<{ user: string; database: string; password: string | undefined }> {
  const given = async (name: string): Promise<string | undefined> => {
    const value = environment.get(name)?.value;
    if (value) return value;
    const path = environment.get(`${name}_FILE`)?.value;
    const secret = path === undefined ? undefined : file.secretFile(path);
    const content = secret === undefined ? undefined : await surroundings.readFile?.(secret);
    // As the shell of the image's entry point reads it.
    return content?.replace(/^\uFEFF/, '').replace(/[\r\n]+$/, '') || undefined;
  };
  const bitnami = [...environment.keys()].some((name) => name.startsWith('POSTGRESQL_'));
  const user = (await given('POSTGRESQL_USERNAME')) ?? (await given('POSTGRES_USER')) ?? 'postgres';
  const database =
    (await given('POSTGRESQL_DATABASE')) ?? (await given('POSTGRES_DB')) ?? (bitnami ? 'postgres' : user);
  const password = (await given('POSTGRESQL_PASSWORD')) ?? (await given('POSTGRES_PASSWORD'));
  return { user, database, password };
}

/** An address inside of Compose's network, as it is reached from outside; none if its port is not published. */
function outside(candidate: Candidate, ports: ReadonlyMap<string, number | undefined>): readonly Candidate[] {
  const { host } = candidate.profile;
  if (host === undefined || !ports.has(host)) return [candidate];
  const port = ports.get(host);
  return port === undefined ? [] : [{ ...candidate, profile: { ...candidate.profile, host: 'localhost', port } }];
}

/** The port of this computer that leads to the server's port in the container. */
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

/** `[address:]published:target[/protocol]`, in which both can be ranges. */
function shortPort(text: string, target: number): string | undefined {
  const [, published, last = published, first, to = first] =
    /^(?:\S+:)?(\d{1,5})(?:-(\d{1,5}))?:(\d{1,5})(?:-(\d{1,5}))?(?:\/tcp)?$/.exec(text) ?? [];
  const offset = target - Number(first);
  if (published === undefined || !(offset >= 0 && target <= Number(to))) return undefined;
  const port = Number(published) + offset;
  return port <= Number(last) ? String(port) : undefined;
}

/** What `env_file` and `environment` give a service, the latter over the former, and a service over what it extends. */
async function environmentOf(
  file: ComposeFile,
  chain: readonly Node[],
  { dotenv, readFile }: ComposeSurroundings,
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
      for (const [name, one] of text === undefined ? [] : parseDotenv(text, dotenv)) {
        variables.set(name, { value: one.value, line });
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

/** The nodes of a file, with aliases, merge keys and variables resolved as they are asked for. */
class ComposeFile {
  readonly services: ReadonlyMap<string, Node>;
  readonly #targets = new Map<Alias, Node>();
  /** Where the keys of entries begin. */
  readonly #starts = new Map<Node, number>();
  #steps = 0;

  readonly #root: Node | null;
  readonly #lines: LineCounter;
  readonly #dotenv: Variables;

  constructor(root: Node | null, lines: LineCounter, dotenv: Variables) {
    this.#root = root;
    this.#lines = lines;
    this.#dotenv = dotenv;

    // An alias means the last anchor of its name before it. Looking for each of them anew would be quadratic.
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

  /** The entries of a map, over those that it merges (YAML's merge key type: `<<: *base`, `<<: [*a, *b]`). */
  entries(node: Node | undefined, open: ReadonlySet<Node> = new Set()): ReadonlyMap<string, Node> {
    const map = this.#resolve(node);
    const entries = new Map<string, Node>();
    if (!isMap(map) || open.has(map)) return entries;
    const within = new Set([...open, map]);
    const merged: (Node | undefined)[] = [];
    for (const { key, value } of map.items) {
      if (!this.#mayGoOn()) break;
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
      for (const [name, entry] of this.entries(base, within)) if (!entries.has(name)) entries.set(name, entry);
    }
    return entries;
  }

  items(node: Node | undefined): readonly Node[] {
    const list = this.#resolve(node);
    return isSeq(list) && this.#mayGoOn() ? (list.items as Node[]) : [];
  }

  /** The text of a scalar, with its variables filled in; undefined for anything else. */
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

  /** Zero-based, of the key if the node is an entry of a map. */
  line(node: Node | undefined): number {
    const offset = (node && this.#starts.get(node)) ?? node?.range?.[0] ?? 0;
    return this.#lines.linePos(offset).line - 1;
  }

  /** Merges multiply so much that not all was looked at. */
  get isExhausted(): boolean {
    return this.#steps > MAX_STEPS;
  }

  /** A service and what it extends, in this file. */
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

  /** The file on this computer of a secret that the container sees under a path. */
  secretFile(path: string): string | undefined {
    const [, name] = /^\/run\/secrets\/([^/]+)$/.exec(path) ?? [];
    return name === undefined
      ? undefined
      : this.text(this.get(this.get(this.get(this.#root ?? undefined, 'secrets'), name), 'file'));
  }

  #resolve(node: Node | undefined): Node | undefined {
    return isAlias(node) ? this.#targets.get(node) : node;
  }

  #mayGoOn(): boolean {
    return ++this.#steps <= MAX_STEPS;
  }
}

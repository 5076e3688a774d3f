import * as v from 'valibot';
import * as vscode from 'vscode';
import type { ConnectionProvider } from '../../api';
import { messageOf } from '../../core/base/errors';
import type { Logger } from '../../core/base/logger';
import type { Source } from './connectionEntries';
import type { EntryFault } from './entryFaults';

/** The limit for a provider to return a password. Milliseconds. */
const PASSWORD_MS = 120_000;

interface Registered {
  readonly provider: ConnectionProvider;
  readonly source: Source;
  /** Why the provider could not list its connections. */
  readonly fault?: EntryFault;
}

/** Connections that other extensions provide: see docs/API.md. Errors for those extensions are in English. */
export class ConnectionProviders implements vscode.Disposable {
  readonly #registered = new Map<string, Registered>();
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  readonly #trusting: vscode.Disposable;

  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;

    this.#trusting = vscode.workspace.onDidGrantWorkspaceTrust(() => {
      for (const [id, { provider }] of this.#registered) void this.#refresh(id, provider);
    });
  }

  get all(): Iterable<Pick<Registered, 'source' | 'fault'>> {
    return this.#registered.values();
  }

  /** @throws Error if the provider does not have the type that the API requires, or its id is taken */
  register(value: unknown): vscode.Disposable {
    const provider = checkedProvider(value);
    const { id } = provider;
    if (this.#registered.has(id)) throw new Error(`A connection provider with the id "${id}" is already registered.`);
    const listener = provider.onDidChange?.(() => void this.#refresh(id, provider));
    this.#registered.set(id, { provider, source: sourceOf(provider, []) });
    void this.#refresh(id, provider);
    return new vscode.Disposable(() => {
      if (this.#registered.get(id)?.provider !== provider) return;
      listener?.dispose();
      this.#registered.delete(id);
      this.#changed.fire();
    });
  }

  /** The provider's current password, which is not stored. @throws the provider's error, or Error if it takes too long */
  async password(id: string, name: string): Promise<string | undefined> {
    const pending = this.#registered.get(id)?.provider.password?.(name);
    const password: unknown = await withTimeout(Promise.resolve(pending), id);
    if (password === undefined || typeof password === 'string') return password;
    throw new Error(`The connection provider "${id}" returned a password that is not a string.`);
  }

  dispose(): void {
    this.#registered.clear();
    this.#trusting.dispose();
    this.#changed.dispose();
  }

  async #refresh(id: string, provider: ConnectionProvider): Promise<void> {
    if (!vscode.workspace.isTrusted) return;
    let answer: Pick<Registered, 'source' | 'fault'>;
    try {
      const values: unknown = await provider.connections();
      if (!Array.isArray(values)) throw new Error('"connections" did not return an array.');
      answer = { source: sourceOf(provider, values) };
    } catch (error) {
      const detail = messageOf(error);
      this.#log.warn(`The connection provider "${id}" failed: ${detail}`);
      const params = { provider: labelOf(provider), detail };
      answer = { source: sourceOf(provider, []), fault: { code: 'connections.providerFailed', params } };
    }
    // The provider may have been unregistered meanwhile, and another one registered.
    if (this.#registered.get(id)?.provider !== provider) return;
    this.#registered.set(id, { provider, ...answer });
    this.#changed.fire();
  }
}

/** Limits the time: a provider may let the user sign in, but a session does not wait forever. */
async function withTimeout<T>(pending: Promise<T>, id: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    const message = `The connection provider "${id}" returned no password within ${PASSWORD_MS / 1000} s.`;
    timer = setTimeout(() => reject(new Error(message)), PASSWORD_MS);
  });
  try {
    return await Promise.race([pending, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

const providerSchema = v.looseObject(
  {
    id: v.pipe(
      v.string('"id" must be a string.'),
      v.check((id) => id.trim() !== '', '"id" must not be empty.'),
    ),
    label: v.optional(v.string('"label" must be a string.')),
    connections: v.function('"connections" must be a function.'),
    password: v.optional(v.function('"password" must be a function.')),
    onDidChange: v.optional(v.function('"onDidChange" must be a function.')),
  },
  'the provider must be an object with an "id" and "connections".',
);

function checkedProvider(value: unknown): ConnectionProvider {
  const result = v.safeParse(providerSchema, value);
  if (!result.success) throw new Error(`registerConnectionProvider: ${result.issues[0].message}`);
  // The provider itself, not a copy: its methods may use `this`.
  return value as ConnectionProvider;
}

function sourceOf(provider: ConnectionProvider, values: readonly unknown[]): Source {
  return { origin: { kind: 'provider', id: provider.id, name: labelOf(provider) }, values };
}

function labelOf({ id, label }: ConnectionProvider): string {
  return label === undefined || label.trim() === '' ? id : label;
}

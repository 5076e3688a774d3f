import * as vscode from 'vscode';
import type { ConnectionProvider } from '../../api';
import type { Logger } from '../../core/base/logger';
import type { Source } from './connectionEntries';

/** So long a provider may take to give a password. Milliseconds. */
const PASSWORD_MS = 120_000;

interface Registered {
  readonly provider: ConnectionProvider;
  readonly source: Source;
  /** Why it could not say which connections it has. */
  readonly problem?: string;
}

/** Connections that other extensions provide: see docs/API.md. */
export class ConnectionProviders implements vscode.Disposable {
  readonly #registered = new Map<string, Registered>();
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  readonly #trusting: vscode.Disposable;

  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;

    this.#trusting = vscode.workspace.onDidGrantWorkspaceTrust(() => {
      for (const [id, { provider }] of this.#registered) void this.#ask(id, provider);
    });
  }

  get all(): Iterable<Pick<Registered, 'source' | 'problem'>> {
    return this.#registered.values();
  }

  /** @throws where it is not what the API asks for, or its id is taken */
  register(given: unknown): vscode.Disposable {
    const provider = checked(given);
    const { id } = provider;
    if (this.#registered.has(id)) throw new Error(`There is a connection provider with the id "${id}" already.`);
    const listener = provider.onDidChange?.(() => void this.#ask(id, provider));
    this.#registered.set(id, { provider, source: sourceOf(provider, []) });
    void this.#ask(id, provider);
    return new vscode.Disposable(() => {
      if (this.#registered.get(id)?.provider !== provider) return;
      listener?.dispose();
      this.#registered.delete(id);
      this.#changed.fire();
    });
  }

  /** The password as the provider knows it now; it is kept nowhere. @throws what the provider throws */
  async password(id: string, name: string): Promise<string | undefined> {
    const asked = this.#registered.get(id)?.provider.password?.(name);
    const password: unknown = await inTime(Promise.resolve(asked), id);
    if (password === undefined || typeof password === 'string') return password;
    throw new Error(`The connection provider "${id}" gave a password that is no text.`);
  }

  dispose(): void {
    this.#registered.clear();
    this.#trusting.dispose();
    this.#changed.dispose();
  }

  async #ask(id: string, provider: ConnectionProvider): Promise<void> {
    if (!vscode.workspace.isTrusted) return;
    let answer: Pick<Registered, 'source' | 'problem'>;
    try {
      const values: unknown = await provider.connections();
      if (!Array.isArray(values)) throw new Error(`"connections" gave no array.`);
      answer = { source: sourceOf(provider, values) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#log.warn(`The connection provider "${id}" failed: ${message}`);
      const problem = vscode.l10n.t('“{0}” could not say which connections it has: {1}', labelOf(provider), message);
      answer = { source: sourceOf(provider, []), problem };
    }
    // It may have gone meanwhile, and another one may have come.
    if (this.#registered.get(id)?.provider !== provider) return;
    this.#registered.set(id, { provider, ...answer });
    this.#changed.fire();
  }
}

/** A provider may let the user sign in, but a session does not wait for ever. */
async function inTime<T>(asked: Promise<T>, id: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const message = `The connection provider "${id}" gave no password within ${PASSWORD_MS / 1000} s.`;
    timer = setTimeout(() => reject(new Error(message)), PASSWORD_MS);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

function checked(given: unknown): ConnectionProvider {
  const fault = (text: string): Error => new Error(`registerConnectionProvider: ${text}`);
  if (typeof given !== 'object' || given === null) throw fault('the provider must be an object.');
  const { id, label, connections, password, onDidChange } = given as Record<string, unknown>;
  if (typeof id !== 'string' || id.trim() === '') throw fault('"id" must be a text that is not empty.');
  if (label !== undefined && typeof label !== 'string') throw fault('"label" must be a text.');
  if (typeof connections !== 'function') throw fault('"connections" must be a function that returns the connections.');
  for (const [name, value] of Object.entries({ password, onDidChange })) {
    if (value !== undefined && typeof value !== 'function') throw fault(`"${name}" must be a function.`);
  }
  return given as ConnectionProvider;
}

function sourceOf(provider: ConnectionProvider, values: readonly unknown[]): Source {
  return { origin: { kind: 'provider', id: provider.id, name: labelOf(provider) }, values };
}

function labelOf({ id, label }: ConnectionProvider): string {
  return label === undefined || label.trim() === '' ? id : label;
}

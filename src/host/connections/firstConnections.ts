import type * as vscode from 'vscode';

const KEY = 'connectionsByAge';
/** Names of connections that are gone are kept up to here: one may only be missing while its settings are edited. */
const MAX_NAMES = 200;

/**
 * The order in which connections appeared in this workspace. Without a default in the settings, the one that has been there for longest
 * is the default, so that adding another one, in whatever settings, changes nothing.
 */
export class FirstConnections {
  #names: readonly string[];

  readonly #memory: Pick<vscode.Memento, 'get' | 'update'>;

  constructor(memory: Pick<vscode.Memento, 'get' | 'update'>) {
    this.#memory = memory;

    this.#names = memory.get<readonly string[]>(KEY, []);
  }

  /** @param present the names of all connections, in the order of the list */
  note(present: readonly string[]): void {
    const fresh = present.filter((name) => !this.#names.includes(name));
    if (fresh.length > 0) this.#keep([...this.#names, ...fresh]);
  }

  rename(from: string, to: string): void {
    if (this.#names.includes(from))
      this.#keep(this.#names.filter((name) => name !== to).map((name) => (name === from ? to : name)));
  }

  forget(gone: string): void {
    this.#keep(this.#names.filter((name) => name !== gone));
  }

  /** The one of these that appeared first. */
  first(present: readonly string[]): string | undefined {
    return this.#names.find((name) => present.includes(name)) ?? present[0];
  }

  #keep(names: readonly string[]): void {
    this.#names = names.slice(-MAX_NAMES);
    void this.#memory.update(KEY, this.#names);
  }
}

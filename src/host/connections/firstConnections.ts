import type * as vscode from 'vscode';

const KEY = 'connectionsByAge';
/** Names of removed connections are kept up to this number: a connection may be missing only while its settings are edited. */
const MAX_NAMES = 200;

/**
 * The order in which connections appeared in this workspace. Without a default in the settings, the oldest connection is the default, so
 * that adding another one, in any settings, does not change it.
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

  /** The name that appeared first. */
  first(present: readonly string[]): string | undefined {
    return this.#names.find((name) => present.includes(name)) ?? present[0];
  }

  #keep(names: readonly string[]): void {
    this.#names = names.slice(-MAX_NAMES);
    void this.#memory.update(KEY, this.#names);
  }
}

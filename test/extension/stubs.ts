import * as vscode from 'vscode';

/** Replaces members of objects such as `vscode.window`, until they are restored. */
export class Stubs {
  readonly #restores: (() => void)[] = [];

  stub<T extends object>(owner: T, name: keyof T, value: unknown): void {
    const original = Object.getOwnPropertyDescriptor(owner, name) ?? {};
    Object.defineProperty(owner, name, { value, configurable: true, writable: true });
    this.#restores.push(() => Object.defineProperty(owner, name, original));
  }

  /** Registers a command, until the stubs are restored. */
  register(command: string, handler: () => unknown): void {
    const registration = vscode.commands.registerCommand(command, handler);
    this.#restores.push(() => void registration.dispose());
  }

  /** In reverse, because a member may have been replaced twice. */
  restore(): void {
    for (const restore of this.#restores.splice(0).reverse()) restore();
  }
}

/**
 * Replaces the module `vscode` for unit and server tests of code that uses nothing of it but `l10n.t` and
 * `env.language`, as src/host/messages does, the plain values of rows in a tree, and events.
 * Import it before the code under test.
 */
import Module from 'node:module';

type Value = string | number | boolean;
type Values = Readonly<Record<string | number, Value | undefined>>;

/** As VS Code does without a bundle: positional or named arguments. */
function t(message: string, ...args: readonly (Value | Values)[]): string {
  const values = (typeof args[0] === 'object' ? args[0] : args) as Values;
  return message.replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** VS Code's language; a test may change it. */
export const env = { language: 'en' };

/** Empty; a test adds what its code uses. */
export const window: Record<string, unknown> = {};
export const workspace: Record<string, unknown> = {};
export const commands: Record<string, unknown> = {};

export class EventEmitter {
  readonly #listeners = new Set<(value: unknown) => void>();
  readonly event = (listener: (value: unknown) => void): { dispose: () => void } => {
    this.#listeners.add(listener);
    return { dispose: () => void this.#listeners.delete(listener) };
  };
  fire(value?: unknown): void {
    for (const listener of this.#listeners) listener(value);
  }
  dispose(): void {
    this.#listeners.clear();
  }
}

class ThemeColor {
  constructor(readonly id: string) {}
}

class ThemeIcon {
  constructor(
    readonly id: string,
    readonly color?: ThemeColor,
  ) {}
}

class TreeItem {
  constructor(
    readonly label: string,
    readonly collapsibleState: number,
  ) {}
}

class MarkdownString {
  value = '';
  appendText(text: string): this {
    this.value += text;
    return this;
  }
  appendMarkdown(text: string): this {
    return this.appendText(text);
  }
}

class LanguageModelTextPart {
  constructor(readonly value: string) {}
}

class LanguageModelToolResult {
  constructor(readonly content: readonly LanguageModelTextPart[]) {}
}

class CancellationError extends Error {}

const TreeItemCollapsibleState = { None: 0, Collapsed: 1, Expanded: 2 };
const tree = { ThemeColor, ThemeIcon, TreeItem, TreeItemCollapsibleState };
const tools = { LanguageModelTextPart, LanguageModelToolResult, CancellationError };
const values = { ...tree, ...tools, MarkdownString, EventEmitter };

const vscode = { l10n: { t }, env, window, workspace, commands, ...values };
const loader = Module as unknown as { _load: (request: string, ...rest: readonly unknown[]) => unknown };
const load = loader._load;
loader._load = (request, ...rest) => (request === 'vscode' ? vscode : load(request, ...rest));

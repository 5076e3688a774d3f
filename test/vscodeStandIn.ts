/**
 * Replaces the module `vscode` for unit and server tests of code that uses nothing of it but `l10n.t`, as src/host/messages does.
 * Import it before the code under test.
 */
import Module from 'node:module';

type Value = string | number | boolean;

/** As VS Code does without a bundle: positional or named arguments. */
function t(message: string, ...args: readonly (Value | Readonly<Record<string, Value>>)[]): string {
  const [first] = args;
  const values = (typeof first === 'object' ? first : { ...args }) as Readonly<Record<string, Value>>;
  return message.replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

const vscode = { l10n: { t } };
const loader = Module as unknown as { _load: (request: string, ...rest: readonly unknown[]) => unknown };
const load = loader._load;
loader._load = (request, ...rest) => (request === 'vscode' ? vscode : load(request, ...rest));

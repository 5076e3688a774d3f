import * as vscode from 'vscode';
import { setContext } from '../base/contextKeys';
import type { Disposables } from '../base/disposables';
import { once } from '../base/once';
import { readSetting } from '../base/settings';
import type { ToolParts } from './languageModelTools';

/** The tools in package.json. */
const NAMES = ['run', 'status', 'rows', 'cancel', 'list'] as const;

/** Registers the tools for language models. Their code is loaded when one is first used. */
export function registerTools(disposables: Disposables, parts: ToolParts): void {
  // Editors that are built from VS Code may lack it.
  const { lm } = vscode as { readonly lm?: Partial<typeof vscode.lm> };
  if (!lm?.registerTool) return;
  const offer = (): void =>
    setContext('hasTools', vscode.workspace.isTrusted && readSetting('languageModelTools.enabled'));
  disposables.add(vscode.workspace.onDidChangeConfiguration(offer));
  disposables.add(vscode.workspace.onDidGrantWorkspaceTrust(offer));
  offer();
  const tools = once(async () => {
    const { LanguageModelTools } = await import('./languageModelTools');
    return new LanguageModelTools(parts);
  });
  for (const name of NAMES) {
    disposables.add(
      lm.registerTool<object>(`pgbackground_${name}`, {
        prepareInvocation: async ({ input }) => (await tools()).prepare(name, input),
        invoke: async (options, token) => (await tools()).invoke(name, options, token),
      }),
    );
  }
}

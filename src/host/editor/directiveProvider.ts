import * as vscode from 'vscode';
import type { Connections } from '../connections/connections';
import { directiveAt, isBetweenStatements, completionsAt, VALUES } from './directiveHelp';
import type { StatementCache } from './statementCache';
import { directiveHelp } from '../messages/editorTexts';
import * as ui from '../base/ui';

/** Completion and hover for comments that set a job's options. */
export class DirectiveProvider implements vscode.CompletionItemProvider, vscode.HoverProvider {
  readonly #cache: StatementCache;
  readonly #connections: Connections;

  constructor(cache: StatementCache, connections: Connections) {
    this.#cache = cache;
    this.#connections = connections;
  }

  provideCompletionItems(document: vscode.TextDocument, position: vscode.Position): vscode.CompletionItem[] {
    const line = document.lineAt(position.line).text;
    const completions = completionsAt(line.slice(0, position.character), line.slice(position.character));
    if (!completions || !this.#isDirective(document, position)) return [];
    const range = new vscode.Range(position.line, completions.replace.start, position.line, completions.replace.end);
    if (completions.kind === 'names') {
      return completions.names.map((name, index) => {
        const item = new vscode.CompletionItem(name, vscode.CompletionItemKind.Property);
        item.insertText = `${name}: `;
        item.range = range;
        item.documentation = new ui.Markdown(directiveHelp(name)).value;
        item.sortText = String(index);
        // Suggests the values next.
        item.command = { command: 'editor.action.triggerSuggest', title: '' };
        return item;
      });
    }
    const { name } = completions;
    const values =
      name === 'connection' ? this.#connections.profilesFor(document.uri).map((profile) => profile.name) : VALUES[name];
    // Adds a space if the cursor is directly after the colon.
    const space = line.charAt(completions.replace.start - 1) === ':' ? ' ' : '';
    return values.map((value, index) => {
      const item = new vscode.CompletionItem(value, vscode.CompletionItemKind.Value);
      item.range = range;
      item.insertText = space + value;
      item.filterText = space + value;
      item.sortText = String(index);
      return item;
    });
  }

  provideHover(document: vscode.TextDocument, position: vscode.Position): vscode.Hover | undefined {
    const found = directiveAt(document.lineAt(position.line).text, position.character);
    if (!found || !this.#isDirective(document, position)) return undefined;
    const text = new ui.Markdown(`**pg_background** · \`${found.name}\`\n\n${directiveHelp(found.name)}`).value;
    return new vscode.Hover(text, new vscode.Range(position.line, found.span.start, position.line, found.span.end));
  }

  #isDirective(document: vscode.TextDocument, position: vscode.Position): boolean {
    return isBetweenStatements(this.#cache.get(document).split, document.offsetAt(position));
  }
}

import * as vscode from 'vscode';
import type { Connections } from '../connections/connections';
import { directiveAt, isBetweenStatements, offerAt, VALUES } from './directiveHelp';
import type { StatementCache } from './statementCache';
import { directiveHelp } from './editorMessages';
import * as ui from '../base/ui';

/** Completion and hover of the comments that set a job's options. */
export class DirectiveProvider implements vscode.CompletionItemProvider, vscode.HoverProvider {
  readonly #cache: StatementCache;
  readonly #connections: Connections;

  constructor(cache: StatementCache, connections: Connections) {
    this.#cache = cache;
    this.#connections = connections;
  }

  provideCompletionItems(document: vscode.TextDocument, position: vscode.Position): vscode.CompletionItem[] {
    const line = document.lineAt(position.line).text;
    const offer = offerAt(line.slice(0, position.character), line.slice(position.character));
    if (!offer || !this.#counts(document, position)) return [];
    const range = new vscode.Range(position.line, offer.replace.start, position.line, offer.replace.end);
    if (offer.kind === 'names') {
      return offer.names.map((name, index) => {
        const item = new vscode.CompletionItem(name, vscode.CompletionItemKind.Property);
        item.insertText = `${name}: `;
        item.range = range;
        item.documentation = new ui.Markdown(directiveHelp(name)).value;
        item.sortText = String(index);
        // The values follow at once.
        item.command = { command: 'editor.action.triggerSuggest', title: '' };
        return item;
      });
    }
    const { name } = offer;
    const values =
      name === 'connection' ? this.#connections.profilesFor(document.uri).map((profile) => profile.name) : VALUES[name];
    // Typed right behind the colon, a value is set off by a space.
    const space = line.charAt(offer.replace.start - 1) === ':' ? ' ' : '';
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
    if (!found || !this.#counts(document, position)) return undefined;
    const text = new ui.Markdown(`**pg_background** · \`${found.name}\`\n\n${directiveHelp(found.name)}`).value;
    return new vscode.Hover(text, new vscode.Range(position.line, found.span.start, position.line, found.span.end));
  }

  #counts(document: vscode.TextDocument, position: vscode.Position): boolean {
    return isBetweenStatements(this.#cache.get(document).split, document.offsetAt(position));
  }
}

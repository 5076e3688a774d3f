import * as vscode from 'vscode';
import { commandId } from '../../base/commandIds';

/** Why a connection does not work. The {@link ActionNode}s below it are ways to fix it. */
export class ProblemNode {
  readonly #message: string;

  constructor(
    readonly connection: string,
    message: string,
  ) {
    this.#message = message;
  }

  item(): vscode.TreeItem {
    const item = new vscode.TreeItem(this.#message);
    item.id = `problem:${this.connection}`;
    item.iconPath = new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed'));
    item.tooltip = this.#message;
    item.contextValue = 'problem';
    item.command = { command: commandId('testConnection'), title: vscode.l10n.t('Test Connection'), arguments: [this] };
    return item;
  }
}

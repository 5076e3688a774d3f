import * as vscode from 'vscode';
import type { ConnectReason } from '../../../core/postgres/connect/errors';
import { commandId, type CommandName } from '../../base/commandIds';
import type { ConnectionEntry } from '../../connections/connectionEntries';

/** A way to fix a connection that does not work. */
export class ActionNode {
  readonly #command: CommandName;
  readonly #title: string;
  readonly #icon: string;

  constructor(
    readonly connection: string,
    command: CommandName,
    title: string,
    icon: string,
  ) {
    this.#command = command;
    this.#title = title;
    this.#icon = icon;
  }

  item(): vscode.TreeItem {
    const item = new vscode.TreeItem(this.#title);
    item.id = `action:${this.connection}:${this.#command}`;
    item.iconPath = new vscode.ThemeIcon(this.#icon);
    item.contextValue = 'action';
    item.command = { command: commandId(this.#command), title: this.#title, arguments: [this.connection] };
    return item;
  }
}

/** The ways to fix a connection, the likeliest first. */
export function actionsFor(entry: ConnectionEntry, reason: ConnectReason | undefined): ActionNode[] {
  const { name } = entry.profile;
  const actions: ActionNode[] = [];
  if (reason === 'authentication' || reason === 'noPassword') {
    actions.push(new ActionNode(name, 'enterPassword', vscode.l10n.t('Enter Password…'), 'key'));
  }
  actions.push(new ActionNode(name, 'connectConnection', vscode.l10n.t('Try Again'), 'refresh'));
  if (entry.origin.kind !== 'provider') {
    actions.push(new ActionNode(name, 'editConnection', vscode.l10n.t('Edit Connection…'), 'edit'));
  }
  return actions;
}

import * as vscode from 'vscode';
import { commandId } from '../../base/commandIds';
import type { FaultyEntry } from '../../connections/connectionEntries';
import { join } from '../../jobs/jobText';
import { faultText } from '../../messages/faultText';

/** A connection that cannot be used because its definition is invalid. */
export class FaultNode {
  constructor(readonly fault: FaultyEntry) {}

  get name(): string {
    return this.fault.name;
  }

  item(): vscode.TreeItem {
    const { id, name, origin } = this.fault;
    const problem = faultText(this.fault.fault);
    const item = new vscode.TreeItem(name);
    item.id = `fault:${id}`;
    item.description = problem;
    item.tooltip = problem;
    item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
    item.contextValue = origin.kind === 'provider' ? 'fault' : 'fault editable';
    item.accessibilityInformation = { label: join(name, problem) };
    if (origin.kind !== 'provider') {
      const command = commandId('openFaultyConnection');
      item.command = { command, title: vscode.l10n.t('Open Settings'), arguments: [this] };
    }
    return item;
  }
}

import * as vscode from 'vscode';
import type { ConnectionEntry } from './connectionEntries';
import type { Connections } from './connections';
import { changeDefault, type SettingsOrigin } from './connectionSettings';
import * as ui from '../base/ui';

/** The settings in which a connection can be made the default. If there are several, the user chooses. */
function scopesForDefault({ origin }: ConnectionEntry): readonly SettingsOrigin[] {
  // A connection of a folder or a workspace does not exist in other windows.
  if (origin.kind === 'folder' || origin.kind === 'workspace') return [origin];
  return hasWorkspace() ? [{ kind: 'workspace' }, { kind: 'user' }] : [{ kind: 'user' }];
}

/** The settings in which to make a connection the default; asks if there is a choice. */
export async function chooseScope(entry: ConnectionEntry): Promise<SettingsOrigin | undefined> {
  const scopes = scopesForDefault(entry);
  if (scopes.length === 1) return scopes[0];
  const items = scopes.map((scope) => ({
    label: scope.kind === 'user' ? vscode.l10n.t('User Settings') : vscode.l10n.t('Workspace Settings'),
    description:
      scope.kind === 'user'
        ? vscode.l10n.t('in every window, unless a workspace has its own default')
        : vscode.l10n.t('in this workspace only'),
    scope,
  }));
  const placeHolder = vscode.l10n.t('Settings in which to make “{0}” the default', entry.profile.name);
  return (await ui.showQuickPick(items, { placeHolder }))?.scope;
}

export function hasWorkspace(): boolean {
  return vscode.workspace.workspaceFolders !== undefined || vscode.workspace.workspaceFile !== undefined;
}

/** Writes the default connection, then shows where it was written and whether other settings take precedence here. */
export async function writeDefault(
  connections: Connections,
  entry: ConnectionEntry,
  scope: SettingsOrigin,
): Promise<void> {
  const { name } = entry.profile;
  await changeDefault(scope, scope.kind === 'folder' ? entry.ownName : name);
  const uri = scope.kind === 'folder' ? vscode.Uri.parse(scope.uri) : undefined;
  const effective = connections.defaultFor(uri);
  const overridden = effective !== undefined && effective !== name;
  const here = vscode.l10n.t('Use “{0}” Here Too', name);
  const open = vscode.l10n.t('Open Settings');
  const written = writtenText(name, scope);
  const message = overridden
    ? `${written} ${vscode.l10n.t('In this workspace, its own settings take precedence: “{0}” is the default.', effective)}`
    : written;
  // Not awaited: the setting is written, and the message may stay open for long.
  void ui.showInformationMessage(message, ...(overridden && hasWorkspace() ? [here] : []), open).then((choice) => {
    if (choice === here) return writeDefault(connections, entry, { kind: 'workspace' });
    return choice === open ? openDefault(scope) : undefined;
  });
}

function writtenText(name: string, scope: SettingsOrigin): string {
  switch (scope.kind) {
    case 'user':
      return vscode.l10n.t('“{0}” is now the default in your user settings.', name);
    case 'workspace':
      return vscode.l10n.t('“{0}” is now the default in this workspace’s settings.', name);
    case 'folder':
      return vscode.l10n.t('“{0}” is now the default in the settings of the folder {1}.', name, scope.name);
  }
}

/** Opens the settings editor at the default connection. */
async function openDefault(scope: SettingsOrigin): Promise<void> {
  const command = {
    user: 'workbench.action.openSettings',
    workspace: 'workbench.action.openWorkspaceSettings',
    folder: 'workbench.action.openFolderSettings',
  }[scope.kind];
  await vscode.commands.executeCommand(command, { query: '@id:pgBackground.defaultConnection' });
}

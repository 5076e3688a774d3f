import * as vscode from 'vscode';
import type { ConnectionEntry } from './connectionEntries';
import type { Connections } from './connections';
import { changeDefault, type SettingsOrigin } from './connectionSettings';
import * as ui from '../base/ui';

/** The settings in which a connection can be made the default. More than one: the user has to say which. */
function placesForDefault({ origin }: ConnectionEntry): readonly SettingsOrigin[] {
  // A folder's or a workspace's connection is not there in other windows.
  if (origin.kind === 'folder' || origin.kind === 'workspace') return [origin];
  return hasWorkspace() ? [{ kind: 'workspace' }, { kind: 'user' }] : [{ kind: 'user' }];
}

/** The settings in which to make a connection the default; asks if there is a choice. */
export async function choosePlace(entry: ConnectionEntry): Promise<SettingsOrigin | undefined> {
  const places = placesForDefault(entry);
  if (places.length === 1) return places[0];
  const items = places.map((place) => ({
    label: place.kind === 'user' ? vscode.l10n.t('User Settings') : vscode.l10n.t('Workspace Settings'),
    description:
      place.kind === 'user'
        ? vscode.l10n.t('in every window, unless a workspace has its own default')
        : vscode.l10n.t('in this workspace only'),
    place,
  }));
  const placeHolder = vscode.l10n.t('Settings in which to make “{0}” the default', entry.profile.name);
  return (await ui.showQuickPick(items, { placeHolder }))?.place;
}

export function hasWorkspace(): boolean {
  return vscode.workspace.workspaceFolders !== undefined || vscode.workspace.workspaceFile !== undefined;
}

/** Writes the default connection, then says what was written where, and whether other settings take precedence here. */
export async function writeDefault(
  connections: Connections,
  entry: ConnectionEntry,
  where: SettingsOrigin,
): Promise<void> {
  const { name } = entry.profile;
  await changeDefault(where, where.kind === 'folder' ? entry.ownName : name);
  const uri = where.kind === 'folder' ? vscode.Uri.parse(where.uri) : undefined;
  const counts = connections.defaultFor(uri);
  const overridden = counts !== undefined && counts !== name;
  const here = vscode.l10n.t('Use “{0}” Here Too', name);
  const open = vscode.l10n.t('Open Settings');
  const written = writtenText(name, where);
  const message = overridden
    ? `${written} ${vscode.l10n.t('In this workspace, its own settings take precedence: “{0}” is the default.', counts)}`
    : written;
  // Not awaited: the setting is written, whenever the message is read.
  void ui.showInformationMessage(message, ...(overridden && hasWorkspace() ? [here] : []), open).then((choice) => {
    if (choice === here) return writeDefault(connections, entry, { kind: 'workspace' });
    return choice === open ? openDefault(where) : undefined;
  });
}

function writtenText(name: string, where: SettingsOrigin): string {
  switch (where.kind) {
    case 'user':
      return vscode.l10n.t('“{0}” is now the default in your user settings.', name);
    case 'workspace':
      return vscode.l10n.t('“{0}” is now the default in this workspace’s settings.', name);
    case 'folder':
      return vscode.l10n.t('“{0}” is now the default in the settings of the folder {1}.', name, where.name);
  }
}

/** Opens the settings editor at the default connection. */
async function openDefault(where: SettingsOrigin): Promise<void> {
  const command = {
    user: 'workbench.action.openSettings',
    workspace: 'workbench.action.openWorkspaceSettings',
    folder: 'workbench.action.openFolderSettings',
  }[where.kind];
  await vscode.commands.executeCommand(command, { query: '@id:pgBackground.defaultConnection' });
}

import * as vscode from 'vscode';
import type { Origin, Source } from './connectionEntries';

const SECTION = 'pgBackground';
const KEY = 'connections';
const DEFAULT_KEY = 'defaultConnection';

/** Origins that can be written: providers store their connections themselves. */
export type SettingsOrigin = Exclude<Origin, { readonly kind: 'provider' }>;

/** The connections of each scope of the settings. Do not call it in an untrusted workspace. */
export function settingsSources(): readonly Source[] {
  const inspected = vscode.workspace.getConfiguration(SECTION, null).inspect(KEY);
  const scopes: (readonly [Origin, unknown])[] = [
    [{ kind: 'workspace' }, inspected?.workspaceValue],
    [{ kind: 'user' }, inspected?.globalValue],
    ...folders().map((folder): readonly [Origin, unknown] => [
      { kind: 'folder', uri: folder.uri.toString(), name: folder.name },
      vscode.workspace.getConfiguration(SECTION, folder.uri).inspect(KEY)?.workspaceFolderValue,
    ]),
  ];
  return scopes.flatMap(([origin, values]) => (Array.isArray(values) ? [{ origin, values }] : []));
}

/** The folders with settings of their own. If only one folder is open, its settings are the workspace's. */
function folders(): readonly vscode.WorkspaceFolder[] {
  return vscode.workspace.workspaceFile ? (vscode.workspace.workspaceFolders ?? []) : [];
}

/** The folder whose settings apply to a file, in addition to the workspace's and the user's. */
export function folderOf(uri: vscode.Uri | undefined): string | undefined {
  if (!uri || !vscode.workspace.workspaceFile) return undefined;
  const file = uri.scheme === 'vscode-notebook-cell' ? uri.with({ scheme: 'file', fragment: '' }) : uri;
  return vscode.workspace.getWorkspaceFolder(file)?.uri.toString();
}

/** Changes the connections of one scope. */
export async function changeSettings(
  origin: SettingsOrigin,
  change: (values: readonly unknown[]) => readonly unknown[],
): Promise<void> {
  const [configuration, target] = configurationOf(origin);
  const inspected = configuration.inspect(KEY);
  const value = {
    user: inspected?.globalValue,
    workspace: inspected?.workspaceValue,
    folder: inspected?.workspaceFolderValue,
  }[origin.kind];
  await configuration.update(KEY, change(Array.isArray(value) ? value : []), target);
}

/** Sets the default connection of one scope. The nearest scope that has a default applies. */
export async function changeDefault(origin: SettingsOrigin, name: string | undefined): Promise<void> {
  const [configuration, target] = configurationOf(origin);
  await configuration.update(DEFAULT_KEY, name, target);
}

/**
 * Replaces a default connection in the settings of every scope that has it.
 * @param folder a folder whose settings use `ownName` for the connection
 */
export async function replaceDefault(
  { name, ownName, folder }: { readonly name: string; readonly ownName: string; readonly folder: string | undefined },
  to: string | undefined,
): Promise<void> {
  const inspected = vscode.workspace.getConfiguration(SECTION, null).inspect<string>(DEFAULT_KEY);
  if (inspected?.workspaceValue === name) await changeDefault({ kind: 'workspace' }, to);
  if (inspected?.globalValue === name) await changeDefault({ kind: 'user' }, to);
  for (const { uri, name: folderName } of folders()) {
    const own = vscode.workspace.getConfiguration(SECTION, uri).inspect<string>(DEFAULT_KEY)?.workspaceFolderValue;
    const matches = own === name || (uri.toString() === folder && own === ownName);
    if (matches) await changeDefault({ kind: 'folder', uri: uri.toString(), name: folderName }, to);
  }
}

/** The default connection in the settings for a file, or without a file; '' if there is none. */
export function defaultInSettings(uri: vscode.Uri | undefined): string {
  return vscode.workspace.getConfiguration(SECTION, uri ?? null).get<string>(DEFAULT_KEY, '');
}

function configurationOf(
  origin: SettingsOrigin,
): readonly [configuration: vscode.WorkspaceConfiguration, target: vscode.ConfigurationTarget] {
  if (origin.kind === 'folder') {
    const configuration = vscode.workspace.getConfiguration(SECTION, vscode.Uri.parse(origin.uri));
    return [configuration, vscode.ConfigurationTarget.WorkspaceFolder];
  }
  const target = origin.kind === 'user' ? vscode.ConfigurationTarget.Global : vscode.ConfigurationTarget.Workspace;
  return [vscode.workspace.getConfiguration(SECTION, null), target];
}

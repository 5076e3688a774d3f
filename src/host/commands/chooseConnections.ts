import * as vscode from 'vscode';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import * as ui from '../base/ui';
import { addressText } from '../connections/connectionAddress';
import type { Connections } from '../connections/connections';
import { ActionNode } from '../tree/nodes/actionNode';
import { ConnectionNode } from '../tree/nodes/connectionNode';
import { ProblemNode } from '../tree/nodes/problemNode';

/** The connections on which a command was called, or one that the user chooses. @param fits filters the choices */
export async function chooseConnections(
  connections: Connections,
  first: unknown,
  selected: unknown,
  placeHolder: string,
  fits: (name: string) => boolean = () => true,
): Promise<string[]> {
  const nodes: readonly unknown[] = Array.isArray(selected) && selected.includes(first) ? selected : [first];
  const named = nodes.map(connectionOf).filter((name) => name !== undefined);
  if (named.length > 0) return named;
  if (first !== undefined) return [];
  const items = connections.profiles.filter(({ name }) => fits(name)).map(itemOf);
  if (items.length === 0) {
    void ui.showInformationMessage(vscode.l10n.t('No matching connection.'));
    return [];
  }
  const picked = await ui.showQuickPick(items, { placeHolder });
  return picked ? [picked.label] : [];
}

/** The connection that a tree row or code refers to. */
function connectionOf(argument: unknown): string | undefined {
  if (typeof argument === 'string') return argument;
  if (argument instanceof ConnectionNode) return argument.name;
  return argument instanceof ProblemNode || argument instanceof ActionNode ? argument.connection : undefined;
}

function itemOf(profile: ConnectionProfile): vscode.QuickPickItem {
  return { label: profile.name, description: addressText(profile) };
}

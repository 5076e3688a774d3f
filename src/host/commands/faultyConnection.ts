import * as vscode from 'vscode';
import type { FaultyEntry, Origin } from '../connections/connectionEntries';
import { FaultNode } from '../tree/nodes/faultNode';
import type { SettingsRange } from '../connections/settingsPosition';

/** Opens the settings that define an invalid connection, with the invalid value selected. */
export async function openFaultyConnection(argument: unknown): Promise<void> {
  if (!(argument instanceof FaultNode)) return;
  const { fault } = argument;
  const editor = await openSettings(fault.origin);
  const position = editor && (await positionOf(editor.document.getText(), fault));
  if (!editor || !position) return;
  const range = new vscode.Range(editor.document.positionAt(position.start), editor.document.positionAt(position.end));
  editor.selection = new vscode.Selection(range.start, range.end);
  editor.revealRange(range, vscode.TextEditorRevealType.InCenter);
  // The row that was clicked may still have the focus.
  await vscode.commands.executeCommand('workbench.action.focusActiveEditorGroup');
}

async function positionOf(text: string, { index, field }: FaultyEntry): Promise<SettingsRange | undefined> {
  if (index === undefined) return undefined;
  // Loads the parser only when it is needed.
  const { findInSettings } = await import('../connections/settingsPosition');
  return findInSettings(text, 'pgBackground.connections', index, field);
}

async function openSettings(origin: Origin): Promise<vscode.TextEditor | undefined> {
  switch (origin.kind) {
    case 'provider':
      return undefined;
    case 'user':
      // Only VS Code knows the file: it depends on the profile and on where the window runs.
      await vscode.commands.executeCommand('workbench.action.openSettingsJson');
      return settingsEditor();
    case 'workspace': {
      const { workspaceFile, workspaceFolders } = vscode.workspace;
      const folder = workspaceFolders?.[0];
      const uri = workspaceFile ?? (folder && settingsOf(folder.uri));
      return uri && vscode.window.showTextDocument(uri);
    }
    case 'folder':
      return vscode.window.showTextDocument(settingsOf(vscode.Uri.parse(origin.uri)));
  }
}

function settingsOf(folder: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(folder, '.vscode', 'settings.json');
}

/** The editor that the command opened. It may become active a moment later. */
function settingsEditor(): Promise<vscode.TextEditor | undefined> {
  const find = (editor: vscode.TextEditor | undefined): vscode.TextEditor | undefined =>
    editor?.document.uri.path.endsWith('/settings.json') === true ? editor : undefined;
  const open = find(vscode.window.activeTextEditor);
  if (open) return Promise.resolve(open);
  return new Promise((resolve) => {
    const done = (editor: vscode.TextEditor | undefined): void => {
      clearTimeout(timer);
      listener.dispose();
      resolve(editor);
    };
    const timer = setTimeout(() => done(undefined), 5000);
    const listener = vscode.window.onDidChangeActiveTextEditor((editor) => find(editor) && done(editor));
  });
}

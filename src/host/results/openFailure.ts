import * as vscode from 'vscode';
import type { FailureLocation } from '../editor/failures';

/**
 * Shows the location of an error in its file, in the editor group in which the file is open.
 * @throws if the text has changed
 */
export async function openFailure(place: FailureLocation | undefined): Promise<void> {
  if (!place) {
    throw new Error(
      vscode.l10n.t('The text of this job has changed since the launch. The Query tab shows it as launched.'),
    );
  }
  const { uri, start } = place;
  // Not on top of the results panel, which is the active editor.
  const viewColumn = columnOf(uri) ?? vscode.ViewColumn.One;
  await vscode.window.showTextDocument(uri, { selection: new vscode.Range(start, start), viewColumn });
}

function columnOf(uri: vscode.Uri): vscode.ViewColumn | undefined {
  const file = uri.toString();
  const shown = vscode.window.visibleTextEditors.find(({ document }) => document.uri.toString() === file);
  if (shown?.viewColumn !== undefined) return shown.viewColumn;
  const groups = vscode.window.tabGroups.all;
  return groups.find(({ tabs }) =>
    tabs.some(({ input }) => input instanceof vscode.TabInputText && input.uri.toString() === file),
  )?.viewColumn;
}

import * as vscode from 'vscode';
import type { FailurePlace } from '../editor/failures';

/**
 * Shows the place of an error in its file, in the editor group where that file is open.
 * @throws if the text is another one by now
 */
export async function openFailure(place: FailurePlace | undefined): Promise<void> {
  if (!place) {
    throw new Error(
      vscode.l10n.t('The text of this job is no longer there as it was launched. The Query tab shows it.'),
    );
  }
  const { uri, start } = place;
  // Not over the results panel, which is the active editor now.
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

import * as vscode from 'vscode';

/**
 * The active editor when a command was called. Commands take it before they await anything: while their code is loaded, the user may
 * select something else.
 */
export interface EditorSnapshot {
  readonly editor: vscode.TextEditor;
  readonly document: vscode.TextDocument;
  readonly selections: readonly vscode.Selection[];
  /** The version of the document. */
  readonly version: number;
}

/** @returns undefined if no editor is active */
export function takeSnapshot(): EditorSnapshot | undefined {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return undefined;
  const { document, selections } = editor;
  return { editor, document, selections, version: document.version };
}

/** @throws if the document was edited since, so that the selections may be other text now */
export function assertUnchanged({ document, version }: EditorSnapshot): void {
  if (document.version !== version) throw textChanged();
}

/** The error if the text that a command was called on cannot be identified any more. */
export function textChanged(): Error {
  return new Error(vscode.l10n.t('The text has changed in the meantime. Try again.'));
}

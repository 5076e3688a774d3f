import * as vscode from 'vscode';

/** SQL in an untitled document, shown before it runs. */
export class SqlDocument {
  readonly #document: vscode.TextDocument;

  private constructor(document: vscode.TextDocument) {
    this.#document = document;
  }

  static async show(content: string): Promise<SqlDocument> {
    const document = await vscode.workspace.openTextDocument({ content, language: 'sql' });
    await vscode.window.showTextDocument(document, { preview: false });
    return new SqlDocument(document);
  }

  /** Closes the document without a question, unless the user has gone on to another one. */
  async close(): Promise<void> {
    if (vscode.window.activeTextEditor?.document !== this.#document) return;
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  }
}

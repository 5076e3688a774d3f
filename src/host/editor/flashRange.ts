import * as vscode from 'vscode';

/** The duration of the highlight. Milliseconds. */
const FLASH_MS = 600;

/** Briefly highlights the SQL that was sent, unless the user prefers reduced motion or uses a screen reader. */
export class RangeFlash implements vscode.Disposable {
  readonly #decoration = vscode.window.createTextEditorDecorationType({
    // High-contrast themes define only the border, others only the background.
    backgroundColor: new vscode.ThemeColor('editor.wordHighlightStrongBackground'),
    border: '1px solid',
    borderColor: new vscode.ThemeColor('editor.wordHighlightStrongBorder'),
    borderRadius: '2px',
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  #timer: NodeJS.Timeout | undefined;
  #shown: vscode.TextEditor | undefined;

  show(editor: vscode.TextEditor, ranges: readonly vscode.Range[]): void {
    const configuration = vscode.workspace.getConfiguration();
    if (configuration.get('workbench.reduceMotion') === 'on') return;
    if (configuration.get('editor.accessibilitySupport') === 'on') return;
    this.#hide();
    this.#shown = editor;
    editor.setDecorations(this.#decoration, ranges);
    this.#timer = setTimeout(() => this.#hide(), FLASH_MS);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#decoration.dispose();
  }

  #hide(): void {
    clearTimeout(this.#timer);
    this.#shown?.setDecorations(this.#decoration, []);
    this.#shown = undefined;
  }
}

import * as vscode from 'vscode';
import { pageRoot } from './pageHtml';
import * as ui from './ui';

/** What is kept of a panel: it, and what fills it. */
export interface FilledPanel {
  readonly panel: vscode.WebviewPanel;
  dispose(): void;
}

/** At most one panel a key, each kept until it is closed. */
export class PanelsByKey<K, P extends FilledPanel> implements vscode.Disposable {
  readonly #open = new Map<K, P>();

  get(key: K): P | undefined {
    return this.#open.get(key);
  }

  values(): Iterable<P> {
    return this.#open.values();
  }

  has(key: K): boolean {
    return this.#open.has(key);
  }

  /** Keeps one, and disposes of what fills it once the panel is closed. */
  add(key: K, filled: P): P {
    this.#open.set(key, filled);
    filled.panel.onDidDispose(() => {
      filled.dispose();
      if (this.#open.get(key) === filled) this.#open.delete(key);
    });
    return filled;
  }

  /** Disposes of what fills the panels. They stay open: VS Code brings them back after a reload. */
  dispose(): void {
    for (const filled of this.#open.values()) filled.dispose();
    this.#open.clear();
  }
}

/** An empty panel for one of the extension’s own pages; in the active column by default. */
export function newPagePanel(
  extensionUri: vscode.Uri,
  type: string,
  title: string,
  {
    preserveFocus = false,
    viewColumn = vscode.ViewColumn.Active,
  }: { readonly preserveFocus?: boolean; readonly viewColumn?: vscode.ViewColumn } = {},
): vscode.WebviewPanel {
  return ui.createWebviewPanel(
    type,
    title,
    { viewColumn, preserveFocus },
    { enableScripts: true, localResourceRoots: [pageRoot(extensionUri)] },
  );
}

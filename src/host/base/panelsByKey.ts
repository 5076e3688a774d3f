import * as vscode from 'vscode';
import { pageRoot } from './pageHtml';
import * as ui from './ui';

/** A panel and its content. */
export interface FilledPanel {
  readonly panel: vscode.WebviewPanel;
  dispose(): void;
}

/** Open panels, at most one per key. */
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

  /** Adds a panel, and disposes its content when the panel is closed. */
  add(key: K, filled: P): P {
    this.#open.set(key, filled);
    filled.panel.onDidDispose(() => {
      filled.dispose();
      if (this.#open.get(key) === filled) this.#open.delete(key);
    });
    return filled;
  }

  /** Disposes the content of all panels. The panels stay open: VS Code restores them after a reload. */
  dispose(): void {
    for (const filled of this.#open.values()) filled.dispose();
    this.#open.clear();
  }
}

/** Creates an empty panel for one of the extension's pages, in the active column by default. */
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

import * as vscode from 'vscode';
import type { Disposable } from '../../core/jobs/ports';
import type { PageCommand, TabName } from '../../shared/resultsProtocol';
import { Disposables } from '../disposables';
import { pageRoot } from '../pageHtml';
import { ResultsPanel } from './resultsPanel';
import type { ResultsSource } from './source';

export const RESULTS_VIEW_TYPE = 'pgBackground.results';

/** The results panels: one a job. Restores them after a reload of the window. */
export class ResultsPanels implements Disposable {
  readonly #disposables = new Disposables();
  readonly #panels = new Map<string, ResultsPanel>();

  constructor(
    private readonly source: ResultsSource,
    private readonly extensionUri: vscode.Uri,
  ) {
    this.#disposables.add(source.onDidChange((id) => this.#panels.get(id)?.changed()));
    this.#disposables.add(
      source.onDidRemove((ids) => {
        for (const id of ids) this.#panels.get(id)?.panel.dispose();
      }),
    );
    this.#disposables.add(
      vscode.window.registerWebviewPanelSerializer(RESULTS_VIEW_TYPE, {
        deserializeWebviewPanel: (panel, state) => this.#restore(panel, state),
      }),
    );
  }

  /** Shows the panel of a job, making it where there is none. False where the job is not known. */
  show(id: string, options: { readonly preserveFocus?: boolean; readonly tab?: TabName } = {}): boolean {
    const job = this.source.job(id);
    if (job === undefined) return false;
    const { preserveFocus = false, tab } = options;
    let shown = this.#panels.get(id);
    if (shown !== undefined) {
      shown.panel.reveal(undefined, preserveFocus);
    } else {
      const panel = vscode.window.createWebviewPanel(
        RESULTS_VIEW_TYPE,
        job.info.label,
        { viewColumn: vscode.ViewColumn.Active, preserveFocus },
        { enableScripts: true, localResourceRoots: [pageRoot(this.extensionUri)] },
      );
      shown = this.#adopt(id, panel);
    }
    if (tab !== undefined) shown.showTab(tab);
    return true;
  }

  /** True where the user can see the panel of the job. */
  isVisible(id: string): boolean {
    return this.#panels.get(id)?.panel.visible ?? false;
  }

  /** Gives a command to the panel that has the focus; false where none has. */
  command(command: PageCommand): boolean {
    const active = [...this.#panels.values()].find((one) => one.panel.active);
    active?.command(command);
    return active !== undefined;
  }

  /** The jobs whose panels are open. */
  get open(): readonly string[] {
    return [...this.#panels.keys()];
  }

  dispose(): void {
    for (const one of [...this.#panels.values()]) one.dispose();
    this.#panels.clear();
    this.#disposables.dispose();
  }

  #adopt(id: string, panel: vscode.WebviewPanel): ResultsPanel {
    const made = new ResultsPanel(id, panel, this.source, this.extensionUri);
    this.#panels.set(id, made);
    panel.onDidDispose(() => {
      made.dispose();
      if (this.#panels.get(id) === made) this.#panels.delete(id);
    });
    return made;
  }

  /** The page's own saved state comes back; it names the job. */
  #restore(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const id = typeof state === 'object' && state !== null && 'id' in state ? state.id : undefined;
    if (typeof id !== 'string' || this.source.job(id) === undefined || this.#panels.has(id)) {
      panel.dispose();
    } else {
      this.#adopt(id, panel);
    }
    return Promise.resolve();
  }
}

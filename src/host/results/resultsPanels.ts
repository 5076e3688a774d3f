import * as vscode from 'vscode';
import type { Disposable } from '../../core/jobs/ports';
import type { TabName } from '../../shared/resultsProtocol';
import { Disposables } from '../disposables';
import { newPagePanel, PanelsByKey } from '../panelsByKey';
import type * as PanelCode from './resultsPanel';
import type { ResultsSource } from './source';

export const RESULTS_VIEW_TYPE = 'pgBackground.results';

/** A panel of before a reload waits this long for its job (ms); more than it takes to see that another window is gone. */
const JOB_MS = 90_000;

/** All that a panel needs is loaded with the first one. */
const panelCode = (): Promise<typeof PanelCode> => import('./resultsPanel');

/** The results panels: one a job. */
export class ResultsPanels implements Disposable {
  readonly #disposables = new Disposables();
  readonly #panels = new PanelsByKey<string, PanelCode.ResultsPanel>();
  /** Panels of before a reload whose jobs are not known yet. */
  readonly #waiting = new Map<string, { come(): void; stop(): void }>();

  constructor(
    private readonly source: ResultsSource,
    private readonly extensionUri: vscode.Uri,
  ) {
    this.#disposables.add(
      source.onDidChange((id) => {
        this.#waiting.get(id)?.come();
        this.#panels.get(id)?.changed();
      }),
    );
    this.#disposables.add(
      source.onDidRemove((ids) => {
        for (const id of ids) this.#panels.get(id)?.panel.dispose();
      }),
    );
  }

  /** Takes up the panels that were open before a reload. Not before the jobs are known: a panel whose job is not is closed. */
  restore(): void {
    this.#disposables.add(
      vscode.window.registerWebviewPanelSerializer(RESULTS_VIEW_TYPE, {
        deserializeWebviewPanel: (panel, state) => this.#restore(panel, state),
      }),
    );
  }

  /** Shows the panel of a job, making it where there is none. False where the job is not known. */
  async show(id: string, options: { readonly preserveFocus?: boolean; readonly tab?: TabName } = {}): Promise<boolean> {
    const code = await panelCode();
    const job = this.source.job(id);
    if (job === undefined) return false;
    const { preserveFocus = false, tab } = options;
    let shown = this.#panels.get(id);
    if (shown !== undefined) {
      shown.panel.reveal(undefined, preserveFocus);
    } else {
      const panel = newPagePanel(this.extensionUri, RESULTS_VIEW_TYPE, job.info.label, { preserveFocus });
      shown = this.#adopt(code, id, panel);
    }
    if (tab !== undefined) shown.showTab(tab);
    return true;
  }

  /** True where the user can see the panel of the job. */
  isVisible(id: string): boolean {
    return this.#panels.get(id)?.panel.visible ?? false;
  }

  dispose(): void {
    for (const one of [...this.#waiting.values()]) one.stop();
    this.#panels.dispose();
    this.#disposables.dispose();
  }

  #adopt(code: typeof PanelCode, id: string, panel: vscode.WebviewPanel): PanelCode.ResultsPanel {
    return this.#panels.add(id, new code.ResultsPanel(id, panel, this.source, this.extensionUri));
  }

  /** The page's own saved state comes back; it names the job. */
  async #restore(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const code = await panelCode();
    const id = typeof state === 'object' && state !== null && 'id' in state ? state.id : undefined;
    if (typeof id !== 'string' || this.#panels.has(id) || this.#waiting.has(id)) panel.dispose();
    else if (this.source.job(id) !== undefined) this.#adopt(code, id, panel);
    else this.#await(code, id, panel);
  }

  /** The window of before may still hold its jobs: this one takes them over a little later. */
  #await(code: typeof PanelCode, id: string, panel: vscode.WebviewPanel): void {
    const stop = (): void => {
      clearTimeout(timer);
      gone.dispose();
      this.#waiting.delete(id);
    };
    const timer = setTimeout(() => void panel.dispose(), JOB_MS);
    const gone = panel.onDidDispose(stop);
    this.#waiting.set(id, {
      stop,
      come: () => {
        stop();
        // It may have been opened by hand in the meantime.
        if (this.#panels.has(id)) panel.dispose();
        else this.#adopt(code, id, panel);
      },
    });
  }
}

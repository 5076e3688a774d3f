import * as vscode from 'vscode';
import type { Disposable } from '../../core/base/disposable';
import type { TabName } from '../../shared/resultsProtocol';
import { Disposables } from '../base/disposables';
import { readSetting } from '../base/settings';
import { newPagePanel, PanelsByKey } from '../base/panelsByKey';
import type * as PanelCode from './resultsPanel';
import type { ResultsSource } from './rowSource';

export const RESULTS_VIEW_TYPE = 'pgBackground.results';

/** A panel of before a reload waits this long for its job (ms); more than it takes to see that another window is gone. */
const JOB_MS = 90_000;

export interface ShowOptions {
  readonly preserveFocus?: boolean;
  /** A look at it: the next preview takes its place. */
  readonly preview?: boolean;
  readonly tab?: TabName;
}

/** All that a panel needs is loaded with the first one. */
const panelCode = (): Promise<typeof PanelCode> => import('./resultsPanel');

/** The results panels: one a job. */
export class ResultsPanels implements Disposable {
  readonly #disposables = new Disposables();
  readonly #panels = new PanelsByKey<string, PanelCode.ResultsPanel>();
  /** The job whose panel is only previewed. */
  #preview: string | undefined;
  /** Panels of before a reload whose jobs are not known yet. */
  readonly #waiting = new Map<string, { come(): void; stop(): void }>();

  readonly #source: ResultsSource;
  readonly #extensionUri: vscode.Uri;

  constructor(source: ResultsSource, extensionUri: vscode.Uri) {
    this.#source = source;
    this.#extensionUri = extensionUri;

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

  /**
   * Shows the panel of a job, and opens it if it is not open. One that is only previewed gives way to the next preview, as in
   * VS Code's explorer, unless the user has worked with it.
   * @returns false if there is no such job
   */
  async show(id: string, options: ShowOptions = {}): Promise<boolean> {
    const code = await panelCode();
    const job = this.#source.job(id);
    if (job === undefined) return false;
    const { preserveFocus = false, preview = false, tab } = options;
    let shown = this.#panels.get(id);
    if (shown !== undefined) {
      shown.panel.reveal(undefined, preserveFocus);
      if (!preview && this.#preview === id) this.#preview = undefined;
    } else {
      const before = this.#preview === undefined ? undefined : this.#panels.get(this.#preview);
      const replaced = preview && before?.used === false ? before : undefined;
      // Next to another results panel: a column for each would soon be too narrow.
      const beside = this.#anyVisible()?.panel.viewColumn ?? vscode.ViewColumn.Beside;
      const place = readSetting('results.openIn');
      const viewColumn = replaced?.panel.viewColumn ?? (place === 'active' ? vscode.ViewColumn.Active : beside);
      const splitsBelow = place === 'below' && viewColumn === vscode.ViewColumn.Beside;
      const panel = newPagePanel(this.#extensionUri, RESULTS_VIEW_TYPE, job.info.label, {
        preserveFocus: preserveFocus && !splitsBelow,
        viewColumn: splitsBelow ? vscode.ViewColumn.Active : viewColumn,
      });
      replaced?.panel.dispose();
      shown = this.#adopt(code, id, panel);
      if (preview) this.#preview = id;
      if (splitsBelow) await vscode.commands.executeCommand('workbench.action.moveEditorToBelowGroup');
    }
    if (tab !== undefined) shown.showTab(tab);
    return true;
  }

  #anyVisible(): PanelCode.ResultsPanel | undefined {
    return [...this.#panels.values()].find(({ panel }) => panel.visible);
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
    return this.#panels.add(id, new code.ResultsPanel(id, panel, this.#source, this.#extensionUri));
  }

  /** The page's own saved state comes back; it names the job. */
  async #restore(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const code = await panelCode();
    const id = typeof state === 'object' && state !== null && 'id' in state ? state.id : undefined;
    if (typeof id !== 'string' || this.#panels.has(id) || this.#waiting.has(id)) panel.dispose();
    else if (this.#source.job(id) !== undefined) this.#adopt(code, id, panel);
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

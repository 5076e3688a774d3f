import * as vscode from 'vscode';
import type { Disposable } from '../../core/base/disposable';
import type { TabName } from '../../shared/resultsProtocol';
import { Disposables } from '../base/disposables';
import { readSetting } from '../base/settings';
import { type PageFiles, pageRoot, readPage } from '../base/pageHtml';
import { newPagePanel, PanelsByKey } from '../base/panelsByKey';
import type * as PanelCode from './resultsPanel';
import type { ResultsSource } from './rowSource';

export const RESULTS_VIEW_TYPE = 'pgBackground.results';

/** How long a restored panel waits for its job: longer than it takes to detect that another window is gone. Milliseconds. */
const JOB_WAIT_MS = 90_000;

export interface ShowOptions {
  readonly preserveFocus?: boolean;
  /** Open as a preview, which the next preview replaces. */
  readonly preview?: boolean;
  readonly tab?: TabName;
}

/** What a panel consists of, loaded with the first one. */
interface PanelParts {
  readonly code: typeof PanelCode;
  readonly files: PageFiles;
}

/** The results panels, at most one per job. */
export class ResultsPanels implements Disposable {
  readonly #disposables = new Disposables();
  readonly #panels = new PanelsByKey<string, PanelCode.ResultsPanel>();
  #files: Promise<PageFiles> | undefined;
  /** The job whose panel is a preview. */
  #preview: string | undefined;
  /** Restored panels whose jobs are not known yet. */
  readonly #waiting = new Map<string, { adopt(): void; stop(): void }>();

  readonly #source: ResultsSource;
  readonly #extensionUri: vscode.Uri;
  readonly #type: string;

  constructor(source: ResultsSource, extensionUri: vscode.Uri, type = RESULTS_VIEW_TYPE) {
    this.#type = type;
    this.#source = source;
    this.#extensionUri = extensionUri;

    this.#disposables.add(
      source.onDidChange((id) => {
        this.#waiting.get(id)?.adopt();
        this.#panels.get(id)?.changed();
      }),
    );
    this.#disposables.add(
      source.onDidRemove((ids) => {
        for (const id of ids) this.#panels.get(id)?.panel.dispose();
      }),
    );
  }

  async #load(): Promise<PanelParts> {
    this.#files ??= readPage(pageRoot(this.#extensionUri), 'results');
    // A failure, for example of a full file table, is not kept.
    this.#files.catch(() => (this.#files = undefined));
    const [code, files] = await Promise.all([import('./resultsPanel'), this.#files]);
    return { code, files };
  }

  /** Restores the panels that were open before a reload. Call it once the jobs are known. */
  restore(): void {
    this.#disposables.add(
      vscode.window.registerWebviewPanelSerializer(RESULTS_VIEW_TYPE, {
        deserializeWebviewPanel: (panel, state) => this.#restore(panel, state),
      }),
    );
  }

  /**
   * Shows the panel of a job, and opens it if necessary. As in VS Code's explorer, the next preview replaces a preview, unless the user
   * has interacted with it.
   * @returns false if there is no such job
   */
  async show(id: string, options: ShowOptions = {}): Promise<boolean> {
    const parts = await this.#load();
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
      // In the column of another results panel, if there is one: a column for each would soon be too narrow.
      const beside = this.#anyVisible()?.panel.viewColumn ?? vscode.ViewColumn.Beside;
      const openIn = readSetting('results.openIn');
      const viewColumn = replaced?.panel.viewColumn ?? (openIn === 'active' ? vscode.ViewColumn.Active : beside);
      const splitsBelow = openIn === 'below' && viewColumn === vscode.ViewColumn.Beside;
      const panel = newPagePanel(this.#extensionUri, this.#type, job.info.label, {
        preserveFocus: preserveFocus && !splitsBelow,
        viewColumn: splitsBelow ? vscode.ViewColumn.Active : viewColumn,
      });
      replaced?.panel.dispose();
      shown = this.#adopt(parts, id, panel);
      if (preview) this.#preview = id;
      if (splitsBelow) await vscode.commands.executeCommand('workbench.action.moveEditorToBelowGroup');
    }
    if (tab !== undefined) shown.showTab(tab);
    return true;
  }

  #anyVisible(): PanelCode.ResultsPanel | undefined {
    return [...this.#panels.values()].find(({ panel }) => panel.visible);
  }

  /** Whether the job's panel is visible. */
  isVisible(id: string): boolean {
    return this.#panels.get(id)?.panel.visible ?? false;
  }

  dispose(): void {
    for (const waiting of [...this.#waiting.values()]) waiting.stop();
    this.#panels.dispose();
    this.#disposables.dispose();
  }

  #adopt({ code, files }: PanelParts, id: string, panel: vscode.WebviewPanel): PanelCode.ResultsPanel {
    return this.#panels.add(id, new code.ResultsPanel(id, panel, this.#source, this.#extensionUri, files));
  }

  /** @param state the page's saved state, which contains the job's id */
  async #restore(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const parts = await this.#load();
    const id = typeof state === 'object' && state !== null && 'id' in state ? state.id : undefined;
    if (typeof id !== 'string' || this.#panels.has(id) || this.#waiting.has(id)) panel.dispose();
    else if (this.#source.job(id) !== undefined) this.#adopt(parts, id, panel);
    else this.#await(parts, id, panel);
  }

  /** The previous window may still own the job, and this window adopts it a little later. */
  #await(parts: PanelParts, id: string, panel: vscode.WebviewPanel): void {
    const stop = (): void => {
      clearTimeout(timer);
      gone.dispose();
      this.#waiting.delete(id);
    };
    const timer = setTimeout(() => void panel.dispose(), JOB_WAIT_MS);
    const gone = panel.onDidDispose(stop);
    this.#waiting.set(id, {
      stop,
      adopt: () => {
        stop();
        // The user may have opened it in the meantime.
        if (this.#panels.has(id)) panel.dispose();
        else this.#adopt(parts, id, panel);
      },
    });
  }
}

import * as vscode from 'vscode';
import type { ActiveWorker, ServerLink } from '../../core/jobs/ports';
import { serverOfSnapshot } from '../../core/jobs/serverIdentity';
import type { ToActivityPage } from '../../shared/activityProtocol';
import { Disposables } from '../base/disposables';
import { pageHtml, pageRoot } from '../base/pageHtml';
import { newPagePanel, PanelsByKey } from '../base/panelsByKey';
import { plainLabel } from '../base/plainText';
import { parseFromPage } from '../results/pageMessages';
import { ActivityFeed } from './activityFeed';

/** The panels with the activity of foreign workers, at most one per worker. */
const panels = new PanelsByKey<string, WorkerPanel>();

/** Shows the activity of a worker that has no job here. */
export function showWorkerActivity(
  extensionUri: vscode.Uri,
  link: ServerLink,
  worker: ActiveWorker,
  preserveFocus: boolean,
): void {
  const key = `${worker.pid}:${worker.backendStart}`;
  const open = panels.get(key);
  if (open) {
    open.panel.reveal(undefined, preserveFocus);
    return;
  }
  const label = worker.label === '' ? vscode.l10n.t('(no label)') : plainLabel(worker.label);
  const panel = newPagePanel(extensionUri, 'pgBackground.activity', `${label} (${worker.pid})`, {
    preserveFocus,
    viewColumn: vscode.ViewColumn.Beside,
  });
  panels.add(key, new WorkerPanel(panel, extensionUri, link, worker));
}

class WorkerPanel implements vscode.Disposable {
  readonly #disposables = new Disposables();
  readonly #feed: ActivityFeed;
  #ready = false;
  #disposed = false;

  constructor(
    readonly panel: vscode.WebviewPanel,
    extensionUri: vscode.Uri,
    link: ServerLink,
    worker: ActiveWorker,
  ) {
    const { pid, backendStart } = worker;
    const server = link.snapshot && serverOfSnapshot(link.snapshot);
    const launch = { settings: [], withStatement: true };
    this.#feed = this.#disposables.add(
      new ActivityFeed(
        () => ({ link, pid, backendStart, ...(server && { server }), launch }),
        (activity) => this.#post({ type: 'activity', activity }),
      ),
    );
    const root = pageRoot(extensionUri);
    panel.iconPath = {
      light: vscode.Uri.joinPath(extensionUri, 'media', 'results-light.svg'),
      dark: vscode.Uri.joinPath(extensionUri, 'media', 'results-dark.svg'),
    };
    this.#disposables.add(panel.webview.onDidReceiveMessage((raw: unknown) => void this.#handle(raw)));
    this.#disposables.add(
      panel.onDidChangeViewState(() => {
        // VS Code destroys a hidden page.
        if (!panel.visible) this.#ready = false;
        this.#feed.show(this.#ready);
      }),
    );
    panel.webview.html = pageHtml(panel.webview, root, 'activity', { ownMenu: false });
  }

  dispose(): void {
    this.#disposed = true;
    this.#disposables.dispose();
  }

  #post(message: ToActivityPage): void {
    if (!this.#disposed) void this.panel.webview.postMessage(message);
  }

  async #handle(raw: unknown): Promise<void> {
    const message = parseFromPage(raw);
    if (message?.type === 'ready') {
      this.#ready = this.panel.visible;
      const waiting = vscode.l10n.t('Waiting for the server…');
      this.#post({ type: 'init', language: vscode.env.language, title: this.panel.title, waiting });
      this.#feed.show(this.#ready);
    } else if (message?.type === 'signalBlocker') {
      await this.#feed.signal(message.pid, message.backendStart, message.signal);
    }
  }
}

import * as v from 'valibot';
import * as vscode from 'vscode';
import type { ActiveWorker, ServerLink } from '../../core/jobs/ports';
import { serverOfSnapshot, type ServerIdentity } from '../../core/jobs/serverIdentity';
import type { KeptWorker, ToActivityPage } from '../../shared/activityProtocol';
import { Disposables } from '../base/disposables';
import { pageHtml, pageRoot } from '../base/pageHtml';
import { newPagePanel, PanelsByKey } from '../base/panelsByKey';
import { plainLabel } from '../base/plainText';
import { parseFromPage } from '../results/pageMessages';
import { ActivityFeed } from './activityFeed';
import { ACTIVITY_VIEW_TYPE, type ActivityTarget } from './activityTarget';
import { activityView, type LaunchFacts } from './activityView';

/** The panels with the activity of foreign workers, at most one per worker. */
const panels = new PanelsByKey<string, WorkerPanel>();

const LAUNCH: LaunchFacts = { settings: [], withStatement: true };

interface Links {
  /** @throws an error for the user if there is none */
  link(connection: string, wanted: boolean): ServerLink;
}

const text = v.optional(v.string());
const keptSchema = v.object({
  version: v.literal(1),
  connection: v.string(),
  pid: v.number(),
  backendStart: v.string(),
  title: v.string(),
  server: v.optional(v.object({ start: v.string(), system: text, timeline: text, address: text, dataDirectory: text })),
});

/** Shows the activity of a worker that has no job here. */
export function showWorkerActivity(
  extensionUri: vscode.Uri,
  links: Links,
  { connection, worker }: { readonly connection: string; readonly worker: ActiveWorker },
  preserveFocus: boolean,
): void {
  const open = panels.get(keyOf(worker));
  if (open) {
    open.panel.reveal(undefined, preserveFocus);
    return;
  }
  const { pid, backendStart } = worker;
  const label = worker.label === '' ? vscode.l10n.t('(no label)') : plainLabel(worker.label);
  const title = `${label} (${pid})`;
  const panel = newPagePanel(extensionUri, ACTIVITY_VIEW_TYPE, title, {
    preserveFocus,
    viewColumn: vscode.ViewColumn.Beside,
  });
  const { snapshot } = links.link(connection, false);
  const server = snapshot && keptServer(serverOfSnapshot(snapshot));
  const kept: KeptWorker = { version: 1, connection, pid, backendStart, title, ...(server && { server }) };
  panels.add(keyOf(worker), new WorkerPanel(panel, extensionUri, links, kept));
}

/** Restores a panel after a reload of the window. @param state what its page has kept */
export function restoreWorkerActivity(
  extensionUri: vscode.Uri,
  links: Links,
  panel: vscode.WebviewPanel,
  state: unknown,
): void {
  const parsed = v.safeParse(keptSchema, state);
  const kept = parsed.success ? (parsed.output as KeptWorker) : undefined;
  // The user may have opened it in the meantime.
  if (!kept || panels.has(keyOf(kept))) panel.dispose();
  else panels.add(keyOf(kept), new WorkerPanel(panel, extensionUri, links, kept));
}

function keyOf({ pid, backendStart }: Pick<ActiveWorker, 'pid' | 'backendStart'>): string {
  return `${pid}:${backendStart}`;
}

function keptServer({ start, system, timeline, address, dataDirectory }: ServerIdentity): KeptWorker['server'] {
  const known = Object.entries({ system, timeline, address, dataDirectory }).filter(([, value]) => value !== undefined);
  return { ...(Object.fromEntries(known) as Record<string, string>), start };
}

class WorkerPanel implements vscode.Disposable {
  readonly #disposables = new Disposables();
  readonly #feed: ActivityFeed;
  readonly #links: Links;
  readonly #kept: KeptWorker;
  #ready = false;
  #disposed = false;

  constructor(
    readonly panel: vscode.WebviewPanel,
    extensionUri: vscode.Uri,
    links: Links,
    kept: KeptWorker,
  ) {
    this.#links = links;
    this.#kept = kept;
    this.#feed = this.#disposables.add(
      new ActivityFeed(
        () => this.#target(),
        (activity) => this.#post({ type: 'activity', activity }),
      ),
    );
    const root = pageRoot(extensionUri);
    panel.iconPath = {
      light: vscode.Uri.joinPath(extensionUri, 'media', 'results-light.svg'),
      dark: vscode.Uri.joinPath(extensionUri, 'media', 'results-dark.svg'),
    };
    panel.webview.options = { enableScripts: true, localResourceRoots: [root] };
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

  /** The connection may have been edited, removed, or disconnected since. */
  #target(): ActivityTarget | undefined {
    const { connection, pid, backendStart, server } = this.#kept;
    try {
      const link = this.#links.link(connection, false);
      return { link, pid, backendStart, ...(server && { server }), launch: LAUNCH };
    } catch (error) {
      const seen = { inspection: undefined, worker: undefined, samples: [], error };
      this.#post({ type: 'activity', activity: activityView(pid, seen, LAUNCH) });
      return undefined;
    }
  }

  #post(message: ToActivityPage): void {
    if (!this.#disposed) void this.panel.webview.postMessage(message);
  }

  async #handle(raw: unknown): Promise<void> {
    const message = parseFromPage(raw);
    if (message?.type === 'ready') {
      this.#ready = this.panel.visible;
      const waiting = vscode.l10n.t('Waiting for the server…');
      const { language } = vscode.env;
      this.#post({ type: 'init', language, title: this.#kept.title, waiting, kept: this.#kept });
      // A reloaded page has nothing yet.
      this.#feed.stop();
      this.#feed.show(this.#ready);
    } else if (message?.type === 'signalBlocker') {
      await this.#feed.signal(message.pid, message.backendStart, message.signal);
    }
  }
}

import { withShortTexts } from '../../shared/displayText';
import type * as vscode from 'vscode';
import type { FromConnectionPage, ToConnectionPage } from '../../shared/connectionProtocol';
import { Disposables } from '../base/disposables';
import { pageHtml, pageRoot } from '../base/pageHtml';
import { parseFromConnectionPage } from './formMessages';

/** UTF-16 units of each text that the page is given: what a server says may have any length. */
const TEXT_CHARACTERS = 20_000;

/** What a panel with the connection page in it does; the form and the findings fill this in. */
export interface PageHost {
  /** The page has loaded, again perhaps: a hidden one is thrown away. */
  ready(): void | Promise<void>;
  take(message: Exclude<FromConnectionPage, { type: 'ready' }>): void | Promise<void>;
}

/** The panel's side of the messages. What goes wrong is said in the page. */
export class PageChannel implements vscode.Disposable {
  readonly #disposables = new Disposables();
  #disposed = false;

  constructor(
    readonly panel: vscode.WebviewPanel,
    extensionUri: vscode.Uri,
    host: PageHost,
  ) {
    const root = pageRoot(extensionUri);
    panel.webview.options = { enableScripts: true, localResourceRoots: [root] };
    this.#disposables.add(
      panel.webview.onDidReceiveMessage((raw: unknown) => {
        const message = parseFromConnectionPage(raw);
        if (message !== undefined) void this.#take(host, message);
      }),
    );
    panel.webview.html = pageHtml(panel.webview, root, 'connection', { ownMenu: false });
  }

  post(message: ToConnectionPage): void {
    // A page that is being torn down takes nothing; it asks for everything when it comes back.
    if (!this.#disposed) void this.panel.webview.postMessage(withShortTexts(message, TEXT_CHARACTERS));
  }

  say(message: string, severity: 'info' | 'error'): void {
    this.post({ type: 'said', message, severity });
  }

  dispose(): void {
    this.#disposed = true;
    this.#disposables.dispose();
  }

  async #take(host: PageHost, message: FromConnectionPage): Promise<void> {
    try {
      await (message.type === 'ready' ? host.ready() : host.take(message));
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error), 'error');
    }
  }
}

import type * as vscode from 'vscode';
import type { ToConnectionPage } from '../../shared/connectionProtocol';
import type { FromConnectionPage } from '../../shared/connectionRequests';
import { withShortTexts } from '../../shared/displayText';
import { Disposables } from '../base/disposables';
import { pageHtml, pageRoot } from '../base/pageHtml';
import { moreText } from '../base/plainText';
import { errorText } from '../messages/faultText';
import { parseFromConnectionPage } from './formMessages';

/** Limit of each text sent to the page, because a server's texts can have any length. UTF-16 units. */
const TEXT_CHARACTERS = 20_000;

/** Handles the messages of a connection page: the form, or the report of a test. */
export interface PageHost {
  /** The page has loaded. It may load again, because VS Code discards hidden pages. */
  ready(): void | Promise<void>;
  handle(message: Exclude<FromConnectionPage, { type: 'ready' }>): void | Promise<void>;
}

/** Exchanges messages with the page in a panel. Errors of the handler are shown in the page. */
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
        if (message !== undefined) void this.#handle(host, message);
      }),
    );
    panel.webview.html = pageHtml(panel.webview, root, 'connection', { ownMenu: false });
  }

  post(message: ToConnectionPage): void {
    // A page that is being disposed receives nothing. It requests everything when it loads again.
    if (!this.#disposed) void this.panel.webview.postMessage(withShortTexts(message, TEXT_CHARACTERS, moreText));
  }

  /** Shows a message in the page. */
  notify(message: string, severity: 'info' | 'error'): void {
    this.post({ type: 'message', message, severity });
  }

  dispose(): void {
    this.#disposed = true;
    this.#disposables.dispose();
  }

  async #handle(host: PageHost, message: FromConnectionPage): Promise<void> {
    try {
      await (message.type === 'ready' ? host.ready() : host.handle(message));
    } catch (error) {
      this.notify(errorText(error), 'error');
    }
  }
}

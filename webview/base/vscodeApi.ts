import type { SavedView, ToPage } from '../../src/shared/resultsProtocol';
import type { FromPage } from '../../src/shared/resultsRequests';

const api = acquireVsCodeApi<SavedView>();

export function post(message: FromPage): void {
  api.postMessage(message);
}

/** Calls with every message of the host. The frame of a webview gets messages from VS Code alone. */
export function onHostMessage(listener: (message: ToPage) => void): void {
  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    const data = event.data;
    // Other windows' messages (an extension of the browser, for instance) have no `type` of ours and are passed over.
    if (typeof data === 'object' && data !== null && 'type' in data) listener(data as ToPage);
  });
}

export function savedView(): SavedView | undefined {
  const saved = api.getState();
  return saved?.version === 1 ? saved : undefined;
}

export function saveView(view: SavedView): void {
  api.setState(view);
}

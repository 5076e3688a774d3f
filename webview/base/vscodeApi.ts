import type { SavedView, ToPage } from '../../src/shared/resultsProtocol';
import type { FromPage } from '../../src/shared/resultsRequests';

const api = acquireVsCodeApi<SavedView>();

export function post(message: FromPage): void {
  api.postMessage(message);
}

/** Calls the listener with each message of the host. Only VS Code can post messages to the frame of a webview. */
export function onHostMessage(listener: (message: ToPage) => void): void {
  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    const data = event.data;
    // Ignore messages of browser extensions and the like, which have no `type`.
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

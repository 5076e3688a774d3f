/** The connection page: the connection form, or the report of Test Connection. */
import './css/page.css';
import './css/parts.css';
import './css/connection.css';
import type { ToConnectionPage } from '../src/shared/connectionProtocol';
import type { SavedConnectionPage } from '../src/shared/connectionRequests';
import { FormPage } from './connection/formPage';
import type { Post } from './connection/post';
import { setStrings } from './connection/strings';
import { TestPage } from './connection/testPage';
import { registerFormToolkit } from './base/toolkit';

registerFormToolkit();

const api = acquireVsCodeApi<SavedConnectionPage>();
const post: Post = (message) => api.postMessage(message);

let page: FormPage | TestPage | undefined;

window.addEventListener('message', (event: MessageEvent<unknown>) => {
  const { data } = event;
  if (typeof data !== 'object' || data === null || !('type' in data)) return;
  const message = data as ToConnectionPage;
  if (message.type !== 'init') {
    page?.handle(message);
    return;
  }
  setStrings(message.strings);
  document.documentElement.lang = message.language;
  const saved = api.getState();
  page =
    message.kind === 'test'
      ? new TestPage(message, post)
      : new FormPage(message, saved?.version === 1 && saved.kind === 'form' ? saved : undefined, post, (state) =>
          api.setState(state),
        );
  if (message.kind === 'test') api.setState({ version: 1, kind: 'test', connection: message.connection });
  document.body.replaceChildren(page.element);
  page.shown();
});

post({ type: 'ready' });

/** The connection page: the form of a connection, or the findings of Test Connection. */
import './css/page.css';
import './css/parts.css';
import './css/connection.css';
import type { SavedConnectionPage, ToConnectionPage } from '../src/shared/connectionProtocol';
import { DoctorPage } from './connection/testPage';
import { FormPage } from './connection/formPage';
import type { Post } from './connection/post';
import { setStrings } from './connection/strings';
import { registerFormToolkit } from './base/toolkit';

registerFormToolkit();

const api = acquireVsCodeApi<SavedConnectionPage>();
const post: Post = (message) => api.postMessage(message);

let page: FormPage | DoctorPage | undefined;

window.addEventListener('message', (event: MessageEvent<unknown>) => {
  const { data } = event;
  if (typeof data !== 'object' || data === null || !('type' in data)) return;
  const message = data as ToConnectionPage;
  if (message.type !== 'init') {
    page?.take(message);
    return;
  }
  setStrings(message.strings);
  document.documentElement.lang = message.language;
  const saved = api.getState();
  page =
    message.kind === 'doctor'
      ? new DoctorPage(message, post)
      : new FormPage(message, saved?.version === 1 && saved.kind === 'form' ? saved : undefined, post, (state) =>
          api.setState(state),
        );
  if (message.kind === 'doctor') api.setState({ version: 1, kind: 'doctor', connection: message.connection });
  document.body.replaceChildren(page.element);
  page.shown();
});

post({ type: 'ready' });

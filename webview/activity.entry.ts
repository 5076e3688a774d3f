/** The page with the activity of a worker that has no job. */
import './css/page.css';
import './css/activity.css';
import type { ToActivityPage } from '../src/shared/activityProtocol';
import type { FromPage } from '../src/shared/resultsRequests';
import { make } from './base/dom';
import { registerFormToolkit } from './base/toolkit';
import { ActivityPane } from './page/activityPane';

registerFormToolkit();

const api = acquireVsCodeApi();
const post = (message: FromPage): void => api.postMessage(message);

let pane: ActivityPane | undefined;

window.addEventListener('message', (event: MessageEvent<unknown>) => {
  const { data } = event;
  if (typeof data !== 'object' || data === null || !('type' in data)) return;
  const message = data as ToActivityPage;
  if (message.type === 'activity') {
    pane?.update(message.activity);
    return;
  }
  api.setState(message.kept);
  document.documentElement.lang = message.language;
  pane = new ActivityPane(message.waiting, (pid, backendStart, signal) =>
    post({ type: 'signalBlocker', pid, backendStart, signal }),
  );
  const main = make('main', 'activity-page');
  main.append(make('h1', 'job-label', message.title), pane.element);
  document.body.replaceChildren(main);
});

post({ type: 'ready' });

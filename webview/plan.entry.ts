/** The page of a plan: a tree of its nodes, and its text. */
import './css/page.css';
import './css/plan.css';
import type { FromPlanPage, PlanInit } from '../src/shared/planProtocol';
import { PlanPage } from './plan/planPage';

const api = acquireVsCodeApi<never>();

window.addEventListener('message', (event: MessageEvent<unknown>) => {
  const { data } = event;
  if (typeof data !== 'object' || data === null || !('type' in data) || data.type !== 'init') return;
  const init = data as PlanInit;
  document.documentElement.lang = init.language;
  const page = new PlanPage(init, (message: FromPlanPage) => api.postMessage(message));
  document.body.replaceChildren(page.element);
  page.shown();
});

api.postMessage({ type: 'ready' } satisfies FromPlanPage);

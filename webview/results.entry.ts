/** The results page: one job's rows, messages, error, query, activity, and details. */
import './css/page.css';
import './css/grid.css';
import './css/parts.css';
import './css/activity.css';
import type { ToPage } from '../src/shared/resultsProtocol';
import { onHostMessage, post, savedView, saveView } from './base/vscodeApi';
import { ResultsPage } from './page/resultsPage';
import { setStrings } from './page/strings';

const thisScript = document.currentScript;

/**
 * Loads the toolkit, which is larger than the rest of the page. The first rows do not need it: until it is loaded, the style sheet lays out
 * its undefined elements.
 */
function loadToolkit(): void {
  if (!(thisScript instanceof HTMLScriptElement)) return;
  const { later } = thisScript.dataset;
  if (later === undefined) return;
  const script = document.createElement('script');
  // The page's policy allows only scripts with this nonce.
  script.nonce = thisScript.nonce;
  script.addEventListener('load', () => script.remove());
  script.src = later;
  document.head.append(script);
}

let page: ResultsPage | undefined;

onHostMessage((message: ToPage) => {
  if (message.type === 'init') {
    const isFirst = page === undefined;
    setStrings(message.strings, message.language, message.numbers);
    document.documentElement.lang = message.language;
    page?.dispose();
    const saved = savedView();
    page = new ResultsPage(message, saved?.id === message.head.id ? saved : undefined, post, saveView);
    document.body.replaceChildren(page.element);
    page.shown();
    // After the frame that shows the first rows.
    if (isFirst) requestAnimationFrame(() => setTimeout(loadToolkit));
  } else {
    page?.handle(message);
  }
});

post({ type: 'ready' });

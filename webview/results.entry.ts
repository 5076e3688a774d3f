/** The results page: one job's rows, messages, error, query and details. */
import './css/page.css';
import './css/grid.css';
import './css/parts.css';
import type { ToPage } from '../src/shared/resultsProtocol';
import { onHostMessage, post, savedView, saveView } from './base/vscodeApi';
import { ResultsPage } from './page/resultsPage';
import { setStrings } from './page/strings';
import { registerToolkit } from './base/toolkit';

registerToolkit();

let page: ResultsPage | undefined;

onHostMessage((message: ToPage) => {
  if (message.type === 'init') {
    setStrings(message.strings, message.language);
    document.documentElement.lang = message.language;
    page?.dispose();
    const saved = savedView();
    page = new ResultsPage(message, saved?.id === message.head.id ? saved : undefined, post, saveView);
    document.body.replaceChildren(page.element);
    page.shown();
  } else {
    page?.take(message);
  }
});

post({ type: 'ready' });

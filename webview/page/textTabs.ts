import type { ErrorView, NoticeView, ResultsHead } from '../../src/shared/resultsProtocol';
import type { FromPage } from '../../src/shared/resultsRequests';
import { make, makeControl, setAttribute } from '../base/dom';
import { counted, formatNumber, formatReceived, text } from './strings';
import { sizeText } from '../../src/shared/displayText';
import { SQLSTATE_CLASSES } from './sqlstateClasses';

type Post = (message: FromPage) => void;

/** Messages drawn at first, and added each time the user requests earlier ones. */
const NOTICES_SHOWN = 100;
/** Messages within this time of the previous one belong to the same batch. Milliseconds. */
const BATCH_MS = 1_000;
const APPENDIX = 'https://www.postgresql.org/docs/current/errcodes-appendix.html';

export function button(label: string, run: () => void, primary = false): HTMLElement {
  const made = makeControl('vscode-button', '', label);
  if (!primary) made.setAttribute('appearance', 'secondary');
  made.addEventListener('click', run);
  return made;
}

/** `… (4.9 MB more)`, or an empty text. */
function moreOf(bytes: number | undefined): string {
  return bytes === undefined ? '' : text('textMore', sizeText(bytes));
}

/** Draws the worker's messages in the order received. */
export function drawMessages(
  host: HTMLElement,
  notices: readonly NoticeView[],
  head: ResultsHead,
  { shown, showMore }: { readonly shown: number; readonly showMore: () => void },
  post: Post,
): void {
  host.replaceChildren();
  const all = head.noticeCount ?? notices.length;
  if (all === 0) {
    host.append(make('p', 'nothing', text('messagesNone')));
    return;
  }
  const bar = make('div', 'tab-bar');
  bar.append(button(text('messagesCopy'), () => post({ type: 'copyText', what: 'messages' })));
  bar.append(make('span', 'tab-note', text('messagesTimes')));
  host.append(bar);
  if (head.noticesDropped !== undefined) {
    host.append(make('p', 'nothing', counted('messagesDropped', head.noticesDropped)));
  }
  if (all > notices.length) {
    host.append(button(text('messagesAll', formatNumber(all)), () => post({ type: 'showText', what: 'messages' })));
  }
  const count = Math.min(notices.length, shown * NOTICES_SHOWN);
  if (count < notices.length) host.append(button(text('messagesEarlier', notices.length - count), showMore));
  const list = make('ol', 'messages');
  let before: number | undefined;
  for (const notice of notices.slice(-count)) {
    // Show one time per batch: it is the time of receipt, not the time at which the worker sent each message.
    if (before === undefined || Math.abs(notice.at - before) >= BATCH_MS) {
      const received = make('li', 'message-batch');
      const time = make('time', '', text('messagesReceived', formatReceived(notice.at)));
      time.dateTime = new Date(notice.at).toISOString();
      received.append(time);
      list.append(received);
    }
    before = notice.at;
    const item = make('li', `message severity-${notice.severity.toLowerCase().replace(/[^a-z]/g, '')}`);
    const more = [
      [text('errorDetail'), notice.detail],
      [text('errorHint'), notice.hint],
    ].flatMap(([name = '', part]) => (part === undefined || part === '' ? [] : [`${name}: ${part}`]));
    const body = [notice.message, ...more];
    const shownText = make('span', 'message-text', body.join('\n') + moreOf(notice.truncatedBytes));
    item.append(make('span', 'message-severity', notice.severity), shownText);
    const { number } = notice;
    if (notice.textDropped === true) item.append(make('span', 'tab-note', text('textDropped')));
    else if (notice.truncatedBytes !== undefined && number !== undefined) {
      item.append(button(text('textShow'), () => post({ type: 'showText', what: 'message', number })));
    }
    list.append(item);
  }
  host.append(list);
}

/** Draws the parts of the error as reported by the server. */
export function drawError(host: HTMLElement, head: ResultsHead, post: Post): void {
  host.replaceChildren();
  const { error } = head;
  if (error === undefined) {
    host.append(make('p', 'nothing', text('errorNone')));
    return;
  }
  const bar = make('div', 'tab-bar');
  bar.append(button(text('errorCopy'), () => post({ type: 'copyText', what: 'error' })));
  if (error.truncatedBytes !== undefined) {
    bar.append(button(text('textShow'), () => post({ type: 'showText', what: 'error' })));
    bar.append(make('span', 'tab-note', moreOf(error.truncatedBytes)));
  }
  const list = make('dl', 'facts');
  const message = make('div');
  message.append(make('div', 'error-message', error.message));
  if (head.errorPlace !== undefined) {
    const link = make('button', 'text-link', head.errorPlace);
    link.type = 'button';
    link.title = text('errorOpen');
    link.addEventListener('click', () => post({ type: 'openError' }));
    message.append(link);
  }
  addFact(list, text('errorMessage'), message);
  if (error.detail !== undefined) addFact(list, text('errorDetail'), make('div', 'error-text', error.detail));
  if (error.hint !== undefined) addFact(list, text('errorHint'), make('div', 'error-text', error.hint));
  if (error.context !== undefined) addFact(list, text('errorContext'), make('div', 'error-text', error.context));
  for (const [name, value] of [
    ['errorSchema', error.schema],
    ['errorTable', error.table],
    ['errorColumn', error.column],
    ['errorConstraint', error.constraint],
  ] as const) {
    if (value !== undefined) addFact(list, text(name), make('div', 'error-text', value));
  }
  const line = errorLine(head.sql, error, head.errorPlace === undefined);
  if (line !== undefined) addFact(list, text('errorPosition'), line);
  if (/^[0-9A-Z]{5}$/.test(error.sqlstate)) {
    addFact(list, text('errorSqlstate'), sqlstateLine(error.sqlstate));
  }
  host.append(bar, list);
}

/** The SQLSTATE, with its class linked to PostgreSQL's documentation. */
function sqlstateLine(sqlstate: string): HTMLElement {
  const line = make('div', 'sqlstate');
  line.append(make('span', 'fact-value', sqlstate));
  const name = SQLSTATE_CLASSES[sqlstate.slice(0, 2)];
  // User-defined codes (RAISE … USING ERRCODE) are not documented.
  if (name === undefined) return line;
  const link = makeControl('vscode-link', '', text('errorClass', sqlstate.slice(0, 2), name));
  // Appendix A has no anchors, so use text fragments: the browser scrolls to the class, and highlights it and the code.
  const fragments = [`Class ${sqlstate.slice(0, 2)}`, sqlstate].map((part) => `text=${encodeURIComponent(part)}`);
  setAttribute(link, 'href', `${APPENDIX}#:~:${fragments.join('&')}`);
  line.append(link);
  return line;
}

/** The line of the SQL with the error, and a caret below its position. `numbered`: show the line number, if no file location is shown. */
function errorLine(sql: string, error: ErrorView, numbered: boolean): HTMLElement | undefined {
  const { position } = error;
  if (position === undefined || position < 0 || position > sql.length) return undefined;
  const before = sql.slice(0, position);
  const start = before.lastIndexOf('\n') + 1;
  const end = sql.indexOf('\n', position);
  const line = sql.slice(start, end < 0 ? sql.length : end);
  const column = position - start;
  const from = Math.max(0, column - 200);
  const shown = line.slice(from, column + 200).replace(/\t/g, ' ');
  const box = make('div', 'error-line');
  const number = before.split('\n').length;
  const pre = make('pre', 'error-sql', `${shown}\n${' '.repeat(column - from)}^`);
  if (numbered) box.append(make('div', 'error-place', text('errorLine', number, column + 1)));
  box.append(pre);
  return box;
}

/** Draws the SQL and its actions. */
export function drawQuery(host: HTMLElement, head: ResultsHead, post: Post): void {
  host.replaceChildren();
  const bar = make('div', 'tab-bar');
  bar.append(button(text('queryOpen'), () => post({ type: 'openSql' }), true));
  if (head.canRerun) bar.append(button(text('queryRerun'), () => post({ type: 'rerun' })));
  bar.append(button(text('queryCopy'), () => post({ type: 'copyText', what: 'sql' })));
  host.append(bar);
  if (head.sql.length < head.sqlLength) {
    host.append(make('p', 'nothing', text('queryCut', head.sql.length, head.sqlLength)));
  }
  const sql = make('pre', 'query', head.sql);
  sql.tabIndex = 0;
  sql.setAttribute('aria-label', text('tabQuery'));
  host.append(sql);
}

/** Draws the details provided by the host: times, pid, connection, and settings. */
export function drawDetails(host: HTMLElement, head: ResultsHead): void {
  host.replaceChildren();
  const list = make('dl', 'facts');
  for (const { label, value } of head.details) addFact(list, label, make('div', 'fact-value', value));
  host.append(list);
}

function addFact(list: HTMLElement, label: string, value: HTMLElement): void {
  const definition = make('dd');
  definition.append(value);
  list.append(make('dt', '', label), definition);
}

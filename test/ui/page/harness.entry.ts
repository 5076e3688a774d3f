/**
 * Replaces VS Code and the host in a plain browser page: theme variables, `acquireVsCodeApi`, and answers with generated rows. Tests use it
 * through `window.harness`, which also records the page's requests.
 */
import { CELL_CHARACTERS } from '../../../src/shared/resultsLimits';
import { ENGLISH_NUMBERS } from '../../../src/shared/numberText';
import type { NoticeView, ResultsHead, ToPage } from '../../../src/shared/resultsProtocol';
import type { FromPage, OrderView } from '../../../src/shared/resultsRequests';
import { ATTACK, fakeColumns, fakeTile, fakeValue } from './fakeRows';
import type { Harness, HarnessOptions, ShownCell, ShownRows } from './harnessTypes';
import { THEME_CLASSES, THEMES, type ThemeName } from './themes';

declare global {
  interface Window {
    harnessOptions: HarnessOptions;
    harness: Harness;
    attacked?: number;
  }
}

const options = window.harnessOptions;
const rows = options.rows ?? 1_000_000;
const columns = fakeColumns(options.columns ?? 8);
const sent: FromPage[] = [];
const violations: string[] = [];
let order: { view: number; row: (row: number) => number; rows: number } = { view: 0, row: (row) => row, rows };
let found: { find: number; rows: number[] } = { find: 0, rows: [] };

document.addEventListener('securitypolicyviolation', (event) => {
  violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});

function setTheme(theme: ThemeName): void {
  const { style } = document.documentElement;
  for (const name of Object.keys(THEMES['hc-dark'])) style.removeProperty(`--vscode-${name}`);
  for (const [name, value] of Object.entries(THEMES[theme])) style.setProperty(`--vscode-${name}`, value);
  document.body.className = THEME_CLASSES[theme];
}

function send(message: ToPage): void {
  setTimeout(
    () => window.dispatchEvent(new MessageEvent('message', { data: structuredClone(message) })),
    options.delay ?? 0,
  );
}

function head(): ResultsHead {
  const sql = `SELECT *\n  FROM orders -- ${ATTACK}\n WHERE id <= 1000000`;
  const now = Date.now();
  return {
    id: 'job-1',
    label: `nightly totals ${ATTACK}`,
    pid: 4711,
    connection: 'warehouse',
    state: 'succeeded',
    stateText: 'Succeeded',
    startedAt: now - 65_000,
    ...(options.head?.state === undefined ? { finishedAt: now } : {}),
    now,
    sql,
    sqlLength: sql.length,
    rowCount: rows,
    commandTag: 'SELECT',
    details: [
      { label: 'Label', value: `nightly totals ${ATTACK}` },
      { label: 'Process id', value: '4711' },
      { label: 'Connection', value: 'warehouse' },
      { label: 'Launched', value: 'Nov 23, 2026, 9:00:00 PM' },
    ],
    canCancel: false,
    canRerun: true,
    ...options.head,
  };
}

function notices(): NoticeView[] {
  return Array.from({ length: options.notices ?? 0 }, (_, index) => ({
    at: 1_790_000_000_000 + index * 137,
    severity: index % 5 === 4 ? 'WARNING' : 'NOTICE',
    message: index % 7 === 0 ? ATTACK : `step ${index + 1} done`,
    ...(index % 5 === 4 ? { hint: 'Look at the plan.' } : {}),
  }));
}

function answer(message: FromPage): void {
  sent.push(message);
  switch (message.type) {
    case 'ready':
      send({
        type: 'init',
        strings: options.strings,
        language: 'en',
        numbers: ENGLISH_NUMBERS,
        head: head(),
        columns,
        rows: { rows, bytes: rows * 112, complete: options.growing !== true, dropped: 0 },
        notices: notices(),
        first: fakeTile(
          { row: 0, rows: 128, column: 0, columns: Math.min(64, columns.length) },
          rows,
          CELL_CHARACTERS,
          (r) => r,
        ),
        orderLimit: options.orderLimit ?? 5_000_000,
      });
      break;
    case 'tiles': {
      const { request, view } = message;
      const row = view === order.view ? order.row : (same: number): number => same;
      const count = view === 0 ? rows : order.rows;
      const tiles = message.ranges.map((range) => fakeTile(range, count, CELL_CHARACTERS, view === 0 ? (r) => r : row));
      send({ type: 'tiles', request, view, tiles });
      break;
    }
    case 'cell': {
      const row = message.view === 0 ? message.at.row : order.row(message.at.row);
      const value = fakeValue(row, message.at.column);
      send({ type: 'cell', request: message.request, value, length: value?.length ?? 0 });
      break;
    }
    case 'order':
      order = arrange(message.view, message.order);
      send({ type: 'order', view: message.view, state: 'working', rows: Math.floor(rows / 2) });
      send({ type: 'order', view: message.view, state: 'ready', rows: order.rows });
      break;
    case 'find':
      search(message);
      break;
    case 'findStep':
      step(message);
      break;
    case 'copy':
      send({ type: 'status', message: 'Copied.', severity: 'info' });
      break;
    default:
      break;
  }
}

/** Supports descending order, and simple filters. */
function arrange(view: number, wanted: OrderView): typeof order {
  const [filter] = wanted.filters;
  if (filter?.operator === 'equals') return { view, row: () => Number(filter.value) - 1, rows: 1 };
  if (filter !== undefined) return { view, row: (row) => row * 2, rows: Math.floor(rows / 2) };
  const down = wanted.sort[0]?.direction === 'descending';
  return { view, row: (row) => (down ? rows - 1 - row : row), rows };
}

/** Searches only the first column, whose values are row numbers. */
function search(message: Extract<FromPage, { type: 'find' }>): void {
  found = { find: message.find, rows: [] };
  for (let row = 0; row < rows && found.rows.length < 10_000; row++) {
    if ((row + 1).toString().includes(message.text)) found.rows.push(row);
  }
  const { find } = message;
  const count = found.rows.length;
  send({ type: 'find', find, scanned: rows / 2, total: rows, count: Math.min(1, count), capped: false, done: false });
  send({ type: 'find', find, scanned: rows, total: rows, count, capped: count === 10_000, done: true });
}

function step({ find, request, from, here, back }: Extract<FromPage, { type: 'findStep' }>): void {
  const after = found.rows.findIndex((row) => row > from.row || (here && row === from.row));
  const before = found.rows.findLastIndex((row) => row < from.row);
  const index = back ? (before >= 0 ? before : found.rows.length - 1) : Math.max(0, after);
  const row = found.rows[index];
  send({ type: 'findAt', find, request, index, ...(row === undefined ? {} : { at: { row, column: 0 } }) });
}

function frame(): Promise<number> {
  return new Promise((done) => requestAnimationFrame(done));
}

async function settle(): Promise<void> {
  do {
    await frame();
    await frame();
    await new Promise((done) => setTimeout(done, 20));
  } while (document.querySelector('.row:not(.unused) .cell.loading:not(.unused)') !== null);
}

function active(): ShownCell {
  const grid = document.querySelector('[role=grid]');
  const cell = document.getElementById(grid?.getAttribute('aria-activedescendant') ?? '');
  const row = Number(cell?.closest('[role=row]')?.getAttribute('aria-rowindex'));
  return { row: row - 2, column: Number(cell?.getAttribute('aria-colindex')) - 2, text: cell?.textContent ?? '' };
}

function seen(column: number): ShownRows {
  const body = document.querySelector('.grid-body')?.getBoundingClientRect();
  const texts: Record<number, string> = {};
  for (const row of document.querySelectorAll('.grid-body .row:not(.unused)')) {
    const bounds = row.getBoundingClientRect();
    if (body === undefined || bounds.top < body.top - 1 || bounds.bottom > body.bottom + 1) continue;
    const cell = row.querySelector(`.cell:not(.unused)[aria-colindex="${column + 2}"]`);
    texts[Number(row.getAttribute('aria-rowindex')) - 2] = cell?.textContent ?? '';
  }
  const numbers = Object.keys(texts).map(Number);
  return { first: Math.min(...numbers), last: Math.max(...numbers), texts };
}

function nodes(root: Document | ShadowRoot = document): number {
  const all = [...root.querySelectorAll('*')];
  return all.reduce((sum, element) => sum + (element.shadowRoot ? nodes(element.shadowRoot) : 0), all.length);
}

async function scrollFor(frames: number, step: number): Promise<number[]> {
  const grid = document.querySelector('.grid');
  const times: number[] = [];
  let last = await frame();
  for (let count = 0; count < frames && grid !== null; count++) {
    grid.scrollTop += step;
    const now = await frame();
    times.push(now - last);
    last = now;
  }
  return times;
}

setTheme(options.theme ?? 'dark');
/** Milliseconds from navigation until the content is on screen: the first rows, or the text of an empty page (Element Timing API). */
let contentAt = NaN;
function markContent(): boolean {
  const content = document.querySelector('.grid-body .cell:not(.loading, .unused, :empty), .empty-page');
  content?.setAttribute('elementtiming', 'content');
  return content !== null;
}
if (!markContent()) {
  const observer = new MutationObserver(() => {
    if (markContent()) observer.disconnect();
  });
  observer.observe(document, { childList: true, subtree: true, characterData: true });
}
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (Number.isNaN(contentAt)) contentAt = entry.startTime;
}).observe({ type: 'element', buffered: true });

window.harness = {
  sent,
  violations,
  send,
  setTheme,
  settle,
  active,
  seen,
  nodes,
  scrollFor,
  contentAt: () => contentAt,
};
const STATE = 'state';
Object.assign(window, {
  acquireVsCodeApi: () => ({
    postMessage: (message: FromPage) => answer(structuredClone(message)),
    getState: (): unknown => JSON.parse(sessionStorage.getItem(STATE) ?? 'null') ?? undefined,
    setState: (state: unknown) => sessionStorage.setItem(STATE, JSON.stringify(state)),
  }),
});

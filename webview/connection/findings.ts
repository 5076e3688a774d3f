import type { FixWay } from '../../src/shared/connectionFields';
import type { FindingStatus, FindingView, FixView, TestReport } from '../../src/shared/connectionProtocol';
import { visible } from '../../src/shared/displayText';
import { icon, make, makeControl } from '../base/dom';
import type { IconName } from '../base/icons';
import type { Post } from './post';
import { text } from './strings';

const LOOKS: Readonly<Record<FindingStatus, { readonly icon: IconName; readonly tone: string }>> = {
  ok: { icon: 'pass', tone: 'tone-good' },
  info: { icon: 'info', tone: 'tone-note' },
  warning: { icon: 'warning', tone: 'tone-warn' },
  error: { icon: 'error', tone: 'tone-bad' },
};

export function button(label: string, run: () => void, primary = false): HTMLElement {
  const made = makeControl('vscode-button', '', label);
  if (!primary) made.setAttribute('appearance', 'secondary');
  made.addEventListener('click', run);
  return made;
}

/** The report of a test: a list of findings with their fixes. */
export class Findings {
  readonly element = make('section', 'findings');
  readonly #summary = make('p', 'findings-summary');
  readonly #list = make('ul', 'findings-list');
  readonly #progress = make('div', 'progress');
  /** Screen readers read changes of it. */
  readonly #message = make('div', 'findings-message');

  readonly #post: Post;

  /** @param announces whether screen readers read the outcome here */
  constructor(post: Post, { announces }: { readonly announces: boolean }) {
    this.#post = post;

    this.element.setAttribute('aria-label', text('report'));
    this.element.hidden = true;
    this.#progress.append(make('div', 'progress-bit'));
    if (announces) this.#summary.setAttribute('role', 'status');
    this.#message.setAttribute('role', 'status');
    this.element.append(this.#progress, this.#summary, this.#message, this.#list);
  }

  show(report: TestReport): void {
    const { running, summary, findings } = report;
    this.element.hidden = false;
    this.element.setAttribute('aria-busy', String(running));
    this.#progress.hidden = !running;
    const failed = findings.some(({ status }) => status === 'error');
    this.#summary.className = `findings-summary ${running ? '' : failed ? 'summary-bad' : 'summary-good'}`;
    this.#summary.textContent = running ? text('testing') : visible(summary);
    if (running) this.#message.replaceChildren();
    this.#list.replaceChildren(...findings.map((finding, index) => this.#draw(report.number, finding, index)));
  }

  /** Shows a message at the top, where it is visible. */
  notify(message: string, severity: 'info' | 'error'): void {
    this.element.hidden = false;
    this.#message.className = `findings-message message-${severity}`;
    this.#message.textContent = visible(message);
  }

  #draw(report: number, finding: FindingView, index: number): HTMLElement {
    const { icon: name, tone } = LOOKS[finding.status];
    const item = make('li', `finding finding-${finding.status}`);
    const mark = make('span', `finding-mark ${tone}`);
    mark.append(icon(name), make('span', 'only-read', text(`status_${finding.status}`)));
    const body = make('div', 'finding-body');
    body.append(make('h2', 'finding-title', finding.title), make('p', 'finding-detail', finding.detail));
    // Actions share a line; each SQL has a separate box.
    const actions = make('div', 'finding-actions');
    finding.fixes.forEach((fix, at) => {
      const send = (way: FixWay) => (): void => this.#post({ type: 'fix', report, finding: index, fix: at, way });
      if (fix.sql !== undefined) body.append(drawSql(fix, fix.sql, send('copy'), send('run')));
      else if (fix.acts === true) actions.append(button(fix.title, send('act')));
    });
    if (actions.childElementCount > 0) body.append(actions);
    item.append(mark, body);
    return item;
  }
}

function drawSql({ title, mayRun }: FixView, sql: string, copy: () => void, run: () => void): HTMLElement {
  const box = make('div', 'fix');
  const line = make('div', 'fix-line');
  const code = make('pre', 'fix-sql', sql);
  code.tabIndex = 0;
  code.setAttribute('aria-label', title);
  const copyButton = button(text('copy'), copy);
  copyButton.setAttribute('aria-label', text('copyLabel', title));
  line.append(code, copyButton);
  if (mayRun === true) {
    const runButton = button(text('run'), run, true);
    runButton.setAttribute('aria-label', text('runLabel', title));
    line.append(runButton);
  }
  box.append(make('div', 'fix-title', `${title}:`), line);
  return box;
}

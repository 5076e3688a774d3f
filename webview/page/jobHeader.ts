import type { ResultsHead, ResultsState } from '../../src/shared/resultsProtocol';
import { visible } from '../../src/shared/displayText';
import { icon, make, makeControl, setAttribute } from '../base/dom';
import type { IconName } from '../base/icons';
import { formatRunning, formatSpan } from '../../src/shared/timeText';
import { text } from './strings';

/** The icon and color of each state. The host provides its text. */
const LOOKS: Readonly<Record<ResultsState, { readonly icon: IconName; readonly tone: string }>> = {
  queued: { icon: 'clock', tone: 'quiet' },
  launching: { icon: 'sync', tone: 'busy' },
  running: { icon: 'sync', tone: 'busy' },
  reading: { icon: 'sync', tone: 'busy' },
  canceling: { icon: 'sync', tone: 'warn' },
  unresponsive: { icon: 'warning', tone: 'warn' },
  detached: { icon: 'sync', tone: 'quiet' },
  succeeded: { icon: 'pass', tone: 'good' },
  failed: { icon: 'error', tone: 'bad' },
  canceled: { icon: 'canceled', tone: 'quiet' },
  lost: { icon: 'error', tone: 'bad' },
  finished: { icon: 'pass', tone: 'quiet' },
};

/** The line above the tabs: the job, its state, and Cancel while it can be canceled. */
export class JobHead {
  readonly element = make('header', 'job-head');
  readonly #state = make('span', 'job-state');
  readonly #label = make('h1', 'job-label');
  readonly #facts = make('span', 'job-facts');
  readonly #elapsed = make('span', 'job-elapsed');
  readonly #cancel = makeControl('vscode-button', 'job-cancel');
  readonly #reason = make('div', 'job-reason');
  readonly #progress = make('div', 'job-progress');
  readonly #bar = make('div', 'job-bar');
  readonly #fill = make('div', 'job-fill');
  readonly #progressText = make('span', 'job-progress-text');
  #head: ResultsHead | undefined;
  #offset = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(onCancel: () => void) {
    const line = make('div', 'job-line');
    // Screen readers announce changes of the state, but not of the elapsed time.
    this.#state.setAttribute('role', 'status');
    this.#elapsed.title = text('elapsed');
    this.#cancel.setAttribute('appearance', 'secondary');
    this.#cancel.textContent = text('cancel');
    this.#cancel.addEventListener('click', onCancel);
    line.append(this.#state, this.#label, this.#facts, this.#elapsed, this.#cancel);
    this.#bar.append(this.#fill);
    this.#bar.setAttribute('role', 'progressbar');
    this.#bar.setAttribute('aria-label', text('progress'));
    this.#progress.append(this.#bar, this.#progressText);
    this.element.append(line, this.#reason, this.#progress);
  }

  update(head: ResultsHead): void {
    const before = this.#head;
    this.#head = head;
    // The clocks of host and page may differ (remote window), so use only differences to the message's own time.
    this.#offset = Date.now() - head.now;
    const look = LOOKS[head.state];
    if (before?.state !== head.state || before.stateText !== head.stateText) {
      this.#state.className = `job-state tone-${look.tone}`;
      this.#state.replaceChildren(icon(look.icon), head.stateText);
    }
    if (before?.label !== head.label) {
      this.#label.textContent = visible(head.label);
      this.#label.title = visible(head.label);
    }
    const facts = [head.pid === undefined ? undefined : text('pid', head.pid.toString()), head.connection];
    const factsText = visible(facts.filter((fact) => fact !== undefined && fact !== '').join(' · '));
    if (this.#facts.textContent !== factsText) this.#facts.textContent = factsText;
    this.#cancel.hidden = !head.canCancel;
    this.#reason.textContent = visible(head.reason ?? '');
    this.#reason.hidden = head.reason === undefined || head.reason === '';
    this.#showProgress(head);
    this.#tick();
    clearInterval(this.#timer);
    if (head.startedAt !== undefined && head.finishedAt === undefined) {
      this.#timer = setInterval(() => this.#tick(), 250);
    }
  }

  dispose(): void {
    clearInterval(this.#timer);
  }

  #showProgress(head: ResultsHead): void {
    const running = head.finishedAt === undefined;
    const { progress } = head;
    this.#progress.hidden = progress === undefined || !running;
    if (progress === undefined) return;
    const pct = Math.min(100, Math.max(0, progress.pct));
    this.#fill.style.setProperty('width', `${pct}%`);
    setAttribute(this.#bar, 'aria-valuenow', Math.round(pct).toString());
    this.#progressText.textContent = [`${Math.round(pct)}%`, visible(progress.message)]
      .filter((part) => part !== '')
      .join(' · ');
    setAttribute(this.#bar, 'aria-valuetext', this.#progressText.textContent);
  }

  #tick(): void {
    const head = this.#head;
    if (head?.startedAt === undefined) {
      this.#elapsed.textContent = '';
      return;
    }
    const { startedAt, finishedAt } = head;
    this.#elapsed.textContent =
      finishedAt === undefined
        ? formatRunning(Date.now() - this.#offset - startedAt)
        : formatSpan(finishedAt - startedAt);
  }
}

import type { ToPage } from '../../src/shared/resultsProtocol';
import type { CellAt, FromPage } from '../../src/shared/resultsRequests';
import { handled, iconButton, isCommandKey, make } from '../base/dom';
import { text } from './strings';

/** Delay between the last key and the search, so that typing does not start a search per letter. Milliseconds. */
const TYPING_MS = 180;

export interface FindActions {
  post(message: FromPage): void;
  /** The view number, and the cell from which to search. */
  view(): number;
  from(): CellAt;
  /** The shown columns. */
  columns(): readonly number[];
  goTo(at: CellAt): void;
  /** Highlights a text in the cells; undefined for none. */
  mark(mark: FindMark | undefined): void;
  closed(): void;
}

export interface FindMark {
  readonly text: string;
  readonly matchCase: boolean;
  readonly regex: boolean;
}

/** Find in all rows. The host searches the file; the bar shows its progress. */
export class FindBar {
  readonly element = make('div', 'find-bar');
  readonly #input = make('input', 'find-input');
  readonly #count = make('span', 'find-count');
  readonly #bar = make('div', 'find-progress');
  #find = 0;
  #request = 0;
  #index: number | undefined;
  #status: Extract<ToPage, { type: 'find' }> | undefined;
  /** Steps requested while another one is running: each continues from its result. Negative steps go back. */
  #steps = 0;
  #stepping = false;
  /** Go to the first match as soon as there is one. */
  #waiting = false;
  #matchCase = false;
  #regex = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly #actions: FindActions;

  constructor(actions: FindActions) {
    this.#actions = actions;

    this.element.hidden = true;
    this.element.setAttribute('role', 'search');
    this.#input.type = 'text';
    this.#input.spellcheck = false;
    this.#input.placeholder = text('findPlaceholder');
    this.#input.setAttribute('aria-label', text('findPlaceholder'));
    this.#input.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#start(), TYPING_MS);
    });
    this.#count.setAttribute('role', 'status');
    const toggle = (label: string, sign: string, flip: () => boolean): HTMLButtonElement => {
      const button = make('button', 'find-toggle', sign);
      button.type = 'button';
      button.title = label;
      button.setAttribute('aria-label', label);
      button.setAttribute('aria-pressed', 'false');
      button.addEventListener('click', () => {
        button.setAttribute('aria-pressed', flip() ? 'true' : 'false');
        this.#start();
      });
      return button;
    };
    this.element.append(
      this.#input,
      toggle(text('findCase'), 'Aa', () => (this.#matchCase = !this.#matchCase)),
      toggle(text('findRegex'), '.*', () => (this.#regex = !this.#regex)),
      this.#count,
      iconButton('up', text('findPrevious'), () => this.step(true)),
      iconButton('down', text('findNext'), () => this.step(false)),
      iconButton('close', text('findClose'), () => this.close()),
      this.#bar,
    );
    this.element.addEventListener('keydown', (event) => this.#key(event));
  }

  open(): void {
    this.element.hidden = false;
    this.#input.focus();
    this.#input.select();
    if (this.#input.value !== '' && this.#status === undefined) this.#start();
  }

  close(): void {
    if (this.element.hidden) return;
    clearTimeout(this.#timer);
    this.element.hidden = true;
    this.#actions.post({ type: 'findCancel' });
    this.#reset();
    this.#actions.closed();
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  /** Searches the text again, in another view. */
  viewChanged(): void {
    if (this.isOpen && this.#input.value !== '') this.#start(false);
  }

  step(back: boolean): void {
    if (this.element.hidden || this.#input.value === '') this.open();
    else if (this.#status === undefined) this.#start();
    else if (this.#stepping) this.#steps += back ? -1 : 1;
    else this.#ask(back, false);
  }

  progress(message: Extract<ToPage, { type: 'find' }>): void {
    if (message.find !== this.#find) return;
    this.#status = message;
    this.#bar.style.setProperty('width', message.total === 0 ? '0' : `${(message.scanned / message.total) * 100}%`);
    this.#bar.hidden = message.done;
    if (this.#waiting && message.count > 0) {
      this.#waiting = false;
      this.#ask(false, true);
    }
    this.#show();
  }

  found(message: Extract<ToPage, { type: 'findAt' }>): void {
    if (message.find !== this.#find || message.request !== this.#request) return;
    this.#index = message.at === undefined ? undefined : message.index;
    if (message.at !== undefined) this.#actions.goTo(message.at);
    this.#stepping = false;
    if (this.#steps !== 0) {
      const back = this.#steps < 0;
      this.#steps += back ? 1 : -1;
      this.#ask(back, false);
    }
    this.#show();
  }

  #ask(back: boolean, here: boolean): void {
    this.#stepping = true;
    const from = this.#actions.from();
    this.#actions.post({ type: 'findStep', find: this.#find, request: ++this.#request, from, here, back });
  }

  #start(jump = true): void {
    this.#reset();
    const value = this.#input.value;
    if (value === '') {
      this.#actions.post({ type: 'findCancel' });
      return;
    }
    this.#waiting = jump;
    this.#actions.mark({ text: value, matchCase: this.#matchCase, regex: this.#regex });
    this.#actions.post({
      type: 'find',
      find: this.#find,
      view: this.#actions.view(),
      text: value,
      matchCase: this.#matchCase,
      regex: this.#regex,
      columns: this.#actions.columns(),
    });
    this.#count.textContent = text('findSearching');
  }

  #reset(): void {
    this.#find++;
    this.#index = undefined;
    this.#status = undefined;
    this.#waiting = false;
    this.#stepping = false;
    this.#steps = 0;
    this.#count.textContent = '';
    this.#count.className = 'find-count';
    this.#bar.hidden = true;
    this.#actions.mark(undefined);
  }

  #show(): void {
    const status = this.#status;
    if (status === undefined) return;
    const count = `${status.count.toLocaleString()}${status.capped || !status.done ? '+' : ''}`;
    if (status.message !== undefined) this.#count.textContent = status.message;
    else if (status.count === 0) this.#count.textContent = text(status.done ? 'findNone' : 'findSearching');
    else if (this.#index === undefined) this.#count.textContent = text('findCountOnly', count);
    else this.#count.textContent = text('findCount', this.#index + 1, count);
    this.#count.title = this.#count.textContent;
    this.#count.classList.toggle('find-nothing', status.done && status.count === 0);
  }

  #key(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.close();
    else if (event.key === 'Enter' && event.target === this.#input) {
      clearTimeout(this.#timer);
      if (this.#status === undefined && this.#input.value !== '') this.#start();
      else this.step(event.shiftKey);
    } else if (event.key === 'F3') this.step(event.shiftKey);
    else if (isCommandKey(event) && event.key.toLowerCase() === 'f') this.#input.select();
    else return;
    handled(event);
  }
}

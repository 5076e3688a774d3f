import type { ColumnView, ToPage } from '../../src/shared/resultsProtocol';
import type { FromPage } from '../../src/shared/resultsRequests';
import { visible } from '../../src/shared/displayText';
import { handled, iconButton, isCommandKey, make } from '../base/dom';
import { clearHighlights, highlightJson } from './highlight';
import { formatJson, type JsonText } from './jsonText';
import { counted, formatNumber, text } from './strings';

/** A longer value is not formatted, because that would block the page. UTF-16 units. */
const FORMAT_LIMIT = 400_000;
const MIN_SHARE = 0.15;
const MAX_SHARE = 0.75;

export interface DetailActions {
  post(message: FromPage): void;
  view(): number;
  closed(): void;
  changed(): void;
}

/** Shows one whole value. JSON is formatted and highlighted. */
export class DetailPane {
  readonly element = make('aside', 'detail');
  readonly sash = make('div', 'sash');
  readonly #title = make('span', 'detail-title');
  readonly #facts = make('span', 'detail-facts');
  readonly #content = make('pre', 'detail-content');
  readonly #note = make('div', 'detail-note');
  readonly #raw = make('button', 'find-toggle', '{ }');
  #request = 0;
  #at: { row: number; column: number } | undefined;
  #value: string | null | undefined;
  #showRaw = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  share = 0.36;

  readonly #actions: DetailActions;

  constructor(actions: DetailActions) {
    this.#actions = actions;

    this.element.hidden = true;
    this.sash.hidden = true;
    this.element.setAttribute('aria-label', text('detailName'));
    this.#content.tabIndex = 0;
    this.#content.setAttribute('role', 'document');
    this.#raw.type = 'button';
    this.#raw.title = text('detailRaw');
    this.#raw.setAttribute('aria-label', text('detailRaw'));
    this.#raw.setAttribute('aria-pressed', 'false');
    this.#raw.addEventListener('click', () => {
      this.#showRaw = !this.#showRaw;
      this.#raw.setAttribute('aria-pressed', this.#showRaw ? 'true' : 'false');
      this.#show();
    });
    const bar = make('div', 'detail-bar');
    const buttons = make('div', 'detail-buttons');
    buttons.append(
      this.#raw,
      iconButton('copy', text('detailCopy'), () => this.#ask('copyValue')),
      iconButton('open', text('detailOpen'), () => this.#ask('openValue')),
      iconButton('close', text('detailClose'), () => this.close()),
    );
    bar.append(this.#title, buttons);
    this.element.append(bar, this.#facts, this.#note, this.#content);
    this.element.addEventListener('keydown', (event) => this.#key(event));
    this.#initSash();
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  open(focus: boolean): void {
    if (!this.isOpen) {
      this.element.hidden = false;
      this.sash.hidden = false;
      this.resize(this.share);
    }
    if (focus) this.#content.focus();
  }

  close(): void {
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.sash.hidden = true;
    this.#at = undefined;
    this.#content.replaceChildren();
    clearHighlights();
    this.#actions.closed();
    this.#actions.changed();
  }

  /** Requests the value of a cell, after a short delay in case the active cell changes again. */
  setCell(row: number, column: number, view: ColumnView | undefined): void {
    if (this.#at?.row === row && this.#at.column === column) return;
    this.#at = { row, column };
    this.#title.textContent = visible(view?.name ?? '');
    this.#title.title = visible(view?.name ?? '');
    this.#facts.textContent = `${visible(view?.type ?? '')} · ${text('row', row + 1)}`;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#actions.post({ type: 'cell', request: ++this.#request, view: this.#actions.view(), at: { row, column } });
    }, 30);
  }

  /** Makes the next `setCell` request the value even if the cell is the same. */
  forget(): void {
    this.#at = undefined;
  }

  receive(message: Extract<ToPage, { type: 'cell' | 'cellFailed' }>): void {
    if (message.request !== this.#request || this.#at === undefined) return;
    if (message.type === 'cellFailed') {
      this.#value = undefined;
      this.#note.textContent = visible(message.message);
      this.#content.replaceChildren();
      return;
    }
    this.#value = message.value;
    const [type] = this.#facts.textContent.split(' · ');
    const facts = [type ?? '', text('row', this.#at.row + 1)];
    if (message.value !== null) {
      facts.push(counted('detailCharacters', message.length));
      const lines = message.value.split('\n').length;
      if (lines > 1) facts.push(text('detailLines', lines));
    }
    this.#facts.textContent = facts.join(' · ');
    this.#note.textContent =
      message.value !== null && message.length > message.value.length
        ? text('detailCut', formatNumber(message.value.length))
        : '';
    this.#show();
  }

  /** Sets the share of the page that the pane takes (of its width, or its height if stacked), 0 to 1. */
  resize(share: number): void {
    this.share = Math.min(Math.max(share, MIN_SHARE), MAX_SHARE);
    this.element.style.setProperty('flex-basis', `${this.share * 100}%`);
    this.sash.setAttribute('aria-valuenow', Math.round(this.share * 100).toString());
  }

  #show(): void {
    const value = this.#value;
    clearHighlights();
    this.#content.className = 'detail-content';
    if (value === undefined) return;
    if (value === null || value === '') {
      this.#raw.hidden = true;
      this.#content.classList.add('detail-nothing');
      this.#content.textContent = text(value === null ? 'null' : 'emptyString');
      return;
    }
    const json: JsonText | undefined = value.length <= FORMAT_LIMIT ? formatJson(value) : undefined;
    this.#raw.hidden = json === undefined;
    if (json === undefined || this.#showRaw) {
      this.#content.textContent = visible(value);
      return;
    }
    const node = document.createTextNode(visible(json.text));
    this.#content.replaceChildren(node);
    highlightJson(node, json.tokens);
  }

  #ask(type: 'copyValue' | 'openValue'): void {
    if (this.#at !== undefined) this.#actions.post({ type, view: this.#actions.view(), at: this.#at });
  }

  #key(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.close();
    else if (isCommandKey(event) && event.key.toLowerCase() === 'a' && event.target === this.#content) {
      getSelection()?.selectAllChildren(this.#content);
    } else return;
    handled(event);
  }

  #initSash(): void {
    this.sash.tabIndex = 0;
    this.sash.setAttribute('role', 'separator');
    this.sash.setAttribute('aria-orientation', 'vertical');
    this.sash.setAttribute('aria-label', text('detailResize'));
    this.sash.setAttribute('aria-valuemin', (MIN_SHARE * 100).toString());
    this.sash.setAttribute('aria-valuemax', (MAX_SHARE * 100).toString());
    this.sash.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      this.sash.setPointerCapture(event.pointerId);
    });
    this.sash.addEventListener('pointermove', (event) => {
      const bounds = this.element.parentElement?.getBoundingClientRect();
      if (bounds === undefined || !this.sash.hasPointerCapture(event.pointerId)) return;
      const stacked = this.element.offsetTop > this.sash.offsetTop;
      this.resize(
        stacked ? (bounds.bottom - event.clientY) / bounds.height : (bounds.right - event.clientX) / bounds.width,
      );
    });
    this.sash.addEventListener('pointerup', () => this.#actions.changed());
    this.sash.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: 0.03, ArrowUp: 0.03, ArrowRight: -0.03, ArrowDown: -0.03 }[event.key];
      if (by === undefined) return;
      handled(event);
      this.resize(this.share + by);
      this.#actions.changed();
    });
  }
}

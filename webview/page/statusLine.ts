import type { RowsLimit } from '../../src/shared/resultsLimits';
import type { RowsView } from '../../src/shared/resultsProtocol';
import { visible } from '../../src/shared/displayText';
import { icon, make } from '../base/dom';
import type { GridModel } from '../grid/model';
import { counted, formatBytes, text } from './strings';
import { button } from './textTabs';

const MESSAGE_MS = 6_000;

/** The line below the grid: number and size of the rows, selection, and messages. */
export class StatusLine {
  readonly element = make('footer', 'status-line');
  /** Shown above the rows if some were not kept, so that it is not overlooked. */
  readonly note = make('div', 'rows-note');
  readonly #rows = make('span', 'status-rows');
  readonly #message = make('span', 'status-message');
  readonly #selected = make('span', 'status-selected');
  readonly #noteText = make('span', 'rows-note-text');
  readonly #change: HTMLElement;
  #limit: RowsLimit | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param changeLimit opens the setting that limits the rows */
  constructor(changeLimit: (limit: RowsLimit) => void) {
    this.#message.setAttribute('role', 'status');
    this.note.setAttribute('role', 'status');
    this.note.hidden = true;
    this.#change = button(text('changeLimit'), () => {
      if (this.#limit !== undefined) changeLimit(this.#limit);
    });
    this.note.append(icon('warning'), this.#noteText, this.#change);
    this.element.append(this.#rows, this.#message, this.#selected);
  }

  update(model: GridModel): void {
    const { stored } = model;
    put(this.#rows, `${rowsText(model, stored)} · ${formatBytes(stored.bytes)}`);
    const message = notKept(stored);
    this.#limit = stored.limit;
    this.note.hidden = message === '';
    this.#change.hidden = stored.limit === undefined;
    put(this.#noteText, message);
    put(this.#selected, selectionText(model));
  }

  /** Shows a message for a few seconds; an error until the next message. */
  showMessage(message: string, severity: 'info' | 'error'): void {
    clearTimeout(this.#timer);
    this.#message.className = `status-message status-${severity}`;
    this.#message.textContent = visible(message);
    this.#message.title = visible(message);
    if (severity === 'info') this.#timer = setTimeout(() => this.#message.replaceChildren(), MESSAGE_MS);
  }
}

/** Why some rows are missing; empty if none are. */
function notKept({ rows, dropped, limit, message }: RowsView): string {
  if (limit !== undefined) return text('rowsLimited', rows, rows + dropped, `pgBackground.results.${limit}`);
  return message ?? (dropped > 0 ? counted('rowsDropped', dropped) : '');
}

function rowsText(model: GridModel, stored: RowsView): string {
  const all = stored.rows === 1 ? text('rowsCountOne') : text('rowsCount', stored.rows);
  if (model.view !== 0 && model.rows !== stored.rows) return text('rowsOf', model.rows, stored.rows);
  return stored.complete ? all : counted('rowsGrowing', stored.rows);
}

function selectionText(model: GridModel): string {
  const { selection, layout } = model;
  if (selection.ranges.length === 0) return '';
  const ranges = selection.resolved(model.rows, layout.length);
  const cells = ranges.reduce((sum, r) => sum + (r.bottom - r.top + 1) * (r.right - r.left + 1), 0);
  const [only] = ranges;
  if (ranges.length === 1 && only !== undefined) {
    return text('selected', only.bottom - only.top + 1, only.right - only.left + 1);
  }
  return text('selectedCells', cells);
}

function put(element: HTMLElement, value: string): void {
  if (element.textContent !== value) element.textContent = value;
}

import { handled, make } from '../base/dom';
import { text } from './strings';

/** The box for Go to Row (Ctrl+G). */
export class GoToRow {
  readonly element = make('div', 'find-bar go-bar');
  readonly #input = make('input', 'find-input');
  readonly #label = make('label', 'go-label', text('goToRow'));

  readonly #rows: () => number;
  readonly #go: (row: number) => void;
  readonly #closed: () => void;

  constructor(rows: () => number, go: (row: number) => void, closed: () => void) {
    this.#rows = rows;
    this.#go = go;
    this.#closed = closed;

    this.element.hidden = true;
    this.#input.type = 'text';
    this.#input.inputMode = 'numeric';
    this.#input.id = 'go-to-row';
    this.#label.htmlFor = this.#input.id;
    this.element.append(this.#label, this.#input);
    this.element.addEventListener('keydown', (event) => this.#key(event));
    this.#input.addEventListener('blur', () => (this.element.hidden = true));
  }

  open(): void {
    this.element.hidden = false;
    this.#input.placeholder = text('goToRowPlaceholder', this.#rows());
    this.#input.value = '';
    this.#input.focus();
  }

  #key(event: KeyboardEvent): void {
    if (event.key === 'Enter') {
      // A copied number may contain grouping characters. A negative number counts from the end.
      const typed = Number(this.#input.value.replace(/[\s.,'_]/g, ''));
      if (Number.isInteger(typed) && typed !== 0) {
        const row = typed > 0 ? typed - 1 : this.#rows() + typed;
        this.#go(Math.min(Math.max(0, row), this.#rows() - 1));
      }
    } else if (event.key !== 'Escape') return;
    handled(event);
    this.element.hidden = true;
    this.#closed();
  }
}

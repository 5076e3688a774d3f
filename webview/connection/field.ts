import { make, makeControl, setAttribute } from '../base/dom';
import { makeCheckbox, makeDropdown, makeTextField, type CheckControl, type ValueControl } from '../base/controls';

let ids = 0;

/** A control with its label above, and below it a hint and, where there is one, what is wrong. */
export abstract class Field<T> {
  readonly element = make('div', 'field');
  protected readonly hint = make('div', 'field-hint');
  readonly #problem = make('div', 'field-problem');

  protected constructor(
    readonly label: string,
    readonly control: HTMLElement,
    hint: string,
  ) {
    this.hint.textContent = hint;
    this.hint.hidden = hint === '';
    this.#problem.hidden = true;
    // Where a test or a screen reader finds it by.
    control.id = `field-${++ids}`;
  }

  abstract get value(): T;
  abstract set value(value: T);

  get faulty(): boolean {
    return !this.#problem.hidden;
  }

  setHint(hint: string): void {
    this.hint.textContent = hint;
    this.hint.hidden = hint === '';
    this.describe();
  }

  /** Shows what is wrong; undefined where nothing is. */
  setProblem(problem: string | undefined): void {
    this.#problem.textContent = problem ?? '';
    this.#problem.hidden = problem === undefined;
    this.element.classList.toggle('faulty', problem !== undefined);
    this.describe();
  }

  focus(): void {
    this.control.focus();
  }

  /**
   * Tells screen readers the hint and the fault. The toolkit's input is in a shadow root, into which no `aria-describedby`
   * reaches, so that it gets the words themselves.
   */
  protected describe(): void {
    const words = [this.#problem.textContent, this.hint.hidden ? '' : this.hint.textContent].filter(
      (one) => one !== '',
    );
    const inner = this.control.shadowRoot?.querySelector('input') ?? this.control;
    setAttribute(inner, 'aria-description', words.length === 0 ? undefined : words.join(' '));
    setAttribute(inner, 'aria-invalid', this.faulty ? 'true' : undefined);
    // The toolkit calls a text field without text of its own "Text field", whatever it was called before.
    setAttribute(this.control, 'aria-label', this.label);
  }

  protected assemble(...parts: readonly Node[]): void {
    this.element.append(...parts, this.#problem, this.hint);
    // The toolkit draws a control a moment after it is in the document.
    requestAnimationFrame(() => this.describe());
  }
}

function labelFor(control: HTMLElement, label: string): HTMLElement {
  const element = make('label', 'field-label', label);
  element.htmlFor = control.id;
  element.addEventListener('click', () => control.focus());
  return element;
}

export interface TextOptions {
  readonly hint?: string;
  readonly placeholder?: string;
  /** `password`, or `address` for a text that may have one in it. */
  readonly secret?: 'password' | 'address';
  /** Put beside the control. */
  readonly beside?: HTMLElement;
}

export class TextBox extends Field<string> {
  declare readonly control: ValueControl;

  constructor(label: string, options: TextOptions = {}) {
    // The toolkit's field writes what is typed into an attribute (`current-value`), where a secret has no place.
    super(label, options.secret ? make('input', 'field-control') : makeTextField('field-control'), options.hint ?? '');
    if (options.secret) {
      this.control.setAttribute('type', options.secret === 'password' ? 'password' : 'text');
      this.control.setAttribute('autocomplete', options.secret === 'password' ? 'new-password' : 'off');
    }
    this.control.setAttribute('spellcheck', 'false');
    this.setPlaceholder(options.placeholder ?? '');
    const row = make('div', 'field-row');
    row.append(this.control, ...(options.beside ? [options.beside] : []));
    this.assemble(labelFor(this.control, label), row);
  }

  get value(): string {
    return this.control.value;
  }

  set value(value: string) {
    this.control.value = value;
  }

  setPlaceholder(placeholder: string): void {
    setAttribute(this.control, 'placeholder', placeholder);
  }
}

export class Choice<T extends string> extends Field<T> {
  declare readonly control: ValueControl;

  readonly #choices: readonly T[];

  constructor(label: string, choices: readonly T[], textOf: (choice: T) => string, hint = '') {
    super(label, makeDropdown('field-control'), hint);
    this.#choices = choices;

    for (const choice of choices) {
      const option = makeControl('vscode-option', '', textOf(choice));
      option.setAttribute('value', choice);
      this.control.append(option);
    }
    this.assemble(labelFor(this.control, label), this.control);
  }

  get value(): T {
    return this.#choices.find((choice) => choice === this.control.value) ?? (this.#choices[0] as T);
  }

  set value(value: T) {
    this.control.value = value;
  }
}

export class Check extends Field<boolean> {
  declare readonly control: CheckControl;

  constructor(label: string, hint = '') {
    super(label, makeCheckbox(label), hint);
    this.assemble(this.control);
  }

  get value(): boolean {
    return this.control.checked;
  }

  set value(value: boolean) {
    this.control.checked = value;
  }
}

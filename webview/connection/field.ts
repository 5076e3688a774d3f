import { make, makeControl, setAttribute } from '../base/dom';
import { makeCheckbox, makeDropdown, makeTextField, type CheckControl, type ValueControl } from '../base/controls';

let ids = 0;

/** A control with a label above it, and a problem and a hint below it. */
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
    // The label refers to it.
    control.id = `field-${++ids}`;
  }

  abstract get value(): T;
  abstract set value(value: T);

  get invalid(): boolean {
    return !this.#problem.hidden;
  }

  setHint(hint: string): void {
    this.hint.textContent = hint;
    this.hint.hidden = hint === '';
    this.describe();
  }

  /** Shows a problem, or removes it. */
  setProblem(problem: string | undefined): void {
    this.#problem.textContent = problem ?? '';
    this.#problem.hidden = problem === undefined;
    this.element.classList.toggle('invalid', problem !== undefined);
    this.describe();
  }

  focus(): void {
    this.control.focus();
  }

  /**
   * Describes the control to screen readers by its problem and hint. `aria-describedby` cannot refer from the toolkit's shadow root
   * to elements outside it, so that the input gets the texts themselves.
   */
  protected describe(): void {
    const texts = [this.#problem.textContent, this.hint.hidden ? '' : this.hint.textContent].filter(
      (part) => part !== '',
    );
    const inner = this.control.shadowRoot?.querySelector('input') ?? this.control;
    setAttribute(inner, 'aria-description', texts.length === 0 ? undefined : texts.join(' '));
    setAttribute(inner, 'aria-invalid', this.invalid ? 'true' : undefined);
    // Without this, the toolkit labels a text field without content "Text field".
    setAttribute(this.control, 'aria-label', this.label);
  }

  protected assemble(...parts: readonly Node[]): void {
    this.element.append(...parts, this.#problem, this.hint);
    // The toolkit renders a control one frame after it is added to the document.
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
  /** `password`, or `address` for a text that may contain one. */
  readonly secret?: 'password' | 'address';
  /** Shown to the right of the control. */
  readonly beside?: HTMLElement;
}

export class TextBox extends Field<string> {
  declare readonly control: ValueControl;

  constructor(label: string, options: TextOptions = {}) {
    // The toolkit's field copies its value to an attribute (`current-value`), which is no place for a secret.
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

import type {
  FormField,
  FormInit,
  FormValues,
  KnownPassword,
  OfferView,
  Problems,
  SavedConnectionPage,
  ToConnectionPage,
} from '../../src/shared/connectionProtocol';
import { visible } from '../../src/shared/displayText';
import { handled, isCommandKey, make } from '../base/dom';
import { openMenu } from '../base/menu';
import { type Field, TextBox } from './field';
import { button, Findings } from './findings';
import { FormFields } from './formFields';
import { sections } from './formLayout';
import type { Post } from './post';
import { text } from './strings';

type SavedForm = Extract<SavedConnectionPage, { kind: 'form' }>;
type Action = 'test' | 'save';

/** The form of a connection. Whatever may hold a password is kept in no state, and nowhere once it is not needed. */
export class FormPage {
  readonly element = make('main', 'connection-page');
  readonly #fields: FormFields;
  readonly #paste = new TextBox(text('paste'), {
    hint: text('pasteHint'),
    placeholder: text('pastePlaceholder'),
    secret: 'address',
    beside: button(text('startFrom'), () => this.#post({ type: 'offers' })),
  });
  readonly #forget = button(text('passwordForget'), () => this.#post({ type: 'forget' }));
  readonly #scroll = make('div', 'form-scroll');
  readonly advanced = make('details', 'section advanced');
  readonly restNote = make('p', 'note');
  readonly forgetNote = make('p', 'note');
  readonly #status = make('span', 'form-status');
  readonly #findings: Findings;
  readonly #testButton = button(text('test'), () => this.#start('test'));
  readonly #cancelButton = button(text('cancelTest'), () => this.#post({ type: 'cancelTest' }));
  readonly #closeButton = button(text('cancel'), () => this.#post({ type: 'close' }));
  readonly #saveButton = button(text('save'), () => this.#start('save'), true);
  readonly #touched = new Set<FormField>();
  #known: KnownPassword;
  /** An address is being read by the host; what was asked for meanwhile is done after. */
  #reading = false;
  #waiting: Action | undefined;
  /** The fields as the host last got them to fill in; what is typed since then is kept. */
  #sentValues: FormValues | undefined;

  readonly #post: Post;
  readonly #save: (state: SavedForm) => void;

  constructor(
    readonly init: FormInit,
    saved: SavedForm | undefined,
    post: Post,
    save: (state: SavedForm) => void,
  ) {
    this.#post = post;
    this.#save = save;

    this.#findings = new Findings(post, { announces: false });
    this.#fields = new FormFields((field) => post({ type: 'browse', field }), this.#forget);
    this.#known = init.password;
    this.#assemble();
    this.#listen();
    const mine = saved !== undefined && saved.editing === init.editing ? saved : undefined;
    const values = mine?.values ?? init.values;
    // The toolkit's dropdowns take a value once their options are in the document.
    this.#settle = () => {
      this.#fields.values = init.hasWorkspace ? values : { ...values, scope: 'user' };
      this.advanced.open = mine?.advanced ?? this.#usesAdvanced();
      this.#refresh();
      this.#keep();
    };
    if (init.examination) this.#showExamination(init.examination.running);
    if (init.examination) this.#findings.show(init.examination);
  }

  readonly #settle: () => void;

  shown(): void {
    this.#settle();
    const first = this.init.editing === undefined ? this.#paste : this.#fields.texts.host;
    requestAnimationFrame(() => first.focus());
  }

  take(message: Exclude<ToConnectionPage, { type: 'init' }>): void {
    switch (message.type) {
      case 'fill':
        this.#paste.value = '';
        this.#paste.setProblem(undefined);
        this.#fields.password.value = '';
        this.#fields.values = this.#withTyped(message.values);
        this.#known = message.password;
        for (const field of this.#allFields()) field.setProblem(undefined);
        this.#say(message.said, 'info');
        this.#refresh();
        this.#keep();
        this.#goOn(true);
        break;
      case 'problems':
        this.#showProblems(message.problems, message.all);
        break;
      case 'mark':
        this.#fields.of(message.field).setProblem(message.problem);
        break;
      case 'password':
        this.#known = message.password;
        this.#fields.password.value = '';
        this.#say(message.said, 'info');
        this.#refresh();
        this.#fields.password.focus();
        break;
      case 'offers':
        this.#offer(message.offers);
        break;
      case 'file':
        this.#fields.texts[message.field].value = message.path;
        this.#changed(message.field);
        break;
      case 'examination':
        this.#showExamination(message.examination.running);
        this.#findings.show(message.examination);
        this.#say(message.examination.running ? text('examining') : message.examination.summary, 'info');
        // Of a longer list before, the beginning of the new one.
        this.#findings.element.scrollTop = 0;
        break;
      case 'focus':
        this.#reveal(message.field);
        break;
      case 'saved':
        this.#fields.password.value = '';
        this.#paste.value = '';
        break;
      case 'said':
        this.#say(message.message, message.severity);
        break;
    }
  }

  /* Layout */

  #assemble(): void {
    const top = make('header', 'form-top');
    top.append(
      make('h1', 'page-title', this.init.title),
      make('p', 'page-origin', this.init.origin),
      this.#paste.element,
    );
    const form = make('form', 'form-fields');
    form.noValidate = true;
    form.append(top, ...sections(this.#fields, this));
    form.addEventListener('submit', handled);
    const content = make('div', 'form-content');
    content.append(form);
    this.#scroll.append(content);
    // Over the buttons, or beside the form: seen without scrolling, wherever the form was scrolled to.
    const body = make('div', 'form-body');
    this.#findings.element.tabIndex = 0;
    body.append(this.#scroll, this.#findings.element);
    this.#status.setAttribute('role', 'status');
    this.#cancelButton.hidden = true;
    this.#saveButton.title = text('saveKeys');
    const bar = make('footer', 'form-bar');
    this.#closeButton.title = text('cancelHint');
    bar.append(this.#saveButton, this.#testButton, this.#cancelButton, this.#closeButton, this.#status);
    this.element.append(body, bar);
  }

  #listen(): void {
    const fields = this.#fields;
    for (const [name, field] of this.#entries()) {
      // What is typed is kept at once, and looked at when the field is left.
      field.control.addEventListener('input', () => this.#keep());
      field.control.addEventListener('change', () => this.#changed(name));
    }
    fields.password.control.addEventListener('input', () => fields.password.setProblem(undefined));
    const { control } = this.#paste;
    control.addEventListener('paste', () => setTimeout(() => this.#read()));
    control.addEventListener('change', () => this.#read());
    control.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || isCommandKey(event)) return;
      handled(event);
      this.#read();
    });
    this.advanced.addEventListener('toggle', () => this.#keep());
    this.element.addEventListener('keydown', (event) => {
      if (!isCommandKey(event) || (event.key !== 'Enter' && event.key.toLowerCase() !== 's')) return;
      handled(event);
      this.#start('save');
    });
  }

  *#entries(): Generator<[FormField, Field<unknown>]> {
    for (const name of Object.keys(this.#fields.values) as (FormField | 'rest')[]) {
      if (name !== 'rest') yield [name, this.#fields.of(name)];
    }
  }

  *#allFields(): Generator<Field<unknown>> {
    for (const [, field] of this.#entries()) yield field;
    yield this.#fields.password;
  }

  /* What is done */

  #changed(field: FormField): void {
    this.#touched.add(field);
    this.#refresh();
    this.#keep();
    this.#post({ type: 'check', values: this.#fields.values });
  }

  /** Has an address read by the host, which alone knows how. */
  #read(): void {
    const pasted = this.#paste.value;
    if (pasted.trim() === '') this.#paste.setProblem(undefined);
    if (pasted.trim() === '' || this.#reading) return;
    this.#reading = true;
    this.#sentValues = this.#fields.values;
    this.#post({ type: 'paste', text: pasted, values: this.#sentValues });
  }

  #withTyped(filled: FormValues): FormValues {
    const now = this.#fields.values;
    const before = this.#sentValues ?? now;
    const typed = Object.entries(now).filter(([name, value]) => name !== 'rest' && value !== before[name as FormField]);
    return { ...filled, ...(Object.fromEntries(typed) as Partial<FormValues>) };
  }

  #start(action: Action): void {
    // A click may come while the address that was just pasted is still being read.
    this.#read();
    if (this.#reading) {
      this.#waiting = action;
      return;
    }
    const typed = this.#fields.password.value;
    const { values } = this.#fields;
    const sends = values.passwordFrom === 'stored' && typed !== '';
    this.#post({ type: action, values, ...(sends ? { password: typed } : {}) });
  }

  #goOn(filled: boolean): void {
    const waiting = this.#waiting;
    this.#reading = false;
    this.#waiting = undefined;
    if (filled && waiting !== undefined) this.#start(waiting);
  }

  #offer(offers: readonly OfferView[]): void {
    const opener = this.#paste.element.querySelector<HTMLElement>('vscode-button') ?? this.#saveButton;
    const { left, bottom } = opener.getBoundingClientRect();
    const entries = offers.map(({ label, detail }, index) => ({
      label,
      hint: detail,
      run: () => {
        this.#sentValues = this.#fields.values;
        this.#post({ type: 'take', offer: index, values: this.#sentValues });
      },
    }));
    const nothing = { label: text('startFromNothing'), enabled: false, run: () => undefined };
    openMenu(entries.length === 0 ? [nothing] : entries, left, bottom, opener);
  }

  /* What is shown */

  #showProblems(problems: Problems, all: boolean): void {
    let first: Field<unknown> | undefined;
    for (const [name, field] of this.#entries()) {
      if (!all && !this.#touched.has(name)) continue;
      field.setProblem(problems[name]);
      if (problems[name] !== undefined) first ??= field;
    }
    if (!all) return;
    this.#fields.password.setProblem(problems.password);
    this.#paste.setProblem(problems.paste);
    first =
      problems.paste === undefined ? (first ?? (problems.password ? this.#fields.password : undefined)) : this.#paste;
    if (problems.paste !== undefined) this.#goOn(false);
    if (first === undefined) {
      this.#status.replaceChildren();
      return;
    }
    this.#open(first);
    first.focus();
    const faulty = [this.#paste, ...this.#allFields()].filter((field) => field.faulty).map(({ label }) => label);
    this.#say(text('faulty', faulty.join(', ')), 'error');
  }

  #showExamination(running: boolean): void {
    const held = document.activeElement;
    this.#testButton.hidden = running;
    this.#cancelButton.hidden = !running;
    if (held === this.#testButton && running) this.#cancelButton.focus();
    if (held === this.#cancelButton && !running) this.#testButton.focus();
  }

  #reveal(name: FormField | 'password'): void {
    if (name === 'password') this.#fields.passwordFrom.value = 'stored';
    this.#refresh();
    this.#keep();
    const field = this.#fields.of(name);
    this.#open(field);
    field.focus();
  }

  /** What a connection has is not to be hidden from who edits it. */
  #usesAdvanced(): boolean {
    const { values } = this.#fields;
    return (
      !values.keepalives ||
      values.production ||
      values.allowCleartextPassword ||
      this.#entriesOf(this.advanced).some(([name]) => typeof values[name] === 'string' && values[name] !== '')
    );
  }

  #entriesOf(part: HTMLElement): readonly [FormField, Field<unknown>][] {
    return [...this.#entries()].filter(([, field]) => part.contains(field.element));
  }

  /** A field in a closed section cannot have the focus. */
  #open(field: Field<unknown>): void {
    if (this.advanced.contains(field.element)) this.advanced.open = true;
  }

  /** What depends on the values: hints, and which fields there are. */
  #refresh(): void {
    const fields = this.#fields;
    const known = this.#known;
    const { passwordFrom, service, sslmode, scope, keepalives } = fields.values;
    fields.passwordFrom.setHint(text(`passwordHint_${passwordFrom}`));
    fields.sslmode.setHint(text(`sslmodeHint_${sslmode}`));
    fields.scope.setHint(text(`scopeHint_${scope}`));
    fields.password.element.hidden = passwordFrom !== 'stored';
    fields.texts.passwordCommand.element.hidden = passwordFrom !== 'command';
    fields.texts.keepalivesIdleSeconds.element.classList.toggle('unused', !keepalives);
    const there = { none: text('passwordNone'), stored: text('passwordIsStored'), taken: text('passwordIsTaken') };
    fields.password.setPlaceholder(there[known]);
    this.#forget.hidden = known === 'none';
    this.forgetNote.textContent = text('passwordWillBeForgotten');
    this.forgetNote.hidden = passwordFrom === 'stored' || known !== 'stored';
    const from = service.trim() === '' ? undefined : text('fromService');
    fields.texts.host.setPlaceholder(from ?? 'localhost');
    fields.texts.port.setPlaceholder(from ?? '5432');
    fields.texts.database.setPlaceholder(from ?? '');
    fields.texts.user.setPlaceholder(from ?? '');
    const rest = Object.entries(fields.values.rest).map(([name, value]) => `${name} = ${value}`);
    this.restNote.textContent = text('rest', rest.join(', '));
    this.restNote.hidden = rest.length === 0;
  }

  #say(message: string, severity: 'info' | 'error'): void {
    this.#status.className = `form-status said-${severity}`;
    this.#status.textContent = visible(message);
    this.#status.title = visible(message);
  }

  #keep(): void {
    const { editing } = this.init;
    this.#save({
      version: 1,
      kind: 'form',
      ...(editing === undefined ? {} : { editing }),
      values: this.#fields.values,
      advanced: this.advanced.open,
    });
  }
}

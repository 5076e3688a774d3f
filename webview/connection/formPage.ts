import type { FormField } from '../../src/shared/connectionFields';
import type {
  FormInit,
  KnownPassword,
  OfferView,
  Problems,
  ToConnectionPage,
} from '../../src/shared/connectionProtocol';
import type { FormValues, SavedConnectionPage } from '../../src/shared/connectionRequests';
import { visible } from '../../src/shared/displayText';
import { handled, isCommandKey, isMac, make } from '../base/dom';
import { openMenu } from '../base/menu';
import { type Field, TextBox } from './field';
import { button, Findings } from './findings';
import { FormFields } from './formFields';
import { sections } from './formLayout';
import type { Post } from './post';
import { text } from './strings';

type SavedForm = Extract<SavedConnectionPage, { kind: 'form' }>;
type Action = 'test' | 'save';

/** The connection form. What may contain a password is never saved in the page's state, and discarded as soon as possible. */
export class FormPage {
  readonly element = make('main', 'connection-page');
  readonly #fields: FormFields;
  readonly #paste = new TextBox(text('paste'), {
    hint: text('pasteHint'),
    placeholder: text('pastePlaceholder'),
    secret: 'address',
    beside: button(text('startFrom'), () => this.#post({ type: 'offers' })),
  });
  readonly #forget = button(text('passwordForget'), () => this.#post({ type: 'forgetPassword' }));
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
  #knownPassword: KnownPassword;
  /** True while the host parses a pasted string. An action that is started meanwhile runs afterwards. */
  #parsing = false;
  #pendingAction: Action | undefined;
  /** The values last sent to the host to be filled in. Fields changed since then keep their values. */
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
    this.#knownPassword = init.password;
    this.#assemble();
    this.#listen();
    const restored = saved !== undefined && saved.editing === init.editing ? saved : undefined;
    const values = restored?.values ?? init.values;
    // The toolkit's dropdowns accept a value only after their options are in the document.
    this.#setValues = () => {
      this.#fields.values = init.hasWorkspace ? values : { ...values, scope: 'user' };
      this.advanced.open = restored?.advanced ?? this.#usesAdvanced();
      this.#refresh();
      this.#saveState();
    };
    if (init.report) this.#showRunning(init.report.running);
    if (init.report) this.#findings.show(init.report);
  }

  readonly #setValues: () => void;

  shown(): void {
    this.#setValues();
    const first = this.init.editing === undefined ? this.#paste : this.#fields.texts.host;
    requestAnimationFrame(() => first.focus());
  }

  handle(message: Exclude<ToConnectionPage, { type: 'init' }>): void {
    switch (message.type) {
      case 'fill':
        this.#paste.value = '';
        this.#paste.setProblem(undefined);
        this.#fields.password.value = '';
        this.#fields.values = this.#withNewInput(message.values);
        this.#knownPassword = message.password;
        for (const field of this.#allFields()) field.setProblem(undefined);
        this.#showStatus(message.message, 'info');
        this.#refresh();
        this.#saveState();
        this.#continue(true);
        break;
      case 'problems':
        this.#showProblems(message.problems, message.all);
        break;
      case 'mark':
        this.#fields.of(message.field).setProblem(message.problem);
        break;
      case 'password':
        this.#knownPassword = message.password;
        this.#fields.password.value = '';
        this.#showStatus(message.message, 'info');
        this.#refresh();
        this.#fields.password.focus();
        break;
      case 'offers':
        this.#showOffers(message.offers);
        break;
      case 'file':
        this.#fields.texts[message.field].value = message.path;
        this.#changed(message.field);
        break;
      case 'report':
        this.#showRunning(message.report.running);
        this.#findings.show(message.report);
        this.#showStatus(message.report.running ? text('testing') : message.report.summary, 'info');
        // The previous list may have been scrolled.
        this.#findings.element.scrollTop = 0;
        break;
      case 'focus':
        this.#reveal(message.field);
        break;
      case 'saved':
        this.#fields.password.value = '';
        this.#paste.value = '';
        break;
      case 'message':
        this.#showStatus(message.message, message.severity);
        break;
    }
  }

  /* Layout */

  #assemble(): void {
    const top = make('header', 'form-top');
    top.append(
      make('h1', 'page-title', this.init.title),
      make('p', 'page-location', this.init.hostLocation),
      this.#paste.element,
    );
    const form = make('form', 'form-fields');
    form.noValidate = true;
    form.append(top, ...sections(this.#fields, this));
    form.addEventListener('submit', handled);
    const content = make('div', 'form-content');
    content.append(form);
    this.#scroll.append(content);
    // Above the buttons or beside the form, so that the report is visible at any scroll position.
    const body = make('div', 'form-body');
    this.#findings.element.tabIndex = 0;
    body.append(this.#scroll, this.#findings.element);
    this.#status.setAttribute('role', 'status');
    this.#cancelButton.hidden = true;
    this.#saveButton.title = text(isMac ? 'saveKeysMac' : 'saveKeys');
    const bar = make('footer', 'form-bar');
    this.#closeButton.title = text('cancelHint');
    bar.append(this.#saveButton, this.#testButton, this.#cancelButton, this.#closeButton, this.#status);
    this.element.append(body, bar);
  }

  #listen(): void {
    const fields = this.#fields;
    for (const [name, field] of this.#entries()) {
      // Input is saved at once, and checked when the field loses the focus.
      field.control.addEventListener('input', () => this.#saveState());
      field.control.addEventListener('change', () => this.#changed(name));
    }
    fields.password.control.addEventListener('input', () => fields.password.setProblem(undefined));
    const { control } = this.#paste;
    control.addEventListener('paste', () => setTimeout(() => this.#parsePasted()));
    control.addEventListener('change', () => this.#parsePasted());
    control.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || isCommandKey(event)) return;
      handled(event);
      this.#parsePasted();
    });
    this.advanced.addEventListener('toggle', () => this.#saveState());
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

  /* Actions */

  #changed(field: FormField): void {
    this.#touched.add(field);
    this.#refresh();
    this.#saveState();
    this.#post({ type: 'check', values: this.#fields.values });
  }

  /** Has the host parse the pasted string. */
  #parsePasted(): void {
    const pasted = this.#paste.value;
    if (pasted.trim() === '') this.#paste.setProblem(undefined);
    if (pasted.trim() === '' || this.#parsing) return;
    this.#parsing = true;
    this.#sentValues = this.#fields.values;
    this.#post({ type: 'paste', text: pasted, values: this.#sentValues });
  }

  #withNewInput(filled: FormValues): FormValues {
    const now = this.#fields.values;
    const before = this.#sentValues ?? now;
    const typed = Object.entries(now).filter(([name, value]) => name !== 'rest' && value !== before[name as FormField]);
    return { ...filled, ...(Object.fromEntries(typed) as Partial<FormValues>) };
  }

  #start(action: Action): void {
    // The string that was just pasted may not be parsed yet.
    this.#parsePasted();
    if (this.#parsing) {
      this.#pendingAction = action;
      return;
    }
    const typed = this.#fields.password.value;
    const { values } = this.#fields;
    const sendsPassword = values.passwordFrom === 'stored' && typed !== '';
    this.#post({ type: action, values, ...(sendsPassword ? { password: typed } : {}) });
  }

  #continue(filled: boolean): void {
    const action = this.#pendingAction;
    this.#parsing = false;
    this.#pendingAction = undefined;
    if (filled && action !== undefined) this.#start(action);
  }

  #showOffers(offers: readonly OfferView[]): void {
    const opener = this.#paste.element.querySelector<HTMLElement>('vscode-button') ?? this.#saveButton;
    const { left, bottom } = opener.getBoundingClientRect();
    const entries = offers.map(({ label, detail }, index) => ({
      label,
      hint: detail,
      run: () => {
        this.#sentValues = this.#fields.values;
        this.#post({ type: 'useOffer', offer: index, values: this.#sentValues });
      },
    }));
    const nothing = { label: text('startFromNothing'), enabled: false, run: () => undefined };
    openMenu(entries.length === 0 ? [nothing] : entries, left, bottom, opener);
  }

  /* Display */

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
    if (problems.paste !== undefined) this.#continue(false);
    if (first === undefined) {
      this.#status.replaceChildren();
      return;
    }
    this.#open(first);
    first.focus();
    const invalid = [this.#paste, ...this.#allFields()].filter((field) => field.invalid).map(({ label }) => label);
    this.#showStatus(text('invalidFields', invalid.join(', ')), 'error');
  }

  #showRunning(running: boolean): void {
    const focused = document.activeElement;
    this.#testButton.hidden = running;
    this.#cancelButton.hidden = !running;
    if (focused === this.#testButton && running) this.#cancelButton.focus();
    if (focused === this.#cancelButton && !running) this.#testButton.focus();
  }

  #reveal(name: FormField | 'password'): void {
    if (name === 'password') this.#fields.passwordFrom.value = 'stored';
    this.#refresh();
    this.#saveState();
    const field = this.#fields.of(name);
    this.#open(field);
    field.focus();
  }

  /** True if a field of the Advanced section is set: the section then starts open. */
  #usesAdvanced(): boolean {
    const { values } = this.#fields;
    return (
      !values.keepalives ||
      values.production ||
      values.readOnly ||
      values.allowCleartextPassword ||
      this.#entriesOf(this.advanced).some(([name]) => typeof values[name] === 'string' && values[name] !== '')
    );
  }

  #entriesOf(part: HTMLElement): readonly [FormField, Field<unknown>][] {
    return [...this.#entries()].filter(([, field]) => part.contains(field.element));
  }

  /** Opens the section of a field: a field in a closed section cannot get the focus. */
  #open(field: Field<unknown>): void {
    if (this.advanced.contains(field.element)) this.advanced.open = true;
  }

  /** Updates what depends on the values: hints, and which fields are visible. */
  #refresh(): void {
    const fields = this.#fields;
    const known = this.#knownPassword;
    const { passwordFrom, service, sslmode, scope, keepalives } = fields.values;
    fields.passwordFrom.setHint(text(`passwordHint_${passwordFrom}`));
    fields.sslmode.setHint(text(`sslmodeHint_${sslmode}`));
    fields.scope.setHint(text(`scopeHint_${scope}`));
    fields.password.element.hidden = passwordFrom !== 'stored';
    fields.texts.passwordCommand.element.hidden = passwordFrom !== 'command';
    fields.texts.keepalivesIdleSeconds.element.classList.toggle('unused', !keepalives);
    const placeholders = {
      none: text('passwordNone'),
      stored: text('passwordIsStored'),
      imported: text('passwordIsImported'),
    };
    fields.password.setPlaceholder(placeholders[known]);
    this.#forget.hidden = known === 'none';
    this.forgetNote.textContent = text('passwordWillBeForgotten');
    this.forgetNote.hidden = passwordFrom === 'stored' || known !== 'stored';
    const placeholder = service.trim() === '' ? undefined : text('fromService');
    fields.texts.host.setPlaceholder(placeholder ?? 'localhost');
    fields.texts.port.setPlaceholder(placeholder ?? '5432');
    fields.texts.database.setPlaceholder(placeholder ?? '');
    fields.texts.user.setPlaceholder(placeholder ?? '');
    const rest = Object.entries(fields.values.rest).map(([name, value]) => `${name} = ${typeof value === 'object' ? JSON.stringify(value) : value}`);
    this.restNote.textContent = text('rest', rest.join(', '));
    this.restNote.hidden = rest.length === 0;
  }

  #showStatus(message: string, severity: 'info' | 'error'): void {
    this.#status.className = `form-status message-${severity}`;
    this.#status.textContent = visible(message);
    this.#status.title = visible(message);
  }

  #saveState(): void {
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

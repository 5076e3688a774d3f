import {
  CHOICES,
  FILE_FIELDS,
  type FileField,
  FLAG_FIELDS,
  type FormField,
  type FormValues,
  TEXT_FIELDS,
  type TextField,
} from '../../src/shared/connectionProtocol';
import { makeControl } from '../base/dom';
import { Check, Choice, type Field, TextBox, type TextOptions } from './field';
import { text } from './strings';

/** The controls of the form, by field. */
export class FormFields {
  readonly texts: Readonly<Record<TextField, TextBox>>;
  readonly sslmode = new Choice(text('sslmode'), CHOICES.sslmode, orDefault);
  readonly channelBinding = new Choice(
    text('channelBinding'),
    CHOICES.channelBinding,
    orDefault,
    text('channelBindingHint'),
  );
  readonly targetSessionAttrs = new Choice(
    text('targetSessionAttrs'),
    CHOICES.targetSessionAttrs,
    orDefault,
    text('targetSessionAttrsHint'),
  );
  readonly passwordFrom = new Choice(text('passwordFrom'), CHOICES.passwordFrom, (one) => text(`passwordFrom_${one}`));
  readonly scope = new Choice(text('scope'), CHOICES.scope, (one) => text(`scope_${one}`));
  readonly keepalives = new Check(text('keepalives'));
  readonly production = new Check(text('production'), text('productionHint'));
  readonly allowCleartextPassword = new Check(text('allowCleartextPassword'), text('allowCleartextPasswordHint'));
  /** Never a part of the values. */
  readonly password: TextBox;
  #rest: FormValues['rest'] = {};

  constructor(browse: (field: FileField) => void, forget: HTMLElement) {
    const hints: Readonly<Partial<Record<TextField, TextOptions>>> = {
      name: { hint: text('nameHint') },
      host: { hint: text('hostHint'), placeholder: 'localhost' },
      port: { placeholder: '5432' },
      database: { hint: text('databaseHint') },
      user: { hint: text('userHint') },
      passwordCommand: { placeholder: text('passwordCommandPlaceholder') },
      sslrootcert: { hint: text('sslrootcertHint') },
      sslkey: { hint: text('sslkeyHint') },
      searchPath: { hint: text('searchPathHint') },
      role: { hint: text('roleHint') },
      options: { hint: text('optionsHint') },
      connectTimeoutSeconds: { hint: text('connectTimeoutSecondsHint'), placeholder: '10' },
      keepalivesIdleSeconds: { hint: text('keepalivesIdleSecondsHint') },
      service: { hint: text('serviceHint') },
      color: { hint: text('colorHint') },
    };
    const boxes = TEXT_FIELDS.map((field) => {
      const file = FILE_FIELDS.find((one) => one === field);
      return [field, new TextBox(text(field), { ...hints[field], ...(file && { beside: browser(file, browse) }) })];
    });
    this.texts = Object.fromEntries(boxes) as Record<TextField, TextBox>;
    this.password = new TextBox(text('password'), { secret: 'password', beside: forget });
  }

  /** The control of a field. */
  of(field: FormField | 'password'): Field<unknown> {
    if (field === 'password') return this.password;
    const texts: Readonly<Record<string, TextBox>> = this.texts;
    return texts[field] ?? this[field as Exclude<FormField, TextField>];
  }

  get values(): FormValues {
    const all = [...TEXT_FIELDS, ...(Object.keys(CHOICES) as FormField[]), ...FLAG_FIELDS];
    return { ...Object.fromEntries(all.map((field) => [field, this.of(field).value])), rest: this.#rest } as FormValues;
  }

  set values(values: FormValues) {
    for (const field of [...TEXT_FIELDS, ...(Object.keys(CHOICES) as FormField[]), ...FLAG_FIELDS]) {
      this.of(field).value = values[field];
    }
    this.#rest = values.rest;
  }
}

function orDefault(choice: string): string {
  return choice === '' ? text('default') : choice;
}

function browser(field: FileField, browse: (field: FileField) => void): HTMLElement {
  const button = makeControl('vscode-button', 'field-button', text('browse'));
  button.setAttribute('appearance', 'secondary');
  button.setAttribute('aria-label', text('browseFor', text(field)));
  button.addEventListener('click', () => browse(field));
  return button;
}

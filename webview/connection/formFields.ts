import {
  CHOICE_FIELDS,
  CHOICES,
  FILE_FIELDS,
  type FileField,
  FLAG_FIELDS,
  type FormField,
  TEXT_FIELDS,
  type TextField,
} from '../../src/shared/connectionFields';
import type { FormValues } from '../../src/shared/connectionRequests';
import { makeControl } from '../base/dom';
import { Check, Choice, type Field, TextBox, type TextOptions } from './field';
import { text } from './strings';

const ALL_FIELDS: readonly FormField[] = [...TEXT_FIELDS, ...CHOICE_FIELDS, ...FLAG_FIELDS];

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
  readonly passwordFrom = new Choice(text('passwordFrom'), CHOICES.passwordFrom, (choice) =>
    text(`passwordFrom_${choice}`),
  );
  readonly scope = new Choice(text('scope'), CHOICES.scope, (choice) => text(`scope_${choice}`));
  readonly keepalives = new Check(text('keepalives'));
  readonly production = new Check(text('production'), text('productionHint'));
  readonly readOnly = new Check(text('readOnly'), text('readOnlyHint'));
  readonly allowCleartextPassword = new Check(text('allowCleartextPassword'), text('allowCleartextPasswordHint'));
  /** Not part of the values. */
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
      keepalivesIdleSeconds: { hint: text('keepalivesIdleSecondsHint'), placeholder: '60' },
      service: { hint: text('serviceHint') },
      color: { hint: text('colorHint') },
    };
    const boxes = TEXT_FIELDS.map((field) => {
      const file = FILE_FIELDS.find((fileField) => fileField === field);
      return [
        field,
        new TextBox(text(field), { ...hints[field], ...(file && { beside: browseButton(file, browse) }) }),
      ];
    });
    this.texts = Object.fromEntries(boxes) as Record<TextField, TextBox>;
    this.password = new TextBox(text('password'), { secret: 'password', beside: forget });
  }

  /** Returns the control of a field. */
  of(field: FormField | 'password'): Field<unknown> {
    if (field === 'password') return this.password;
    const texts: Readonly<Record<string, TextBox>> = this.texts;
    return texts[field] ?? this[field as Exclude<FormField, TextField>];
  }

  get values(): FormValues {
    const entries = ALL_FIELDS.map((field) => [field, this.of(field).value]);
    return { ...Object.fromEntries(entries), rest: this.#rest } as FormValues;
  }

  set values(values: FormValues) {
    for (const field of ALL_FIELDS) this.of(field).value = values[field];
    this.#rest = values.rest;
  }
}

function orDefault(choice: string): string {
  return choice === '' ? text('default') : choice;
}

function browseButton(field: FileField, browse: (field: FileField) => void): HTMLElement {
  const button = makeControl('vscode-button', 'field-button', text('browse'));
  button.setAttribute('appearance', 'secondary');
  button.setAttribute('aria-label', text('browseFor', text(field)));
  button.addEventListener('click', () => browse(field));
  return button;
}

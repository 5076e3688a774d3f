import type { FormInit } from '../../src/shared/connectionProtocol';
import { make } from '../base/dom';
import type { Field } from './field';
import type { FormFields } from './formFields';
import { text } from './strings';

/** What of the form is no field. */
export interface FormNotes {
  readonly init: Pick<FormInit, 'hasWorkspace'>;
  readonly advanced: HTMLElement;
  readonly restNote: HTMLElement;
  readonly forgetNote: HTMLElement;
}

/** The sections of the form, the fields in the order in which people think of them. */
export function sections(fields: FormFields, notes: FormNotes): readonly HTMLElement[] {
  const { texts } = fields;
  const server = section(text('sectionServer'), [
    texts.name.element,
    row('row-host', texts.host, texts.port),
    row('row-two', texts.database, texts.user),
  ]);
  const password = section(text('sectionPassword'), [
    fields.passwordFrom.element,
    fields.password.element,
    texts.passwordCommand.element,
    notes.forgetNote,
  ]);
  const tls = section(text('sectionTls'), [
    fields.sslmode.element,
    texts.sslrootcert.element,
    row('row-two', texts.sslcert, texts.sslkey),
  ]);
  notes.advanced.append(make('summary', 'section-title', text('sectionAdvanced')));
  notes.advanced.append(
    row('row-two', texts.searchPath, texts.role),
    row('row-two', texts.options, texts.applicationName),
    row('row-two', texts.service, fields.targetSessionAttrs),
    row('row-two', texts.connectTimeoutSeconds, fields.channelBinding),
    row('row-two', texts.keepalivesIdleSeconds, texts.color),
    fields.keepalives.element,
    fields.production.element,
    fields.allowCleartextPassword.element,
    notes.restNote,
  );
  const where = section(text('sectionSave'), [fields.scope.element]);
  where.hidden = !notes.init.hasWorkspace;
  return [server, password, tls, notes.advanced, where];
}

function section(title: string, parts: readonly HTMLElement[]): HTMLElement {
  const element = make('fieldset', 'section');
  element.append(make('legend', 'section-title', title), ...parts);
  return element;
}

function row(className: string, ...fields: readonly Field<unknown>[]): HTMLElement {
  const element = make('div', `row ${className}`);
  element.append(...fields.map((field) => field.element));
  return element;
}

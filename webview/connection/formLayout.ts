import type { FormInit } from '../../src/shared/connectionProtocol';
import { make } from '../base/dom';
import type { Field } from './field';
import type { FormFields } from './formFields';
import { text } from './strings';

/** The parts of the form that are not fields. */
export interface FormParts {
  readonly init: Pick<FormInit, 'hasWorkspace'>;
  readonly advanced: HTMLElement;
  readonly restNote: HTMLElement;
  readonly forgetNote: HTMLElement;
}

/** Builds the sections of the form. The fields are in the order in which users usually fill them in. */
export function sections(fields: FormFields, parts: FormParts): readonly HTMLElement[] {
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
    parts.forgetNote,
  ]);
  const tls = section(text('sectionTls'), [
    fields.sslmode.element,
    texts.sslrootcert.element,
    row('row-two', texts.sslcert, texts.sslkey),
  ]);
  parts.advanced.append(make('summary', 'section-title', text('sectionAdvanced')));
  parts.advanced.append(
    row('row-two', texts.searchPath, texts.role),
    row('row-two', texts.options, texts.applicationName),
    row('row-two', texts.service, fields.targetSessionAttrs),
    row('row-two', texts.connectTimeoutSeconds, fields.channelBinding),
    row('row-two', texts.keepalivesIdleSeconds, texts.color),
    fields.keepalives.element,
    fields.production.element,
    fields.readOnly.element,
    fields.allowCleartextPassword.element,
    parts.restNote,
  );
  const scope = section(text('sectionSave'), [fields.scope.element]);
  scope.hidden = !parts.init.hasWorkspace;
  return [server, password, tls, parts.advanced, scope];
}

function section(title: string, children: readonly HTMLElement[]): HTMLElement {
  const element = make('fieldset', 'section');
  element.append(make('legend', 'section-title', title), ...children);
  return element;
}

function row(className: string, ...fields: readonly Field<unknown>[]): HTMLElement {
  const element = make('div', `row ${className}`);
  element.append(...fields.map((field) => field.element));
  return element;
}

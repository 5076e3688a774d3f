import { l10n } from 'vscode';
import { faultOf, type Fault } from '../../core/base/fault';
import type { ToolFaults } from '../../core/tools/faults';
import { faultText } from './faultText';
import { messageFor, type Messages } from './messages';

/** Sentences for a language model and for the user, who sees them in the chat. Not part of faultText.ts, because few windows need them. */
const TOOL_MESSAGES: Messages<ToolFaults> = {
  'tools.disabled': () =>
    l10n.t('The language model tools are turned off in the setting pgBackground.languageModelTools.enabled.'),
  'tools.untrusted': () =>
    l10n.t('This workspace is not trusted, so nothing connects and nothing runs. Only the user can trust it.'),
  'tools.unknownField': ({ field, known }) =>
    known.length === 0
      ? l10n.t('This tool has no field “{0}”: its input is empty.', field)
      : l10n.t('This tool has no field “{0}”. Its fields are: {1}.', field, known.join(', ')),
  'tools.noObject': ({ known }) => l10n.t('The input must be an object with these fields: {0}.', known.join(', ')),
  'tools.fieldNotText': ({ field }) => l10n.t('“{0}” is required as a text.', field),
  'tools.fieldNotNumber': ({ field, min, max }) =>
    max === undefined
      ? l10n.t('“{0}” must be a whole number from {1}.', field, min)
      : l10n.t('“{0}” must be a number from {1} to {2}.', field, min, max),
  'tools.sqlTooLong': ({ max }) =>
    l10n.t(
      'The SQL is longer than {0} characters, so that no one could check it. Shorten it, or write it to a file for the user to run.',
      max,
    ),
  'tools.noConnection': () =>
    l10n.t('There is no connection yet. The user can add one with “pg_background: Add Connection…”.'),
  'tools.unknownConnection': ({ name, known }) =>
    l10n.t('There is no connection “{0}”. The connections are: {1}.', name, known.join(', ')),
  'tools.nameConnection': ({ known }) =>
    l10n.t('There are several connections. Name one in “connection”: {0}.', known.join(', ')),
  'tools.unknownJob': ({ id }) =>
    l10n.t(
      'There is no job “{0}” in this workspace, or it is a durable job, which tools do not see. pgbackground_list lists the jobs.',
      id,
    ),
  'tools.noRowsYet': ({ state }) =>
    l10n.t('The job has no rows yet: it is {0}. Call pgbackground_status to wait for it.', state),
  'tools.rowTooWide': ({ columns }) =>
    l10n.t('A row with its {0} columns does not fit into a result. Run a query that selects fewer columns.', columns),
  'tools.writesNotAllowed': (_, cause) =>
    l10n.t(
      '{0} Language models may only run SQL that clearly reads. The user can run this SQL from an editor, or allow writes in the setting pgBackground.languageModelTools.allowWrites.',
      cause,
    ),
  'tools.declined': () => l10n.t('The user declined. Do not try again in another way; ask what to do instead.'),
  'tools.changed': () =>
    l10n.t('The connection was changed while the user was asked, so nothing was launched. Try again.'),
  'tools.writeStatement': ({ command }) => l10n.t('A statement that begins with {0} is not just a query.', command),
  'tools.writeFunction': ({ name }) =>
    l10n.t('The function {0} can have effects that a read-only transaction does not prevent.', name),
  'tools.writeLock': () => l10n.t('The query locks rows.'),
  'tools.writeUnclear': () => l10n.t('The SQL cannot be read with certainty.'),
};

/** The sentence for a fault of the tools, or of any other area. */
export function toolFaultText(fault: Fault): string {
  if (!Object.hasOwn(TOOL_MESSAGES, fault.code)) return faultText(fault);
  return messageFor(TOOL_MESSAGES, fault, fault.cause ? toolFaultText(fault.cause) : '');
}

/** The sentence for an error of a tool. */
export function toolErrorText(error: unknown): string {
  return toolFaultText(faultOf(error));
}

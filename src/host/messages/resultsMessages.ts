import { env, l10n } from 'vscode';
import type { RowsFaults } from '../../core/results/faults';
import type { Messages } from './messages';

/** The sentences for problems of stored rows. */
export const RESULTS_MESSAGES: Messages<RowsFaults> = {
  'rows.maxRows': ({ rows, limit }) =>
    rows === 1 && limit === 1
      ? l10n.t('Only the first row was kept: the limit of 1 row was reached.')
      : l10n.t('Only the first {0} rows were kept: the limit of {1} rows was reached.', count(rows), count(limit)),
  'rows.maxBytes': ({ rows, limit }) =>
    rows === 1
      ? l10n.t('Only the first row was kept: the limit of {0} bytes was reached.', count(limit))
      : l10n.t('Only the first {0} rows were kept: the limit of {1} bytes was reached.', count(rows), count(limit)),
  'rows.diskFull': ({ rows }) =>
    rows === 1
      ? l10n.t('The disk is full: only the first row was kept. Free some space and run the job again.')
      : l10n.t(
          'The disk is full: only the first {0} rows were kept. Free some space and run the job again.',
          count(rows),
        ),
  'rows.writeFailed': ({ rows, error }) =>
    rows === 1
      ? l10n.t('The rows could not be written ({0}): only the first row was kept.', error)
      : l10n.t('The rows could not be written ({0}): only the first {1} rows were kept.', error, count(rows)),
  'rows.receiveFailed': ({ error, partial }) =>
    cut(l10n.t('Not all rows were received: {0}', withPeriod(error)), partial),
  'rows.stopped': ({ partial }) => cut(l10n.t('Receiving the rows was stopped before the last one.'), partial),
  'rows.partial': () => cut(l10n.t('The result ended early.'), true),
  'rows.malformed': ({ error, partial }) => cut(l10n.t('The rows could not be read: {0}', withPeriod(error)), partial),
  'rows.interrupted': ({ rows, partial }) =>
    cut(
      rows === 1
        ? l10n.t('Receiving the rows was interrupted; the 1 complete row is shown.')
        : l10n.t('Receiving the rows was interrupted; the {0} complete rows are shown.', count(rows)),
      partial,
    ),
  'rows.notSynced': ({ error }) => l10n.t('The rows may be lost if the machine stops: {0}', withPeriod(error)),
  'rows.statusNotWritten': ({ error }) => l10n.t('The status of the rows could not be written: {0}', withPeriod(error)),
  'rows.noDescription': () =>
    l10n.t(
      'The description of these rows is damaged or missing. All complete rows in the file are shown, but some may not have been kept.',
    ),

  'rows.badDescription': ({ file }) => l10n.t('{0} does not describe rows kept by this extension.', file),
  'rows.truncated': ({ file }) => l10n.t('Rows are missing: {0} has become shorter.', file),
  'rows.exportDiskFull': ({ file }) => l10n.t('The disk is full: {0} was not written.', file),
  'rows.compareDiskFull': () =>
    l10n.t(
      'The disk is full, so the results were not compared. Free about twice the size of both results and try again.',
    ),
  'rows.compareFailed': ({ error }) => l10n.t('The differences could not be written: {0}', withPeriod(error)),
  'rows.tooManyToOrder': ({ rows, limit }) =>
    l10n.t('Sorting and filtering are limited to {0} rows; this result has {1}.', count(limit), count(rows)),
  'rows.badRegex': ({ reason }) => l10n.t('Invalid regular expression: {0}', withPeriod(reason)),
  'rows.slowRegex': () => l10n.t('This regular expression takes too long on these rows. Try a simpler one.'),

  'rows.filterNotNumber': ({ column, value }) =>
    l10n.t('“{0}” contains numbers, and “{1}” is not a number.', column, value),
  'rows.filterNotBoolean': ({ column, value }) =>
    l10n.t('“{0}” contains true or false, and “{1}” is neither.', column, value),
  'rows.filterNotTime': ({ column, value }) =>
    l10n.t('“{0}” contains times. Write “{1}” as, for example, 2026-01-31 or 2026-01-31 23:59:59.', column, value),
  'rows.filterNotOfType': ({ column, value, type }) =>
    l10n.t('“{0}” contains values of type {1}, and “{2}” is not one.', column, type, value),
};

/** Adds that the last row was dropped. */
function cut(sentence: string, partial: boolean | undefined): string {
  return partial === true ? l10n.t('{0} The last row was incomplete and was not kept.', sentence) : sentence;
}

function count(value: number): string {
  return value.toLocaleString(env.language);
}

/** Ends the message of the system or the server like a sentence. */
function withPeriod(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

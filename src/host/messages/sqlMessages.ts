/** The sentences for the problems of src/core/sql. */
import { l10n } from 'vscode';
import type { Fault } from '../../core/base/fault';
import type {
  ContextFaults,
  DirectiveFaults,
  FenceFaults,
  PrelaunchFaults,
  ScriptConcerns,
  SkippedTransactions,
  ValueFaults,
} from '../../core/sql/faults';
import { labelFromSql } from '../../core/sql/labels';
import { messageFor, type Messages } from './messages';

type SqlFaults = PrelaunchFaults &
  FenceFaults &
  DirectiveFaults &
  ValueFaults &
  ScriptConcerns &
  SkippedTransactions &
  ContextFaults;

export const SQL_MESSAGES: Messages<SqlFaults> = {
  'sql.metaCommand': () =>
    l10n.t(
      'This is a psql command, which the server does not understand, and skipping it may change what the rest means. Remove the line, or run the file in psql.',
    ),
  'sql.copyData': () =>
    l10n.t('These rows for COPY … FROM STDIN are read by psql, not by the server. Load them with psql.'),
  'sql.unterminatedString': () => l10n.t('This string is not closed: a quote is missing.'),
  'sql.unterminatedName': () => l10n.t('This quoted name is not closed: a double quote is missing.'),
  'sql.unterminatedDollarQuote': () =>
    l10n.t('This dollar-quoted string is not closed: its tag is missing at the end.'),
  'sql.unterminatedComment': () => l10n.t('This comment is not closed: */ is missing.'),
  'sql.unclosedParenthesis': () => l10n.t('This parenthesis is not closed.'),
  'sql.unclosedBody': () =>
    l10n.t('This BEGIN ATOMIC body is not closed: END is missing after the semicolon of its last statement.'),

  'sql.empty': () => l10n.t('There is no SQL to run: the text contains no statement. Write or select one.'),
  'sql.tooLong': () =>
    l10n.t('The text is longer than a PostgreSQL server accepts (1 GB). Split it, or load the data with COPY.'),
  'sql.nulCharacter': () =>
    l10n.t(
      'The text contains a NUL character, which PostgreSQL does not accept. Remove it; the file may not be UTF-8 text.',
    ),
  'sql.loneSurrogate': ({ line, column }) =>
    l10n.t(
      'The text contains half a character at {0}:{1} (line:column), a surrogate without its partner, which cannot be sent. Remove it; the text was probably cut in the middle of a character.',
      line,
      column,
    ),
  'sql.transactionControl': ({ command }) =>
    l10n.t(
      '{0} cannot run in a worker: the whole text is one transaction, committed when it ends. Remove it, or use “Run Each Statement in Background”, where each transaction from BEGIN to COMMIT is one job.',
      command,
    ),
  'sql.clientCopy': () =>
    l10n.t(
      'A worker has no client to COPY from or to. Use INSERT, a query whose rows you export, or COPY with a file on the server.',
    ),
  'sql.refusesTransactionBlock': ({ command }) =>
    l10n.t(
      '{0} must run alone, because a job is one transaction. Use “Run Each Statement in Background”: settings of SET statements apply to the statements after them.',
      command,
    ),
  'sql.needsOtherStatements': ({ command }) =>
    l10n.t(
      '{0} has no effect alone, because its effect ends with the worker’s transaction. Run it in one text with the statements that need it.',
      command,
    ),
  'sql.listen': () => l10n.t('A worker cannot LISTEN. Use another session for that. NOTIFY works in a worker.'),
  'sql.unboundedWrite': ({ command }) =>
    command === 'UPDATE'
      ? l10n.t('This UPDATE has no WHERE: it changes every row of the table.')
      : l10n.t('This DELETE has no WHERE: it deletes every row of the table.'),
  'sql.onlyLastRows': () =>
    l10n.t('Only the rows of the last statement are returned. To see these too, run each statement as a separate job.'),
  'sql.limitWithoutEffect': ({ name }) =>
    l10n.t(
      '{0} has no effect here: a worker’s limits are set when it is launched. Set it at the start of the text, before any other statement.',
      name,
    ),

  'sql.backslashStringsInSession': () =>
    l10n.t(
      'standard_conforming_strings is off on this connection and the text contains a backslash, so the end of each statement cannot be determined safely. Run each statement as a separate job, or turn the setting on.',
    ),
  'sql.backslashStringsInText': () =>
    l10n.t(
      'A worker parses the whole text before it runs the first statement. Turning standard_conforming_strings off here would not change how later strings are read, as it does in psql. Run each statement as a separate job.',
    ),

  'directive.emptyValue': ({ name }) => l10n.t('“{0}” has no value and is ignored. Add a value after the colon.', name),
  'directive.invalidDuration': ({ name }) =>
    l10n.t('“{0}” is ignored: its value must be a duration such as 500ms, 30s, 5min, or 2h.', name),
  'directive.invalidSize': ({ name }) =>
    l10n.t('“{0}” is ignored: its value must be a size such as 64kB or 1MB.', name),
  'directive.sizeOutOfRange': ({ name }) => l10n.t('“{0}” is ignored: a queue must have between 64B and 256MB.', name),
  'directive.invalidTable': ({ name }) =>
    l10n.t(
      '“{0}” is ignored: its value must be a table such as reports.daily, perhaps followed by append or replace.',
      name,
    ),
  'directive.invalidSetting': ({ name }) =>
    l10n.t('“{0}” is ignored: its value must be a parameter and its value, such as work_mem = 1GB.', name),
  'directive.invalidCount': ({ name }) =>
    l10n.t('“{0}” is ignored: its value must be a number of attempts from 1 to 100.', name),
  'directive.notYesOrNo': ({ name }) => l10n.t('“{0}” is ignored: its value must be yes or no.', name),
  'directive.labelTooLong': () => l10n.t('The label is longer than 64 bytes and will be cut.'),
  'directive.repeated': ({ name }) => l10n.t('“{0}” is set more than once. The last value is used.', name),

  'value.expansionTooLong': ({ name }) => l10n.t('The value of :{0} makes the text too long.', name),
  'value.nameRequired': ({ name }) => l10n.t('The value of {0} must be a name.', name),
  'value.notANumber': ({ name, value }) => l10n.t('The value of {0} is not a number: {1}', name, value),
  'value.nulCharacter': () => l10n.t('PostgreSQL does not accept a NUL character in a name or a value.'),

  'script.temporary': ({ name }) => l10n.t('{0} is temporary: later statements do not see it.', name),
  'script.preparedStatement': ({ name }) =>
    l10n.t('The prepared statement {0} no longer exists when a later EXECUTE needs it.', name),
  'script.heldCursor': ({ name }) => l10n.t('The cursor {0} no longer exists when a later FETCH needs it.', name),
  'script.loadedLibrary': ({ name }) => l10n.t('{0} is loaded for this statement only.', name),
  'script.sessionLock': ({ name }) => l10n.t('The lock of {0} is released as soon as this statement ends.', name),
  'script.sequenceState': ({ name }) =>
    l10n.t('{0} does not know values that earlier statements took from a sequence.', name),
  'script.unclearSetting': ({ statement }) => l10n.t('Later statements run without the settings of: {0}', statement),
  'script.backslashStrings': ({ name }) =>
    l10n.t('{0} is turned off: later strings with backslashes may be misread.', name),

  'script.rolledBack': () =>
    l10n.t('This transaction ends in ROLLBACK. A worker always commits, so its statements are not run.'),
  'script.neverCommitted': () =>
    l10n.t('This transaction has no COMMIT, so psql would roll it back. Its statements are not run.'),

  'context.rolledBack': ({ statement }) =>
    l10n.t('{0} undoes it in the file. Run alone, it is committed.', labelFromSql(statement)),
  'context.neverCommitted': ({ statement }) =>
    l10n.t(
      '{0} begins a transaction that the file does not commit. Run alone, it is committed.',
      labelFromSql(statement),
    ),
  'context.committedLater': ({ statement }) =>
    l10n.t(
      '{0} commits it together with other statements. Run alone, it is committed at once.',
      labelFromSql(statement),
    ),
  'context.readOnly': ({ statement }) => l10n.t('{0} makes the transaction read-only.', labelFromSql(statement)),
  'context.autocommitOff': ({ command }) =>
    l10n.t('{0}: the file commits later. Run alone, it is committed at once.', command),
  'context.connect': ({ command }) =>
    l10n.t('{0}: the file switches to another connection. It would run on this file’s connection.', command),
  'context.skipped': ({ command }) => l10n.t('{0}: psql does not run it, because of this condition.', command),
  'context.perhapsSkipped': ({ command }) => l10n.t('{0}: psql runs it only under this condition.', command),
  'context.settings': ({ names }) => l10n.t('The file sets {0} before it.', names),
};

/** The sentence for a problem of src/core/sql. */
export function sqlText(fault: Fault): string {
  return messageFor(SQL_MESSAGES, fault);
}

/** The texts of the pure parts, in VS Code's language. */
import { l10n } from 'vscode';
import { excerptOf, type DirectiveName, type DirectiveProblem } from '../../core/sql/directives';
import type { PrelaunchFinding } from '../../core/sql/classify/prelaunch';
import { formatSpan } from '../../shared/timeText';
import type { FoundWrite } from '../launch/launchConfirmation';
import { formatCount, stateName } from '../jobs/jobText';
import type { LensWords } from './lensModel';

export function lensWords(): LensWords {
  return {
    run: l10n.t('Run in Background'),
    cancel: l10n.t('Cancel'),
    showResults: l10n.t('Show Results'),
    edited: l10n.t('edited since'),
    readingRows: l10n.t('reading rows'),
    file: l10n.t('File'),
    selection: l10n.t('Selection'),
    runNamed: (statement) => l10n.t('Run “{0}” in Background', statement),
    jobs: (count) => l10n.t('{0} jobs…', count),
    rows: rowsWord,
    span: formatSpan,
    state: stateName,
  };
}

function rowsWord(count: number): string {
  return count === 1 ? l10n.t('1 row') : l10n.t('{0} rows', formatCount(count));
}

/** What was found before a launch, with what to do instead. */
export function findingText({ code, subject = '', message }: PrelaunchFinding): string {
  switch (code) {
    case 'empty':
      return l10n.t('There is no SQL to run: the text has no statement in it. Write one, or select one.');
    case 'tooLong':
      return l10n.t(
        'The text is longer than a PostgreSQL server can take (1 GB). Split it, or load the data with COPY.',
      );
    case 'nulCharacter':
      return l10n.t(
        'The text has a NUL character in it, which PostgreSQL cannot take. Remove it; the file may not be UTF-8 text.',
      );
    case 'transactionControl':
      return l10n.t(
        '{0} cannot run in a worker: the whole text is one transaction, committed when it ends. Remove it, or use “Run Each Statement in Background”, where each transaction from BEGIN to COMMIT is one job.',
        subject,
      );
    case 'clientCopy':
      return l10n.t(
        'A worker has no client to COPY from or to. Use INSERT, a query whose rows you export, or COPY with a file on the server.',
      );
    case 'refusesTransactionBlock':
      return l10n.t(
        '{0} must run alone, because a job is one transaction. Use “Run Each Statement in Background”: settings of SET statements apply to the statements after them.',
        subject,
      );
    case 'needsOtherStatements':
      return l10n.t(
        '{0} does nothing alone: what it makes ends with the worker’s transaction. Run it in one text with the statements that need it.',
        subject,
      );
    case 'listen':
      return l10n.t('A worker cannot LISTEN. Use a session of its own for that; NOTIFY works in a worker.');
    case 'unboundedWrite':
      return subject === 'UPDATE'
        ? l10n.t('This UPDATE has no WHERE: it changes every row of the table.')
        : l10n.t('This DELETE has no WHERE: it deletes every row of the table.');
    case 'onlyLastRows':
      return l10n.t(
        'Only the rows of the last statement come back. To see these too, run each statement as a job of its own.',
      );
    case 'loneSurrogate':
      return l10n.t(
        'The text has half a character in it at {0} (line:column), a surrogate without its partner, which cannot be sent. Remove it; the text was probably cut in the middle of a character.',
        subject,
      );
    case 'limitWithoutEffect':
      return l10n.t(
        '{0} has no effect here: a worker’s limits are set when it is launched. Set it at the start of the text, before any other statement.',
        subject,
      );
    case 'metaCommand':
      return l10n.t(
        'psql runs this command itself; the server does not know it, and without it the rest may mean something else. Remove the line, or run the file in psql.',
      );
    case 'copyData':
      return l10n.t('These rows for COPY … FROM STDIN are read by psql, not by the server. Load them in psql.');
    case 'unterminatedString':
      return l10n.t('This string is not closed: a quote is missing.');
    case 'unterminatedName':
      return l10n.t('This quoted name is not closed: a double quote is missing.');
    case 'unterminatedDollarQuote':
      return l10n.t('This dollar-quoted string is not closed: its tag is missing at the end.');
    case 'unterminatedComment':
      return l10n.t('This comment is not closed: */ is missing.');
    case 'unclosedParenthesis':
      return l10n.t('This parenthesis is not closed.');
    case 'unclosedBody':
      return l10n.t('This BEGIN ATOMIC body is not closed: END is missing after the semicolon of its last statement.');
    default:
      // A finding that is newer than this list is better told in English than not at all.
      return message;
  }
}

/** A write without a WHERE, as it is asked about. @param sql the text that it was found in */
export function writeFound(finding: PrelaunchFinding, sql: string): FoundWrite {
  return { text: findingText(finding), statement: excerptOf(sql.slice(finding.start, finding.end)) };
}

/** What a launch skipped. */
export function skippedText(count: number): string {
  return count === 1 ? l10n.t('Skipped 1 psql command.') : l10n.t('Skipped {0} psql commands.', count);
}

/** What a script's COPY commands became. */
export function copiesText(count: number): string {
  return count === 1
    ? l10n.t('The rows of one COPY were sent as INSERTs.')
    : l10n.t('The rows of {0} COPY commands were sent as INSERTs.', count);
}

/** What is wrong with a directive; undefined where it is used nevertheless, and as one expects. */
export function directiveProblemText({ code, name }: DirectiveProblem): string | undefined {
  switch (code) {
    case 'emptyValue':
      return l10n.t('“{0}” has no value and counts as not there: write one behind the colon.', name);
    case 'badDuration':
      return l10n.t('“{0}” needs a duration such as 500ms, 30s, 5min or 2h; it counts as not there.', name);
    case 'badSize':
      return l10n.t('“{0}” needs a size such as 64kB or 1MB; it counts as not there.', name);
    case 'sizeOutOfRange':
      return l10n.t('A queue has between 64B and 256MB; “{0}” counts as not there.', name);
    case 'labelTooLong':
    case 'repeated':
      return undefined;
  }
}

/** What a directive does, for its hover and its completion. */
export function directiveHelp(name: DirectiveName): string {
  switch (name) {
    case 'label':
      return l10n.t(
        'The label of the job, at most 64 bytes. Everyone on the server can read it in `pg_stat_activity`.',
      );
    case 'connection':
      return l10n.t('The name of the connection to run on; it wins over the file’s connection and the default one.');
    case 'timeout':
      return l10n.t(
        'The `statement_timeout` of the worker, such as `30s` or `5min`; a bare number is milliseconds, `0` is no limit.',
      );
    case 'worker-timeout':
      return l10n.t(
        '`pg_background.worker_timeout` of the worker, which wins over `statement_timeout`; a bare number is milliseconds, `0` is no limit.',
      );
    case 'queue-size':
      return l10n.t(
        'The size of the queue that the worker’s rows and messages pass, such as `256kB`; between 64B and 256MB, and the server’s default when missing.',
      );
  }
}

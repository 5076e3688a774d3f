/** What can be said before a launch: texts that cannot work in a worker, or that should be asked about first. */
import { classify } from './classify';
import { Cursor } from '../split/statementAtCursor';
import { utf8Length } from '../directives';
import { launchText } from '../settings/launchSettings';
import { loneSurrogate } from '../../base/wellFormed';
import { splitStatements, type SplitProblemKind, type Statement } from '../split/statements';

export type PrelaunchCode =
  | 'empty'
  | 'nulCharacter'
  | 'tooLong'
  | 'transactionControl'
  | 'clientCopy'
  | 'refusesTransactionBlock'
  | 'needsOtherStatements'
  | 'listen'
  | 'unboundedWrite'
  | 'onlyLastRows'
  | 'loneSurrogate'
  | 'limitWithoutEffect'
  | SplitProblemKind;

export interface PrelaunchFinding {
  /** `error`: it cannot work. `confirm`: ask first. `info`: it works, but not as one may expect. */
  readonly severity: 'error' | 'confirm' | 'info';
  /** For the host to say it in another language. */
  readonly code: PrelaunchCode;
  /** One English sentence or two that say what is wrong and what to do instead. */
  readonly message: string;
  /** What is put into the message: a command's name as the server writes it, a keyword. */
  readonly subject?: string;
  /** Its place in the text, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
}

/** The longest text value of PostgreSQL: `MaxAllocSize` less the length word of a varlena, in bytes of UTF-8. */
export const MAX_SQL_BYTES = 2 ** 30 - 1 - 4;

/**
 * Checks a text that is to run in one worker (PG_BACKGROUND.md, point 8). Findings come in the order of the text, those
 * about the whole text first.
 *
 * @param maxBytes Only tests set it: a text of a gigabyte takes too long to make.
 */
export function checkBeforeLaunch(text: string, maxBytes = MAX_SQL_BYTES): PrelaunchFinding[] {
  const whole = checkWhole(text, maxBytes);
  if (whole) return [whole];

  const split = splitStatements(text);
  const { statements, problems } = split;
  const findings: PrelaunchFinding[] = problems.map(({ kind, message, start, end }) => ({
    severity: 'error',
    code: kind,
    message,
    start,
    end,
  }));
  if (statements.length === 0 && problems.length === 0) {
    return [
      {
        severity: 'error',
        code: 'empty',
        message: 'There is no SQL to run: the text has no statement in it. Write one, or select one.',
        start: 0,
        end: text.length,
      },
    ];
  }
  let rowsLost: PrelaunchFinding | undefined;
  const { alone, ineffective } = launchText(text, split);
  for (const { name, start, end } of ineffective) {
    findings.push({
      severity: 'info',
      code: 'limitWithoutEffect',
      subject: name,
      message: limitMessage(name),
      start,
      end,
    });
  }
  statements.forEach((statement, index) => {
    const { start, end, keyword } = statement;
    const found = (
      severity: PrelaunchFinding['severity'],
      code: PrelaunchCode,
      subject: string,
      message: string,
    ): PrelaunchFinding => ({ severity, code, subject, message, start, end });
    const { kind, refusesTransactionBlock, unboundedWrite, returnsRows } = classify(text, statement);
    if (kind === 'transaction')
      findings.push(found('error', 'transactionControl', keyword, transactionMessage(keyword)));
    if (kind === 'copy-client') findings.push(found('error', 'clientCopy', keyword, clientCopyMessage()));
    if (refusesTransactionBlock !== undefined && statements.length > 1 && !alone) {
      findings.push(
        found('error', 'refusesTransactionBlock', refusesTransactionBlock, refusalMessage(refusesTransactionBlock)),
      );
    }
    if (keyword === 'LISTEN') findings.push(found('error', 'listen', keyword, listenMessage()));
    if (statements.length === 1 && needsOtherStatements(text, statement)) {
      findings.push(found('error', 'needsOtherStatements', keyword, aloneMessage(keyword)));
    }
    if (unboundedWrite)
      findings.push(found('confirm', 'unboundedWrite', unboundedWrite, unboundedMessage(unboundedWrite)));
    if (returnsRows === true && index < statements.length - 1) {
      rowsLost ??= found('info', 'onlyLastRows', keyword, onlyLastRowsMessage());
    }
  });
  if (rowsLost) findings.push(rowsLost);
  return findings.sort((a, b) => a.start - b.start);
}

/** What the server refuses outside of a transaction block, since it would end with the statement itself. */
function needsOtherStatements(text: string, { start, end, keyword }: Statement): boolean {
  if (keyword === 'LOCK') return true;
  const cursor = new Cursor(text, start, end);
  return cursor.accept('DECLARE') && cursor.find('WITH', 'WITHOUT', 'FOR') && !cursor.is('WITH');
}

function checkWhole(text: string, maxBytes: number): PrelaunchFinding | undefined {
  // A code unit takes three bytes at most, so that only texts near the limit are counted.
  if (text.length * 3 > maxBytes && (text.length > maxBytes || utf8Length(text) > maxBytes)) {
    return {
      severity: 'error',
      code: 'tooLong',
      message: 'The text is longer than a PostgreSQL server can take (1 GB). Split it, or load the data with COPY.',
      start: 0,
      end: text.length,
    };
  }
  const nul = text.indexOf('\0');
  if (nul < 0) return checkCharacters(text);
  return {
    severity: 'error',
    code: 'nulCharacter',
    message:
      'The text has a NUL character in it, which PostgreSQL cannot take. Remove it; the file may not be UTF-8 text.',
    start: nul,
    end: nul + 1,
  };
}

/** Half a character cannot be sent: it would arrive as another one (U+FFFD). */
function checkCharacters(text: string): PrelaunchFinding | undefined {
  const lone = loneSurrogate(text);
  if (lone < 0) return undefined;
  const before = text.slice(0, lone).split('\n');
  const subject = `${before.length}:${(before.at(-1) ?? '').length + 1}`;
  return {
    severity: 'error',
    code: 'loneSurrogate',
    subject,
    message: `The text has half a character in it at ${subject} (line:column), a surrogate without its partner, which cannot be sent. Remove it; the text was probably cut in the middle of a character.`,
    start: lone,
    end: lone + 1,
  };
}

function transactionMessage(keyword: string): string {
  return `${keyword} cannot run in a worker: the whole text is one transaction, committed when it ends. Remove it; to commit in between, run each part as a job of its own.`;
}

function clientCopyMessage(): string {
  return 'A worker has no client to COPY from or to. Use INSERT, a query whose rows you export, or COPY with a file on the server.';
}

function refusalMessage(command: string): string {
  return `${command} must run alone, since several statements of one text are one transaction. Run each statement as a job of its own.`;
}

function listenMessage(): string {
  return 'A worker cannot LISTEN. Use a session of its own for that; NOTIFY works in a worker.';
}

function aloneMessage(command: string): string {
  return `${command} does nothing alone: what it makes ends with the worker’s transaction. Run it in one text with the statements that need it.`;
}

function unboundedMessage(command: 'UPDATE' | 'DELETE'): string {
  return command === 'UPDATE'
    ? 'This UPDATE has no WHERE: it changes every row of the table. Run it anyway?'
    : 'This DELETE has no WHERE: it deletes every row of the table. Run it anyway?';
}

function limitMessage(name: string): string {
  return `${name} has no effect here: a worker’s limits are set when it is launched. Set it at the start of the text, before any other statement.`;
}

function onlyLastRowsMessage(): string {
  return 'Only the rows of the last statement come back. To see these too, run each statement as a job of its own.';
}

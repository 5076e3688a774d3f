/** Finds the range of a text that an error is about. */
import { Cursor } from '../../core/sql/lexer/cursor';
import { splitStatements, statementAt } from '../../core/sql/split/statements';
import type { Statement } from '../../core/sql/split/splitTypes';
import type { Span } from './edits';

export interface ErrorRange {
  /** The failed statement. The error is shown until this range changes. */
  readonly statement: Span;
  /** The range to mark. */
  readonly mark: Span;
  /** Whether the failed statement is known. */
  readonly whole: boolean;
}

/** Only the first line of a longer statement is marked. */
const MAX_LINES = 10;

/**
 * @param text the text as it was launched, before variables were replaced
 * @param position the offset of the error; undefined if the server did not report one
 */
export function errorRange(text: string, position: number | undefined): ErrorRange {
  const split = splitStatements(text);
  const { statements } = split;
  const failed = position === undefined ? undefined : (statementAt(split, position, text) ?? statements.at(-1));
  if (failed && position !== undefined) {
    const { start, end } = failed;
    return { statement: { start, end }, mark: tokenAt(text, position, failed), whole: true };
  }
  const [first] = statements;
  const last = statements.at(-1);
  const all = { start: 0, end: text.length };
  if (!first || !last) return { statement: all, mark: all, whole: false };
  // Without a position, the server does not report which of several statements failed.
  const statement = { start: first.start, end: last.end };
  const whole = first === last;
  return { statement, mark: whole ? shortened(text, statement) : firstLine(text, statement), whole };
}

/** The token at a position, or the last token if the error is at the end of the text. */
function tokenAt(text: string, position: number, { start, end }: Statement): Span {
  const at = Math.min(Math.max(position, start), end);
  const cursor = new Cursor(text, at, end);
  if (!cursor.atEnd) return { start: cursor.start, end: cursor.end };
  let last: Span = { start: Math.max(start, end - 1), end };
  const all = new Cursor(text, start, end);
  while (!all.atEnd) {
    last = { start: all.start, end: all.end };
    all.next();
  }
  return last;
}

function shortened(text: string, span: Span): Span {
  const lines = text.slice(span.start, span.end).split('\n', MAX_LINES + 1);
  return lines.length <= MAX_LINES ? span : firstLine(text, span);
}

function firstLine(text: string, { start, end }: Span): Span {
  const line = text.slice(start, end).split('\n', 1)[0] ?? '';
  return { start, end: start + line.trimEnd().length };
}

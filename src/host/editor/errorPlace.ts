/** Where in a text an error belongs. */
import type { JobError } from '../../api';
import type { JobRecord } from '../../core/jobs/job';
import { Cursor } from '../../core/sql/split/statementAtCursor';
import { launchText } from '../../core/sql/settings/launchSettings';
import { splitStatements, statementAt, type Statement } from '../../core/sql/split/statements';
import type { Span } from './edits';

export interface ErrorPlace {
  /** The statement that failed: the error stands as long as this is unchanged. */
  readonly statement: Span;
  /** What is marked. */
  readonly mark: Span;
  /** It is known which one of several statements failed. */
  readonly whole: boolean;
}

/** A statement of more lines than this is marked at its first line: a wall of waves hides more than it shows. */
const MOST_LINES = 10;

/**
 * @param text As it was launched, before its variables had values.
 * @param position Offset in it; undefined where the server named no place.
 */
export function placeOfError(text: string, position: number | undefined): ErrorPlace {
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
  // With several statements in one transaction the server does not say which one failed.
  const statement = { start: first.start, end: last.end };
  const whole = first === last;
  return { statement, mark: whole ? shortened(text, statement) : firstLine(text, statement), whole };
}

/** The token at a position, or the last one where the error is that the text ends too early. */
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
  const lines = text.slice(span.start, span.end).split('\n', MOST_LINES + 1);
  return lines.length <= MOST_LINES ? span : firstLine(text, span);
}

function firstLine(text: string, { start, end }: Span): Span {
  const line = text.slice(start, end).split('\n', 1)[0] ?? '';
  return { start, end: start + line.trimEnd().length };
}

/** An error as the Problems panel shows it: the message, and below it what the server added. */
export function errorText(error: JobError): string {
  const parts = [error.message];
  if (error.detail) parts.push(`DETAIL: ${error.detail}`);
  if (error.hint) parts.push(`HINT: ${error.hint}`);
  if (error.context) parts.push(`CONTEXT: ${error.context}`);
  for (const [name, value] of objectsOf(error)) parts.push(`${name}: ${value}`);
  return parts.join('\n');
}

/** What an error is about, under the names that psql gives it. */
export function objectsOf({ schema, table, column, constraint }: JobError): (readonly [string, string])[] {
  const all = [
    ['SCHEMA NAME', schema],
    ['TABLE NAME', table],
    ['COLUMN NAME', column],
    ['CONSTRAINT NAME', constraint],
  ] as const;
  return all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

/**
 * The limit that ended a job, if another launch may have a longer one. A limit that the text itself sets is changed there.
 * Whether it was a limit, the core decided from times: the message comes in the server's language.
 */
export function raisableLimit({
  request,
  stop,
}: Pick<JobRecord, 'request' | 'stop'>): 'statementTimeoutMs' | 'workerTimeoutMs' | undefined {
  if (stop?.by !== 'limit' || stop.limit.name === 'transaction_timeout') return undefined;
  if (launchText(request.sql).settings[stop.limit.name] !== undefined) return undefined;
  return stop.limit.name === 'statement_timeout' ? 'statementTimeoutMs' : 'workerTimeoutMs';
}
